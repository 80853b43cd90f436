//! What becomes of a panic in a codec: it costs the one thing that was being done, and is told.

use std::panic::{AssertUnwindSafe, catch_unwind};

const _: () = assert!(cfg!(panic = "unwind"), "a codec's panic has to be caught");

/// Does something that may break down; then the caller lets go of all that it had in hand.
///
/// # Errors
/// What the panic says.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it does not say why").to_owned()
    })
}
