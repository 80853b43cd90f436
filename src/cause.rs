//! Why a call, a leg or an attempt ended: one table of SIP status, Q.850 cause and Reason text.
//!
//! RFC 3261 §21, RFC 3398 §7.2.4 and §8.2.6.1 (the mapping), RFC 3326 (the Reason header).

use std::fmt;

/// Why something ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Cause {
    /// A party hung up.
    NormalClearing,
    /// Another contact, desk phone or operator answered.
    AnsweredElsewhere,
    /// The caller gave up before the answer.
    Abandoned,
    /// 486 or 600.
    Busy,
    /// Nobody answered within the time.
    NoAnswer,
    /// 603, or a refusal by a person.
    Declined,
    /// The levels and permits do not allow this call.
    NotPermitted,
    /// No such number.
    UnknownNumber,
    /// A terminal without a contact, a dead flow, or a 5xx from it.
    Unreachable,
    /// It was called by a `sips:` URI, and no sealed way leads there.
    SipsNotAllowed,
    /// No codec that both sides, or a converter, know.
    NoCommonCodec,
    /// No stream was offered at all, or every one with port 0.
    NoMedia,
    /// Only transport protocols that we lack, or DTLS without ICE or on two ports.
    NoCommonTransport,
    /// Only addresses of a family in which we have no media (RFC 6157).
    NoCommonAddress,
    /// SRTP without a key that can be used: no `a=crypto`, or only unknown suites, and no `a=fingerprint`.
    NoCommonKeys,
    /// The DTLS handshake was done under another certificate than the SDP speaks of.
    ForeignCertificate,
    /// The DTLS handshake came to nothing.
    HandshakeFailed,
    /// The number shows a camera, and the caller cannot see.
    NoPicture,
    /// Nobody is at a desk.
    NoOperator,
    /// The queue takes no callers at this hour.
    Closed,
    /// The queue is full.
    QueueFull,
    /// As many calls of this caller wait as may.
    TooManyOwn,
    /// As many calls of other domains wait as may.
    TooManyGuests,
    /// Our answer was not acknowledged.
    Unacknowledged,
    /// The longest wait is over.
    WaitedTooLong,
    /// A session timer ran out, or its phone does not answer any more.
    Lost,
    /// Neither packets nor reports came from either side for a long time.
    MediaStopped,
    /// The server was restarted while the call was up.
    Interrupted,
    /// A limit of ours, or too many requests.
    Overloaded,
    /// A loop, or too many hops.
    Loop,
    /// The peer broke the protocol.
    ProtocolError,
    /// The call went on elsewhere: transferred, replaced, redirected.
    Transferred,
    /// An administrator ended it.
    Administrative,
    /// We failed.
    Internal,
}

/// The table: cause, SIP status as a final response, Q.850 cause, text.
const TABLE: &[(Cause, u16, u8, &str)] = &[
    (Cause::NormalClearing, 480, 16, "Normal call clearing"),
    (Cause::AnsweredElsewhere, 487, 26, "Call completed elsewhere"),
    (Cause::Abandoned, 487, 16, "Caller gave up"),
    (Cause::Busy, 486, 17, "Busy"),
    (Cause::NoAnswer, 480, 19, "No answer"),
    (Cause::Declined, 603, 21, "Declined"),
    (Cause::NotPermitted, 403, 21, "Not permitted"),
    (Cause::UnknownNumber, 404, 1, "No such number"),
    (Cause::Unreachable, 480, 20, "Not reachable"),
    (Cause::SipsNotAllowed, 480, 20, "No sealed way there: call it by a sip: URI"),
    (Cause::NoCommonCodec, 488, 65, "No common codec"),
    (Cause::NoMedia, 488, 65, "No sound is offered"),
    (
        Cause::NoCommonTransport,
        488,
        65,
        "No common transport: offer RTP/AVP, RTP/SAVP, or DTLS with ICE and rtcp-mux",
    ),
    (Cause::NoCommonAddress, 488, 65, "No media here in this address family"),
    (Cause::NoCommonKeys, 488, 65, "No key that can be used: offer a=crypto or a=fingerprint"),
    (Cause::ForeignCertificate, 400, 111, "Another certificate than the fingerprint says"),
    (Cause::HandshakeFailed, 408, 102, "No keys came of the DTLS handshake"),
    (Cause::NoPicture, 488, 88, "This number is a picture: call it with video"),
    (Cause::NoOperator, 480, 31, "No operator present"),
    (Cause::Closed, 480, 31, "Closed at this hour"),
    (Cause::QueueFull, 480, 42, "Queue full"),
    (Cause::TooManyOwn, 486, 17, "Your other calls are waiting already"),
    (Cause::TooManyGuests, 480, 42, "Too many calls of other domains are waiting"),
    (Cause::Unacknowledged, 408, 102, "No acknowledgement came"),
    (Cause::WaitedTooLong, 480, 31, "Waited too long"),
    (Cause::Lost, 408, 27, "Connection lost"),
    (Cause::MediaStopped, 408, 102, "Media stopped"),
    (Cause::Interrupted, 503, 41, "Interrupted by a restart"),
    (Cause::Overloaded, 503, 42, "Overloaded"),
    (Cause::Loop, 482, 25, "Loop detected"),
    (Cause::ProtocolError, 400, 111, "Protocol error"),
    (Cause::Transferred, 480, 16, "Transferred"),
    (Cause::Administrative, 480, 31, "Ended by an administrator"),
    (Cause::Internal, 500, 41, "Internal error"),
];

impl Cause {
    fn row(self) -> (u16, u8, &'static str) {
        let row = TABLE.iter().find(|row| row.0 == self);
        let (_, status, q850, text) = row.expect("every cause has its row in TABLE");
        (*status, *q850, text)
    }

    /// The final response that refuses an INVITE for this cause.
    #[must_use]
    pub fn status(self) -> u16 {
        self.row().0
    }

    /// The cause value of ITU-T Q.850.
    #[must_use]
    pub fn q850(self) -> u8 {
        self.row().1
    }

    /// A sentence for people and for the Reason header.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.row().2
    }

    /// A word for records and the desk: `no-answer`.
    #[must_use]
    pub fn word(self) -> String {
        let mut word = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !word.is_empty() {
                word.push('-');
            }
            word.push(letter.to_ascii_lowercase());
        }
        word
    }

    /// The cause that a word from [`word`](Self::word) names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        TABLE.iter().map(|row| row.0).find(|cause| cause.word() == word)
    }

    /// The value of a Reason header (RFC 3326 §2): SIP for 487 after an answer elsewhere, else Q.850.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            // The text that phones recognise, so that they do not count a missed call.
            Self::AnsweredElsewhere => {
                format!("SIP;cause=200;text=\"{}\"", self.text())
            }
            _ => self.reason_saying(self.text()),
        }
    }

    /// The same in other words.
    #[must_use]
    pub fn reason_saying(self, text: &str) -> String {
        format!("Q.850;cause={};text=\"{text}\"", self.q850())
    }

    /// The value of a Warning header that says of an SDP what is wrong with it (RFC 3261 §20.43), or of a `sips:` URI
    /// that it leads nowhere (RFC 5630 §5.3).
    #[must_use]
    pub fn warning(self) -> Option<String> {
        let code = match self {
            Self::NoCommonAddress => 301,
            Self::NoCommonTransport => 302,
            Self::NoMedia | Self::NoPicture => 304,
            Self::NoCommonCodec => 305,
            Self::NoCommonKeys => 306,
            Self::SipsNotAllowed => 380,
            _ => return None,
        };
        Some(format!("{code} cordboard \"{}\"", self.text()))
    }

    /// What a final response from a phone means (RFC 3398 §8.2.6.1, shortened to what people tell apart).
    #[must_use]
    pub fn from_status(status: u16) -> Self {
        match status {
            486 | 600 => Self::Busy,
            603 | 607 | 608 => Self::Declined,
            403 | 401 | 407 => Self::NotPermitted,
            404 | 484 | 485 | 604 | 410 => Self::UnknownNumber,
            408 | 487 => Self::NoAnswer,
            415 | 488 | 606 => Self::NoCommonCodec,
            482 | 483 => Self::Loop,
            480 | 430 | 500..=599 => Self::Unreachable,
            _ => Self::Declined,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for (cause, ..) in TABLE {
            assert_eq!(Cause::from_word(&cause.word()), Some(*cause));
        }
        assert_eq!(Cause::NoAnswer.word(), "no-answer");
    }

    #[test]
    fn an_offer_that_is_refused_is_told_what_is_wrong_with_it() {
        for (cause, status, ..) in TABLE {
            let warns = *status == 488 || *cause == Cause::SipsNotAllowed;
            assert_eq!(cause.warning().is_some(), warns, "{cause:?}");
        }
        let warning = Cause::NoCommonCodec.warning();
        assert_eq!(warning.as_deref(), Some("305 cordboard \"No common codec\""));
    }

    #[test]
    fn a_call_answered_elsewhere_is_no_missed_call() {
        let reason = Cause::AnsweredElsewhere.reason();
        assert_eq!(reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
    }
}
