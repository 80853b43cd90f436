//! What rings and sounds at the phones of operators without a desk.

use super::keys::FeatureCodeDigits;
use crate::call::RingingPhones;
use crate::ids::{LegId, OperatorId, RequestId};
use crate::media::Tone;
use crate::time::{Instant, earliest};
use std::collections::BTreeMap;

/// The phones of all phone-only operators.
#[derive(Debug, Default)]
pub(super) struct Phones {
    pub offers: BTreeMap<OperatorId, Offers>,
    /// Of the phones whose answer took the call.
    pub keys: BTreeMap<LegId, Keypad>,
    /// Feature codes being answered: the tone, then the end.
    pub codes: BTreeMap<LegId, (Tone, Option<Instant>)>,
    /// Tones at operators' phones in a call, until they hear the other party again.
    pub tones: BTreeMap<LegId, Instant>,
}

/// What one operator was offered, in queue order; the first rings.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub waiting: Vec<RequestId>,
    pub ringing: Option<(RequestId, RingingPhones)>,
}

/// The keys of a phone whose answer took the call.
#[derive(Debug, Default)]
pub(super) struct Keypad {
    pub keys: FeatureCodeDigits,
    /// The operator was warned that the two are not healthy: the next `*5` forces.
    pub warned: bool,
}

impl Phones {
    pub fn deadline(&self) -> Option<Instant> {
        let ringing = self.offers.values().filter_map(|o| Some(o.ringing.as_ref()?.1.until)).min();
        let keys = self.keys.values().filter_map(|pad| pad.keys.deadline()).min();
        let codes = self.codes.values().filter_map(|(_, until)| *until).min();
        let tones = self.tones.values().min().copied();
        earliest(earliest(ringing, keys), earliest(codes, tones))
    }
}
