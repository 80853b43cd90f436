//! What pages ask of the running server, and what it answers.

use super::journal::StoredNote;
use crate::ids::{Number, OperatorId, QueueId, RequestId};
use crate::media::Still;
use crate::session::{SessionKey, SessionToken};
use crate::sip::Transport;
use crate::time::{Duration, UnixTime};
use std::net::SocketAddr;

/// The longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 1_000;
/// The most favourites of one operator.
pub const FAVOURITES_MAX: usize = 200;

/// Where a login comes from: it counts as any other try of a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoginSource {
    /// The browser.
    pub remote: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
    /// As SIP would come from there: WS or WSS.
    pub transport: Transport,
}

/// What a page can ask of the running server.
#[derive(Clone, Debug)]
pub enum WebRequest {
    /// To begin a session by an operator's name and password.
    LogIn {
        /// As it was typed.
        operator: String,
        /// As it was typed.
        password: TypedSecret,
        /// From where.
        source: LoginSource,
    },
    /// To begin one by a link that is good once.
    Redeem {
        /// What the link has.
        link: SessionToken,
        /// From where.
        source: LoginSource,
    },
    /// Whose session this is.
    Session(SessionToken),
    /// To see a caller that waits.
    Still {
        /// Whose.
        session: SessionToken,
        /// Which caller.
        request: RequestId,
    },
    /// To end it.
    LogOut(SessionToken),
    /// To keep these favourites, in place of those that there were; at most [`FAVOURITES_MAX`].
    Favourites {
        /// Whose.
        session: SessionToken,
        /// In this order.
        numbers: Vec<Number>,
    },
    /// To keep a note on a number; 1 to [`NOTE_CHARS_MAX`] characters.
    Note {
        /// Whose.
        session: SessionToken,
        /// On which number.
        number: Number,
        /// The words.
        text: String,
    },
    /// To keep a note no longer.
    DropNote {
        /// Whose session.
        session: SessionToken,
        /// On which number.
        number: Number,
        /// Which note.
        id: u64,
    },
}

/// A password on its way; never printed by accident.
#[derive(Clone, Eq, PartialEq)]
pub struct TypedSecret(pub String);

impl std::fmt::Debug for TypedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypedSecret(..)")
    }
}

/// The answer.
#[derive(Clone, Debug)]
pub enum WebReply {
    /// A session has begun.
    LoggedIn {
        /// For the browser alone.
        token: SessionToken,
        /// What it is.
        session: SessionView,
    },
    /// The session holds.
    Session(SessionView),
    /// There is no such session, or none any longer.
    NoSession,
    /// The password is wrong, or there is no such operator.
    WrongPassword,
    /// The link is good no longer.
    WrongLink,
    /// Too many wrong passwords from there.
    Limited {
        /// When the next try is looked at.
        retry_after: Duration,
    },
    /// It is done.
    Done,
    /// The last still of a caller that waits in the list of the session's operator; none where there is none.
    Still(Option<Still>),
    /// The note is kept.
    Noted(StoredNote),
    /// The journal cannot be written.
    Unwritten,
}

/// A session as its page sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionView {
    /// What its connections are known by.
    pub key: SessionKey,
    /// Whose.
    pub operator: OperatorId,
    /// Where the operator sits, or sits by default.
    pub phone: Number,
    /// All phones that it may use, that one among them.
    pub phones: Vec<Number>,
    /// The domain of all numbers.
    pub domain: String,
    /// Until when it holds.
    pub expires: UnixTime,
    /// The queues that it serves.
    pub queues: Vec<QueueId>,
    /// How many calls it may have in hand.
    pub max_calls: u8,
    /// Whether another desk of this operator is up, which came by no connection of this session.
    pub elsewhere: bool,
}
