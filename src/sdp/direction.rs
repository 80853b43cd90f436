//! The direction of a stream (RFC 8866 §6.7), as the describing party sees it.

/// Who sends in a stream, seen from the party whose description says it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// Only the describing party.
    SendOnly,
    /// Only its peer.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction in which `sends` and `receives` hold.
    #[must_use]
    pub fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the describing party sends.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the describing party receives.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same stream as the other party would describe it.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What is left where both hold: `offered.reversed().intersection(wanted)` is the answer to an
    /// offer (RFC 3264 §6.1).
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name: `sendrecv`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that an attribute of this name states.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.word().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_never_sends_more_than_was_offered() {
        let answer = |offered: Direction, wanted| offered.reversed().intersection(wanted);
        assert_eq!(answer(Direction::SendOnly, Direction::SendRecv), Direction::RecvOnly);
        assert_eq!(answer(Direction::SendRecv, Direction::SendOnly), Direction::SendOnly);
        assert_eq!(answer(Direction::RecvOnly, Direction::RecvOnly), Direction::Inactive);
    }

    #[test]
    fn words_read_back_and_reversing_twice_changes_nothing() {
        for word in ["sendrecv", "sendonly", "recvonly", "inactive"] {
            let direction = Direction::from_word(word).unwrap();
            assert_eq!(direction.word(), word);
            assert_eq!(direction.reversed().reversed(), direction);
        }
        assert_eq!(Direction::from_word("send"), None);
    }
}
