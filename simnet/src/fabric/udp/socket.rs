//! A UDP socket as a program holds it.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Datagram, Handle, UdpSpec};
use crate::fabric::core::Shared;
use crate::fabric::limits::UDP_OVERHEAD;
use crate::fabric::net::gone;
use crate::fabric::packet::HostId;

/// A UDP socket of a simulated host. Sending never waits: what does not fit is lost.
pub struct UdpSocket {
    shared: Rc<Shared>,
    handle: Handle,
    local: SocketAddr,
}

impl UdpSocket {
    pub(in crate::fabric) fn open(
        shared: &Rc<Shared>,
        host: HostId,
        spec: UdpSpec,
    ) -> io::Result<Self> {
        let (handle, local) = shared.with(|core| {
            let handle = core.udp_open(host, spec)?;
            let socket = core[host].udp.find(handle).expect("it was just made");
            io::Result::Ok((handle, socket.spec.address))
        })?;
        Ok(Self { shared: Rc::clone(shared), handle, local })
    }

    /// Its address, with the port that it was given.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Hears a multicast group on an interface.
    ///
    /// # Errors
    ///
    /// No group, no such interface, or the host has lost its power since.
    pub fn join(&self, group: IpAddr, interface: u32) -> io::Result<()> {
        self.shared.with(|core| core.udp_join(self.handle, group, interface, true))
    }

    /// Hears it no longer.
    ///
    /// # Errors
    ///
    /// As for [`join`](UdpSocket::join).
    pub fn leave(&self, group: IpAddr, interface: u32) -> io::Result<()> {
        self.shared.with(|core| core.udp_join(self.handle, group, interface, false))
    }

    /// Sends a datagram to an address, or to a group on the interface that its scope or
    /// `interface` names; without either, on the first that has an address of its family.
    ///
    /// # Errors
    ///
    /// No route, too large, another family, or the host has lost its power since. That it was
    /// lost on its way is nobody told.
    pub fn send_to(
        &self,
        payload: impl Into<Bytes>,
        to: SocketAddr,
        interface: Option<u32>,
    ) -> io::Result<()> {
        self.shared.with(|core| core.udp_send(self.handle, payload.into(), to, interface))
    }

    /// The next datagram. May be dropped and called again without losing any.
    ///
    /// # Errors
    ///
    /// The host has lost its power since.
    pub async fn recv(&self) -> io::Result<Datagram> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next datagram, if there is one; else the task is woken when there may be. Only the
    /// task that asked last is.
    ///
    /// # Errors
    ///
    /// The host has lost its power since.
    pub fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<io::Result<Datagram>> {
        self.shared.with(|core| {
            let socket = core[self.handle.host].udp.find(self.handle);
            let socket = socket.ok_or_else(gone)?;
            match socket.queue.pop_front() {
                Some(datagram) => {
                    socket.bytes -= datagram.payload.len() + UDP_OVERHEAD;
                    Poll::Ready(Ok(datagram))
                }
                None => {
                    socket.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.shared.with(|core| core.udp_close(self.handle));
    }
}
