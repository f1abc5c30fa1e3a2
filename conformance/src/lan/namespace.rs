//! One network namespace, and the processes in it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

/// What the first process in a namespace does: it says that all is ready, and stays as long as
/// the suite holds the other end of its standard input.
///
/// Addresses are there at once if nobody asks whether another host has them.
const HOLDER: &str = "set -e
ip link set lo up
for of in all default; do echo 0 >/proc/sys/net/ipv6/conf/$of/accept_dad; done
echo ready
exec cat >/dev/null 2>&1";

/// A network namespace with only loopback, and a process namespace: when this is dropped, or the
/// suite dies, the kernel ends all that runs there.
#[derive(Debug)]
pub(super) struct Namespace {
    holder: Child,
    network: File,
    processes: File,
}

impl Namespace {
    pub(super) fn new() -> io::Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "--pid", "--fork", "--kill-child", "sh", "-c", HOLDER]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command.spawn()?;
        let mut said = String::new();
        let output = holder.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut said)?;
        if said.trim_end() != "ready" {
            // Its end closes the pipe.
            let mut why = String::new();
            holder.stderr.take().expect("it is piped").read_to_string(&mut why)?;
            holder.wait()?;
            return Err(io::Error::other(why.trim().replace('\n', "; ")));
        }
        let open = |kind| File::open(format!("/proc/{}/ns/{kind}", holder.id()));
        let (network, processes) = (open("net")?, open("pid_for_children")?);
        Ok(Self { holder, network, processes })
    }

    /// A process in the network namespace, but not in the process namespace: its number means
    /// the namespace to `ip`.
    pub(super) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// Runs `work` on a thread in the network namespace. Sockets that it makes stay there.
    pub(super) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        in_thread(|| {
            kernel::enter_network(self.network.as_fd())?;
            Ok(work())
        })
    }

    /// Starts a program in both namespaces.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        in_thread(|| {
            kernel::enter_network(self.network.as_fd())?;
            kernel::enter_processes(self.processes.as_fd())?;
            command.spawn()
        })
    }

    /// Runs commands of `ip`, a line each, and gives what they print.
    pub(super) fn ip(&self, script: &str) -> io::Result<String> {
        let mut command = Command::new("ip");
        command.args(["-batch", "-"]);
        let done = self.enter(|| feed(&mut command, script))??;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        let errors = String::from_utf8_lossy(&done.stderr);
        Err(io::Error::other(format!("ip: {} of: {script}", errors.trim()).replace('\n', "; ")))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The kernel tells the first process in the namespace of its parent's end, and all others
        // of that one's. That end is not waited for: it may wait for somebody of the suite to
        // reap a child.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn in_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn feed(command: &mut Command, input: &str) -> io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().expect("it is piped").write_all(input.as_bytes())?;
    child.wait_with_output()
}

#[cfg(target_os = "linux")]
mod kernel {
    use rustix::thread::LinkNameSpaceType::{Network, ProcessID};
    use rustix::thread::move_into_link_name_space;

    use super::{BorrowedFd, io};

    pub(super) fn enter_network(handle: BorrowedFd<'_>) -> io::Result<()> {
        Ok(move_into_link_name_space(handle, Some(Network))?)
    }

    pub(super) fn enter_processes(handle: BorrowedFd<'_>) -> io::Result<()> {
        Ok(move_into_link_name_space(handle, Some(ProcessID))?)
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{BorrowedFd, io};

    pub(super) fn enter_network(_: BorrowedFd<'_>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn enter_processes(_: BorrowedFd<'_>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
