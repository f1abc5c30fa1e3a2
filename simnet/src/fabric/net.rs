//! The network as the programs of one host see it.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use proxy::{Interface, Net};

use super::core::{Core, Shared};
use super::host::{LOOPBACK, scoped};
use super::limits::EPHEMERAL_PORTS;
use super::packet::HostId;
use super::tcp::{FabricListener, FabricStream};
use super::udp::{UdpSocket, UdpSpec};

/// The network of one host of a fabric.
#[derive(Clone)]
pub struct HostNet {
    shared: Rc<Shared>,
    host: HostId,
}

impl HostNet {
    pub(super) fn new(shared: &Rc<Shared>, host: HostId) -> Self {
        Self { shared: Rc::clone(shared), host }
    }

    /// Whose network it is.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.host
    }

    /// Opens a UDP socket.
    ///
    /// # Errors
    ///
    /// The port is in use, the address is not this host's, or the host is off.
    pub fn udp(&self, spec: UdpSpec) -> io::Result<UdpSocket> {
        UdpSocket::open(&self.shared, self.host, spec)
    }
}

impl Net for HostNet {
    type Stream = FabricStream;
    type Listener = FabricListener;

    async fn listen(&self, address: SocketAddr) -> io::Result<FabricListener> {
        FabricListener::open(&self.shared, self.host, address)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<FabricStream> {
        FabricStream::connect(&self.shared, self.host, address).await
    }

    /// Knows literals, `localhost`, and the fabric's hosts by name, with or without `.local`.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let (bare, lan) = (host.trim_end_matches('.'), ".local");
        let bare = bare.strip_suffix(lan).unwrap_or(bare);
        let found = self.shared.with(|core| core.addresses_of(self.host, bare, port));
        if found.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no host is called {host:?} in this fabric"),
            ));
        }
        Ok(found)
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.shared.with(|core| {
            let plugged = core[self.host].indexed().filter(|(_, interface)| interface.plugged);
            let all = plugged.flat_map(|(index, interface)| {
                let own = interface.addresses.iter();
                own.map(move |&(address, prefix_bits)| Interface { address, prefix_bits, index })
            });
            all.collect()
        })
    }

    fn host_name(&self) -> String {
        self.shared.with(|core| core[self.host].name.clone())
    }
}

impl Core {
    /// The addresses of the host of this name as `asker` may use them: IPv4 first.
    fn addresses_of(&self, asker: HostId, name: &str, port: u16) -> Vec<SocketAddr> {
        let own = name == "localhost";
        let Some(host) = self.names.get(name).copied().or(own.then_some(asker)) else {
            return Vec::new();
        };
        let inside = own || host == asker;
        let interfaces = self[host].indexed().filter(|(index, _)| (*index == LOOPBACK) == inside);
        let mut all: Vec<SocketAddr> = interfaces
            .flat_map(|(_, interface)| interface.addresses.iter())
            .map(|(address, _)| SocketAddr::new(*address, port))
            .filter(|address| !super::host::is_link_local(address.ip()))
            .collect();
        all.sort();
        all
    }

    /// `address` if the host may listen on it.
    pub(super) fn bindable(&self, host: HostId, address: SocketAddr) -> io::Result<SocketAddr> {
        let here = &self[host];
        if !here.is_on() {
            return Err(gone());
        }
        if address.ip().is_unspecified() || address.ip().is_multicast() {
            return Ok(super::host::bare(address));
        }
        match here.owner(address.ip()) {
            Some(index) => Ok(scoped(address, index)),
            None => Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("{} is no address of {}", address.ip(), here.name),
            )),
        }
    }
}

/// Lets `is_free` try one ephemeral port after the other.
pub(super) fn find_port(
    core: &mut Core,
    mut is_free: impl FnMut(&mut Core) -> bool,
) -> io::Result<()> {
    if EPHEMERAL_PORTS.into_iter().any(|_| is_free(core)) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "all ephemeral ports are in use"))
}

pub(super) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

pub(super) fn in_use(address: SocketAddr) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, format!("{address} is in use"))
}

pub(super) fn no_route(to: SocketAddr) -> io::Error {
    io::Error::new(io::ErrorKind::NetworkUnreachable, format!("no interface leads to {to}"))
}

pub(super) fn no_interface(index: u32) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no interface has the index {index}"))
}

/// The socket went with the power of its host.
pub(super) fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the host has lost its power, and its sockets")
}
