//! Threads that render pages of lists, so that the runtime's own threads stay free for other requests.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that render pages, at most as many as processors: a full page needs several milliseconds, and more threads would
/// only take processors from other requests. A thread starts when all others are busy. They end when this is dropped.
///
/// The runtime's blocking threads are less suited: there can be hundreds, and each keeps the memory that its pages needed.
pub(crate) struct PageThreads {
    queue: Arc<Queue>,
    limit: usize,
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl fmt::Debug for PageThreads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PageThreads").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Drop for PageThreads {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.is_closed = true;
        state.jobs.clear();
        drop(state);
        self.queue.changed.notify_all();
    }
}

impl PageThreads {
    /// As many threads as processors.
    pub(crate) fn new() -> Self {
        Self::with_limit(std::thread::available_parallelism().map_or(1, NonZero::get))
    }

    fn with_limit(limit: usize) -> Self {
        Self { queue: Arc::default(), limit }
    }

    /// Runs `render` once a thread is free; `None` if it panicked. It does not run if nobody waits for it any more.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        render: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let (done, rendered) = oneshot::channel();
        self.add(Box::new(move || {
            if !done.is_closed() {
                let _ = done.send(render());
            }
        }));
        rendered.await.ok()
    }

    fn add(&self, job: Job) {
        let mut state = self.queue.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < self.limit {
            let queue = Arc::clone(&self.queue);
            let spawned =
                std::thread::Builder::new().name("sandbox-pages".to_owned()).spawn(move || queue.work());
            match spawned {
                Ok(_) => state.threads += 1,
                Err(error) => {
                    tracing::warn!(%error, "cannot start a thread for pages");
                    // Without any thread, this one must do it.
                    let job = (state.threads == 0).then(|| state.jobs.pop_back()).flatten();
                    drop(state);
                    if let Some(job) = job {
                        job();
                    }
                    return;
                }
            }
        }
        drop(state);
        self.queue.changed.notify_one();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs jobs until the queue is closed.
    fn work(&self) {
        while let Some(job) = self.next() {
            // The panic was reported, and the waiting request learns that there is no page.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        state.idle += 1;
        let mut state = self
            .changed
            .wait_while(state, |state| state.jobs.is_empty() && !state.is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        state.jobs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn renders_away_from_the_runtime_threads() {
        let threads = PageThreads::with_limit(1);
        let (release, held) = mpsc::channel::<()>();
        let first = threads.run(move || held.recv().is_ok());
        let second = threads.run(|| "second");
        tokio::pin!(first, second);
        // Both are polled: the first runs, the second waits for the thread, and the runtime's own thread is free.
        tokio::select! {
            biased;
            _ = &mut first => panic!("the first is not released"),
            _ = &mut second => panic!("there is one thread"),
            () = tokio::task::yield_now() => {}
        }
        release.send(()).unwrap();
        assert_eq!(first.await, Some(true));
        assert_eq!(second.await, Some("second"));
    }

    #[tokio::test]
    async fn thread_survives_a_panicking_page() {
        let threads = PageThreads::with_limit(1);
        assert_eq!(threads.run(|| panic!("a page")).await, None::<()>);
        assert_eq!(threads.run(|| 7).await, Some(7));
    }

    #[tokio::test]
    async fn threads_end_with_their_owner() {
        thread_local! {
            static UNTIL_THE_END: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) };
        }
        let threads = PageThreads::with_limit(1);
        let (alive, ended) = mpsc::channel();
        assert_eq!(threads.run(move || UNTIL_THE_END.set(Some(alive))).await, Some(()));
        drop(threads);
        assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
