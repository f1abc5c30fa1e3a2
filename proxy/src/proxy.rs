//! A whole proxy, put together from the world that it is given.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::{self, timeout};
use crate::discovery::Discovery;
use crate::http::Access;
use crate::hub::Hub;
use crate::id::ProxyId;
use crate::limits::{DIALS_MAX, Limits, SHUTDOWN_TIME};
use crate::link::dial::Dialler;
use crate::link::driver::Driver;
use crate::link::planner::Planner;
use crate::link::{DEFAULT_PORT, Peer};
use crate::net::{Listener, Net};
use crate::observe::{Observer, Watch};
use crate::seats::Seats;
use crate::server::serve;
use crate::site::Site;
use crate::status::Reporter;
use crate::stop::{Stop, stop};
use crate::tokio_net::is_unsupported;
use crate::workers::Crew;

/// What a person may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// TCP port; 0 for any free one. 9009 by default, which web pages have built in.
    pub port: u16,
    /// Addresses to listen on. By default all, IPv4 and IPv6.
    pub bind: Vec<IpAddr>,
    /// Proxies to link with without any advert.
    pub peers: Vec<Peer>,
    /// Who may connect.
    pub access: Access,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: DEFAULT_PORT,
            bind: vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
            peers: Vec::new(),
            access: Access::default(),
            limits: Limits::default(),
        }
    }
}

/// A proxy could not listen where it was told to.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the network said.
    pub source: io::Error,
}

/// A proxy that listens, and serves once it is [run](Proxy::run).
pub struct Proxy<N: Net> {
    net: N,
    config: Config,
    rng: ChaCha8Rng,
    id: ProxyId,
    listeners: Vec<N::Listener>,
    addresses: Vec<SocketAddr>,
    observer: Option<Rc<dyn Observer>>,
    watch: Watch,
    crew: Crew,
    seats: Arc<Seats>,
}

/// Listens on each of the addresses, and says where that is.
pub(crate) async fn listen<N: Net>(
    net: &N,
    config: &Config,
) -> Result<(Vec<N::Listener>, Vec<SocketAddr>), BindError> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::<SocketAddr>::new());
    for ip in &config.bind {
        // All addresses have one port: the first one's, if it was for the network to choose.
        let port = addresses.first().map_or(config.port, SocketAddr::port);
        let address = SocketAddr::new(*ip, port);
        match net.listen(address).await {
            Ok(listener) => {
                let actual = listener.local_addr();
                addresses.push(actual.map_err(|source| BindError { address, source })?);
                listeners.push(listener);
            }
            Err(error) if !addresses.is_empty() && is_unsupported(&error, *ip) => {
                tracing::info!(%error, "this machine has no IPv6; serving IPv4 alone");
            }
            Err(source) => return Err(BindError { address, source }),
        }
    }
    Ok((listeners, addresses))
}

impl<N: Net> Proxy<N> {
    /// Listens as `config` says. All randomness of the proxy comes from `rng`.
    ///
    /// A host without IPv6 is served over IPv4 alone.
    ///
    /// # Errors
    ///
    /// The first address that could not be had, and why.
    pub async fn bind(net: N, config: Config, mut rng: ChaCha8Rng) -> Result<Self, BindError> {
        let (listeners, addresses) = listen(&net, &config).await?;
        let id = ProxyId::random(&mut rng);
        let (observer, watch, crew) = (None, Watch::default(), Crew::default());
        let seats = Arc::new(Seats::new(config.limits.connections));
        Ok(Self { net, config, rng, id, listeners, addresses, observer, watch, crew, seats })
    }

    /// Makes this proxy one of several workers, which are one proxy to everybody else.
    pub(crate) fn worker(mut self, id: ProxyId, crew: Crew, seats: Arc<Seats>) -> Self {
        (self.id, self.crew, self.seats) = (id, crew, seats);
        self
    }

    /// Who the proxy is in this run.
    #[must_use]
    pub fn id(&self) -> ProxyId {
        self.id
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Tells `observer` of links from now on.
    #[must_use]
    pub fn observed_by(mut self, observer: Rc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// A way to look into the proxy while it runs.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Serves until `stopped` is ready; then says goodbye to the network, closes every connection
    /// with 1001, and returns when all are gone, or after 1.5 s. Readers
    /// that are slow lose what they have not taken after the first second, and are told 1001 then.
    ///
    /// Must be polled where tasks may be spawned that stay on their thread: within a
    /// [`LocalSet`](tokio::task::LocalSet) or a local runtime. All its tasks and connections
    /// end with this future, also when it is dropped; `discovery` is dropped with it.
    pub async fn run<D: Discovery>(mut self, discovery: D, stopped: impl Future<Output = ()>) {
        let port = self.addresses.first().map_or(self.config.port, SocketAddr::port);
        let planner_rng = ChaCha8Rng::seed_from_u64(self.rng.next_u64());
        let dials = DIALS_MAX.div_ceil(self.crew.number());
        let planner = Planner::new(self.id, port, self.config.peers, dials, planner_rng);
        let planner = Rc::new(RefCell::new(planner));
        let rng = Rc::new(RefCell::new(self.rng));
        let (events, hub_events) = mpsc::unbounded_channel();
        let hub = Rc::new(Hub::new(self.config.limits, &rng, events, self.observer, self.seats));
        self.watch.open(&hub, &planner);
        let reporter = Reporter {
            id: self.id,
            port,
            discovery: discovery.name(),
            advertises: discovery.advertises(),
            started: clock::now(),
            planner: Rc::clone(&planner),
        };
        let site = Rc::new(Site {
            net: self.net.clone(),
            id: self.id,
            access: self.config.access,
            hub: Rc::clone(&hub),
            reporter,
            crew: self.crew,
        });
        let (stopper, stop) = stop();
        let dialler = Dialler { net: self.net, own: self.id, rng };
        let listening = self.addresses;
        let driver =
            Driver::new(dialler, listening, Rc::clone(&hub), hub_events, planner, discovery);
        let mut work = JoinSet::new();
        work.spawn_local(driver.run(stop.clone()));
        work.spawn_local(answer_crew(Rc::clone(&site), stop.clone()));
        for listener in self.listeners {
            work.spawn_local(serve(Rc::clone(&site), listener, stop.clone()));
        }
        let mut ended = pin!(async {
            while let Some(done) = work.join_next().await {
                if let Err(error) = done {
                    tracing::error!(%error, "a part of the proxy failed; please report this");
                }
            }
        });
        tokio::select! {
            biased;
            () = stopped => {}
            () = &mut ended => return,
        }
        stopper.stop();
        hub.close_all();
        if timeout(SHUTDOWN_TIME, ended).await.is_err() {
            tracing::info!("some connections did not close in time; they are dropped");
        }
    }
}

/// Tells the other workers what this one has, for as long as it serves.
async fn answer_crew<N: Net>(site: Rc<Site<N>>, mut stop: Stop) {
    tokio::select! {
        biased;
        () = stop.wait() => {}
        () = site.crew.answer(|| site.own_status()) => {}
    }
}
