//! The ways that packets go: an interface and an address family each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::PORT;
use crate::net::Interface;

/// The group of IPv4 (RFC 6762 section 3).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// The group of IPv6.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// One of the ways to the neighbours. Who has both families hears everything twice, and who has
/// one would otherwise hear nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    pub(super) interface: u32,
    pub(super) v6: bool,
}

impl Lane {
    /// Where everybody on it listens.
    pub(super) fn group(self) -> SocketAddr {
        match self.v6 {
            false => SocketAddr::new(GROUP_V4.into(), PORT),
            true => SocketAddrV6::new(GROUP_V6, PORT, 0, self.interface).into(),
        }
    }
}

/// The addresses of this host, and so its lanes.
#[derive(Default)]
pub(super) struct Lanes {
    addresses: Vec<Interface>,
    all: Vec<Lane>,
}

impl Lanes {
    /// Takes the addresses that the host has now, and says whether they are others than before.
    pub(super) fn set(&mut self, mut addresses: Vec<Interface>) -> bool {
        addresses.sort_unstable_by_key(|i| (i.index, i.address, i.prefix_bits));
        addresses.dedup();
        if addresses == self.addresses {
            return false;
        }
        self.addresses = addresses;
        let lane = |i: &Interface| Lane { interface: i.index, v6: i.address.is_ipv6() };
        self.all = self.addresses.iter().map(lane).collect();
        self.all.sort_unstable();
        self.all.dedup();
        true
    }

    pub(super) fn all(&self) -> &[Lane] {
        &self.all
    }

    /// What to say of this host on an interface: link-local and other addresses of other
    /// interfaces lead nowhere there.
    pub(super) fn addresses_on(&self, interface: u32) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().filter(move |i| i.index == interface).map(|i| i.address)
    }

    pub(super) fn is_ours(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|i| i.address == address)
    }

    /// RFC 6762 section 11: what was not sent to a group must come from the same network.
    pub(super) fn is_neighbour(&self, interface: u32, address: IpAddr) -> bool {
        self.addresses.iter().any(|i| i.index == interface && i.reaches(address))
    }
}
