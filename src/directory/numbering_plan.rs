//! The numbering plan: what the configuration says of numbers and of those who come from outside.

use super::camera::Camera;
use super::trunk::Trunk;
use crate::ids::{CameraId, LevelId, Number, QueueId};
use crate::sip::{Host, Transport};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The user part of the address that desks call.
pub const DESK: &str = "desk";

/// What the configuration fixes for the life of the process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NumberingPlan {
    /// The realm of all accounts, which is the domain of the numbers.
    pub realm: String,
    /// Our own addresses, as phones may write them in place of the domain.
    pub addresses: Vec<IpAddr>,
    /// The operator numbers and the queues they lead to.
    pub queues: BTreeMap<Number, QueueId>,
    /// The trunks, in the order of the configuration.
    pub trunks: Vec<Trunk>,
    /// The cameras, in the order of the configuration.
    pub cameras: Vec<Camera>,
    /// The level of callers that are no terminals, and of terminals added without a level.
    pub external: LevelId,
}

impl NumberingPlan {
    /// Whether a host means us: our domain or one of our addresses. The numbers at other hosts are not
    /// ours, whatever they look like.
    #[must_use]
    pub fn is_ours(&self, host: Host<'_>) -> bool {
        Host::parse(&self.realm).is_ok_and(|domain| domain.matches(host))
            || self.addresses.iter().any(|own| Host::from(*own).matches(host))
    }

    /// The camera with this number.
    #[must_use]
    pub fn camera_at(&self, number: &Number) -> Option<&Camera> {
        self.cameras.iter().find(|camera| camera.number.as_ref() == Some(number))
    }

    /// The camera with this id.
    #[must_use]
    pub fn camera(&self, id: CameraId) -> Option<&Camera> {
        self.cameras.iter().find(|camera| camera.id == id)
    }

    /// The trunk whose request comes from `source` by this transport: by address and port before by address alone,
    /// then in the order of the configuration.
    #[must_use]
    pub fn trunk_from(&self, source: SocketAddr, by: Transport) -> Option<&Trunk> {
        let mut best: Option<(u8, &Trunk)> = None;
        for trunk in &self.trunks {
            let fit = trunk.fits(source, by);
            if fit > best.map_or(0, |(fit, _)| fit) {
                best = Some((fit, trunk));
            }
        }
        best.map(|(_, trunk)| trunk)
    }

    /// The trunk that calls to `number` leave by: the longest prefix, then the order of the
    /// configuration.
    #[must_use]
    pub fn trunk_for(&self, number: &str) -> Option<&Trunk> {
        let mut best: Option<(usize, &Trunk)> = None;
        for trunk in &self.trunks {
            if let Some(length) = trunk.prefix_of(number)
                && best.is_none_or(|(longest, _)| length > longest)
            {
                best = Some((length, trunk));
            }
        }
        best.map(|(_, trunk)| trunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;

    fn trunk(name: &str, addresses: &[&str], prefixes: &[&str]) -> Trunk {
        Trunk {
            name: name.to_owned(),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            level: LevelId::from("B"),
            prefixes: prefixes.iter().map(|p| (*p).to_owned()).collect(),
            srtp: crate::directory::Srtp::Optional,
            login: None,
            register: false,
        }
    }

    fn plan() -> NumberingPlan {
        NumberingPlan {
            realm: "cordboard.local".to_owned(),
            addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::5".parse().unwrap()],
            queues: BTreeMap::new(),
            trunks: vec![
                trunk("any port", &["192.0.2.10", "2001:db8::1"], &["0"]),
                trunk("one port", &["192.0.2.10:5070"], &["00", "+"]),
                trunk("inbound only", &["192.0.2.11"], &[]),
            ],
            cameras: vec![],
            external: LevelId::from("B"),
        }
    }

    #[test]
    fn we_are_our_domain_and_our_addresses_however_they_are_written() {
        let is_ours = |host: &str| plan().is_ours(Host::parse(host).unwrap());
        for ours in [
            "cordboard.local",
            "cordboard.local.",
            "CORDBOARD.Local",
            "192.0.2.1",
            "[::ffff:192.0.2.1]",
            "[2001:DB8:0:0::5]",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in
            ["evil.example", "cordboard.local.evil", "local", "192.0.2.10", "[2001:db8::6]"]
        {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn a_trunk_is_known_by_its_address_and_better_by_its_port() {
        let plan = plan();
        let by =
            |source: &str, by| plan.trunk_from(source.parse().unwrap(), by).map(|t| &t.name[..]);
        let from = |source: &str| by(source, Transport::Udp);
        assert_eq!(from("192.0.2.10:5060"), Some("any port"));
        assert_eq!(from("192.0.2.10:5070"), Some("one port"));
        assert_eq!(from("[::ffff:192.0.2.11]:999"), Some("inbound only"));
        assert_eq!(from("[2001:db8::1]:5060"), Some("any port"));
        assert_eq!(from("192.0.2.12:5060"), None);
        let mut plan = plan.clone();
        plan.trunks = vec![trunk("sealed", &["tls:192.0.2.10:5061"], &["0"])];
        let by = |source: &str, by| plan.trunk_from(source.parse().unwrap(), by).is_some();
        assert!(by("192.0.2.10:40000", Transport::Tls));
        assert!(!by("192.0.2.10:5061", Transport::Udp), "whose source anybody can write");
        assert!(!by("192.0.2.10:40000", Transport::Tcp) && !by("192.0.2.11:5061", Transport::Tls));
    }

    #[test]
    fn a_trunk_with_a_name_is_known_where_the_dns_has_it() {
        let mut plan = plan();
        plan.trunks = vec![trunk("carrier", &["sip.example", "sip.example:5070"], &["0"])];
        let mut directory = Directory::new(plan, crate::directory::Accounts::default());
        let from = |directory: &Directory, source: &str| {
            directory.plan().trunk_from(source.parse().unwrap(), Transport::Udp).is_some()
        };
        assert!(!from(&directory, "192.0.2.10:5060"), "nobody is trusted for a name alone");
        let at = |text: &str| [text.parse().unwrap()].into();
        directory.locate_trunk("sip.example", (None, None), &at("192.0.2.10"));
        directory.locate_trunk("sip.example", (Some(5070), None), &at("192.0.2.11"));
        assert!(from(&directory, "192.0.2.10:999"));
        assert!(from(&directory, "192.0.2.11:5070"));
        assert!(!from(&directory, "192.0.2.11:5060"));
        directory.locate_trunk("sip.example", (None, None), &at("192.0.2.12"));
        assert!(!from(&directory, "192.0.2.10:999"), "it has moved");
        assert!(from(&directory, "192.0.2.12:999"));
    }

    #[test]
    fn the_longest_prefix_leads_out() {
        let plan = plan();
        let to = |number: &str| plan.trunk_for(number).map(|t| &t.name[..]);
        assert_eq!(to("0123"), Some("any port"));
        assert_eq!(to("00123"), Some("one port"));
        assert_eq!(to("+49"), Some("one port"));
        assert_eq!(to("3001"), None);
        assert_eq!(to(""), None);
    }
}
