//! What a port is sent now: something of the relay's own, or packets of its source.

use super::encoded_prompts::PromptPlayer;
use super::hold::Player;
use crate::time::Duration;

/// A source without pictures for this long is shown as such, the first time after a switch.
const PICTURE_GAP: Duration = Duration::from_secs(2);
/// A slow camera is given more time each time it comes back, up to this.
const PICTURE_GAP_MAX: Duration = Duration::from_secs(16);

/// What a port is sent now.
#[derive(Debug)]
pub enum PortFeed {
    /// Nothing: pictures without a source, or a codec that we cannot code.
    Nothing,
    /// Sound of our own.
    Made(Player),
    /// Pictures of our own.
    Shown(PromptPlayer),
    /// Packets of the source.
    Live,
}

/// How long a receiver waits for pictures of its source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameTimeout {
    /// So long.
    pub gap: Duration,
    /// That is over, and a picture says so.
    pub over: bool,
}

impl Default for FrameTimeout {
    fn default() -> Self {
        Self { gap: PICTURE_GAP, over: false }
    }
}

impl FrameTimeout {
    /// A picture has come.
    pub fn reward(&mut self) {
        if std::mem::take(&mut self.over) {
            self.gap = (self.gap + self.gap).min(PICTURE_GAP_MAX);
        }
    }
}
