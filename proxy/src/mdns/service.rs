//! A service of ours: its names, its records, and how far it is announced.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::time::Instant;

use super::lane::{Lane, Lanes};
use super::name::Name;
use super::record::{Data, HOST_TTL, OTHER_TTL, Record, kind};
use super::writer::{Answer, Ask};
use super::{BadService, LABEL_BYTES_MAX, Service};

/// What can be said of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// That its type exists (RFC 6763 section 9).
    Type,
    /// That there is an instance of the type.
    Ptr,
    Srv,
    Txt,
    /// The host's addresses.
    Address,
    /// Those of one family, or that there are none.
    A,
    Aaaa,
    /// That the instance, or the host, has no other records (RFC 6762 section 6.1).
    InstanceNsec,
    HostNsec,
}

impl What {
    /// What was said with it: addresses of both families go together.
    fn said(self) -> Self {
        match self {
            Self::A | Self::Aaaa => Self::Address,
            other => other,
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// So many probes are sent (RFC 6762 section 8.1).
    Probing(u8),
    /// So many announcements are sent (RFC 6762 section 8.3).
    Announcing(u8),
    Live,
}

/// A registered service.
pub(super) struct Own {
    /// Its name as it was registered; conflicts may have changed `instance`.
    pub(super) registered: Name,
    pub(super) service: Name,
    pub(super) instance: Name,
    pub(super) host: Name,
    labels: Labels,
    port: u16,
    text: Bytes,
    probe: bool,
    pub(super) state: State,
    pub(super) next: Option<Instant>,
    /// When each thing was last said to all.
    said: BTreeMap<(Lane, What), Instant>,
}

/// The labels that a conflict may change, each with how often it did.
struct Labels {
    instance: (String, u32),
    host: (String, u32),
}

/// `_services._dns-sd._udp.local`, where types are enumerated.
pub(super) fn types() -> Name {
    Name::from_labels([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]).expect("it is short")
}

/// The name of a service type, such as `_http._tcp`.
pub(super) fn type_name(service: &str) -> Option<Name> {
    Name::from_labels(service.split('.').map(str::as_bytes).chain([&b"local"[..]]))
}

fn host_name(label: &str) -> Option<Name> {
    Name::from_labels([label.as_bytes(), b"local"])
}

/// `label` with `suffix`, shortened at a character's end to what a label holds.
fn renamed(label: &str, suffix: &str) -> String {
    let room = LABEL_BYTES_MAX - suffix.len();
    let cut = (0..=room.min(label.len())).rev().find(|at| label.is_char_boundary(*at));
    format!("{}{suffix}", &label[..cut.unwrap_or(0)])
}

impl Own {
    pub(super) fn new(service: &Service) -> Result<Self, BadService> {
        let of_type = type_name(&service.service).ok_or(BadService::Type)?;
        let instance = of_type.child(&service.instance).ok_or(BadService::Instance)?;
        let host = host_name(&service.host).ok_or(BadService::Host)?;
        let mut text = Vec::new();
        for string in &service.text {
            text.push(u8::try_from(string.len()).map_err(|_| BadService::Text)?);
            text.extend_from_slice(string);
        }
        if text.is_empty() {
            text.push(0); // RFC 6763 section 6.1: never without a string.
        }
        if text.len() > super::TEXT_BYTES_MAX {
            return Err(BadService::Text);
        }
        Ok(Self {
            registered: instance.clone(),
            service: of_type,
            instance,
            host,
            labels: Labels {
                instance: (service.instance.clone(), 1),
                host: (service.host.clone(), 1),
            },
            port: service.port,
            text: text.into(),
            probe: service.probe,
            state: State::Probing(0),
            next: None,
            said: BTreeMap::new(),
        })
    }

    pub(super) fn probes(&self) -> bool {
        self.probe
    }

    /// Takes the next name after a conflict of the instance's or the host's (RFC 6762 section 9).
    pub(super) fn rename(&mut self, instance: bool) {
        if instance {
            let (label, number) = &mut self.labels.instance;
            *number += 1;
            let label = renamed(label, &format!(" ({number})"));
            self.instance = self.service.child(&label).unwrap_or_else(|| self.instance.clone());
        } else {
            let (label, number) = &mut self.labels.host;
            *number += 1;
            let label = renamed(label, &format!("-{number}"));
            self.host = host_name(&label).unwrap_or_else(|| self.host.clone());
        }
    }

    /// The records that say this on an interface.
    pub(super) fn records(&self, what: What, lanes: &Lanes, interface: u32) -> Vec<Record> {
        let record =
            |name: &Name, ttl, flush, data| Record { name: name.clone(), ttl, flush, data };
        let target = self.host.clone();
        match what {
            What::Type => {
                vec![record(&types(), OTHER_TTL, false, Data::Ptr(self.service.clone()))]
            }
            What::Ptr => {
                let to = Data::Ptr(self.instance.clone());
                vec![record(&self.service, OTHER_TTL, false, to)]
            }
            What::Srv => {
                let to = Data::Srv { priority: 0, weight: 0, port: self.port, target };
                vec![record(&self.instance, HOST_TTL, true, to)]
            }
            What::Txt => {
                vec![record(&self.instance, OTHER_TTL, true, Data::Txt(self.text.clone()))]
            }
            What::Address => lanes
                .addresses_on(interface)
                .map(|address| record(&self.host, HOST_TTL, true, Data::Address(address)))
                .collect(),
            What::A | What::Aaaa => {
                let kind = if what == What::A { kind::A } else { kind::AAAA };
                let mut all = self.records(What::Address, lanes, interface);
                all.retain(|record| record.data.kind() == kind);
                if all.is_empty() { self.records(What::HostNsec, lanes, interface) } else { all }
            }
            What::InstanceNsec => {
                let only = Data::Nsec(vec![kind::TXT, kind::SRV]);
                vec![record(&self.instance, HOST_TTL, true, only)]
            }
            What::HostNsec => {
                let addresses = lanes.addresses_on(interface);
                let mut kinds: Vec<u16> =
                    addresses.map(|address| Data::Address(address).kind()).collect();
                kinds.dedup();
                vec![record(&self.host, HOST_TTL, true, Data::Nsec(kinds))]
            }
        }
    }

    /// What whoever hears this will ask next (RFC 6763 section 12).
    pub(super) fn along(what: What) -> &'static [What] {
        match what {
            What::Ptr => &[What::Srv, What::Txt, What::Address],
            What::Srv => &[What::Address],
            What::A | What::Aaaa => &[What::Address, What::HostNsec],
            _ => &[],
        }
    }

    /// Everything, as an announcement says it.
    pub(super) fn announcement(&self, lanes: &Lanes, interface: u32) -> Answer {
        let all = [What::Ptr, What::Srv, What::Txt, What::Address];
        let records = all.iter().flat_map(|what| self.records(*what, lanes, interface)).collect();
        Answer { records, additional: Vec::new() }
    }

    /// What it asks before it takes its names, and what it would say of them.
    pub(super) fn probe(&self, lanes: &Lanes, interface: u32) -> (Vec<Ask>, Vec<Record>) {
        let ask = |name: &Name| Ask { name: name.clone(), kind: kind::ANY, unicast: true };
        let claims = self.claims(lanes, interface);
        (vec![ask(&self.instance), ask(&self.host)], claims)
    }

    /// The records that it alone may have.
    pub(super) fn claims(&self, lanes: &Lanes, interface: u32) -> Vec<Record> {
        let unique = [What::Srv, What::Txt, What::Address];
        let records = unique.iter().flat_map(|what| self.records(*what, lanes, interface));
        records.map(|record| Record { flush: false, ..record }).collect()
    }

    /// Whether what somebody says of our name is what we say.
    pub(super) fn agrees(&self, lanes: &Lanes, kind: u16, data: &[u8]) -> bool {
        match Data::parse(kind, data) {
            Some(Data::Srv { port, target, priority: 0, weight: 0 }) => {
                port == self.port && target == self.host
            }
            Some(Data::Srv { .. }) => false,
            Some(Data::Txt(text)) => text == self.text,
            // Another interface's, heard on this one, is no conflict.
            Some(Data::Address(address)) => lanes.is_ours(address),
            _ => true,
        }
    }

    pub(super) fn said(&self, lane: Lane, what: What) -> Option<Instant> {
        self.said.get(&(lane, what.said())).copied()
    }

    pub(super) fn say(&mut self, now: Instant, lane: Lane, what: What) {
        self.said.insert((lane, what.said()), now);
    }

    /// Nothing that was said is of any use any more.
    pub(super) fn unsay(&mut self) {
        self.said.clear();
    }
}
