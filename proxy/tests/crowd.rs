//! More than there is room for, and those who ask for nothing, take nothing, or never end: they go,
//! and nobody else notices.

#![expect(clippy::disallowed_methods, reason = "tests live in real time")]

mod support;

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use support::wire::{self, FIN, PING};
use support::{PATIENCE, Proxy, Request, Wire, until};

const CHANNEL: &str = "/local/x";

#[test]
fn beyond_the_limit_one_is_told_to_come_later() {
    let proxy = Proxy::with(&["--max-connections", "3"]);
    let (mut a, mut b) = (proxy.join(CHANNEL), proxy.join(CHANNEL));
    let c = proxy.join("/broadcast/y");
    for path in [CHANNEL, "/local/other", "/broadcast/y"] {
        let answer = proxy.ask(&Request::upgrade(path));
        answer.is_refusal(503, path);
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert!(answer.text().contains("3 WebSockets"), "{}", answer.text());
    }
    let link = Request::upgrade("/broadcast/y").with("X-BroadcastWebSocket-Proxy", "true");
    proxy.ask(&link).is_refusal(503, "a link");
    a.send("not disturbed");
    b.hears("not disturbed");
    let status = proxy.status();
    assert_eq!((&status["connections"], &status["connections_max"]), (&3.into(), &3.into()));
    assert_eq!(status["counters"]["connections_refused"], 4);
    let metrics = proxy.ask(&Request::get("/metrics"));
    for line in ["namedwebsockets_connections 3\n", "namedwebsockets_connections_max 3\n"] {
        assert!(metrics.text().contains(line), "{line}: {}", metrics.text());
    }
    c.leave();
    until("a place", || proxy.status()["connections"] == 2);
    let mut d = proxy.join(CHANNEL);
    d.send("in its place");
    a.hears("in its place");
}

#[test]
fn who_asks_for_nothing_keeps_nobody_out() {
    const MORE: usize = 300;
    rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be raised");
    let proxy = Proxy::start();
    let (mut a, mut b) = (proxy.join(CHANNEL), proxy.join(CHANNEL));
    let mut idle: Vec<Wire> = (0..1024 + MORE).map(|_| Wire::open(proxy.address())).collect();
    // It comes last and is served; so all of them were accepted before.
    let mut c = proxy.join(CHANNEL);
    c.send("heard");
    a.hears("heard");
    b.hears("heard");
    // The oldest made room.
    for wire in &mut idle[..MORE] {
        wire.ended();
    }
    assert!(proxy.counter("connections_displaced") >= MORE as u64);
    // The newest did not.
    idle.last_mut().expect("there are many").upgrade(CHANNEL);
}

#[test]
fn a_request_that_never_ends_is_ended() {
    let proxy = Proxy::start();
    let whole = Request::upgrade(CHANNEL).bytes();
    let post = Request::bare("POST /status HTTP/1.1").with("Host", "localhost");
    let get = Request::get("/status").with("Content-Length", "1000000");
    let starts = [
        Vec::new(),
        whole[..whole.len() - 2].to_vec(),
        post.with("Content-Length", "1000000").bytes(),
        get.bytes(),
    ];
    thread::scope(|scope| {
        for start in &starts {
            scope.spawn(|| {
                let mut wire = Wire::open(proxy.address());
                wire.send(start);
                // What it has to say to that, and then the end.
                wire.rest();
            });
        }
        // One that is never silent.
        scope.spawn(|| {
            let mut wire = Wire::open(proxy.address());
            wire.send(b"GET /status HTTP/1.1\r\nX: ");
            until_refused(&mut wire.stream, b"x");
        });
    });
    proxy.join(CHANNEL).leave();
}

#[test]
fn who_takes_no_answer_is_dropped() {
    let proxy = Proxy::start();
    let mut wire = Wire::open_narrow(proxy.address(), 4096);
    let asked = until_refused(&mut wire.stream, &Request::get("/console").bytes());
    assert!(asked < 64 * 1024 * 1024, "{asked} bytes of requests were read");
    proxy.join(CHANNEL).leave();
}

/// Sends `bytes` again and again until the proxy ends the connection; gives how many were taken.
fn until_refused(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a socket option");
    let (started, mut taken) = (Instant::now(), 0);
    loop {
        match stream.write(&bytes[taken % bytes.len()..]) {
            Ok(n) => taken += n,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) if wire::is_over(e.kind()) => return taken,
            Err(e) => panic!("the connection ends: {e}"),
        }
        assert!(started.elapsed() < PATIENCE, "it goes on after {taken} bytes");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn who_was_refused_may_ask_again() {
    // Who is refused may ask again over the same connection.
    let proxy = Proxy::with(&["--max-connections", "1"]);
    let first = proxy.join(CHANNEL);
    let mut wire = Wire::open(proxy.address());
    wire.send(&Request::upgrade(CHANNEL).bytes());
    assert_eq!(wire.answer().status, 503);
    first.leave();
    until("a place", || proxy.status()["connections"] == 0);
    wire.upgrade(CHANNEL);
    wire.send(&wire::frame(FIN | PING, b"?"));
    assert_eq!(wire.frame().payload, b"?");
}
