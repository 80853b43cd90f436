//! The strict printer: order, line ends and characters as RFC 8866 §9 has them.

use super::session::{
    Attribute, Bandwidth, ConnectionData, ConnectionHost, MediaDescription, SessionDescription,
};
use std::fmt::{self, Write as _};
use std::net::IpAddr;

/// The description as it goes into a body, lines ended by CRLF.
impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        let user = Word(&origin.user);
        write!(f, "v=0\r\no={user} {} {} {}\r\n", origin.id, origin.version, origin.address)?;
        let name = if self.name.is_empty() { "-" } else { &self.name };
        write!(f, "s={}\r\n", SdpLine(name))?;
        if let Some(connection) = &self.connection {
            connection.fmt(f)?;
        }
        print_all(f, &self.bandwidth)?;
        f.write_str("t=0 0\r\n")?;
        print_all(f, &self.attributes)?;
        print_all(f, &self.media)
    }
}

impl fmt::Display for MediaDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {}", Word(self.kind.word()), self.port, Word(&self.protocol))?;
        for format in &self.formats {
            write!(f, " {}", Word(format))?;
        }
        if self.formats.is_empty() {
            // The grammar wants one; 0 is what phones write when they mean none.
            f.write_str(" 0")?;
        }
        f.write_str("\r\n")?;
        if let Some(connection) = &self.connection {
            connection.fmt(f)?;
        }
        print_all(f, &self.bandwidth)?;
        print_all(f, &self.attributes)
    }
}

impl fmt::Display for ConnectionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c={}\r\n", self.address)
    }
}

/// With network and address type: `IN IP4 192.0.2.1`.
impl fmt::Display for ConnectionHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => write!(f, "IN IP4 {ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "IN IP6 {ip}"),
            Self::Name(name) => write!(f, "IN IP4 {}", Word(name)),
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b={}:{}\r\n", Word(&self.kind), self.value)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a={}", Word(&self.name))?;
        if let Some(value) = &self.value {
            write!(f, ":{}", SdpLine(value))?;
        }
        f.write_str("\r\n")
    }
}

fn print_all<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    items.iter().try_for_each(|item| item.fmt(f))
}

/// Text that must not end its line.
struct SdpLine<'a>(&'a str);

impl fmt::Display for SdpLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_harmful = |c: char| matches!(c, '\r' | '\n' | '\0');
        write_with(f, self.0, is_harmful, ' ')
    }
}

/// Text that must not end its field.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_char('-');
        }
        write_with(f, self.0, |c: char| c.is_control() || c.is_whitespace(), '_')
    }
}

/// Writes text as it is, mostly at once, but `instead` for each harmful character.
fn write_with(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    is_harmful: impl Fn(char) -> bool,
    instead: char,
) -> fmt::Result {
    for (place, harmless) in text.split(is_harmful).enumerate() {
        if place > 0 {
            f.write_char(instead)?;
        }
        f.write_str(harmless)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{MediaKind, RtpMap};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_description_prints_by_the_book_and_reads_back() {
        let mut session = SessionDescription::new(7, 8, "192.0.2.1".parse().unwrap());
        session.bandwidth.push(Bandwidth { kind: "AS".to_owned(), value: 512 });
        let mut media = MediaDescription::new(MediaKind::Audio, 4000, "RTP/AVP");
        let map = RtpMap { payload_type: 0, ..RtpMap::of_static(0).unwrap() };
        media.add_format(&map, None);
        let event = RtpMap::parse("101 telephone-event/8000").unwrap();
        media.add_format(&event, Some("0-16"));
        media.attributes.push(Attribute::flag("sendrecv"));
        session.media.push(media);
        let text = "v=0\r\no=- 7 8 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nb=AS:512\r\nt=0 0\r\n\
                    m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
                    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n";
        assert_eq!(session.to_string(), text);
        assert_eq!(SessionDescription::parse(text.as_bytes()).unwrap(), session);
    }

    #[test]
    fn no_value_breaks_out_of_its_line() {
        let mut session = SessionDescription::new(1, 1, "::1".parse().unwrap());
        session.name = "call\r\na=inactive".into();
        session.origin.user = "a b\n".into();
        session.attributes.push(Attribute::new("tool\nm=x", "x\r\nm=audio 1 RTP/AVP 0"));
        let again = SessionDescription::parse(session.to_string().as_bytes()).unwrap();
        assert_eq!((again.media.len(), again.attributes.len()), (0, 1));
        assert_eq!(again.origin.user, "a_b_");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(
            lines in prop::collection::vec("[abcmos]=[ -~]{0,30}(/[0-9]{1,5} RTP/AVP 0 96)?", 0..20),
        ) {
            let text = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
            if let Ok(session) = SessionDescription::parse(text.as_bytes()) {
                let printed = session.to_string();
                let again = SessionDescription::parse(printed.as_bytes());
                prop_assert_eq!(again.map(|s| s.to_string()), Ok(printed));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = SessionDescription::parse(&[b"v=0\nm=audio 1 RTP/AVP 0\n", &bytes[..]].concat());
        }
    }
}
