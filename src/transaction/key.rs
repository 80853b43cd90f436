//! How a message finds its transaction (RFC 3261 §17.1.3, §17.2.3, §8.2.2.2).

use crate::sip::{Method, Request, Via};

/// What a request and its copies have in common.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ServerKey {
    /// The branch is unique by RFC 3261's rules.
    Branch {
        /// With its magic cookie.
        branch: String,
        /// Lower case, as the topmost Via says: two clients may choose the same branch.
        sent_by: String,
        /// That of the INVITE for its ACK.
        method: Method,
    },
    /// The client is older than RFC 3261. The To tag is left out: that of an ACK is the one of our
    /// response, and whoever knows the rest is the client itself.
    Old {
        /// The Request-URI as written.
        uri: String,
        /// The tag of From, empty without one.
        from_tag: String,
        /// The Call-ID.
        call_id: String,
        /// The number of CSeq.
        cseq: u32,
        /// The topmost Via, with what we added to it.
        via: String,
        /// That of the INVITE for its ACK.
        method: Method,
    },
}

impl ServerKey {
    /// The key of `request` as a copy or an ACK of what it belongs to.
    #[must_use]
    pub fn of(request: &Request, via: &Via) -> Self {
        let method = match &request.method {
            method if *method == Method::ACK => Method::INVITE,
            method => method.clone(),
        };
        Self::with_method(request, via, method)
    }

    /// The key of the INVITE that this CANCEL means (§9.2).
    #[must_use]
    pub fn of_cancelled(cancel: &Request, via: &Via) -> Self {
        Self::with_method(cancel, via, Method::INVITE)
    }

    /// The key of the INVITE under this Via; `None` when its client is older than RFC 3261.
    #[must_use]
    pub fn of_invite(via: &Via) -> Option<Self> {
        Some(Self::Branch {
            branch: via.branch()?.to_owned(),
            sent_by: via.sent_by().to_ascii_lowercase(),
            method: Method::INVITE,
        })
    }

    fn with_method(request: &Request, via: &Via, method: Method) -> Self {
        match via.branch() {
            Some(branch) => Self::Branch {
                branch: branch.to_owned(),
                sent_by: via.sent_by().to_ascii_lowercase(),
                method,
            },
            None => Self::Old {
                uri: request.uri.as_str().to_owned(),
                from_tag: tag(request.headers.from_tag()),
                call_id: call_id(request),
                cseq: cseq(request),
                via: via.to_string(),
                method,
            },
        }
    }
}

/// What the copies of a request that was forked upstream have in common (§8.2.2.2).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MergeKey {
    from_tag: String,
    call_id: String,
    cseq: u32,
    method: Method,
}

impl MergeKey {
    /// The key of a request outside of dialogs; within one (a tag in To) nothing is merged.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        if request.headers.to_tag().is_some() {
            return None;
        }
        Some(Self {
            from_tag: tag(request.headers.from_tag()),
            call_id: call_id(request),
            cseq: cseq(request),
            method: request.method.clone(),
        })
    }
}

// A message without these does not leave the parser.

fn tag(tag: Option<&str>) -> String {
    tag.unwrap_or_default().to_owned()
}

fn call_id(request: &Request) -> String {
    request.headers.call_id().unwrap_or_default().to_owned()
}

fn cseq(request: &Request) -> u32 {
    request.headers.cseq().map_or(0, |(number, _)| number)
}
