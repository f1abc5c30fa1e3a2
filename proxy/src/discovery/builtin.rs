//! Discovery by the engine of [`crate::mdns`], on whatever carries its packets.
//!
//! The engine decides everything; this gives it packets and time, and takes packets and events
//! from it. Our names are random, so nothing is probed for.

use std::collections::VecDeque;
use std::net::IpAddr;

use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::{Advert, Discovery, Event, SERVICE_TYPE, Sighting};
use crate::clock::{now, sleep_until, timeout};
use crate::mdns::{self, Config, Engine, Instance, Service, Transmit};
use crate::net::{Interface, MdnsSocket};

/// Time between two looks at which addresses the host has.
const INTERFACES_EVERY: Duration = Duration::from_secs(3);

/// How long goodbyes may take to be sent.
const GOODBYE_TIME: Duration = Duration::from_millis(500);

/// Discovery by multicast DNS without a thread, over a [`MdnsSocket`]. Goodbyes are said by
/// [`Discovery::shutdown`]; dropped, it is silent, as after a crash.
pub struct Builtin<S> {
    engine: Engine,
    socket: S,
    /// The addresses to be found by; empty for all of this host.
    addresses: Vec<IpAddr>,
    outgoing: VecDeque<Transmit>,
    /// When to look at the host's addresses again.
    look: Instant,
}

impl<S: MdnsSocket> Builtin<S> {
    /// Starts browsing. `addresses` are those to be found by, which are also those to listen on;
    /// with none, all that the host has, as they come and go.
    #[must_use]
    pub fn new(socket: S, addresses: Vec<IpAddr>, rng: ChaCha8Rng) -> Self {
        let config = Config { hears_unicast: socket.hears_unicast() };
        let now = now();
        let mut engine = Engine::new(config, rng);
        engine.browse(now, SERVICE_TYPE).expect("our own type is sound");
        let mut this = Self { engine, socket, addresses, outgoing: VecDeque::new(), look: now };
        this.look(now);
        this
    }

    /// Follows the host's addresses.
    fn look(&mut self, now: Instant) {
        let mut interfaces = self.socket.interfaces();
        interfaces.retain(|interface| self.is_used(interface));
        if interfaces.iter().any(|interface| !interface.address.is_loopback()) {
            // Programs on this host hear each other there too; without any, on loopback.
            interfaces.retain(|interface| !interface.address.is_loopback());
        }
        self.engine.set_interfaces(now, interfaces);
        self.look = now + INTERFACES_EVERY;
    }

    fn is_used(&self, interface: &Interface) -> bool {
        self.addresses.is_empty() || self.addresses.contains(&interface.address)
    }

    fn handle_timeout(&mut self) {
        let now = now();
        if now >= self.look {
            self.look(now);
        }
        self.engine.handle_timeout(now);
    }

    fn next_event(&mut self) -> Option<Event> {
        loop {
            match self.engine.poll_event()? {
                mdns::Event::Found(instance) => return Some(Event::Seen(sighting(instance))),
                mdns::Event::Lost { instance, .. } => return Some(Event::Gone(instance)),
                mdns::Event::Renamed { registered, instance, .. } => {
                    tracing::warn!(%registered, %instance, "somebody else has the advert's name");
                }
            }
        }
    }

    /// Sends what waits.
    async fn send(socket: &S, outgoing: &mut VecDeque<Transmit>) {
        while let Some(Transmit { interface, to, bytes }) = outgoing.front() {
            if let Err(error) = socket.send(*interface, *to, bytes).await {
                // Interfaces come and go; what matters is said again.
                tracing::debug!(%error, interface, %to, "multicast DNS packet not sent");
            }
            outgoing.pop_front();
        }
    }
}

impl<S: MdnsSocket> Discovery for Builtin<S> {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn advertise(&mut self, advert: &Advert) {
        let service = Service {
            instance: advert.instance.clone(),
            service: SERVICE_TYPE.to_owned(),
            host: advert.host.clone(),
            port: advert.port,
            text: vec![format!("path={}", advert.path()).into_bytes()],
            probe: false,
        };
        if let Err(error) = self.engine.register(now(), &service) {
            tracing::warn!(%error, channel = %advert.channel, "cannot advertise");
        }
    }

    fn withdraw(&mut self, instance: &str) {
        self.engine.unregister(now(), instance, SERVICE_TYPE);
    }

    fn verify(&mut self, instance: &str) {
        self.engine.verify(now(), instance, SERVICE_TYPE);
    }

    fn refresh(&mut self) {
        self.engine.refresh(now(), SERVICE_TYPE);
    }

    async fn next(&mut self) -> Event {
        loop {
            self.outgoing.extend(std::iter::from_fn(|| self.engine.poll_transmit()));
            if let Some(event) = self.next_event() {
                return event;
            }
            let due = self.engine.next_timeout().map_or(self.look, |at| at.min(self.look));
            let Self { socket, outgoing, .. } = self;
            let waits = !outgoing.is_empty();
            tokio::select! {
                biased;
                () = Self::send(socket, outgoing), if waits => {}
                packet = socket.recv() => self.engine.handle_packet(now(), &packet),
                () = sleep_until(due) => self.handle_timeout(),
            }
        }
    }

    async fn shutdown(mut self) {
        self.engine.shutdown(now());
        self.outgoing.extend(std::iter::from_fn(|| self.engine.poll_transmit()));
        let sent = Self::send(&self.socket, &mut self.outgoing);
        if timeout(GOODBYE_TIME, sent).await.is_err() {
            tracing::warn!("multicast DNS took too long to say goodbye");
        }
    }
}

fn sighting(instance: Instance) -> Sighting {
    Sighting {
        path: instance.value("path").map(<[u8]>::to_vec),
        instance: instance.instance,
        host: instance.host,
        port: instance.port,
        addresses: instance.addresses,
    }
}
