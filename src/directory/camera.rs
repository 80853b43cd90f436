//! IP cameras: numbers that show a place in place of a person.

use crate::ids::{CameraId, LevelId, Number};
use crate::time::Duration;

/// One camera of the configuration, as callers meet it. Where its pictures come from is the
/// server's affair.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Camera {
    /// By which the relay knows it.
    pub id: CameraId,
    /// Its name, for administrators: `gate`.
    pub name: String,
    /// The number that shows it; a camera for queues only has none.
    pub number: Option<Number>,
    /// Its level as callee.
    pub level: LevelId,
    /// Its name for callers, may be empty.
    pub display: String,
    /// How many calls may see it at once.
    pub viewers_max: usize,
    /// How long one call may.
    pub watch_max: Duration,
}
