//! The headers of a message: their lines in order, as spans of one text.

use super::header_name::HeaderName;
use super::lexer::{self, ListElements};
use std::borrow::Borrow;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

/// Header lines in their order.
///
/// Values are unfolded and trimmed, and otherwise kept byte by byte. No value holds CR or LF:
/// parsing unfolds them, and [`push`](Self::push), [`push_front`](Self::push_front) and
/// [`set`](Self::set) write a blank for each CR, LF and NUL, so nothing can be injected through
/// them. Content-Length is not kept here: parsing takes it off, printing writes it, and pushing it
/// does nothing.
///
/// A message is kept in several places, as it was sent or came: clones share their lines until one of
/// them is changed.
#[derive(Clone, Default)]
pub struct Headers(Arc<HeaderText>);

#[derive(Default)]
struct HeaderText {
    text: String,
    lines: Vec<HeaderLine>,
}

/// What one reservation makes room for: a message of ours, without its body.
const TEXT_BYTES: usize = 512;
const LINES: usize = 16;
/// A copy is made to be changed: it has room for a Via or a tag.
const CHANGE_BYTES: usize = 128;

impl Clone for HeaderText {
    fn clone(&self) -> Self {
        let mut text = String::with_capacity(self.text.len() + CHANGE_BYTES);
        text.push_str(&self.text);
        let mut lines = Vec::with_capacity(self.lines.len() + 2);
        lines.extend_from_slice(&self.lines);
        Self { text, lines }
    }
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
        Self(Arc::new(HeaderText { text, lines: Vec::with_capacity(lines) }))
    }

    /// The lines, this message's own from now on.
    fn own(&mut self) -> &mut HeaderText {
        Arc::make_mut(&mut self.0)
    }

    /// The text that spans refer to.
    pub(super) fn text(&self) -> &str {
        &self.0.text
    }

    /// Appends a line whose value stands in the text already.
    pub(super) fn push_span(&mut self, name: HeaderName, span: Range<usize>) {
        debug_assert!(self.0.text.get(span.clone()).is_some(), "a span lies in the text");
        self.own().lines.push(HeaderLine::new(name, span));
    }

    /// Appends `value`, its folds replaced by single blanks, to the text.
    pub(super) fn append_unfolded(&mut self, span: Range<usize>) -> Range<usize> {
        let text = &mut self.own().text;
        let start = text.len();
        let folded = text[span].to_owned();
        for (place, piece) in folded.split('\n').enumerate() {
            if place > 0 {
                text.push(' ');
            }
            text.push_str(lexer::trim(piece));
        }
        start..text.len()
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lines.len()
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lines.is_empty()
    }

    /// Every line in its order.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &str)> {
        self.0.lines.iter().map(|line| (&line.name, &self.0.text[line.span()]))
    }

    /// The value of the first line called `name`.
    #[must_use]
    pub fn get(&self, name: impl Borrow<HeaderName>) -> Option<&str> {
        let line = self.0.lines.iter().find(|line| line.name == *name.borrow())?;
        Some(&self.0.text[line.span()])
    }

    /// Whether a line is called `name`.
    #[must_use]
    pub fn contains(&self, name: impl Borrow<HeaderName>) -> bool {
        self.get(name).is_some()
    }

    /// The values of all lines called `name`, in their order.
    pub fn all<'a, N: Borrow<HeaderName> + 'a>(&'a self, name: N) -> impl Iterator<Item = &'a str> {
        let lines = self.0.lines.iter().filter(move |line| line.name == *name.borrow());
        lines.map(|line| &self.0.text[line.span()])
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
    pub fn push(&mut self, name: HeaderName, value: impl fmt::Display) {
        self.insert(self.len(), name, format_args!("{value}"));
    }

    /// Puts a line before all others.
    pub fn push_front(&mut self, name: HeaderName, value: impl fmt::Display) {
        self.insert(0, name, format_args!("{value}"));
    }

    /// Replaces all lines called `name` by one, at the place of the first.
    pub fn set(&mut self, name: HeaderName, value: impl fmt::Display) {
        let place = self.0.lines.iter().position(|line| line.name == name);
        self.remove(&name);
        self.insert(place.unwrap_or(self.len()), name, format_args!("{value}"));
    }

    /// Writes the value where it stays.
    fn insert(&mut self, place: usize, name: HeaderName, value: fmt::Arguments<'_>) {
        if name == HeaderName::ContentLength {
            return;
        }
        let HeaderText { text, lines } = self.with_room();
        let start = text.len();
        text.write_fmt(value).expect("what is shown can be written to memory");
        if text[start..].contains(['\r', '\n', '\0']) {
            let harmless = lexer::trim(&text[start..]).replace(['\r', '\n', '\0'], " ");
            text.truncate(start);
            text.push_str(&harmless);
        }
        let value = lexer::trim_start(&text[start..]);
        let start = text.len() - value.len();
        let end = start + lexer::trim_end(value).len();
        lines.insert(place, HeaderLine::new(name, start..end));
    }

    /// The lines, this message's own from now on, with room for those of a whole message.
    fn with_room(&mut self) -> &mut HeaderText {
        let own = self.own();
        if own.lines.capacity() == 0 {
            own.text.reserve(TEXT_BYTES);
            own.lines.reserve(LINES);
        }
        own
    }

    /// Appends all lines called `name` of `other`, byte by byte.
    pub fn copy(&mut self, name: &HeaderName, other: &Self) {
        for value in other.all(name) {
            self.copy_value(name.clone(), value);
        }
    }

    /// Appends a value that stands in other headers, so that it has no line ends.
    fn copy_value(&mut self, name: HeaderName, value: &str) {
        let HeaderText { text, lines } = self.with_room();
        let start = text.len();
        text.push_str(value);
        lines.push(HeaderLine::new(name, start..text.len()));
    }

    /// Removes all lines called `name`; true when there was one.
    pub fn remove(&mut self, name: impl Borrow<HeaderName>) -> bool {
        let is_there = self.contains(name.borrow());
        if is_there {
            self.own().lines.retain(|line| line.name != *name.borrow());
        }
        is_there
    }

    /// Takes the first element of `name` away, such as the topmost Via or Route.
    pub fn pop_front_element(&mut self, name: impl Borrow<HeaderName>) -> Option<String> {
        let HeaderText { text, lines } = self.own();
        let place = lines.iter().position(|line| line.name == *name.borrow())?;
        let span = lines[place].span();
        let mut elements = ListElements::of(&text[span.clone()]);
        let Some(first) = elements.next().map(str::to_owned) else {
            // A line of commas only: the next line may hold an element.
            lines.remove(place);
            return self.pop_front_element(name);
        };
        let rest = elements.rest().len();
        if rest == 0 {
            lines.remove(place);
        } else {
            let name = lines[place].name.clone();
            lines[place] = HeaderLine::new(name, span.end - rest..span.end);
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
