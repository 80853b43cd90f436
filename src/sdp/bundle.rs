//! Sections that share one transport (RFC 9143).

use super::session::SessionDescription;
use std::borrow::Cow;

/// What the first section of a group says for all of it (RFC 8859: TRANSPORT and IDENTICAL).
const OF_TRANSPORT: [&str; 5] = ["ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux"];

impl SessionDescription {
    /// The names of the sections that share one transport, the one that has it first; empty where none do.
    #[must_use]
    pub fn bundle(&self) -> Vec<&str> {
        let groups = self.attributes.iter().filter(|attribute| attribute.is("group"));
        let mut bundles = groups.filter_map(|group| {
            let mut words = group.text().split_ascii_whitespace();
            words.next().filter(|kind| kind.eq_ignore_ascii_case("BUNDLE"))?;
            Some(words.collect())
        });
        bundles.next().unwrap_or_default()
    }

    /// The section that has the transport of its group (RFC 9143 §7.3.1), by its place.
    #[must_use]
    pub fn tagged(&self) -> Option<usize> {
        // One that is refused carries nothing, and the next does in its place.
        let in_use = |name: &&str| {
            self.media.iter().position(|media| media.mid() == Some(*name) && media.port != 0)
        };
        self.bundle().iter().find_map(in_use)
    }

    /// The same with each bundled section saying of the transport what it leaves to the first of its group (RFC 9143
    /// §7.1.3); one that is there only if it is bundled (§6) has the port of that.
    #[must_use]
    pub fn spread(&self) -> Cow<'_, Self> {
        let bundle = self.bundle();
        let Some(first) = self.tagged() else { return Cow::Borrowed(self) };
        let is_other = |at: &usize| {
            let mid = self.media[*at].mid();
            *at != first && mid.is_some_and(|mid| bundle.contains(&mid))
        };
        let others: Vec<usize> = (0..self.media.len()).filter(is_other).collect();
        let mut spread = self.clone();
        for at in others {
            let (port, said) = (self.media[first].port, &self.media[first].attributes);
            let media = &mut spread.media[at];
            if media.port == 0 && media.attribute("bundle-only").is_some() {
                media.port = port;
            }
            for name in OF_TRANSPORT {
                if media.attribute(name).is_none() {
                    media.attributes.extend(said.iter().filter(|said| said.is(name)).cloned());
                }
            }
        }
        Cow::Owned(spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(text: &str) -> SessionDescription {
        SessionDescription::parse(format!("v=0\n{text}").as_bytes()).unwrap()
    }

    #[test]
    fn a_bundled_section_has_what_the_first_says_of_the_transport() {
        let bundled = session(
            "a=group:LS 0 1\na=group:BUNDLE 0 1 3\nm=audio 9 UDP/TLS/RTP/SAVPF 0\na=mid:0\na=ice-ufrag:abcd\na=rtcp-mux\n\
             m=video 0 UDP/TLS/RTP/SAVPF 96\na=mid:1\na=bundle-only\na=setup:active\n\
             m=video 7 UDP/TLS/RTP/SAVPF 96\na=mid:2\nm=video 0 UDP/TLS/RTP/SAVPF 96\na=mid:3\n",
        );
        assert_eq!(bundled.bundle(), ["0", "1", "3"]);
        let spread = bundled.spread();
        let of = |at: usize| {
            let media = &spread.media[at];
            (media.port, media.attribute("ice-ufrag"), media.attribute("setup"))
        };
        assert_eq!(of(1), (9, Some("abcd"), Some("active")));
        assert_eq!(of(2), (7, None, None), "of no group");
        assert_eq!(of(3).0, 0, "refused");
    }

    #[test]
    fn without_a_first_section_there_is_no_bundle() {
        for text in [
            "m=audio 9 RTP/AVP 0\n",
            "a=group:BUNDLE\nm=audio 9 RTP/AVP 0\na=mid:0\n",
            "a=group:BUNDLE 0 1\nm=audio 0 RTP/AVP 0\na=mid:0\nm=video 0 RTP/AVP 0\na=mid:1\na=bundle-only\n",
        ] {
            let session = session(text);
            assert_eq!(*session.spread(), session, "{text}");
        }
    }
}
