//! Who there is: terminals, levels, permits, operators, trunks and the numbering plan.
//!
//! A [`Directory`] is one value. It changes only by rows that [`Directory::consider`] has made, which
//! keeps the rules of names and references for every way of administration (commands, web, import);
//! the journal has to write them before [`Directory::adopt`]. It knows no call and no registration.
//!
//! ```text
//! layer 5  change  meaning             how it changes; what a dialled number stands for
//! layer 4  accounts                    the directory itself
//! layer 3  numbering_plan              what the configuration fixes
//! layer 2  terminal  operator  trunk  refusal
//! layer 1  level  permit  camera  name  likeness  secret  srtp  draft_field  night
//! ```

mod accounts;
mod camera;
mod change;
mod draft_field;
mod level;
mod likeness;
mod meaning;
mod name;
mod night;
mod numbering_plan;
mod operator;
mod permit;
mod refusal;
mod secret;
mod srtp;
mod terminal;
mod trunk;

pub use accounts::{Account, Accounts, Directory, OPERATORS_MAX, PERMITS_MAX, TERMINALS_MAX};
pub use camera::Camera;
pub use change::{DirectoryChange, Effect};
pub use draft_field::DraftField;
pub use level::{LEVELS_MAX, Level, patent_levels};
pub use meaning::Meaning;
pub use name::{DISPLAY_NAME_MAX, Holder, NAME_MAX, NameFault, check_display_name, check_name};
pub use night::NightSwitch;
pub use numbering_plan::{DESK, NumberingPlan};
pub use operator::{CALLS_MAX, Operator, OperatorDraft, OperatorMode, PHONES_MAX};
pub use permit::Permit;
pub use refusal::{ChangeRefusal, LevelUser, Thing};
pub use secret::{PASSWORD_MAX, Secret, SecretFault};
pub use srtp::Srtp;
pub use terminal::{Terminal, TerminalDraft};
pub use trunk::{NoTrunkAddress, Trunk, TrunkAddress, TrunkHost, TrunkLogin};
