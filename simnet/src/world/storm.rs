//! A hostile host: floods its network with mDNS packets that it should not send.

use std::collections::VecDeque;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use proxy::Net;
use proxy::mdns::{GROUP_V4, PORT};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simple_dns::rdata::{A, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Label, Name, Packet, ResourceRecord};
use tokio::time::sleep;

use crate::fabric::{HostNet, UdpSocket, UdpSpec};
use crate::scenario::{Attack, Plan};

/// Instances of others that are kept to be attacked, the newest.
const HEARD_MAX: usize = 64;

/// The most bytes of a datagram here: what an Ethernet packet holds.
const PAYLOAD_BYTES_MAX: usize = 1440;

const SERVICE: &str = "_ws._tcp.local";

/// A program that sends `attacks` in turn, for ever.
pub(super) struct Storm {
    pub(super) net: HostNet,
    pub(super) plan: Rc<Plan>,
    pub(super) attacks: Vec<Attack>,
    pub(super) packets_per_second: u32,
    pub(super) rng: ChaCha8Rng,
}

impl Storm {
    pub(super) fn new(
        net: HostNet,
        plan: Rc<Plan>,
        attacks: &[Attack],
        packets_per_second: u32,
        stream: u64,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        rng.set_stream(stream);
        Self { net, plan, attacks: attacks.to_vec(), packets_per_second, rng }
    }

    pub(super) async fn run(mut self) {
        let Ok(socket) = self.net.udp(UdpSpec::shared((Ipv4Addr::UNSPECIFIED, PORT).into())) else {
            return pending().await;
        };
        for interface in self.net.interfaces() {
            // One without IPv4 has no such group.
            let _ = socket.join(GROUP_V4.into(), interface.index);
        }
        let mut heard = VecDeque::new();
        let pause = Duration::from_secs(1) / self.packets_per_second.max(1);
        for attack in self.attacks.clone().into_iter().cycle() {
            tokio::select! {
                biased;
                () = sleep(pause) => {}
                () = listen(&socket, &mut heard) => {}
            }
            let packet = self.packet(attack, &heard);
            for interface in self.net.interfaces().iter().filter(|i| !i.address.is_loopback()) {
                // What is lost of a storm nobody misses.
                let _ =
                    socket.send_to(packet.clone(), (GROUP_V4, PORT).into(), Some(interface.index));
            }
        }
    }

    /// An address of the attacker's own.
    fn own_address(&self) -> Ipv4Addr {
        let own = self.net.interfaces().into_iter().map(|interface| interface.address);
        let mut v4 = own.filter_map(|address| match address {
            IpAddr::V4(v4) if !v4.is_loopback() => Some(v4),
            _ => None,
        });
        v4.next_back().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// Where no advert should lead; and the other hosts, each of which it would lead to itself.
    fn elsewhere(&self) -> Vec<Ipv4Addr> {
        let interfaces = self.plan.hosts.iter().flat_map(|host| &host.interfaces);
        let addresses = interfaces.flat_map(|interface| &interface.addresses);
        let hosts = addresses.filter_map(|address| match address.ip {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        });
        let nowhere = [
            Ipv4Addr::new(192, 0, 2, 1),
            Ipv4Addr::LOCALHOST,
            Ipv4Addr::new(224, 0, 0, 251),
            Ipv4Addr::UNSPECIFIED,
            Ipv4Addr::BROADCAST,
        ];
        nowhere.into_iter().chain(hosts).collect()
    }

    /// A broadcast channel of the world, or one that nobody has.
    fn channel(&mut self) -> String {
        let all: Vec<&str> =
            self.plan.clients.iter().map(|client| client.channel.as_str()).collect();
        let pick = self.rng.next_u32() as usize % (all.len() + 1);
        let path = all.get(pick).copied().unwrap_or("/broadcast/nobody");
        path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    fn packet(&mut self, attack: Attack, heard: &VecDeque<String>) -> Vec<u8> {
        let number = self.rng.next_u32();
        let channel = self.channel();
        let own = self.own_address();
        let elsewhere = self.elsewhere();
        let other = elsewhere[number as usize % elsewhere.len()];
        let victim = match heard.len() {
            0 => None,
            n => heard.get(number as usize % n).cloned(),
        };
        let fresh = format!("{channel}[{number}]");
        let path = format!("path=/broadcast/{channel}");
        match (attack, victim) {
            (Attack::SpoofedAdverts, _) => advert(&fresh, own, 9009, &[&path], 120),
            (Attack::OversizeTxt, _) => {
                let filler = "x".repeat(250);
                advert(&fresh, own, 9009, &[&path, &filler, &filler, &filler, &filler], 120)
            }
            (Attack::SrvElsewhere, _) => advert(&fresh, other, 9009, &[&path], 120),
            (Attack::FalseGoodbyes, Some(victim)) => goodbye(&victim),
            (Attack::NameClaims, Some(victim)) => advert(&victim, own, 1, &[&path], 120),
            (Attack::Garbage | Attack::FalseGoodbyes | Attack::NameClaims, _) => {
                let mut bytes = vec![0; self.rng.next_u32() as usize % PAYLOAD_BYTES_MAX];
                self.rng.fill_bytes(&mut bytes);
                bytes
            }
        }
    }
}

/// Keeps the names of instances that others advertise, for ever.
async fn listen(socket: &UdpSocket, heard: &mut VecDeque<String>) {
    while let Ok(datagram) = socket.recv().await {
        let Ok(packet) = Packet::parse(&datagram.payload) else { continue };
        for answer in &packet.answers {
            let RData::PTR(PTR(name)) = &answer.rdata else { continue };
            let Some(label) = name.get_labels().first() else { continue };
            let label = String::from_utf8_lossy(label.as_ref()).into_owned();
            if answer.ttl > 0 && !heard.contains(&label) {
                heard.push_back(label);
                if heard.len() > HEARD_MAX {
                    heard.pop_front();
                }
            }
        }
    }
    pending::<()>().await;
}

fn instance_name(instance: &str) -> Name<'static> {
    Name::new_with_labels(
        &[instance, "_ws", "_tcp", "local"].map(|label| Label::new_unchecked(label.as_bytes())),
    )
    .into_owned()
}

fn record(name: &Name<'static>, ttl: u32, rdata: RData<'static>) -> ResourceRecord<'static> {
    ResourceRecord::new(name.clone(), CLASS::IN, ttl, rdata)
}

fn advert(instance: &str, address: Ipv4Addr, port: u16, strings: &[&str], ttl: u32) -> Vec<u8> {
    let service = Name::new_unchecked(SERVICE);
    let (name, host) = (instance_name(instance), Name::new_unchecked("evil.local"));
    let mut txt = TXT::new();
    for string in strings {
        txt = txt.with_string(string).map(TXT::into_owned).unwrap_or_default();
    }
    let mut packet = Packet::new_reply(0);
    packet.answers.push(record(&service, ttl, RData::PTR(PTR(name.clone()))));
    let srv = SRV { priority: 0, weight: 0, port, target: host.clone() };
    packet.answers.push(record(&name, ttl, RData::SRV(srv)).with_cache_flush(true));
    packet.answers.push(record(&name, ttl, RData::TXT(txt)).with_cache_flush(true));
    packet.answers.push(record(&host, ttl, RData::A(A { address: address.into() })));
    packet.build_bytes_vec_compressed().unwrap_or_default()
}

fn goodbye(instance: &str) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    let rdata = RData::PTR(PTR(instance_name(instance)));
    packet.answers.push(record(&Name::new_unchecked(SERVICE), 0, rdata));
    packet.build_bytes_vec_compressed().unwrap_or_default()
}
