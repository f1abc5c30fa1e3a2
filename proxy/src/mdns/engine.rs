//! The engine: who is told what, and when. What is in packets is in `hear.rs`.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::lane::{Lane, Lanes};
use super::querier::Querier;
use super::reader::{Head, Scratch};
use super::responder::Responder;
use super::service::type_name;
use super::{BadService, Config, Event, Outgoing, PORT, Service, Transmit};
use crate::net::{Datagram, Interface};

/// Packets of ours that may yet come back to us.
const ECHOES_MAX: usize = 256;

/// The engine of one host, or of one program on it.
pub struct Engine {
    pub(super) config: Config,
    pub(super) rng: ChaCha8Rng,
    pub(super) lanes: Lanes,
    pub(super) querier: Querier,
    pub(super) responder: Responder,
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) events: VecDeque<Event>,
    /// What we sent to a group, which systems hand back to whoever listens there.
    pub(super) echoes: VecDeque<(Lane, Bytes)>,
    pub(super) overheard: Option<Overheard>,
    pub(super) scratch: Scratch,
}

/// A question of somebody else's that is to be asked here too, while they tell what they know.
pub(super) struct Overheard {
    pub(super) lane: Lane,
    pub(super) source: SocketAddr,
    pub(super) names: Vec<Vec<u8>>,
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
        self.querier.browse(now, &name, &mut self.rng);
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

    pub(super) fn send(&mut self, packets: impl IntoIterator<Item = Outgoing>) {
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
        let own = |of_type: &Bytes| self.responder.instances(of_type);
        let questions = self.querier.questions(now, &self.lanes, own);
        let packets =
            questions.into_iter().map(|(lane, bytes)| Outgoing { lane, to: lane.group(), bytes });
        self.send(packets.collect::<Vec<_>>());
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> usize {
        self.querier.cached()
    }
}
