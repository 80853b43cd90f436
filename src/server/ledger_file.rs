//! The file of the relay's ledger in the data directory: read at the start, and written over five times a second
//! while ports are open.
//!
//! ```text
//!   media::Machine ── write_ledger ──▶ one buffer ── one write ──▶ page cache ── ledger_written ──▶ media::Machine
//! ```
//!
//! It has to outlive the process, not the power, so it is never flushed. Where it cannot be written it is emptied:
//! then calls go on, and another process would give every sealed one a new key. Only where that is impossible as
//! well do sealed packets stop, since nobody could go on behind them.

use super::host;
use crate::media::{self, Handling, LedgerHead, RelayLedger};
use crate::time::{Duration, Instant, Now};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const NAME: &str = "cordboard.ledger";
const MODE: u32 = 0o600;
/// Between two writings.
const INTERVAL: Duration = Duration::from_millis(200);
/// Between two complaints.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
const NO_BOOT: &str = "the system does not say which boot of the machine this is";
/// Longer than any that is written here.
const BYTES_MAX: u64 = 64 * ((1 << 15) + 2);

/// The file, and when it is written.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    /// None where it could not be opened yet.
    file: Option<File>,
    head: LedgerHead,
    buffer: Vec<u8>,
    in_hand: Handling,
    /// When it was last tried.
    last: Option<Instant>,
    /// Ports stand in it.
    has_ports: bool,
    /// It could not be written when that was last tried.
    fault: Option<String>,
    complained: Option<Instant>,
}

impl LedgerFile {
    /// What the process before this one left, and the file to go on with. What cannot be read is no reason not
    /// to start: it is said in words, and nothing is known of any port.
    pub fn open(data: &Path) -> (Self, Result<RelayLedger, String>) {
        let path = data.join(NAME);
        let boot = host::boot();
        let read = boot.ok_or_else(|| NO_BOOT.to_owned()).and_then(|boot| {
            let said = |fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
            match read(&path) {
                Ok(bytes) if bytes.is_empty() => Ok(RelayLedger::default()),
                Ok(bytes) => RelayLedger::parse(&bytes, &boot).map_err(|fault| said(&fault)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(RelayLedger::default()),
                Err(error) => Err(said(&error)),
            }
        });
        let boot = boot.unwrap_or_default();
        let head = match &read {
            Ok(ledger) => LedgerHead::following(boot, ledger),
            Err(_) => LedgerHead::new(boot),
        };
        let mut this = Self {
            path,
            file: None,
            head,
            buffer: Vec::new(),
            in_hand: Handling::Start,
            last: None,
            has_ports: false,
            fault: None,
            complained: None,
        };
        match &read {
            // Of what it says nothing may be taken for ours.
            Err(_) => drop(this.empty()),
            // A start that ends the process is in hand as well. Where that cannot be written it cannot be read.
            Ok(ledger) if *ledger != RelayLedger::default() => {
                let file = OpenOptions::new().write(true).open(&this.path);
                let _ = file.and_then(|file| this.write_hand(&file));
            }
            Ok(_) => {}
        }
        (this, read)
    }

    /// When [`tick`](Self::tick) is due.
    #[must_use]
    pub fn deadline(&self, media: &media::Machine) -> Option<Instant> {
        let is_awaited = self.has_ports || media.has_ports();
        is_awaited.then(|| self.last.map_or(Instant::START, |last| last + INTERVAL))
    }

    /// Writes it, where it is due, or is wanted at once. Returns what is to be said of it, once a minute.
    pub fn tick(
        &mut self,
        now: Now,
        is_wanted: bool,
        media: &mut media::Machine,
    ) -> Option<String> {
        // What is wanted and cannot be had is not tried for each packet.
        let is_wanted = is_wanted && self.fault.is_none();
        let is_due = self.deadline(media).is_some_and(|at| at <= now.instant);
        if is_due || is_wanted { self.write(now, media) } else { None }
    }

    /// Writes it now.
    pub fn write(&mut self, now: Now, media: &mut media::Machine) -> Option<String> {
        self.last = Some(now.instant);
        media.write_ledger(now, &mut self.head, self.in_hand, &mut self.buffer);
        let file = self.opened();
        match file
            .and_then(|file| file.write_all_at(&self.buffer, 0).map(|()| self.file = Some(file)))
        {
            Ok(()) => {
                self.head.is_written(now.unix);
                media.ledger_written();
                self.has_ports = media.has_ports();
                self.fault = None;
                None
            }
            Err(error) => {
                let is_empty = self.empty();
                if is_empty {
                    media.ledger_lost();
                }
                self.has_ports = media.has_ports();
                let path = self.path.display();
                let follows = if is_empty {
                    "after a crash now, calls would be heard again late or not at all"
                } else {
                    "sealed calls are silent until it can be"
                };
                let fault = format!("{path} cannot be written: {error}; {follows}");
                self.fault = Some(fault.clone());
                self.is_news(now.instant).then_some(fault)
            }
        }
    }

    /// Notes what is being looked after, so that it is known what has ended the process.
    pub fn take_in_hand(&mut self, in_hand: Handling) {
        if self.in_hand == in_hand {
            return;
        }
        self.in_hand = in_hand;
        if let Some(file) = self.file.as_ref().filter(|_| self.fault.is_none()) {
            // Where that cannot be done, the next writing says so.
            let _ = self.write_hand(file);
        }
    }

    /// Notes that something is being looked after, if nothing else is.
    pub fn take_something_in_hand(&mut self) {
        if self.in_hand == Handling::Nothing {
            self.take_in_hand(Handling::Something);
        }
    }

    fn write_hand(&self, file: &File) -> io::Result<()> {
        let (at, line) = LedgerHead::hand(self.in_hand);
        file.write_all_at(&line, at)
    }

    /// Why it cannot be written, if it cannot.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    fn is_news(&mut self, now: Instant) -> bool {
        let is_news = self.complained.is_none_or(|at| now.since(at) >= COMPLAINT_INTERVAL);
        if is_news {
            self.complained = Some(now);
        }
        is_news
    }

    fn opened(&mut self) -> io::Result<File> {
        match self.file.take() {
            Some(file) => Ok(file),
            None => open(&self.path),
        }
    }

    /// Whether nothing stands in it any more, and nobody would go on from it.
    fn empty(&mut self) -> bool {
        self.file = None;
        let emptied = OpenOptions::new().write(true).truncate(true).open(&self.path);
        match emptied {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(_) => fs::remove_file(&self.path).is_ok(),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(path)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, Kind};
    use crate::ids::{CallId, PortId};
    use crate::media::{
        BitrateFeedback, Channel, Command, Event, Job, KeyFrameFeedback, Machine, MediaPath,
        Outgoing, PayloadFormat, PictureLimits, Plan, Protection, RecordingTap, StreamPlan,
        TransportPlan, Trust,
    };
    use crate::random::Random;
    use crate::sdp::Direction;
    use crate::time::UnixTime;
    use std::net::SocketAddr;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const PORT: PortId = PortId(16_000);

    struct Nowhere;

    impl Outgoing for Nowhere {
        fn send(&mut self, _: PortId, _: Channel, _: MediaPath, _: &[u8]) {}
        fn report(&mut self, _: Event) {}
        fn job(&mut self, _: Job) {}
        fn tap(&mut self, _: RecordingTap) {}
    }

    fn at(ms: u64) -> Now {
        let unix = UnixTime::from_secs(1_800_000_000);
        Now { instant: Instant::START, unix } + Duration::from_millis(ms)
    }

    fn relay() -> Machine {
        let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
        let remote = SocketAddr::from(([192, 0, 2, 1], 4000));
        let transport = TransportPlan {
            remote: Some(remote),
            remote_rtcp: None,
            latched: None,
            local: None,
            signalling_ip: remote.ip(),
            behind_nat: false,
            trust: Trust::Full,
            mux: false,
            protection: Protection::Clear,
            ice: None,
            handshake: false,
        };
        let format =
            PayloadFormat { codec: Codec::Pcmu, send_pt: 0, recv_pt: 0, fmtp: String::new() };
        let stream = StreamPlan {
            formats: vec![format],
            direction: Direction::SendRecv,
            packet_ms: 20,
            feedback: KeyFrameFeedback::None,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            cname: "leg".into(),
        };
        let open = Command::Open {
            port: PORT,
            kind: Kind::Audio,
            plan: Plan { transport, stream, carrier: None },
        };
        machine.handle(at(0), open, &mut Nowhere);
        machine
    }

    #[test]
    fn five_times_a_second_and_for_its_owner_alone_while_ports_are_open() {
        let data = tempfile::tempdir().unwrap();
        let (mut file, left) = LedgerFile::open(data.path());
        assert_eq!(left, Ok(RelayLedger::default()));
        let mut idle = Machine::new(media::Settings::default(), Random::from_number(1));
        assert_eq!(file.deadline(&idle), None);
        let mut relay = relay();
        assert_eq!(file.tick(at(1000), false, &mut relay), None);
        assert_eq!(file.deadline(&relay), Some(at(1200).instant));
        file.take_in_hand(Handling::Call(CallId(5)));
        let path = data.path().join(NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        let (_, left) = LedgerFile::open(data.path());
        let left = left.unwrap();
        assert_eq!((left.written, left.in_hand), (at(1000).unix, Handling::Call(CallId(5))));
        assert_eq!(LedgerFile::open(data.path()).1.unwrap().in_hand, Handling::Start);
        assert!(left.slots.contains_key(&PORT));
        // Not before it is due, unless it is wanted.
        let written = |file: &mut LedgerFile, ms, is_wanted, relay: &mut Machine| {
            assert_eq!(file.tick(at(ms), is_wanted, relay), None);
            LedgerFile::open(data.path()).1.unwrap().written
        };
        assert_eq!(written(&mut file, 1100, false, &mut relay), at(1000).unix);
        assert_eq!(written(&mut file, 1100, true, &mut relay), at(1100).unix);
        assert_eq!(written(&mut file, 1300, false, &mut relay), at(1300).unix);
        // Once more when the last port is closed.
        assert_eq!(file.tick(at(1500), false, &mut idle), None);
        assert_eq!(file.deadline(&idle), None);
        assert!(LedgerFile::open(data.path()).1.unwrap().slots.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_said_and_is_nobodys_any_more() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(NAME);
        fs::write(&path, "nothing of ours, and longer than a line of the ledger would ever be")
            .unwrap();
        let (_, left) = LedgerFile::open(data.path());
        assert!(left.unwrap_err().contains("no ledger"));
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_full_disk_empties_it_and_is_complained_of_once_a_minute() {
        let data = tempfile::tempdir().unwrap();
        symlink("/dev/full", data.path().join(NAME)).unwrap();
        let (mut file, _) = LedgerFile::open(data.path());
        let mut relay = relay();
        let said = file.tick(at(0), false, &mut relay).unwrap();
        assert!(said.contains("cannot be written") && said.contains("after a crash"), "{said}");
        let said = (1..=300).filter_map(|n| file.tick(at(n * 200), true, &mut relay));
        assert_eq!(said.count(), 1, "in the second minute");
        assert!(file.fault().is_some());
        fs::remove_file(data.path().join(NAME)).unwrap();
        assert_eq!(file.tick(at(60_200), false, &mut relay), None);
        assert_eq!(file.fault(), None);
        assert!(LedgerFile::open(data.path()).1.unwrap().slots.contains_key(&PORT));
    }

    #[test]
    fn where_it_cannot_even_be_emptied_that_is_said() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join(NAME).join("in the way")).unwrap();
        let (mut file, left) = LedgerFile::open(data.path());
        assert!(left.is_err());
        let said = file.tick(at(0), false, &mut relay()).unwrap();
        assert!(said.contains("sealed calls are silent"), "{said}");
    }
}
