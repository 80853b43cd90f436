//! The headers of a message: their lines in order, as spans of one text.

use super::header_name::HeaderName;
use super::lexer::{self, ListElements};
use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;

/// Header lines in their order.
///
/// Values are unfolded and trimmed, and otherwise kept byte by byte. No value holds CR or LF:
/// parsing unfolds them, and [`push`](Self::push), [`push_front`](Self::push_front) and
/// [`set`](Self::set) write a blank for each CR, LF and NUL, so nothing can be injected through
/// them. Content-Length is not kept here: parsing takes it off, printing writes it, and pushing it
/// does nothing.
#[derive(Clone, Default)]
pub struct Headers {
    text: String,
    lines: Vec<HeaderLine>,
}

#[derive(Clone)]
struct HeaderLine {
    name: HeaderName,
    start: u32,
    end: u32,
}

impl HeaderLine {
    fn new(name: HeaderName, span: Range<usize>) -> Self {
        let index = |at| u32::try_from(at).expect("headers are shorter than 4 GiB");
        Self { name, start: index(span.start), end: index(span.end) }
    }

    fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Headers {
    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Headers whose values will be spans of `text`.
    pub(super) fn over(text: String, lines: usize) -> Self {
        Self { text, lines: Vec::with_capacity(lines) }
    }

    /// The text that spans refer to.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Appends a line whose value stands in the text already.
    pub(super) fn push_span(&mut self, name: HeaderName, span: Range<usize>) {
        debug_assert!(self.text.get(span.clone()).is_some(), "a span lies in the text");
        self.lines.push(HeaderLine::new(name, span));
    }

    /// Appends `value`, its folds replaced by single blanks, to the text.
    pub(super) fn append_unfolded(&mut self, span: Range<usize>) -> Range<usize> {
        let start = self.text.len();
        let folded = self.text[span].to_owned();
        for (place, piece) in folded.split('\n').enumerate() {
            if place > 0 {
                self.text.push(' ');
            }
            self.text.push_str(lexer::trim(piece));
        }
        start..self.text.len()
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Every line in its order.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &str)> {
        self.lines.iter().map(|line| (&line.name, &self.text[line.span()]))
    }

    /// The value of the first line called `name`.
    #[must_use]
    pub fn get(&self, name: impl Borrow<HeaderName>) -> Option<&str> {
        let line = self.lines.iter().find(|line| line.name == *name.borrow())?;
        Some(&self.text[line.span()])
    }

    /// Whether a line is called `name`.
    #[must_use]
    pub fn contains(&self, name: impl Borrow<HeaderName>) -> bool {
        self.get(name).is_some()
    }

    /// The values of all lines called `name`, in their order.
    pub fn all<'a, N: Borrow<HeaderName> + 'a>(&'a self, name: N) -> impl Iterator<Item = &'a str> {
        let lines = self.lines.iter().filter(move |line| line.name == *name.borrow());
        lines.map(|line| &self.text[line.span()])
    }

    /// The comma-separated elements of all lines called `name`. Not for headers whose commas mean
    /// something else: Date, and those with credentials.
    pub fn list<'a, N: Borrow<HeaderName> + 'a>(
        &'a self,
        name: N,
    ) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(ListElements::of)
    }

    /// Whether `token` is among the elements of `name`, in any case.
    #[must_use]
    pub fn has_token(&self, name: impl Borrow<HeaderName>, token: &str) -> bool {
        self.list(name.borrow()).any(|element| element.eq_ignore_ascii_case(token))
    }

    /// Appends a line.
    pub fn push(&mut self, name: HeaderName, value: &str) {
        self.insert(self.lines.len(), name, value);
    }

    /// Puts a line before all others.
    pub fn push_front(&mut self, name: HeaderName, value: &str) {
        self.insert(0, name, value);
    }

    /// Replaces all lines called `name` by one, at the place of the first.
    pub fn set(&mut self, name: HeaderName, value: &str) {
        let place = self.lines.iter().position(|line| line.name == name);
        self.remove(&name);
        self.insert(place.unwrap_or(self.lines.len()), name, value);
    }

    fn insert(&mut self, place: usize, name: HeaderName, value: &str) {
        if name == HeaderName::ContentLength {
            return;
        }
        let start = self.text.len();
        let value = lexer::trim(value);
        if value.contains(['\r', '\n', '\0']) {
            self.text.push_str(lexer::trim(&value.replace(['\r', '\n', '\0'], " ")));
        } else {
            self.text.push_str(value);
        }
        self.lines.insert(place, HeaderLine::new(name, start..self.text.len()));
    }

    /// Appends all lines called `name` of `other`, byte by byte.
    pub fn copy(&mut self, name: &HeaderName, other: &Self) {
        for value in other.all(name) {
            self.copy_value(name.clone(), value);
        }
    }

    /// Appends a value that stands in other headers, so that it has no line ends.
    fn copy_value(&mut self, name: HeaderName, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.lines.push(HeaderLine::new(name, start..self.text.len()));
    }

    /// Removes all lines called `name`; true when there was one.
    pub fn remove(&mut self, name: impl Borrow<HeaderName>) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| line.name != *name.borrow());
        self.lines.len() < before
    }

    /// Takes the first element of `name` away, such as the topmost Via or Route.
    pub fn pop_front_element(&mut self, name: impl Borrow<HeaderName>) -> Option<String> {
        let place = self.lines.iter().position(|line| line.name == *name.borrow())?;
        let span = self.lines[place].span();
        let mut elements = ListElements::of(&self.text[span.clone()]);
        let Some(first) = elements.next().map(str::to_owned) else {
            // A line of commas only: the next line may hold an element.
            self.lines.remove(place);
            return self.pop_front_element(name);
        };
        let rest = elements.rest().len();
        if rest == 0 {
            self.lines.remove(place);
        } else {
            let name = self.lines[place].name.clone();
            self.lines[place] = HeaderLine::new(name, span.end - rest..span.end);
        }
        Some(first)
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

/// Names, and the values of those headers that say nothing of people, addresses and secrets.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for (name, value) in self.iter() {
            match name {
                HeaderName::CSeq
                | HeaderName::MaxForwards
                | HeaderName::ContentType
                | HeaderName::Expires
                | HeaderName::Event
                | HeaderName::Allow
                | HeaderName::Supported
                | HeaderName::Require
                | HeaderName::SessionExpires
                | HeaderName::InfoPackage
                | HeaderName::RSeq
                | HeaderName::RAck => list.entry(&format_args!("{name}: {value}")),
                _ => list.entry(&format_args!("{name}: …")),
            };
        }
        list.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in lines {
            headers.push(name.clone(), value);
        }
        headers
    }

    #[test]
    fn order_is_kept_and_lists_span_lines() {
        let headers = headers(&[
            (HeaderName::Via, "a, b"),
            (HeaderName::Route, "<sip:r>"),
            (HeaderName::Via, "c"),
        ]);
        assert_eq!(headers.get(HeaderName::Via), Some("a, b"));
        assert_eq!(headers.all(HeaderName::Via).collect::<Vec<_>>(), ["a, b", "c"]);
        assert_eq!(headers.list(HeaderName::Via).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(headers.get(HeaderName::To), None);
    }

    #[test]
    fn nothing_can_be_injected() {
        let mut headers = Headers::new();
        headers.push(HeaderName::Subject, "x\r\nEvil: 1\0\n\ny\r");
        headers.set(HeaderName::Server, "\n\ns");
        headers.push_front(HeaderName::Reason, "a\rb");
        let values: Vec<_> = headers.iter().map(|(_, value)| value.to_owned()).collect();
        assert_eq!(values, ["a b", "x  Evil: 1   y", "s"]);
    }

    #[test]
    fn content_length_is_not_kept() {
        let headers = headers(&[(HeaderName::ContentLength, "5")]);
        assert!(headers.is_empty());
    }

    #[test]
    fn setting_replaces_all_at_the_place_of_the_first() {
        let mut headers = headers(&[
            (HeaderName::Contact, "1"),
            (HeaderName::To, "2"),
            (HeaderName::Contact, "3"),
        ]);
        headers.set(HeaderName::Contact, "new");
        headers.set(HeaderName::Server, "s");
        let values: Vec<_> = headers.iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["new", "2", "s"]);
        assert!(headers.remove(HeaderName::To) && !headers.remove(HeaderName::To));
    }

    #[test]
    fn elements_are_popped_one_by_one() {
        let mut headers = headers(&[(HeaderName::Via, "a,  b ,"), (HeaderName::Via, "c")]);
        let mut pop = || headers.pop_front_element(HeaderName::Via);
        assert_eq!(pop().as_deref(), Some("a"));
        assert_eq!(pop().as_deref(), Some("b"));
        assert_eq!(pop().as_deref(), Some("c"));
        assert_eq!(pop(), None);
    }

    #[test]
    fn debug_tells_no_secrets() {
        let headers = headers(&[
            (HeaderName::Authorization, "Digest secret"),
            (HeaderName::From, "<sip:alice@example.com>"),
            (HeaderName::CSeq, "1 INVITE"),
        ]);
        assert_eq!(format!("{headers:?}"), "[Authorization: …, From: …, CSeq: 1 INVITE]");
    }
}
