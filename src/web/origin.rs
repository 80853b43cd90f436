//! Whose page asks: one of ours, or another site's in the name of whoever looks at it.

use super::peer::Peer;
use super::refusal::WebRefusal;
use axum::http::{HeaderMap, header};

/// What browsers say of the page that asks (Fetch Metadata).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Lets through what a page of ours asks. A browser says so in one of two headers at least; what says nothing is refused as
/// well.
///
/// # Errors
/// When another site's asks.
pub(super) fn own_page(headers: &HeaderMap, peer: &Peer) -> Result<(), WebRefusal> {
    let (sites, origins) = (headers.get_all(SEC_FETCH_SITE), headers.get_all(header::ORIGIN));
    let is_said = sites.iter().chain(origins.iter()).next().is_some();
    let is_same_site = sites.iter().all(|site| site == "same-origin");
    let is_same_origin = origins.iter().all(|origin| {
        let authority = origin.to_str().ok().and_then(authority);
        authority.is_some_and(|(host, port)| {
            let mut asked = peer.hosts(headers);
            asked.any(|asked| asked.strip_suffix(port).unwrap_or(asked).eq_ignore_ascii_case(host))
        })
    });
    match is_said && is_same_site && is_same_origin {
        true => Ok(()),
        false => Err(WebRefusal::OtherSite),
    }
}

/// The origins that a browser names; none where one cannot be read.
pub(super) fn named(headers: &HeaderMap) -> Option<Vec<String>> {
    let all = headers.get_all(header::ORIGIN).iter();
    all.map(|origin| origin.to_str().ok().map(str::to_owned)).collect()
}

/// Host and port of an origin (RFC 6454 §6.1), and the port that it leaves out, which some proxies do not.
fn authority(origin: &str) -> Option<(&str, &'static str)> {
    let sealed = origin.strip_prefix("https://").map(|host| (host, ":443"));
    sealed.or_else(|| origin.strip_prefix("http://").map(|host| (host, ":80")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_may_change_something() {
        let judge_by = |is_proxy, all: &[(&'static str, &str)]| {
            let address = "192.0.2.1:443".parse().unwrap();
            let peer = Peer { local: address, remote: address, secure: true, is_proxy };
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "desk.example:8443".parse().unwrap());
            for (name, value) in all {
                headers.append(*name, value.parse().unwrap());
            }
            own_page(&headers, &peer).is_ok()
        };
        let judge = |all: &[(&'static str, &str)]| judge_by(false, all);
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
            &[("origin", "https://desk.example:8443"), ("origin", "https://evil.example")],
            &[(site, "same-origin"), (site, "cross-site")],
            &[("origin", "https://evil.example"), ("x-forwarded-host", "evil.example")],
        ] {
            assert!(!judge(bad), "{bad:?}");
        }
        // A proxy that asks us under our own name says under which it was asked itself.
        let forwarded = ("x-forwarded-host", "other.example, www.example:443");
        assert!(judge_by(true, &[("origin", "https://www.example"), forwarded]));
        assert!(judge_by(true, &[("origin", "https://desk.example:8443"), (site, "same-origin")]));
        assert!(!judge_by(true, &[("origin", "https://other.example"), forwarded]));
        assert!(!judge_by(
            true,
            &[("origin", "https://www.example"), forwarded, (site, "cross-site")]
        ));
    }
}
