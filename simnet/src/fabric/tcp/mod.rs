//! TCP as programs see it, over packets that may be lost.
//!
//! ```text
//!   stream ──▶ Sender ──▶ segments ──▶ network ──▶ Receiver ──▶ stream
//!                 ▲                                    │
//!                 └──────── acknowledgements ◀─────────┘   packets too: they can be lost
//! ```
//!
//! Not simulated, because no program can tell: urgent data, selective acknowledgements, keep-alive
//! probes, Nagle's algorithm (every socket has `TCP_NODELAY`), simultaneous open.

mod conn;
mod listener;
mod receiver;
mod sender;
mod stream;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use slab::Slab;

use self::conn::{Conn, NEVER, State};
pub use self::listener::FabricListener;
use self::listener::Listener;
pub use self::stream::FabricStream;
use super::core::{Core, Event};
use super::host::{LOOPBACK, hears, is_link_local, scope, scoped};
use super::net::{find_port, gone, invalid, no_route};
use super::packet::{Body, HostId, InterfaceId, Packet, Segment};
use super::process::ProcessId;
use super::wire::{Route, segment_bytes};

/// The two ends of a connection, the remote one first because it tells more of them apart.
type Pair = (SocketAddr, SocketAddr);

/// The TCP of one host.
#[derive(Default)]
pub(super) struct TcpSockets {
    conns: Slab<Conn>,
    by_pair: BTreeMap<Pair, usize>,
    listeners: Slab<Listener>,
    by_port: BTreeMap<u16, Vec<usize>>,
}

/// Where a connection or a listener is kept. After the host lost its power it leads nowhere.
#[derive(Clone, Copy, Debug)]
struct Handle {
    host: HostId,
    slot: usize,
    number: u64,
}

impl TcpSockets {
    pub(super) fn owners(&self) -> impl Iterator<Item = ProcessId> {
        let held = self.conns.iter().filter(|(_, conn)| !conn.orphan);
        held.filter_map(|(_, conn)| conn.owner)
    }

    pub(super) fn connections(&self) -> usize {
        self.conns.len()
    }

    fn conn(&mut self, handle: Handle) -> Option<&mut Conn> {
        self.conns.get_mut(handle.slot).filter(|conn| conn.number == handle.number)
    }

    /// The listener that hears what comes to `destination`: an exact address goes first.
    fn listener_for(&self, destination: SocketAddr) -> Option<usize> {
        let slots = self.by_port.get(&destination.port())?;
        let heard = slots.iter().filter(|slot| hears(self.listeners[**slot].address, destination));
        heard.min_by_key(|slot| self.listeners[**slot].address.ip().is_unspecified()).copied()
    }

    fn forget_pair(&mut self, pair: Pair, slot: usize) {
        if self.by_pair.get(&pair) == Some(&slot) {
            self.by_pair.remove(&pair);
        }
    }
}

impl Core {
    /// Makes a connection and says where it is.
    fn tcp_insert(&mut self, host: HostId, pair: Pair, state: State) -> Handle {
        self.sockets_made += 1;
        let (number, iss, times) = (self.sockets_made, self.draw.word(), self.times);
        let (remote, local) = pair;
        let tcp = &mut self[host].tcp;
        let slot = tcp.conns.insert(Conn::new(number, (local, remote), state, iss, times));
        tcp.by_pair.insert(pair, slot);
        Handle { host, slot, number }
    }

    fn tcp_connect(
        &mut self,
        host: HostId,
        to: SocketAddr,
        owner: Option<ProcessId>,
    ) -> io::Result<Handle> {
        if !self[host].is_on() {
            return Err(gone());
        }
        let to = self.loopback_if_unspecified(to);
        if to.port() == 0 || to.ip().is_multicast() {
            return Err(invalid(format!("{to} is no address of one program")));
        }
        let route = self.route(host, to, None).ok_or_else(|| no_route(to))?;
        let ip = self.source(host, &route, to.ip()).ok_or_else(|| no_route(to))?;
        let remote = scoped(to, route.out.index);
        let mut local = scoped(SocketAddr::new(ip, 0), route.out.index);
        find_port(self, |core| {
            local.set_port(core[host].next_port());
            let tcp = &core[host].tcp;
            !tcp.by_pair.contains_key(&(remote, local))
                && tcp.listener_for(local).is_none()
                && local != remote
        })?;
        let handle = self.tcp_insert(host, (remote, local), State::Connecting);
        self[host].tcp.conns[handle.slot].owner = owner;
        self.tcp_pump(host, handle.slot);
        Ok(handle)
    }

    /// A segment came to `to`.
    pub(super) fn tcp_arrives(&mut self, to: InterfaceId, packet: &Packet, segment: &Segment) {
        let local = scoped(packet.destination, to.index);
        let remote = scoped(packet.source, to.index);
        let (host, pair) = (to.host, (remote, local));
        let now = self.now();
        let Self { hosts, wakers, .. } = self;
        let tcp = &mut hosts[host.0 as usize].tcp;
        if let Some(&slot) = tcp.by_pair.get(&pair) {
            let conn = &mut tcp.conns[slot];
            // A port may be used again while its former connection lingers.
            let afresh = segment.syn && !segment.ack && conn.state == State::Lingering;
            if conn.is_strange(segment) {
                return self.tcp_refuse(host, pair, segment);
            }
            if !afresh {
                let before = conn.state;
                let opened = conn.receive(now, segment, wakers);
                if let State::Accepting(listener) = before {
                    self.tcp_accepting(host, slot, listener, opened);
                }
                return self.tcp_pump(host, slot);
            }
            conn.state = State::Dead;
            self.tcp_pump(host, slot);
        }
        let tcp = &mut self[host].tcp;
        if segment.syn && !segment.ack && !segment.rst {
            let heard = tcp.listener_for(local);
            if let Some(listener) = heard {
                if tcp.listeners[listener].has_room() {
                    tcp.listeners[listener].pending += 1;
                    let handle = self.tcp_insert(host, pair, State::Accepting(listener));
                    self[host].tcp.conns[handle.slot].accepts(segment);
                    self.tcp_pump(host, handle.slot);
                }
                return;
            }
        }
        if !segment.rst {
            self.tcp_refuse(host, pair, segment);
        }
    }

    /// Answers a segment that belongs to no connection (RFC 9293 section 3.10.7.1).
    fn tcp_refuse(&mut self, host: HostId, (remote, local): Pair, segment: &Segment) {
        let taken = segment.payload.len() as u32 + u32::from(segment.syn) + u32::from(segment.fin);
        let reset = Segment {
            rst: true,
            ack: !segment.ack,
            sequence: if segment.ack { segment.acknowledged } else { 0 },
            acknowledged: if segment.ack { 0 } else { segment.sequence.wrapping_add(taken) },
            ..Segment::default()
        };
        if let Some(route) = self.route(host, remote, scope(local)) {
            let packet = Packet { source: local, destination: remote, body: Body::Tcp(reset) };
            self.send(&route, packet);
        }
    }

    /// What became of a connection that a listener was about to have.
    fn tcp_accepting(&mut self, host: HostId, slot: usize, listener: usize, opened: bool) {
        let Self { hosts, wakers, .. } = self;
        let tcp = &mut hosts[host.0 as usize].tcp;
        let conn = &mut tcp.conns[slot];
        match tcp.listeners.get_mut(listener) {
            Some(listener) if opened => {
                listener.ready.push_back(slot);
                wakers.append(&mut listener.wakers);
            }
            Some(listener) if conn.is_dead() => {
                listener.pending -= 1;
                conn.orphan = true;
            }
            _ => {}
        }
    }

    /// A connection's timer is due.
    pub(super) fn tcp_timer(&mut self, host: HostId, slot: u32, number: u64, at: u64) {
        let Self { hosts, wakers, .. } = self;
        let host_state = &mut hosts[host.0 as usize];
        if !host_state.is_on() {
            // Set again when the host wakes up.
            return;
        }
        let slot = slot as usize;
        let Some(conn) = host_state.tcp.conn(Handle { host, slot, number }) else { return };
        if conn.timer_at != at {
            return;
        }
        conn.timer_at = NEVER;
        let before = conn.state;
        conn.tick(at, wakers);
        if let State::Accepting(listener) = before {
            self.tcp_accepting(host, slot, listener, false);
        }
        self.tcp_pump(host, slot);
    }

    /// Sends what a connection has to say now, sets its timer, and lets it go once it is over.
    fn tcp_pump(&mut self, host: HostId, slot: usize) {
        let now = self.now();
        let conn = &self[host].tcp.conns[slot];
        let (local, remote, number) = (conn.local, conn.remote, conn.number);
        let route = self.route(host, remote, scope(local));
        let mss = route.map_or(usize::from(u16::MAX), |route| segment_bytes(route.mtu, remote));
        let mut segments = std::mem::take(&mut self.segments_out);
        let conn = &mut self[host].tcp.conns[slot];
        let again = conn.output(now, mss, &mut segments);
        self.figures.retransmissions += again;
        for segment in segments.drain(..) {
            if let Some(route) = &route {
                let body = Body::Tcp(segment);
                self.send(route, Packet { source: local, destination: remote, body });
            }
        }
        self.segments_out = segments;
        let tcp = &mut self[host].tcp;
        let conn = &mut tcp.conns[slot];
        if conn.is_dead() {
            let gone = conn.orphan;
            tcp.forget_pair((remote, local), slot);
            if gone {
                tcp.conns.remove(slot);
            }
            return;
        }
        let at = conn.next_deadline();
        if at < conn.timer_at {
            conn.timer_at = at;
            self.schedule(at, Event::TcpTimer { host, slot: slot as u32, number });
        }
    }

    /// All connections and listeners of a host are gone, and whoever waits for one is told.
    pub(super) fn tcp_power_off(&mut self, host: HostId) {
        let mut tcp = std::mem::take(&mut self[host].tcp);
        for mut conn in tcp.conns.drain() {
            self.wake(&mut conn.reader);
            self.wake(&mut conn.writer);
        }
        for mut listener in tcp.listeners.drain() {
            self.wakers.append(&mut listener.wakers);
        }
    }

    /// A host wakes up after `slept`: its timers go on where they stood.
    pub(super) fn tcp_wake(&mut self, host: HostId, slept: u64) {
        let slots: Vec<usize> = self[host].tcp.conns.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let conn = &mut self[host].tcp.conns[slot];
            conn.slept(slept);
            conn.timer_at = NEVER;
            self.tcp_pump(host, slot);
        }
    }

    /// The address that `host` speaks to `to` from.
    pub(super) fn source(&self, host: HostId, route: &Route, to: IpAddr) -> Option<IpAddr> {
        // Who speaks to itself does so from the address that it speaks to.
        if route.out.index == LOOPBACK && !to.is_multicast() {
            return Some(to);
        }
        let interface = self[host].interface(route.out.index)?;
        interface.source_for(to).filter(|ip| is_link_local(to) || !is_link_local(*ip))
    }

    /// Connecting to "any" address means oneself, as on Linux.
    fn loopback_if_unspecified(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), to.port())
            }
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
                SocketAddr::new(Ipv6Addr::LOCALHOST.into(), to.port())
            }
            _ => to,
        }
    }
}
