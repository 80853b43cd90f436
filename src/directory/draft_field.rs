//! One thing that a draft may say, or leave as it is.

/// What a draft says of something that can be taken away again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum DraftField<T> {
    /// As it was.
    #[default]
    Keep,
    /// Gone.
    Clear,
    /// This from now on.
    Set(T),
}
