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
//! malformed packet is used up to where it breaks; and 64 questions at once, 20 ms apart, are the most
//! that anybody makes an engine ask. The cost of a packet is that of its records, a
//! look-up each, and the cost of a timeout that of what is due.

mod cache;
mod engine;
mod hear;
mod instances;
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

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Duration;

use crate::limits::LABEL_BYTES_MAX;
use crate::limits::MDNS_PACKET_BYTES_MAX as PACKET_BYTES_MAX;
use crate::limits::MDNS_TEXT_BYTES_MAX as TEXT_BYTES_MAX;
pub use engine::Engine;
use lane::Lane;
pub use lane::{GROUP_V4, GROUP_V6};

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

/// A random time between two.
fn between((min, max): (Duration, Duration), rng: &mut ChaCha8Rng) -> Duration {
    min + (max - min).mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX))
}
