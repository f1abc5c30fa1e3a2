//! What a case gets: instances of the target, hosts, names, and the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::case::{Case, Step, Stop};
use crate::lan::{self, Host, Lan};
use crate::log::Log;
use crate::reach::Reach;
use crate::target::{Instance, Options, Target};
use crate::wire::{Answer, Conn, Request, Wire};

/// Where the instance of an area is, while there is one.
type Slot = Mutex<Option<Arc<Instance>>>;

/// A target, and the instances that cases share.
#[derive(Debug)]
pub struct Suite {
    target: Target,
    /// One for each area. A case that ends one, or finds it ended, leaves None.
    shared: Mutex<BTreeMap<&'static str, Arc<Slot>>>,
    names: AtomicU32,
    /// Found out once, by trying.
    reach: OnceLock<Reach>,
    deaths: Mutex<Vec<Noticed>>,
}

/// The end of an instance that cases share.
#[derive(Debug)]
pub(crate) struct Death {
    instance: Arc<Instance>,
    /// How it ended, and what it said last.
    pub(crate) obituary: String,
}

/// A death, and who ran when it came.
#[derive(Debug)]
struct Noticed {
    death: Death,
    cases: Vec<&'static str>,
    /// One of them ends a target of its own, too.
    explained: bool,
}

/// What one run of one case works with.
pub struct World {
    suite: Arc<Suite>,
    case: &'static Case,
    log: Log,
    alone: bool,
    shared: Option<Arc<Instance>>,
}

impl Suite {
    /// Nothing is started before a case needs it.
    #[must_use]
    pub fn new(target: Target) -> Arc<Self> {
        crate::descriptors::raise_limit();
        Arc::new(Self {
            target,
            shared: Mutex::default(),
            names: AtomicU32::new(1),
            reach: OnceLock::new(),
            deaths: Mutex::default(),
        })
    }

    /// What is tested.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Keeps in mind that `case` ran when a shared instance ended; `guilty` if it also ends one of
    /// its own.
    pub(crate) fn remember(&self, death: Death, case: &Case, guilty: bool) {
        let mut deaths = self.deaths.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            deaths.iter().position(|known| Arc::ptr_eq(&known.death.instance, &death.instance));
        let index = known.unwrap_or_else(|| {
            deaths.push(Noticed { death, cases: Vec::new(), explained: false });
            deaths.len() - 1
        });
        deaths[index].cases.push(case.id);
        deaths[index].explained |= guilty;
    }

    /// What is wrong with the target beyond what cases say of it; to be asked when all have run.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let deaths = self.deaths.lock().unwrap_or_else(PoisonError::into_inner);
        let mut troubles: Vec<_> = deaths
            .iter()
            .filter(|noticed| !noticed.explained)
            .map(|Noticed { death, cases, .. }| {
                format!(
                    "while these cases shared it, {}; none of them ends it when it is alone: {}",
                    death.obituary,
                    cases.join(", ")
                )
            })
            .collect();
        if let Some(Stop::Fail { received, .. }) =
            self.target.running().and_then(|running| running.wire("end", &Log::new()).err())
        {
            troubles.push(format!(
                "the target that ran already accepts no connection any more ({received}); start \
                 it again, and run those cases that failed since then"
            ));
        }
        troubles
    }

    fn reach(&self) -> Reach {
        *self.reach.get_or_init(|| match self.target.running() {
            Some(running) => Reach::of(&running),
            None => Reach::Machine,
        })
    }

    fn slot(&self, area: &'static str) -> Arc<Slot> {
        let mut slots = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(area).or_default())
    }
}

impl World {
    /// For one run of `case`.
    #[must_use]
    pub fn new(suite: &Arc<Suite>, case: &'static Case) -> Self {
        Self { suite: Arc::clone(suite), case, log: Log::new(), alone: false, shared: None }
    }

    /// The same, but sharing no instance with other cases.
    pub(crate) fn alone(suite: &Arc<Suite>, case: &'static Case) -> Self {
        Self { alone: true, ..Self::new(suite, case) }
    }

    /// What goes over the wire.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What is tested.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.suite.target
    }

    /// A name of a channel that no other case has.
    pub fn name(&self) -> String {
        let number = self.suite.names.fetch_add(1, Ordering::Relaxed);
        format!("c{}-{number}", std::process::id())
    }

    /// The path of a channel that no other case has: a local one where the suite may open those,
    /// else a broadcast channel, of which the same is asked.
    pub fn local(&self) -> String {
        format!("{}{}", self.scope(), self.name())
    }

    /// The prefix of such a path.
    pub fn scope(&self) -> &'static str {
        self.scopes()[0]
    }

    /// The prefixes of all channels that the suite may open.
    pub fn scopes(&self) -> &'static [&'static str] {
        self.suite.reach().scopes()
    }

    /// Skips the case where the suite may open no local channels.
    ///
    /// # Errors
    ///
    /// The skip.
    pub fn needs_local(&self) -> Step {
        self.suite.reach().needs_local()
    }

    /// The path of a broadcast channel that no other case has.
    pub fn broadcast(&self) -> String {
        format!("/broadcast/{}", self.name())
    }

    /// The instance that all cases of this area share, with discovery off; for what harms nobody
    /// else.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn proxy(&mut self) -> Step<Arc<Instance>> {
        if let Some(shared) = &self.shared {
            return Ok(Arc::clone(shared));
        }
        self.suite.reach().needs_clients()?;
        let instance = if self.alone {
            Arc::new(self.start(&Self::shared_options())?)
        } else {
            let slot = self.suite.slot(self.case.clause().area());
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match &*slot {
                Some(instance) if instance.obituary().is_none() => Arc::clone(instance),
                _ => {
                    let started = match self.suite.target.running() {
                        Some(running) => running,
                        None => self.start(&Self::shared_options())?,
                    };
                    Arc::clone(slot.insert(Arc::new(started)))
                }
            }
        };
        self.shared = Some(Arc::clone(&instance));
        Ok(instance)
    }

    fn shared_options() -> Options {
        Options { no_discovery: true, ..Options::default() }
    }

    /// The end of the instance that this case shared, if it has ended.
    pub(crate) fn death(&self) -> Option<Death> {
        let instance = Arc::clone(self.shared.as_ref()?);
        let obituary = instance.death()?;
        Some(Death { instance, obituary })
    }

    /// An instance of this case's own, on a host that has only loopback, or on this machine where
    /// there can be no hosts.
    ///
    /// # Errors
    ///
    /// It does not start, or cannot be told what it must be.
    pub fn start(&self, options: &Options) -> Step<Instance> {
        self.target().start(self.home()?, options, &self.log)
    }

    /// Where an instance of this case's own can live: a new host that has only loopback, or None
    /// for this machine where there can be no hosts.
    ///
    /// # Errors
    ///
    /// The host cannot be made.
    pub fn home(&self) -> Step<Option<Arc<Host>>> {
        match lan::unavailable() {
            None if self.target().is_started() => Ok(Some(Arc::new(Host::alone("target")?))),
            _ => Ok(None),
        }
    }

    /// An instance on a host of a network, with discovery on unless the options say otherwise.
    ///
    /// # Errors
    ///
    /// It does not start, or cannot be told what it must be.
    pub fn start_on(&self, host: &Arc<Host>, options: &Options) -> Step<Instance> {
        self.target().start(Some(Arc::clone(host)), options, &self.log)
    }

    /// A network of this case's own.
    ///
    /// # Errors
    ///
    /// Skips the case where there can be none, or the suite cannot start the target in it.
    pub fn lan(&self) -> Step<Lan> {
        if !self.target().is_started() {
            return Err(Stop::skip(
                "needs hosts of the suite's own; this target runs already, where it is",
            ));
        }
        Lan::new(&self.log)
    }

    /// A connection to the shared instance.
    ///
    /// # Errors
    ///
    /// It does not accept.
    pub fn wire(&mut self, name: &str) -> Step<Wire> {
        self.proxy()?.wire(name, &self.log)
    }

    /// The shared instance's answer to a request on a connection of its own.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn ask(&mut self, request: &Request) -> Step<Answer> {
        self.wire("http")?.ask(request)
    }

    /// A client of the shared instance.
    ///
    /// # Errors
    ///
    /// It is refused.
    pub fn client(&mut self, path: &str, name: &str) -> Step<Conn> {
        Ok(self.wire(name)?.upgrade(&Request::upgrade(path))?.0)
    }

    /// Two clients of the shared instance on one channel, usually called `alice` and `bob`.
    ///
    /// # Errors
    ///
    /// They are refused.
    pub fn pair(&mut self, path: &str) -> Step<(Conn, Conn)> {
        Ok((self.client(path, "alice")?, self.client(path, "bob")?))
    }
}
