//! Browsers that ask for SIP where pages are served: who may come in is judged and counted before it has its answer.

use super::SharedConnections;
use crate::server::stream_event::OpenedBy;
use crate::server::websocket;
use crate::sip::{Flow, Transport};
use crate::wire::{ByteStream, SipEntry, SipRefusal, SipVisit, SipVisitor};
use std::sync::{Arc, Weak};

impl SharedConnections {
    /// Lets a browser in that asks for SIP where pages are served, and keeps a place for it: for whoever shows a session, and
    /// for a stranger under the rules of a listener.
    ///
    /// # Errors
    /// Why it may not come in.
    pub fn admit(self: &Arc<Self>, visit: SipVisit) -> Result<SipEntry, SipRefusal> {
        let SipVisit { local, remote, secure, by } = visit;
        let transport = if secure { Transport::Wss } else { Transport::Ws };
        let flow = Flow { transport, local, remote, connection: self.mint() };
        let by = match by {
            SipVisitor::Session(session) => OpenedBy::Page(session),
            SipVisitor::Unauthenticated { origins, is_direct } => {
                // What a browser has connected to where a proxy is before us, we do not know.
                let reached = is_direct.then_some(local.ip());
                let mut origins = origins.iter();
                if !origins.all(|origin| self.origins.admit(origin, reached, &self.tls)) {
                    return Err(SipRefusal::Origin);
                }
                OpenedBy::Them
            }
        };
        let place = self.keep_place(flow, by).ok_or(SipRefusal::Full)?;
        Ok(Box::new(move |stream| Box::pin(place.serve(stream))))
    }

    /// Counts a browser that has asked for SIP.
    fn keep_place(self: &Arc<Self>, flow: Flow, by: OpenedBy) -> Option<SipPlace> {
        let ip = flow.remote.ip();
        let mut limiter = self.limiter();
        // Who has shown a session is no stranger.
        let source = match by {
            OpenedBy::Page(_) => limiter.has_room_for_page().then_some(None),
            OpenedBy::Them | OpenedBy::Us => limiter.admits(ip).then_some(Some(ip)),
        };
        limiter.opened(flow.connection, source?);
        Some(SipPlace { shared: Arc::clone(self), flow, by, is_up: false })
    }
}

/// The place of a browser that is to speak SIP.
struct SipPlace {
    shared: Arc<SharedConnections>,
    flow: Flow,
    by: OpenedBy,
    /// The loop knows of the connection, and counts its end.
    is_up: bool,
}

impl SipPlace {
    async fn serve(mut self, stream: Box<dyn ByteStream>) {
        let shared = Arc::clone(&self.shared);
        let Some(task) = shared.announce(self.flow, self.by, Weak::new()).await else { return };
        self.is_up = true;
        websocket::serve(websocket::upgraded(stream).await, task).await;
    }
}

impl Drop for SipPlace {
    fn drop(&mut self) {
        if !self.is_up {
            self.shared.limiter().closed(self.flow.connection);
        }
    }
}
