//! The real network's multicast DNS datagrams: a socket for each address family on port 5353, which
//! is shared with whatever else on this machine speaks multicast DNS.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::pending;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use socket_pktinfo::PktInfoUdpSocket;
use socket2::{Domain, SockRef};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Duration, sleep};

use crate::mdns::{GROUP_V4, GROUP_V6, PORT};
use crate::net::{Datagram, Interface, MdnsSocket};

/// Bytes of the largest packet (RFC 6762 section 17).
const PACKET_BYTES: usize = 9000;

/// Bytes that the system may keep for us while we are busy, as far as it grants them: hundreds of
/// proxies answer at once.
const RECEIVE_BYTES: usize = 1024 * 1024;

/// RFC 6762 section 11.
const HOP_LIMIT: u32 = 255;

/// Pause after a socket failed, which would fail again at once.
const RETRY: Duration = Duration::from_millis(100);

/// Multicast DNS of this machine.
pub struct MdnsUdp {
    v4: Option<Family>,
    v6: Option<Family>,
}

/// The sockets of one address family, which are one socket: readiness and sending by the one, the
/// interface that a packet came in on by the other.
struct Family {
    ready: UdpSocket,
    packets: PktInfoUdpSocket,
    buffer: RefCell<Box<[u8]>>,
    /// What was joined: an interface, and for IPv4 its address.
    joined: RefCell<BTreeSet<(u32, Option<Ipv4Addr>)>>,
}

impl MdnsUdp {
    /// Opens the sockets, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system's, if it gives a socket of neither family: mostly that something has port 5353
    /// for itself alone.
    pub fn new() -> io::Result<Self> {
        let (v4, v6) = (Family::open(Domain::IPV4), Family::open(Domain::IPV6));
        if let (Err(_), Err(_)) = (&v4, &v6) {
            v4.as_ref()
                .map(drop)
                .map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        }
        for error in [v4.as_ref().err(), v6.as_ref().err()].into_iter().flatten() {
            tracing::debug!(%error, "multicast DNS has one address family only");
        }
        Ok(Self { v4: v4.ok(), v6: v6.ok() })
    }

    fn family(&self, v6: bool) -> Option<&Family> {
        if v6 { self.v6.as_ref() } else { self.v4.as_ref() }
    }
}

impl Family {
    fn open(domain: Domain) -> io::Result<Self> {
        let packets = PktInfoUdpSocket::new(domain)?;
        packets.set_reuse_address(true)?;
        #[cfg(unix)]
        packets.set_reuse_port(true)?;
        packets.set_nonblocking(true)?;
        let ready = packets.try_clone_std()?;
        // The system may grant less.
        let _ = SockRef::from(&ready).set_recv_buffer_size(RECEIVE_BYTES);
        let any: IpAddr = if domain == Domain::IPV4 {
            packets.set_multicast_ttl_v4(HOP_LIMIT)?;
            packets.set_multicast_loop_v4(true)?;
            SockRef::from(&ready).set_ttl_v4(HOP_LIMIT)?;
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            SockRef::from(&ready).set_only_v6(true)?;
            packets.set_multicast_hops_v6(HOP_LIMIT)?;
            packets.set_multicast_loop_v6(true)?;
            SockRef::from(&ready).set_unicast_hops_v6(HOP_LIMIT)?;
            Ipv6Addr::UNSPECIFIED.into()
        };
        packets.bind(&SocketAddr::new(any, PORT).into())?;
        Ok(Self {
            ready: UdpSocket::from_std(ready)?,
            packets,
            buffer: RefCell::new(vec![0; PACKET_BYTES].into()),
            joined: RefCell::default(),
        })
    }

    /// Joins the group where it is not joined yet, and forgets interfaces that are gone, where the
    /// system has left the group by itself.
    fn join(&self, wanted: &BTreeSet<(u32, Option<Ipv4Addr>)>) {
        let mut joined = self.joined.borrow_mut();
        joined.retain(|one| wanted.contains(one));
        for &(index, address) in wanted {
            if joined.contains(&(index, address)) {
                continue;
            }
            let done = match address {
                Some(address) => self.packets.join_multicast_v4(&GROUP_V4, &address),
                None => self.packets.join_multicast_v6(&GROUP_V6, index),
            };
            match done {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    tracing::debug!(%error, index, "cannot listen for multicast DNS there yet");
                }
                _ => _ = joined.insert((index, address)),
            }
        }
    }

    async fn recv(&self) -> Datagram {
        loop {
            let receive = || {
                self.skip_empty();
                let buffer = &mut self.buffer.borrow_mut()[..];
                let (length, info) = self.packets.recv(buffer)?;
                Ok(Datagram {
                    interface: u32::try_from(info.if_index).unwrap_or_default(),
                    source: info.addr_src,
                    multicast: info.addr_dst.is_multicast(),
                    bytes: Bytes::copy_from_slice(&buffer[..length]),
                })
            };
            match self.ready.async_io(Interest::READABLE, receive).await {
                Ok(datagram) => return datagram,
                // Such as the news that an earlier packet could not be delivered.
                Err(error) => {
                    tracing::debug!(%error, "multicast DNS socket");
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Takes empty datagrams, which for the crate that tells interfaces are errors, out of the way of
    /// those that hold something.
    fn skip_empty(&self) {
        let socket = SockRef::from(&self.ready);
        let mut byte = [MaybeUninit::uninit()];
        // Other outcomes are for who receives next.
        while matches!(socket.peek(&mut byte), Ok(0)) && socket.recv(&mut byte).is_ok() {}
    }

    async fn send(&self, interface: u32, to: SocketAddr, bytes: &Bytes) -> io::Result<()> {
        let address = self
            .joined
            .borrow()
            .iter()
            .find_map(|(index, address)| address.filter(|_| *index == interface));
        let send = || {
            // Right before, because it holds for all that is sent from then on.
            let socket = SockRef::from(&self.ready);
            match (to, address) {
                (SocketAddr::V4(_), Some(address)) => socket.set_multicast_if_v4(&address)?,
                (SocketAddr::V4(_), None) => return Err(io::ErrorKind::AddrNotAvailable.into()),
                (SocketAddr::V6(_), _) => socket.set_multicast_if_v6(interface)?,
            }
            self.ready.try_send_to(bytes, to)
        };
        loop {
            self.ready.writable().await?;
            match send() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return sent.map(drop),
            }
        }
    }
}

impl MdnsSocket for MdnsUdp {
    fn interfaces(&self) -> Vec<Interface> {
        let mut all = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::debug!(%error, "cannot list this machine's addresses");
            Vec::new()
        });
        all.retain(|one| one.is_oper_up() && !one.is_p2p());
        let interfaces: Vec<Interface> = all.iter().map(Interface::from).collect();
        let of = |v6: bool| {
            let interfaces = interfaces.iter().filter(move |i| i.address.is_ipv6() == v6);
            interfaces.map(|i| match i.address {
                IpAddr::V4(address) => (i.index, Some(address)),
                IpAddr::V6(_) => (i.index, None),
            })
        };
        for v6 in [false, true] {
            if let Some(family) = self.family(v6) {
                family.join(&of(v6).collect());
            }
        }
        interfaces
    }

    fn hears_unicast(&self) -> bool {
        // Systems give a datagram for a shared port to one of those who share it.
        false
    }

    async fn recv(&self) -> Datagram {
        let from = async |family: Option<&Family>| match family {
            Some(family) => family.recv().await,
            None => pending().await,
        };
        tokio::select! {
            biased;
            datagram = from(self.v4.as_ref()) => datagram,
            datagram = from(self.v6.as_ref()) => datagram,
        }
    }

    async fn send(&self, interface: u32, to: SocketAddr, bytes: &Bytes) -> io::Result<()> {
        match self.family(to.is_ipv6()) {
            Some(family) => family.send(interface, to, bytes).await,
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
