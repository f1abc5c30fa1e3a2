//! A simulated local network: hosts, links, TCP, UDP and multicast, in one thread.
//!
//! Everything that happens is an event with a time, and one seed decides all chance. So the same
//! program on the same fabric with the same seed does the same, packet by packet.
//!
//! ```text
//!   host ada                    segment "office"                    host bob
//!   ┌──────────────┐  up  ┌───────────────────────┐  down  ┌──────────────┐
//!   │ process      │ ───▶ │ quality, multicast    │ ─────▶ │ process      │
//!   │ HostNet      │ ◀─── │ (switch, access point)│ ◀───── │ HostNet      │
//!   └──────────────┘ down └───────────┬───────────┘   up   └──────────────┘
//!    interface 1: lo                  router ── segment "lab" …
//!    interface 2: office
//! ```
//!
//! A [`Fabric`] is built from segments, routers between them, hosts, and interfaces that attach
//! them. What a program does on a host it does through that host's [`HostNet`]: TCP by the
//! [`Net`](proxy::Net) trait, UDP by [`HostNet::udp`]. [`Fabric::spawn`] runs a future as a process of
//! a host, which ends, sleeps and loses its power with it. Faults are operations of the fabric
//! ([`block`](Fabric::block), [`degrade`](Fabric::degrade), [`power_off`](Fabric::power_off), …).
//!
//! # Time
//!
//! A fabric lives in a world of its own, a paused tokio runtime that [`simulate`] makes: whenever
//! all tasks wait, the clock jumps to the next timer. The fabric's own time is exact to the
//! nanosecond ([`Fabric::now`]); tokio's timers are to the millisecond, so tokio's clock is ahead by
//! less than one.
//!
//! # A ping over a bad link
//!
//! ```
//! use proxy::{Listener, Net};
//! use simnet::fabric::{Exit, SegmentSpec, simulate};
//! use simnet::fabric::quality::{Loss, Quality};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! let time = simulate(7, async |fabric| {
//!     let office = fabric.segment(SegmentSpec::default());
//!     let lossy = Quality { loss: Loss::Independent(0.2), ..Quality::default() };
//!     let (ada, bob) = (fabric.host("ada"), fabric.host("bob"));
//!     fabric.attach(ada, office, &[("10.0.0.1".parse().unwrap(), 24)], Quality::default());
//!     fabric.attach(bob, office, &[("10.0.0.2".parse().unwrap(), 24)], lossy);
//!
//!     let net = fabric.net(bob);
//!     fabric.spawn(bob, async move {
//!         let listener = net.listen("0.0.0.0:7".parse().unwrap()).await.unwrap();
//!         let (mut stream, _) = listener.accept().await.unwrap();
//!         let mut word = [0; 4];
//!         stream.read_exact(&mut word).await.unwrap();
//!         stream.write_all(&word).await.unwrap();
//!     });
//!     let net = fabric.net(ada);
//!     let ping = fabric.spawn(ada, async move {
//!         let mut stream = net.connect("10.0.0.2:7".parse().unwrap()).await.unwrap();
//!         stream.write_all(b"ping").await.unwrap();
//!         let mut word = [0; 4];
//!         stream.read_exact(&mut word).await.unwrap();
//!         word
//!     });
//!     assert_eq!(ping.join().await, Exit::Done(*b"ping"));
//!     fabric.now()
//! });
//! # assert!(time < std::time::Duration::from_secs(600), "{time:?}");
//! ```

mod blocks;
mod core;
mod draw;
mod faults;
mod figures;
mod host;
pub mod limits;
mod link;
mod net;
pub mod packet;
mod process;
pub mod quality;
mod run;
mod segment;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod wire;

use std::cell::RefCell;
use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use proxy::clock::HostClock;

pub use self::blocks::BlockId;
use self::core::Shared;
pub use self::faults::Place;
pub use self::figures::{Figures, Losses};
use self::host::{Host, Interface, own};
use self::limits::{EPHEMERAL_PORTS, TcpTimes};
use self::link::Link;
pub use self::net::HostNet;
use self::packet::{HostId, InterfaceId, SegmentId, Tap};
pub(crate) use self::process::panic_text;
pub use self::process::{Exit, Process, ProcessId};
use self::quality::Quality;
pub use self::run::simulate;
pub use self::segment::{Multicast, RouterId, SegmentSpec};
use self::segment::{Router, Segment};
pub use self::tcp::{FabricListener, FabricStream};
pub use self::udp::{Datagram, UdpSocket, UdpSpec};

/// A simulated network. Clones are the same one.
#[derive(Clone)]
pub struct Fabric {
    shared: Rc<Shared>,
}

impl Fabric {
    /// An empty network, at time 0. Call it in a paused tokio runtime, such as [`simulate`]'s.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { shared: Rc::new(Shared::new(seed)) }
    }

    /// Adds a switch or an access point.
    pub fn segment(&self, spec: SegmentSpec) -> SegmentId {
        self.shared.with(|core| {
            core.segments.push(Segment::new(spec));
            SegmentId(core.segments.len() as u32 - 1)
        })
    }

    /// Adds a router between segments, which every packet takes so long to pass. It passes
    /// no multicast, and a packet passes one router at most.
    pub fn router(&self, segments: &[SegmentId], quality: Quality) -> RouterId {
        self.shared.with(|core| {
            let id = RouterId(core.routers.len() as u32);
            core.routers.push(Router { segments: segments.to_vec(), link: Link::new(quality) });
            for segment in segments {
                core.segments[segment.0 as usize].routers.push(id);
            }
            id
        })
    }

    /// Adds a host, which has loopback and runs nothing.
    pub fn host(&self, name: impl Into<String>) -> HostId {
        let name = name.into();
        self.shared.with(|core| {
            let id = HostId(core.hosts.len() as u32);
            let ports = u32::from(EPHEMERAL_PORTS.end() - EPHEMERAL_PORTS.start());
            let first = EPHEMERAL_PORTS.start() + (core.draw.word() % ports) as u16;
            core.names.insert(name.clone(), id);
            core.hosts.push(Host::new(name, first));
            id
        })
    }

    /// Attaches a host to a segment by a new interface with these addresses and lengths of their
    /// networks' prefixes, over a link as good as that both ways.
    pub fn attach(
        &self,
        host: HostId,
        segment: SegmentId,
        addresses: &[(IpAddr, u8)],
        quality: Quality,
    ) -> InterfaceId {
        self.attach_with(host, segment, addresses, quality.clone(), quality)
    }

    /// Like [`attach`](Fabric::attach), over a link that is another one to the host (`down`) than
    /// from it (`up`).
    pub fn attach_with(
        &self,
        host: HostId,
        segment: SegmentId,
        addresses: &[(IpAddr, u8)],
        up: Quality,
        down: Quality,
    ) -> InterfaceId {
        self.shared.with(|core| {
            let interfaces = &mut core[host].interfaces;
            interfaces.push(Interface::new(Some(segment), addresses.to_vec(), up, down));
            let id = InterfaceId { host, index: interfaces.len() as u32 };
            own(&mut core.owners, id, addresses, true);
            id
        })
    }

    /// The network as that host's programs see it.
    #[must_use]
    pub fn net(&self, host: HostId) -> HostNet {
        HostNet::new(&self.shared, host)
    }

    /// Starts a process on a host: `future`, and all tasks that it spawns locally. On a host that
    /// is off or asleep it waits until that is on.
    ///
    /// # Panics
    ///
    /// Outside of a `LocalSet`; [`simulate`] is in one.
    pub fn spawn<F: Future + 'static>(&self, host: HostId, future: F) -> Process<F::Output> {
        self.shared.spawn(host, self.clock(host), future)
    }

    /// A host's clock.
    #[must_use]
    pub fn clock(&self, host: HostId) -> HostClock {
        self.shared.with(|core| core[host].clock.clone())
    }

    /// How TCP waits and gives up, for connections that are made from now on.
    pub fn set_tcp_times(&self, times: TcpTimes) {
        self.shared.with(|core| core.times = times);
    }

    /// The time since the start: that of the event that is being processed.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.shared.with(|core| core.now()))
    }

    /// Shows every packet to `tap`, which must not use the fabric while it looks.
    pub fn tap(&self, tap: Rc<RefCell<dyn Tap>>) {
        self.shared.with(|core| core.tap = Some(tap));
    }

    /// Connections that a host's system keeps, in whatever state: also those that no program holds
    /// any more.
    #[must_use]
    pub fn connections(&self, host: HostId) -> usize {
        self.shared.with(|core| core[host].tcp.connections())
    }

    /// What has been counted so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.shared.with(|core| core.figures.clone())
    }
}
