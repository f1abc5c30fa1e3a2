//! The network as the proxy sees it: real, but for the fault.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use proxy::{Interface, Listener, Net, TokioNet};
use tokio::net::TcpListener;

use crate::fault::Fault;
use crate::line::Side;
use crate::shared::Shared;
use crate::stream::Sabotaged;

/// The network of a wrong proxy.
#[derive(Clone)]
pub(crate) struct SabotagedNet {
    pub(crate) fault: &'static Fault,
    pub(crate) shared: Arc<Shared>,
}

/// A listener of a wrong proxy.
pub(crate) struct SabotagedListener {
    listener: TcpListener,
    net: SabotagedNet,
}

impl Listener for SabotagedListener {
    type Stream = Sabotaged;

    async fn accept(&self) -> io::Result<(Sabotaged, SocketAddr)> {
        let (stream, peer) = Listener::accept(&self.listener).await?;
        let SabotagedNet { fault, shared } = &self.net;
        let told = fault.peer.map_or(peer, |lie| lie(peer));
        Ok((Sabotaged::new(stream, fault, shared, Side::Accepted, peer)?, told))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Listener::local_addr(&self.listener)
    }
}

impl Net for SabotagedNet {
    type Stream = Sabotaged;
    type Listener = SabotagedListener;

    async fn listen(&self, address: SocketAddr) -> io::Result<SabotagedListener> {
        Ok(SabotagedListener { listener: TokioNet.listen(address).await?, net: self.clone() })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Sabotaged> {
        let address = self.fault.connect.map_or(address, |lead| lead(address, &self.shared));
        let stream = TokioNet.connect(address).await?;
        Sabotaged::new(stream, self.fault, &self.shared, Side::Dialled, address)
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        TokioNet.resolve(host, port).await
    }

    fn interfaces(&self) -> Vec<Interface> {
        let mut interfaces = TokioNet.interfaces();
        if let Some(change) = self.fault.interfaces {
            change(&mut interfaces);
        }
        interfaces
    }

    fn host_name(&self) -> String {
        TokioNet.host_name()
    }
}
