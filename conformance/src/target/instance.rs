//! One proxy under test that runs, and how to reach it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::options::Timing;
use super::process::Process;
use crate::case::{Step, Stop};
use crate::lan::Host;
use crate::log::{Direction, Log};
use crate::wire::{Answer, Conn, PATIENCE, Request, Wire};

/// How long a program may take to die.
const DYING: Duration = Duration::from_secs(5);

/// A proxy that runs. One that the suite started ends with this.
#[derive(Debug)]
pub struct Instance {
    pub(super) process: Option<Process>,
    pub(super) host: Option<Arc<Host>>,
    pub(super) address: SocketAddr,
    pub(super) host_header: String,
    pub(super) timing: Timing,
}

impl Instance {
    /// What it was told, or has by default.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The host that it runs on, if that is not this machine.
    ///
    /// # Errors
    ///
    /// Skips the case if the target has no host of its own.
    pub fn host(&self) -> Step<&Arc<Host>> {
        self.host
            .as_ref()
            .ok_or_else(|| Stop::skip("needs a target that the suite starts on a host of its own"))
    }

    /// A connection from its own host.
    ///
    /// # Errors
    ///
    /// It does not accept.
    pub fn wire(&self, name: &str, log: &Log) -> Step<Wire> {
        Wire::connect(self.host.as_deref(), self.address, &self.host_header, name, log)
    }

    /// The same with small kernel buffers; see [`Wire::open`].
    ///
    /// # Errors
    ///
    /// It does not accept.
    pub fn narrow(&self, buffer_bytes: usize, name: &str, log: &Log) -> Step<Wire> {
        let buffer = Some(buffer_bytes);
        Wire::open(self.host.as_deref(), self.address, buffer, &self.host_header, name, log)
    }

    /// A connection from another host of the same network.
    ///
    /// # Errors
    ///
    /// It does not accept, or has no host.
    pub fn wire_from(&self, from: &Host, name: &str, log: &Log) -> Step<Wire> {
        let to = SocketAddr::new(IpAddr::V4(self.host()?.v4()), self.port());
        Wire::connect(Some(from), to, &to.to_string(), name, log)
    }

    /// The answer to one request on a connection of its own.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn ask(&self, request: &Request, log: &Log) -> Step<Answer> {
        self.wire("http", log)?.ask(request)
    }

    /// A client from its own host.
    ///
    /// # Errors
    ///
    /// It is refused.
    pub fn client(&self, path: &str, name: &str, log: &Log) -> Step<Conn> {
        Ok(self.wire(name, log)?.upgrade(&Request::upgrade(path))?.0)
    }

    /// A link that the suite dials, from its own host.
    ///
    /// # Errors
    ///
    /// It is refused.
    pub fn link(&self, path: &str, name: &str, log: &Log) -> Step<Conn> {
        Ok(self.wire(name, log)?.upgrade(&Request::link(path))?.0)
    }

    /// A link that the suite dials from another host.
    ///
    /// # Errors
    ///
    /// It is refused.
    pub fn link_from(&self, from: &Host, path: &str, name: &str, log: &Log) -> Step<Conn> {
        Ok(self.wire_from(from, name, log)?.upgrade(&Request::link(path))?.0)
    }

    /// What it has in memory, in bytes, with its children. None where that is not known.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        let mut pids = vec![self.process.as_ref()?.pid()];
        let mut bytes = 0;
        while let Some(pid) = pids.pop() {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            bytes += 1024 * resident.trim().trim_end_matches(" kB").parse::<u64>().ok()?;
            let children = format!("/proc/{pid}/task/{pid}/children");
            let children = std::fs::read_to_string(children).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        Some(bytes)
    }

    /// Tells it to stop, as an operator does: SIGTERM.
    ///
    /// # Errors
    ///
    /// Skips the case if the suite did not start it.
    pub fn terminate(&self, log: &Log) -> Step {
        self.send(Signal::TERM, "SIGTERM", log)
    }

    /// Kills it: no last words.
    ///
    /// # Errors
    ///
    /// Skips the case if the suite did not start it.
    pub fn kill(&self, log: &Log) -> Step {
        self.send(Signal::KILL, "SIGKILL", log)?;
        self.process()?.wait(PATIENCE);
        Ok(())
    }

    /// Stops its program where it stands, or lets it go on: a machine that sleeps.
    ///
    /// # Errors
    ///
    /// Skips the case if the suite did not start it.
    pub fn freeze(&self, frozen: bool, log: &Log) -> Step {
        let (signal, name) =
            if frozen { (Signal::STOP, "SIGSTOP") } else { (Signal::CONT, "SIGCONT") };
        self.send(signal, name, log)
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// It goes on past the limit.
    pub fn has_ended(&self, limit: Duration) -> Step<std::process::ExitStatus> {
        let ended = self.process()?.wait(limit);
        ended.ok_or_else(|| {
            let limit = limit.as_secs_f64();
            Stop::fail("the end of the program", format!("it still runs after {limit:.1} s"))
        })
    }

    /// How it ended and what it said, if it has ended.
    #[must_use]
    pub fn obituary(&self) -> Option<String> {
        let process = self.process.as_ref()?;
        let status = process.ended()?;
        Some(format!("the program ended with {status}; it said last: {}", process.last_words()))
    }

    /// The obituary, or none if it still answers. One that dies closes its connections before it
    /// has ended, so who is not answered waits a little for the end.
    pub(crate) fn death(&self) -> Option<String> {
        let process = self.process.as_ref()?;
        let answers = || {
            let mut wire = self.wire("is it alive", &Log::new())?;
            wire.patience(DYING);
            wire.ask(&Request::get("/"))
        };
        if process.ended().is_none() && answers().is_err() {
            process.wait(DYING);
        }
        self.obituary()
    }

    fn send(&self, signal: Signal, name: &str, log: &Log) -> Step {
        log.add("target", Direction::Note, name);
        self.process()?.signal(signal).map_err(|error| Stop::fail(name, error.to_string()))
    }

    fn process(&self) -> Step<&Process> {
        self.process.as_ref().ok_or_else(|| {
            Stop::skip("needs a target that the suite starts; this one runs already")
        })
    }

    /// Waits until it accepts connections.
    pub(super) fn is_ready(&self, log: &Log) -> Step {
        let started = Instant::now();
        let expected = format!("a proxy that listens on port {}", self.port());
        loop {
            // Of the attempts only the last is worth a line.
            let attempt = self.wire("start", &Log::new());
            match (attempt, self.obituary()) {
                (_, Some(obituary)) => return Err(Stop::fail(expected, obituary)),
                (Ok(_), None) => break,
                (Err(Stop::Fail { received, .. }), None) if started.elapsed() > PATIENCE => {
                    let seconds = PATIENCE.as_secs();
                    return Err(Stop::fail(expected, format!("{received} for {seconds} s")));
                }
                (Err(_), None) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        log.add("target", Direction::Note, format!("listens on {}", self.address));
        Ok(())
    }
}

/// Loopback, where clients of a started target connect.
pub(super) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
