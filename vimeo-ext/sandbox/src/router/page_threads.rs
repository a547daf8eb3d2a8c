//! Threads that render pages of lists, so that the runtime's own threads stay free for other requests.

use std::num::NonZero;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Limits how many pages are rendered at a time: a full one needs several megabytes, and more threads than processors only
/// take processors from other requests.
#[derive(Debug)]
pub(crate) struct PageThreads(Arc<Semaphore>);

impl PageThreads {
    /// As many threads as processors.
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new(processors)))
    }

    /// Runs `render` on a thread of its own, once one is free; `None` if it panicked.
    ///
    /// If the caller stops waiting, `render` still runs to its end.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        render: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let permit = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let rendered = tokio::task::spawn_blocking(move || {
            let rendered = render();
            drop(permit);
            rendered
        });
        rendered.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn renders_beside_the_runtime_up_to_a_limit() {
        let threads = PageThreads(Arc::new(Semaphore::new(1)));
        let (release, held) = mpsc::channel::<()>();
        let first = threads.run(move || held.recv().is_ok());
        let second = threads.run(|| "second");
        tokio::pin!(first, second);
        // Both are polled: the first runs, the second waits for its permit, and this thread is free.
        tokio::select! {
            biased;
            _ = &mut first => panic!("the first is not released"),
            _ = &mut second => panic!("there is one permit"),
            () = tokio::task::yield_now() => {}
        }
        release.send(()).unwrap();
        assert_eq!(first.await, Some(true));
        assert_eq!(second.await, Some("second"));
    }

    #[tokio::test]
    async fn panicking_page_frees_its_thread() {
        let threads = PageThreads(Arc::new(Semaphore::new(1)));
        assert_eq!(threads.run(|| panic!("a page")).await, None::<()>);
        assert_eq!(threads.run(|| 7).await, Some(7));
    }
}
