//! The open ports, found without hashing.

use super::port::Port;
use super::stream::MediaStream;
use super::transport::MediaTransport;
use crate::ids::PortId;

/// By half their number.
#[derive(Debug, Default)]
pub(super) struct PortTable(Vec<Option<Box<Bundle>>>);

/// A transport and the streams on it, in one piece: each one or, where a peer bundles them (RFC 9143), two.
#[derive(Debug)]
struct Bundle<S: ?Sized = [MediaStream]> {
    transport: MediaTransport,
    streams: S,
}

impl PortTable {
    /// Enters a stream with a transport of its own.
    pub fn insert(&mut self, transport: MediaTransport, stream: MediaStream) {
        let at = index(stream.id);
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = Some(Box::new(Bundle { transport, streams: [stream] }));
    }

    pub fn remove(&mut self, port: PortId) {
        if let Some(entry) = self.0.get_mut(index(port)) {
            *entry = None;
        }
    }

    /// What a port carries.
    pub fn get(&self, port: PortId) -> Option<&MediaStream> {
        let bundle = self.0.get(index(port))?.as_deref()?;
        bundle.streams.iter().find(|stream| stream.id == port)
    }

    /// What a port carries, and its transport.
    pub fn both(&self, port: PortId) -> Option<(&MediaTransport, &MediaStream)> {
        let bundle = self.0.get(index(port))?.as_deref()?;
        let stream = bundle.streams.iter().find(|stream| stream.id == port)?;
        Some((&bundle.transport, stream))
    }

    /// Goes over all of them, in the order of their numbers.
    pub fn each(&mut self, mut each: impl FnMut(&mut MediaTransport, &MediaStream)) {
        for bundle in self.0.iter_mut().flatten() {
            let Bundle { transport, streams } = &mut **bundle;
            streams.iter().for_each(|stream| each(transport, stream));
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, port: PortId) -> Option<Port<'_>> {
        let Bundle { transport, streams } = self.0.get_mut(index(port))?.as_deref_mut()?;
        let stream = streams.iter_mut().find(|stream| stream.id == port)?;
        Some(Port { transport, stream })
    }
}

fn index(port: PortId) -> usize {
    usize::try_from(port.0 / 2).unwrap_or(usize::MAX)
}
