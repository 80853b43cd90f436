//! Whose page asks: one of ours, or another site's in the name of whoever looks at it.

use super::refusal::WebRefusal;
use axum::http::{HeaderMap, header};

/// What browsers say of the page that asks (Fetch Metadata).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Lets through what a page of ours asks. A browser says so in one of two headers at least; what says nothing is refused as
/// well.
///
/// # Errors
/// When another site's asks.
pub(super) fn own_page(headers: &HeaderMap) -> Result<(), WebRefusal> {
    let site = headers.get(SEC_FETCH_SITE);
    let origin = headers.get(header::ORIGIN);
    let is_same_site = site.is_none_or(|site| site == "same-origin");
    let is_same_origin = origin.is_none_or(|origin| {
        let origin = origin.to_str().ok().and_then(authority);
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        origin.is_some() && origin.map(str::to_ascii_lowercase) == host.map(str::to_ascii_lowercase)
    });
    match (site.is_some() || origin.is_some()) && is_same_site && is_same_origin {
        true => Ok(()),
        false => Err(WebRefusal::OtherSite),
    }
}

/// Host and port of an origin (RFC 6454 §6.1).
fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_may_change_something() {
        let judge = |all: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "desk.example:8443".parse().unwrap());
            for (name, value) in all {
                headers.append(*name, value.parse().unwrap());
            }
            own_page(&headers).is_ok()
        };
        let site = SEC_FETCH_SITE;
        for good in [
            &[("origin", "https://desk.example:8443")][..],
            &[("origin", "https://Desk.example:8443"), (site, "same-origin")],
            &[(site, "same-origin")],
        ] {
            assert!(judge(good), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://desk.example")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://evil.example"), (site, "same-origin")],
            &[("origin", "https://desk.example:8443"), (site, "same-site")],
            &[(site, "cross-site")],
            &[(site, "none")],
            &[("origin", "file://desk.example:8443")],
        ] {
            assert!(!judge(bad), "{bad:?}");
        }
    }
}
