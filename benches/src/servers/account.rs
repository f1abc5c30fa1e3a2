//! What a process has used, from the system's own accounting.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Server;
use crate::error::{Context, Error};

/// CPU time of the servers so far, all threads, in the kernel and outside.
///
/// From the scheduler, in nanoseconds; `utime` and `stime` count in hundredths of a second. What
/// the kernel does for a socket on the way (soft interrupts of the loopback device) counts for
/// whoever sends.
pub(crate) fn cpu(servers: &[&Server]) -> Result<Duration, Error> {
    servers.iter().map(|server| cpu_of(server.id())).sum()
}

fn cpu_of(process: u32) -> Result<Duration, Error> {
    let tasks = format!("/proc/{process}/task");
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(&tasks).with(|| format!("reading {tasks}"))? {
        sum += cpu_of_task(&task.context("reading a task")?.path())?;
    }
    Ok(sum)
}

fn cpu_of_task(task: &Path) -> Result<Duration, Error> {
    let path = task.join("schedstat");
    let text = fs::read_to_string(&path).with(|| format!("reading {}", path.display()))?;
    let used = text.split(' ').next().and_then(|number| number.parse().ok());
    used.map(Duration::from_nanos).ok_or_else(|| Error(format!("{}: {text:?}", path.display())))
}

/// CPU time of each thread of a server so far.
pub(crate) fn threads(server: &Server) -> Result<BTreeMap<OsString, Duration>, Error> {
    let tasks = format!("/proc/{}/task", server.id());
    let tasks = fs::read_dir(&tasks).with(|| format!("reading {tasks}"))?;
    tasks
        .map(|task| {
            let task = task.context("reading a task")?;
            Ok((task.file_name(), cpu_of_task(&task.path())?))
        })
        .collect()
}

/// What each thread used between two such looks.
pub(crate) fn since(
    before: &BTreeMap<OsString, Duration>,
    after: &BTreeMap<OsString, Duration>,
) -> Vec<Duration> {
    let of = |(task, used): (_, &Duration)| *used - before.get(task).copied().unwrap_or_default();
    after.iter().map(of).collect()
}

/// Bytes of memory that are a server's own share (PSS). The kernel's sockets are not in it.
pub(crate) fn memory(server: &Server) -> Result<u64, Error> {
    let path = format!("/proc/{}/smaps_rollup", server.id());
    let text = fs::read_to_string(&path).with(|| format!("reading {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| Error(format!("{path} has no Pss")))
}

/// CPU time of this thread, which makes the load.
pub(crate) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("time used is not negative")
}
