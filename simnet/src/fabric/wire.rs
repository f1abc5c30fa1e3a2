//! The way of a packet, from one host's interface to others'.
//!
//! ```text
//!   up link ──▶ segment ──▶ router ──▶ segment ──▶ down link ──▶ arrives
//!                  └─────────────────────────────────▲  (same segment; each member of a group)
//! ```
//!
//! A link that keeps nothing of the packets before (a fixed latency, no bandwidth) is passed ahead
//! of time, so a plain network costs one event a packet. Any other is passed when the packet
//! gets there, because only then is known who else is in the queue.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::core::{Core, Event};
use super::host::{Host, LOOPBACK, bare, is_link_local, owner_on, scope};
use super::limits::LOOPBACK_TIME;
use super::link::{Link, Passage};
use super::packet::{Body, Cause, Fate, HostId, InterfaceId, Packet, SegmentId};
use super::segment::{Multicast, Router, RouterId, Segment};

/// Header bytes: IPv4, IPv6, UDP, TCP.
const IPV4: u64 = 20;
const IPV6: u64 = 40;
const UDP: u64 = 8;
const TCP: u64 = 20;
/// An IPv6 fragment's extension header.
const FRAGMENT: u64 = 8;

/// A packet under way.
pub(super) struct Flight {
    pub(super) packet: Packet,
    /// As the tap knows it; 0 for what is on no wire.
    number: u64,
    out: InterfaceId,
    way: Way,
}

/// Where a packet is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the same host.
    Inside,
    /// To the groups' members on the segment.
    Group(SegmentId),
    /// Out into a segment, perhaps through a router into another, to whoever has the address
    /// there, if anybody has.
    To { segment: SegmentId, router: Option<(RouterId, SegmentId)>, owner: Option<InterfaceId> },
}

/// How a host reaches an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) out: InterfaceId,
    pub(super) way: Way,
    /// The largest IP packet that fits through.
    pub(super) mtu: u16,
}

/// The part of the way that a packet comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Up,
    First,
    Router,
    Second,
    Down(InterfaceId),
    End(InterfaceId),
}

impl Stage {
    /// Whom the packet is about to reach.
    fn receiver(self) -> Option<InterfaceId> {
        match self {
            Self::Down(to) | Self::End(to) => Some(to),
            Self::Up | Self::First | Self::Router | Self::Second => None,
        }
    }
}

impl Packet {
    fn ip_header(&self) -> u64 {
        if self.source.is_ipv4() { IPV4 } else { IPV6 }
    }

    /// Its bytes with the IP header.
    pub(super) fn bytes(&self) -> u64 {
        self.ip_header()
            + match &self.body {
                Body::Udp { payload, .. } => UDP + payload.len() as u64,
                Body::Tcp(segment) => TCP + segment.payload.len() as u64,
            }
    }

    /// Bytes and fragments of it on a link.
    fn on_link(&self, mtu: u16) -> (u64, u64) {
        let (bytes, header, mtu) = (self.bytes(), self.ip_header(), u64::from(mtu));
        if bytes <= mtu {
            return (bytes, 1);
        }
        let each = header + if header == IPV6 { FRAGMENT } else { 0 };
        // Fragments are cut at multiples of eight bytes (RFC 791).
        let room = (mtu.saturating_sub(each) / 8 * 8).max(8);
        let fragments = (bytes - header).div_ceil(room);
        (bytes - header + fragments * each, fragments)
    }
}

/// Bytes of data in a TCP segment for this IP packet size.
pub(super) fn segment_bytes(mtu: u16, to: SocketAddr) -> usize {
    let headers = TCP + if to.is_ipv4() { IPV4 } else { IPV6 };
    usize::from(mtu).saturating_sub(headers as usize).max(1)
}

impl Core {
    /// How `host` reaches `to`, over the interface that it names, or that is asked for.
    pub(super) fn route(
        &self,
        host: HostId,
        to: SocketAddr,
        interface: Option<u32>,
    ) -> Option<Route> {
        let (here, address) = (&self[host], to.ip());
        let id = |index| InterfaceId { host, index };
        let asked = scope(to).or(interface);
        if !address.is_multicast() && here.owner(address).is_some() {
            let mtu = here.interfaces[0].up.quality.mtu;
            return Some(Route { out: id(LOOPBACK), way: Way::Inside, mtu });
        }
        if address.is_multicast() {
            let first = || {
                let mut all = here.indexed().skip(1);
                all.find(|(_, i)| i.source_for(address).is_some()).map(|(index, _)| index)
            };
            let index = asked.or_else(first)?;
            let interface = here.interface(index)?;
            let way = interface.segment.map_or(Way::Inside, Way::Group);
            return Some(Route { out: id(index), way, mtu: interface.up.quality.mtu });
        }
        if let Some(index) = asked.filter(|_| is_link_local(address)).or(here.on_link(address)) {
            if is_link_local(address) && asked.is_none() {
                return None;
            }
            let segment = here.interface(index)?.segment?;
            let owner = owner_on(&self.owners, &self.hosts, segment, address);
            return Some(self.measured(id(index), segment, None, owner));
        }
        here.indexed().skip(1).find_map(|(index, interface)| {
            interface.source_for(address)?;
            let segment = interface.segment?;
            self.segments[segment.0 as usize].routers.iter().find_map(|router| {
                let mut beyond = self.routers[router.0 as usize].segments.iter();
                let found = beyond.find_map(|next| {
                    let owner = owner_on(&self.owners, &self.hosts, *next, address)?;
                    Some((*next, owner))
                });
                let (next, owner) = found?;
                Some(self.measured(id(index), segment, Some((*router, next)), Some(owner)))
            })
        })
    }

    fn measured(
        &self,
        out: InterfaceId,
        segment: SegmentId,
        router: Option<(RouterId, SegmentId)>,
        owner: Option<InterfaceId>,
    ) -> Route {
        let link_mtu = |link: &Link| link.quality.mtu;
        let interface = |id: InterfaceId| self[id.host].interface(id.index);
        let mut mtu = link_mtu(&self.segments[segment.0 as usize].link);
        mtu = mtu.min(interface(out).map_or(mtu, |i| link_mtu(&i.up)));
        if let Some((router, second)) = router {
            mtu = mtu.min(link_mtu(&self.routers[router.0 as usize].link));
            mtu = mtu.min(link_mtu(&self.segments[second.0 as usize].link));
        }
        mtu = mtu.min(owner.and_then(interface).map_or(mtu, |i| link_mtu(&i.down)));
        Route { out, way: Way::To { segment, router, owner }, mtu }
    }

    /// Puts a packet on its way, unless its host is off or asleep. Its addresses lose their scopes.
    pub(super) fn send(&mut self, route: &Route, mut packet: Packet) {
        if !self[route.out.host].is_on() {
            return;
        }
        packet.source = bare(packet.source);
        packet.destination = bare(packet.destination);
        let bytes = packet.bytes();
        let now = self.now();
        let (out, way) = (route.out, route.way);
        let segment = match way {
            Way::Inside => {
                let flight = Flight { packet, number: 0, out, way };
                let at = now + LOOPBACK_TIME.as_nanos() as u64;
                return self.schedule(at, Event::Reaches(Rc::new(flight), Stage::End(out)));
            }
            Way::Group(segment) => {
                self.figures.multicast_packets += 1;
                self.figures.multicast_bytes += bytes;
                segment
            }
            Way::To { segment, .. } => segment,
        };
        self.packets += 1;
        self.figures.packets += 1;
        self.figures.bytes += bytes;
        let number = self.packets;
        if let Some(tap) = &self.tap {
            tap.borrow_mut().sent(Duration::from_nanos(now), number, out, segment, &packet);
        }
        let flight = Rc::new(Flight { packet, number, out, way });
        self.reaches(&flight, Stage::Up, now);
    }

    /// A packet comes to a part of its way at `at`.
    pub(super) fn reaches(&mut self, flight: &Rc<Flight>, stage: Stage, at: u64) {
        if self.barred(flight, stage) {
            return self.lost(flight, stage.receiver(), Cause::Cut, at);
        }
        if let Stage::End(to) = stage {
            return self.arrives(flight, to, at);
        }
        let now = self.now();
        let link = link_at(&mut self.hosts, &mut self.segments, &mut self.routers, flight, stage);
        if at > now && !link.is_memoryless() {
            return self.schedule(at, Event::Reaches(Rc::clone(flight), stage));
        }
        let (bytes, fragments) = flight.packet.on_link(link.quality.mtu);
        match link.pass(at, bytes, fragments, &mut self.draw) {
            Passage::Lost(cause) => self.lost(flight, stage.receiver(), cause, at),
            Passage::Arrives(first, copy) => {
                for at in std::iter::once(first).chain(copy) {
                    self.leaves(flight, stage, at);
                }
            }
        }
    }

    /// Whether a fault keeps a packet from a part of its way.
    fn barred(&self, flight: &Flight, stage: Stage) -> bool {
        let plugged =
            |id: InterfaceId| self[id.host].interface(id.index).is_some_and(|i| i.plugged);
        match stage {
            Stage::Up => !plugged(flight.out),
            Stage::Down(to) => !plugged(to) || self.blocks.cut(flight.out.host, to.host),
            Stage::End(to) => flight.number > 0 && !plugged(to),
            Stage::First | Stage::Router | Stage::Second => false,
        }
    }

    /// A packet comes out of a part of its way at `at`, and goes on.
    fn leaves(&mut self, flight: &Rc<Flight>, stage: Stage, at: u64) {
        let next = match (stage, flight.way) {
            (Stage::Up, _) => Stage::First,
            (Stage::First, Way::Group(segment)) => return self.spreads(flight, segment, at),
            (Stage::First, Way::To { router: Some(_), .. }) => Stage::Router,
            (Stage::Router, _) => Stage::Second,
            (Stage::Down(to), _) => {
                return self.schedule(at, Event::Reaches(Rc::clone(flight), Stage::End(to)));
            }
            (_, Way::To { segment, router, owner }) => {
                let isolated = self.segments[segment.0 as usize].spec.client_isolation;
                if isolated && router.is_none() {
                    return self.lost(flight, owner, Cause::Filtered, at);
                }
                match owner {
                    Some(owner) => Stage::Down(owner),
                    None => return self.lost(flight, None, Cause::NoHost, at),
                }
            }
            (_, Way::Group(_) | Way::Inside) => unreachable!("they have no such part"),
        };
        self.reaches(flight, next, at);
    }

    /// A segment hands a multicast to the members of its group.
    fn spreads(&mut self, flight: &Rc<Flight>, segment: SegmentId, mut at: u64) {
        let spec = &self.segments[segment.0 as usize].spec;
        let mut loss = 0.0;
        match spec.multicast {
            _ if spec.client_isolation => return self.lost(flight, None, Cause::Filtered, at),
            Multicast::Deliver => {}
            Multicast::Drop => return self.lost(flight, None, Cause::Filtered, at),
            Multicast::Beacon { every, loss: share } => {
                at = at.next_multiple_of((every.as_nanos() as u64).max(1));
                loss = share;
            }
        }
        let group = flight.packet.destination.ip();
        // Out of the segment meanwhile, which nothing on the way looks at.
        let members = &mut self.segments[segment.0 as usize].members;
        let Some(interfaces) = members.get_mut(&group).map(std::mem::take) else { return };
        for to in interfaces.iter().filter(|to| **to != flight.out) {
            if self.draw.chance(loss) {
                self.lost(flight, Some(*to), Cause::Loss, at);
            } else {
                self.reaches(flight, Stage::Down(*to), at);
            }
        }
        self.segments[segment.0 as usize].members.insert(group, interfaces);
    }

    pub(super) fn lost(&mut self, flight: &Flight, to: Option<InterfaceId>, cause: Cause, at: u64) {
        if flight.number > 0 {
            self.figures.lost.count(cause);
            self.tell(flight, at, Fate::Lost(to, cause));
        }
    }

    fn tell(&self, flight: &Flight, at: u64, fate: Fate) {
        if let Some(tap) = &self.tap {
            tap.borrow_mut().fate(Duration::from_nanos(at), flight.number, fate);
        }
    }

    /// A packet is at an interface.
    fn arrives(&mut self, flight: &Rc<Flight>, to: InterfaceId, at: u64) {
        let (host, destination) = (&self[to.host], flight.packet.destination);
        let known = destination.ip().is_multicast() || host.owner(destination.ip()).is_some();
        if !host.is_on() || !known {
            return self.lost(flight, Some(to), Cause::NoHost, at);
        }
        if flight.number > 0 {
            self.figures.arrivals += 1;
            self.tell(flight, at, Fate::Arrives(to));
        }
        match &flight.packet.body {
            Body::Tcp(segment) => self.tcp_arrives(to, &flight.packet, segment),
            Body::Udp { payload, hops } => {
                if !self.udp_arrives(to, &flight.packet, payload, *hops) {
                    self.lost(flight, Some(to), Cause::SocketFull, at);
                }
            }
        }
    }
}

/// The link of a part of a packet's way.
fn link_at<'a>(
    hosts: &'a mut [Host],
    segments: &'a mut [Segment],
    routers: &'a mut [Router],
    flight: &Flight,
    stage: Stage,
) -> &'a mut Link {
    let (id, down) = match (stage, flight.way) {
        (Stage::Up, _) => (flight.out, false),
        (Stage::Down(to) | Stage::End(to), _) => (to, true),
        (Stage::First, Way::Group(segment) | Way::To { segment, .. })
        | (Stage::Second, Way::To { router: Some((_, segment)), .. }) => {
            return &mut segments[segment.0 as usize].link;
        }
        (Stage::Router, Way::To { router: Some((router, _)), .. }) => {
            return &mut routers[router.0 as usize].link;
        }
        _ => unreachable!("a packet goes only where its way leads"),
    };
    let interface = hosts[id.host.0 as usize].interface_mut(id.index);
    let interface = interface.expect("interfaces are never taken away");
    if down { &mut interface.down } else { &mut interface.up }
}
