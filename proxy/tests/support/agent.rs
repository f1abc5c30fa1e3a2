//! Clients in other languages: each a child process that does what it is told on its standard
//! input and says on its standard output what happens (`tests/foreign/`).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::PATIENCE;

/// One such client.
pub(crate) struct Agent {
    /// Its language.
    pub(crate) name: &'static str,
    child: Child,
    deeds: ChildStdin,
    events: Receiver<Value>,
}

/// The programs that run agents, as far as they are there.
pub(crate) fn runtimes() -> Vec<(&'static str, Command)> {
    let node = node().map_err(|why| missing("Node's ws", &why)).ok();
    let python = python().map_err(|why| missing("Python's websockets", &why)).ok();
    [node.map(|command| ("node", command)), python.map(|command| ("python", command))]
        .into_iter()
        .flatten()
        .collect()
}

/// Says why something is skipped; where all must run (`NWS_REQUIRE_FOREIGN`), fails instead.
pub(crate) fn missing(what: &str, why: &str) {
    let required = std::env::var_os("NWS_REQUIRE_FOREIGN").is_some();
    assert!(!required, "{what} is missing: {why}");
    println!("skipped: {what} is missing: {why}");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign")
}

fn node() -> Result<Command, String> {
    let modules = std::env::var_os("NWS_NODE_MODULES")
        .map_or_else(|| directory().join("node_modules"), PathBuf::from);
    if !modules.join("ws/package.json").is_file() {
        let why = format!("no ws in {}; run `npm ci` in proxy/tests/foreign", modules.display());
        return Err(why);
    }
    if !runs(Command::new("node").arg("--version")) {
        return Err("no program node; install Node 20 or later".to_owned());
    }
    let mut command = Command::new("node");
    command.arg(directory().join("ws-client.mjs")).env("NWS_NODE_MODULES", modules);
    Ok(command)
}

fn python() -> Result<Command, String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.test/venv/bin/python");
    let import = ["-c", "import websockets.asyncio.client"];
    for python in [own, PathBuf::from("python3")] {
        if runs(Command::new(&python).args(import)) {
            let mut command = Command::new(python);
            command.arg(directory().join("websockets-client.py"));
            return Ok(command);
        }
    }
    let why = "run `python3 -m venv .test/venv` in the root of the repository, and \
               `.test/venv/bin/pip install -r proxy/tests/foreign/requirements.txt`";
    Err(why.to_owned())
}

/// Whether a program is there and succeeds.
pub(crate) fn runs(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Agent {
    /// Starts one that opens `url`.
    pub(crate) fn start(runtime: &mut (&'static str, Command), url: &str, offer: &[&str]) -> Self {
        let (name, command) = runtime;
        let mut again = Command::new(command.get_program());
        again.args(command.get_args()).arg(url).args(offer);
        again.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let again = again.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = again.spawn().expect("it has run before");
        let (deeds, stdout) = (child.stdin.take(), child.stdout.take().expect("piped"));
        let (said, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if said.send(event).is_err() {
                    return;
                }
            }
        });
        Self { name, child, deeds: deeds.expect("piped"), events }
    }

    fn does(&mut self, deed: &Value) {
        writeln!(self.deeds, "{deed}").expect("the agent listens");
        self.deeds.flush().expect("the agent listens");
    }

    /// Sends a text message.
    pub(crate) fn text(&mut self, data: &str) {
        self.does(&json!({ "do": "text", "data": data }));
    }

    /// Sends a binary message.
    pub(crate) fn binary(&mut self, data: &[u8]) {
        self.does(&json!({ "do": "binary", "data": BASE64.encode(data) }));
    }

    /// Sends a ping.
    pub(crate) fn ping(&mut self, data: &[u8]) {
        self.does(&json!({ "do": "ping", "data": BASE64.encode(data) }));
    }

    /// Starts the closing handshake.
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        self.does(&json!({ "do": "close", "code": code, "reason": reason }));
    }

    /// The next event must be this one.
    #[track_caller]
    pub(crate) fn says(&mut self, expected: &Value) {
        let event = self.event();
        let brief = |event: &Value| event.to_string().chars().take(120).collect::<String>();
        assert!(event == *expected, "{}: {}, not {}", self.name, brief(&event), brief(expected));
    }

    /// It must hear this text next.
    #[track_caller]
    pub(crate) fn hears_text(&mut self, data: &str) {
        self.says(&json!({ "event": "text", "data": data }));
    }

    /// It must hear these bytes next.
    #[track_caller]
    pub(crate) fn hears_binary(&mut self, data: &[u8]) {
        self.says(&json!({ "event": "binary", "data": BASE64.encode(data) }));
    }

    /// It must have the pong with these bytes next.
    #[track_caller]
    pub(crate) fn hears_pong(&mut self, data: &[u8]) {
        self.says(&json!({ "event": "pong", "data": BASE64.encode(data) }));
    }

    /// It must be closed next with this code; gives the reason.
    #[track_caller]
    pub(crate) fn closed(&mut self, code: u16) -> String {
        let event = self.event();
        assert_eq!((&event["event"], &event["code"]), (&"close".into(), &code.into()), "{event}");
        event["reason"].as_str().expect("a reason").to_owned()
    }

    /// What happens next.
    #[track_caller]
    pub(crate) fn event(&mut self) -> Value {
        let event = self.events.recv_timeout(PATIENCE);
        event.unwrap_or_else(|error| panic!("{} says nothing: {error}", self.name))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
