//! The open ports, found without hashing.

use super::port::Port;
use crate::ids::PortId;

/// By half their number.
#[derive(Debug, Default)]
pub(super) struct PortTable(Vec<Option<Box<Port>>>);

impl PortTable {
    pub fn insert(&mut self, port: Port) {
        let at = index(port.id);
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = Some(Box::new(port));
    }

    pub fn remove(&mut self, port: PortId) -> Option<Box<Port>> {
        self.0.get_mut(index(port))?.take()
    }

    pub fn get(&self, port: PortId) -> Option<&Port> {
        self.0.get(index(port))?.as_deref()
    }

    pub fn get_mut(&mut self, port: PortId) -> Option<&mut Port> {
        self.0.get_mut(index(port))?.as_deref_mut()
    }
}

fn index(port: PortId) -> usize {
    usize::try_from(port.0 / 2).unwrap_or(usize::MAX)
}
