//! Which processor runs what. The load on one and the server on another, always: else the system
//! moves them about, and whoever shares a processor with the load seems cheaper, or dearer.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::{Context, Error};
use crate::servers::{Kind, Server};

/// This thread stays on the first processor while it lives, if there are two.
pub(crate) struct Apart {
    before: CpuSet,
    /// The processor for servers, if there is another one.
    second: Option<usize>,
}

impl Apart {
    pub(crate) fn begin() -> Result<Self, Error> {
        let before = sched_getaffinity(None).context("asking for processors")?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|cpu| before.is_set(*cpu));
        let (first, second) = (allowed.next(), allowed.next());
        if let (Some(first), Some(_)) = (first, second) {
            sched_setaffinity(None, &only(first)).context("choosing a processor")?;
        }
        Ok(Self { before, second })
    }

    /// Puts a server on the other processor. One that has several threads for its work may use
    /// both, as it would.
    pub(crate) fn put(&self, server: &Server) -> Result<(), Error> {
        let id = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
        match self.second.filter(|_| server.kind != Kind::Naive) {
            Some(second) => sched_setaffinity(id, &only(second)).context("choosing a processor"),
            None => sched_setaffinity(id, &self.before).context("choosing processors"),
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // It was so before.
        let _ = sched_setaffinity(None, &self.before);
    }
}

fn only(cpu: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(cpu);
    set
}
