//! The whole switchboard as its users meet it: the real binary, real sockets, phones we did not write.
//!
//! ```text
//!   baresip (caller) ─┐                               ┌─ desk.rs: a desk of our own making, which
//!   SIPp    (caller) ─┤   SIP, RTP over loopback      │  shares no line with the product
//!                     ├──────── cordboard serve ──────┤
//!   baresip (user)   ─┤      own address per test     ├─ baresip (the operator's desk phone)
//!   SIPp    (user)   ─┘                               └─ SIPp (desk, desk phone)
//! ```
//!
//! * `stage`, `real_phones`: the operator call with three baresip phones; each party sends a tone and a colour
//!   of its own, and at every phase recordings and pictures tell who hears and who sees whom.
//! * `sipp`: the flows of `sipp-scenarios/`, message by message.
//! * `media_attackers`: who sprays the relay, or lets it send to somebody else.
//! * `rtsp_cameras`: GStreamer's RTSP server as an IP camera, seen by baresip.
//! * `faults`: what the machine and the net can do to a running switchboard.
//! * `full_disk`: a disk of one megabyte, and another process that holds the database.
//! * `eavesdropper`: a third host with forged sources, and a router in a phone's way; for all of them.
//! * `attacker`: somebody without a password, beside phones that have one.
//! * `encrypted`: TLS by OpenSSL and baresip, and a browser of our own making (`web_socket`).
//! * `browser`: Chromium and Firefox, and pages in them that are phones.
//! * `pages`: logins, sessions and SIP in their name, by a browser of our own making.
//! * `console`: the desk page in Chromium and Firefox, with real phones as caller and user; `walks`: what happens to it in every
//!   phase; `figures`: how fast it is.
//! * `real_browsers`: pages that are phones, at the switchboard.
//! * `distant_browsers`: browsers on networks of their own, by TLS under our own certificate.
//! * `cable`: a cable to TCP phones that is cut in the middle of a call.
//! * `terminal`: a terminal on which `cordboard desk` runs.
//! * `networks`: phones on two networks, each of which can reach one address of the switchboard alone, and
//!   phones behind NAT.
//! * `restarts`: signals, and what stays open when the switchboard is started again by a service manager.
//! * `kills`: a house with calls of every kind, killed again and again.
//! * `systemd`: our unit under the real one.
//! * `upgrade`: what an earlier version has left behind.
//! * `apparatus`: the instruments themselves, proved without the switchboard.
//!
//! Nothing here is skipped: a missing program is a failure that says what to install.

#![allow(clippy::print_stderr)] // A failed test prints what its programs said.

mod apparatus;
mod attacker;
mod browser;
mod cable;
mod console;
mod desk;
mod distant_browsers;
mod eavesdropper;
mod encrypted;
mod faults;
mod full_disk;
mod http_client;
mod kills;
mod media_attackers;
#[path = "../name_server/mod.rs"]
mod name_server;
mod namespace;
mod networks;
mod pages;
mod phone;
mod picture;
mod place;
mod playback;
#[path = "../ports/mod.rs"]
mod ports;
mod program;
mod real_browsers;
mod real_phones;
mod restarts;
mod rtsp_cameras;
mod sip;
mod sipp;
mod stage;
mod stills;
mod switchboard;
mod systemd;
mod talker;
mod terminal;
mod tone;
mod upgrade;
mod wait;
mod web_socket;
mod witness;
