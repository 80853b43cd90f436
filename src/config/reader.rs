//! Walking a TOML text key by key, so that every refusal knows its line.

use std::borrow::Cow;
use std::fmt;
use toml::de::{DeTable, DeValue};

/// The longest piece of a value that is repeated in a refusal, in characters.
const SHOWN_MAX: usize = 60;

/// What is to be done about a value, as a command: `give at least 1 s`.
pub(super) type Remedy = Cow<'static, str>;

/// One thing in the file that cannot stay so; the administrator is at fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigRefusal {
    /// The file as it was named.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The key with its sections: `queue.main.wait_max`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub fault: KeyFault,
}

/// What can be wrong with a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyFault {
    /// The text is no TOML.
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// There is no such key.
    Unknown {
        /// The key that may have been meant.
        nearest: Option<String>,
    },
    /// The value cannot be used.
    Value {
        /// As it stands in the file, perhaps shortened.
        value: String,
        /// What to do.
        remedy: Remedy,
    },
    /// A key that has to be there is not.
    Missing {
        /// What to do.
        remedy: Remedy,
    },
}

impl fmt::Display for ConfigRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, fault } = self;
        write!(f, "{file}:{line}: ")?;
        match fault {
            KeyFault::Syntax { message } => {
                write!(f, "this is no TOML: {message}: correct the line")
            }
            KeyFault::Unknown { nearest: Some(nearest) } => {
                write!(f, "{key}: there is no such key: write `{nearest}`, or leave it out")
            }
            KeyFault::Unknown { nearest: None } => {
                write!(f, "{key}: there is no such key: leave it out")
            }
            KeyFault::Value { value, remedy } => write!(f, "{key} = {value}: {remedy}"),
            KeyFault::Missing { remedy } => write!(f, "{key}: it is missing: {remedy}"),
        }
    }
}

/// One table of the file.
pub(super) struct Section<'a> {
    /// Its name with those above it; empty for the file itself.
    path: String,
    table: &'a DeTable<'a>,
    /// Where it begins, in bytes.
    start: usize,
}

impl Section<'_> {
    /// The text of a key; empty where there is none. What is wrong with it is said by whoever reads
    /// the value.
    pub fn text(&self, name: &str) -> &str {
        find(self, name).and_then(|(_, value, _)| value.as_str()).unwrap_or_default()
    }

    /// Whether it has a key.
    pub fn has(&self, name: &str) -> bool {
        find(self, name).is_some()
    }

    /// The names of its keys.
    pub fn names(&self) -> Vec<String> {
        self.table.keys().map(|key| key.get_ref().as_ref().to_owned()).collect()
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// Reads the file and gathers what it refuses.
pub(super) struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    pub refusals: Vec<ConfigRefusal>,
    /// The keys that its sections could have and have not.
    #[cfg(test)]
    pub unused: Vec<String>,
}

impl<'t> Reader<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            refusals: Vec::new(),
            #[cfg(test)]
            unused: Vec::new(),
        }
    }

    /// The file itself.
    pub fn root<'a>(&self, table: &'a DeTable<'a>) -> Section<'a> {
        Section { path: String::new(), table, start: 0 }
    }

    /// Refuses the whole text.
    pub fn no_toml(&mut self, error: &toml::de::Error) {
        let start = error.span().map_or(0, |span| span.start);
        let message = error.message().replace('\n', ", ");
        self.refuse(start, String::new(), KeyFault::Syntax { message });
    }

    /// Refuses all keys of a section that are not in `known`.
    pub fn allow(&mut self, section: &Section<'_>, known: &[&str]) {
        for key in section.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let nearest = nearest(name, known).map(|nearest| section.key(nearest));
                self.refuse(key.span().start, section.key(name), KeyFault::Unknown { nearest });
            }
        }
        #[cfg(test)]
        {
            let unused = known.iter().filter(|name| find(section, name).is_none());
            self.unused.extend(unused.map(|name| section.key(name)));
        }
    }

    /// The table `name` of a section.
    pub fn section<'a>(&mut self, parent: &Section<'a>, name: &str) -> Option<Section<'a>> {
        let (start, value, span) = find(parent, name)?;
        match value {
            DeValue::Table(table) => Some(Section { path: parent.key(name), table, start }),
            _ => {
                self.refuse_value(start, parent.key(name), span, "make it a table".into());
                None
            }
        }
    }

    /// The tables of a table, by their names: the queues of `[queue]`.
    pub fn named<'a>(&mut self, parent: &Section<'a>) -> Vec<(&'a str, Section<'a>)> {
        let names: Vec<&str> = parent.table.keys().map(|key| key.get_ref().as_ref()).collect();
        let section = |name| Some((name, self.section(parent, name)?));
        names.into_iter().filter_map(section).collect()
    }

    /// The tables of a list: `[[trunk]]`.
    pub fn each<'a>(&mut self, parent: &Section<'a>, name: &str) -> Vec<Section<'a>> {
        let Some((start, value, span)) = find(parent, name) else { return Vec::new() };
        let mut sections = Vec::new();
        if let DeValue::Array(items) = value {
            for item in items.iter() {
                if let DeValue::Table(table) = item.get_ref() {
                    let start = item.span().start;
                    sections.push(Section { path: parent.key(name), table, start });
                }
            }
            if sections.len() == items.len() {
                return sections;
            }
        }
        let remedy = format!("write each as a table of its own, [[{name}]]");
        self.refuse_value(start, parent.key(name), span, remedy.into());
        Vec::new()
    }

    /// The value of a key, as `read` understands it; `None` when it is left out or refused.
    pub fn value<'a, T>(
        &mut self,
        section: &Section<'a>,
        name: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Remedy>,
    ) -> Option<T> {
        let (start, value, span) = find(section, name)?;
        match read(value) {
            Ok(value) => Some(value),
            Err(remedy) => {
                self.refuse_value(start, section.key(name), span, remedy);
                None
            }
        }
    }

    /// As [`value`](Self::value), for a key that has to be there.
    pub fn needed<'a, T>(
        &mut self,
        section: &Section<'a>,
        name: &str,
        remedy: &'static str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Remedy>,
    ) -> Option<T> {
        if find(section, name).is_none() {
            let fault = KeyFault::Missing { remedy: remedy.into() };
            self.refuse(section.start, section.key(name), fault);
        }
        self.value(section, name, read)
    }

    /// As [`needed`](Self::needed), for a value that no refusal repeats.
    pub fn needed_secret<'a, T>(
        &mut self,
        section: &Section<'a>,
        name: &str,
        remedy: &'static str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Remedy>,
    ) -> Option<T> {
        self.unrepeated(|reader| reader.needed(section, name, remedy, read))
    }

    /// Reads what no refusal repeats.
    pub fn unrepeated<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let first = self.refusals.len();
        let read = read(self);
        for refusal in &mut self.refusals[first..] {
            if let KeyFault::Value { value, .. } = &mut refusal.fault {
                "\"…\"".clone_into(value);
            }
        }
        read
    }

    /// Refuses a section as a whole.
    pub fn refuse_section(&mut self, section: &Section<'_>, remedy: Remedy) {
        let value = "{…}".to_owned();
        self.refuse(section.start, section.path.clone(), KeyFault::Value { value, remedy });
    }

    fn refuse_value(
        &mut self,
        start: usize,
        key: String,
        span: std::ops::Range<usize>,
        remedy: Remedy,
    ) {
        let written = self.text.get(span).unwrap_or("").lines().next().unwrap_or("");
        let value = written.chars().take(SHOWN_MAX).collect();
        self.refuse(start, key, KeyFault::Value { value, remedy });
    }

    fn refuse(&mut self, start: usize, key: String, fault: KeyFault) {
        let before = self.text.get(..start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        self.refusals.push(ConfigRefusal { file: self.file.to_owned(), line, key, fault });
    }
}

/// Where the key begins, its value, and the value's place.
fn find<'a>(
    section: &Section<'a>,
    name: &str,
) -> Option<(usize, &'a DeValue<'a>, std::ops::Range<usize>)> {
    let (key, value) = section.table.iter().find(|(key, _)| key.get_ref() == name)?;
    Some((key.span().start, value.get_ref(), value.span()))
}

/// The known key that differs least, if it may have been meant: a third of its letters at most.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let best = known.iter().min_by_key(|key| distance(name, key))?;
    (distance(name, best) <= best.len().div_ceil(3)).then_some(best)
}

/// How many letters have to be put in, taken out or replaced (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in (1..).zip(one.chars()) {
        let mut diagonal = std::mem::replace(&mut row[0], place);
        for (column, same) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *same);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_key_that_was_meant() {
        let known = ["domain", "listen", "advertise", "guests"];
        assert_eq!(nearest("domian", &known), Some("domain"));
        assert_eq!(nearest("guest", &known), Some("guests"));
        assert_eq!(nearest("Listen", &known), Some("listen"));
        assert_eq!(nearest("transport", &known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
