//! [`Net`] on [turmoil](https://docs.rs/turmoil): for worlds of up to some 40 proxies.
//!
//! What to know of it: TCP never retransmits, so a partition stalls a stream for ever, also after
//! the repair, and connecting into one is refused at once; addresses are assigned to hosts by name,
//! one each; and only the unspecified and loopback addresses can be listened on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use proxy::{Interface, Listener, Net, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// All hosts of a simulation are on one network of this size.
const PREFIX_BITS: u8 = 16;

/// The network of one turmoil host.
#[derive(Clone, Debug)]
pub struct TurmoilNet {
    host: String,
    address: IpAddr,
}

impl TurmoilNet {
    /// The network as the host of this name sees it. Call it within that host's software.
    #[must_use]
    pub fn of(host: &str) -> Self {
        Self { host: host.to_owned(), address: turmoil::lookup(host) }
    }

    /// The host's address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

/// A turmoil TCP connection.
#[derive(Debug)]
pub struct TurmoilStream(TcpStream);

/// A turmoil TCP listener.
pub struct TurmoilListener(TcpListener);

impl Stream for TurmoilStream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }
}

impl AsyncRead for TurmoilStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TurmoilStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Listener for TurmoilListener {
    type Stream = TurmoilStream;

    async fn accept(&self) -> io::Result<(TurmoilStream, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((TurmoilStream(stream), peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Net for TurmoilNet {
    type Stream = TurmoilStream;
    type Listener = TurmoilListener;

    async fn listen(&self, address: SocketAddr) -> io::Result<TurmoilListener> {
        Ok(TurmoilListener(TcpListener::bind(address).await?))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TurmoilStream> {
        Ok(TurmoilStream(TcpStream::connect(address).await?))
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::new(turmoil::lookup(host), port)])
    }

    fn interfaces(&self) -> Vec<Interface> {
        vec![Interface { address: self.address, prefix_bits: PREFIX_BITS, index: 1 }]
    }

    fn host_name(&self) -> String {
        self.host.clone()
    }
}
