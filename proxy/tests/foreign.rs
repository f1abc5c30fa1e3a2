//! Clients by other people: Node's `ws`, Python's `websockets`, and curl. What is not installed is
//! skipped with its reason; with `NWS_REQUIRE_FOREIGN` set that is a failure.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::json;
use support::agent::{Agent, missing, runs, runtimes};
use support::http::{ACCEPT, KEY};
use support::{Client, Proxy, noise, until};

const PATH: &str = "/broadcast/lobby";

/// An agent of each language on the channel at `path`, open.
fn agents(proxy: &Proxy, path: &str) -> Vec<Agent> {
    let url = format!("ws://localhost:{}{path}", proxy.port);
    let mut all: Vec<Agent> =
        runtimes().iter_mut().map(|runtime| Agent::start(runtime, &url, &[])).collect();
    for agent in &mut all {
        agent.says(&json!({ "event": "open", "subprotocol": "", "extensions": "" }));
    }
    all
}

#[test]
fn they_and_we_hear_each_other() {
    let proxy = Proxy::start();
    let mut agents = agents(&proxy, PATH);
    let mut ours = proxy.join(PATH);
    let texts = ["", "hello", "aé€😀\u{0}\n", &"wide €".repeat(20_000)];
    let bytes = [vec![], vec![0, 255, 128], noise(1, 70_000), noise(2, 1024 * 1024)];
    for speaker in 0..agents.len() {
        for text in texts {
            agents[speaker].text(text);
            ours.hears(text);
            others(&mut agents, speaker).for_each(|agent| agent.hears_text(text));
        }
        for bytes in &bytes {
            agents[speaker].binary(bytes);
            ours.hears(bytes.clone());
            others(&mut agents, speaker).for_each(|agent| agent.hears_binary(bytes));
        }
    }
    for text in texts {
        ours.send(text);
        agents.iter_mut().for_each(|agent| agent.hears_text(text));
    }
    for bytes in bytes {
        ours.send(bytes.clone());
        agents.iter_mut().for_each(|agent| agent.hears_binary(&bytes));
    }
}

fn others(agents: &mut [Agent], speaker: usize) -> impl Iterator<Item = &mut Agent> {
    let each = agents.iter_mut().enumerate();
    each.filter(move |(index, _)| *index != speaker).map(|(_, agent)| agent)
}

#[test]
fn their_order_is_kept() {
    let proxy = Proxy::start();
    let mut agents = agents(&proxy, PATH);
    let mut ours = proxy.join(PATH);
    for speaker in 0..agents.len() {
        for number in 0..300 {
            agents[speaker].text(&number.to_string());
        }
        for number in 0..300 {
            ours.hears(number.to_string());
            others(&mut agents, speaker).for_each(|agent| agent.hears_text(&number.to_string()));
        }
    }
    for number in 0..300 {
        ours.send(number.to_string());
    }
    for number in 0..300 {
        agents.iter_mut().for_each(|agent| agent.hears_text(&number.to_string()));
    }
}

#[test]
fn their_subprotocol_is_confirmed_and_their_compression_is_not() {
    let proxy = Proxy::start();
    let url = format!("ws://127.0.0.1:{}{PATH}", proxy.port);
    for mut runtime in runtimes() {
        let mut agent = Agent::start(&mut runtime, &url, &["chat.v2", "chat.v1"]);
        agent.says(&json!({ "event": "open", "subprotocol": "chat.v2", "extensions": "" }));
    }
    let offer = [
        ("sec-websocket-protocol", "chat.v2, chat.v1"),
        ("sec-websocket-extensions", "permessage-deflate"),
    ];
    let (_client, answer) = Client::join_with(proxy.address(), PATH, &offer);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat.v2");
    assert_eq!(answer.headers().get("sec-websocket-extensions"), None);
}

#[test]
fn pings_are_answered_both_ways() {
    let proxy = Proxy::with(&["--keep-alive", "3s"]);
    let mut agents = agents(&proxy, PATH);
    for agent in &mut agents {
        for payload in [&b"are you there"[..], &[0, 255], &[7; 125]] {
            agent.ping(payload);
            agent.hears_pong(payload);
        }
    }
    // Three keep-alive times in which they say nothing of their own: each lives by its pongs.
    let mut clock = proxy.join_bare("/local/clock");
    for _ in 0..3 {
        let ping = clock.frame();
        clock.send(&support::wire::frame(0x8a, &ping.payload));
    }
    let mut ours = proxy.join(PATH);
    for agent in &mut agents {
        ours.send("still there?");
        agent.hears_text("still there?");
    }
    assert_eq!(proxy.counter("connections_dead"), 0);
}

#[test]
fn closes_are_understood_both_ways() {
    for (code, reason) in [(1000, ""), (1000, "done"), (3000, "x"), (4999, "é")] {
        let proxy = Proxy::start();
        for mut agent in agents(&proxy, PATH) {
            agent.close(code, reason);
            agent.closed(code);
        }
        until("all to have left", || proxy.of_channel(PATH, "clients") == 0);
        assert_eq!(proxy.counter("protocol_errors"), 0);
    }
    let proxy = Proxy::with(&["--max-message-size", "1000"]);
    for mut agent in agents(&proxy, PATH) {
        agent.binary(&[1; 1001]);
        assert!(!agent.closed(1009).is_empty());
    }
}

#[test]
#[cfg(unix)]
fn they_are_told_that_the_proxy_goes() {
    let mut proxy = Proxy::start();
    let mut agents = agents(&proxy, PATH);
    proxy.signal("TERM");
    for agent in &mut agents {
        agent.closed(1001);
    }
    assert_eq!(proxy.ended().code(), Some(0));
}

#[test]
fn refusals_are_understood() {
    let proxy = Proxy::start();
    for mut runtime in runtimes() {
        for (path, status) in [("/local/a/b", 404), ("/status", 200), ("/nowhere", 404)] {
            let url = format!("ws://localhost:{}{path}", proxy.port);
            let mut agent = Agent::start(&mut runtime, &url, &[]);
            agent.says(&json!({ "event": "refused", "status": status }));
        }
    }
}

fn curl() -> Option<Command> {
    if !runs(Command::new("curl").arg("--version")) {
        missing("curl", "install it");
        return None;
    }
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]);
    Some(command)
}

#[test]
fn curl_reads_the_pages() {
    let proxy = Proxy::start();
    for (arguments, expected) in [
        (&["/"][..], "200 text/html; charset=utf-8"),
        (&["/console"], "200 text/html; charset=utf-8"),
        (&["/status"], "200 application/json"),
        (&["/nowhere"], "404 text/plain; charset=utf-8"),
        (&["/local/x"], "426 text/plain; charset=utf-8"),
        (&["/local/x", "--head"], "405 text/plain; charset=utf-8"),
        (&["/local/x", "--data", "body"], "405 text/plain; charset=utf-8"),
        (&["/local/x", "--http1.0"], "400 text/plain; charset=utf-8"),
        (&["/status", "--header", "Host: evil.example"], "403 text/plain; charset=utf-8"),
    ] {
        let Some(mut curl) = curl() else { return };
        let url = format!("http://localhost:{}{}", proxy.port, arguments[0]);
        let write = ["--output", "/dev/null", "--write-out", "%{http_code} %{content_type}"];
        let output = curl.arg(url).args(&arguments[1..]).args(write).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{arguments:?}");
    }
}

#[test]
fn curl_hears_what_comes_behind_its_upgrade() {
    let proxy = Proxy::start();
    let Some(mut curl) = curl() else { return };
    let key = format!("Sec-WebSocket-Key: {KEY}");
    let url = format!("http://localhost:{}/local/x", proxy.port);
    curl.args(["--include", "--no-buffer", "--http1.1", &url]);
    let headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", &key];
    let headers = headers.iter().flat_map(|header| ["--header", header]);
    let mut child = curl.args(headers).stdout(Stdio::piped()).spawn().unwrap();
    // It keeps the head to itself until something follows.
    proxy.until_clients("/local/x", 1);
    proxy.join("/local/x").send("for curl");
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(out.read_until(b'\n', &mut head).unwrap() > 0, "{head:?}");
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    let accept = format!("sec-websocket-accept: {ACCEPT}").to_ascii_lowercase();
    assert!(head.contains(&accept), "{head}");
    let mut frame = [0; 10];
    out.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"\x81\x08for curl");
    child.kill().unwrap();
    child.wait().unwrap();
    proxy.until_clients("/local/x", 0);
}
