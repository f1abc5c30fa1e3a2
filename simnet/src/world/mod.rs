//! Runs a plan: proxies, their clients and what goes wrong, on an engine.
//!
//! ```text
//!             ┌── timeline: proxies start, faults, phases
//!   Plan ──▶ World ──▶ programs (proxies, clients) ──▶ engine: fabric, turmoil or loopback
//!             └──▶ recorder ──▶ sinks: checkers, trace, figures, report
//! ```

mod client;
mod fabric_mdns;
mod loopback;
mod on_fabric;
mod overlap;
mod payload;
mod platform;
mod program;
mod recorder;
mod script;
mod session;
mod storm;
mod timeline;
mod turmoil;
mod watched;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use self::client::{Client, Control, Pace};
use self::platform::{Platform, Process};
use self::program::ProxySlot;
use self::recorder::Recorder;
use self::timeline::{Moment, timeline};
use crate::event::{ClientNo, Event, FaultNo, HostNo, Phase, ProxyNo, Stop};
use crate::fabric::packet::Tap;
use crate::scenario::Plan;
use crate::scenario::planned::Trouble;
use crate::trace::Sink;

/// Time between two looks at what the proxies hold, at the least; in long stories a thousandth of
/// the whole.
const LOOK_MIN: Duration = Duration::from_secs(1);

/// Time for a proxy that is asked to stop; it promises 1.5 s.
const STOP_TIME: Duration = Duration::from_secs(2);

/// What a world is run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// Our own simulated network: every plan, and hundreds of proxies.
    #[default]
    Fabric,
    /// turmoil: up to [`TURMOIL_PROXIES_MAX`] proxies, and few of the faults.
    Turmoil,
    /// This machine's loopback in real time: real sockets, and faults of programs only.
    Loopback,
}

/// turmoil looks at every pair of hosts in every tick.
pub const TURMOIL_PROXIES_MAX: usize = 40;

/// Addresses of one loopback network.
const LOOPBACK_HOSTS_MAX: usize = 254;

/// An engine cannot run a plan, or failed at it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// It has no such thing.
    #[error("the engine {engine} has no {what}; run the plan on the fabric")]
    Unsupported {
        /// Which.
        engine: Engine,
        /// What the plan has, and it has not.
        what: String,
    },
    /// It broke.
    #[error("the engine {engine} failed: {why}")]
    Failed {
        /// Which.
        engine: Engine,
        /// What it said.
        why: String,
    },
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fabric => "fabric",
            Self::Turmoil => "turmoil",
            Self::Loopback => "loopback",
        })
    }
}

/// Runs `plan` from its start to its end, and tells `sinks` all that happens.
///
/// # Errors
///
/// What the engine cannot do, before anything runs; or that it broke.
pub fn run(
    plan: &Plan,
    engine: Engine,
    sinks: Vec<Rc<RefCell<dyn Sink>>>,
    tap: Option<Rc<RefCell<dyn Tap>>>,
) -> Result<(), WorldError> {
    supports(engine, plan)?;
    let plan = Rc::new(plan.clone());
    let failed = |why| WorldError::Failed { engine, why };
    match engine {
        Engine::Fabric => {
            on_fabric::run(&plan, sinks, tap);
            Ok(())
        }
        Engine::Turmoil => turmoil::run(&plan, sinks).map_err(failed),
        Engine::Loopback => loopback::run(&plan, sinks).map_err(|error| failed(error.to_string())),
    }
}

/// Whether an engine can run a plan as it is meant.
fn supports(engine: Engine, plan: &Plan) -> Result<(), WorldError> {
    let unsupported = |what: &str| Err(WorldError::Unsupported { engine, what: what.to_owned() });
    if engine == Engine::Fabric {
        return Ok(());
    }
    if engine == Engine::Turmoil && plan.proxies.len() > TURMOIL_PROXIES_MAX {
        return unsupported(&format!("room for more than {TURMOIL_PROXIES_MAX} proxies"));
    }
    if engine == Engine::Loopback && plan.hosts.len() > LOOPBACK_HOSTS_MAX {
        return unsupported(&format!("room for more than {LOOPBACK_HOSTS_MAX} hosts"));
    }
    if plan.segments.len() > 1 || plan.segments.iter().any(|s| s.isolated) {
        return unsupported("more than one segment, and no isolation");
    }
    if plan.hosts.iter().any(|host| host.clock_ppm != 0) {
        return unsupported("clocks that drift");
    }
    for fault in &plan.faults {
        match &fault.what {
            Trouble::Kill { .. }
            | Trouble::Restart { .. }
            | Trouble::SlowReader { .. }
            | Trouble::StalledReader { .. } => {}
            Trouble::Partition { both_ways: true, .. } if engine == Engine::Turmoil => {}
            other => return unsupported(&format!("fault {:?}", other.name())),
        }
    }
    Ok(())
}

/// A plan that runs on an engine.
struct World<E: Platform> {
    plan: Rc<Plan>,
    engine: Rc<E>,
    recorder: Recorder,
    proxies: Vec<ProxySlot<E>>,
    clients: Vec<ClientSlot<E>>,
    /// How many sessions there were.
    sessions: Rc<Cell<u32>>,
}

struct ClientSlot<E: Platform> {
    control: Rc<Control>,
    process: RefCell<Option<E::Process>>,
}

/// Runs `plan` on `engine` from its start to its end.
async fn live<E: Platform>(plan: Rc<Plan>, engine: Rc<E>, recorder: Recorder) {
    let clients = plan
        .clients
        .iter()
        .map(|_| ClientSlot { control: Rc::default(), process: RefCell::default() });
    let world = World {
        proxies: plan.proxies.iter().map(|_| ProxySlot::default()).collect(),
        clients: clients.collect(),
        sessions: Rc::default(),
        plan,
        engine,
        recorder,
    };
    for number in world.client_numbers() {
        world.start_client(number);
    }
    let moments = timeline(&world.plan);
    let whole = world.plan.start_of(Phase::Ended);
    let pause = LOOK_MIN.max(whole / 1000);
    let mut look_at = pause;
    for (at, moment) in moments {
        while look_at < at {
            world.sleep_until(look_at).await;
            world.look(false);
            look_at += pause;
        }
        world.sleep_until(at).await;
        world.perform(moment).await;
    }
}

impl<E: Platform> World<E> {
    async fn sleep_until(&self, at: Duration) {
        let left = at.saturating_sub(self.engine.now());
        if !left.is_zero() {
            sleep(left).await;
        }
    }

    fn client_numbers(&self) -> impl Iterator<Item = ClientNo> + use<E> {
        (0..self.clients.len() as u32).map(ClientNo)
    }

    fn proxy_numbers(&self) -> impl Iterator<Item = ProxyNo> + use<E> {
        (0..self.proxies.len() as u32).map(ProxyNo)
    }

    fn proxies_on(&self, host: HostNo) -> impl Iterator<Item = ProxyNo> + '_ {
        self.proxy_numbers().filter(move |proxy| self.plan.proxy(*proxy).host == host)
    }

    fn clients_on(&self, host: HostNo) -> impl Iterator<Item = ClientNo> + '_ {
        let of = move |client: &ClientNo| self.plan.client(*client).proxy;
        self.client_numbers().filter(move |client| self.plan.proxy(of(client)).host == host)
    }

    async fn perform(&self, moment: Moment) {
        match moment {
            Moment::Start(proxy) => self.proxies[proxy.0 as usize].come_up(self, proxy),
            Moment::Begin(number) => self.begin(number),
            Moment::End(number) => self.end(number),
            Moment::Phase(phase) => self.enter(phase).await,
        }
    }

    async fn enter(&self, phase: Phase) {
        if phase == Phase::Ended {
            self.finish().await;
        } else {
            self.look(true);
        }
        self.recorder.record(Event::Phase { phase });
        self.look(true);
        if phase == Phase::Left {
            for slot in &self.proxies {
                slot.ask_to_stop();
            }
        }
    }

    /// Ends what has not ended by itself.
    async fn finish(&self) {
        for slot in &self.proxies {
            if timeout(STOP_TIME, slot.ended()).await.is_err() {
                slot.kill(Stop::Failed);
            }
        }
        for slot in &self.clients {
            if let Some(process) = slot.process.take() {
                process.kill();
            }
        }
    }

    /// Tells what each proxy holds, if it is not what it was; or in any case.
    fn look(&self, in_any_case: bool) {
        for (proxy, slot) in self.proxy_numbers().zip(&self.proxies) {
            if let Some(holdings) = slot.look(in_any_case) {
                self.recorder.record(Event::Held { proxy, holdings });
            }
        }
    }

    fn start_client(&self, number: ClientNo) {
        let spec = self.plan.client(number);
        let host = self.plan.proxy(spec.proxy).host;
        let slot = &self.clients[number.0 as usize];
        let (engine, plan) = (Rc::clone(&self.engine), Rc::clone(&self.plan));
        let (recorder, sessions) = (self.recorder.clone(), Rc::clone(&self.sessions));
        let control = Rc::clone(&slot.control);
        let port = self.plan.proxy(spec.proxy).port;
        let address = (engine.localhost(host), port).into();
        let program = async move {
            let net = engine.net(host);
            Client { number, plan, net, recorder, sessions, control, address }.run().await;
        };
        *slot.process.borrow_mut() = Some(self.engine.spawn(host, platform::program(program)));
    }

    fn begin(&self, number: FaultNo) {
        let fault = self.plan.fault(number);
        self.recorder.record(Event::FaultBegan { fault: number, what: fault.what.name().into() });
        self.strike(number, &overlap::begins(&self.plan, number));
    }

    fn strike(&self, number: FaultNo, what: &Trouble) {
        match what {
            Trouble::Kill { proxies } => self.take_down(proxies.iter().copied(), Stop::Killed),
            Trouble::Restart { proxies } => self.take_down(proxies.iter().copied(), Stop::Asked),
            Trouble::PowerLoss { hosts } => {
                for host in hosts {
                    self.recorder.record(Event::HostPower { host: *host, on: false });
                    for proxy in self.proxies_on(*host) {
                        self.proxies[proxy.0 as usize].lose_power();
                    }
                }
            }
            Trouble::Sleep { hosts } => {
                for host in hosts {
                    self.recorder.record(Event::HostAsleep { host: *host, asleep: true });
                }
            }
            Trouble::SlowReader { clients, bytes_per_second } => {
                self.set_pace(clients, Pace::Slow(*bytes_per_second));
            }
            Trouble::StalledReader { clients } => self.set_pace(clients, Pace::Stalled),
            _ => {}
        }
        self.engine.begin(number, what);
    }

    fn end(&self, number: FaultNo) {
        let what = overlap::ends(&self.plan, number);
        self.engine.end(number, &what);
        match &what {
            Trouble::Kill { proxies } | Trouble::Restart { proxies } => {
                for proxy in proxies {
                    self.proxies[proxy.0 as usize].may_come_up(self, *proxy);
                }
            }
            Trouble::PowerLoss { hosts } => {
                for host in hosts {
                    self.recorder.record(Event::HostPower { host: *host, on: true });
                    for proxy in self.proxies_on(*host) {
                        self.proxies[proxy.0 as usize].may_come_up(self, proxy);
                    }
                    for client in self.clients_on(*host) {
                        self.start_client(client);
                    }
                }
            }
            Trouble::Sleep { hosts } => {
                for host in hosts {
                    self.recorder.record(Event::HostAsleep { host: *host, asleep: false });
                }
            }
            Trouble::SlowReader { clients, .. } | Trouble::StalledReader { clients } => {
                self.set_pace(clients, Pace::Free);
            }
            _ => {}
        }
        for what in overlap::returns(&self.plan, number) {
            self.strike(number, &what);
        }
        self.recorder.record(Event::FaultEnded { fault: number });
    }

    fn take_down(&self, proxies: impl Iterator<Item = ProxyNo>, how: Stop) {
        for proxy in proxies {
            let slot = &self.proxies[proxy.0 as usize];
            slot.keep_down();
            match how {
                Stop::Asked => slot.ask_to_stop(),
                _ => slot.kill(how),
            }
        }
    }

    fn set_pace(&self, clients: &[ClientNo], pace: Pace) {
        for client in clients {
            self.clients[client.0 as usize].control.set_pace(pace);
        }
    }
}
