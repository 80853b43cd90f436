//! New keys for a leg of which nobody knows how far the old ones are used: nothing may be sealed with them again
//! (RFC 3711 §9.1), and nothing is sent until the peer has the new ones.

use super::agreement::NegotiatedStream;
use super::api::OfferedSecurity;
use super::machine::{Effect, Machine};
use super::our_stream::OurStream;
use super::peer::PeerCrypto;
use super::state::LegPhase;
use crate::cause::Cause;
use crate::dialog::{self, Body};
use crate::ids::LegId;
use crate::srtp::Seed;
use crate::time::Instant;

impl Machine {
    /// Offers what is agreed under fresh keys of ours, by one re-INVITE. A leg in the midst of an offer gets
    /// fresh keys by it, or with the next.
    pub(super) fn rekey(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        let seeds = [(); 2].map(|()| Seed(self.random.bytes()));
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if leg.security() == OfferedSecurity::Handshake {
            // A browser begins no other handshake with a certificate that it knows: it has to call again.
            return self.end(now, id, Cause::Interrupted, out);
        }
        if !matches!(leg.phase, LegPhase::Up) || !leg.negotiation.is_quiet() || !leg.is_srtp() {
            return;
        }
        let [audio_seed, video_seed] = seeds;
        let streams = leg.negotiation.streams();
        let audio = streams.audio.as_ref().map(|stream| renewed(stream, audio_seed));
        let video = streams.video.as_ref().map(|stream| renewed(stream, video_seed));
        let body = Body::sdp(leg.negotiation.offer(audio, video).to_string());
        self.want(now, id, dialog::Command::Reoffer { body: Some(body) }, out);
    }
}

/// The stream as it is, to be offered under another key of the same suite.
fn renewed(stream: &NegotiatedStream, seed: Seed) -> OurStream {
    let ours = stream.offered_again();
    let crypto = ours.crypto.as_ref();
    let crypto = crypto.map(|old| PeerCrypto { tag: old.tag, keys: old.keys.renewed(seed) });
    OurStream { crypto, ..ours }
}
