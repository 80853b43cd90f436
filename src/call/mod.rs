//! A telephone call: through an operator or between two parties, as machines that know no queue, no desk
//! and no other call.
//!
//! A call takes what happened, is told what holds outside of it, and says in steps what it wants done: of
//! legs, the queue, the operators' states, the journal, the recorder. The switchboard carries them out.
//!
//! ```text
//! layer 9  blind_transfer  left to a ringing phone, and back
//! layer 9  saving          a call becomes a value, and a value a call
//! layer 9  resuming        what a new process does for a call that goes on
//! layer 8  any_call        what goes in, what comes out, whichever kind it is
//! layer 8  arriving waiting        answered, without ACK; 182, answer, announcement, overflow
//! layer 8  taking consultation     what waits for the journal; the wanted person, talked to unheard
//! layer 8  handover entrusting     the health gate, the release; a release before the answer
//! layer 8  recording views ending  whom its file follows; what desks see; everybody is told
//! layer 8  direct_senses   the same for operators in a call between two parties
//! layer 8  observing       how its parties' media do, and who hears and sees whom
//! layer 8  transfer replacing camera   REFER; Replaces; one party, and a place to look at
//! layer 8  sources parties     who hears and sees whom; who is in it
//! layer 8  rejoining       a lost phone of an operator is called again
//! layer 8  in_hand         several calls of one operator: set aside, parked
//! layer 7  operator_call   through an operator: states, who hears whom
//! layer 7  direct          between two parties
//! layer 7  input           what reaches them
//! layer 7  saved           a call as a value
//! layer 6  direct_desks    which desks are told of a call between two parties
//! layer 6  operator_state  what each state of a call through an operator has
//! layer 5  ringing         phones that ring in parallel
//! layer 4  context         one step: the facts, and what is wanted so far
//! layer 3  facts step      what holds outside of a call; what it wants done
//! layer 2  world log_event     who there is and where; what the log is told
//! layer 1  admission       who may call whom, and why
//! layer 1  call_record     who, when, why
//! layer 1  checks          what is known of the parties' media
//! layer 1  position        the calls of one operator
//! layer 1  phone_loss      whether its phone has hung up or is lost
//! layer 1  refusal settings    what a caller gets that is not served; how a queue meets its callers
//! ```

pub mod admission;
mod any_call;
mod arriving;
mod blind_transfer;
pub mod call_record;
mod camera;
mod checks;
mod consultation;
mod context;
mod direct;
mod direct_desks;
mod direct_senses;
mod ending;
mod entrusting;
mod facts;
mod handover;
mod in_hand;
mod input;
mod log_event;
mod observing;
mod operator_call;
mod operator_state;
mod parties;
mod phone_loss;
mod position;
mod recording;
mod refusal;
mod rejoining;
mod replacing;
mod resuming;
mod ringing;
mod saved;
mod saving;
mod settings;
mod sources;
mod step;
mod taking;
mod transfer;
mod views;
mod waiting;
mod world;

pub use log_event::LogEvent;
pub use operator_state::{AnsweredCallee, AnsweredOperator, Aside, RecordingState, Then};
pub use ringing::SavedRinging;
pub use saved::{
    SavedCall, SavedConsulted, SavedDirectCall, SavedDirectState, SavedHand, SavedKind,
    SavedOperatorCall, SavedOperatorState, SavedPark, SavedTransfer,
};
pub use settings::{AnsweredBy, QueueSettings, Recorded};
pub use step::{CommandSource, Keep, RecordingCommand};
pub use world::SwitchboardContext;

pub(crate) use any_call::AnyCall;
pub(crate) use context::CallContext;
pub(crate) use direct::{DirectCall, DirectCallState};
pub(crate) use facts::{CallFacts, CallSettings, Positions};
pub(crate) use input::{CallInput, DirectCallInput, OperatorCallInput};
pub(crate) use operator_call::{ArrivedCall, OperatorCall};
pub(crate) use operator_state::OperatorCallState;
pub(crate) use phone_loss::is_lost;
pub(crate) use position::{OperatorLine, Position};
pub(crate) use recording::NO_ROOM;
pub(crate) use refusal::refusal;
pub(crate) use ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
pub(crate) use settings::REFUSALS;
pub(crate) use step::{CallStep, Onward, Owner};
pub(crate) use transfer::status_of;
pub(crate) use world::party;
