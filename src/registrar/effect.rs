//! What the registrar wants done.

use super::binding::BindingChange;
use crate::ids::Number;
use crate::sip::Response;

/// What the registrar wants done, in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Write this to the journal.
    Store(BindingChange),
    /// Answer the request.
    Respond {
        /// The name that came with the request.
        transaction: u64,
        /// The answer.
        response: Response,
        /// Only when what was to be stored before it has been committed (R8.1).
        after_commit: bool,
    },
    /// The phone has registered, for the first time or again: it is alive.
    Registered(Number),
    /// The last binding of the number is gone; a fixed contact may be left.
    Unregistered(Number),
}
