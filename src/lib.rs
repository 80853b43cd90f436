//! Cordboard: a video telephone switchboard with human operators, one process.
//!
//! Everything below `server/` is deterministic: time, chance and the outside world come in as
//! arguments, effects go out as values. A file imports from its own room and from lower floors;
//! never sideways, never up. Inside a room, too, the arrows run one way: its `mod.rs` draws its
//! files in layers.
//!
//! ```text
//! floor 12  main.rs       picks a command
//! floor 11  cli           commands, the demonstration, the desk in the terminal
//! floor 10  config        TOML -> every room's Settings; nobody below reads it
//! floor  9  server  web   tokio: the event loop, sockets, the DNS, clock, telemetry; pages by HTTP
//! floor  8  store  wire   rusqlite: the journal and the state at start; what the doors say to the loop
//! ========================= above: effects happen.  below: pure, deterministic
//! floor  7  exchange      all cores wired into one machine: Input in, Effects out, one deadline
//! floor  6  switchboard  live   the queue, operators and desks introduced to calls; calls in writing
//! floor  5  call          one call: admission, ringing, consultation, hand-over, transfer
//! floor  4  leg  recording   one party: dialog + offer/answer + media plan; a call as a file
//! floor  3  transaction  dialog  registrar  registration  locator  media  acd  presence  desk  session    siblings
//! floor  2  directory  dtls   terminals, levels, permits, operators, trunks, numbering plan; handshakes, as a party sees them
//! floor  1  sip  sdp  rtp  srtp  stun  codec  zone                      parse, print, compute
//! floor  0  time  random  ids  cause  text
//! ```
//!
//! What holds because something is absent (`tests/architecture.rs` keeps it):
//!
//! * Below the double line nothing reads a clock, opens a socket or a file, waits, locks or logs, and
//!   no order depends on chance: the same inputs have the same effects.
//! * `acd` and `presence` know no SIP, `dialog` knows no SDP, `media` knows no SIP and no call,
//!   `call` and `switchboard` know no packet, `desk` knows no call.
//! * No leg learns another leg's address, and no switch sends an SDP: who hears and sees whom is one
//!   table, [`media`]'s patchbay.
//! * Nobody below `config` reads the configuration, and no core waits for the database.
//! * Nothing from the network is trusted to be short, well-formed or honest.

pub mod acd;
pub mod call;
pub mod cause;
pub mod cli;
pub mod codec;
pub mod config;
pub mod desk;
pub mod dialog;
pub mod directory;
pub mod dtls;
pub mod exchange;
pub mod ids;
pub mod leg;
pub mod live;
pub mod locator;
pub mod media;
pub mod presence;
pub mod random;
pub mod recording;
pub mod registrar;
pub mod registration;
pub mod rtp;
pub mod sdp;
pub mod server;
pub mod session;
pub mod sip;
pub mod srtp;
pub mod store;
pub mod stun;
pub mod switchboard;
pub mod text;
pub mod time;
pub mod transaction;
pub mod web;
pub mod wire;
pub mod zone;
