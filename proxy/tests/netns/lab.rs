//! Hosts, cables and switches.
//!
//! ```text
//!   nws7x1-1  eth0 ══╗                       ══ a veth pair
//!   nws7x1-2  eth0 ══╬══ br0 in nws7x1-0     a namespace for each host, and one for the switches
//!   nws7x1-3  eth0 ══╝
//!             eth1 ═════ br1                 a router: on both networks
//! ```
//!
//! Host N has 10.77.LAN.N/24 and fd77:0:0:LAN::N/64. Everything goes when its owner is dropped,
//! in a panic too; names hold the pid, so that runs side by side do not meet.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Networks of one lab.
const LANS: u8 = 2;

/// One network namespace.
pub(crate) struct Namespace {
    name: String,
    handle: File,
}

/// The switches, and the maker of hosts.
pub(crate) struct Lab {
    prefix: String,
    switches: Arc<Namespace>,
    hosts: Cell<u8>,
}

/// The addresses that a host has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    Both,
    V4,
    V6,
    /// Only the IPv6 address that every interface gives itself.
    LinkLocal,
}

/// A host, by its cables on one or more networks.
pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    number: u8,
    stack: Stack,
    lans: Vec<u8>,
    switches: Arc<Namespace>,
}

impl Lab {
    /// None, with the reason said, where there can be no lab.
    pub(crate) fn new() -> Option<Self> {
        static LABS: AtomicU32 = AtomicU32::new(1);
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("nws{}x{number}", std::process::id());
        let switches = Namespace::new(format!("{prefix}-0"))
            .map_err(|error| unavailable(&format!("no network namespaces: {error}")))
            .ok()?;
        for lan in 0..LANS {
            switches
                .ip(&format!("link add br{lan} type bridge mcast_snooping 0\nlink set br{lan} up"));
        }
        Some(Self { prefix, switches: Arc::new(switches), hosts: Cell::new(0) })
    }

    /// A host on the first network.
    pub(crate) fn host(&self) -> Host {
        self.host_on(&[0], Stack::Both)
    }

    pub(crate) fn host_with(&self, stack: Stack) -> Host {
        self.host_on(&[0], stack)
    }

    pub(crate) fn host_on(&self, lans: &[u8], stack: Stack) -> Host {
        let number = self.hosts.get() + 1;
        self.hosts.set(number);
        let host = Host {
            namespace: Namespace::new(format!("{}-{number}", self.prefix)).unwrap(),
            number,
            stack,
            lans: lans.to_vec(),
            switches: Arc::clone(&self.switches),
        };
        host.connect();
        host
    }

    /// A host that forwards between both networks, unicast only.
    pub(crate) fn router(&self) -> Host {
        let router = self.host_on(&[0, 1], Stack::V4);
        router.set("ipv4/ip_forward", "1");
        router
    }
}

impl Host {
    fn connect(&self) {
        let (name, n) = (&self.namespace.name, self.number);
        // Addresses are there at once if nobody asks whether another host has them.
        self.set("ipv6/conf/default/accept_dad", "0");
        self.set("ipv6/conf/all/accept_dad", "0");
        self.namespace.ip("link set lo up");
        for lan in &self.lans {
            let port = format!("p{n}l{lan}");
            let switches = &self.switches.name;
            ip_outside(&format!(
                "link add eth{lan} address 02:00:00:00:{lan:02x}:{n:02x} netns {name} \
                 type veth peer name {port} netns {switches}"
            ));
            self.switches.ip(&format!("link set {port} master br{lan} up"));
            if matches!(self.stack, Stack::V4) {
                self.set(&format!("ipv6/conf/eth{lan}/disable_ipv6"), "1");
            }
            let mut script = format!("link set eth{lan} up\n");
            if matches!(self.stack, Stack::Both | Stack::V4) {
                let v4 = self.v4_on(*lan);
                script += &format!("addr add {v4}/24 broadcast + dev eth{lan}\n");
            }
            if matches!(self.stack, Stack::Both | Stack::V6) {
                let v6 = Ipv6Addr::new(0xfd77, 0, 0, (*lan).into(), 0, 0, 0, n.into());
                script += &format!("addr add {v6}/64 dev eth{lan} nodad\n");
            }
            self.namespace.ip(&script);
        }
    }

    /// Writes a setting under `/proc/sys/net`, which shows each thread its own namespace's.
    fn set(&self, setting: &str, value: &str) {
        let path = format!("/proc/sys/net/{setting}");
        self.namespace.enter(|| std::fs::write(&path, value)).unwrap();
    }

    /// The address on the first of its networks.
    pub(crate) fn v4(&self) -> Ipv4Addr {
        self.v4_on(self.lans[0])
    }

    pub(crate) fn v4_on(&self, lan: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, lan, self.number)
    }

    pub(crate) fn loopback(&self) -> IpAddr {
        match self.stack {
            Stack::Both | Stack::V4 => Ipv4Addr::LOCALHOST.into(),
            Stack::V6 | Stack::LinkLocal => Ipv6Addr::LOCALHOST.into(),
        }
    }

    /// Pulls the cable out at the switch; the host sees it.
    pub(crate) fn cut(&self) {
        self.cable("down");
    }

    /// Puts it back.
    pub(crate) fn repair(&self) {
        self.cable("up");
    }

    /// Is off and on again at once: its kernel knows nothing of its former life, and the network
    /// was told nothing of its end.
    pub(crate) fn lose_power(&mut self) {
        for lan in &self.lans {
            self.switches.ip(&format!("link del p{}l{lan}", self.number));
        }
        let name = format!("{}r", self.namespace.name);
        self.namespace = Namespace::new(name).unwrap();
        self.connect();
    }

    fn cable(&self, state: &str) {
        for lan in &self.lans {
            self.switches.ip(&format!("link set p{}l{lan} {state}", self.number));
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.namespace.name
    }

    /// Runs `work` on a thread of this host. Sockets that it makes stay here.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.enter(work)
    }

    /// Runs commands of `ip`, a line each.
    pub(crate) fn ip(&self, script: &str) {
        self.namespace.ip(script);
    }

    /// Runs a program to its end with `input`.
    pub(crate) fn run(&self, command: &mut Command, input: &str) -> Output {
        self.enter(|| feed(command, input)).unwrap()
    }
}

impl Namespace {
    fn new(name: String) -> io::Result<Self> {
        // The first of all makes /run/netns a mount point.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap();
        let added = feed(Command::new("ip").args(["netns", "add", &name]), "")?;
        if !added.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&added.stderr).into_owned()));
        }
        let handle = File::open(format!("/run/netns/{name}"))?;
        Ok(Self { name, handle })
    }

    fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(self.handle.as_fd(), kind).expect("setns");
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn ip(&self, script: &str) {
        self.enter(|| ip_outside(script));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = feed(Command::new("ip").args(["netns", "del", &self.name]), "") {
            eprintln!("{} is left behind: {error}", self.name);
        }
    }
}

fn ip_outside(script: &str) {
    let done = feed(Command::new("ip").args(["-batch", "-"]), script).unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip: {errors}of:\n{script}");
}

fn feed(command: &mut Command, input: &str) -> io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().expect("it is piped").write_all(input.as_bytes())?;
    child.wait_with_output()
}

/// Whether `program` is installed; says so if not.
pub(crate) fn has_program(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        unavailable(&format!("{program} is not installed"));
    }
    found
}

/// Tells that tests cannot run here, past the test harness's capture of output.
fn unavailable(why: &str) {
    assert!(std::env::var_os("NWS_REQUIRE_NETNS").is_none(), "NWS_REQUIRE_NETNS is set, but {why}");
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap();
    if !said.iter().any(|other| other == why) {
        let _ = writeln!(io::stderr(), "SKIPPED, needs root, iproute2 and more: {why}");
        said.push(why.to_owned());
    }
}
