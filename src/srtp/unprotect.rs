//! Opening what a peer sends: who has not its keys is not heard, and nothing is heard twice.

use super::key_stream::{PacketNonce, SrtpKind};
use super::keys::MasterKey;
use super::mki::Mki;
use super::session::{SessionKeys, index_of, numbers, payload_at};

/// SSRCs of one peer that are followed at a time; a further one takes the place of the oldest.
pub const SOURCES_MAX: usize = 4;
/// Packets behind the highest that may still come, once (RFC 3711 §3.3.2 wants at least 64).
const WINDOW: u64 = 128;

/// The receiving side of one stream.
#[derive(Clone, Debug)]
pub struct UnprotectContext {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    mki: Mki,
    sources: Vec<SrtpSource>,
    reporters: Vec<SrtpSource>,
    mark: u32,
}

#[derive(Clone, Debug)]
struct SrtpSource {
    ssrc: u32,
    seen: ReplayList,
}

/// Which indices have come.
#[derive(Clone, Copy, Debug, Default)]
struct ReplayList {
    highest: Option<u64>,
    /// Bit n: the one n below the highest has come.
    window: u128,
}

/// What has come under keys that another process goes on with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SavedUnprotect {
    /// Of RTP, by SSRC, the oldest first.
    pub sources: Vec<SavedSource>,
    /// Of RTCP.
    pub reporters: Vec<SavedSource>,
}

/// What has come of one SSRC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SavedSource {
    /// Which.
    pub ssrc: u32,
    /// The highest index.
    pub highest: u64,
    /// Bit n: the one n below the highest has come.
    pub window: u128,
}

impl SrtpSource {
    fn saved(&self) -> Option<SavedSource> {
        let ReplayList { highest, window } = self.seen;
        highest.map(|highest| SavedSource { ssrc: self.ssrc, highest, window })
    }

    fn restored(saved: SavedSource) -> Self {
        let SavedSource { ssrc, highest, window } = saved;
        Self { ssrc, seen: ReplayList { highest: Some(highest), window } }
    }
}

impl UnprotectContext {
    /// What has come so far.
    #[must_use]
    pub fn saved(&self) -> SavedUnprotect {
        let all = |all: &[SrtpSource]| all.iter().filter_map(SrtpSource::saved).collect();
        SavedUnprotect { sources: all(&self.sources), reporters: all(&self.reporters) }
    }

    /// The mark of its keys.
    #[must_use]
    pub fn mark(&self) -> u32 {
        self.mark
    }

    /// The highest indices of RTP and of RTCP that have come of an SSRC.
    #[must_use]
    pub fn highest(&self, ssrc: u32) -> (Option<u64>, Option<u64>) {
        let highest = |all: &[SrtpSource]| {
            all.iter().find(|source| source.ssrc == ssrc).and_then(|source| source.seen.highest)
        };
        (highest(&self.sources), highest(&self.reporters))
    }

    /// Goes on behind what has come under these keys: nothing of it is heard twice.
    #[must_use]
    pub fn restored(keys: &MasterKey, saved: SavedUnprotect) -> Self {
        let mut context = Self::new(keys);
        let all =
            |all: Vec<SavedSource>| all.into_iter().take(SOURCES_MAX).map(SrtpSource::restored);
        context.sources.extend(all(saved.sources));
        context.reporters.extend(all(saved.reporters));
        context
    }

    /// The same for SSRCs of which nothing has come here.
    pub fn restore_beside(&mut self, saved: SavedUnprotect) {
        let add = |known: &mut Vec<SrtpSource>, saved: Vec<SavedSource>| {
            for source in saved {
                let is_new = known.iter().all(|known| known.ssrc != source.ssrc);
                if is_new && known.len() < SOURCES_MAX {
                    known.push(SrtpSource::restored(source));
                }
            }
        };
        add(&mut self.sources, saved.sources);
        add(&mut self.reporters, saved.reporters);
    }

    /// Nothing has come under these keys.
    #[must_use]
    pub fn new(keys: &MasterKey) -> Self {
        Self {
            rtp: SessionKeys::new(keys, SrtpKind::Rtp),
            rtcp: SessionKeys::new(keys, SrtpKind::Rtcp),
            mki: keys.mki(),
            sources: Vec::with_capacity(SOURCES_MAX),
            reporters: Vec::with_capacity(SOURCES_MAX),
            mark: keys.mark(),
        }
    }

    /// Opens a packet of RTP in its place and returns its length without name and tag; none when it is
    /// not the peer's, or a repetition.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Option<usize> {
        let parts = self.rtp.divide_rtp(packet, self.mki)?;
        let body = packet.get(..parts.body).filter(|body| body.len() >= 12)?;
        let payload = payload_at(body)?;
        let (sequence, ssrc) = numbers(body);
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        let highest = known.and_then(|at| self.sources[at].seen.highest);
        let index = highest.map_or(u64::from(sequence), |highest| index_of(sequence, highest));
        let is_new = known.is_none_or(|at| self.sources[at].seen.is_new(index));
        if !is_new || !self.rtp.open_rtp(packet, parts, payload, PacketNonce { ssrc, index }) {
            return None;
        }
        enter(&mut self.sources, known, ssrc, index);
        Some(parts.body)
    }

    /// Opens a packet of RTCP in its place and returns its length without index, name and tag; none
    /// when it is not the peer's, or a repetition.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Option<usize> {
        let (parts, index, is_encrypted) = self.rtcp.divide_rtcp(packet, self.mki)?;
        let index = u64::from(index);
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        // By SSRC, as libsrtp counts: a phone that takes another one begins to count anew.
        let known = self.reporters.iter().position(|reporter| reporter.ssrc == ssrc);
        let is_new = known.is_none_or(|at| self.reporters[at].seen.is_new(index));
        let nonce = PacketNonce { ssrc, index };
        if !is_new || !self.rtcp.open_rtcp(packet, parts, nonce, is_encrypted) {
            return None;
        }
        enter(&mut self.reporters, known, ssrc, index);
        Some(parts.body)
    }
}

/// Notes a packet that is proven; only such a one makes its source known.
fn enter(sources: &mut Vec<SrtpSource>, known: Option<usize>, ssrc: u32, index: u64) {
    let at = known.unwrap_or_else(|| {
        if sources.len() == SOURCES_MAX {
            sources.remove(0);
        }
        sources.push(SrtpSource { ssrc, seen: ReplayList::default() });
        sources.len() - 1
    });
    sources[at].seen.enter(index);
}

impl ReplayList {
    fn is_new(&self, index: u64) -> bool {
        match self.highest {
            None => true,
            Some(highest) if index > highest => true,
            Some(highest) => {
                let behind = highest - index;
                behind < WINDOW && self.window >> behind & 1 == 0
            }
        }
    }

    fn enter(&mut self, index: u64) {
        let highest = self.highest.unwrap_or(index);
        if index >= highest {
            let ahead = index - highest;
            self.window = if ahead < WINDOW { self.window << ahead } else { 0 };
            self.window |= 1;
            self.highest = Some(index);
        } else {
            self.window |= 1 << (highest - index).min(WINDOW - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ProtectContext, Seed, Suite};
    use super::*;
    use proptest::prelude::*;

    fn keys(suite: Suite) -> MasterKey {
        MasterKey::fresh(suite, Seed(std::array::from_fn(|at| at as u8 * 5)))
    }

    fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        let head = [&[0x80, 0, high, low, 0, 0, 0, 9][..], &ssrc.to_be_bytes()].concat();
        [&head[..], b"the voice of somebody"].concat()
    }

    const ALL: [Suite; 5] = Suite::ALL;

    #[test]
    fn what_is_sealed_opens_under_the_same_keys_only() {
        for suite in ALL {
            let (mut protect, mut unprotect) =
                (ProtectContext::new(&keys(suite)), UnprotectContext::new(&keys(suite)));
            let mut other_keys = UnprotectContext::new(&MasterKey::fresh(suite, Seed([9; 46])));
            let mut sealed = packet(7, 100);
            protect.protect_rtp(&mut sealed);
            assert_eq!(sealed.len(), packet(7, 100).len() + suite.tag_len());
            assert_ne!(sealed[12..20], packet(7, 100)[12..20]);
            assert_eq!(other_keys.unprotect_rtp(&mut sealed.clone()), None);
            let len = unprotect.unprotect_rtp(&mut sealed).unwrap();
            assert_eq!(sealed[..len], packet(7, 100));
        }
    }

    /// Packets as libsrtp seals them under a master key of its own tests.
    #[test]
    fn a_master_key_of_gcm_seals_as_elsewhere() {
        let hex = |text: &str| -> Vec<u8> {
            let bytes = (0..text.len()).step_by(2);
            bytes.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let master: [u8; 46] = std::array::from_fn(|at| match at as u8 {
            at @ 0..16 => at,
            at => at - 16 + 0xa0,
        });
        let keys = MasterKey::fresh(Suite::AeadAes128Gcm, Seed(master));
        let (mut protect, mut unprotect) =
            (ProtectContext::new(&keys), UnprotectContext::new(&keys));
        let voice = [&hex("800f1234decafbadcafebabe")[..], &[0xab; 16]].concat();
        let mut sealed = voice.clone();
        protect.protect_rtp(&mut sealed);
        let expected = "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826\
                        f796b201df3131a127e8a392";
        assert_eq!(sealed, hex(expected));
        assert_eq!(unprotect.unprotect_rtp(&mut sealed), Some(voice.len()));
        assert_eq!(sealed[..voice.len()], voice);
        let report = [&hex("81c8000bcafebabe")[..], &[0xab; 16]].concat();
        let mut sealed = report.clone();
        protect.protect_rtcp(&mut sealed);
        let expected = "81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446\
                        ea31123ba88ce61e80000001";
        assert_eq!(sealed, hex(expected));
        assert_eq!(unprotect.unprotect_rtcp(&mut sealed), Some(report.len()));
        assert_eq!(sealed[..report.len()], report);
    }

    #[test]
    fn a_repetition_and_a_changed_bit_are_refused() {
        for suite in ALL {
            let (mut protect, mut unprotect) =
                (ProtectContext::new(&keys(suite)), UnprotectContext::new(&keys(suite)));
            let (mut voice, mut report) = (packet(7, 100), vec![0x80, 201, 0, 1, 0, 0, 0, 7]);
            protect.protect_rtp(&mut voice);
            protect.protect_rtcp(&mut report);
            for at in 0..voice.len() {
                let mut changed = voice.clone();
                changed[at] ^= 1;
                assert_eq!(unprotect.unprotect_rtp(&mut changed), None, "{suite}, byte {at}");
            }
            for at in 0..report.len() * 8 {
                let mut changed = report.clone();
                changed[at / 8] ^= 1 << (at % 8);
                assert_eq!(unprotect.unprotect_rtcp(&mut changed), None, "{suite}, bit {at}");
            }
            assert!(unprotect.unprotect_rtp(&mut voice.clone()).is_some());
            assert!(unprotect.unprotect_rtcp(&mut report.clone()).is_some());
            assert_eq!(unprotect.unprotect_rtp(&mut voice), None, "again");
            assert_eq!(unprotect.unprotect_rtcp(&mut report), None, "again");
        }
    }

    #[test]
    fn another_process_goes_on_behind_what_was_sent_and_hears_nothing_twice() {
        for suite in ALL {
            let keys = keys(suite);
            let (mut protect, mut unprotect) =
                (ProtectContext::new(&keys), UnprotectContext::new(&keys));
            let mut witness = UnprotectContext::new(&keys);
            let (mut sealed, mut reports) = (vec![], vec![]);
            for n in 65_500_u32..65_800 {
                let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
                protect.protect_rtcp(&mut report);
                let mut packet = packet(7, n as u16);
                protect.protect_rtp(&mut packet);
                assert!(witness.unprotect_rtp(&mut packet.clone()).is_some());
                assert!(witness.unprotect_rtcp(&mut report.clone()).is_some());
                // One of the last is late.
                if n != 65_790 {
                    assert!(unprotect.unprotect_rtp(&mut packet.clone()).is_some());
                    assert!(unprotect.unprotect_rtcp(&mut report.clone()).is_some());
                }
                sealed.push(packet);
                reports.push(report);
                let (sent, came) = (protect.saved(), unprotect.saved());
                protect = ProtectContext::restored(&keys, sent);
                unprotect = UnprotectContext::restored(&keys, came.clone());
                assert_eq!((protect.saved(), unprotect.saved()), (sent, came));
            }
            let heard = sealed
                .iter()
                .filter(|packet| unprotect.unprotect_rtp(&mut (*packet).clone()).is_some());
            assert_eq!(heard.count(), 1, "the late one");
            let heard = reports
                .iter()
                .filter(|report| unprotect.unprotect_rtcp(&mut (*report).clone()).is_some());
            assert_eq!(heard.count(), 1);
        }
    }

    #[test]
    fn another_ssrc_counts_its_rollovers_from_nothing() {
        let (mut protect, mut unprotect) =
            (ProtectContext::new(&keys(ALL[0])), UnprotectContext::new(&keys(ALL[0])));
        for n in 65_000_u32..70_000 {
            protect.protect_rtp(&mut packet(7, n as u16));
        }
        for n in 100_u16..110 {
            let mut packet = packet(8, n);
            protect.protect_rtp(&mut packet);
            assert!(unprotect.unprotect_rtp(&mut packet).is_some(), "packet {n}");
        }
    }

    #[test]
    fn numbers_go_round_and_late_packets_still_open_once() {
        let (mut protect, mut unprotect) =
            (ProtectContext::new(&keys(ALL[0])), UnprotectContext::new(&keys(ALL[0])));
        let mut sealed: Vec<Vec<u8>> = (65_500_u32..65_800)
            .map(|n| {
                let mut packet = packet(7, n as u16);
                protect.protect_rtp(&mut packet);
                packet
            })
            .collect();
        sealed.swap(30, 50);
        for (n, packet) in sealed.iter_mut().enumerate() {
            assert!(unprotect.unprotect_rtp(packet).is_some(), "packet {n}");
        }
        // Twice around, so that the rollover counter is more than one bit.
        for n in 65_800_u32..200_000 {
            let mut packet = packet(7, n as u16);
            protect.protect_rtp(&mut packet);
            if n % 50 == 0 {
                assert!(unprotect.unprotect_rtp(&mut packet).is_some(), "packet {n}");
            }
        }
    }

    #[test]
    fn reports_are_sealed_and_opened_and_not_repeated() {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4];
        let (mut protect, mut unprotect) =
            (ProtectContext::new(&keys(ALL[1])), UnprotectContext::new(&keys(ALL[1])));
        for _ in 0..3 {
            let mut sealed = report.to_vec();
            protect.protect_rtcp(&mut sealed);
            assert_eq!(sealed.len(), report.len() + 14);
            let len = unprotect.unprotect_rtcp(&mut sealed.clone()).unwrap();
            let mut opened = sealed.clone();
            assert_eq!(unprotect.unprotect_rtcp(&mut opened), None, "again");
            assert_eq!(len, report.len());
        }
        let mut sealed = report.to_vec();
        protect.protect_rtcp(&mut sealed);
        let len = unprotect.unprotect_rtcp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], report);
    }

    #[test]
    fn a_key_that_has_a_name_says_it_in_each_packet() {
        let named = |value| keys(ALL[0]).named(Mki::new(value, 4).unwrap());
        let (mut protect, mut unprotect) =
            (ProtectContext::new(&named(7)), UnprotectContext::new(&named(7)));
        let mut sealed = packet(7, 100);
        protect.protect_rtp(&mut sealed);
        assert_eq!(sealed.len(), packet(7, 100).len() + 14);
        assert_eq!(sealed[sealed.len() - 14..][..4], [0, 0, 0, 7]);
        for other in [keys(ALL[0]), named(8)] {
            assert_eq!(
                UnprotectContext::new(&other).unprotect_rtp(&mut sealed.clone()),
                None,
                "another name"
            );
        }
        let len = unprotect.unprotect_rtp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], packet(7, 100));
        let report = [0x80, 201, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4];
        let mut sealed = report.to_vec();
        protect.protect_rtcp(&mut sealed);
        assert_eq!(sealed.len(), report.len() + 18);
        assert_eq!(UnprotectContext::new(&keys(ALL[0])).unprotect_rtcp(&mut sealed.clone()), None);
        let len = unprotect.unprotect_rtcp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], report);
        for len in 0..20 {
            assert_eq!(unprotect.unprotect_rtp(&mut vec![0; len]), None);
            assert_eq!(unprotect.unprotect_rtcp(&mut vec![0; len]), None);
        }
    }

    #[test]
    fn a_phone_that_takes_another_ssrc_may_count_its_reports_anew() {
        let report = |ssrc| vec![0x80, 201, 0, 1, 0, 0, 0, ssrc, 1, 2, 3, 4];
        let mut unprotect = UnprotectContext::new(&keys(ALL[0]));
        for ssrc in [7, 8] {
            let mut protect = ProtectContext::new(&keys(ALL[0]));
            for _ in 0..3 {
                let mut sealed = report(ssrc);
                protect.protect_rtcp(&mut sealed);
                assert!(unprotect.unprotect_rtcp(&mut sealed.clone()).is_some());
                assert_eq!(unprotect.unprotect_rtcp(&mut sealed), None, "again");
            }
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    /// Whole packets that libsrtp's validation holds (srtp_driver.c), under the master key of
    /// RFC 3711, B.3: the counter, the rollover in the tag and the index of RTCP are as others have
    /// them.
    #[test]
    fn whole_packets_are_sealed_as_others_seal_them() {
        let master = hex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6");
        let mut seed = [0; 46];
        seed[..30].copy_from_slice(&master);
        let keys = MasterKey::fresh(Suite::AesCm128Sha1_80, Seed(seed));
        let mut protect = ProtectContext::new(&keys);
        let mut packet = hex("800f1234decafbadcafebabe abababababababababababababababab");
        protect.protect_rtp(&mut packet);
        let wanted =
            "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb";
        assert_eq!(packet, hex(wanted));
        let mut report = hex("81c8000bcafebabe abababababababababababababababab");
        protect.protect_rtcp(&mut report);
        let wanted =
            "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798";
        assert_eq!(report, hex(wanted));
    }

    #[test]
    fn sources_without_end_fill_no_memory() {
        let (mut protect, mut unprotect) =
            (ProtectContext::new(&keys(ALL[0])), UnprotectContext::new(&keys(ALL[0])));
        for ssrc in 0..100 {
            let mut sealed = packet(ssrc, 1);
            protect.protect_rtp(&mut sealed);
            assert!(unprotect.unprotect_rtp(&mut sealed).is_some());
        }
        assert_eq!(unprotect.sources.len(), SOURCES_MAX);
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_panic(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
            let (mut protect, mut unprotect) = (ProtectContext::new(&keys(ALL[0])), UnprotectContext::new(&keys(ALL[0])));
            for mut packet in packets {
                prop_assert_eq!(unprotect.unprotect_rtp(&mut packet), None);
                prop_assert_eq!(unprotect.unprotect_rtcp(&mut packet), None);
                protect.protect_rtcp(&mut packet.clone());
                protect.protect_rtp(&mut packet);
            }
        }
    }
}
