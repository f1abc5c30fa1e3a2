//! The real network: tokio's sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::net::{Interface, Listener, Net, Stream};

/// Connections that the kernel keeps for us while we are busy: a thousand pages at once.
const BACKLOG: i32 = 1024;

/// Bytes that a socket takes ahead of what it has sent. Without it Linux takes up to 4 MiB for a
/// slow reader, behind which a ping waits until the reader seems dead.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const NOT_SENT_BYTES: u32 = 128 * 1024;

/// The network of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioNet;

impl Stream for TcpStream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Not poll_write: that one counts against the task's budget and would tell a fan-out to
        // more than a hundred readers that the rest of them is full. And past tokio, which
        // remembers that the socket was full until the system says otherwise: Linux does when a
        // third of its send buffer is free, for a slow reader after minutes. To look there would
        // also cost one more place in memory for each reader.
        SockRef::from(&*self).send(bytes)
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        tune(&stream);
        Ok((stream, peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

impl Net for TokioNet {
    type Stream = TcpStream;
    type Listener = TcpListener;

    async fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // On Unix this allows a restart while old connections fade (TIME_WAIT); on Windows it
        // would let two programs share the port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        tune(&stream);
        Ok(stream)
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    fn interfaces(&self) -> Vec<Interface> {
        let all = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot list this machine's addresses; only loopback is known");
            Vec::new()
        });
        all.iter().map(Interface::from).collect()
    }

    fn host_name(&self) -> String {
        gethostname::gethostname().to_string_lossy().into_owned()
    }
}

impl From<&if_addrs::Interface> for Interface {
    fn from(interface: &if_addrs::Interface) -> Self {
        Self {
            address: interface.ip(),
            prefix_bits: match &interface.addr {
                if_addrs::IfAddr::V4(v4) => v4.prefixlen,
                if_addrs::IfAddr::V6(v6) => v6.prefixlen,
            },
            index: interface.index.unwrap_or(0),
        }
    }
}

/// Sets what suits a relay. A peer that is gone already makes this fail on some systems; reading
/// from it will tell.
fn tune(stream: &TcpStream) {
    // Messages are written whole: Nagle's algorithm would only hold them back.
    let _ = stream.set_nodelay(true);
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(NOT_SENT_BYTES);
}

/// Whether an error of [`Net::listen`] says that this host has no such kind of address, as one
/// without IPv6 does.
#[must_use]
pub(crate) fn is_unsupported(error: &io::Error, address: IpAddr) -> bool {
    address.is_unspecified()
        && address.is_ipv6()
        && matches!(
            error.kind(),
            io::ErrorKind::Unsupported
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::InvalidInput
        )
        || error.raw_os_error() == Some(EAFNOSUPPORT)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const EAFNOSUPPORT: i32 = 97;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const EAFNOSUPPORT: i32 = 47;
#[cfg(windows)]
const EAFNOSUPPORT: i32 = 10047;
