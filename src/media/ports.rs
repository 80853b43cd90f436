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
struct Bundle {
    transport: MediaTransport,
    stream: MediaStream,
    /// The one beside it, under the number of the socket that nobody uses then.
    beside: Option<Box<MediaStream>>,
}

impl Bundle {
    fn stream(&self, port: PortId) -> Option<&MediaStream> {
        if self.stream.id == port {
            return Some(&self.stream);
        }
        self.beside.as_deref().filter(|beside| beside.id == port)
    }
}

impl PortTable {
    /// Enters a stream with a transport of its own.
    pub fn insert(&mut self, transport: MediaTransport, stream: MediaStream) {
        let at = index(stream.id);
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = Some(Box::new(Bundle { transport, stream, beside: None }));
    }

    /// Enters a stream beside the one that a transport carries; the transport, unless that has two already, or the
    /// stream's number is not the one above.
    pub fn join(&mut self, carrier: PortId, stream: MediaStream) -> Option<&mut MediaTransport> {
        let bundle = self.0.get_mut(index(carrier))?.as_deref_mut()?;
        let is_next = bundle.stream.id == carrier && stream.id.0 == carrier.0 + 1;
        if !is_next || index(stream.id) != index(carrier) || bundle.beside.is_some() {
            return None;
        }
        bundle.beside = Some(Box::new(stream));
        bundle.transport.carry_two(true);
        Some(&mut bundle.transport)
    }

    /// Forgets a port, with what it carries beside its own.
    pub fn remove(&mut self, port: PortId) {
        let Some(entry) = self.0.get_mut(index(port)) else { return };
        match entry {
            Some(bundle) if bundle.stream.id != port => {
                bundle.beside = None;
                bundle.transport.carry_two(false);
            }
            entry => *entry = None,
        }
    }

    /// What a port carries.
    pub fn get(&self, port: PortId) -> Option<&MediaStream> {
        self.0.get(index(port))?.as_deref()?.stream(port)
    }

    /// What a port carries, and its transport.
    pub fn both(&self, port: PortId) -> Option<(&MediaTransport, &MediaStream)> {
        let bundle = self.0.get(index(port))?.as_deref()?;
        Some((&bundle.transport, bundle.stream(port)?))
    }

    /// Goes over all of them, in the order of their numbers.
    pub fn each(&mut self, mut each: impl FnMut(&mut MediaTransport, &MediaStream)) {
        for bundle in self.0.iter_mut().flatten() {
            let Bundle { transport, stream, beside } = &mut **bundle;
            each(transport, stream);
            beside.iter().for_each(|beside| each(transport, beside));
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, port: PortId) -> Option<Port<'_>> {
        let Bundle { transport, stream, beside } = self.0.get_mut(index(port))?.as_deref_mut()?;
        if stream.id == port {
            return Some(Port { transport, stream });
        }
        let stream = beside.as_deref_mut().filter(|beside| beside.id == port)?;
        Some(Port { transport, stream })
    }

    /// The streams on the transport of this port, its own first.
    pub fn carried(&self, port: PortId) -> impl Iterator<Item = PortId> + use<> {
        let bundle = self.0.get(index(port)).and_then(Option::as_deref);
        let first = bundle.map(|bundle| bundle.stream.id);
        let beside = bundle.and_then(|bundle| bundle.beside.as_deref()).map(|beside| beside.id);
        first.into_iter().chain(beside)
    }

    /// Which stream on a transport a packet of RTP is for: by its payload type, then by its SSRC (RFC 9143 §9.2).
    pub fn addressee(&self, port: PortId, packet: &[u8]) -> PortId {
        let bundle = self.0.get(index(port)).and_then(Option::as_deref);
        let beside = bundle.and_then(|bundle| Some((&bundle.stream, bundle.beside.as_deref()?)));
        let (Some((first, beside)), Some(second)) = (beside, packet.get(1)) else { return port };
        let payload_type = second & 0x7f;
        let known = [first, beside].map(|stream| stream.inbound.knows(payload_type));
        let is_beside = match known {
            [true, false] => false,
            [false, true] => true,
            [true, true] | [false, false] => {
                let ssrc = packet.get(8..12).and_then(|bytes| bytes.try_into().ok());
                ssrc.map(u32::from_be_bytes).is_some_and(|ssrc| beside.inbound.is_of(ssrc))
            }
        };
        if is_beside { beside.id } else { first.id }
    }
}

fn index(port: PortId) -> usize {
    usize::try_from(port.0 / 2).unwrap_or(usize::MAX)
}
