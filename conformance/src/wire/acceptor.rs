//! Where the target dials the suite.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use rustix::event::PollFlags;

use super::frame::Role;
use super::tcp::{Wire, poll};
use crate::case::{Step, Stop};
use crate::lan::Host;
use crate::log::{Direction, Log};

/// Listens for the target.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    name: String,
    log: Log,
}

impl Acceptor {
    /// Listens on a free port of `host`, on all its addresses of IPv4.
    ///
    /// # Errors
    ///
    /// There is no socket.
    pub fn on(host: &Host, name: &str, log: &Log) -> Step<Self> {
        Self::at(host, (Ipv4Addr::UNSPECIFIED, 0).into(), name, log)
    }

    /// Listens at this address of `host`; port 0 is a free one.
    ///
    /// # Errors
    ///
    /// There is no socket, or the port is taken.
    pub fn at(host: &Host, address: SocketAddr, name: &str, log: &Log) -> Step<Self> {
        Self::bind(Some(host), address, name, log)
    }

    /// Listens on a free port of loopback, on `host` or on this machine.
    ///
    /// # Errors
    ///
    /// There is no socket.
    pub fn on_loopback(host: Option<&Host>, name: &str, log: &Log) -> Step<Self> {
        Self::bind(host, (Ipv4Addr::LOCALHOST, 0).into(), name, log)
    }

    fn bind(host: Option<&Host>, address: SocketAddr, name: &str, log: &Log) -> Step<Self> {
        let bind = || TcpListener::bind(address);
        let listener = host.map_or_else(bind, |host| host.enter(bind));
        let listener = listener.map_err(|e| Stop::fail("a socket", e.to_string()))?;
        Ok(Self { listener, name: name.to_owned(), log: log.clone() })
    }

    /// Where it listens.
    ///
    /// # Panics
    ///
    /// A listener has an address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a listener has an address")
    }

    /// The port.
    ///
    /// # Panics
    ///
    /// A listener has an address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// The next connection of the target.
    ///
    /// # Errors
    ///
    /// None came in time.
    pub fn accept(&self, limit: Duration) -> Step<Wire> {
        let expected = || format!("a connection to {} port {}", self.name, self.port());
        match self.try_accept(limit)? {
            Some(wire) => Ok(wire),
            None => {
                Err(Stop::fail(expected(), format!("none within {:.1} s", limit.as_secs_f64())))
            }
        }
    }

    /// The next connection of the target, or None if there is none in time.
    ///
    /// # Errors
    ///
    /// The socket is broken.
    pub fn try_accept(&self, limit: Duration) -> Step<Option<Wire>> {
        if !poll(&self.listener, PollFlags::IN, limit)? {
            return Ok(None);
        }
        let (stream, from) =
            self.listener.accept().map_err(|e| Stop::fail("a connection", e.to_string()))?;
        self.log.add(&self.name, Direction::Note, format!("accepted a connection of {from}"));
        Wire::on(stream, Role::Server, "", &self.name, &self.log).map(Some)
    }
}
