//! Why a text is no call, and where.

/// The longest text of a call without its parties: a thousand phases, and what is around them.
pub const CALL_BYTES_MAX: usize = 512 * 1024;

/// Why a text is no call. What it holds is not repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallFault {
    /// More than [`CALL_BYTES_MAX`].
    #[error("longer than {CALL_BYTES_MAX} bytes")]
    TooLong,
    /// It is torn, or a value is missing or of another kind than it has to be.
    #[error("not the JSON of a call at line {line}, column {column}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Another version has written it.
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
) -> Result<T, CallFault> {
    value.ok_or(CallFault::Value { field, wanted })
}

/// A list that is not too long.
pub(super) fn few<T>(field: &'static str, list: Vec<T>, most: usize) -> Result<Vec<T>, CallFault> {
    if list.len() > most { Err(CallFault::TooMany { field, most }) } else { Ok(list) }
}
