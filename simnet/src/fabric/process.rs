//! Processes: tasks that belong to a host.
//!
//! ```text
//!   Fabric::spawn(host, future) ──▶ runs while the host is on and awake, by the host's clock
//!                                     │ ends by itself   → Exit::Done
//!          Process::kill, power off ──┤ is dropped       → Exit::Killed   its sockets close
//!                                     │ panics           → Exit::Panicked
//! ```
//!
//! A process is a `LocalSet` of its own: what it spawns with a `JoinSet` ends with it, whether or
//! not it cleans up.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use proxy::clock::HostClock;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use super::core::Shared;
use super::packet::HostId;

/// One process of a fabric, in the order of their starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit<T> {
    /// By itself, with this.
    Done(T),
    /// It was killed, or its host lost its power.
    Killed,
    /// It panicked; so it said.
    Panicked(String),
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
pub(super) struct Processes {
    started: u32,
    current: Option<ProcessId>,
    all: BTreeMap<ProcessId, Entry>,
    /// Polls each of them.
    tasks: JoinSet<()>,
}

struct Entry {
    host: HostId,
    clock: HostClock,
    /// None while it is polled.
    future: Option<Running>,
    killed: bool,
    waker: Option<Waker>,
}

/// A process that was started. Dropping this leaves it running.
pub struct Process<T> {
    shared: Rc<Shared>,
    host: HostId,
    id: ProcessId,
    exit: oneshot::Receiver<Exit<T>>,
}

impl<T> Process<T> {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Ends it at once, as the system would: its tasks are dropped where they stand, its
    /// connections closed, or reset if they hold what it has not read.
    pub fn kill(&self) {
        self.shared.kill(self.id);
    }

    /// Waits for its end.
    pub async fn join(self) -> Exit<T> {
        // Whoever drops the sender was dropped itself.
        self.exit.await.unwrap_or(Exit::Killed)
    }

    /// TCP connections that it holds, without those that nobody has accepted.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.shared.with(|core| {
            let own = core[self.host].tcp.owners().filter(|owner| *owner == self.id);
            u32::try_from(own.count()).unwrap_or(u32::MAX)
        })
    }
}

impl Shared {
    /// Whose task runs now.
    pub(super) fn current_process(&self) -> Option<ProcessId> {
        self.processes.borrow().current
    }

    pub(super) fn spawn<F: Future + 'static>(
        self: &Rc<Self>,
        host: HostId,
        clock: HostClock,
        future: F,
    ) -> Process<F::Output> {
        let (tell, exit) = oneshot::channel();
        let running = async move {
            let local = LocalSet::new();
            let mut run = std::pin::pin!(local.run_until(future));
            let done =
                poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx))) {
                    Ok(poll) => poll.map(Exit::Done),
                    Err(panic) => Poll::Ready(Exit::Panicked(panic_text(&*panic))),
                });
            // Nobody may wait.
            let _ = tell.send(done.await);
        };
        let mut processes = self.processes.borrow_mut();
        processes.started += 1;
        let id = ProcessId(processes.started);
        let future: Option<Running> = Some(Box::pin(running));
        let entry = Entry { host, clock, future, killed: false, waker: None };
        processes.all.insert(id, entry);
        while processes.tasks.try_join_next().is_some() {}
        let shared = Rc::clone(self);
        processes.tasks.spawn_local(poll_fn(move |cx| shared.poll_process(id, cx)));
        drop(processes);
        Process { shared: Rc::clone(self), host, id, exit }
    }

    fn poll_process(&self, id: ProcessId, cx: &mut Context<'_>) -> Poll<()> {
        let mut processes = self.processes.borrow_mut();
        let Some(entry) = processes.all.get_mut(&id) else { return Poll::Ready(()) };
        if !entry.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            entry.waker = Some(cx.waker().clone());
        }
        if !self.with(|core| core[entry.host].is_on()) {
            return Poll::Pending;
        }
        let Some(mut future) = entry.future.take() else { return Poll::Pending };
        let clock = entry.clock.clone();
        let before = processes.current.replace(id);
        drop(processes);
        let poll = clock.enter(|| future.as_mut().poll(cx));
        let mut processes = self.processes.borrow_mut();
        let ends = poll.is_ready() || processes.all.get(&id).is_none_or(|entry| entry.killed);
        if !ends {
            if let Some(entry) = processes.all.get_mut(&id) {
                entry.future = Some(future);
            }
            processes.current = before;
            return Poll::Pending;
        }
        processes.all.remove(&id);
        drop(processes);
        clock.enter(|| drop(future));
        self.processes.borrow_mut().current = before;
        Poll::Ready(())
    }

    pub(super) fn kill(&self, id: ProcessId) {
        let mut processes = self.processes.borrow_mut();
        let Some(entry) = processes.all.get_mut(&id) else { return };
        let Some(future) = entry.future.take() else {
            // It kills itself: after this poll.
            entry.killed = true;
            return;
        };
        let entry = processes.all.remove(&id);
        drop(processes);
        if let Some(Entry { clock, waker, .. }) = entry {
            clock.enter(|| drop(future));
            waker.into_iter().for_each(Waker::wake);
        }
    }

    pub(super) fn kill_all(&self, host: Option<HostId>) {
        let ids: Vec<ProcessId> = {
            let processes = self.processes.borrow();
            let of_host = |entry: &Entry| host.is_none_or(|host| entry.host == host);
            let all = processes.all.iter().filter(|(_, entry)| of_host(entry));
            all.map(|(id, _)| *id).collect()
        };
        ids.into_iter().for_each(|id| self.kill(id));
    }

    /// A host woke up: its processes look around.
    pub(super) fn wake_processes(&self, host: HostId) {
        let processes = self.processes.borrow();
        let awake = processes.all.values().filter(|entry| entry.host == host);
        awake.filter_map(|entry| entry.waker.as_ref()).for_each(Waker::wake_by_ref);
    }

    /// The world is over. This also undoes that processes and fabric hold each other.
    pub(super) fn end(&self) {
        self.kill_all(None);
        let tasks = std::mem::take(&mut self.processes.borrow_mut().tasks);
        drop(tasks);
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "?".to_owned())
}
