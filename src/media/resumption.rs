//! A port that goes on in another process from little: from what the text of its leg says, and from its slot in
//! the [ledger](super::ledger).
//!
//! ```text
//!   PortFacts, Plan   of the text: what does not change with packets ──┐
//!   LedgerSlot        of the ledger, up to a moment old ───────────────┴──▶ SavedPort ── restore ──▶ goes on
//! ```
//!
//! Numbers go on ahead of all that can have been sent since the slot was written, so that what is missing counts
//! as lost and the stream stays one. Under keys nothing is sent until the slot that says so is written in turn. Where
//! the slot is missing, or is of other keys, nothing is sent before there are new ones. What came is counted on;
//! what was counted of it is lost. Whoever waits for a picture waits for a key frame.

use super::checks::ProvenChecks;
use super::consent::Consent;
use super::continuity::{Continuity, Given, NumberingSource, SavedNumbering, ticks};
use super::dropped::Dropped;
use super::feed::FrameTimeout;
use super::frame::SavedPictures;
use super::health::SavedVitals;
use super::inbound::{Inbound, SavedInbound, SavedInboundStream};
use super::latch::{LatchState, SavedLatch};
use super::ledger::{
    Handling, LedgerHead, LedgerSlot, PeerSlot, SEALED_AHEAD, SealedSlot, numbers_ahead,
};
use super::plan::{Plan, Protection, SrtpKeys};
use super::relay::Machine;
use super::reports::{Reports, SavedReports};
use super::saved::SavedPort;
use super::srtp_context::{SavedSrtp, SrtpContext};
use super::stream::{MediaStream, SavedStream};
use super::transport::{MediaTransport, SavedTransport};
use crate::codec::Kind;
use crate::ids::PortId;
use crate::rtp::SavedReception;
use crate::srtp::{IndexBound, SavedProtect, SavedSource, SavedUnprotect};
use crate::time::{Duration, Now, UnixTime};
use std::net::SocketAddr;

/// Packets of sound in a second at most: of 10 ms.
const SOUND_RATE_MAX: u32 = 100;
/// Packets of pictures in a second at most, of those that there are.
const PICTURE_RATE_MAX: u32 = 1000;
/// What has passed by a clock that was set back.
const UNKNOWN_PASSED: Duration = Duration::from_secs(1);

/// What of a port neither follows from the negotiation nor changes with each packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortFacts {
    /// Its number.
    pub port: PortId,
    /// Sound or pictures.
    pub kind: Kind,
    /// Where the peer's RTP is proven to come from.
    pub latched: Option<SocketAddr>,
    /// And its RTCP.
    pub report_latched: Option<SocketAddr>,
    /// The peer's keys are kept from its receivers.
    pub intercepted: bool,
    /// Its health is reported.
    pub watched: bool,
}

impl SavedPort {
    /// What of it does not change with each packet, its plan aside.
    #[must_use]
    pub fn facts(&self) -> PortFacts {
        PortFacts {
            port: self.port,
            kind: self.kind,
            latched: self.transport.latch.state.remote(),
            report_latched: self.transport.report_latch.state.remote(),
            intercepted: self.stream.inbound.keys.intercepted,
            watched: self.stream.watch_due.is_some(),
        }
    }

    /// What changes, as the ledger says it.
    #[must_use]
    pub fn slot(&self, now: Now) -> LedgerSlot {
        let (transport, stream) = (&self.transport, &self.stream);
        let keys = keys_of(&self.plan);
        let srtp = transport.srtp.as_ref().zip(keys);
        let highest = |all: &[SavedSource], ssrc| {
            all.iter().find(|source| source.ssrc == ssrc).map(|source| source.highest)
        };
        let peer = stream.inbound.stream.as_ref();
        let figures = Figures {
            port: self.port,
            numbering: &stream.numbering,
            is_live: stream.is_live,
            reports: &stream.reports,
            sent: srtp.map(|(srtp, keys)| (srtp.sent, keys.sends.mark())),
            peer: peer.and_then(|peer| Some((peer.ssrc, peer.reception.highest()?, peer.format))),
            came: srtp.zip(peer).map(|((srtp, keys), peer)| {
                let all = &srtp.came;
                let highest =
                    (highest(&all.sources, peer.ssrc), highest(&all.reporters, peer.ssrc));
                (keys.receives.mark(), highest)
            }),
        };
        figures.slot(now, |at| at)
    }

    /// A port that was in another process, as far as the text of its leg and the ledger say what it was.
    #[must_use]
    pub fn resumed(facts: PortFacts, plan: Plan, slot: Option<LedgerSlot>, now: Now) -> Self {
        let slot = slot.filter(|slot| slot.port == facts.port);
        let srtp = keys_of(&plan).map(|keys| resumed_srtp(keys, slot.as_ref()));
        let transport = SavedTransport {
            latch: resumed_latch(now, facts.latched),
            report_latch: resumed_latch(now, facts.report_latched),
            // Until the next packet they leave from what the peer was told.
            local: None,
            srtp,
            dropped: Dropped::default(),
            spared_at: None,
            consent: Consent::resumed(now, facts.latched.filter(|_| plan.transport.handshake)),
            proven_checks: ProvenChecks::default(),
        };
        let stream = resumed_stream(now, facts, &plan, slot.as_ref());
        let PortFacts { port, kind, .. } = facts;
        Self { port, kind, plan, transport, stream, clock_ahead: None }
    }

    /// Whether its peer has to be given another key before anything is sent: nobody knows how far the one that
    /// there is was used.
    #[must_use]
    pub fn needs_new_key(&self) -> bool {
        let srtp = self.transport.srtp.as_ref();
        srtp.is_some_and(|srtp| srtp.sent.bound == IndexBound::Spent)
    }
}

impl Machine {
    /// Prints the ledger of all open ports into this buffer. Once it is in the file,
    /// [`ledger_written`](Self::ledger_written) follows.
    pub fn write_ledger(
        &mut self,
        now: Now,
        head: &mut LedgerHead,
        in_hand: Handling,
        buffer: &mut Vec<u8>,
    ) {
        head.begin(buffer);
        self.ports.each(|transport, stream| {
            head.add(&slot_of(now, transport, stream), buffer);
            let seat = transport.seat(stream.id);
            if let Some(srtp) = transport.srtp_context_mut() {
                let numbering = &stream.outbound.stream;
                srtp.protect_mut(seat).note(numbering.ssrc, numbering.given.highest);
            }
        });
        head.end(now.unix, in_hand, buffer);
    }

    /// What was printed last is in the file: another process would go on from there.
    pub fn ledger_written(&mut self) {
        self.ports.each(|transport, stream| {
            let seat = transport.seat(stream.id);
            if let Some(srtp) = transport.srtp_context_mut() {
                srtp.protect_mut(seat).is_written();
            }
        });
    }

    /// The file is empty: another process would give every sealed leg a new key.
    pub fn ledger_lost(&mut self) {
        self.ports.each(|transport, stream| {
            let seat = transport.seat(stream.id);
            if let Some(srtp) = transport.srtp_context_mut() {
                srtp.protect_mut(seat).is_unwritten();
            }
        });
    }

    /// What the ledger says of a port.
    #[must_use]
    pub fn slot(&self, now: Now, port: PortId) -> Option<LedgerSlot> {
        let (transport, stream) = self.ports.both(port)?;
        Some(slot_of(now, transport, stream))
    }

    /// Whether any port is open.
    #[must_use]
    pub fn has_ports(&self) -> bool {
        // Each has a report to send.
        !self.deadlines.is_empty()
    }
}

fn slot_of(now: Now, transport: &MediaTransport, stream: &MediaStream) -> LedgerSlot {
    let srtp = transport.srtp_context();
    let peer = stream.inbound.stream.as_ref();
    let figures = Figures {
        port: stream.id,
        numbering: &stream.outbound.stream,
        is_live: stream.is_live(),
        reports: &stream.reports,
        sent: srtp
            .map(|srtp| srtp.protect(transport.seat(stream.id)))
            .map(|it| (it.saved(), it.mark())),
        peer: peer.and_then(|peer| Some((peer.ssrc, peer.reception.highest()?, peer.format))),
        came: srtp
            .zip(peer)
            .map(|(srtp, peer)| (srtp.unprotect.mark(), srtp.unprotect.highest(peer.ssrc))),
    };
    figures.slot(now, |at| now.unix_of(at))
}

/// The highest indices of RTP and of RTCP.
type Highest = (Option<u64>, Option<u64>);

/// What a slot is made of.
struct Figures<'a, At> {
    port: PortId,
    numbering: &'a Continuity<At>,
    is_live: bool,
    reports: &'a Reports<At>,
    /// And the mark of the keys.
    sent: Option<(SavedProtect, u32)>,
    /// SSRC, highest number, place of the format.
    peer: Option<(u32, u32, usize)>,
    /// The mark of the keys, and the highest indices of RTP and of RTCP.
    came: Option<(u32, Highest)>,
}

impl<At: Copy> Figures<'_, At> {
    fn slot(&self, now: Now, clock: impl Fn(At) -> UnixTime) -> LedgerSlot {
        let &Self { port, numbering, is_live, reports, sent, peer, came } = self;
        let ssrc = numbering.ssrc;
        let sealed = sent.and_then(|(sent, mark)| match sent.bound {
            IndexBound::None | IndexBound::Written { .. } => {
                let index = sent.highest_of(ssrc, numbering.given.highest)?;
                Some(SealedSlot { mark, index, rtcp_index: sent.rtcp_index })
            }
            IndexBound::Spent => None,
        });
        let is_own = reports.ssrc == ssrc;
        let peer = peer.map(|(ssrc, highest, format)| {
            let opened = came.and_then(|(mark, (rtp, rtcp))| {
                Some((rtp?, (mark, u32::try_from(rtcp.unwrap_or(0)).unwrap_or(u32::MAX))))
            });
            PeerSlot {
                ssrc,
                highest: opened.map_or(highest.into(), |(index, _)| index),
                format: u8::try_from(format).unwrap_or(u8::MAX),
                sealed: opened.map(|(_, sealed)| sealed),
            }
        });
        LedgerSlot {
            port,
            written: now.unix,
            ssrc,
            clock_rate: numbering.clock_rate,
            sequence: sealed.map_or(numbering.given.highest, |sealed| sealed.index as u16),
            timestamp: numbering.anchor.map_or(numbering.first_timestamp, |(last, _)| last),
            sent: numbering.anchor.map(|(_, at)| clock(at)),
            is_live,
            packets: if is_own { reports.packets } else { 0 },
            octets: if is_own { reports.octets } else { 0 },
            sealed,
            peer,
        }
    }
}

fn keys_of(plan: &Plan) -> Option<&SrtpKeys> {
    match &plan.transport.protection {
        Protection::Keyed(keys) => Some(keys),
        Protection::Clear | Protection::Awaited => None,
    }
}

fn resumed_latch(now: Now, latched: Option<SocketAddr>) -> SavedLatch {
    let state = match latched {
        Some(remote) => LatchState::Latched { remote, heard: now.unix },
        None => LatchState::Waiting { since: now.unix },
    };
    SavedLatch { state, trial: None }
}

/// How far keys are used at most, where their slot is known.
fn resumed_srtp(keys: &SrtpKeys, slot: Option<&LedgerSlot>) -> SavedSrtp {
    let SavedSrtp { sent: spent, .. } = SrtpContext::spent();
    let known = slot.and_then(|slot| Some((slot.ssrc, slot.sealed?)));
    let known = known.filter(|(_, sealed)| sealed.mark == keys.sends.mark());
    let sent = known.map_or(spent, |(ssrc, SealedSlot { index, rtcp_index, .. })| SavedProtect {
        highest: Some((ssrc, index.saturating_add(SEALED_AHEAD.into()))),
        rtcp_index: rtcp_index.saturating_add(SEALED_AHEAD.into()),
        bound: IndexBound::Written { ssrc, index, rtcp_index },
    });
    let peer = slot.and_then(|slot| Some((slot.peer?, slot.peer?.sealed?)));
    let peer = peer.filter(|(_, (mark, _))| *mark == keys.receives.mark());
    let came = peer.map_or_else(SavedUnprotect::default, |(peer, (_, rtcp_index))| {
        // What came before is not heard again, though some of it may have been lost.
        let source = |highest| SavedSource { ssrc: peer.ssrc, highest, window: u128::MAX };
        SavedUnprotect {
            sources: vec![source(peer.highest)],
            reporters: vec![source(rtcp_index.into())],
        }
    });
    SavedSrtp { sent, came }
}

fn resumed_stream(
    now: Now,
    facts: PortFacts,
    plan: &Plan,
    slot: Option<&LedgerSlot>,
) -> SavedStream {
    let peer = slot.and_then(|slot| resumed_peer(plan, slot.peer?));
    let is_heard = peer.is_some() || facts.latched.is_some();
    let blank: SavedInbound = Inbound::new(facts.kind, &plan.stream).saved(now);
    let mut inbound = SavedInbound { stream: peer, ..blank };
    inbound.keys.intercepted = facts.intercepted;
    if is_heard {
        inbound.vitals = SavedVitals { packets: 1, last: Some(now.unix), ..SavedVitals::default() };
    }
    let patience = FrameTimeout::default();
    let is_live = slot.is_some_and(|slot| slot.is_live);
    let shows = is_live && facts.kind == Kind::Video;
    let numbering = match slot {
        Some(slot) => resumed_numbering(now, facts.kind, plan, slot),
        // Another stream, then; as chance would have it.
        None => Continuity::scattered(
            now.unix.as_micros() as u32 ^ (facts.port.0 as u32).rotate_left(16),
        ),
    };
    let reports = resumed_reports(now, &numbering, slot);
    SavedStream {
        numbering,
        is_live,
        pictures: SavedPictures::default(),
        open_frame: None,
        carried: None,
        patience,
        inbound,
        reports,
        watch_due: facts.watched.then_some(now.unix),
        silence_due: is_heard.then_some(now.unix),
        picture_due: shows.then(|| now.unix + patience.gap),
    }
}

fn resumed_peer(plan: &Plan, peer: PeerSlot) -> Option<SavedInboundStream> {
    let format = usize::from(peer.format);
    let clock_rate = plan.stream.formats.get(format)?.codec.facts().clock_rate;
    let reception = SavedReception::behind(clock_rate, peer.highest as u32);
    Some(SavedInboundStream { ssrc: peer.ssrc, reception, format })
}

fn resumed_numbering(now: Now, kind: Kind, plan: &Plan, slot: &LedgerSlot) -> SavedNumbering {
    let rate = match kind {
        Kind::Audio => SOUND_RATE_MAX,
        Kind::Video => PICTURE_RATE_MAX,
    };
    let passed =
        if now.unix < slot.written { UNKNOWN_PASSED } else { now.unix.since(slot.written) };
    let ahead = match slot.sealed {
        Some(_) => SEALED_AHEAD,
        None => numbers_ahead(passed, rate),
    };
    let by_now =
        |passed| (slot.timestamp.wrapping_add(ticks(passed, plan.stream.clock_rate())), now.unix);
    let anchor = match (slot.sent, slot.clock_rate) {
        (Some(sent), Some(_)) => Some((slot.timestamp, sent)),
        (Some(sent), None) => Some(by_now(now.unix.since(sent))),
        // What had not begun may have, the moment after.
        (None, _) => (ahead > 0).then(|| by_now(passed)),
    };
    Continuity {
        ssrc: slot.ssrc,
        clock_rate: slot.clock_rate,
        // All of them are taken for given: two packets of one number would be sealed alike.
        given: Given { highest: slot.sequence.wrapping_add(ahead), below: u128::MAX },
        anchor,
        first_timestamp: slot.timestamp,
        feed: NumberingSource::Cut,
    }
}

fn resumed_reports(
    now: Now,
    numbering: &SavedNumbering,
    slot: Option<&LedgerSlot>,
) -> SavedReports {
    // Not all at once.
    let early = u64::from(numbering.ssrc % 1000);
    let due = now.unix + Duration::from_millis(500 + early);
    let (packets, octets) = slot.map_or((0, 0), |slot| (slot.packets, slot.octets));
    Reports {
        due,
        sender: None,
        far_end: None,
        ssrc: numbering.ssrc,
        packets,
        octets,
        reported: packets,
        resumed_from: slot.map(|_| numbering.given.highest.wrapping_add(1)),
    }
}
