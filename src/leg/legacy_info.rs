//! INFO without a package: DTMF as phones send it, and the picture update of RFC 5168.

/// What a legacy INFO says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Legacy {
    /// A key was pressed.
    Digit(char),
    /// The phone wants a key frame.
    PictureFastUpdate,
    /// Well-formed, and nothing to us: a hook flash, a picture freeze, an empty body.
    Nothing,
}

/// The content type of RFC 5168.
pub const MEDIA_CONTROL: &str = "application/media_control+xml";
/// The content type of `Signal=5`.
pub const DTMF_RELAY: &str = "application/dtmf-relay";
/// The content types that are processed, for the Accept header of a 415.
pub const ACCEPTED: &str =
    "application/dtmf-relay, application/dtmf, application/media_control+xml";

/// The longest body that is looked at; a digit or a picture update is far below.
pub const BODY_BYTES_MAX: usize = 2048;

/// The body that asks for a key frame (RFC 5168 §7).
pub const PICTURE_FAST_UPDATE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\
<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive>\
</media_control>\r\n";

/// Reads a legacy INFO; `None` for a content type that is not ours, which gets 415.
#[must_use]
pub fn read(content_type: &str, body: &[u8]) -> Option<Legacy> {
    let kind = content_type.split(';').next().unwrap_or("").trim();
    let text = str::from_utf8(body).ok().filter(|text| text.len() <= BODY_BYTES_MAX).unwrap_or("");
    if kind.is_empty() && body.is_empty() {
        return Some(Legacy::Nothing);
    }
    if kind.eq_ignore_ascii_case(DTMF_RELAY) {
        return Some(signal(text).and_then(digit).map_or(Legacy::Nothing, Legacy::Digit));
    }
    if kind.eq_ignore_ascii_case("application/dtmf") {
        // Some phones put the body of dtmf-relay under this type.
        let key = signal(text).unwrap_or(text);
        return Some(digit(key).map_or(Legacy::Nothing, Legacy::Digit));
    }
    if kind.eq_ignore_ascii_case(MEDIA_CONTROL) {
        let wanted = text.contains("picture_fast_update");
        return Some(if wanted { Legacy::PictureFastUpdate } else { Legacy::Nothing });
    }
    None
}

/// The body that presses a key.
#[must_use]
pub fn dtmf_relay(digit: char) -> String {
    format!("Signal={digit}\r\nDuration=160\r\n")
}

/// Whether a phone has this key.
#[must_use]
pub fn is_key(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')
}

fn signal(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("Signal").then_some(value)
    })
}

/// A key as phones write it: the character, or its event number (RFC 4733 §3.2).
fn digit(key: &str) -> Option<char> {
    let key = key.trim();
    let mut letters = key.chars();
    match (letters.next(), letters.next()) {
        (Some(one), None) => {
            let one = one.to_ascii_uppercase();
            is_key(one).then_some(one)
        }
        (Some('1'), Some(_)) => match key {
            "10" => Some('*'),
            "11" => Some('#'),
            "12" => Some('A'),
            "13" => Some('B'),
            "14" => Some('C'),
            "15" => Some('D'),
            _ => None,
        },
        (Some(_) | None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_in_many_spellings() {
        for (kind, body, key) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5'),
            ("application/dtmf-relay", "Duration=100\nsignal= * \n", '*'),
            ("Application/DTMF-Relay;charset=x", "Signal=11", '#'),
            ("application/dtmf", "7", '7'),
            ("application/dtmf", " 10\r\n", '*'),
            ("application/dtmf", "Signal=a", 'A'),
        ] {
            assert_eq!(read(kind, body.as_bytes()), Some(Legacy::Digit(key)), "{kind} {body:?}");
        }
    }

    #[test]
    fn what_is_no_key_presses_none() {
        for body in
            ["", "Signal=", "Signal=16", "Signal=55", "Signal=E", "\u{e9}", "Signal=1\u{e9}"]
        {
            assert_eq!(read("application/dtmf-relay", body.as_bytes()), Some(Legacy::Nothing));
        }
        assert_eq!(read("application/dtmf", &[0xff; 8]), Some(Legacy::Nothing));
        let long = format!("{}\nSignal=5", "x".repeat(BODY_BYTES_MAX));
        assert_eq!(read("application/dtmf-relay", long.as_bytes()), Some(Legacy::Nothing));
    }

    #[test]
    fn a_picture_update_is_known_by_its_element() {
        let update = PICTURE_FAST_UPDATE.as_bytes();
        assert_eq!(read(MEDIA_CONTROL, update), Some(Legacy::PictureFastUpdate));
        assert_eq!(read(MEDIA_CONTROL, b"<media_control/>"), Some(Legacy::Nothing));
    }

    #[test]
    fn other_bodies_are_not_ours_and_no_body_is_a_keep_alive() {
        assert_eq!(read("text/plain", b"hello"), None);
        assert_eq!(read("", b"hello"), None);
        assert_eq!(read("", b""), Some(Legacy::Nothing));
    }

    #[test]
    fn what_we_send_reads_back() {
        assert_eq!(read(DTMF_RELAY, dtmf_relay('#').as_bytes()), Some(Legacy::Digit('#')));
    }
}
