//! Where connections arrive.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::stream::FabricStream;
use super::{Handle, TcpSockets};
use crate::fabric::core::{Core, Shared};
use crate::fabric::host::clash;
use crate::fabric::limits::BACKLOG;
use crate::fabric::net::{find_port, gone, in_use};
use crate::fabric::packet::HostId;

pub(super) struct Listener {
    number: u64,
    pub(super) address: SocketAddr,
    /// Connections that are not accepted yet, open or not.
    pub(super) pending: usize,
    /// Those of them that are open.
    pub(super) ready: VecDeque<usize>,
    pub(super) wakers: Vec<Waker>,
}

impl Listener {
    pub(super) fn has_room(&self) -> bool {
        self.pending < BACKLOG
    }
}

impl TcpSockets {
    fn listener(&mut self, handle: Handle) -> Option<&mut Listener> {
        self.listeners.get_mut(handle.slot).filter(|listener| listener.number == handle.number)
    }

    fn is_taken(&self, address: SocketAddr) -> bool {
        let slots = self.by_port.get(&address.port()).into_iter().flatten();
        slots.copied().any(|slot| clash(self.listeners[slot].address, address))
    }
}

impl Core {
    fn tcp_listen(&mut self, host: HostId, address: SocketAddr) -> io::Result<Handle> {
        let mut address = self.bindable(host, address)?;
        if address.port() == 0 {
            find_port(self, |core| {
                address.set_port(core[host].next_port());
                !core[host].tcp.is_taken(address)
            })?;
        }
        self.sockets_made += 1;
        let number = self.sockets_made;
        let tcp = &mut self[host].tcp;
        if tcp.is_taken(address) {
            return Err(in_use(address));
        }
        let (ready, wakers) = (VecDeque::new(), Vec::new());
        let slot = tcp.listeners.insert(Listener { number, address, pending: 0, ready, wakers });
        tcp.by_port.entry(address.port()).or_default().push(slot);
        Ok(Handle { host, slot, number })
    }

    /// Those who wait to be accepted are reset.
    fn tcp_unlisten(&mut self, handle: Handle) {
        let tcp = &mut self[handle.host].tcp;
        if tcp.listener(handle).is_none() {
            return;
        }
        let listener = tcp.listeners.remove(handle.slot);
        let port = listener.address.port();
        if let Some(slots) = tcp.by_port.get_mut(&port) {
            slots.retain(|slot| *slot != handle.slot);
            if slots.is_empty() {
                tcp.by_port.remove(&port);
            }
        }
        let half_open = super::State::Accepting(handle.slot);
        let mut left: Vec<usize> = listener.ready.into();
        left.extend(tcp.conns.iter().filter(|(_, c)| c.state == half_open).map(|(slot, _)| slot));
        for slot in left {
            let conn = &mut self[handle.host].tcp.conns[slot];
            conn.orphan = true;
            if !conn.is_dead() {
                conn.reset();
            }
            self.tcp_pump(handle.host, slot);
        }
    }
}

/// A TCP listener of a simulated host.
pub struct FabricListener {
    shared: Rc<Shared>,
    handle: Handle,
    address: SocketAddr,
}

impl FabricListener {
    pub(in crate::fabric) fn open(
        shared: &Rc<Shared>,
        host: HostId,
        address: SocketAddr,
    ) -> io::Result<Self> {
        let (handle, address) = shared.with(|core| {
            let handle = core.tcp_listen(host, address)?;
            io::Result::Ok((handle, core[host].tcp.listeners[handle.slot].address))
        })?;
        Ok(Self { shared: Rc::clone(shared), handle, address })
    }
}

impl proxy::Listener for FabricListener {
    type Stream = FabricStream;

    async fn accept(&self) -> io::Result<(FabricStream, SocketAddr)> {
        let owner = self.shared.current_process();
        let accepted = poll_fn(|cx| {
            self.shared.with(|core| {
                let host = self.handle.host;
                let tcp = &mut core[host].tcp;
                let listener = tcp.listener(self.handle).ok_or_else(gone)?;
                let Some(slot) = listener.ready.pop_front() else {
                    if !listener.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                        listener.wakers.push(cx.waker().clone());
                    }
                    return Poll::Pending;
                };
                listener.pending -= 1;
                let conn = &mut tcp.conns[slot];
                conn.owner = owner;
                let handle = Handle { host, slot, number: conn.number };
                Poll::Ready(io::Result::Ok((handle, conn.local, conn.remote)))
            })
        });
        let (handle, local, remote) = accepted.await?;
        Ok((FabricStream::new(&self.shared, handle, local, remote), remote))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for FabricListener {
    fn drop(&mut self) {
        self.shared.with(|core| core.tcp_unlisten(self.handle));
    }
}
