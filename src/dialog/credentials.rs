//! As whom a peer that challenges us knows us (RFC 3261 §22).

use super::context::DialogContext;
use super::message::HeaderLines;
use crate::sip::{
    AnsweredChallenges, DigestClient, HeaderName, KnownChallenge, Method, Realms, Request, Response,
};
use std::collections::BTreeMap;

/// As whom a trunk knows us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrunkCredentials {
    /// Name and password; nothing was asked yet.
    pub digest: DigestClient,
    /// The trunk's name: what it asks for in one call is known in the next.
    pub trunk: String,
    /// In which realms it is answered, as far as is configured.
    pub realms: Realms,
}

/// What a session has of its trunk, without the password: that is looked up by the trunk's name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedLogin {
    /// The trunk's name.
    pub trunk: String,
    /// In which realms it is answered.
    pub realms: Realms,
    /// What they have asked for.
    pub known: Vec<KnownChallenge>,
}

/// The credentials of one session; none where the peer is no trunk.
#[derive(Debug, Default)]
pub struct SessionCredentials {
    /// For a peer that challenges us.
    digest: Option<DigestClient>,
    /// Whose realms [`digest`](Self::digest) answers in.
    trunk: String,
    /// Those of the last INVITE: its ACK has the same (§22.1).
    of_ack: HeaderLines,
}

impl SessionCredentials {
    /// The peer is a trunk that knows us as this.
    pub fn take(&mut self, cx: &mut DialogContext<'_>, credentials: TrunkCredentials) {
        let TrunkCredentials { digest, trunk, realms } = credentials;
        cx.realms.entry(trunk.clone()).or_default().join(&realms);
        (self.digest, self.trunk) = (Some(digest), trunk);
    }

    /// Those that were saved, with the password that its trunk has now, and what the last INVITE said of
    /// them.
    pub fn restored(
        cx: &mut DialogContext<'_>,
        (saved, now): (Option<SavedLogin>, Option<TrunkCredentials>),
        of_ack: HeaderLines,
    ) -> Self {
        let mut credentials = Self { of_ack, ..Self::default() };
        if let Some(SavedLogin { trunk, realms, known }) = saved
            && let Some(mut now) = now.filter(|now| now.trunk == trunk)
        {
            now.digest.resume(known);
            now.realms.join(&realms);
            credentials.take(cx, now);
        }
        credentials
    }

    /// As a value, with the realms that are known by now.
    pub fn saved(&self, realms: &BTreeMap<String, Realms>) -> Option<SavedLogin> {
        let known = self.digest.as_ref()?.known().to_vec();
        let realms = realms.get(&self.trunk).cloned().unwrap_or_default();
        Some(SavedLogin { trunk: self.trunk.clone(), realms, known })
    }

    /// Whether a challenge can be answered.
    pub fn are_known(&self) -> bool {
        self.digest.is_some()
    }

    /// What an ACK says of who we are.
    pub fn of_ack(&self) -> &HeaderLines {
        &self.of_ack
    }

    /// Takes in a challenge; true when it is worth asking again.
    pub fn learn(
        &mut self,
        cx: &mut DialogContext<'_>,
        request: &Request,
        response: &Response,
        answered: &mut AnsweredChallenges,
    ) -> bool {
        let (Some(digest), Some(realms)) = (&mut self.digest, cx.realms.get_mut(&self.trunk))
        else {
            return false;
        };
        digest.learn(request, response, answered, realms)
    }

    /// Puts onto a request what the peer has asked for before; an INVITE's is kept for its ACK.
    pub fn authorise(&mut self, cx: &mut DialogContext<'_>, request: &mut Request) {
        let Some(digest) = &mut self.digest else { return };
        digest.authorise(request, cx.random);
        if request.method == Method::INVITE {
            let both = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
            let values = |name: HeaderName| {
                let values: Vec<_> = request.headers.all(name.clone()).map(str::to_owned).collect();
                values.into_iter().map(move |value| (name.clone(), value))
            };
            self.of_ack = both.into_iter().flat_map(values).collect();
        }
    }
}
