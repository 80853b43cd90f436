//! Where a camera's pictures come from, with a password that nothing prints.

use std::fmt;
use url::Url;

/// The longest address, in bytes.
pub const URL_BYTES_MAX: usize = 1_024;

/// The RTSP address of a camera, its user and its password.
#[derive(Clone, Eq, PartialEq)]
pub struct CameraUrl {
    /// Without user and password.
    url: Url,
    login: Option<CameraLogin>,
}

/// Who we are to the camera.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct CameraLogin {
    pub user: String,
    pub password: String,
}

/// What is wrong with an address; the administrator is at fault. It repeats nothing of the address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CameraUrlFault {
    /// No URL.
    #[error("this is no address: write \"rtsp://user:password@192.0.2.20/stream1\"")]
    Unreadable,
    /// Longer than [`URL_BYTES_MAX`].
    #[error("it is too long: give at most {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Not `rtsp`.
    #[error("only rtsp:// is spoken: write the camera's RTSP address")]
    Scheme,
    /// User or password are no UTF-8 once `%XX` is read.
    #[error("user and password cannot be read: write % as %25, and letters as UTF-8")]
    Login,
}

impl CameraUrl {
    /// Reads `rtsp://user:password@host:port/path`; user, password, port and path may be left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CameraUrlFault> {
        if text.len() > URL_BYTES_MAX {
            return Err(CameraUrlFault::TooLong);
        }
        let mut url = Url::parse(text).map_err(|_| CameraUrlFault::Unreadable)?;
        if url.scheme() != "rtsp" {
            return Err(CameraUrlFault::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(CameraUrlFault::Unreadable);
        }
        let user = unescape(url.username()).ok_or(CameraUrlFault::Login)?;
        let password = unescape(url.password().unwrap_or("")).ok_or(CameraUrlFault::Login)?;
        let bare = url.set_username("").and_then(|()| url.set_password(None));
        bare.map_err(|()| CameraUrlFault::Unreadable)?;
        let login = (!user.is_empty()).then_some(CameraLogin { user, password });
        Ok(Self { url, login })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn login(&self) -> Option<&CameraLogin> {
        self.login.as_ref()
    }
}

/// Without user and password.
impl fmt::Display for CameraUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

impl fmt::Debug for CameraUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CameraUrl({self})")
    }
}

/// Reads `%XX` (RFC 3986 §2.1); `None` where what comes out is no UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| {
            let digits = after.get(..2)?;
            u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        });
        let (byte, after) = match escaped.flatten() {
            Some(byte) => (byte, &after[2..]),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_read_and_never_printed() {
        let url = CameraUrl::parse("rtsp://gate%40house:p%3Aa%25ss@192.0.2.20:8554/s?x=1").unwrap();
        let login = url.login().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("gate@house", "p:a%ss"));
        assert_eq!(url.to_string(), "rtsp://192.0.2.20:8554/s?x=1");
        assert_eq!(format!("{url:?}"), "CameraUrl(rtsp://192.0.2.20:8554/s?x=1)");
    }

    #[test]
    fn a_camera_may_ask_for_no_password() {
        let url = CameraUrl::parse("rtsp://[2001:db8::1]/").unwrap();
        assert!(url.login().is_none());
        assert!(CameraUrl::parse("rtsp://user@192.0.2.20/").unwrap().login().is_some());
    }

    #[test]
    fn what_is_no_address_of_a_camera_is_refused() {
        for (text, fault) in [
            ("", CameraUrlFault::Unreadable),
            ("192.0.2.20", CameraUrlFault::Unreadable),
            ("rtsp://", CameraUrlFault::Unreadable),
            ("rtsp:stream1", CameraUrlFault::Unreadable),
            ("rtsps://192.0.2.20/", CameraUrlFault::Scheme),
            ("http://192.0.2.20/", CameraUrlFault::Scheme),
            ("rtsp://a:%ff@192.0.2.20/", CameraUrlFault::Login),
        ] {
            assert_eq!(CameraUrl::parse(text), Err(fault), "{text}");
        }
        let long = format!("rtsp://192.0.2.20/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(CameraUrl::parse(&long), Err(CameraUrlFault::TooLong));
    }
}
