//! What others said, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::{PTR, RData};
use simple_dns::{Packet, PacketFlag, ResourceRecord};

use super::{SERVICE, parts, words};

/// What others said so far, by their latest word. Instances that went are remembered as such.
#[derive(Debug, Default)]
pub struct Heard {
    instances: Vec<Instance>,
    /// Every change: which instance, and whether it is there from then on.
    history: Vec<(String, bool)>,
    /// By the full name of the instance, in lower case.
    services: BTreeMap<String, (String, u16)>,
    texts: BTreeMap<String, Vec<Vec<u8>>>,
    /// By the name of the host, in lower case.
    addresses: BTreeMap<String, BTreeSet<IpAddr>>,
    /// In words.
    questions: Vec<String>,
}

/// An instance that a PTR record named, by its latest word.
#[derive(Debug)]
struct Instance {
    name: String,
    service: String,
    there: bool,
}

/// An instance, with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The instance name: the first label.
    pub instance: String,
    /// The service type, with the domain.
    pub service: String,
    /// Whether the latest that was heard of it was no goodbye.
    pub there: bool,
    /// The target of its SRV record.
    pub host: Option<String>,
    /// The port of its SRV record.
    pub port: Option<u16>,
    /// The strings of its TXT record.
    pub texts: Option<Vec<Vec<u8>>>,
    /// The addresses of its host.
    pub addresses: BTreeSet<IpAddr>,
}

impl Seen {
    /// Whether all is known that it takes to connect.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.port.is_some() && self.texts.is_some() && !self.addresses.is_empty()
    }

    /// Whether it is meant for this channel: its path says so, or its name.
    #[must_use]
    pub fn is_about(&self, channel: &str) -> bool {
        let path = format!("path=/broadcast/{channel}");
        self.texts.iter().flatten().any(|text| text == path.as_bytes())
            || self.channel_in_name().is_some_and(|name| {
                let plain = |name: &str| name.replace('.', "-");
                !name.is_empty() && plain(channel) == plain(name)
            })
    }

    /// What stands before the last `[` of its name.
    #[must_use]
    pub fn channel_in_name(&self) -> Option<&str> {
        self.instance.rsplit_once('[').map(|(channel, _)| channel)
    }

    /// The number in its name, if it has the form that it must have.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        let digits = self.instance.rsplit_once('[')?.1.strip_suffix(']')?;
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        digits.parse().ok().filter(|_| canonical)
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut words = format!("{:?} of {}", self.instance, self.service);
        if !self.there {
            words += ", gone";
        }
        if let (Some(host), Some(port)) = (&self.host, self.port) {
            words += &format!(", at {host}:{port}");
        }
        for text in self.texts.iter().flatten() {
            words += &format!(", {}", crate::log::brief(text));
        }
        for address in &self.addresses {
            words += &format!(", {address}");
        }
        words
    }
}

impl Heard {
    /// All instances, of whatever service, in the order in which they were first named.
    pub fn instances(&self) -> impl Iterator<Item = Seen> {
        self.instances.iter().map(|instance| {
            let key = key(&instance.name, &instance.service);
            let service = self.services.get(&key);
            let host = service.map(|(host, _)| host.clone());
            let addresses = host.as_ref().and_then(|host| self.addresses.get(&lower(host)));
            Seen {
                instance: instance.name.clone(),
                service: instance.service.clone(),
                there: instance.there,
                addresses: addresses.cloned().unwrap_or_default(),
                port: service.map(|(_, port)| *port),
                texts: self.texts.get(&key).cloned(),
                host,
            }
        })
    }

    /// The instance that is there for a channel, if it is complete.
    #[must_use]
    pub fn instance(&self, channel: &str) -> Option<Seen> {
        let mut instances = self.instances();
        instances.find(|seen| {
            seen.there && seen.service == SERVICE && seen.is_about(channel) && seen.is_complete()
        })
    }

    /// The instances that came and went, in the order in which their PTR records said so.
    #[must_use]
    pub fn history(&self) -> &[(String, bool)] {
        &self.history
    }

    /// All questions, in words: `PTR of _ws._tcp.local`.
    #[must_use]
    pub fn questions(&self) -> &[String] {
        &self.questions
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let instances: Vec<_> = self.instances().map(|seen| seen.describe()).collect();
        if instances.is_empty() { "no instance at all".to_owned() } else { instances.join("; ") }
    }

    /// Takes what a packet says.
    pub(super) fn take(&mut self, packet: &Packet<'_>) {
        if !packet.has_flags(PacketFlag::RESPONSE) {
            self.questions.extend(packet.questions.iter().map(words::question));
            return;
        }
        for record in packet.answers.iter().chain(&packet.additional_records) {
            self.take_record(record);
        }
    }

    fn take_record(&mut self, record: &ResourceRecord<'_>) {
        let of = lower(&words::text(&record.name));
        let lives = record.ttl > 0;
        match &record.rdata {
            RData::PTR(PTR(to)) if of.ends_with("._tcp.local") || of.ends_with("._udp.local") => {
                let (name, service) = parts(to);
                // Types of services are told in the same way (RFC 6763 section 9).
                if lower(&service) == of {
                    self.take_instance(name, of, lives);
                }
            }
            RData::SRV(srv) if lives => {
                self.services.insert(of, (words::text(&srv.target), srv.port));
            }
            RData::TXT(txt) if lives => {
                self.texts.insert(of, words::strings(txt));
            }
            RData::SRV(_) => drop(self.services.remove(&of)),
            RData::TXT(_) => drop(self.texts.remove(&of)),
            RData::A(a) => self.take_address(of, Ipv4Addr::from_bits(a.address).into(), lives),
            RData::AAAA(a) => self.take_address(of, Ipv6Addr::from_bits(a.address).into(), lives),
            _ => {}
        }
    }

    fn take_address(&mut self, host: String, address: IpAddr, lives: bool) {
        let addresses = self.addresses.entry(host).or_default();
        if lives {
            addresses.insert(address)
        } else {
            addresses.remove(&address)
        };
    }

    fn take_instance(&mut self, name: String, service: String, there: bool) {
        let key = key(&name, &service);
        let known = self.instances.iter_mut().find(|old| self::key(&old.name, &old.service) == key);
        if known.as_ref().is_none_or(|old| old.there != there) {
            self.history.push((name.clone(), there));
        }
        match known {
            Some(old) => old.there = there,
            None => self.instances.push(Instance { name, service, there }),
        }
    }
}

fn key(name: &str, service: &str) -> String {
    lower(&format!("{name}.{service}"))
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}
