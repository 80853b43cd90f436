//! What recordings leave free of their disk, so that they never fill it for the journal and for others.
//!
//! A thread of its own looks every two seconds: a disk that hangs holds up nothing else.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// The least that is left free, in bytes, whatever is configured: 2 s of a hundred recordings are 50 MB.
pub const RESERVE_MIN: u64 = 64_000_000;
/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// How much of a disk is left free.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reserve {
    /// So many hundredths of it, and no less than [`RESERVE_MIN`].
    Percent(u8),
    /// So many bytes, and no less than [`RESERVE_MIN`].
    Bytes(u64),
}

impl Default for Reserve {
    fn default() -> Self {
        Self::Percent(5)
    }
}

/// How large a disk is, and how much of it can still be written, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Volume {
    pub size: u64,
    pub free: u64,
}

impl Volume {
    /// The one that a file in `directory` will lie on, which need not be there yet.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut directory = directory;
        loop {
            match rustix::fs::statvfs(directory) {
                Ok(found) => {
                    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
                    return Ok(Self { size: bytes(found.f_blocks), free: bytes(found.f_bavail) });
                }
                Err(error) if error.kind() == ErrorKind::NotFound => match directory.parent() {
                    Some(parent) if parent.as_os_str().is_empty() => directory = Path::new("."),
                    Some(parent) => directory = parent,
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Reserve {
    /// In bytes, of a disk of this size.
    #[must_use]
    pub fn of(self, size: u64) -> u64 {
        let bytes = match self {
            Self::Percent(percent) => size / 100 * u64::from(percent),
            Self::Bytes(bytes) => bytes,
        };
        bytes.max(RESERVE_MIN)
    }

    pub(super) fn leaves_room(self, volume: Volume) -> bool {
        volume.free >= self.of(volume.size)
    }
}

/// Looks after the disk of a directory until this value is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    _until: SyncSender<()>,
}

impl Watch {
    /// `report` is called whenever there is no room any more, or is again.
    pub fn start(
        directory: PathBuf,
        reserve: Reserve,
        mut report: impl FnMut(bool) + Send + 'static,
    ) -> io::Result<Self> {
        let (_until, ended) = sync_channel::<()>(0);
        thread::Builder::new().name("disk".to_owned()).spawn(move || {
            let mut there_was = true;
            loop {
                // What cannot be asked is taken for what it was: whoever writes there is told.
                let room = Volume::of(&directory)
                    .map(|volume| look(&directory, reserve, volume, there_was));
                if let Ok(room) = room
                    && room != there_was
                {
                    there_was = room;
                    report(room);
                }
                if ended.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { _until })
    }
}

/// Whether there is room, and says so when that has changed.
fn look(directory: &Path, reserve: Reserve, volume: Volume, there_was: bool) -> bool {
    let room = reserve.leaves_room(volume);
    let (directory, free) = (directory.display(), volume.free / 1_000_000);
    let kept = reserve.of(volume.size) / 1_000_000;
    match (there_was, room) {
        (true, false) => tracing::warn!(
            "nothing is recorded any more: {free} MB are free for {directory}, and `media.reserve` \
             keeps {kept} MB: move recordings elsewhere"
        ),
        (false, true) => tracing::info!("recording goes on: {free} MB are free for {directory}"),
        (true, true) | (false, false) => {}
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const MB: u64 = 1_000_000;

    #[test]
    fn a_share_of_a_small_disk_is_64_megabytes_all_the_same() {
        assert_eq!(Reserve::Percent(5).of(100_000 * MB), 5_000 * MB);
        assert_eq!(Reserve::Percent(5).of(MB), RESERVE_MIN);
        assert_eq!(Reserve::Percent(90).of(u64::MAX), u64::MAX / 100 * 90);
        assert_eq!(Reserve::Bytes(MB).of(0), RESERVE_MIN);
        assert_eq!(Reserve::Bytes(2_000 * MB).of(MB), 2_000 * MB);
    }

    #[test]
    fn there_is_room_down_to_the_reserve() {
        let has = |free| Reserve::Percent(5).leaves_room(Volume { size: 10_000 * MB, free });
        assert!(has(500 * MB));
        assert!(!has(500 * MB - 1));
    }

    #[test]
    fn the_disk_of_a_directory_that_is_not_there_yet_is_that_of_its_parents() {
        let there = tempfile::tempdir().unwrap();
        let size = Volume::of(there.path()).unwrap().size;
        assert!(size > 0);
        assert_eq!(Volume::of(&there.path().join("a/b")).unwrap().size, size);
        assert!(Volume::of(Path::new("not/there")).is_ok());
        let file = there.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(Volume::of(&file.join("below")).is_err());
    }

    #[test]
    fn a_lack_is_reported_at_once_and_room_is_not() {
        let (report, reports) = channel();
        let there = tempfile::tempdir().unwrap();
        let watch = |reserve| {
            let report = report.clone();
            Watch::start(there.path().into(), reserve, move |room| report.send(room).unwrap())
        };
        let lack = watch(Reserve::Bytes(u64::MAX)).unwrap();
        assert_eq!(reports.recv(), Ok(false));
        drop(lack);
        let room = watch(Reserve::Bytes(0)).unwrap();
        drop((room, report));
        assert_eq!(reports.iter().count(), 0, "and the thread ends with its value");
    }
}
