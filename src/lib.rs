//! Cordboard: a video telephone switchboard with human operators, one process.
//!
//! Everything below `server/` is deterministic: time, chance and the outside world come in as
//! arguments, effects go out as values. A file imports from its own room and from lower floors;
//! never sideways, never up.
//!
//! ```text
//! floor 11  main.rs       picks a command
//! floor 10  cli           commands, the demonstration, the desk in the terminal
//! floor  9  config        TOML -> every room's Settings; nobody below reads it
//! floor  8  server        tokio: the event loop, sockets, clock, telemetry
//! floor  7  store         rusqlite: the journal and the state at start
//! ========================= above: effects happen.  below: pure, deterministic
//! floor  6  exchange      all cores wired into one machine: Input in, Effects out, one deadline
//! floor  5  switchboard   telephone logic: admission, call, consultation, hand-over, desk protocol
//! floor  4  leg           one party of a call: dialog + offer/answer + media plan
//! floor  3  transaction  dialog  registrar  media  acd  presence        strangers to each other
//! floor  2  directory     terminals, levels, permits, operators, trunks, numbering plan
//! floor  1  sip  sdp  rtp  codec                                        parse, print, compute
//! floor  0  time  random  ids  cause
//! ```

pub mod acd;
pub mod cause;
pub mod cli;
pub mod codec;
pub mod config;
pub mod dialog;
pub mod directory;
pub mod exchange;
pub mod ids;
pub mod leg;
pub mod media;
pub mod presence;
pub mod random;
pub mod registrar;
pub mod rtp;
pub mod sdp;
pub mod server;
pub mod sip;
pub mod store;
pub mod switchboard;
pub mod time;
pub mod transaction;
