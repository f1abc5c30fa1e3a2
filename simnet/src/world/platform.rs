//! What a world is run on: the fabric, turmoil, or this machine's own loopback.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use proxy::{Discovery, Net};
use rand_chacha::ChaCha8Rng;

use crate::event::{FaultNo, HostNo, ProxyNo};
use crate::scenario::planned::Trouble;

/// A program that runs on a host.
pub(crate) type Program = Pin<Box<dyn Future<Output = ()>>>;

/// Hosts, the network between them, and what can go wrong with both.
///
/// An engine knows nothing of proxies' and clients' behaviour; the world knows nothing of packets.
pub(crate) trait Platform: 'static {
    /// The network as one host sees it.
    type Net: Net;
    /// How a proxy is found.
    type Discovery: Discovery;
    /// A program that runs.
    type Process: Process;

    /// Time since the start of the world.
    fn now(&self) -> Duration;

    /// Where proxies of this host listen.
    fn bind(&self, host: HostNo) -> Vec<IpAddr>;

    /// How programs of this host call it.
    fn localhost(&self, host: HostNo) -> IpAddr;

    /// The name under which others find this host.
    fn name(&self, host: HostNo) -> String;

    /// The network of a host. Called within a program of that host.
    fn net(&self, host: HostNo) -> Self::Net;

    /// The discovery of a proxy, with randomness of its own. Called within its program.
    fn discovery(&self, proxy: ProxyNo, rng: ChaCha8Rng) -> Self::Discovery;

    /// Starts a program.
    fn spawn(&self, host: HostNo, program: Program) -> Self::Process;

    /// The network's and the hosts' part of a fault begins. Programs of hosts that lose power are
    /// ended by this.
    fn begin(&self, number: FaultNo, what: &Trouble);

    /// It is over. Programs of hosts that lost power are not started by this.
    fn end(&self, number: FaultNo, what: &Trouble);
}

/// A program that runs, or did.
pub(crate) trait Process: 'static {
    /// Ends it as the system does: its sockets are closed, its code runs no more.
    fn kill(&self);

    /// Ready when nothing of it is left.
    fn ended(&self) -> impl Future<Output = ()>;

    /// Sockets that it has open beside listeners, and its tasks, if the engine counts them.
    fn counts(&self) -> (Option<u32>, Option<u32>);
}
