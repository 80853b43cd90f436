//! `[tls]`: our certificate, and whose certificates are believed.

use super::reader::{Reader, Remedy, Section};
use super::values;
use crate::server::certificate::{Certificate, CertificateFiles, load_authorities};
use std::path::PathBuf;
use toml::de::DeValue;

/// What may stand in the section.
const KEYS: [&str; 4] = ["certificate", "key", "client_ca", "ca"];

/// `[tls]`
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TlsSection {
    /// The pair that is given; without it one is made.
    pub certificate: Option<CertificateFiles>,
    /// Whose certificates phones and trunks have to have that connect by `tls:`; without it none.
    pub client_ca: Option<PathBuf>,
    /// Whose certificates trunks have to have that are connected to; without it those that the system trusts.
    pub ca: Option<PathBuf>,
}

pub(super) fn tls<'a>(reader: &mut Reader<'_>, section: &Section<'a>) -> TlsSection {
    reader.allow(section, &KEYS);
    let mut path = |key| reader.value(section, key, path_of).flatten();
    let (certificate, key) = (path("certificate"), path("key"));
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
        (None, None) => None,
        (one, _) => {
            // What stands there, and what is missing beside it.
            let (there, missing) =
                if one.is_some() { ("certificate", "key") } else { ("key", "certificate") };
            let remedy = format!("give its `{missing}`, too, or leave both out");
            reader.value::<()>(section, there, |_| Err(remedy.into()));
            None
        }
    };
    let mut path = |key| reader.value(section, key, path_of).flatten();
    TlsSection { certificate, client_ca: path("client_ca"), ca: path("ca") }
}

/// What is wrong with the files that the section names. Apart from the rest: it may change at any time, and is the
/// matter of whoever shows them.
pub(super) fn judge_files<'a>(reader: &mut Reader<'_>, section: &Section<'a>) {
    let given = tls(reader, section);
    if let Some(files) = &given.certificate
        && let Err(fault) = Certificate::load(files)
    {
        let key = if fault.is_of_key() { "key" } else { "certificate" };
        reader.value::<()>(section, key, |_| Err(fault.to_string().into()));
    }
    for (key, path) in [("client_ca", given.client_ca), ("ca", given.ca)] {
        if let Some(path) = path
            && let Err(fault) = load_authorities(&path)
        {
            reader.value::<()>(section, key, |_| Err(fault.to_string().into()));
        }
    }
}

/// The path of a file; none where nothing stands.
fn path_of(value: &DeValue<'_>) -> Result<Option<PathBuf>, Remedy> {
    let text = values::text(value)?;
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

/// `https://desk.example.com`, `http://192.0.2.7:8080`: an origin as browsers send it (RFC 6454 §6.1).
pub(super) fn origin(text: &str) -> Result<String, Remedy> {
    let wrong = || {
        format!(
            "{text:?} is no origin: write \"https://desk.example.com\", with its port if it has one, and no path"
        )
    };
    let lower = text.to_ascii_lowercase();
    let with = |scheme, port| {
        // The port that browsers leave out.
        let host = lower.strip_prefix(scheme)?;
        Some((scheme, host.strip_suffix(port).unwrap_or(host)))
    };
    let origin = with("https://", ":443").or_else(|| with("http://", ":80"));
    let (scheme, host) = origin.ok_or_else(wrong)?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    match host.is_empty() || !host.bytes().all(is_host) {
        true => Err(wrong().into()),
        false => Ok(format!("{scheme}{host}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (written, sent) in [
            ("https://desk.example.com", Some("https://desk.example.com")),
            ("HTTPS://Desk.Example.com:443", Some("https://desk.example.com")),
            ("http://desk.example.com:80", Some("http://desk.example.com")),
            ("https://desk.example.com:80", Some("https://desk.example.com:80")),
            ("https://[2001:DB8::1]:8443", Some("https://[2001:db8::1]:8443")),
            ("https://desk.example.com/", None),
            ("https://*.example.com", None),
            ("desk.example.com", None),
            ("https://", None),
            ("null", None),
        ] {
            assert_eq!(origin(written).ok().as_deref(), sent, "{written}");
        }
    }
}
