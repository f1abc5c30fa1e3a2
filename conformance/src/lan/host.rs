//! One machine of the network.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::namespace::Namespace;
use super::network::Switches;
use super::or_skip;
use crate::case::Step;
use crate::log::Direction;

/// For failures only.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// A machine: a network namespace, and the programs that run in it.
///
/// When it is dropped they are killed.
#[derive(Debug)]
pub struct Host {
    name: String,
    pub(super) namespace: Namespace,
    cables: Mutex<Vec<Cable>>,
}

/// From a host to a switch.
#[derive(Debug)]
pub(super) struct Cable {
    pub(super) switches: Arc<Switches>,
    pub(super) network: String,
    pub(super) port: String,
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
    pub(super) link_local: Ipv6Addr,
}

impl Host {
    /// A host with no network but loopback.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, where there can be none.
    pub fn alone(name: &str) -> Step<Self> {
        or_skip(|| Self::build(name))
    }

    pub(super) fn build(name: &str) -> io::Result<Self> {
        let namespace = Namespace::new()?;
        Ok(Self { name: name.to_owned(), namespace, cables: Mutex::default() })
    }

    /// As the case calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address on the first of its networks; loopback if it has none.
    #[must_use]
    pub fn v4(&self) -> Ipv4Addr {
        self.cables().first().map_or(Ipv4Addr::LOCALHOST, |cable| cable.v4)
    }

    /// Its address on the first of its networks; loopback if it has none.
    #[must_use]
    pub fn v6(&self) -> Ipv6Addr {
        self.cables().first().map_or(Ipv6Addr::LOCALHOST, |cable| cable.v6)
    }

    /// The address that its first interface gave itself; loopback if it has none.
    #[must_use]
    pub fn link_local(&self) -> Ipv6Addr {
        self.cables().first().map_or(Ipv6Addr::LOCALHOST, |cable| cable.link_local)
    }

    /// Its address on each of its networks.
    #[must_use]
    pub fn all_v4(&self) -> Vec<Ipv4Addr> {
        self.cables().iter().map(|cable| cable.v4).collect()
    }

    /// Runs `work` on a thread of this host. Sockets that it makes stay here.
    ///
    /// # Panics
    ///
    /// If `work` does, or the kernel takes back a namespace that it gave.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.enter(work).expect("whoever made a namespace may enter it")
    }

    /// Starts a program here. It ends with this host at the latest.
    ///
    /// # Errors
    ///
    /// Those of [`Command::spawn`].
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        self.namespace.spawn(command)
    }

    /// From now on nothing passes between it and any switch. It does not see that: its interfaces
    /// stay up, as where the break is further off.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, if that fails.
    pub fn cut(&self) -> Step {
        self.for_each_cable("is cut", Cable::unplug)
    }

    /// From now on everything passes again.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, if that fails.
    pub fn repair(&self) -> Step {
        self.for_each_cable("is whole again", Cable::plug)
    }

    fn for_each_cable(&self, what: &str, change: impl Fn(&Cable) -> io::Result<()>) -> Step {
        for cable in &*self.cables() {
            or_skip(|| change(cable))?;
            cable.switches.log.add(&self.name, Direction::Note, format!("its cable {what}"));
        }
        Ok(())
    }

    /// Sends what is for no network of its own to `router`, a host on the same network.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, if that fails.
    pub fn set_router(&self, router: &Self) -> Step {
        let (v4, v6) = (router.v4(), router.v6());
        let script = format!("route add default via {v4}\nroute add default via {v6}");
        or_skip(|| self.namespace.ip(&script).map(drop))
    }

    pub(super) fn next_interface(&self) -> String {
        format!("eth{}", self.cables().len())
    }

    pub(super) fn add(&self, cable: Cable) {
        self.cables().push(cable);
    }

    fn cables(&self) -> MutexGuard<'_, Vec<Cable>> {
        self.cables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cable {
    /// Into the switch; from then on something gets through.
    pub(super) fn plug(&self) -> io::Result<()> {
        let Self { port, network, .. } = self;
        let start = Instant::now();
        // The kernel takes note of a cable with two ends when it gets round to it, and drops what
        // is sent until then.
        let script = format!("link show {port}\nlink set {port} master {network}");
        while !self.switches.namespace.ip(&script)?.contains("state UP") {
            if start.elapsed() > READY_LIMIT {
                return Err(io::Error::other(format!("{port} is still down")));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn unplug(&self) -> io::Result<()> {
        self.switches.namespace.ip(&format!("link set {} nomaster", self.port)).map(drop)
    }
}
