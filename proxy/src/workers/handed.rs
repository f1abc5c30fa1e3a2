//! A worker's network: the machine's own, but connections that arrive are handed over by the front.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::net::{Interface, Listener, Net};
use crate::tokio_net::TokioNet;

/// A connection that the front has accepted, from which nothing was read yet.
pub(super) type Arrival = (std::net::TcpStream, SocketAddr);

/// The network of one worker.
#[derive(Clone)]
pub(super) struct Handed(Rc<RefCell<Option<mpsc::UnboundedReceiver<Arrival>>>>);

/// Where they arrive. All arrive at the first listener, whichever address they came to.
pub(super) struct Door {
    address: SocketAddr,
    arrivals: RefCell<Option<mpsc::UnboundedReceiver<Arrival>>>,
}

impl Handed {
    pub(super) fn new(arrivals: mpsc::UnboundedReceiver<Arrival>) -> Self {
        Self(Rc::new(RefCell::new(Some(arrivals))))
    }
}

impl Listener for Door {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let next = poll_fn(|cx| match &mut *self.arrivals.borrow_mut() {
            Some(arrivals) => arrivals.poll_recv(cx),
            None => std::task::Poll::Ready(None),
        });
        match next.await {
            Some((stream, peer)) => Ok((TcpStream::from_std(stream)?, peer)),
            // The front has ended, or hands over elsewhere.
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Net for Handed {
    type Stream = TcpStream;
    type Listener = Door;

    async fn listen(&self, address: SocketAddr) -> io::Result<Door> {
        Ok(Door { address, arrivals: RefCell::new(self.0.take()) })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TokioNet.connect(address).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        TokioNet.resolve(host, port).await
    }

    fn interfaces(&self) -> Vec<Interface> {
        TokioNet.interfaces()
    }

    fn host_name(&self) -> String {
        TokioNet.host_name()
    }
}
