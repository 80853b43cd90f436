//! A telephone call: through an operator or between two parties, as machines that know no queue, no desk
//! and no other call.
//!
//! A call takes what happened, is told what holds outside of it, and says in steps what it wants done: of
//! legs, the queue, the operators' states, the journal, the recorder. The switchboard carries them out.
//!
//! ```text
//!   operator_call   through an operator: states, who hears whom, how it ends
//!     arriving        answered, without ACK        waiting    182, answer, announcement, overflow
//!     taking          what waits for the journal   consultation   the wanted person, talked to unheard
//!     handover        the health gate, the release     entrusting   a release before the answer
//!     recording       whom its file follows        ending     everybody is told
//!   direct          between two parties            transfer   REFER
//!     camera          one party, and a place to look at    replacing   Replaces
//!   ringing         phones that ring in parallel
//!   admission       who may call whom, and why     call_record   who, when, why
//! ```

pub mod admission;
mod any_call;
mod arriving;
pub mod call_record;
mod camera;
mod checks;
mod consultation;
mod context;
mod direct;
mod ending;
mod entrusting;
mod facts;
mod handover;
mod input;
mod log_event;
mod operator_call;
mod operator_state;
mod recording;
mod refusal;
mod replacing;
mod ringing;
mod settings;
mod step;
mod taking;
mod transfer;
mod views;
mod waiting;
mod world;

pub use log_event::LogEvent;
pub use settings::{AnsweredBy, QueueSettings, Recorded};
pub use step::{Keep, RecordingCommand};
pub use world::SwitchboardContext;

pub(crate) use any_call::AnyCall;
pub(crate) use context::CallContext;
pub(crate) use direct::{DirectCall, DirectCallState};
pub(crate) use facts::{CallFacts, CallSettings, FreshIds, Positions};
pub(crate) use input::{CallInput, DirectCallInput, OperatorCallInput};
pub(crate) use operator_call::{ArrivedCall, OperatorCall};
pub(crate) use operator_state::{AnsweredCallee, OperatorCallState};
pub(crate) use recording::NO_ROOM;
pub(crate) use refusal::refusal;
pub(crate) use ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
pub(crate) use settings::REFUSALS;
pub(crate) use step::{CallStep, CommandSource, Onward, Owner};
pub(crate) use transfer::status_of;
pub(crate) use world::party;
