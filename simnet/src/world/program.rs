//! A proxy of a world: one real proxy after the other, as it is started, stopped and killed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proxy::observe::Watch;
use proxy::{Config, Limits, NoDiscovery, Peer, Proxy};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::sync::oneshot;

use super::World;
use super::platform::{self, Platform, Process};
use super::watched::{WatchedDiscovery, WatchedNet, Watcher};
use crate::event::{Event, Holdings, ProxyNo, Stop};
use crate::scenario::{Plan, planned};

/// A proxy's place in a world.
pub(super) struct ProxySlot<E: Platform> {
    process: RefCell<Option<Rc<E::Process>>>,
    watch: Rc<RefCell<Watch>>,
    /// How the run under way will have stopped, once it has.
    how: RefCell<Rc<Cell<Option<Stop>>>>,
    stopper: RefCell<Option<oneshot::Sender<()>>>,
    /// Whether its time to start has come.
    due: Cell<bool>,
    /// How many faults keep it from running.
    kept_down: Cell<u32>,
    runs: Cell<u32>,
    /// What it held when it was looked at last.
    held: RefCell<Option<Holdings>>,
}

/// Tells that a proxy has stopped, also when its program is ended from outside.
struct Stopped {
    watcher: Watcher,
    how: Rc<Cell<Option<Stop>>>,
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let how = self.how.take().unwrap_or(Stop::Failed);
        self.watcher.recorder.record(Event::ProxyStopped { proxy: self.watcher.proxy, how });
    }
}

impl<E: Platform> Default for ProxySlot<E> {
    fn default() -> Self {
        Self {
            process: RefCell::default(),
            watch: Rc::default(),
            how: RefCell::default(),
            stopper: RefCell::default(),
            due: Cell::default(),
            kept_down: Cell::default(),
            runs: Cell::default(),
            held: RefCell::default(),
        }
    }
}

impl<E: Platform> ProxySlot<E> {
    /// Its time has come.
    pub(super) fn come_up(&self, world: &World<E>, number: ProxyNo) {
        self.due.set(true);
        if self.kept_down.get() == 0 {
            self.start(world, number);
        }
    }

    /// One fault more keeps it down.
    pub(super) fn keep_down(&self) {
        self.kept_down.set(self.kept_down.get() + 1);
    }

    /// One fault less does.
    pub(super) fn may_come_up(&self, world: &World<E>, number: ProxyNo) {
        self.kept_down.set(self.kept_down.get() - 1);
        if self.kept_down.get() == 0 && self.due.get() {
            self.start(world, number);
        }
    }

    fn start(&self, world: &World<E>, number: ProxyNo) {
        let run = self.runs.get();
        self.runs.set(run + 1);
        let (stopper, stopped) = oneshot::channel();
        *self.stopper.borrow_mut() = Some(stopper);
        self.how.take();
        let before = self.process.take();
        let launch = Launch {
            number,
            run,
            plan: Rc::clone(&world.plan),
            engine: Rc::clone(&world.engine),
            watch: Rc::clone(&self.watch),
            how: Rc::clone(&self.how.borrow()),
            watcher: Watcher { recorder: world.recorder.clone(), proxy: number },
        };
        let program = async move {
            if let Some(before) = before {
                before.ended().await;
            }
            launch.run(stopped).await;
        };
        let host = world.plan.proxy(number).host;
        let process = Rc::new(world.engine.spawn(host, platform::program(program)));
        *self.process.borrow_mut() = Some(process);
    }

    pub(super) fn ask_to_stop(&self) {
        if let Some(stopper) = self.stopper.take() {
            self.how.borrow().set(Some(Stop::Asked));
            // Its program may have ended before.
            let _ = stopper.send(());
        }
    }

    pub(super) fn kill(&self, how: Stop) {
        self.stopper.take();
        if let Some(process) = &*self.process.borrow() {
            self.how.borrow().set(Some(how));
            process.kill();
        }
    }

    /// Its host is about to be without power.
    pub(super) fn lose_power(&self) {
        self.keep_down();
        self.stopper.take();
        self.how.borrow().set(Some(Stop::PowerLost));
    }

    /// Ready when nothing of it runs.
    pub(super) async fn ended(&self) {
        let process = self.process.borrow().clone();
        if let Some(process) = process {
            process.ended().await;
        }
    }

    /// What it holds, if that is not what it held before; or in any case.
    pub(super) fn look(&self, in_any_case: bool) -> Option<Holdings> {
        let inside = self.watch.borrow().holdings()?;
        let (sockets, tasks) =
            self.process.borrow().as_ref().map_or((None, None), |process| process.counts());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let adverts = inside.adverts.into_iter();
        let holdings = Holdings {
            clients: count(inside.clients),
            links: count(inside.links),
            queued_bytes: inside.queued_bytes,
            queued_bytes_max: inside.queued_bytes_max,
            adverts: adverts.map(|(i, channel)| (i.into(), channel.as_str().into())).collect(),
            sockets,
            tasks,
        };
        let changed = self.held.borrow().as_ref() != Some(&holdings);
        (changed || in_any_case).then(|| {
            *self.held.borrow_mut() = Some(holdings.clone());
            holdings
        })
    }
}

/// All that one run of a proxy needs.
struct Launch<E: Platform> {
    number: ProxyNo,
    run: u32,
    plan: Rc<Plan>,
    engine: Rc<E>,
    watch: Rc<RefCell<Watch>>,
    how: Rc<Cell<Option<Stop>>>,
    watcher: Watcher,
}

impl<E: Platform> Launch<E> {
    async fn run(self, stopped: oneshot::Receiver<()>) {
        let spec = self.plan.proxy(self.number);
        let (host, port) = (spec.host, spec.port);
        let mut rng = ChaCha8Rng::seed_from_u64(self.plan.seed);
        rng.set_stream(u64::from(self.number.0) << 32 | u64::from(self.run));
        let _stopped = Stopped { watcher: self.watcher.clone(), how: self.how };
        let discovery_rng = ChaCha8Rng::seed_from_u64(rng.next_u64());
        let name = self.plan.host(host).host_name.clone();
        let net = WatchedNet::new(self.engine.net(host), name, self.watcher.clone());
        let config = config(&self.plan, spec, &*self.engine);
        let proxy = match Proxy::bind(net, config, rng).await {
            Ok(proxy) => proxy.observed_by(Rc::new(self.watcher.clone())),
            Err(error) => {
                tracing::error!(%error, "a proxy of the world could not start");
                return;
            }
        };
        let id = proxy.id().to_string().into();
        *self.watch.borrow_mut() = proxy.watch();
        let started = Event::ProxyStarted { proxy: self.number, host, port, id };
        self.watcher.recorder.record(started);
        let stopped = async { drop(stopped.await) };
        if spec.discovery {
            let discovery = self.engine.discovery(self.number, discovery_rng);
            proxy.run(WatchedDiscovery::new(discovery, self.watcher.clone()), stopped).await;
        } else {
            proxy.run(NoDiscovery, stopped).await;
        }
    }
}

fn config<E: Platform>(plan: &Plan, spec: &planned::Proxy, engine: &E) -> Config {
    let peer = |number: &ProxyNo| {
        let other = plan.proxy(*number);
        Peer { host: engine.name(other.host), port: other.port }
    };
    Config {
        port: spec.port,
        bind: engine.bind(spec.host),
        peers: spec.peers.iter().map(peer).collect(),
        limits: Limits {
            keep_alive: spec.options.keep_alive,
            stall_time: spec.options.stall_time,
            queue_bytes: spec.options.queue_size,
            message_bytes: spec.options.max_message_size,
            ..Limits::default()
        },
        ..Config::default()
    }
}
