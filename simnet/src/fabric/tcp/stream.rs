//! A connection as a program holds it.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use send_wrapper::SendWrapper;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Handle;
use super::conn::{Conn, State};
use crate::fabric::core::Shared;
use crate::fabric::net::gone;
use crate::fabric::packet::HostId;

/// A TCP connection of a simulated host. It may be moved to another thread, as some libraries
/// ask, but not be used there: a fabric lives on one.
pub struct FabricStream {
    shared: SendWrapper<Rc<Shared>>,
    handle: Handle,
    local: SocketAddr,
    remote: SocketAddr,
}

impl FabricStream {
    pub(super) fn new(
        shared: &Rc<Shared>,
        handle: Handle,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Self {
        Self { shared: SendWrapper::new(Rc::clone(shared)), handle, local, remote }
    }

    pub(in crate::fabric) async fn connect(
        shared: &Rc<Shared>,
        host: HostId,
        to: SocketAddr,
    ) -> io::Result<Self> {
        let owner = shared.current_process();
        let (handle, local, remote) = shared.with(|core| {
            let handle = core.tcp_connect(host, to, owner)?;
            let conn = &core[host].tcp.conns[handle.slot];
            io::Result::Ok((handle, conn.local, conn.remote))
        })?;
        // Dropped, it gives the connection up.
        let stream = Self::new(shared, handle, local, remote);
        poll_fn(|cx| {
            stream.with(|conn| match (conn.state, conn.error.take()) {
                (_, Some(error)) => Poll::Ready(Err(error.into())),
                (State::Connecting, None) => {
                    conn.writer = Some(cx.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(Ok(())),
            })
        })
        .await?;
        Ok(stream)
    }

    /// Its own address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The other side's.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.remote
    }

    /// Does something with the connection, without sending anything.
    fn with<T>(&self, f: impl FnOnce(&mut Conn) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.shared.with(|core| match core[self.handle.host].tcp.conn(self.handle) {
            Some(conn) => f(conn),
            None => Poll::Ready(Err(gone())),
        })
    }

    /// Does something with the connection, then sends what follows from it.
    fn pump<T>(&self, f: impl FnOnce(&mut Conn) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.shared.with(|core| {
            let Handle { host, slot, .. } = self.handle;
            let Some(conn) = core[host].tcp.conn(self.handle) else {
                return Poll::Ready(Err(gone()));
            };
            let result = f(conn);
            if matches!(result, Poll::Ready(Ok(_))) {
                core.tcp_pump(host, slot);
            }
            result
        })
    }

    fn write(
        &self,
        cx: Option<&mut Context<'_>>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pump(|conn| {
            if let Some(error) = conn.error.take() {
                return Poll::Ready(Err(error.into()));
            }
            if conn.state != State::Open || conn.sender.fin {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let mut written = 0;
            for slice in slices {
                let taken = conn.sender.write(slice);
                written += taken;
                if taken < slice.len() {
                    break;
                }
            }
            if written > 0 || slices.iter().all(|slice| slice.is_empty()) {
                return Poll::Ready(Ok(written));
            }
            if let Some(cx) = cx {
                conn.writer = Some(cx.waker().clone());
            }
            Poll::Pending
        })
    }
}

impl proxy::Stream for FabricStream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.write(None, &[io::IoSlice::new(bytes)]) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl AsyncRead for FabricStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut acknowledge = false;
        let result = self.with(|conn| {
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if conn.receiver.read(buffer) > 0 {
                acknowledge = conn.has_read();
                return Poll::Ready(Ok(()));
            }
            if conn.receiver.finished {
                return Poll::Ready(Ok(()));
            }
            match conn.error.take() {
                Some(error) => Poll::Ready(Err(error.into())),
                None if conn.is_dead() => Poll::Ready(Ok(())),
                None => {
                    conn.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        });
        if acknowledge {
            return self.pump(|_| Poll::Ready(Ok(())));
        }
        result
    }
}

impl AsyncWrite for FabricStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(Some(cx), &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(Some(cx), slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pump(|conn| {
            if conn.is_dead() {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            }
            conn.finish();
            Poll::Ready(Ok(()))
        })
    }
}

impl Drop for FabricStream {
    fn drop(&mut self) {
        self.shared.with(|core| {
            let now = core.now();
            let Handle { host, slot, .. } = self.handle;
            if let Some(conn) = core[host].tcp.conn(self.handle) {
                conn.close(now);
                core.tcp_pump(host, slot);
            }
        });
    }
}
