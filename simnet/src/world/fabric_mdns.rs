//! Multicast DNS of a simulated host: what the proxy's own engine speaks over.

use std::future::{pending, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use bytes::Bytes;
use proxy::mdns::{GROUP_V4, GROUP_V6, PORT};
use proxy::{Datagram, Interface, MdnsSocket, Net};

use crate::fabric::{HostNet, UdpSocket, UdpSpec};

/// Port 5353 of one host, which all its programs share.
pub(super) struct FabricMdns {
    net: HostNet,
    v4: UdpSocket,
    v6: UdpSocket,
}

impl FabricMdns {
    /// Opens it for a program of that host.
    ///
    /// # Errors
    ///
    /// The host has no power.
    pub(super) fn open(net: HostNet) -> io::Result<Self> {
        let open = |any: IpAddr| net.udp(UdpSpec::shared((any, PORT).into()));
        let (v4, v6) = (open(Ipv4Addr::UNSPECIFIED.into())?, open(Ipv6Addr::UNSPECIFIED.into())?);
        Ok(Self { net, v4, v6 })
    }

    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<io::Result<Datagram>> {
        let mut poll = self.v4.poll_recv(cx);
        if poll.is_pending() {
            poll = self.v6.poll_recv(cx);
        }
        poll.map_ok(|datagram| Datagram {
            interface: datagram.interface,
            source: datagram.source,
            multicast: datagram.destination.ip().is_multicast(),
            bytes: datagram.payload,
        })
    }
}

impl MdnsSocket for FabricMdns {
    fn interfaces(&self) -> Vec<Interface> {
        let interfaces = self.net.interfaces();
        for interface in &interfaces {
            // It fails for an interface that has just gone, which the next look tells.
            let _ = match interface.address {
                IpAddr::V4(_) => self.v4.join(GROUP_V4.into(), interface.index),
                IpAddr::V6(_) => self.v6.join(GROUP_V6.into(), interface.index),
            };
        }
        interfaces
    }

    fn hears_unicast(&self) -> bool {
        false
    }

    async fn recv(&self) -> Datagram {
        match poll_fn(|cx| self.poll_recv(cx)).await {
            Ok(datagram) => datagram,
            // Without power, nothing comes any more.
            Err(_) => pending().await,
        }
    }

    async fn send(&self, interface: u32, to: SocketAddr, bytes: &Bytes) -> io::Result<()> {
        let socket = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        socket.send_to(bytes.clone(), to, Some(interface))
    }
}
