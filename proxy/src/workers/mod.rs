//! Several cores: channels spread over workers, each of which is a whole proxy for its share.
//!
//! ```text
//!               ┌─ front (the main thread) ─┐         ┌─ worker 0: server, hub, links, planner ─┐
//!  connection ─▶│ accept, look at the       │──hand──▶│  channels a, d, …   pages, /status      │
//!               │ request line, hand over   │  over   ├─ worker 1 ──────────────────────────────┤
//!  adverts ────▶│ discovery                 │────────▶│  channels b, c, …                       │
//!               └───────────────────────────┘         └─────────────────────────────────────────┘
//! ```
//!
//! A channel belongs to one worker, by a hash of its name. So channels need no locks here either,
//! and what a worker runs is the [`Proxy`] that the simulator runs, in a network where listening
//! means to be handed connections ([`handed`]). To everybody else all of them are one proxy: one
//! id, one set of adverts, one limit on connections, one status. With one worker nothing of this
//! is there.

mod crew;
mod front;
mod handed;
mod shared;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::net::TcpListener;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc;

pub(crate) use self::crew::Crew;
use self::handed::{Arrival, Handed};
use self::shared::Shared;
use crate::discovery::Discovery;
use crate::id::ProxyId;
use crate::proxy::{BindError, Config, Proxy, listen};
use crate::seats::Seats;
use crate::stop::{Stop, stop};
use crate::tokio_net::TokioNet;

/// A proxy of several workers that listens, and serves once it is [run](Workers::run).
pub struct Workers {
    number: NonZeroUsize,
    config: Config,
    rng: ChaCha8Rng,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

/// What a worker's thread is given.
struct Work {
    index: usize,
    config: Config,
    seed: u64,
    id: ProxyId,
    crew: Crew,
    seats: Arc<Seats>,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    discovery: Shared,
    stop: Stop,
    _alive: Alive,
}

/// Tells the front when a worker's thread ends, however it does.
struct Alive(mpsc::UnboundedSender<()>);

impl Drop for Alive {
    fn drop(&mut self) {
        // The front waits for it, or has ended by itself.
        let _ = self.0.send(());
    }
}

impl Workers {
    /// Listens as `config` says, for so many workers.
    ///
    /// # Errors
    ///
    /// The first address that could not be had, and why.
    pub async fn bind(
        number: NonZeroUsize,
        config: Config,
        rng: ChaCha8Rng,
    ) -> Result<Self, BindError> {
        let (listeners, addresses) = listen(&TokioNet, &config).await?;
        Ok(Self { number, config, rng, listeners, addresses })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stopped` is ready; then ends as [`Proxy::run`] does.
    ///
    /// Must be polled where tasks may be spawned that stay on their thread.
    ///
    /// # Errors
    ///
    /// If the system gives no threads.
    pub async fn run<D: Discovery>(
        mut self,
        discovery: D,
        stopped: impl Future<Output = ()>,
    ) -> std::io::Result<()> {
        let number = self.number.get();
        let id = ProxyId::random(&mut self.rng);
        let seats = Arc::new(Seats::new(self.config.limits.connections));
        // Each is bound to the addresses that could be had, so that it knows what is its own.
        self.config.port = self.addresses.first().map_or(self.config.port, SocketAddr::port);
        self.config.bind = self.addresses.iter().map(|a| a.ip()).collect::<Vec<IpAddr>>();
        let (stopper, stop) = stop();
        let (alive, ended) = mpsc::unbounded_channel();
        let (handles, shared) = shared::pair(number, discovery.name(), discovery.advertises());
        let (mut threads, mut doors) = (Vec::new(), Vec::new());
        for (index, (crew, discovery)) in Crew::of(number).into_iter().zip(handles).enumerate() {
            let (door, arrivals) = mpsc::unbounded_channel();
            doors.push(door);
            let (config, seats) = (self.config.clone(), Arc::clone(&seats));
            let (seed, stop, _alive) = (self.rng.next_u64(), stop.clone(), Alive(alive.clone()));
            threads.push(start(Work {
                index,
                config,
                seed,
                id,
                crew,
                seats,
                arrivals,
                discovery,
                stop,
                _alive,
            })?);
        }
        drop(alive);
        front::run(self.listeners, doors, (shared, discovery), stop, stopped, stopper, ended).await;
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a worker failed; please report this");
            }
        }
        Ok(())
    }
}

/// A thread, which the proxy otherwise has none of: no simulator runs several workers.
fn start(work: Work) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name(format!("worker-{}", work.index)).spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        match runtime.enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                runtime.block_on(work.run());
                // Not waiting for the system's resolver.
                runtime.shutdown_background();
            }
            Err(error) => tracing::error!(%error, "a worker cannot start"),
        }
    })
}

impl Work {
    async fn run(self) {
        let net = Handed::new(self.arrivals);
        let rng = ChaCha8Rng::seed_from_u64(self.seed);
        match Proxy::bind(net, self.config, rng).await {
            Ok(proxy) => {
                let mut stop = self.stop;
                let proxy = proxy.worker(self.id, self.crew, self.seats);
                proxy.run(self.discovery, stop.wait()).await;
            }
            Err(error) => tracing::error!(%error, "a worker cannot start"),
        }
    }
}
