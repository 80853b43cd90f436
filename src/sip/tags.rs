//! To tags that need no memory (RFC 3261 §8.2.7).

use super::header_name::HeaderName;
use super::headers::Headers;
use crate::random::{KeyedState, Random};
use std::hash::{BuildHasher as _, Hasher as _};

/// Makes To tags: each request has one of its own, its copies have the same, and who does not know
/// our keys cannot foretell it.
#[derive(Clone, Copy, Debug)]
pub struct Tags(KeyedState);

impl Tags {
    /// Tags under keys of their own.
    #[must_use]
    pub fn new(random: &mut Random) -> Self {
        Self(random.map_keys())
    }

    /// The tag for the answer to the request with these headers, or for the answer that has
    /// them from it.
    #[must_use]
    pub fn of(&self, headers: &Headers) -> String {
        let mut hasher = self.0.build_hasher();
        for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
            hasher.write(headers.get(name).unwrap_or_default().as_bytes());
            hasher.write_u8(b'\n');
        }
        format!("{:016x}", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(branch: &str, call: &str) -> Headers {
        let mut headers = Headers::new();
        headers.push(HeaderName::Via, branch);
        headers.push(HeaderName::CallId, call);
        headers
    }

    #[test]
    fn copies_have_one_tag_and_others_another() {
        let tags = Tags::new(&mut Random::from_number(1));
        let tag = tags.of(&headers("a", "b"));
        assert_eq!((tag.len(), &tag), (16, &tags.of(&headers("a", "b"))));
        for (branch, call) in [("a", "c"), ("c", "b"), ("ab", ""), ("", "ab"), ("", "")] {
            assert_ne!(tag, tags.of(&headers(branch, call)), "{branch} {call}");
        }
        let others = Tags::new(&mut Random::from_number(2));
        assert_ne!(tag, others.of(&headers("a", "b")), "another house");
    }
}
