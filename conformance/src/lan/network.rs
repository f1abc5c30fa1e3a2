//! A network: the switch, and the maker of hosts.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::host::{Cable, Host};
use super::namespace::Namespace;
use super::or_skip;
use crate::case::Step;
use crate::log::{Direction, Log};

/// A network whose hosts hear each other's multicast.
#[derive(Debug)]
pub struct Lan {
    number: u8,
    hosts: AtomicU8,
    pub(super) switches: Arc<Switches>,
}

/// Where the bridges of all networks of one case are.
#[derive(Debug)]
pub(super) struct Switches {
    pub(super) namespace: Namespace,
    networks: AtomicU8,
    ports: AtomicU8,
    pub(super) log: Log,
}

impl Lan {
    /// A network without hosts.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, where there can be none.
    pub fn new(log: &Log) -> Step<Self> {
        or_skip(|| Self::build(log))
    }

    pub(super) fn build(log: &Log) -> io::Result<Self> {
        Self::on(Arc::new(Switches {
            namespace: Namespace::new()?,
            networks: AtomicU8::new(0),
            ports: AtomicU8::new(0),
            log: log.clone(),
        }))
    }

    /// Another network, which no host is on yet; no multicast passes from one to the other.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, where there can be none.
    pub fn second_network(&self) -> Step<Self> {
        or_skip(|| Self::on(Arc::clone(&self.switches)))
    }

    fn on(switches: Arc<Switches>) -> io::Result<Self> {
        let number = switches.networks.fetch_add(1, Ordering::Relaxed);
        // Snooping would wait for membership reports before it passes anything on.
        switches.namespace.ip(&format!(
            "link add lan{number} type bridge mcast_snooping 0\nlink set lan{number} up"
        ))?;
        Ok(Self { number, hosts: AtomicU8::new(0), switches })
    }

    /// A host on this network.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, where there can be none.
    pub fn host(&self, name: &str) -> Step<Host> {
        or_skip(|| self.build_host(name))
    }

    pub(super) fn build_host(&self, name: &str) -> io::Result<Host> {
        let host = Host::build(name)?;
        self.plug(&host)?;
        Ok(host)
    }

    /// Puts a host that exists on this network too.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, if that fails.
    pub fn connect(&self, host: &Host) -> Step {
        or_skip(|| self.plug(host))
    }

    fn plug(&self, host: &Host) -> io::Result<()> {
        let (lan, n) = (self.number, self.hosts.fetch_add(1, Ordering::Relaxed) + 1);
        let low = u16::from(lan) << 8 | u16::from(n);
        let cable = Cable {
            switches: Arc::clone(&self.switches),
            network: format!("lan{lan}"),
            port: format!("p{}", self.switches.ports.fetch_add(1, Ordering::Relaxed)),
            v4: Ipv4Addr::new(10, 77, lan, n),
            v6: Ipv6Addr::new(0xfd77, 0, 0, lan.into(), 0, 0, 0, n.into()),
            link_local: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, low),
        };
        let Cable { port, v4, v6, link_local, .. } = &cable;
        let (interface, pid) = (host.next_interface(), host.namespace.pid());
        self.switches.namespace.ip(&format!(
            "link add {port} type veth peer name {interface} \
             address 02:00:00:00:{lan:02x}:{n:02x} netns {pid}\n\
             link set {port} up"
        ))?;
        host.namespace.ip(&format!(
            "link set {interface} up\n\
             addr add {v4}/24 broadcast + dev {interface}\n\
             addr add {v6}/64 dev {interface} nodad"
        ))?;
        cable.plug()?;
        let what = format!("is {v4}, {v6} and {link_local}");
        self.switches.log.add(host.name(), Direction::Note, what);
        host.add(cable);
        Ok(())
    }
}
