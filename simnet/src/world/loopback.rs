//! A world on this machine's own loopback: real sockets, real time, adverts on a [`Board`].
//!
//! Each world has a network of its own, such as 127.17.3.0/24. Nothing can go wrong with this network, so it runs only plans
//! whose faults are those of programs.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;

use proxy::TokioNet;
use rand_chacha::ChaCha8Rng;
use tokio::runtime::LocalOptions;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::platform::{Platform, Process, Program};
use super::recorder::Recorder;
use crate::board::{Board, BoardDiscovery};
use crate::event::{FaultNo, HostNo, ProxyNo};
use crate::scenario::Plan;
use crate::scenario::planned::Trouble;
use crate::trace::Sink;

/// The index of the loopback interface, to which loopback addresses belong.
const LOOPBACK: u32 = 1;

/// Runs `plan` to its end, in as much time as it says.
///
/// # Errors
///
/// The system's, if it gives no runtime.
pub(super) fn run(plan: &Rc<Plan>, sinks: Vec<Rc<RefCell<dyn Sink>>>) -> io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let engine = Rc::new(Loopback::new(Rc::clone(plan)));
        let start = engine.start;
        super::live(Rc::clone(plan), engine, Recorder::new(move || start.elapsed(), sinks)).await;
    });
    Ok(())
}

/// How many worlds this process has run.
static WORLDS: AtomicU8 = AtomicU8::new(0);

/// This machine.
pub(super) struct Loopback {
    /// The two bytes in the middle of this world's addresses.
    network: [u8; 2],
    start: Instant,
    board: Board,
    plan: Rc<Plan>,
}

impl Loopback {
    pub(super) fn new(plan: Rc<Plan>) -> Self {
        // Programs of other processes and of other worlds have other addresses.
        let process = (std::process::id() % 250 + 1) as u8;
        let network = [process, WORLDS.fetch_add(1, Ordering::Relaxed)];
        Self { network, start: Instant::now(), board: Board::default(), plan }
    }

    fn address(&self, host: HostNo) -> IpAddr {
        let number = u8::try_from(host.0 + 1).expect("few hosts: it was looked at before");
        Ipv4Addr::new(127, self.network[0], self.network[1], number).into()
    }
}

impl Platform for Loopback {
    type Net = TokioNet;
    type Discovery = BoardDiscovery;
    type Process = Task;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn bind(&self, host: HostNo) -> Vec<IpAddr> {
        vec![self.address(host)]
    }

    fn localhost(&self, host: HostNo) -> IpAddr {
        self.address(host)
    }

    fn name(&self, host: HostNo) -> String {
        self.address(host).to_string()
    }

    fn net(&self, _: HostNo) -> TokioNet {
        TokioNet
    }

    fn discovery(&self, proxy: ProxyNo, _: ChaCha8Rng) -> BoardDiscovery {
        self.board.discovery(self.address(self.plan.proxy(proxy).host), LOOPBACK)
    }

    fn spawn(&self, _: HostNo, program: Program) -> Task {
        let mut tasks = JoinSet::new();
        tasks.spawn_local(program);
        Task(RefCell::new(tasks))
    }

    fn begin(&self, _: FaultNo, _: &Trouble) {}

    fn end(&self, _: FaultNo, _: &Trouble) {}
}

/// A program as a task.
pub(super) struct Task(RefCell<JoinSet<()>>);

impl Process for Task {
    fn kill(&self) {
        self.0.borrow_mut().abort_all();
    }

    async fn ended(&self) {
        poll_fn(|cx| {
            while std::task::ready!(self.0.borrow_mut().poll_join_next(cx)).is_some() {}
            Poll::Ready(())
        })
        .await;
    }

    fn counts(&self) -> (Option<u32>, Option<u32>) {
        (None, None)
    }
}
