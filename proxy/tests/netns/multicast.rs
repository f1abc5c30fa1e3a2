//! Multicast DNS by hand: any advert, however wrong, and an ear for those of others.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use simple_dns::rdata::{A, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Label, Name, Packet, PacketFlag, QCLASS, QTYPE, Question};
use simple_dns::{ResourceRecord, TYPE};
use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::Host;

pub(crate) const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
pub(crate) const PORT: u16 = 5353;
const SERVICE: [&str; 3] = ["_ws", "_tcp", "local"];

/// Seconds that records live; none is a goodbye.
const TTL: u32 = 120;

/// What somebody says is where.
#[derive(Clone, Debug)]
pub(crate) struct Advert {
    pub(crate) instance: String,
    pub(crate) host: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
    /// The strings of the TXT record; without any there is no record.
    pub(crate) texts: Vec<String>,
}

/// A responder and listener on one host.
pub(crate) struct Multicast {
    socket: UdpSocket,
    own: Arc<Mutex<Vec<Advert>>>,
    heard: Arc<Mutex<Heard>>,
}

/// A PTR record of the service type, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// With what else is known of it.
    Announced {
        instance: String,
        at: Option<SocketAddrV4>,
        path: Option<String>,
    },
    Goodbye {
        instance: String,
    },
}

/// What others say. Nothing is forgotten, or only as events.
#[derive(Default)]
struct Heard {
    /// Instances, and whether they are there.
    events: Vec<(String, bool)>,
    hosts: BTreeMap<String, (String, u16)>,
    paths: BTreeMap<String, String>,
    addresses: BTreeMap<String, Ipv4Addr>,
}

impl Multicast {
    /// Answers every question with every advert that it has, and remembers what others answer.
    pub(crate) fn on(host: &Host) -> Self {
        let socket = host.enter(|| open(host.v4())).unwrap();
        let this = Self { socket, own: Arc::default(), heard: Arc::default() };
        let (own, heard) = (Arc::clone(&this.own), Arc::clone(&this.heard));
        let socket = this.socket.try_clone().unwrap();
        let own_address = host.v4();
        thread::spawn(move || {
            let mut buffer = [0; 9000];
            // It ends with the responder.
            while Arc::strong_count(&own) > 1 {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let Ok(packet) = Packet::parse(&buffer[..length]) else { continue };
                if !packet.has_flags(PacketFlag::RESPONSE) {
                    own.lock().unwrap().iter().for_each(|advert| tell(&socket, advert, TTL));
                } else if from.ip() != own_address {
                    for host in heard.lock().unwrap().take(&packet) {
                        send(&socket, &question(name_of_host(&host), TYPE::A));
                    }
                }
            }
        });
        this
    }

    /// Announces, and keeps answering.
    pub(crate) fn announce(&self, advert: &Advert) {
        self.own.lock().unwrap().push(advert.clone());
        tell(&self.socket, advert, TTL);
    }

    pub(crate) fn withdraw(&self, instance: &str) {
        let mut own = self.own.lock().unwrap();
        let at = own.iter().position(|advert| advert.instance == instance).unwrap();
        tell(&self.socket, &own.remove(at), 0);
    }

    /// Asks for all instances.
    pub(crate) fn ask(&self) {
        self.send(&question(name(&SERVICE), TYPE::PTR));
    }

    /// Sends just these bytes.
    pub(crate) fn send(&self, packet: &[u8]) {
        send(&self.socket, packet);
    }

    /// All instances that came and went, with what is known of them by now.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let heard = self.heard.lock().unwrap();
        let seen = heard.events.iter().map(|(instance, there)| {
            let (instance, key) = (instance.clone(), instance.to_ascii_lowercase());
            let at = heard.hosts.get(&key).and_then(|(host, port)| {
                Some(SocketAddrV4::new(*heard.addresses.get(host)?, *port))
            });
            match there {
                true => Seen::Announced { instance, at, path: heard.paths.get(&key).cloned() },
                false => Seen::Goodbye { instance },
            }
        });
        seen.collect()
    }
}

/// A socket for sending and hearing packets by hand.
pub(crate) fn open(on: Ipv4Addr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT).into())?;
    let socket = UdpSocket::from(socket);
    socket.join_multicast_v4(&GROUP, &on)?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_multicast_loop_v4(true)?;
    // The listening thread looks now and then whether it is still wanted.
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    socket2::SockRef::from(&socket).set_multicast_if_v4(&on)?;
    Ok(socket)
}

fn send(socket: &UdpSocket, packet: &[u8]) {
    // A cable may be cut; then nobody hears it, and that is that.
    let _ = socket.send_to(packet, SocketAddrV4::new(GROUP, PORT));
}

fn name<'a>(labels: &[&'a str]) -> Name<'a> {
    let label = |label: &&'a str| Label::new(label.as_bytes()).unwrap();
    Name::new_with_labels(&labels.iter().map(label).collect::<Vec<_>>())
}

fn name_of_host(host: &str) -> Name<'_> {
    name(&host.split('.').collect::<Vec<_>>())
}

/// A packet with one question.
pub(crate) fn question(of: Name<'_>, kind: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(0);
    let class = QCLASS::CLASS(CLASS::IN);
    packet.questions.push(Question::new(of, QTYPE::TYPE(kind), class, false));
    packet.build_bytes_vec().unwrap()
}

fn tell(socket: &UdpSocket, advert: &Advert, ttl: u32) {
    let instance = || name(&[&[advert.instance.as_str()], &SERVICE[..]].concat());
    let host = || name_of_host(&advert.host);
    let record = |of: Name<'_>, data: RData<'_>| {
        let flush = !matches!(data, RData::PTR(_));
        let record = ResourceRecord::new(of, CLASS::IN, ttl, data).with_cache_flush(flush);
        record.into_owned()
    };
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet.answers.push(record(name(&SERVICE), RData::PTR(PTR(instance()))));
    let srv = SRV { priority: 0, weight: 0, port: advert.port, target: host() };
    packet.additional_records.push(record(instance(), RData::SRV(srv)));
    if !advert.texts.is_empty() {
        let mut txt = TXT::new();
        advert.texts.iter().for_each(|text| txt.add_string(text).unwrap());
        packet.additional_records.push(record(instance(), RData::TXT(txt)));
    }
    let a = RData::A(A { address: advert.address.to_bits() });
    packet.additional_records.push(record(host(), a));
    send(socket, &packet.build_bytes_vec_compressed().unwrap());
}

impl Heard {
    /// Takes what a packet says, and gives the hosts of which it says no address.
    fn take(&mut self, packet: &Packet<'_>) -> Vec<String> {
        let (mut told, mut hosts) = (Vec::new(), Vec::new());
        for record in packet.answers.iter().chain(&packet.additional_records) {
            let first_label = |name: &Name<'_>| {
                let label = name.get_labels().first().map(|label| label.as_ref().to_vec());
                String::from_utf8(label.unwrap_or_default()).unwrap_or_default()
            };
            let of = first_label(&record.name).to_ascii_lowercase();
            match &record.rdata {
                RData::PTR(PTR(to)) if record.name == name(&SERVICE) => {
                    told.push((first_label(to), record.ttl > 0));
                }
                RData::SRV(data) if record.ttl > 0 => {
                    hosts.push(data.target.to_string());
                    self.hosts.insert(of, (data.target.to_string(), data.port));
                }
                RData::TXT(data) => self.paths.extend(path(data).map(|path| (of, path))),
                RData::A(data) => {
                    let address = Ipv4Addr::from_bits(data.address);
                    self.addresses.insert(record.name.to_string(), address);
                }
                _ => {}
            }
        }
        self.events.extend(told);
        hosts.retain(|host| !self.addresses.contains_key(host));
        hosts
    }
}

fn path(data: &TXT<'_>) -> Option<String> {
    let mut paths = data.iter_raw().filter(|(key, _)| key.eq_ignore_ascii_case(b"path"));
    String::from_utf8(paths.next()?.1?.to_vec()).ok()
}
