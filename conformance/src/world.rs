//! What a case gets: instances of the target, hosts, names, and the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::case::{Case, Step, Stop};
use crate::lan::{self, Host, Lan};
use crate::log::Log;
use crate::target::{Instance, Options, Target};
use crate::wire::{Answer, Conn, Request, Wire};

/// A target, and the instances that cases share.
#[derive(Debug)]
pub struct Suite {
    target: Target,
    /// One for each area. A case that ends one, or finds it ended, leaves None.
    shared: Mutex<BTreeMap<&'static str, Arc<Mutex<Option<Arc<Instance>>>>>>,
    names: AtomicU32,
}

/// What one run of one case works with.
pub struct World {
    suite: Arc<Suite>,
    case: &'static Case,
    log: Log,
    shared: Option<Arc<Instance>>,
}

impl Suite {
    /// Nothing is started before a case needs it.
    #[must_use]
    pub fn new(target: Target) -> Arc<Self> {
        Arc::new(Self { target, shared: Mutex::default(), names: AtomicU32::new(1) })
    }

    /// What is tested.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Drops the shared instances that have ended, with what they said last.
    pub(crate) fn bury(&self, area: &str) -> Option<String> {
        let slots = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(slots.get(area)?);
        drop(slots);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let obituary = slot.as_ref()?.obituary()?;
        *slot = None;
        Some(obituary)
    }

    fn slot(&self, area: &'static str) -> Arc<Mutex<Option<Arc<Instance>>>> {
        let mut slots = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(area).or_default())
    }
}

impl World {
    /// For one run of `case`.
    #[must_use]
    pub fn new(suite: &Arc<Suite>, case: &'static Case) -> Self {
        Self { suite: Arc::clone(suite), case, log: Log::new(), shared: None }
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

    /// The path of a local channel that no other case has.
    pub fn local(&self) -> String {
        format!("/local/{}", self.name())
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
        let slot = self.suite.slot(self.case.clause().area());
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let instance = match &*slot {
            Some(instance) => Arc::clone(instance),
            None => {
                let started = match self.suite.target.running() {
                    Some(running) => running,
                    None => self.start(&Options { no_discovery: true, ..Options::default() })?,
                };
                Arc::clone(slot.insert(Arc::new(started)))
            }
        };
        self.shared = Some(Arc::clone(&instance));
        Ok(instance)
    }

    /// An instance of this case's own, on a host that has only loopback, or on this machine where
    /// there can be no hosts.
    ///
    /// # Errors
    ///
    /// It does not start, or cannot be told what it must be.
    pub fn start(&self, options: &Options) -> Step<Instance> {
        let host = match lan::unavailable() {
            None if self.target().is_started() => Some(Arc::new(Host::alone("target")?)),
            _ => None,
        };
        self.target().start(host, options, &self.log)
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
