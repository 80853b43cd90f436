//! What is written down of calls that go on, so that the next process goes on with them.
//!
//! A party is one text: JSON whose words are those of SIP and SDP, so that a later version reads it. What is
//! agreed is not in it: that follows of the two session descriptions that hold. Nor is what changes with each
//! packet, such as sequence numbers: that stands in the ledger of the relay.
//!
//! ```text
//!   SavedParty ── print ──▶ {"v":1,"leg":…,"dialog":{…},"sdp":{…},…} ── parse, with the ledger ──▶ SavedParty
//! ```
//!
//! Whose bytes are read is not known: everything has a limit, and a fault says what is wrong and where.
//!
//! ```text
//! layer 5  party                       a party as text, and back
//! layer 4  call                        a call as text, and back
//! layer 4  dialog                      what names it, and where its requests go
//! layer 3  early  leg_phase  negotiation  streams  source
//! layer 3  place                       where a call has its place
//! layer 2  call_state                  where a call stands
//! layer 2  words  saved_party          values as words; a party as a value
//! layer 1  call_fault                  what can be wrong with it
//! layer 1  fault  saved_invite         what can be wrong; an INVITE without its end as a value
//! ```

mod call;
mod call_fault;
mod call_state;
mod dialog;
mod early;
mod fault;
mod leg_phase;
mod negotiation;
mod party;
mod place;
mod saved_invite;
mod saved_party;
mod source;
mod streams;
mod words;

pub use call::{parse_call, print_call};
pub use call_fault::{CALL_BYTES_MAX, CallFault};
pub use fault::{PARTY_BYTES_MAX, PartyFault};
pub use party::{PartyRow, parse, print};
pub use saved_invite::{SavedCredit, SavedInvite};
pub use saved_party::{LegPeer, SavedParty, Who};
