//! One host: its interfaces, addresses and sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use proxy::clock::HostClock;

use super::limits::{EPHEMERAL_PORTS, LOOPBACK_MTU};
use super::link::Link;
use super::packet::{HostId, InterfaceId, SegmentId};
use super::quality::Quality;
use super::tcp::TcpSockets;
use super::udp::UdpSockets;

/// The index of loopback, as on Linux.
pub(super) const LOOPBACK: u32 = 1;

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    On,
    /// Since then.
    Asleep(u64),
    Off,
}

pub(super) struct Host {
    pub(super) name: String,
    pub(super) power: Power,
    pub(super) clock: HostClock,
    pub(super) drift_ppm: i32,
    /// In the order of their indices, from [`LOOPBACK`].
    pub(super) interfaces: Vec<Interface>,
    pub(super) tcp: TcpSockets,
    pub(super) udp: UdpSockets,
    pub(super) next_port: u16,
}

pub(super) struct Interface {
    /// None for loopback.
    pub(super) segment: Option<SegmentId>,
    pub(super) addresses: Vec<(IpAddr, u8)>,
    pub(super) up: Link,
    pub(super) down: Link,
    /// Whether its cable is in.
    pub(super) plugged: bool,
}

impl Interface {
    pub(super) fn new(
        segment: Option<SegmentId>,
        addresses: Vec<(IpAddr, u8)>,
        up: Quality,
        down: Quality,
    ) -> Self {
        Self { segment, addresses, up: Link::new(up), down: Link::new(down), plugged: true }
    }

    fn reaches(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|&(own, bits)| same_network(own, address, bits))
    }

    /// The address that speaks to `to` from here.
    pub(super) fn source_for(&self, to: IpAddr) -> Option<IpAddr> {
        let fits = |own: &&(IpAddr, u8)| own.0.is_ipv4() == to.is_ipv4();
        let of_its_scope = |own: &&(IpAddr, u8)| is_link_local(own.0) == is_link_local(to);
        let mut own = self.addresses.iter().filter(fits);
        own.clone().find(of_its_scope).or_else(|| own.next()).map(|&(address, _)| address)
    }
}

impl Host {
    pub(super) fn new(name: String, first_port: u16) -> Self {
        let loopback = vec![(Ipv4Addr::LOCALHOST.into(), 8), (Ipv6Addr::LOCALHOST.into(), 128)];
        let quality = Quality { mtu: LOOPBACK_MTU, ..Quality::perfect() };
        Self {
            name,
            power: Power::On,
            clock: HostClock::new(),
            drift_ppm: 0,
            interfaces: vec![Interface::new(None, loopback, quality.clone(), quality)],
            tcp: TcpSockets::default(),
            udp: UdpSockets::default(),
            next_port: first_port,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.power == Power::On
    }

    pub(super) fn interface(&self, index: u32) -> Option<&Interface> {
        self.interfaces.get(index.checked_sub(LOOPBACK)? as usize)
    }

    pub(super) fn interface_mut(&mut self, index: u32) -> Option<&mut Interface> {
        self.interfaces.get_mut(index.checked_sub(LOOPBACK)? as usize)
    }

    /// Its interfaces with their indices.
    pub(super) fn indexed(&self) -> impl Iterator<Item = (u32, &Interface)> {
        (LOOPBACK..).zip(&self.interfaces)
    }

    /// The interface with this address; loopback has all of 127.0.0.0/8.
    pub(super) fn owner(&self, address: IpAddr) -> Option<u32> {
        if address.is_loopback() {
            return Some(LOOPBACK);
        }
        let has = |i: &Interface| i.addresses.iter().any(|(own, _)| *own == address);
        self.indexed().find(|(_, interface)| has(interface)).map(|(index, _)| index)
    }

    /// The interface whose network `address` is on; loopback's is not asked for.
    pub(super) fn on_link(&self, address: IpAddr) -> Option<u32> {
        let found = self.indexed().skip(1).find(|(_, interface)| interface.reaches(address));
        found.map(|(index, _)| index)
    }

    /// The next port for a socket that asks for none.
    pub(super) fn next_port(&mut self) -> u16 {
        let port = self.next_port;
        let end = *EPHEMERAL_PORTS.end();
        self.next_port = if port >= end { *EPHEMERAL_PORTS.start() } else { port + 1 };
        port
    }
}

fn same_network(own: IpAddr, other: IpAddr, prefix_bits: u8) -> bool {
    let (own, other, bits) = match (own, other) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let host_bits = bits - u32::from(prefix_bits).min(bits);
    // A shift by all 128 bits would overflow: prefix 0 reaches everything.
    own.checked_shr(host_bits) == other.checked_shr(host_bits)
}

/// Whether an address means something only together with an interface.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6.is_multicast() && v6.segments()[0] & 0xf == 2
        }
    }
}

/// `address` as it is on the wire: without a scope.
pub(super) fn bare(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

/// `address` as a program sees it that meets it on this interface.
pub(super) fn scoped(address: SocketAddr, index: u32) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) if is_link_local(address.ip()) => {
            SocketAddrV6::new(*v6.ip(), v6.port(), 0, index).into()
        }
        _ => bare(address),
    }
}

/// The scope that `address` names, if it means anything.
pub(super) fn scope(address: SocketAddr) -> Option<u32> {
    match address {
        SocketAddr::V6(v6) if is_link_local(address.ip()) && v6.scope_id() > 0 => {
            Some(v6.scope_id())
        }
        _ => None,
    }
}

/// Whether a socket on `bound` and one on `other` would be in each other's way.
pub(super) fn clash(bound: SocketAddr, other: SocketAddr) -> bool {
    bound.port() == other.port()
        && bound.is_ipv4() == other.is_ipv4()
        && (bound.ip().is_unspecified() || other.ip().is_unspecified() || bound.ip() == other.ip())
}

/// Whether a socket on `bound` hears what comes to `destination`.
pub(super) fn hears(bound: SocketAddr, destination: SocketAddr) -> bool {
    clash(bound, destination)
}

/// All addresses of the fabric's hosts, and which interfaces have them.
pub(super) type Owners = BTreeMap<IpAddr, Vec<InterfaceId>>;

/// Notes that `interface` has, or has no longer, these addresses.
pub(super) fn own(
    owners: &mut Owners,
    interface: InterfaceId,
    addresses: &[(IpAddr, u8)],
    has: bool,
) {
    for (address, _) in addresses {
        let list = owners.entry(*address).or_default();
        list.retain(|other| *other != interface);
        if has {
            list.push(interface);
        }
    }
}

/// The interface on `segment` that has the address.
pub(super) fn owner_on(
    owners: &Owners,
    hosts: &[Host],
    segment: SegmentId,
    address: IpAddr,
) -> Option<InterfaceId> {
    let on = |id: &&InterfaceId| {
        let host: &Host = &hosts[id.host.0 as usize];
        host.interface(id.index).is_some_and(|interface| interface.segment == Some(segment))
    };
    owners.get(&address)?.iter().find(on).copied()
}

impl std::ops::Index<HostId> for super::core::Core {
    type Output = Host;

    fn index(&self, host: HostId) -> &Host {
        &self.hosts[host.0 as usize]
    }
}

impl std::ops::IndexMut<HostId> for super::core::Core {
    fn index_mut(&mut self, host: HostId) -> &mut Host {
        &mut self.hosts[host.0 as usize]
    }
}
