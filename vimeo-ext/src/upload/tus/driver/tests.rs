//! The driver with a scripted transport and a paused clock.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Mutex;

use http_body::Body;

use super::*;
use crate::upload::Backoff;
use crate::upload::source::{BytesSource, StreamSource};
use crate::upload::tus::control::UploadHandle;
use crate::upload::tus::progress::Progress;

/// What the transport does with one request.
enum Step {
    Respond(TusResponse),
    Fail(TransientError),
    /// Reads a frame at each interval, then responds with the offset reached.
    ReadEvery(Duration),
    /// Reads so many frames at once, then makes no more progress.
    ReadAndHang(usize),
    Hang,
}

fn status(status: u16) -> Step {
    Step::Respond(TusResponse { status, ..TusResponse::default() })
}

fn at(offset: u64) -> Step {
    Step::Respond(TusResponse { status: 200, offset: Some(offset), ..TusResponse::default() })
}

#[derive(Default, Clone)]
struct ScriptedTransport {
    steps: Arc<Mutex<VecDeque<Step>>>,
    /// The status after the end of the script.
    otherwise: Option<u16>,
    log: Arc<Mutex<Vec<String>>>,
}

impl ScriptedTransport {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: Arc::new(Mutex::new(steps.into_iter().collect())), ..Self::default() }
    }

    fn always(status: u16) -> Self {
        Self { otherwise: Some(status), ..Self::default() }
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    async fn next(
        &self,
        request: String,
        offset: u64,
        body: Option<UploadBody>,
    ) -> Result<TusResponse, NoResponse> {
        self.log.lock().unwrap().push(request);
        let step = self.steps.lock().unwrap().pop_front();
        let step = step.unwrap_or_else(|| status(self.otherwise.expect("the script is over")));
        let mut offset = offset;
        match (step, body) {
            (Step::Respond(response), _) => Ok(response),
            (Step::Fail(error), _) => Err(NoResponse::Failed(error, None)),
            (Step::ReadEvery(interval), Some(mut body)) => {
                while let Some(bytes) = read_frame(&mut body).await {
                    offset += bytes;
                    tokio::time::sleep(interval).await;
                }
                Ok(TusResponse { status: 204, offset: Some(offset), ..TusResponse::default() })
            }
            (Step::ReadAndHang(frames), Some(mut body)) => {
                for _ in 0..frames {
                    read_frame(&mut body).await;
                }
                pending().await
            }
            _ => pending().await,
        }
    }
}

async fn read_frame(body: &mut UploadBody) -> Option<u64> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    match frame {
        Ok(frame) => Some(frame.into_data().unwrap().len() as u64),
        // As in a real client: the request is over and its future never completes.
        Err(_) => pending().await,
    }
}

impl TusTransport for ScriptedTransport {
    async fn head(&self) -> Result<TusResponse, NoResponse> {
        self.next("HEAD".to_owned(), 0, None).await
    }

    async fn patch(&self, offset: u64, body: UploadBody) -> Result<TusResponse, NoResponse> {
        self.next(format!("PATCH {offset}"), offset, Some(body)).await
    }
}

struct Setup {
    driver: Driver<ScriptedTransport>,
    transport: ScriptedTransport,
    handle: UploadHandle,
}

fn setup(transport: ScriptedTransport, source: impl Source, options: UploadOptions) -> Setup {
    let signal = Arc::new(watch::Sender::new(ControlSignal::Run));
    let (watched, progress) = watch::channel(Progress::default());
    let ticket = UploadTicket::new("/videos/1", "https://files.example/1?sig=s3cret", source.size()).unwrap();
    let driver = Driver {
        transport: transport.clone(),
        ticket,
        source: Box::new(source),
        options: options.jitter(|| 1.0),
        is_new: false,
        signal: Arc::clone(&signal),
        reporter: Reporter::new(watched, None),
    };
    Setup { driver, transport, handle: UploadHandle::new(signal, progress) }
}

fn bytes(length: usize) -> BytesSource {
    BytesSource::new(vec![7; length])
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const MIB: usize = 1024 * 1024;

/// BEHAVIOUR.md: U12.
#[tokio::test(start_paused = true)]
async fn upload_fails_after_its_attempts() {
    for status in [500, 502, 503, 504, 423, 429] {
        let Setup { mut driver, transport, .. } =
            setup(ScriptedTransport::always(status), bytes(10), UploadOptions::new().attempts(8));
        let started = Instant::now();
        let error = driver.run().await.unwrap_err();
        let UploadError::Exhausted { attempts: 8, acknowledged: 0, .. } = &error else { panic!("{error:?}") };
        assert_eq!(error.status(), Some(status));
        assert!(error.is_resumable());
        // ½ + 1 + 2 + 4 + 8 + 16 + 30 seconds.
        assert_eq!(started.elapsed(), Duration::from_millis(61_500));
        assert_eq!(transport.log(), ["HEAD"; 8]);
    }
}

/// BEHAVIOUR.md: U12.
#[tokio::test(start_paused = true)]
async fn broken_connection_exhausts_the_attempts() {
    let steps = [
        at(0),
        Step::Fail(TransientError::Dropped),
        at(0),
        Step::Fail(TransientError::Connect),
        at(0),
        Step::Hang,
    ];
    let options = UploadOptions::new().attempts(3);
    let Setup { mut driver, transport, .. } = setup(ScriptedTransport::new(steps), bytes(10), options);
    let started = Instant::now();
    let error = driver.run().await.unwrap_err();
    assert!(
        matches!(error, UploadError::Exhausted { attempts: 3, last: TransientError::Stalled, .. }),
        "{error:?}"
    );
    // Two waits and a stall.
    assert_eq!(started.elapsed(), Duration::from_millis(1500) + seconds(60));
    assert_eq!(transport.log(), ["HEAD", "PATCH 0", "HEAD", "PATCH 0", "HEAD", "PATCH 0"]);
}

#[tokio::test(start_paused = true)]
async fn slow_patch_is_not_timed_out() {
    // Each frame takes almost the whole stall timeout; the PATCH takes many times as long.
    let steps = [at(0), Step::ReadEvery(seconds(59)), at(MIB as u64)];
    let Setup { mut driver, transport, .. } =
        setup(ScriptedTransport::new(steps), bytes(MIB), UploadOptions::new());
    let uploaded = driver.run().await.unwrap();
    assert!(uploaded.elapsed > seconds(600), "{uploaded:?}");
    assert_eq!(uploaded.failures, 0);
    assert_eq!(transport.log(), ["HEAD", "PATCH 0", "HEAD"]);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_patch_fails_after_the_stall_timeout() {
    let steps = [at(0), Step::ReadAndHang(2), at(128 * 1024), at(MIB as u64), at(MIB as u64)];
    let Setup { mut driver, transport, .. } =
        setup(ScriptedTransport::new(steps), bytes(MIB), UploadOptions::new());
    let started = Instant::now();
    let uploaded = driver.run().await.unwrap();
    assert_eq!(started.elapsed(), seconds(60) + Duration::from_millis(500));
    assert_eq!(uploaded.failures, 1);
    assert_eq!(transport.log(), ["HEAD", "PATCH 0", "HEAD", "PATCH 131072", "HEAD"]);
}

#[tokio::test(start_paused = true)]
async fn the_response_may_take_longer_than_the_stall_timeout() {
    // All bytes are sent immediately, then the server takes its time.
    let steps = [at(0), Step::ReadAndHang(1), at(10)];
    let Setup { mut driver, .. } = setup(ScriptedTransport::new(steps), bytes(10), UploadOptions::new());
    let started = Instant::now();
    assert_eq!(driver.run().await.unwrap().failures, 1);
    assert_eq!(started.elapsed(), seconds(180) + Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_source_without_data_is_not_a_stall() {
    let (mut pipe, reader) = tokio::io::duplex(64);
    let source = StreamSource::new(reader, 20, "a slow pipe");
    let steps = [at(0), Step::ReadEvery(Duration::ZERO), at(20)];
    let Setup { mut driver, .. } = setup(ScriptedTransport::new(steps), source, UploadOptions::new());
    let feed = async {
        use tokio::io::AsyncWriteExt;
        pipe.write_all(&[1; 10]).await.unwrap();
        tokio::time::sleep(seconds(3600)).await;
        pipe.write_all(&[2; 10]).await.unwrap();
    };
    let (uploaded, ()) = tokio::join!(driver.run(), feed);
    assert_eq!(uploaded.unwrap().failures, 0);
}

#[tokio::test(start_paused = true)]
async fn deadline_aborts_a_request_in_flight() {
    let steps = [at(0), Step::ReadEvery(seconds(10))];
    let options = UploadOptions::new().deadline(seconds(25));
    let Setup { mut driver, .. } = setup(ScriptedTransport::new(steps), bytes(MIB), options);
    let started = Instant::now();
    let error = driver.run().await.unwrap_err();
    assert!(matches!(error, UploadError::Deadline { last: None, .. }), "{error:?}");
    assert_eq!(started.elapsed(), seconds(25));
}

#[tokio::test(start_paused = true)]
async fn pause_suspends_bytes_and_timeouts() {
    let steps = [at(0), Step::ReadEvery(seconds(1)), at(MIB as u64)];
    let options = UploadOptions::new().deadline(seconds(60));
    let Setup { mut driver, handle, .. } = setup(ScriptedTransport::new(steps), bytes(MIB), options);
    let progress = handle.progress();
    let apply_control = async {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        handle.pause();
        tokio::time::sleep(seconds(1)).await;
        let sent = progress.borrow().sent;
        tokio::time::sleep(seconds(7200)).await;
        assert_eq!(progress.borrow().sent, sent, "nothing moved in two hours of pause");
        handle.resume();
        sent
    };
    let (uploaded, sent) = tokio::join!(driver.run(), apply_control);
    let uploaded = uploaded.unwrap();
    assert!(sent > 0 && sent < MIB as u64);
    assert_eq!(uploaded.failures, 0);
    assert!(uploaded.elapsed < seconds(60), "{uploaded:?}");
}

#[tokio::test(start_paused = true)]
async fn cancel_ends_request_wait_and_pause() {
    let hanging = [at(0), Step::ReadAndHang(1)];
    let waiting = [at(0), status(503)];
    let pausing = [at(0), Step::ReadEvery(seconds(1))];
    for (steps, pause) in [(hanging, false), (waiting, false), (pausing, true)] {
        let Setup { mut driver, handle, .. } =
            setup(ScriptedTransport::new(steps), bytes(MIB), UploadOptions::new());
        let started = Instant::now();
        let apply_control = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if pause {
                handle.pause();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            handle.cancel();
            handle.resume();
        };
        let (outcome, ()) = tokio::join!(driver.run(), apply_control);
        assert!(matches!(outcome, Err(UploadError::Cancelled { .. })), "{outcome:?}");
        assert!(started.elapsed() <= Duration::from_millis(200));
    }
}

#[tokio::test(start_paused = true)]
async fn connection_lost_in_a_pause_is_reopened() {
    let steps = [at(0), status(408), at(0), Step::ReadEvery(Duration::ZERO), at(10)];
    let Setup { mut driver, handle, transport } =
        setup(ScriptedTransport::new(steps), bytes(10), UploadOptions::new());
    let apply_control = async {
        // During the wait after the 408.
        tokio::time::sleep(Duration::from_millis(100)).await;
        handle.pause();
        tokio::time::sleep(seconds(600)).await;
        assert_eq!(transport.log(), ["HEAD", "PATCH 0"]);
        handle.resume();
    };
    let (uploaded, ()) = tokio::join!(driver.run(), apply_control);
    assert_eq!(uploaded.unwrap().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn errors_hide_the_link() {
    for steps in [vec![status(404)], vec![status(412)], vec![status(400)], vec![at(11)]] {
        let Setup { mut driver, .. } = setup(ScriptedTransport::new(steps), bytes(10), UploadOptions::new());
        let error = driver.run().await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn maximum_durations_do_not_overflow() {
    let options = UploadOptions::new()
        .stall_timeout(Duration::MAX)
        .response_timeout(Duration::MAX)
        .backoff(Backoff::new(seconds(1), Duration::MAX));
    let busy = Step::Respond(TusResponse {
        status: 503,
        retry_after: Some(Duration::MAX),
        ..TusResponse::default()
    });
    let transport = ScriptedTransport::new([busy, at(0), Step::ReadEvery(seconds(1)), at(10)]);
    let Setup { mut driver, .. } = setup(transport, bytes(10), options);
    let started = Instant::now();
    assert_eq!(driver.run().await.unwrap().size, 10);
    assert!(started.elapsed() >= seconds(365 * 24 * 60 * 60));
}
