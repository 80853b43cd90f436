//! `[[trunk]]`: gateways and carriers.

use super::TRUNKS_MAX;
use super::reader::{Reader, Remedy, Section};
use super::values;
use crate::directory::{Srtp, Trunk, TrunkLogin};
use crate::ids::LevelId;
use toml::de::DeValue;

/// What may stand in a section.
const KEYS: [&str; 10] = [
    "name",
    "address",
    "level",
    "prefixes",
    "srtp",
    "user",
    "password",
    "password_file",
    "realm",
    "register",
];
/// The longest name, password and realm.
const LOGIN_BYTES_MAX: usize = 128;
/// The largest file with a password in its first line, in bytes.
const PASSWORD_FILE_MAX: u64 = 4_096;

pub(super) fn trunks<'a>(
    reader: &mut Reader<'_>,
    sections: &[Section<'a>],
    external: &LevelId,
) -> Vec<Trunk> {
    let mut trunks: Vec<Trunk> = Vec::new();
    for section in sections {
        if trunks.len() == TRUNKS_MAX {
            reader.refuse_section(section, format!("give at most {TRUNKS_MAX} trunks").into());
            break;
        }
        reader.allow(section, &KEYS);
        let name = |value: &DeValue<'_>| {
            let name = values::name(values::text(value)?)?.to_owned();
            if trunks.iter().any(|trunk| trunk.name == name) {
                return Err("another trunk has this name: choose another".into());
            }
            Ok(name)
        };
        let address = |value: &DeValue<'_>| {
            let addresses = values::list(value, values::LIST_MAX, values::trunk_address)?;
            if addresses.is_empty() {
                return Err("give at least one".into());
            }
            Ok(addresses)
        };
        let level = |value: &DeValue<'_>| values::name(values::text(value)?).map(LevelId::from);
        let prefixes = |value: &DeValue<'_>| {
            values::list(value, values::LIST_MAX, |text| values::name(text).map(str::to_owned))
        };
        let srtp = |value: &DeValue<'_>| {
            let named = Srtp::named(values::text(value)?);
            named.ok_or_else(|| "write \"optional\", \"required\" or \"dtls\"".into())
        };
        let name = reader.needed(section, "name", "give it one, for people", name);
        let addresses =
            reader.needed(section, "address", "give the addresses of the far end", address);
        let level = reader.value(section, "level", level);
        let prefixes = reader.value(section, "prefixes", prefixes).unwrap_or_default();
        let srtp = reader.value(section, "srtp", srtp).unwrap_or_default();
        let before = reader.refusals.len();
        let login = login(reader, section);
        let is_refused = reader.refusals.len() > before;
        let register = reader.value(section, "register", values::truth).unwrap_or_default();
        // One thing that is wrong is said once.
        if register && login.is_none() && !is_refused {
            let remedy = "say as whom: give `user` and `password`, too";
            reader.value::<()>(section, "register", |_| Err(remedy.into()));
        }
        if let (Some(name), Some(addresses)) = (name, addresses) {
            let level = level.unwrap_or_else(|| external.clone());
            trunks.push(Trunk { name, addresses, level, prefixes, srtp, login, register });
        }
    }
    trunks
}

/// As whom a carrier knows us.
fn login<'a>(reader: &mut Reader<'_>, section: &Section<'a>) -> Option<TrunkLogin> {
    let before = reader.refusals.len();
    let user = reader.value(section, "user", values::text);
    let given = |value: &DeValue<'_>| said(values::text(value)?);
    let given = reader.unrepeated(|reader| reader.value(section, "password", given));
    let file = reader.value(section, "password_file", from_file);
    let is_refused = reader.refusals.len() > before;
    let realm = reader.value(section, "realm", |value| said(values::text(value)?)).flatten();
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        let whose = "whose? give `user`, too, or leave it out";
        for (key, read) in [("password", given), ("password_file", file)] {
            if read.flatten().is_some() {
                reader.unrepeated(|r| r.value::<()>(section, key, |_| Err(whose.into())));
            }
        }
        return None;
    };
    let password = match (given.flatten(), file.flatten()) {
        (Some(_), Some(_)) => {
            let remedy = "there is a `password`, too: keep one of them";
            reader.value::<()>(section, "password_file", |_| Err(remedy.into()));
            return None;
        }
        (one, other) => one.or(other),
    };
    if password.is_none() && is_refused {
        return None;
    }
    let checked = |_: &DeValue<'_>| match &password {
        None => Err("give its `password` or `password_file`, too".into()),
        Some(_) if user.len() > LOGIN_BYTES_MAX || user.chars().any(char::is_control) => {
            Err("that is no name of an account".into())
        }
        Some(password) => {
            let (user, password) = (user.to_owned(), password.clone());
            Ok(TrunkLogin { user, password, realm: realm.clone() })
        }
    };
    reader.value(section, "user", checked)
}

/// A password or a realm; none where nothing stands.
fn said(text: &str) -> Result<Option<String>, Remedy> {
    if text.len() > LOGIN_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("at most {LOGIN_BYTES_MAX} bytes, all of one line").into());
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The first line of a file.
fn from_file(value: &DeValue<'_>) -> Result<Option<String>, Remedy> {
    let Some(bytes) = values::file(value, PASSWORD_FILE_MAX)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8: save it as UTF-8")?;
    let password = said(text.lines().next().unwrap_or_default())?;
    Ok(Some(password.ok_or("its first line is empty: write the password there")?))
}
