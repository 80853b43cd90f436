//! One party of a call: its dialog, its offer and answer, its share of the relay.
//!
//! A leg is one dialog with one phone, or with one desk. This room reads and writes all SDP, owns
//! the [`dialog`](crate::dialog) machine and the pool of relay ports, and tells the
//! [`media`](crate::media) relay what was agreed. What a phone asks for itself, its hold, its
//! codecs, its new address, is answered here and never leads to a request elsewhere. Who may call
//! whom and what becomes of a call is not known here.
//!
//! ```text
//! layer 13  reports  saved             what dialog and relay report, and what follows; a leg as a value
//! layer 12  commands  port_shortage  relay  life  rekeying  handshakes  senses
//! layer 11  machine  plan  health      all legs; what is agreed for a stream; one report of two
//! layer 10  table                      all legs by name, and which of them may have changed
//! layer 9   saved_early                how far a leg is, as a value
//! layer 8   state                      what is known of one leg
//! layer 7   saved_negotiation          what was said and agreed, as a value
//! layer 6   offer_answer  streams      what was said, and what is agreed; what we answer and offer
//! layer 5   agreement                  what two descriptions agree on
//! layer 4   our_stream                 our side of a stream
//! layer 3   peer  parking              what a peer's SDP asks; who waits for ports
//! layer 2   api  picture_limits        what goes in, and what comes out
//! layer 1   party  formats  handshake  ice  keys  legacy_info  nat  ports  description
//! ```

mod agreement;
mod api;
mod commands;
mod description;
mod formats;
mod handshake;
mod handshakes;
mod health;
mod ice;
mod keys;
mod legacy_info;
mod life;
mod machine;
mod nat;
mod offer_answer;
mod our_stream;
mod parking;
mod party;
mod peer;
mod picture_limits;
mod plan;
mod port_shortage;
mod ports;
mod rekeying;
mod relay;
mod reports;
mod saved;
mod saved_early;
mod saved_negotiation;
mod senses;
mod state;
mod streams;
mod table;

pub use crate::dialog::EndingSide;
pub use agreement::{AgreedDescriptions, HandshakeOutcome, Led, OfferingSide};
pub use api::{
    CodecChoice, Command, Event, InviteRefusal, LegHealth, LegSenses, LegSource, OfferedCodecs,
    OfferedSecurity, OutgoingLeg, Quality, Settings, Spoken,
};
pub use commands::OWN_TAG;
pub use formats::{Capabilities, PeerFormat};
pub use life::RTP_TIMEOUT_ON_HOLD;
pub use machine::{Effect, Input, Machine};
pub use offer_answer::Named;
pub use party::{Domain, IdentityPrivacy, Party};
pub use saved::{KnownCapabilities, RestoredLeg, SavedLeg, SavedStreamPort};
pub use saved_early::{SavedEarlyFork, SavedLegPhase, SavedSaid};
pub use saved_negotiation::{SavedNegotiation, SavedOffer};
