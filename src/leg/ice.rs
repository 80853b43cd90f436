//! ICE in a description (RFC 8839), as a lite agent speaks it: one address, which everybody reaches.

use crate::sdp::{Attribute, MediaDescription, SessionDescription};
use crate::stun::IceCredentials;
use std::net::IpAddr;

/// The priority of a host's only address (RFC 8445 §5.1.2.1), without its component.
const PRIORITY: u32 = 126 << 24 | 65_535 << 8;

/// Name and password of a section, or of all.
#[must_use]
pub fn credentials(
    session: &SessionDescription,
    media: &MediaDescription,
) -> Option<IceCredentials> {
    let of = |name| media.attribute(name).or_else(|| session.attribute(name));
    IceCredentials::new(of("ice-ufrag")?, of("ice-pwd")?)
}

/// Where the peer may check its ways to a section of ours: to RTP, and to RTCP where that has a port of its own. None
/// where it checks none.
#[must_use]
pub fn candidates(media: &MediaDescription, address: IpAddr) -> Option<Vec<Attribute>> {
    media.attribute("ice-ufrag")?;
    let reports = media.rtcp_port().filter(|port| *port != media.port);
    let components = [Some((1_u32, media.port)), reports.map(|port| (2, port))];
    let candidate = |(component, port)| {
        let priority = PRIORITY | (256 - component);
        let value = format!("1 {component} UDP {priority} {address} {port} typ host");
        Attribute::new("candidate", value)
    };
    Some(components.into_iter().flatten().map(candidate).collect())
}
