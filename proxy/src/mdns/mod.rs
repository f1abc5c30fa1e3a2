//! Multicast DNS and DNS-SD (RFC 6762, RFC 6763) without a socket, a clock or a thread.
//!
//! Packets, time and randomness go in, packets and events come out. So the same engine finds
//! proxies on a real network and on a simulated one, and can be studied packet by packet:
//!
//! ```text
//! handle_packet ─▶ ┌────────────────────────────┐ ─▶ poll_transmit
//! handle_timeout ▶ │ querier: cache, questions  │ ─▶ poll_event
//! register, ... ─▶ │ responder: ours, replies   │ ─▶ next_timeout
//!                  └────────────────────────────┘
//! ```
//!
//! After each call, take what [`Engine::poll_transmit`] and [`Engine::poll_event`] have until they
//! have nothing, and call [`Engine::handle_timeout`] at [`Engine::next_timeout`]. Two hosts that
//! find each other, with a network that is a loop:
//!
//! ```
//! use proxy::mdns::{Config, Engine, Event, Service};
//! use proxy::{Datagram, Interface};
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//! use tokio::time::Instant;
//!
//! let mut now = Instant::now();
//! let host = |number: u8| {
//!     let mut engine = Engine::new(Config::default(), ChaCha8Rng::seed_from_u64(number.into()));
//!     let address = [10, 0, 0, number].into();
//!     engine.set_interfaces(now, vec![Interface { address, prefix_bits: 24, index: 1 }]);
//!     engine
//! };
//! let mut engines = [host(1), host(2)];
//! engines[0].browse(now, "_demo._tcp").unwrap();
//! engines[1]
//!     .register(now, &Service {
//!         instance: "An example. With dots.".to_owned(),
//!         service: "_demo._tcp".to_owned(),
//!         host: "example-host".to_owned(),
//!         port: 8080,
//!         text: vec![b"key=value".to_vec()],
//!         probe: true,
//!     })
//!     .unwrap();
//! let found = 'found: loop {
//!     now = engines.iter().filter_map(Engine::next_timeout).min().unwrap().max(now);
//!     for from in 0..2 {
//!         engines[from].handle_timeout(now);
//!         while let Some(packet) = engines[from].poll_transmit() {
//!             let source = ([10, 0, 0, from as u8 + 1], 5353).into();
//!             let bytes = packet.bytes;
//!             let heard = Datagram { interface: 1, source, multicast: true, bytes };
//!             engines[1 - from].handle_packet(now, &heard);
//!         }
//!     }
//!     if let Some(Event::Found(instance)) = engines[0].poll_event() {
//!         break 'found instance;
//!     }
//! };
//! assert_eq!(found.instance, "An example. With dots.");
//! assert_eq!(found.addresses, [([10, 0, 0, 2].into(), 1)]);
//! ```
//!
//! # What of RFC 6762 is here
//!
//! | section | subject | |
//! | --- | --- | --- |
//! | 5.2 | continuous questions: 1 s, doubled up to 1 h; renewal at 80, 85, 90, 95 % of a life, 0 to 2 % later at random | yes |
//! | 5.4, 5.5 | questions that wish for a unicast answer, asked (only at first, only by [`Config::hears_unicast`]) and answered | yes |
//! | 6 | delay of 20 to 120 ms for what others may answer too; a record to all at most once a second | yes |
//! | 6.1 | NSEC for types that our names do not have | sent; others' are not kept |
//! | 6.7 | answers for those who speak plain DNS | yes |
//! | 7.1, 7.2 | known answers, in one packet and in several | yes |
//! | 7.3 | a question that somebody else asks is not asked again | for questions for all instances |
//! | 7.4 | an answer that somebody else gives is not given again | yes |
//! | 8.1, 8.2 | three probes, 250 ms apart; ties | by [`Service::probe`] |
//! | 8.3, 8.4 | two announcements, 1 s apart; again when addresses change | yes |
//! | 9 | conflicts: `name (2)`, `host-2` | yes |
//! | 10.1 | goodbyes: said twice, believed after 1 s | yes |
//! | 10.2 | cache-flush, with 1 s of grace | yes; not believed of PTR records, which are shared |
//! | 10.3 | flush after a change of interfaces | yes |
//! | 10.4 | doubts: two questions, then it goes | [`Engine::verify`] |
//! | 10.5 | others' unanswered questions as a sign | no: a lossy network would lose what lives |
//! | 11 | what was not sent to a group must come from a neighbour; answers come from port 5353 | yes |
//! | 12 | names below other domains than `local.` | no |
//! | 14, 15 | several interfaces, both families; other responders on the same host | yes |
//! | 16 | UTF-8, case of ASCII letters does not count | yes |
//! | 17 | packets up to 9000 bytes taken, up to 1440 made | yes |
//! | 18 | header fields | yes |
//! | 19 ff. | unicast DNS, other classes | no |
//!
//! Of RFC 6763: browsing, TXT records, enumeration of types (section 9), additional records
//! (section 12). Subtypes (section 7.1) and domains to browse (section 11) are not here.
//!
//! # Limits
//!
//! A stranger can say anything, so: records that lead to no instance of a type that is browsed for
//! are not kept; what is kept is bounded in bytes and lives 75 minutes at most without a word; a
//! malformed packet is used up to where it breaks. The cost of a packet is that of its records, a
//! look-up each, and the cost of a timeout that of what is due.

mod cache;
mod lane;
mod name;
mod querier;
mod reader;
mod record;
mod replies;
mod responder;
mod service;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use crate::limits::LABEL_BYTES_MAX;
use crate::limits::MDNS_PACKET_BYTES_MAX as PACKET_BYTES_MAX;
use crate::limits::MDNS_TEXT_BYTES_MAX as TEXT_BYTES_MAX;
use crate::net::{Datagram, Interface};
pub use lane::{GROUP_V4, GROUP_V6};
use lane::{Lane, Lanes};
use querier::Querier;
use reader::{Head, Malformed, Reader, Scratch};
use replies::Request;
use responder::Responder;
use service::{What, type_name};
use writer::{Ask, Legacy};

/// The UDP port of multicast DNS.
pub const PORT: u16 = 5353;

/// What an engine is told of its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Whether a datagram to port 5353 of this host comes to this engine and no other responder.
    /// If so, its first question wishes for answers by unicast (RFC 6762 sections 5.4 and 15.1).
    pub hears_unicast: bool,
}

/// A service to advertise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name: any text of 1 to 63 bytes.
    pub instance: String,
    /// Its type, such as `_http._tcp`.
    pub service: String,
    /// The first label of its host's name, of 1 to 63 bytes. The host has all addresses of this
    /// one, on each interface those of the interface.
    pub host: String,
    /// Port that it listens on.
    pub port: u16,
    /// The strings of its TXT record: each at most 255 bytes, together with a byte for each at
    /// most 1300 (RFC 6763 section 6.2).
    pub text: Vec<Vec<u8>>,
    /// Whether to ask first if the names are taken, which takes three quarters of a second
    /// (RFC 6762 section 8.1). Names that are random need not.
    pub probe: bool,
}

/// An instance of a service, of which everything is known that is needed to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name, one label, as it stood on the network.
    pub instance: String,
    /// Its type, such as `_http._tcp.local.`.
    pub service: String,
    /// The name of its host, such as `example.local.`; dots within a label have a backslash.
    pub host: String,
    /// Port that it listens on.
    pub port: u16,
    /// The data of its TXT record: strings, each after a byte with its length.
    pub text: Bytes,
    /// The addresses of its host, each with the index of the interface that it was heard on.
    pub addresses: Vec<(IpAddr, u32)>,
}

impl Instance {
    /// The value of a key of the TXT record; of several the first counts (RFC 6763 section 6.4).
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        let mut strings = writer::strings(&self.text).filter_map(|string| {
            let (name, value) = match string.iter().position(|byte| *byte == b'=') {
                Some(at) => (&string[..at], Some(&string[at + 1..])),
                None => (string, None),
            };
            name.eq_ignore_ascii_case(key.as_bytes()).then_some(value)
        });
        strings.next().flatten()
    }
}

/// What an engine tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An instance is there, or there with other data than before.
    Found(Instance),
    /// An instance that was found said goodbye, expired, or did not answer [`Engine::verify`].
    Lost {
        /// Its name, one label.
        instance: String,
        /// Its type, such as `_http._tcp.local.`.
        service: String,
    },
    /// A service of ours has another name than it was registered under, because somebody else has
    /// that one (RFC 6762 section 9). It is still unregistered under the name it was registered
    /// under.
    Renamed {
        /// The name that it was registered under.
        registered: String,
        /// The name that it has.
        instance: String,
        /// Its type, such as `_http._tcp.local.`.
        service: String,
    },
}

/// A packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Index of the interface to send it on.
    pub interface: u32,
    /// Where to: one of the groups, or one host.
    pub to: SocketAddr,
    /// The payload.
    pub bytes: Bytes,
}

/// Why a service cannot be advertised, or a type not be browsed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadService {
    /// The type.
    #[error("a service type is labels of 1 to 63 bytes with dots between, such as _http._tcp")]
    Type,
    /// The instance's name.
    #[error("an instance name has 1 to 63 bytes, and 255 with its type")]
    Instance,
    /// The host's label.
    #[error("a host label has 1 to 63 bytes")]
    Host,
    /// The TXT record.
    #[error("a TXT record's strings have at most 255 bytes each, and 1300 together")]
    Text,
}

/// A packet, and the lane that it goes out on.
struct Outgoing {
    lane: Lane,
    to: SocketAddr,
    bytes: Bytes,
}

/// Packets of ours that may yet come back to us.
const ECHOES_MAX: usize = 256;

/// The engine of one host, or of one program on it.
pub struct Engine {
    config: Config,
    rng: ChaCha8Rng,
    lanes: Lanes,
    querier: Querier,
    responder: Responder,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    /// What we sent to a group, which systems hand back to whoever listens there.
    echoes: VecDeque<(Lane, Bytes)>,
    overheard: Option<Overheard>,
    scratch: Scratch,
}

/// A question of somebody else's that is to be asked here too, while they tell what they know.
struct Overheard {
    lane: Lane,
    source: SocketAddr,
    names: Vec<Vec<u8>>,
}

impl Engine {
    /// An engine without interfaces, which says and hears nothing yet.
    #[must_use]
    pub fn new(config: Config, rng: ChaCha8Rng) -> Self {
        Self {
            config,
            rng,
            lanes: Lanes::default(),
            querier: Querier::default(),
            responder: Responder::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            echoes: VecDeque::new(),
            overheard: None,
            scratch: Scratch::default(),
        }
    }

    /// Takes the addresses that the host has now. If they changed, everything is announced and
    /// asked anew, and what was heard on interfaces that are gone is lost.
    pub fn set_interfaces(&mut self, now: Instant, interfaces: Vec<Interface>) {
        if self.lanes.set(interfaces) {
            self.querier.lanes_changed(now, &self.lanes, &mut self.rng);
            self.responder.lanes_changed(now, &self.lanes);
            self.settle(now);
        }
    }

    /// Advertises a service, in the place of one of the same name and type if there is one.
    ///
    /// # Errors
    ///
    /// What of it does not fit into DNS.
    pub fn register(&mut self, now: Instant, service: &Service) -> Result<(), BadService> {
        self.responder.register(now, service, &mut self.rng)
    }

    /// Takes back a service, by the name and type that it was registered under, with a goodbye.
    pub fn unregister(&mut self, now: Instant, instance: &str, service: &str) {
        if let Some(name) = type_name(service).and_then(|of_type| of_type.child(instance)) {
            self.responder.unregister(now, &name);
        }
    }

    /// Looks for instances of a type, from now on.
    ///
    /// # Errors
    ///
    /// [`BadService::Type`].
    pub fn browse(&mut self, now: Instant, service: &str) -> Result<(), BadService> {
        let name = type_name(service).ok_or(BadService::Type)?;
        self.querier.browse(now, name, &mut self.rng);
        Ok(())
    }

    /// Asks for all instances of a type that is browsed for, beside the questions that are asked
    /// anyway.
    pub fn refresh(&mut self, now: Instant, service: &str) {
        if let Some(name) = type_name(service) {
            self.querier.refresh(now, &name, &mut self.rng);
        }
    }

    /// Asks whether an instance that was found is still there. If nobody says so within 3 s,
    /// [`Event::Lost`] follows (RFC 6762 section 10.4).
    pub fn verify(&mut self, now: Instant, instance: &str, service: &str) {
        if let Some(name) = type_name(service).and_then(|of_type| of_type.child(instance)) {
            self.querier.verify(now, &name);
            self.settle(now);
        }
    }

    /// Takes back every service. The goodbyes are what [`poll_transmit`](Self::poll_transmit)
    /// gives next.
    pub fn shutdown(&mut self, now: Instant) {
        let packets = self.responder.shutdown(now, &self.lanes);
        self.send(packets);
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); it may be past.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        [self.querier.next_timeout(), self.responder.next_timeout()].into_iter().flatten().min()
    }

    /// Does what is due. Harmless at any time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.querier.handle_timeout(now, self.config.hears_unicast, &mut self.rng);
        let packets = self.responder.handle_timeout(now, &self.lanes);
        self.send(packets);
        self.settle(now);
    }

    /// Takes a packet. Whatever it holds, it is harmless.
    pub fn handle_packet(&mut self, now: Instant, packet: &Datagram) {
        let lane = Lane { interface: packet.interface, v6: packet.source.is_ipv6() };
        let source = crate::net::canonical(packet.source.ip());
        if !self.lanes.all().contains(&lane) {
            return; // Systems hand over what other programs listen for.
        }
        if !packet.multicast && !self.lanes.is_neighbour(lane.interface, source) {
            return;
        }
        if packet.multicast && self.lanes.is_ours(source) && self.is_echo(lane, &packet.bytes) {
            return;
        }
        let Some(head) = Head::read(&packet.bytes) else { return };
        // Past a broken place nothing is used.
        let _ = if !head.response {
            self.query(now, lane, packet, head)
        } else if packet.source.port() == PORT {
            self.response(now, lane, packet, head)
        } else {
            Ok(())
        };
        self.settle(now);
    }

    /// Whether this is a packet of ours that came back. Another program's with the same bytes is
    /// taken for it only as often as ours was sent.
    fn is_echo(&mut self, lane: Lane, bytes: &Bytes) -> bool {
        let found = self.echoes.iter().position(|(on, sent)| *on == lane && sent == bytes);
        found.is_some_and(|at| self.echoes.remove(at).is_some())
    }

    fn send(&mut self, packets: impl IntoIterator<Item = Outgoing>) {
        for Outgoing { lane, to, bytes } in packets {
            if to == lane.group() {
                if self.echoes.len() == ECHOES_MAX {
                    self.echoes.pop_front();
                }
                self.echoes.push_back((lane, bytes.clone()));
            }
            self.transmits.push_back(Transmit { interface: lane.interface, to, bytes });
        }
    }

    /// Tells what changed, and asks what is to be asked now.
    fn settle(&mut self, now: Instant) {
        self.querier.settle(now, &mut self.events);
        let questions = self.querier.questions(now, &self.lanes);
        let packets =
            questions.into_iter().map(|(lane, bytes)| Outgoing { lane, to: lane.group(), bytes });
        self.send(packets.collect::<Vec<_>>());
    }

    fn query(
        &mut self,
        now: Instant,
        lane: Lane,
        packet: &Datagram,
        head: Head,
    ) -> Result<(), Malformed> {
        let (mut reader, s) = (Reader::new(&packet.bytes), &mut self.scratch);
        let legacy = packet.source.port() != PORT;
        let (mut ours, mut found) = (Vec::new(), Vec::new());
        let (mut planned, mut probed) = (Vec::new(), Vec::new());
        let mut asked = Vec::new();
        for _ in 0..head.questions {
            let Some(question) = reader.question(s)? else { continue };
            self.responder.answers(&s.owner.key, question.kind, &mut found);
            if legacy && !found.is_empty() {
                let name = name::Name::from_wire(&s.owner.wire);
                asked.push(Ask { name, kind: question.kind, unicast: false });
            }
            let unicast = question.unicast || !packet.multicast;
            ours.extend(found.drain(..).map(|(what, id)| (what, id, unicast)));
            if question.kind == record::kind::PTR
                && !question.unicast
                && self.querier.is_planned(now, &s.owner.key)
            {
                planned.push(s.owner.key.clone());
            }
            if head.authorities > 0 && self.responder.is_probed(&s.owner.key) {
                probed.push(s.owner.key.clone());
            }
        }
        let goes_on = head.questions == 0;
        if goes_on {
            let told = self.overheard.take_if(|o| (o.lane, o.source) == (lane, packet.source));
            planned.extend(told.into_iter().flat_map(|overheard| overheard.names));
        }
        let waits = goes_on && self.responder.replies.waits(lane, packet.source);
        if ours.is_empty() && planned.is_empty() && probed.is_empty() && !waits {
            return Ok(());
        }
        let known = (&mut reader, head.answers);
        if !self.known_answers(now, lane, packet.source, known, (&mut ours, !planned.is_empty()))? {
            planned.clear();
        }
        if head.truncated && !planned.is_empty() {
            self.overheard = Some(Overheard { lane, source: packet.source, names: planned });
        } else {
            planned.iter().for_each(|name| self.querier.asked_by_other(lane, name));
        }
        if !probed.is_empty() && !self.lanes.is_ours(packet.source.ip()) {
            self.ties(now, lane, (&mut reader, head.authorities), &probed)?;
        }
        if !ours.is_empty() {
            let legacy = legacy.then_some(Legacy { id: head.id, questions: asked });
            let probe = head.authorities > 0;
            let (source, truncated) = (packet.source, head.truncated);
            let request = Request { lane, source, answers: &ours, truncated, probe, legacy };
            self.responder.reply(now, request, &mut self.rng);
        }
        // What needs no delay goes out at once.
        let packets = self.responder.replies_due(now, &self.lanes);
        self.send(packets);
        Ok(())
    }

    /// Takes out of `ours` what the asker knows, and says whether they know nothing that is not
    /// known here too, if that is of interest.
    fn known_answers(
        &mut self,
        now: Instant,
        lane: Lane,
        source: SocketAddr,
        (reader, count): (&mut Reader<'_>, u16),
        (ours, planned): (&mut Vec<(What, u64, bool)>, bool),
    ) -> Result<bool, Malformed> {
        let s = &mut self.scratch;
        let mut all_known = true;
        for _ in 0..count {
            let Some(read) = reader.record(s)? else { continue };
            reader.data(read, s)?;
            match self.responder.same(&s.owner.key, (read.kind, read.ttl), &s.data.key) {
                Some(answer) => {
                    ours.retain(|(what, id, _)| (*what, *id) != answer);
                    self.responder.replies.spare(lane, source, answer);
                }
                None if planned && all_known => {
                    all_known = self.querier.knows(now, lane.interface, read, s);
                }
                None => {}
            }
        }
        Ok(all_known)
    }

    fn ties(
        &mut self,
        now: Instant,
        lane: Lane,
        (reader, count): (&mut Reader<'_>, u16),
        probed: &[Vec<u8>],
    ) -> Result<(), Malformed> {
        let s = &mut self.scratch;
        let mut claims: Vec<(Vec<u8>, (u16, Vec<u8>))> = Vec::new();
        for _ in 0..count {
            let Some(read) = reader.record(s)? else { continue };
            if probed.contains(&s.owner.key) {
                reader.data(read, s)?;
                claims.push((s.owner.key.clone(), (read.kind, s.data.wire.clone())));
            }
        }
        claims.sort_unstable();
        for name in probed {
            let theirs = claims.iter().filter(|(of, _)| of == name);
            let theirs: Vec<_> = theirs.map(|(_, claim)| claim.clone()).collect();
            self.responder.tie(now, &self.lanes, lane, name, &theirs);
        }
        Ok(())
    }

    fn response(
        &mut self,
        now: Instant,
        lane: Lane,
        packet: &Datagram,
        head: Head,
    ) -> Result<(), Malformed> {
        let (mut reader, s) = (Reader::new(&packet.bytes), &mut self.scratch);
        for _ in 0..head.questions {
            reader.question(s)?;
        }
        let records = [head.answers, head.authorities, head.additionals];
        let records: u32 = records.into_iter().map(u32::from).sum();
        // One for the packet, so that what came together is renewed together.
        let jitter = self.rng.next_u32() % cache::JITTER_MAX;
        // Addresses may stand before the record that says whose they are, so once more from there.
        let (start, mut again) = (reader, false);
        for pass in 0..2 {
            for _ in 0..records {
                let Some(read) = reader.record(s)? else { continue };
                let address = matches!(read.kind, record::kind::A | record::kind::AAAA);
                if pass == 1 && !address {
                    continue;
                }
                let owned = self.responder.owns(&s.owner.key);
                let of_use = self.querier.is_of_use(&s.owner.key, read.kind);
                again |= address && !of_use;
                if !owned && !of_use {
                    continue;
                }
                reader.data(read, s)?;
                if owned && read.ttl > 0 {
                    let (name, data) = (&s.owner.key[..], &s.data.key[..]);
                    if packet.multicast
                        && let Some(answer) = self.responder.same(name, (read.kind, read.ttl), data)
                    {
                        self.responder.replies.forget(lane, answer);
                    }
                    let said = (name, read.kind, &s.data.wire[..]);
                    self.responder.check(now, &self.lanes, said, &mut self.events);
                }
                // Our own services are no news to us.
                let ours = match read.kind {
                    record::kind::PTR => self.responder.owns(&s.data.key),
                    _ => owned,
                };
                if of_use && !ours {
                    self.querier.hear(now, lane.interface, (read, jitter), s);
                }
            }
            if !again {
                break;
            }
            reader = start;
        }
        Ok(())
    }

    #[cfg(test)]
    fn cached(&self) -> usize {
        self.querier.cached()
    }
}

/// A random time between two.
fn between((min, max): (Duration, Duration), rng: &mut ChaCha8Rng) -> Duration {
    min + (max - min).mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX))
}
