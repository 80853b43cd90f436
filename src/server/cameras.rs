//! Cameras: a task for each connection, one bounded channel into the loop.
//!
//! ```text
//!   loop ── watched ──▶ Line ── connect ──▶ task: RTSP describe, setup, play ──▶ units ─┐
//!     ▲                                      │ fails, falls silent                      │
//!     └──────────── Up, Unit, Lost ◀─────────┴────── bounded channel ◀──────────────────┘
//! ```
//!
//! A loop that lags loses pictures, then waits for the next key frame; it never makes a task wait.

use super::camera_connection::{CameraConnection, ConnectionOrder, Input};
use super::camera_url::CameraUrl;
use crate::ids::CameraId;
use crate::media::{self, UNIT_MAX, VideoCodec};
use crate::time::{Duration, Instant, earliest};
use futures_core::Stream as _;
use retina::client::{
    Credentials, Demuxed, PlayOptions, Session, SessionOptions, SetupOptions, Transport,
};
use retina::codec::{CodecItem, FrameFormat};
use std::collections::BTreeMap;
use std::pin::Pin;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Reports of all cameras that may wait for the loop: two seconds of one of them.
const REPORTS_MAX: usize = 64;
/// A camera that does not play within this time has failed.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A camera that sends no picture for so long is lost.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Of what a camera or the system says, so many characters go into the log.
const REASON_MAX: usize = 200;
const CLOCK_RATE: i64 = 90_000;

/// All cameras of the configuration.
#[derive(Debug)]
pub struct CameraConnections {
    feeds: BTreeMap<CameraId, CameraSource>,
    sender: mpsc::Sender<CameraReport>,
    reports: mpsc::Receiver<CameraReport>,
}

#[derive(Debug)]
struct CameraSource {
    name: String,
    url: CameraUrl,
    line: CameraConnection,
    /// Counts connections: what an old one says is not heard.
    serial: u64,
    task: Option<AbortHandle>,
}

/// What one connection says.
#[derive(Debug)]
pub struct CameraReport {
    camera: CameraId,
    serial: u64,
    what: CameraNews,
}

#[derive(Debug)]
enum CameraNews {
    Up(VideoCodec),
    Unit { timestamp: u32, key: bool, bytes: Vec<u8> },
    Failed(String),
}

impl CameraConnections {
    /// The cameras by their names and addresses; none is connected.
    pub fn new(cameras: impl IntoIterator<Item = (CameraId, String, CameraUrl)>) -> Self {
        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let feed = |(id, name, url)| {
            let feed =
                CameraSource { name, url, line: CameraConnection::new(), serial: 0, task: None };
            (id, feed)
        };
        Self { feeds: cameras.into_iter().map(feed).collect(), sender, reports }
    }

    /// Somebody looks at a camera now, or nobody any more.
    pub fn watch(&mut self, now: Instant, camera: CameraId, watched: bool) {
        let Some(feed) = self.feeds.get_mut(&camera) else { return };
        let input = if watched { Input::Watched } else { Input::Unwatched };
        let order = feed.line.handle(now, input);
        feed.obey(camera, order, &self.sender);
    }

    /// The next report.
    pub async fn next(&mut self) -> Option<CameraReport> {
        self.reports.recv().await
    }

    /// The next report, if one is there.
    pub fn try_next(&mut self) -> Option<CameraReport> {
        self.reports.try_recv().ok()
    }

    /// What a report means for the relay.
    pub fn note<'r>(
        &mut self,
        now: Instant,
        report: &'r CameraReport,
    ) -> Option<(CameraId, media::CameraState<'r>)> {
        let CameraReport { camera, serial, what } = report;
        let feed = self.feeds.get_mut(camera)?;
        if feed.serial != *serial || feed.task.is_none() {
            return None;
        }
        let what = match what {
            CameraNews::Up(codec) => {
                feed.line.handle(now, Input::Up);
                tracing::info!("camera {}: connected", feed.name);
                media::CameraState::Up { codec: *codec }
            }
            CameraNews::Unit { timestamp, key, bytes } => {
                media::CameraState::Unit { timestamp: *timestamp, key: *key, bytes }
            }
            CameraNews::Failed(why) => {
                feed.task = None;
                feed.line.handle(now, Input::Failed);
                let pause = feed.line.pause(now).unwrap_or_default().as_secs();
                tracing::warn!("camera {}: {why}; tried again in {pause} s", feed.name);
                media::CameraState::Lost
            }
        };
        Some((*camera, what))
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.feeds.values().map(|feed| feed.line.deadline()).fold(None, earliest)
    }

    /// Connects and lets go what is due; names the cameras that are gone.
    pub fn tick(&mut self, now: Instant) -> Vec<CameraId> {
        let mut gone = Vec::new();
        for (camera, feed) in &mut self.feeds {
            let order = feed.line.tick(now);
            feed.obey(*camera, order, &self.sender);
            if order == Some(ConnectionOrder::LetGo) {
                gone.push(*camera);
            }
        }
        gone
    }
}

impl CameraSource {
    fn obey(
        &mut self,
        camera: CameraId,
        order: Option<ConnectionOrder>,
        sender: &mpsc::Sender<CameraReport>,
    ) {
        match order {
            None => {}
            Some(ConnectionOrder::Connect) => {
                self.let_go();
                self.serial += 1;
                let mouth = ReportSender { camera, serial: self.serial, sender: sender.clone() };
                let task = tokio::spawn(serve(self.url.clone(), mouth));
                self.task = Some(task.abort_handle());
            }
            Some(ConnectionOrder::LetGo) => {
                self.let_go();
                tracing::info!("camera {}: nobody looks, let go", self.name);
            }
        }
    }

    fn let_go(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// How a connection speaks.
struct ReportSender {
    camera: CameraId,
    serial: u64,
    sender: mpsc::Sender<CameraReport>,
}

impl ReportSender {
    fn report(&self, what: CameraNews) -> CameraReport {
        CameraReport { camera: self.camera, serial: self.serial, what }
    }
}

/// Connects and plays until it fails; its last word is why.
async fn serve(url: CameraUrl, mouth: ReportSender) {
    let why = match tokio::time::timeout(CONNECT_MAX, connect(&url)).await {
        Err(_) => format!("no answer within {} s", CONNECT_MAX.as_secs()),
        Ok(Err(why)) => why,
        Ok(Ok((codec, session))) => {
            // The loop is gone only when the process ends.
            let _ = mouth.sender.send(mouth.report(CameraNews::Up(codec))).await;
            play(session, &mouth).await
        }
    };
    let _ = mouth.sender.send(mouth.report(CameraNews::Failed(why))).await;
}

async fn connect(url: &CameraUrl) -> Result<(VideoCodec, Demuxed), String> {
    let login = url.login();
    let credentials = login.map(|login| Credentials {
        username: login.user.clone(),
        password: login.password.clone(),
    });
    let options = SessionOptions::default()
        .creds(credentials)
        .user_agent(concat!("cordboard/", env!("CARGO_PKG_VERSION")).to_owned());
    let mut session = Session::describe(url.url().clone(), options).await.map_err(said)?;
    let known = |stream: &retina::client::Stream| match (stream.media(), stream.encoding_name()) {
        ("video", "h264") => Some(VideoCodec::H264),
        ("video", "h265") => Some(VideoCodec::H265),
        _others => None,
    };
    let streams = session.streams().iter().enumerate();
    let found = streams.filter_map(|(at, stream)| Some((at, known(stream)?))).next();
    let (at, codec) = found.ok_or("it sends neither H.264 nor H.265: set it to one of them")?;
    let setup = SetupOptions::default()
        .transport(Transport::Tcp(Default::default()))
        .frame_format(FrameFormat::SIMPLE);
    session.setup(at, setup).await.map_err(said)?;
    let playing = session.play(PlayOptions::default()).await.map_err(said)?;
    Ok((codec, playing.demuxed().map_err(said)?))
}

/// Hands on pictures until the camera stops; returns why it did.
async fn play(mut session: Demuxed, mouth: &ReportSender) -> String {
    // A unit that was left out spoils all up to the next key frame.
    let mut spoilt = true;
    // Counted from picture to picture, whatever else is sent: so a picture without an end has one.
    let mut due = tokio::time::Instant::now() + SILENCE_MAX;
    loop {
        let next = std::future::poll_fn(|cx| Pin::new(&mut session).poll_next(cx));
        let frame = match tokio::time::timeout_at(due, next).await {
            Err(_) => return format!("no picture for {} s", SILENCE_MAX.as_secs()),
            Ok(None) => return "it ended the stream".to_owned(),
            Ok(Some(Err(error))) => return said(error),
            Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => frame,
            Ok(Some(Ok(_others))) => continue,
        };
        due = tokio::time::Instant::now() + SILENCE_MAX;
        let key = frame.is_random_access_point();
        spoilt = (spoilt || frame.loss() > 0) && !key;
        if spoilt {
            continue;
        }
        let timestamp = frame.timestamp();
        let ticks = i128::from(timestamp.timestamp()) * i128::from(CLOCK_RATE)
            / i128::from(timestamp.clock_rate().get());
        let bytes = frame.into_data();
        // The relay's clock runs around, as that of RTP does.
        let unit = CameraNews::Unit { timestamp: ticks as u32, key, bytes };
        let too_long = matches!(&unit, CameraNews::Unit { bytes, .. } if bytes.len() > UNIT_MAX);
        spoilt = too_long || mouth.sender.try_send(mouth.report(unit)).is_err();
    }
}

/// The first line of an error, which names neither user nor password.
fn said(error: retina::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(REASON_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: CameraId = CameraId(0);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn cameras(port: u16) -> CameraConnections {
        let url = CameraUrl::parse(&format!("rtsp://user:secret@127.0.0.1:{port}/")).unwrap();
        CameraConnections::new([(GATE, "gate".to_owned(), url)])
    }

    #[test]
    fn a_camera_that_is_not_there_is_lost_and_tried_again() {
        runtime().block_on(async {
            // Nobody listens at TCPMUX, and no socket gets its port by chance.
            let mut cameras = cameras(1);
            cameras.watch(Instant::START, GATE, true);
            let report = cameras.next().await.unwrap();
            let CameraNews::Failed(why) = &report.what else { panic!("{report:?}") };
            assert!(!why.contains("secret") && !why.contains('\n'), "{why}");
            let heard = cameras.note(Instant::START, &report);
            assert_eq!(heard, Some((GATE, media::CameraState::Lost)));
            let due = cameras.deadline().unwrap();
            assert_eq!(due, Instant::START + Duration::from_secs(1));
            assert!(cameras.tick(due).is_empty());
            assert!(matches!(cameras.next().await.unwrap().what, CameraNews::Failed(_)));
        });
    }

    #[test]
    fn a_camera_that_speaks_no_rtsp_is_lost() {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut cameras = cameras(listener.local_addr().unwrap().port());
            cameras.watch(Instant::START, GATE, true);
            let (stream, _) = listener.accept().await.unwrap();
            stream.writable().await.unwrap();
            stream.try_write(b"HTTP/1.1 200 OK\r\n\r\n<html>").unwrap();
            let report = cameras.next().await.unwrap();
            assert!(matches!(report.what, CameraNews::Failed(_)), "{report:?}");
        });
    }

    #[test]
    fn what_an_old_connection_says_is_not_heard() {
        runtime().block_on(async {
            let mut cameras = cameras(9);
            let unit = |serial| CameraReport {
                camera: GATE,
                serial,
                what: CameraNews::Unit { timestamp: 0, key: true, bytes: vec![] },
            };
            assert_eq!(cameras.note(Instant::START, &unit(0)), None, "it is not connected");
            cameras.watch(Instant::START, GATE, true);
            assert_eq!(cameras.note(Instant::START, &unit(0)), None);
            assert!(cameras.note(Instant::START, &unit(1)).is_some());
            cameras.watch(Instant::START, GATE, false);
            let over = cameras.deadline().unwrap();
            assert_eq!(cameras.tick(over), [GATE]);
            assert_eq!(cameras.note(over, &unit(1)), None);
            cameras.watch(over, CameraId(7), true);
        });
    }

    /// What a loop that lags does not fetch is not kept without bound.
    #[test]
    fn reports_wait_in_a_bounded_line() {
        let cameras = cameras(9);
        let mouth = ReportSender { camera: GATE, serial: 1, sender: cameras.sender.clone() };
        let failed = || mouth.report(CameraNews::Failed(String::new()));
        let taken = (0..1_000).take_while(|_| mouth.sender.try_send(failed()).is_ok()).count();
        assert_eq!(taken, REPORTS_MAX);
    }
}
