//! A network of engines in a loop: hosts 10.0.0.1, 10.0.0.2, ... on interface 1, a millisecond
//! apart, with loss and with somebody who writes everything down.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::super::{Config, Engine, Event, Instance, PORT, Service, Transmit};
use crate::net::{Datagram, Interface};

/// Time that a packet takes.
const LATENCY: Duration = Duration::from_millis(1);

pub(super) struct Lan {
    pub(super) now: Instant,
    pub(super) engines: Vec<Engine>,
    /// Per cent of the packets that each listener does not hear.
    pub(super) loss: u32,
    /// Hosts whose cables are out.
    pub(super) cut: BTreeSet<usize>,
    /// Each packet that was sent: when, by whom, what.
    pub(super) sent: Vec<(Instant, usize, Transmit)>,
    /// What each host knows.
    pub(super) known: Vec<BTreeMap<String, Instance>>,
    /// All events, in order.
    pub(super) events: Vec<(usize, Event)>,
    flying: BTreeMap<(Instant, usize), (usize, Transmit)>,
    rng: ChaCha8Rng,
}

pub(super) fn address(host: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, u8::try_from(host + 1).unwrap())
}

pub(super) fn interface(host: usize) -> Interface {
    Interface { address: address(host).into(), prefix_bits: 24, index: 1 }
}

/// A service of this name; its host and text follow from it.
pub(super) fn service(instance: &str, probe: bool) -> Service {
    let host: String = instance.chars().filter(char::is_ascii_alphanumeric).take(50).collect();
    Service {
        instance: instance.to_owned(),
        service: "_ws._tcp".to_owned(),
        host: format!("host-{host}"),
        port: 9009,
        text: vec![b"path=/broadcast/chat".to_vec()],
        probe,
    }
}

impl Lan {
    pub(super) fn new(hosts: usize, seed: u64) -> Self {
        Self::with(hosts, seed, Config::default())
    }

    pub(super) fn with(hosts: usize, seed: u64, config: Config) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let now = Instant::now();
        let engine = |host| {
            let mut engine = Engine::new(config, ChaCha8Rng::from_rng(&mut rng));
            engine.set_interfaces(now, vec![interface(host)]);
            engine
        };
        Self {
            now,
            engines: (0..hosts).map(engine).collect(),
            loss: 0,
            cut: BTreeSet::new(),
            sent: Vec::new(),
            known: vec![BTreeMap::new(); hosts],
            events: Vec::new(),
            flying: BTreeMap::new(),
            rng,
        }
    }

    pub(super) fn browse(&mut self, host: usize) {
        self.engines[host].browse(self.now, "_ws._tcp").unwrap();
    }

    pub(super) fn register(&mut self, host: usize, service: &Service) {
        self.engines[host].register(self.now, service).unwrap();
    }

    /// Lets so much time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.collect();
        loop {
            let timers = self.engines.iter().filter_map(Engine::next_timeout).min();
            let packet = self.flying.first_key_value().map(|((at, _), _)| *at);
            let next = timers.into_iter().chain(packet).min().map(|at| at.max(self.now));
            let Some(next) = next.filter(|at| *at <= end) else { break };
            self.now = next;
            while let Some(entry) = self.flying.first_entry()
                && entry.key().0 <= next
            {
                let (from, packet) = entry.remove();
                self.deliver(from, &packet);
            }
            for engine in &mut self.engines {
                if engine.next_timeout().is_some_and(|at| at <= next) {
                    engine.handle_timeout(next);
                }
            }
            self.collect();
        }
        self.now = end;
    }

    /// Takes what the engines have to say.
    pub(super) fn collect(&mut self) {
        for host in 0..self.engines.len() {
            while let Some(packet) = self.engines[host].poll_transmit() {
                self.sent.push((self.now, host, packet.clone()));
                let number = self.sent.len();
                self.flying.insert((self.now + LATENCY, number), (host, packet));
            }
            while let Some(event) = self.engines[host].poll_event() {
                match &event {
                    Event::Found(instance) => {
                        self.known[host].insert(instance.instance.clone(), instance.clone());
                    }
                    Event::Lost { instance, .. } => {
                        let known = self.known[host].remove(instance);
                        assert!(known.is_some(), "{instance} was lost and never found");
                    }
                    Event::Renamed { .. } => {}
                }
                self.events.push((host, event));
            }
        }
    }

    fn deliver(&mut self, from: usize, packet: &Transmit) {
        let multicast = packet.to.ip().is_multicast();
        for host in 0..self.engines.len() {
            let lost = host != from && self.rng.next_u32() % 100 < self.loss;
            let away = host != from && (self.cut.contains(&host) || self.cut.contains(&from));
            if lost || away || !(multicast || packet.to.ip() == address(host)) {
                continue;
            }
            let source = (address(from), PORT).into();
            self.hear(host, source, multicast, &packet.bytes);
        }
    }

    /// Gives a packet to one host.
    pub(super) fn hear(&mut self, host: usize, source: SocketAddr, multicast: bool, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        let datagram = Datagram { interface: 1, source, multicast, bytes };
        self.engines[host].handle_packet(self.now, &datagram);
    }

    /// The names that a host knows.
    pub(super) fn names(&self, host: usize) -> Vec<&str> {
        self.known[host].keys().map(String::as_str).collect()
    }

    /// What was sent from now on, as it is when this is called again.
    pub(super) fn take_sent(&mut self) -> Vec<(usize, Transmit)> {
        self.collect();
        self.sent.drain(..).map(|(_, host, packet)| (host, packet)).collect()
    }
}
