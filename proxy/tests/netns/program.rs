//! The program under test, run on a host, and what it says of itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use crate::client::Client;
use crate::lab::Host;
use crate::{SOON, check, wait, wire};

/// Lines of the log to show when a test fails.
const LINES_SHOWN: usize = 60;

/// A running proxy.
pub(crate) struct Proxy<'h> {
    pub(crate) host: &'h Host,
    pub(crate) port: u16,
    pub(crate) id: String,
    child: Child,
    log: PathBuf,
}

/// What `/status` says, as far as tests look.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) proxy: String,
    pub(crate) discovery: String,
    pub(crate) channels: Vec<Channel>,
    pub(crate) remotes: Vec<Remote>,
    pub(crate) counters: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Channel {
    pub(crate) scope: String,
    pub(crate) name: String,
    pub(crate) queued_bytes: u64,
    pub(crate) advert: Option<String>,
    pub(crate) links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    pub(crate) remote: Option<String>,
    pub(crate) address: String,
    pub(crate) dialled_by: String,
    pub(crate) carries: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Remote {
    pub(crate) addresses: Vec<String>,
    pub(crate) channel: String,
    pub(crate) state: String,
}

/// The discovery of the proxy that is started as the `run`-th of a process: what the environment
/// says, `mixed` for one and the other by turns.
fn chosen_discovery(run: u32) -> &'static str {
    match std::env::var("NWS_NETNS_MDNS").as_deref() {
        Err(_) | Ok("mdns-sd") => "mdns-sd",
        Ok("builtin") => "builtin",
        Ok("mixed") => ["mdns-sd", "builtin"][run as usize % 2],
        Ok(other) => panic!("NWS_NETNS_MDNS is {other}, not mdns-sd, builtin or mixed"),
    }
}

impl<'h> Proxy<'h> {
    /// Starts one on the usual port.
    pub(crate) fn start(host: &'h Host) -> Self {
        Self::start_with(host, &[])
    }

    pub(crate) fn start_with(host: &'h Host, args: &[&str]) -> Self {
        Self::start_within(host, &[], args)
    }

    /// Starts one as the last words of another command, which it takes the place of.
    pub(crate) fn start_within(host: &'h Host, around: &[&str], args: &[&str]) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(1);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let log = format!("{}-{run}.log", host.name());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(log);
        let port = args.iter().skip_while(|arg| **arg != "--port").nth(1);
        let port = port.map_or(9009, |port| port.parse().unwrap());
        let words = [around, &[env!("CARGO_BIN_EXE_namedwebsockets")]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["--log-level", "debug"]).args(args).env_remove("RUST_LOG");
        if !args.contains(&"--mdns") {
            command.args(["--mdns", chosen_discovery(run)]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(&log).unwrap());
        let child = host.enter(|| command.spawn()).unwrap();
        let mut this = Self { host, port, id: String::new(), child, log };
        this.read_greeting();
        this.id = this.status().proxy;
        this
    }

    fn read_greeting(&mut self) {
        let stdout = BufReader::new(self.child.stdout.take().expect("it is piped"));
        let (line, first) = mpsc::channel();
        // It goes on reading, so that the program never finds its output closed.
        thread::spawn(move || stdout.lines().map_while(Result::ok).all(|l| line.send(l).is_ok()));
        let greeting = first.recv_timeout(SOON).expect("the proxy says that it runs");
        assert!(greeting.contains(" listening on "), "{greeting}");
    }

    pub(crate) fn status(&self) -> Status {
        let status = wire::get(self.host, self.port, "/status").unwrap();
        serde_json::from_str(&status).unwrap_or_else(|error| panic!("{error}: {status}"))
    }

    /// Opens a channel, from the proxy's own host.
    pub(crate) fn join(&self, path: &str) -> Client {
        Client::join(self, path)
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.status().counters[name]
    }

    /// Kills it so that it cannot say goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let stopped = || self.child.try_wait().unwrap().ok_or_else(|| "it runs".to_owned());
        let status: ExitStatus = wait("stop after SIGTERM", SOON, stopped);
        assert!(status.success(), "{status}");
    }

    fn show_log(&self, log: &str) {
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        let what = format!("--- {}, port {}: end of {}", self.host.name(), self.port, self.id);
        eprintln!("{what}, all of it in {}\n{shown}", self.log.display());
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        if thread::panicking() {
            self.show_log(&log);
            let _ = std::io::stderr().flush();
            return;
        }
        let sound = !log.contains("panicked") && !log.contains("please report this");
        if !sound {
            self.show_log(&log);
        }
        assert!(sound, "the proxy reports a fault of its own");
        let _ = fs::remove_file(&self.log);
    }
}

impl Status {
    /// The links of a broadcast channel.
    pub(crate) fn links(&self, channel: &str) -> &[Link] {
        self.channel(channel).map_or(&[], |channel| &channel.links)
    }

    pub(crate) fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.scope == "broadcast" && channel.name == name)
    }

    pub(crate) fn remotes_on(&self, channel: &str) -> impl Iterator<Item = &Remote> {
        self.remotes.iter().filter(move |remote| remote.channel == channel)
    }
}

/// Waits until each of `proxies` is linked with each other one and nobody else: what it sends goes
/// out over exactly one link, and there is one, or two if both dialled at once, to hear over.
pub(crate) fn wait_linked(channel: &str, proxies: &[&Proxy<'_>], limit: Duration) {
    wait("every proxy linked with every other", limit, || {
        for one in proxies {
            let status = one.status();
            let links = status.links(channel);
            for other in proxies.iter().filter(|other| other.id != one.id) {
                let ways = links.iter().filter(|link| link.remote.as_ref() == Some(&other.id));
                let ways: Vec<_> = ways.map(|link| link.carries.as_str()).collect();
                let count = |way| ways.iter().filter(|w| [way, "both"].contains(w)).count();
                let right = count("out") == 1 && count("in") >= 1 && ways.len() <= 2;
                check(right, || format!("{} and {} have {ways:?}: {status:#?}", one.id, other.id))?;
            }
            let known = |id: &Option<String>| proxies.iter().any(|p| id.as_ref() == Some(&p.id));
            check(links.iter().all(|link| known(&link.remote)), || {
                format!("{} knows strangers: {status:#?}", one.id)
            })?;
        }
        Ok(())
    });
}

/// [`wait_linked`], with two links between every two, one-way and dialled by who hears over it.
pub(crate) fn wait_linked_one_way(channel: &str, proxies: &[&Proxy<'_>]) {
    wait_linked(channel, proxies, SOON);
    for one in proxies {
        let status = one.status();
        let links = status.links(channel);
        assert_eq!(links.len(), 2 * (proxies.len() - 1), "{status:#?}");
        for link in links {
            let ways = (link.dialled_by.as_str(), link.carries.as_str());
            assert!(matches!(ways, ("us", "in") | ("them", "out")), "{link:?}");
        }
    }
}
