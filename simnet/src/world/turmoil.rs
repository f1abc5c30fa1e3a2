//! A world on turmoil: the second engine, for small worlds, with adverts on a [`Board`].
//!
//! ```text
//!   host "conductor" ── the world ──▶ mailboxes ──▶ hosts "a", "b", …: their programs
//! ```
//!
//! turmoil polls each host in a runtime of its own, so programs are handed to their hosts. Its TCP
//! does not retransmit, so the only cut that it can heal is one that holds packets back.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rand_chacha::ChaCha8Rng;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use super::platform::{Platform, Process, Program};
use super::recorder::Recorder;
use crate::TurmoilNet;
use crate::board::{Board, BoardDiscovery};
use crate::event::{FaultNo, HostNo, Phase, ProxyNo};
use crate::scenario::Plan;
use crate::scenario::planned::Trouble;
use crate::trace::Sink;

/// turmoil's clock moves in such steps.
const TICK: Duration = Duration::from_millis(1);

/// Segments that a connection or a listener may have waiting; overflow would end the simulation.
const CAPACITY: usize = 4096;

/// Where the world itself runs. No host of a scenario is called so: names have no spaces.
const CONDUCTOR: &str = "the conductor";

/// Runs `plan` to its end.
///
/// # Errors
///
/// What the simulation says of itself, which is a bug of ours or of turmoil's.
pub(super) fn run(plan: &Rc<Plan>, sinks: Vec<Rc<RefCell<dyn Sink>>>) -> Result<(), String> {
    let whole = plan.start_of(Phase::Ended) + Duration::from_secs(60);
    let mut sim = turmoil::Builder::new()
        .rng_seed(plan.seed)
        .epoch(SystemTime::UNIX_EPOCH)
        .simulation_duration(whole)
        .tick_duration(TICK)
        .min_message_latency(TICK)
        .max_message_latency(TICK * 2)
        .tcp_capacity(CAPACITY)
        .udp_capacity(CAPACITY)
        .build();
    let engine = Rc::new(Turmoil::new(Rc::clone(plan)));
    for (host, spec) in engine.hosts.iter().zip(&plan.hosts) {
        let host = Rc::clone(host);
        sim.client(spec.name.as_str(), async move {
            host.live().await;
            Ok(())
        });
    }
    let (plan, conductor) = (Rc::clone(plan), Rc::clone(&engine));
    sim.client(CONDUCTOR, async move {
        let recorder = Recorder::new(now, sinks);
        super::live(plan, Rc::clone(&conductor), recorder).await;
        for host in &conductor.hosts {
            host.over.set(true);
            host.changed.notify_one();
        }
        Ok(())
    });
    sim.run().map_err(|error| error.to_string())
}

fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// Hosts of a turmoil simulation.
pub(super) struct Turmoil {
    plan: Rc<Plan>,
    board: Board,
    hosts: Vec<Rc<Host>>,
    /// How many faults cut each pair.
    cuts: RefCell<BTreeMap<(HostNo, HostNo), u32>>,
}

/// A host's mailbox.
#[derive(Default)]
struct Host {
    mail: RefCell<VecDeque<(Program, Rc<Life>)>>,
    changed: Notify,
    over: Cell<bool>,
}

/// How far a program is.
#[derive(Default)]
pub(super) struct Life {
    task: RefCell<Option<AbortHandle>>,
    killed: Cell<bool>,
    ended: Cell<bool>,
    changed: Notify,
}

/// Says that a program has ended, also when it is aborted.
struct Ended(Rc<Life>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.set(true);
        self.0.changed.notify_waiters();
    }
}

impl Host {
    /// Runs the programs that come.
    async fn live(&self) {
        let mut programs = JoinSet::new();
        while !self.over.get() {
            while let Some((program, life)) = self.mail.borrow_mut().pop_front() {
                let ended = Ended(Rc::clone(&life));
                if life.killed.get() {
                    continue;
                }
                let task = programs.spawn_local(async move {
                    let _ended = ended;
                    program.await;
                });
                *life.task.borrow_mut() = Some(task);
            }
            self.changed.notified().await;
        }
    }
}

impl Turmoil {
    fn new(plan: Rc<Plan>) -> Self {
        let hosts = plan.hosts.iter().map(|_| Rc::default()).collect();
        Self { plan, board: Board::default(), hosts, cuts: RefCell::default() }
    }

    /// Counts one cut more or less between the hosts of a partition.
    fn cut(&self, trouble: &Trouble, more: bool) {
        let Trouble::Partition { from, to, .. } = trouble else { return };
        let mut cuts = self.cuts.borrow_mut();
        for (a, b) in from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b))) {
            if a == b {
                continue;
            }
            let count = cuts.entry((a.min(b), a.max(b))).or_default();
            let before = *count;
            *count = if more { before + 1 } else { before - 1 };
            match (before, *count) {
                (0, 1) => turmoil::hold(self.name(a), self.name(b)),
                (1, 0) => turmoil::release(self.name(a), self.name(b)),
                _ => {}
            }
        }
    }
}

impl Platform for Turmoil {
    type Net = TurmoilNet;
    type Discovery = BoardDiscovery;
    type Process = Rc<Life>;

    fn now(&self) -> Duration {
        now()
    }

    fn bind(&self, _: HostNo) -> Vec<IpAddr> {
        vec![Ipv4Addr::UNSPECIFIED.into()]
    }

    fn localhost(&self, _: HostNo) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn name(&self, host: HostNo) -> String {
        self.plan.host(host).name.clone()
    }

    fn net(&self, host: HostNo) -> TurmoilNet {
        TurmoilNet::of(&self.name(host))
    }

    fn discovery(&self, proxy: ProxyNo, _: ChaCha8Rng) -> BoardDiscovery {
        self.board.discovery(self.net(self.plan.proxy(proxy).host).address(), 0)
    }

    fn spawn(&self, host: HostNo, program: Program) -> Rc<Life> {
        let life = Rc::<Life>::default();
        let host = &self.hosts[host.0 as usize];
        host.mail.borrow_mut().push_back((program, Rc::clone(&life)));
        host.changed.notify_one();
        life
    }

    fn begin(&self, _: FaultNo, what: &Trouble) {
        self.cut(what, true);
    }

    fn end(&self, _: FaultNo, what: &Trouble) {
        self.cut(what, false);
    }
}

impl Process for Rc<Life> {
    fn kill(&self) {
        self.killed.set(true);
        if let Some(task) = &*self.task.borrow() {
            task.abort();
        }
    }

    async fn ended(&self) {
        while !self.ended.get() {
            self.changed.notified().await;
        }
    }

    fn counts(&self) -> (Option<u32>, Option<u32>) {
        (None, None)
    }
}
