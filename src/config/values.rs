//! The kinds of values: each function reads one, or says what to write instead.

use super::reader::Remedy;
use crate::directory::{self, TrunkAddress};
use crate::sip::{Host, Network, Transport};
use crate::time::Duration;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use toml::de::DeValue;

/// A socket that SIP is heard on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ListenSocket {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// The longest list of one key.
pub(super) const LIST_MAX: usize = 1_000;

pub(super) fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Remedy> {
    value.as_str().ok_or("put it in quotes".into())
}

pub(super) fn truth(value: &DeValue<'_>) -> Result<bool, Remedy> {
    value.as_bool().ok_or("write true or false, without quotes".into())
}

/// One of the words that `words` names.
pub(super) fn word<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, Remedy> {
    let known: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
    found.map(|(_, meant)| *meant).ok_or_else(|| format!("write {}", known.join(" or ")).into())
}

/// A whole number without quotes.
pub(super) fn count(value: &DeValue<'_>, allowed: RangeInclusive<usize>) -> Result<usize, Remedy> {
    let number = value
        .as_integer()
        .filter(|number| number.radix() == 10)
        .and_then(|number| number.as_str().replace('_', "").parse().ok())
        .filter(|number| allowed.contains(number));
    let (min, max) = allowed.into_inner();
    number.ok_or_else(|| format!("give a whole number from {min} to {max}").into())
}

/// `"20%"`, as a whole number.
pub(super) fn percent(
    value: &DeValue<'_>,
    allowed: RangeInclusive<usize>,
) -> Result<usize, Remedy> {
    let number = value.as_str().and_then(|text| text.strip_suffix('%'));
    let number = number.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|digits| digits.parse().ok());
    let (min, max) = (*allowed.start(), *allowed.end());
    let within = number.filter(|number| allowed.contains(number));
    within.ok_or_else(|| format!("write a part in percent, from \"{min}%\" to \"{max}%\"").into())
}

/// `30s`, `500ms`, `5m`, `2h`, `400d`.
pub(super) fn duration(
    value: &DeValue<'_>,
    allowed: RangeInclusive<Duration>,
) -> Result<Duration, Remedy> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000)];
    let read = |text: &str| {
        let (count, millis) = units
            .into_iter()
            .find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, millis)))
            .filter(|(count, _)| count.bytes().all(|b| b.is_ascii_digit()))?;
        count.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
    };
    let span = value.as_str().and_then(read).ok_or(Remedy::from(
        "write a number and its unit: \"500ms\", \"30s\", \"5m\", \"2h\", \"7d\"",
    ))?;
    let (min, max) = allowed.into_inner();
    if span < min {
        return Err(format!("give at least {}", shown(min)).into());
    }
    if span > max {
        return Err(format!("give at most {}", shown(max)).into());
    }
    Ok(span)
}

/// As [`duration`], where an empty text means that there is no limit.
pub(super) fn limit(
    value: &DeValue<'_>,
    allowed: RangeInclusive<Duration>,
) -> Result<Option<Duration>, Remedy> {
    if value.as_str() == Some("") {
        return Ok(None);
    }
    let or_ever = |remedy: Remedy| format!("{remedy}, or leave it out to wait for ever").into();
    duration(value, allowed).map(Some).map_err(or_ever)
}

fn shown(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        // A day is 24 h, a month is days.
        secs if secs % 86_400 == 0 && secs > 86_400 => format!("{} days", secs / 86_400),
        secs if secs % 3600 == 0 => format!("{} h", secs / 3600),
        secs if secs % 60 == 0 => format!("{} min", secs / 60),
        secs => format!("{secs} s"),
    }
}

/// Each element of a list, read by `read`.
pub(super) fn list<T>(
    value: &DeValue<'_>,
    max: usize,
    read: impl Fn(&str) -> Result<T, Remedy>,
) -> Result<Vec<T>, Remedy> {
    let items = value.as_array().ok_or("make it a list: [\"…\", \"…\"]")?;
    if items.len() > max {
        return Err(format!("give at most {max}").into());
    }
    items.iter().map(|item| read(text(item.get_ref())?)).collect()
}

/// `udp:0.0.0.0:5060`.
pub(super) fn listen(text: &str) -> Result<ListenSocket, Remedy> {
    let read = || {
        let (transport, address) = text.split_once(':')?;
        let transport = Transport::from_token(transport)?;
        Some(ListenSocket { transport, address: address.parse().ok()? })
    };
    let no_address = || format!("{text:?} is no transport and address: write \"udp:0.0.0.0:5060\"");
    Ok(read().ok_or_else(no_address)?)
}

/// `20000-29999`.
pub(super) fn ports(value: &DeValue<'_>) -> Result<RangeInclusive<u16>, Remedy> {
    let read = |text: &str| {
        let (first, last) = text.split_once('-')?;
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some((first, last))
    };
    let remedy = "write the first and the last port, 1024 to 65535: \"20000-29999\"";
    let (first, last) = value.as_str().and_then(read).ok_or(remedy)?;
    if first < 1024 {
        return Err(remedy.into());
    }
    // One call needs four pairs at most: two parties, sound and picture.
    if last < first || last - first < 7 {
        return Err("give at least 8 ports, the smaller number first".into());
    }
    Ok(first..=last)
}

pub(super) fn ip(value: &DeValue<'_>) -> Result<IpAddr, Remedy> {
    let remedy = "write an address without a port: \"192.0.2.1\" or \"2001:db8::1\"";
    text(value)?.parse().map_err(|_| remedy.into())
}

pub(super) fn trunk_address(text: &str) -> Result<TrunkAddress, Remedy> {
    text.parse().map_err(|_| {
        format!("{text:?} is no address: write \"192.0.2.10\", \"192.0.2.10:5060\" or a host name")
            .into()
    })
}

/// `192.0.2.53`, `192.0.2.53:5353`.
pub(super) fn nameserver(text: &str) -> Result<SocketAddr, Remedy> {
    const PORT: u16 = 53;
    let address = |text: &str| Some(SocketAddr::new(text.parse().ok()?, PORT));
    text.parse().ok().or_else(|| address(text)).ok_or_else(|| {
        format!("{text:?} is no address: write \"192.0.2.53\" or \"192.0.2.53:53\"").into()
    })
}

/// `203.0.113.5`, or a list of `10.8.0.0/16=10.8.0.1` and `{ network = "…", address = "…" }`; empty: none.
pub(super) fn advertise(value: &DeValue<'_>) -> Result<Vec<(Network, IpAddr)>, Remedy> {
    let everywhere = |ip: IpAddr| (if ip.is_ipv4() { Network::IPV4 } else { Network::IPV6 }, ip);
    if value.as_str() == Some("") {
        return Ok(Vec::new());
    }
    let Some(items) = value.as_array() else { return Ok(vec![everywhere(ip(value)?)]) };
    if items.len() > LIST_MAX {
        return Err(format!("give at most {LIST_MAX}").into());
    }
    let mut all: Vec<(Network, IpAddr)> = Vec::new();
    for item in items.iter().map(|item| item.get_ref()) {
        let (towards, own) = advertised(item)?;
        if towards.ip().is_ipv4() != own.is_ipv4() {
            return Err(format!("{towards}: {own} is of the other family").into());
        }
        if all.iter().any(|(other, _)| *other == towards) {
            return Err(format!("{towards} stands there twice: keep one").into());
        }
        all.push((towards, own));
    }
    Ok(all)
}

fn advertised(item: &DeValue<'_>) -> Result<(Network, IpAddr), Remedy> {
    let remedy = || Remedy::from("write \"10.8.0.0/16=10.8.0.1\": a network and our address there");
    let own = |text: &str| text.parse::<IpAddr>().map_err(|_| remedy());
    if let Some(text) = item.as_str() {
        let (towards, address) = text.split_once('=').ok_or_else(remedy)?;
        return Ok((network(towards.trim())?, own(address.trim())?));
    }
    let table = item.as_table().filter(|table| table.len() == 2).ok_or_else(remedy)?;
    let field = |name| text(table.get(name).ok_or_else(remedy)?.get_ref());
    Ok((network(field("network")?)?, own(field("address")?)?))
}

/// `192.0.2.0/24`, or one address.
pub(super) fn network(text: &str) -> Result<Network, Remedy> {
    text.parse().map_err(|_| {
        format!("{text:?} is no network: write \"192.0.2.10\" or \"192.0.2.0/24\"").into()
    })
}

/// A number, a level, the name of a queue or of a trunk, a prefix.
pub(super) fn name(text: &str) -> Result<&str, Remedy> {
    match directory::check_name(text) {
        Ok(()) => Ok(text),
        Err(fault) => Err(format!("{text:?}: {fault}").into()),
    }
}

/// A domain name or an address.
pub(super) fn domain(value: &DeValue<'_>) -> Result<String, Remedy> {
    let domain = text(value)?;
    if domain.len() > 253 || Host::parse(domain).is_err() {
        return Err("write a domain name or an address: \"phones.example.com\"".into());
    }
    Ok(domain.to_owned())
}

/// The bytes of a file of at most `max`; none where none is named.
pub(super) fn file(value: &DeValue<'_>, max: u64) -> Result<Option<Vec<u8>>, Remedy> {
    let path = text(value)?;
    if path.is_empty() {
        return Ok(None);
    }
    let unreadable = |error: io::Error| {
        Remedy::from(format!("{error}: name a file that is there and may be read"))
    };
    // Before it is opened: a pipe would wait for somebody who writes.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("this is no file: name one".into());
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more, so that it shows when there is more; a file may grow while it is read.
    file.take(max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max {
        let most = match max >> 20 {
            0 => format!("{max} bytes"),
            megabytes => format!("{megabytes} MB"),
        };
        return Err(format!("it is larger than {most}: give a smaller one").into());
    }
    Ok(Some(bytes))
}
