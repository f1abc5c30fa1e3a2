//! The network as the proxy sees it: listen, connect, and which networks this host is on.
//!
//! [`Net`] stands at the edges only (accepting and dialling). Behind them a connection is a boxed
//! [`Stream`], and channels, links and frames know nothing of where it came from. [`TokioNet`]
//! is the real network; simulators bring their own.
//!
//! [`TokioNet`]: crate::TokioNet

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connected byte stream, such as TCP.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Writes now what the stream will take, for whoever stands here: no waiting, and nobody is
    /// woken later on behalf of this call.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when the stream takes nothing now; the stream's own error
    /// when it is broken.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A task that waits to write polls again by itself once there is something to write, so
        // it loses nothing by the waker that this replaces.
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(self).poll_write(&mut cx, bytes) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes like [`try_write`](Stream::try_write), also if the stream is not known to take
    /// anything: systems say so late, when a good part of their buffer has drained.
    ///
    /// # Errors
    ///
    /// As for `try_write`.
    fn probe_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }
}

/// Where connections arrive.
pub trait Listener: 'static {
    /// What arrives.
    type Stream: Stream;

    /// Waits for the next connection. May be dropped and called again without losing any.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;

    /// The address that it listens on, with the port that the network chose for port 0.
    ///
    /// # Errors
    ///
    /// The network's own.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A network that a proxy lives on.
pub trait Net: Clone + 'static {
    /// Its connections, accepted and dialled.
    type Stream: Stream;
    /// Its listeners.
    type Listener: Listener<Stream = Self::Stream>;

    /// Listens on `address`. An unspecified IPv6 address means IPv6 alone, so that it stands
    /// beside the same port of IPv4.
    fn listen(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>>;

    /// Connects to `address`.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>>;

    /// The addresses of `host`, a name or an address literal, in the order to try them.
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>>;

    /// The addresses that this host has now, and the networks that they are on.
    fn interfaces(&self) -> Vec<Interface>;

    /// The name that this host gives itself.
    fn host_name(&self) -> String;
}

/// Multicast DNS datagrams of one host: UDP port 5353, which it shares with other responders, in the
/// groups 224.0.0.251 and ff02::fb on each interface that has an address of the family.
///
/// Like the network, it may lose any datagram and tells nobody.
pub trait MdnsSocket: 'static {
    /// The addresses that this host has now. Which of them it listens and sends on follows from
    /// this call, which is made at the start and every few seconds.
    fn interfaces(&self) -> Vec<Interface>;

    /// Whether a datagram to this host's port 5353 comes to this socket and no other. If so, some
    /// questions ask for answers by unicast, which spares everyone else (RFC 6762 sections 5.4
    /// and 15.1).
    fn hears_unicast(&self) -> bool;

    /// Waits for the next datagram. May be dropped and called again without losing any.
    fn recv(&self) -> impl Future<Output = Datagram>;

    /// Sends on the interface with this index, with hop limit 255, to one of the groups, where
    /// other sockets of this host hear it too, or to one host. May be dropped: then it was sent
    /// whole or not at all.
    ///
    /// # Errors
    ///
    /// The network's own; the datagram is lost then.
    fn send(
        &self,
        interface: u32,
        to: SocketAddr,
        bytes: &Bytes,
    ) -> impl Future<Output = io::Result<()>>;
}

/// A datagram that a [`MdnsSocket`] received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Index of the interface that it came in on.
    pub interface: u32,
    /// Who sent it.
    pub source: SocketAddr,
    /// Whether it was sent to one of the groups; if not, to this host alone.
    pub multicast: bool,
    /// Its payload, shared with whoever else heard it.
    pub bytes: Bytes,
}

/// One address of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The address.
    pub address: IpAddr,
    /// How many leading bits of it name the network.
    pub prefix_bits: u8,
    /// The interface's index, the scope of link-local IPv6 addresses on it.
    pub index: u32,
}

impl Interface {
    /// Whether `address` is on this interface's network.
    #[must_use]
    pub(crate) fn reaches(&self, address: IpAddr) -> bool {
        let (ours, theirs, bits) = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (u128::from(a.to_bits()), u128::from(b.to_bits()), 32)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
            _ => return false,
        };
        let host_bits = bits - u32::from(self.prefix_bits).min(bits);
        // A shift by all 128 bits would overflow: prefix 0 reaches everything.
        ours.checked_shr(host_bits) == theirs.checked_shr(host_bits)
    }
}

/// `address` without the IPv6 clothing that a dual-stack socket puts on IPv4 peers.
#[must_use]
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Whether an IPv6 address means something only together with an interface (RFC 4291 section
/// 2.5.6).
#[must_use]
pub(crate) fn is_link_local(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(address: &str, prefix_bits: u8) -> Interface {
        Interface { address: address.parse().unwrap(), prefix_bits, index: 1 }
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        let lan = on("10.0.0.1", 30);
        assert!(lan.reaches("10.0.0.3".parse().unwrap()));
        assert!(!lan.reaches("10.0.0.4".parse().unwrap()));
        assert!(on("10.0.0.1", 32).reaches("10.0.0.1".parse().unwrap()));
        assert!(!on("10.0.0.1", 32).reaches("10.0.0.2".parse().unwrap()));
        assert!(on("10.0.0.1", 0).reaches("192.0.2.1".parse().unwrap()));
        assert!(on("fd00::1", 64).reaches("fd00::ffff:1".parse().unwrap()));
        assert!(!on("fd00::1", 64).reaches("fd00:0:0:1::1".parse().unwrap()));
        assert!(on("::1", 0).reaches("fd00::1".parse().unwrap()));
        assert!(!on("10.0.0.1", 0).reaches("fd00::1".parse().unwrap()), "families are apart");
    }
}
