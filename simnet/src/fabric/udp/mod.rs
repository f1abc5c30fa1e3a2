//! UDP sockets, with multicast.
//!
//! As on Linux, but for one thing: a socket hears only the groups that it joined itself, on the
//! interfaces where it joined them.

mod socket;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Waker;

use bytes::Bytes;
use slab::Slab;

pub use self::socket::UdpSocket;
use super::core::Core;
use super::host::{clash, hears, scoped};
use super::limits::{DATAGRAM_BYTES, UDP_BYTES, UDP_OVERHEAD};
use super::net::{find_port, gone, in_use, invalid, no_interface, no_route};
use super::packet::{Body, HostId, InterfaceId, Packet};
use super::wire::{Route, Way};

/// IPv4 time to live and IPv6 hop limit of unicast datagrams (Linux).
const HOPS: u8 = 64;

/// How to open a UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpSpec {
    /// Where it listens. An unspecified IPv6 address means IPv6 alone; port 0 a free one.
    pub address: SocketAddr,
    /// Whether others may have the same port (`SO_REUSEADDR`), if they say so too. Multicasts
    /// then go to each of them, a unicast to the one that was opened last.
    pub share: bool,
    /// Whether this host's own sockets hear its multicasts, itself included
    /// (`IP_MULTICAST_LOOP`).
    pub multicast_loop: bool,
    /// Time to live or hop limit of multicasts. 255 for mDNS.
    pub multicast_hops: u8,
}

impl UdpSpec {
    /// A socket with a port of its own.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, share: false, multicast_loop: true, multicast_hops: 1 }
    }

    /// A socket for mDNS (RFC 6762): a shared port, and a hop limit of 255.
    #[must_use]
    pub fn shared(address: SocketAddr) -> Self {
        Self { share: true, multicast_hops: 255, ..Self::new(address) }
    }
}

/// What a UDP socket hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub source: SocketAddr,
    /// What it was sent to: an address of this host or a group.
    pub destination: SocketAddr,
    /// The interface that it came in on.
    pub interface: u32,
    /// What was left of its time to live or hop limit.
    pub hops: u8,
    /// What it says.
    pub payload: Bytes,
}

#[derive(Default)]
pub(super) struct UdpSockets {
    sockets: Slab<Socket>,
    by_port: BTreeMap<u16, Vec<usize>>,
    /// How many sockets are in a group on an interface.
    groups: BTreeMap<(u32, IpAddr), usize>,
}

struct Socket {
    number: u64,
    spec: UdpSpec,
    groups: BTreeSet<(u32, IpAddr)>,
    queue: VecDeque<Datagram>,
    bytes: usize,
    waker: Option<Waker>,
}

impl UdpSockets {
    fn in_use(&self, spec: &UdpSpec) -> bool {
        let others = self.by_port.get(&spec.address.port()).into_iter().flatten();
        others
            .map(|slot| &self.sockets[*slot].spec)
            .any(|other| clash(other.address, spec.address) && !(other.share && spec.share))
    }

    fn find(&mut self, handle: Handle) -> Option<&mut Socket> {
        self.sockets.get_mut(handle.slot).filter(|socket| socket.number == handle.number)
    }
}

/// Where a socket is kept. After the host lost its power it leads nowhere.
#[derive(Clone, Copy, Debug)]
struct Handle {
    host: HostId,
    slot: usize,
    number: u64,
}

impl Core {
    fn udp_open(&mut self, host: HostId, mut spec: UdpSpec) -> io::Result<Handle> {
        spec.address = self.bindable(host, spec.address)?;
        if spec.address.port() == 0 {
            let free = |core: &mut Self| {
                spec.address.set_port(core[host].next_port());
                !core[host].udp.in_use(&spec)
            };
            find_port(self, free)?;
        }
        let sockets = &mut self[host].udp;
        if sockets.in_use(&spec) {
            return Err(in_use(spec.address));
        }
        self.sockets_made += 1;
        let number = self.sockets_made;
        let sockets = &mut self[host].udp;
        let slot = sockets.sockets.insert(Socket {
            number,
            spec,
            groups: BTreeSet::new(),
            queue: VecDeque::new(),
            bytes: 0,
            waker: None,
        });
        sockets.by_port.entry(spec.address.port()).or_default().push(slot);
        Ok(Handle { host, slot, number })
    }

    fn udp_close(&mut self, handle: Handle) {
        let Some(socket) = self[handle.host].udp.find(handle) else { return };
        let (port, groups) = (socket.spec.address.port(), std::mem::take(&mut socket.groups));
        for (interface, group) in groups {
            self.udp_leave(handle.host, interface, group);
        }
        let sockets = &mut self[handle.host].udp;
        sockets.sockets.remove(handle.slot);
        if let Some(slots) = sockets.by_port.get_mut(&port) {
            slots.retain(|slot| *slot != handle.slot);
            if slots.is_empty() {
                sockets.by_port.remove(&port);
            }
        }
    }

    /// All sockets of a host are gone, and whoever waits for one is told.
    pub(super) fn udp_power_off(&mut self, host: HostId) {
        let mut sockets = std::mem::take(&mut self[host].udp);
        for (interface, group) in std::mem::take(&mut sockets.groups).into_keys() {
            self.udp_member(InterfaceId { host, index: interface }, group, false);
        }
        for mut socket in sockets.sockets.drain() {
            self.wake(&mut socket.waker);
        }
    }

    fn udp_leave(&mut self, host: HostId, interface: u32, group: IpAddr) {
        let groups = &mut self[host].udp.groups;
        if let Some(count) = groups.get_mut(&(interface, group)) {
            *count -= 1;
            if *count == 0 {
                groups.remove(&(interface, group));
                self.udp_member(InterfaceId { host, index: interface }, group, false);
            }
        }
    }

    /// Tells the segment whether an interface is in a group.
    fn udp_member(&mut self, id: InterfaceId, group: IpAddr, is: bool) {
        let Some(segment) = self[id.host].interface(id.index).and_then(|i| i.segment) else {
            return;
        };
        let members = &mut self.segments[segment.0 as usize].members;
        let interfaces = members.entry(group).or_default();
        if is {
            interfaces.insert(id);
        } else {
            interfaces.remove(&id);
            if interfaces.is_empty() {
                members.remove(&group);
            }
        }
    }

    fn udp_join(
        &mut self,
        handle: Handle,
        group: IpAddr,
        interface: u32,
        join: bool,
    ) -> io::Result<()> {
        if !group.is_multicast() {
            return Err(invalid(format!("{group} is no group")));
        }
        if self[handle.host].interface(interface).is_none() {
            return Err(no_interface(interface));
        }
        let host = &mut self[handle.host].udp;
        let socket = host.find(handle).ok_or_else(gone)?;
        if join && socket.groups.insert((interface, group)) {
            let count = host.groups.entry((interface, group)).or_default();
            *count += 1;
            if *count == 1 {
                self.udp_member(InterfaceId { host: handle.host, index: interface }, group, true);
            }
        } else if !join && socket.groups.remove(&(interface, group)) {
            self.udp_leave(handle.host, interface, group);
        }
        Ok(())
    }

    fn udp_send(
        &mut self,
        handle: Handle,
        payload: Bytes,
        to: SocketAddr,
        interface: Option<u32>,
    ) -> io::Result<()> {
        let host = handle.host;
        let spec = self[host].udp.find(handle).ok_or_else(gone)?.spec;
        if payload.len() > DATAGRAM_BYTES {
            return Err(invalid(format!(
                "{} bytes in a datagram; at most {DATAGRAM_BYTES}",
                payload.len()
            )));
        }
        if spec.address.is_ipv4() != to.is_ipv4() {
            return Err(invalid(format!("{to} is of another family than {}", spec.address)));
        }
        let route = self.route(host, to, interface).ok_or_else(|| no_route(to))?;
        let source = if spec.address.ip().is_unspecified() {
            let ip = self.source(host, &route, to.ip()).ok_or_else(|| no_route(to))?;
            SocketAddr::new(ip, spec.address.port())
        } else {
            spec.address
        };
        let group = to.ip().is_multicast();
        let hops = if group { spec.multicast_hops } else { HOPS };
        let packet = Packet { source, destination: to, body: Body::Udp { payload, hops } };
        if group && spec.multicast_loop {
            let way = Way::Inside;
            self.send(&Route { way, ..route }, packet.clone());
        }
        // A group on loopback has no members but the host's own.
        if !(group && route.way == Way::Inside) {
            self.send(&route, packet);
        }
        Ok(())
    }

    /// A datagram arrived. Says false if a socket had no room for it.
    pub(super) fn udp_arrives(
        &mut self,
        to: InterfaceId,
        packet: &Packet,
        payload: &Bytes,
        hops: u8,
    ) -> bool {
        let datagram = Datagram {
            source: scoped(packet.source, to.index),
            destination: scoped(packet.destination, to.index),
            interface: to.index,
            hops,
            payload: payload.clone(),
        };
        let Self { hosts, wakers, .. } = self;
        let UdpSockets { sockets, by_port, .. } = &mut hosts[to.host.0 as usize].udp;
        let Some(slots) = by_port.get(&packet.destination.port()) else { return true };
        let (group, mut room) = (packet.destination.ip(), true);
        // The latest first: of those that share a port it hears the unicasts.
        for slot in slots.iter().rev() {
            let socket = &mut sockets[*slot];
            let heard = if group.is_multicast() {
                socket.groups.contains(&(to.index, group))
                    && hears(socket.spec.address, packet.destination)
            } else {
                hears(socket.spec.address, packet.destination)
            };
            if !heard {
                continue;
            }
            let bytes = payload.len() + UDP_OVERHEAD;
            if socket.bytes + bytes > UDP_BYTES {
                room = false;
            } else {
                socket.bytes += bytes;
                socket.queue.push_back(datagram.clone());
                wakers.extend(socket.waker.take());
            }
            if !group.is_multicast() {
                break;
            }
        }
        room
    }
}
