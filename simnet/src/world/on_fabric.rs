//! A world on the fabric: everything that a plan may say.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use proxy::Builtin;
use rand_chacha::ChaCha8Rng;
use tokio::sync::Notify;

use super::fabric_mdns::FabricMdns;
use super::platform::{Platform, Process, Program};
use super::recorder::Recorder;
use super::storm::Storm;
use crate::event::{Event, FaultNo, HostNo, ProxyNo};
use crate::fabric::packet::{HostId, InterfaceId, Tap};
use crate::fabric::{self, BlockId, Fabric, Figures, HostNet, Place, SegmentSpec};
use crate::scenario::planned::{Address, Plug, Trouble};
use crate::scenario::{self, Plan};
use crate::trace::Sink;

/// The random streams of what is not a proxy.
const STORM_STREAM: u64 = 1 << 63;

/// Runs `plan` to its end; `tap` sees each packet. Gives what the network counted.
pub(super) fn run(
    plan: &Rc<Plan>,
    sinks: Vec<Rc<RefCell<dyn Sink>>>,
    tap: Option<Rc<RefCell<dyn Tap>>>,
) -> Figures {
    fabric::simulate(plan.seed, async |fabric| {
        if let Some(tap) = tap {
            fabric.tap(tap);
        }
        let clock = fabric.clone();
        let recorder = Recorder::new(move || clock.now(), sinks);
        let platform = OnFabric::new(Rc::clone(plan), fabric.clone(), recorder.clone());
        super::live(Rc::clone(plan), Rc::new(platform), recorder).await;
        fabric.figures()
    })
}

/// The plan's network, built.
pub(super) struct OnFabric {
    plan: Rc<Plan>,
    fabric: Fabric,
    recorder: Recorder,
    hosts: Vec<HostId>,
    /// What undoes the faults under way.
    under_way: RefCell<BTreeMap<FaultNo, Undo>>,
}

/// What a fault leaves to be undone, beside what its plan says.
enum Undo {
    Blocks(Vec<BlockId>),
    Storm(fabric::Process<()>),
}

impl OnFabric {
    fn new(plan: Rc<Plan>, fabric: Fabric, recorder: Recorder) -> Self {
        let segments: Vec<_> = plan.segments.iter().map(|s| fabric.segment(segment(s))).collect();
        for router in &plan.routers {
            let legs: Vec<_> = router.legs.iter().map(|leg| segments[leg.segment]).collect();
            let quality = router.legs.first().map(|leg| leg.quality.clone());
            fabric.router(&legs, quality.unwrap_or_default());
        }
        let mut hosts = Vec::new();
        for host in &plan.hosts {
            let id = fabric.host(host.name.as_str());
            for plug in &host.interfaces {
                let segment = segments[plug.segment];
                fabric.attach(id, segment, &pairs(&plug.addresses), plug.quality.clone());
            }
            fabric.set_drift(id, host.clock_ppm);
            hosts.push(id);
        }
        Self { plan, fabric, recorder, hosts, under_way: RefCell::default() }
    }

    fn host(&self, host: HostNo) -> HostId {
        self.hosts[host.0 as usize]
    }

    fn interface(&self, plug: Plug) -> InterfaceId {
        // Loopback is the first.
        let index = u32::try_from(plug.interface).expect("few interfaces") + 2;
        InterfaceId { host: self.host(plug.host), index }
    }

    fn ids(&self, hosts: &[HostNo]) -> Vec<HostId> {
        hosts.iter().map(|host| self.host(*host)).collect()
    }

    fn readdress(&self, host: HostNo, interfaces: &[Vec<Address>]) {
        for (interface, addresses) in interfaces.iter().enumerate() {
            self.fabric.readdress(self.interface(Plug { host, interface }), &pairs(addresses));
        }
        let addresses = interfaces.iter().flatten().map(|address| address.ip).collect();
        self.recorder.record(Event::HostAddresses { host, addresses });
    }

    fn block(&self, from: &[HostNo], to: &[HostNo], both_ways: bool) -> Undo {
        let (from, to) = (self.ids(from), self.ids(to));
        let mut blocks = vec![self.fabric.block(from.clone(), to.clone())];
        if both_ways {
            blocks.push(self.fabric.block(to, from));
        }
        Undo::Blocks(blocks)
    }
}

fn segment(spec: &scenario::planned::Segment) -> SegmentSpec {
    SegmentSpec {
        name: spec.name.clone(),
        multicast: match spec.multicast {
            scenario::Multicast::Pass => fabric::Multicast::Deliver,
            scenario::Multicast::Drop => fabric::Multicast::Drop,
            scenario::Multicast::Delayed => {
                fabric::Multicast::Beacon { every: spec.multicast_delay, loss: 0.0 }
            }
        },
        client_isolation: spec.isolated,
        ..SegmentSpec::default()
    }
}

fn pairs(addresses: &[Address]) -> Vec<(IpAddr, u8)> {
    addresses.iter().map(|address| (address.ip, address.prefix_bits)).collect()
}

impl Platform for OnFabric {
    type Net = HostNet;
    type Discovery = Builtin<FabricMdns>;
    type Process = Running;

    fn now(&self) -> Duration {
        self.fabric.now()
    }

    fn bind(&self, _: HostNo) -> Vec<IpAddr> {
        vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
    }

    fn localhost(&self, _: HostNo) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn name(&self, host: HostNo) -> String {
        self.plan.host(host).name.clone()
    }

    fn net(&self, host: HostNo) -> HostNet {
        self.fabric.net(self.host(host))
    }

    fn discovery(&self, proxy: ProxyNo, rng: ChaCha8Rng) -> Self::Discovery {
        let net = self.net(self.plan.proxy(proxy).host);
        let socket = FabricMdns::open(net).expect("a program runs only with power");
        Builtin::new(socket, Vec::new(), rng)
    }

    fn spawn(&self, host: HostNo, program: Program) -> Running {
        let ended = Rc::<Notify>::default();
        let over = Over(Rc::clone(&ended));
        let process = self.fabric.spawn(self.host(host), async move {
            let _over = over;
            program.await;
        });
        Running { process, ended }
    }

    fn begin(&self, number: FaultNo, what: &Trouble) {
        let undo = match what {
            Trouble::Partition { from, to, both_ways } => Some(self.block(from, to, *both_ways)),
            Trouble::MdnsStorm { host, attacks, packets_per_second } => {
                let stream = STORM_STREAM + u64::from(number.0);
                let plan = Rc::clone(&self.plan);
                let net = self.net(*host);
                let storm = Storm::new(net, plan, attacks, *packets_per_second, stream);
                Some(Undo::Storm(self.fabric.spawn(self.host(*host), storm.run())))
            }
            Trouble::Quality { links, quality } => {
                for link in links {
                    self.fabric.degrade(Place::Interface(self.interface(*link)), quality.clone());
                }
                None
            }
            Trouble::Unplugged { links } => {
                links.iter().for_each(|link| self.fabric.unplug(self.interface(*link)));
                None
            }
            Trouble::PowerLoss { hosts } => {
                hosts.iter().for_each(|host| self.fabric.power_off(self.host(*host)));
                None
            }
            Trouble::Sleep { hosts } => {
                hosts.iter().for_each(|host| self.fabric.sleep(self.host(*host)));
                None
            }
            Trouble::NewAddresses { hosts } => {
                hosts.iter().for_each(|(host, addresses)| self.readdress(*host, addresses));
                None
            }
            Trouble::ClockDrift { hosts, ppm } => {
                hosts.iter().for_each(|host| self.fabric.set_drift(self.host(*host), *ppm));
                None
            }
            Trouble::Kill { .. }
            | Trouble::Restart { .. }
            | Trouble::SlowReader { .. }
            | Trouble::StalledReader { .. } => None,
        };
        if let Some(undo) = undo {
            self.under_way.borrow_mut().insert(number, undo);
        }
    }

    fn end(&self, number: FaultNo, what: &Trouble) {
        let undo = self.under_way.borrow_mut().remove(&number);
        match undo {
            Some(Undo::Blocks(blocks)) => {
                blocks.into_iter().for_each(|block| self.fabric.unblock(block));
            }
            Some(Undo::Storm(storm)) => storm.kill(),
            None => {}
        }
        match what {
            Trouble::Quality { links, .. } => {
                for link in links {
                    self.fabric.restore(Place::Interface(self.interface(*link)));
                }
            }
            Trouble::Unplugged { links } => {
                links.iter().for_each(|link| self.fabric.plug(self.interface(*link)));
            }
            Trouble::PowerLoss { hosts } => {
                hosts.iter().for_each(|host| self.fabric.power_on(self.host(*host)));
            }
            Trouble::Sleep { hosts } => {
                hosts.iter().for_each(|host| self.fabric.wake(self.host(*host)));
            }
            Trouble::NewAddresses { hosts } => {
                for (host, _) in hosts {
                    let old = self.plan.host(*host).interfaces.iter();
                    let old: Vec<_> = old.map(|plug| plug.addresses.clone()).collect();
                    self.readdress(*host, &old);
                }
            }
            Trouble::ClockDrift { hosts, .. } => {
                for host in hosts {
                    self.fabric.set_drift(self.host(*host), self.plan.host(*host).clock_ppm);
                }
            }
            _ => {}
        }
    }
}

/// A program on a fabric host.
pub(super) struct Running {
    process: fabric::Process<()>,
    ended: Rc<Notify>,
}

/// Says that a program has ended, however it did.
struct Over(Rc<Notify>);

impl Drop for Over {
    fn drop(&mut self) {
        // Kept for whoever asks later, too.
        self.0.notify_one();
    }
}

impl Process for Running {
    fn kill(&self) {
        self.process.kill();
    }

    async fn ended(&self) {
        self.ended.notified().await;
        // For the next who asks.
        self.ended.notify_one();
    }

    fn counts(&self) -> (Option<u32>, Option<u32>) {
        (Some(self.process.connections()), None)
    }
}
