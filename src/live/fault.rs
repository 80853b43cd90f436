//! Why a text is no party, and where.

/// The longest text of a party: two session descriptions of the longest, and what is around them.
pub const PARTY_BYTES_MAX: usize = 512 * 1024;

/// Why a text is no party. What it holds is not repeated: keys are among it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PartyFault {
    /// More than [`PARTY_BYTES_MAX`].
    #[error("longer than {PARTY_BYTES_MAX} bytes")]
    TooLong,
    /// It is torn, or a value is of another kind than it has to be.
    #[error("not the JSON of a party at line {line}, column {column}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Another version has written it; none is 0.
    #[error("of version {0}, and only 1 is known here")]
    Version(u64),
    /// A value is missing, or not what it has to be.
    #[error("{field}: missing, or not {wanted}")]
    Value {
        /// Which.
        field: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
    /// A list is too long.
    #[error("{field}: more than {most}")]
    TooMany {
        /// Which.
        field: &'static str,
        /// The most there can be.
        most: usize,
    },
}

/// What has to be a value, or the fault that it is none.
pub(super) fn need<T>(
    field: &'static str,
    wanted: &'static str,
    value: Option<T>,
) -> Result<T, PartyFault> {
    value.ok_or(PartyFault::Value { field, wanted })
}

/// A list that is not too long.
pub(super) fn few<T>(field: &'static str, list: Vec<T>, most: usize) -> Result<Vec<T>, PartyFault> {
    if list.len() > most { Err(PartyFault::TooMany { field, most }) } else { Ok(list) }
}
