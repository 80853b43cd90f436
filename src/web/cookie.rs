//! The cookie of a session (RFC 6265, and its `__Host-` prefix).

use super::peer::Peer;
use crate::session::{OVERTIME_MAX, SESSION_LIFETIME, SessionToken};
use axum::http::{HeaderMap, HeaderValue, header};

/// Its name. With the prefix no other host, and no page in clear, can set it; on a loopback address without TLS there is none.
/// Browsers give what one port has set to all of the host: another switchboard there has another cookie.
fn name_for(peer: &Peer) -> String {
    let prefix = if peer.secure { "__Host-" } else { "" };
    format!("{prefix}cordboard-{}", peer.local.port())
}

/// What the browser has.
pub(super) fn token(headers: &HeaderMap, peer: &Peer) -> Option<SessionToken> {
    values(headers, peer).find_map(SessionToken::parse)
}

/// Whether the browser has anything of ours, a session or not.
pub(super) fn is_there(headers: &HeaderMap, peer: &Peer) -> bool {
    values(headers, peer).next().is_some()
}

fn values<'a>(headers: &'a HeaderMap, peer: &Peer) -> impl Iterator<Item = &'a str> {
    // As bytes: what other programs of the same host keep beside it need be no ASCII (RFC 6265 §5.4).
    let (all, ours) = (headers.get_all(header::COOKIE).iter(), name_for(peer));
    let pairs = all.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        (name.trim() == ours).then(|| value.trim())
    })
}

/// What gives it to the browser. It has it for longer than the session lasts as a rule: when that ends, we say.
pub(super) fn give(token: SessionToken, peer: &Peer) -> Option<HeaderValue> {
    set(&token.reveal(), (SESSION_LIFETIME + OVERTIME_MAX).as_secs(), peer)
}

/// What takes it from the browser.
pub(super) fn take(peer: &Peer) -> Option<HeaderValue> {
    set("", 0, peer)
}

fn set(value: &str, age: u64, peer: &Peer) -> Option<HeaderValue> {
    let secure = if peer.secure { "; Secure" } else { "" };
    let name = name_for(peer);
    let text = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn peer(secure: bool) -> Peer {
        let address = "127.0.0.1:80".parse().unwrap();
        Peer { local: address, remote: address, secure, is_proxy: false }
    }

    #[test]
    fn what_is_given_comes_back() {
        let given = SessionToken::new(&mut Random::from_number(1));
        let mut headers = HeaderMap::new();
        let pair = format!("other=1; __Host-cordboard-80={}; cordboard-80=x", given.reveal());
        headers.append(header::COOKIE, "cordboard-80=nonsense".parse().unwrap());
        headers.append(header::COOKIE, pair.parse().unwrap());
        assert_eq!(token(&headers, &peer(true)), Some(given));
        let beside = [b"name=J\xfcrgen; ", pair.as_bytes()].concat();
        let others =
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_bytes(&beside).unwrap())]);
        assert_eq!(token(&others, &peer(true)), Some(given), "whatever stands beside it");
        assert_eq!(token(&headers, &peer(false)), None, "that of a page in clear is another");
        assert!(is_there(&headers, &peer(false)), "but something it has");
        let beside = Peer { local: "127.0.0.1:81".parse().unwrap(), ..peer(true) };
        assert_eq!(token(&headers, &beside), None, "that of a neighbour on this host, too");
        assert!(!is_there(&headers, &beside));
        let secure = give(given, &peer(true)).unwrap();
        let secure = secure.to_str().unwrap();
        assert!(
            secure.starts_with("__Host-cordboard-80=") && secure.ends_with("; Secure"),
            "{secure}"
        );
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=86400"] {
            assert!(secure.contains(part), "{secure}");
        }
        let clear = give(given, &peer(false)).unwrap();
        assert!(!clear.to_str().unwrap().contains("Secure"));
        assert!(take(&peer(true)).unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
