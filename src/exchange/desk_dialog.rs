//! A control dialog as the exchange knows it.

use crate::dialog::DialogKey;
use crate::ids::OperatorId;
use crate::sip::Flow;

/// One control dialog.
#[derive(Debug)]
pub(super) struct DeskDialog {
    pub operator: OperatorId,
    pub flow: Flow,
    /// As it stands in the journal, once its 200 was acknowledged.
    pub stored: Option<DialogKey>,
}

impl DeskDialog {
    pub fn new(operator: OperatorId, flow: Flow) -> Self {
        Self { operator, flow, stored: None }
    }
}
