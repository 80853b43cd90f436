//! ICE in a description (RFC 8839), as a lite agent speaks it: one address of a family, which everybody reaches.

use crate::sdp::{Attribute, MediaDescription, SessionDescription};
use crate::stun::IceCredentials;
use std::net::IpAddr;

/// The priority of a host's first address (RFC 8445 §5.1.2.1), without its component.
const PRIORITY: u32 = 126 << 24 | 65_535 << 8;
/// That of one which may not be reached: of a pair the lower one counts (§6.1.2.3), and those of browsers are low.
const LOWEST_PRIORITY: u32 = 126 << 24;

/// Name and password of a section, or of all.
#[must_use]
pub fn credentials(
    session: &SessionDescription,
    media: &MediaDescription,
) -> Option<IceCredentials> {
    let of = |name| media.attribute(name).or_else(|| session.attribute(name));
    IceCredentials::new(of("ice-ufrag")?, of("ice-pwd")?)
}

/// Where the peer may check its ways to a section of ours, the address that is known to be reached first: to RTP, and to
/// RTCP where that has a port of its own. None where it checks none.
#[must_use]
pub fn candidates(
    media: &MediaDescription,
    (told, beside): (IpAddr, Option<IpAddr>),
) -> Option<Vec<Attribute>> {
    media.attribute("ice-ufrag")?;
    let reports = media.rtcp_port().filter(|port| *port != media.port);
    let components = [Some((1_u32, media.port)), reports.map(|port| (2, port))];
    let addresses = [Some((1, PRIORITY, told)), beside.map(|ip| (2, LOWEST_PRIORITY, ip))];
    let of_address = |(foundation, priority, address): (u32, u32, IpAddr)| {
        components.into_iter().flatten().map(move |(component, port)| {
            let priority = priority | (256 - component);
            let value =
                format!("{foundation} {component} UDP {priority} {address} {port} typ host");
            Attribute::new("candidate", value)
        })
    };
    Some(addresses.into_iter().flatten().flat_map(of_address).collect())
}
