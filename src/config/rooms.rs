//! What each room is told of the configuration: its settings, made from the file and from what the start found out.

use super::{AnswerMode, Config, PageSocket, QueueSection, RefusalPolicy};
use crate::acd;
use crate::call::{AnsweredBy, QueueSettings};
use crate::dialog;
use crate::directory::TrunkHost;
use crate::exchange;
use crate::ids::QueueId;
use crate::leg;
use crate::locator;
use crate::media::{self, Announcement, WaitingProfileId};
use crate::presence;
use crate::registrar;
use crate::server::certificate::CertificateFiles;
use crate::server::loop_sockets::ListenAddresses;
use crate::server::tls::TlsSettings;
use crate::server::{
    ConnectionLimiterSettings, Origins, StreamSettings, media_sockets, open_files,
};
use crate::sip::{Network, OwnAddresses, Transport};
use crate::switchboard::{self, OnRefusal};
use crate::time::Duration;
use crate::transaction;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// A declined offer is not repeated to the same operator for so long.
const DECLINE_PAUSE: Duration = Duration::from_secs(30);
/// A desk phone that failed gets no offers for so long.
const PHONE_PAUSE: Duration = Duration::from_secs(60);
/// So many connections may browsers of one source have: each page takes six while it loads, and many may sit behind one NAT.
const PAGE_CONNECTIONS: usize = 256;
/// A relay port rests for so long before another call gets it.
const PORT_REST: Duration = Duration::from_secs(5);

impl Config {
    /// What is listened to under this limit of open files.
    #[must_use]
    pub fn listen_addresses(&self, files: u64) -> ListenAddresses {
        let listeners = self.sip.listen.iter().map(|listen| (listen.transport, listen.address));
        let (udp, others): (Vec<_>, Vec<_>) =
            listeners.partition(|(transport, _)| *transport == Transport::Udp);
        let media = media_sockets::Settings {
            address: self.media.address,
            ports: open_files::ports_within(files, &self.media.ports),
        };
        // Trunks that go by a name are known by what comes over their connections.
        let trunks = self.trunks.iter().flat_map(|trunk| &trunk.addresses);
        let trunks = trunks.filter_map(|address| match address.host {
            TrunkHost::Address(ip) => Some(Network::from(ip)),
            TrunkHost::Name { .. } => None,
        });
        let trusted = trunks.chain(self.sip.edges.clone());
        let limiter = ConnectionLimiterSettings {
            per_source: self.limits.connections,
            trusted: trusted.collect(),
        };
        let streams = StreamSettings {
            listeners: others,
            limiter,
            origins: Origins { others: self.web.origins.clone(), own: self.own_hosts() },
            pages: self.web.listen.iter().map(PageSocket::listener).collect(),
            pages_per_source: (!self.web.proxy).then_some(PAGE_CONNECTIONS),
        };
        let udp = udp.into_iter().map(|(_, address)| address).collect();
        ListenAddresses { udp, streams, media }
    }

    /// Our certificate, and whom we believe. What listens on all addresses is reached at those of `machine`.
    #[must_use]
    pub fn tls_settings(&self, machine: &[IpAddr]) -> TlsSettings {
        let listeners = self.sip.listen.iter();
        let pages = self.web.listen.iter().filter(|page| page.sealed);
        let bound = listeners.clone().map(|listen| listen.address.ip());
        let bound = bound.chain(pages.clone().map(|page| page.address.ip()));
        let mut names = self.own_hosts();
        for ip in bound {
            let of_family = machine.iter().filter(|own| own.is_ipv4() == ip.is_ipv4());
            match ip.is_unspecified() {
                true => names.extend(of_family.map(IpAddr::to_string)),
                false => names.push(ip.to_string()),
            }
        }
        names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        TlsSettings {
            certificate: self.tls.certificate.clone(),
            client_ca: self.tls.client_ca.clone(),
            ca: self.tls.ca.clone(),
            own: CertificateFiles {
                certificate: self.data.join("tls.crt"),
                key: self.data.join("tls.key"),
            },
            names,
            is_wanted: listeners.into_iter().any(|listen| listen.transport.is_secure())
                || pages.into_iter().next().is_some(),
        }
    }

    /// Where the pair is by which we are known in handshakes of DTLS.
    #[must_use]
    pub fn dtls_files(&self) -> CertificateFiles {
        CertificateFiles {
            certificate: self.data.join("dtls.crt"),
            key: self.data.join("dtls.key"),
        }
    }

    /// The names and addresses that the file gives us.
    fn own_hosts(&self) -> Vec<String> {
        let domain = self.sip.domain.trim_matches(['[', ']', '.']).to_ascii_lowercase();
        let advertised = self.sip.advertise.iter().map(|(_, ip)| ip.to_string());
        std::iter::once(domain).chain(advertised).collect()
    }

    /// The directory of the recordings.
    #[must_use]
    pub fn recordings_directory(&self) -> PathBuf {
        self.data.join(&self.media.recordings)
    }

    /// The relay, with what the house shows and plays to those who wait.
    #[must_use]
    pub fn media_settings(&self) -> media::Settings {
        let queues = self.queues.values().map(|queue| &queue.waiting_profile);
        let waiting_profiles = std::iter::once(&self.media.waiting_profile).chain(queues);
        let waiting_profiles = waiting_profiles.map(|profile| Arc::new(profile.clone())).collect();
        media::Settings { waiting_profiles, ..media::Settings::default() }
    }

    /// Every core's settings; `addresses` are those of the sockets, `routes` by which of them each network is
    /// reached, and `boot` tells this start from others.
    #[must_use]
    pub fn exchange_settings(
        &self,
        addresses: &[(Transport, SocketAddr)],
        routes: Vec<(Network, IpAddr)>,
        boot: &str,
    ) -> exchange::Settings {
        let mut own = OwnAddresses::new(addresses.to_vec(), self.sip.advertise.clone());
        own.set_routes(routes);
        let advertised = self.sip.advertise.iter().flat_map(|(_, ip)| {
            addresses.iter().map(|(_, listener)| SocketAddr::new(*ip, listener.port()))
        });
        let known: Vec<SocketAddr> =
            addresses.iter().map(|(_, address)| *address).chain(advertised).collect();
        exchange::Settings {
            guests: self.sip.guests,
            retention: self.records,
            guest_calls_max: self.limits.guest_calls,
            addresses: known.clone(),
            transaction: transaction::Settings {
                own: own.clone(),
                ..transaction::Settings::default()
            },
            registrar: registrar::Settings {
                addresses: known,
                edges: self.sip.edges.clone(),
                digest: self.sip.digest,
                ..registrar::Settings::default()
            },
            leg: self.leg_settings(own),
            locator: locator::Settings {
                transports: [Transport::Udp, Transport::Tcp, Transport::Tls]
                    .into_iter()
                    .filter(|own| addresses.iter().any(|(transport, _)| transport == own))
                    .collect(),
            },
            switchboard: self.switchboard_settings(boot),
        }
    }

    fn leg_settings(&self, own: OwnAddresses) -> leg::Settings {
        leg::Settings {
            domain: self.sip.domain.clone(),
            media_addresses: vec![self.media.address],
            port_rest: PORT_REST,
            rtp_timeout: self.sip.rtp_timeout,
            fingerprint: None,
            dialog: dialog::Settings {
                own,
                user_agent: concat!("cordboard/", env!("CARGO_PKG_VERSION")).to_owned(),
                ..dialog::Settings::default()
            },
        }
    }

    /// The switchboard's settings; `boot` tells this start from others.
    #[must_use]
    pub fn switchboard_settings(&self, boot: &str) -> switchboard::Settings {
        let queues = (1..).zip(&self.queues).map(|(waiting_profile, (id, queue))| {
            (id.clone(), queue_settings(queue, WaitingProfileId(waiting_profile)))
        });
        let waiting = self.queues.iter().map(|(id, queue)| self.queue_rules(id, queue));
        switchboard::Settings {
            queues: queues.collect(),
            acd: acd::Settings { queues: waiting.collect(), decline_pause: DECLINE_PAUSE },
            presence: presence::Settings { lease: self.desk.lease, phone_pause: PHONE_PAUSE },
            on_refusal: match self.levels.on_refusal {
                RefusalPolicy::Refuse => OnRefusal::Refuse,
                RefusalPolicy::Operator => OnRefusal::Operator,
            },
            secure_only: self.desk.secure_only,
            ring_time: self.sip.ring_time,
            consult_ring_time: self.desk.ring_time,
            recall: self.desk.recall,
            recordings: self.recordings_directory().display().to_string(),
            boot: boot.to_owned(),
        }
    }

    fn queue_rules(&self, id: &QueueId, queue: &QueueSection) -> acd::QueueRules {
        acd::QueueRules {
            id: id.clone(),
            waiting_max: queue.waiting_max,
            shares: self.limits.shares(queue.waiting_max),
            wait_max: queue.wait_max,
            overflow: queue.overflow.clone(),
            exit_key: queue.exit_key,
            priorities: queue.priorities.clone(),
            night: queue.night.clone(),
            grace: queue.grace,
        }
    }
}

fn queue_settings(queue: &QueueSection, waiting_profile: WaitingProfileId) -> QueueSettings {
    let answer = match queue.answer {
        AnswerMode::Queue => AnsweredBy::Queue,
        AnswerMode::Operator => AnsweredBy::Operator,
    };
    let length = |announcement| (announcement, queue.waiting_profile.voices.length(announcement));
    QueueSettings {
        number: queue.number.clone(),
        answer,
        ring_time: queue.ring_time,
        ring: queue.ring,
        camera: queue.camera,
        record: queue.record,
        record_pauses: queue.record_pauses,
        preview: queue.preview,
        waiting_profile,
        announcements: Announcement::ALL.map(length).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_ringing_has_its_own_time() {
        let text = "[sip]\nring_time = \"40s\"\n[desk]\nring_time = \"15s\"\n[queue.main]\nring_time = \"7s\"\n";
        let settings = Config::read("f", text).unwrap().switchboard_settings("b");
        let of_queues: Vec<_> = settings.queues.values().map(|queue| queue.ring_time).collect();
        assert_eq!(settings.ring_time, Duration::from_secs(40));
        assert_eq!(settings.consult_ring_time, Duration::from_secs(15));
        assert_eq!(of_queues, [Duration::from_secs(7)]);
    }

    #[test]
    fn a_queue_has_the_waiting_profile_of_its_own() {
        let text = "[queue.a]\nnumber = \"1\"\n[queue.b]\nnumber = \"2\"\n";
        let config = Config::read("f", text).unwrap();
        let profiles = config.media_settings().waiting_profiles.len();
        assert_eq!(profiles, 3, "the house's is the first");
        let settings = config.switchboard_settings("b");
        let used: Vec<_> = settings.queues.values().map(|queue| queue.waiting_profile.0).collect();
        assert_eq!(used, [1, 2]);
    }
}
