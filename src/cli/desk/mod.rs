//! `cordboard desk`: an operator's desk in the terminal.
//!
//! ```text
//!   keys or lines ─▶ input ─▶ Order ─┐                 ┌─▶ link: INFO to the switchboard
//!                                    ├─▶ run (redials) ┤
//!   link: results and events ─▶ view ┘                 └─▶ drawing ─▶ screen, or one line per message
//! ```

mod calls;
mod drawing;
mod input;
mod link;
mod run;
mod screen;
mod view;

pub use link::{Link, LinkEvent, LinkInput};
pub use run::Command;
pub use view::party_health;
