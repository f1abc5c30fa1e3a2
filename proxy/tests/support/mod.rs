//! What the black-box tests share: the real program as a child process ([`Proxy`]), a WebSocket
//! client that somebody else wrote ([`Client`]), and the bare connection ([`Wire`]) for all that
//! such a client would not do.
//!
//! Whatever is awaited has a deadline, [`PATIENCE`]. Silence is never shown by waiting: a later
//! message arrives, and nothing came before it.

#![allow(dead_code, reason = "each test file is a program of its own, and uses its part of this")]
#![expect(clippy::disallowed_methods, reason = "tests live in real time")]

pub(crate) mod agent;
pub(crate) mod client;
pub(crate) mod flood;
pub(crate) mod http;
pub(crate) mod wire;

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use client::Client;
pub(crate) use http::{Answer, Request};
pub(crate) use wire::Wire;

/// How long anything may take that has to happen. Long, for a machine that does much else; a test
/// that passes never waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running proxy, ended with the value.
pub(crate) struct Proxy {
    child: Child,
    /// The port that it listens on.
    pub(crate) port: u16,
    /// The first line that it wrote.
    pub(crate) greeting: String,
    stdout: BufReader<ChildStdout>,
    log: Arc<Mutex<String>>,
}

/// The program with these arguments, on a port of its own unless they name one.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_namedwebsockets"));
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

impl Proxy {
    /// One with default settings.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// One with these arguments beside `--port 0 --no-discovery`.
    pub(crate) fn with(args: &[&str]) -> Self {
        let mut command = command(&["--port", "0", "--no-discovery"]);
        let command = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, kept) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        thread::spawn(move || {
            let lines = BufReader::new(stderr).lines();
            for line in lines.map_while(Result::ok) {
                let mut kept = kept.lock().expect("nobody panics with the log");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut greeting = String::new();
        stdout.read_line(&mut greeting).expect("its output is text");
        let mut proxy = Self { child, port: 0, greeting, stdout, log };
        let port = proxy.greeting.trim_end().rsplit_once(':').and_then(|(_, p)| p.parse().ok());
        proxy.port = port.unwrap_or_else(|| panic!("no port in {:?}", proxy.greeting));
        proxy
    }

    /// Where its IPv4 clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// A new client on the channel at `path`.
    pub(crate) fn join(&self, path: &str) -> Client {
        Client::join(self.address(), path)
    }

    /// A new client on the channel at `path`, over a bare connection.
    pub(crate) fn join_bare(&self, path: &str) -> Wire {
        let mut wire = Wire::open(self.address());
        wire.upgrade(path);
        wire
    }

    /// The answer to one request on a connection of its own.
    pub(crate) fn ask(&self, request: &Request) -> Answer {
        let mut wire = Wire::open(self.address());
        wire.send(&request.bytes());
        wire.answer_to(request)
    }

    /// What `/status` says now.
    pub(crate) fn status(&self) -> Value {
        let answer = self.ask(&Request::get("/status"));
        assert_eq!(answer.status, 200);
        serde_json::from_slice(&answer.body).expect("the status is JSON")
    }

    /// One counter of the status.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let status = self.status();
        status["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name}"))
    }

    /// What `field` of the channel at `path` is in the status, 0 if there is no such channel.
    pub(crate) fn of_channel(&self, path: &str, field: &str) -> u64 {
        let (scope, name) = path[1..].split_once('/').expect("a channel's path");
        let status = self.status();
        let channels = status["channels"].as_array().expect("channels");
        let is_it = |c: &&Value| c["scope"] == scope && c["name"] == name;
        channels.iter().find(is_it).map_or(0, |c| c[field].as_u64().expect("a number"))
    }

    /// Waits until the channel at `path` has this many clients.
    pub(crate) fn until_clients(&self, path: &str, clients: u64) {
        until(&format!("{clients} clients on {path}"), || {
            self.of_channel(path, "clients") == clients
        });
    }

    /// A number of bytes from `/proc/<pid>/status`, such as `VmRSS`; `None` where there is none.
    pub(crate) fn memory(&self, field: &str) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    /// Whether it is running.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// Sends it a signal, such as `TERM`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own kill: the program of that name is not everywhere.
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "{kill}");
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the end of the program", || !self.is_alive());
        self.child.wait().expect("it is our child")
    }

    /// All that it writes to standard output from its second line on, to its end.
    pub(crate) fn rest_of_stdout(&mut self) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("its output is text");
        rest
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panics with the log").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the log of the proxy on port {}:\n{}", self.port, self.log());
        }
    }
}

/// Whether this machine has IPv6, so that the proxy must serve it.
pub(crate) fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// Waits for `condition`, and fails after [`PATIENCE`].
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// `len` bytes that are different for each `seed`, always the same, and without any pattern.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
