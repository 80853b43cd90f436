//! A call as the machine sees it, whether through an operator or direct.

use super::direct::DirectCall;
use super::operator_call::OperatorCall;
use crate::ids::{CameraId, Number, RequestId};
use crate::time::Instant;
use std::collections::BTreeSet;

/// A call of either kind.
#[derive(Debug)]
pub(crate) enum AnyCall {
    Operator(Box<OperatorCall>),
    Direct(Box<DirectCall>),
}

impl AnyCall {
    pub fn is_over(&self) -> bool {
        match self {
            Self::Operator(call) => call.is_over(),
            Self::Direct(call) => call.is_over(),
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Operator(call) => call.deadline(),
            Self::Direct(call) => call.deadline(),
        }
    }

    pub fn camera(&self) -> Option<CameraId> {
        match self {
            Self::Operator(_) => None,
            Self::Direct(call) => call.camera(),
        }
    }

    pub fn request(&self) -> Option<RequestId> {
        match self {
            Self::Operator(call) => Some(call.request),
            Self::Direct(_) => None,
        }
    }

    /// The terminals that are in this call as in any other; an operator's own phone in an operator
    /// call is not, that is presence's `Engage`.
    pub fn phones(&self) -> BTreeSet<Number> {
        let (identity, callee, over) = match self {
            Self::Operator(call) => (&call.identity, call.answered_callee(), call.is_over()),
            Self::Direct(call) => (&call.identity, call.answered_callee(), call.is_over()),
        };
        if over {
            return BTreeSet::new();
        }
        identity.terminal().into_iter().chain(callee).cloned().collect()
    }
}
