//! The duties of a WebSocket endpoint (PROTOCOL.md section 5), and the end of the program.

#![expect(clippy::disallowed_methods, reason = "tests live in real time")]

mod support;

use std::io::Read;
use std::time::{Duration, Instant};

use support::flood::Flood;
use support::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use support::{Proxy, Request, Wire, noise, until};

#[test]
fn a_ping_is_answered_with_its_payload() {
    let proxy = Proxy::start();
    let mut wire = proxy.join_bare("/local/x");
    for len in [0, 1, 64, 124, 125] {
        let payload = noise(len as u64, len);
        wire.send(&wire::frame(FIN | PING, &payload));
        let pong = wire.frame();
        assert_eq!((pong.first, pong.payload), (FIN | PONG, payload));
    }
    // Of several at once at least the last is answered, and each answer belongs to one of them.
    let pings: Vec<u8> = (0..100).flat_map(|n| wire::frame(FIN | PING, &[n])).collect();
    wire.send(&pings);
    let mut answered = Vec::new();
    while answered.last() != Some(&99) {
        let pong = wire.frame();
        assert_eq!((pong.first, pong.payload.len()), (FIN | PONG, 1));
        answered.extend(pong.payload);
    }
    assert!(answered.is_sorted(), "{answered:?}");
}

#[test]
fn a_ping_and_a_pong_are_for_the_proxy_alone() {
    let proxy = Proxy::start();
    let (mut a, mut b) = (proxy.join_bare("/local/x"), proxy.join_bare("/local/x"));
    a.send(&wire::frame(FIN | PONG, b"nobody asked"));
    a.send(&wire::frame(FIN | PING, b"are you there"));
    assert_eq!(a.frame().payload, b"are you there");
    a.send(&wire::text("a message"));
    b.hears("a message");
    b.send(&wire::text("another"));
    a.hears("another");
}

#[test]
fn the_silent_are_pinged_and_live_on_if_they_answer() {
    let proxy = Proxy::with(&["--keep-alive", "500ms"]);
    let mut wire = Wire::open(proxy.address());
    let mut spoken = Instant::now();
    wire.upgrade("/local/x");
    for _ in 0..4 {
        let ping = wire.frame();
        assert_eq!(ping.first, FIN | PING);
        assert!(spoken.elapsed() >= Duration::from_millis(500), "pinged too early");
        spoken = Instant::now();
        wire.send(&wire::frame(FIN | PONG, &ping.payload));
    }
    let mut other = proxy.join("/local/x");
    wire.send(&wire::text("alive"));
    other.hears("alive");
    assert_eq!(proxy.counter("connections_dead"), 0);
}

#[test]
fn whoever_speaks_is_not_pinged() {
    let proxy = Proxy::with(&["--keep-alive", "1s"]);
    let mut wire = proxy.join_bare("/local/x");
    let started = Instant::now();
    let mut spoken = started;
    while started.elapsed() < Duration::from_millis(2_500) {
        let before = spoken;
        spoken = Instant::now();
        wire.send(&wire::frame(FIN | PING, b"me"));
        let frame = wire.frame();
        if before.elapsed() > Duration::from_millis(900) {
            println!("skipped: this machine stopped us for {:?}", before.elapsed());
            return;
        }
        assert_eq!((frame.first, &frame.payload[..]), (FIN | PONG, &b"me"[..]));
        std::thread::sleep(Duration::from_millis(50));
    }
    let ping = wire.frame();
    assert_eq!(ping.first, FIN | PING);
    assert!(spoken.elapsed() >= Duration::from_secs(1), "counted from the last word");
}

#[test]
fn the_dead_are_dropped_after_twice_the_keep_alive() {
    let proxy = Proxy::with(&["--keep-alive", "500ms"]);
    let mut wire = Wire::open(proxy.address());
    let started = Instant::now();
    wire.upgrade("/local/x");
    assert_eq!(wire.frame().first, FIN | PING);
    // No answer; a closing handshake would have no one to shake hands with.
    wire.rest();
    let lived = started.elapsed();
    assert!(lived >= Duration::from_secs(1), "dropped after {lived:?}");
    assert!(lived < Duration::from_secs(6), "dropped after {lived:?}");
    proxy.until_clients("/local/x", 0);
    assert_eq!(proxy.counter("connections_dead"), 1);
}

#[test]
fn a_close_is_answered_with_its_code() {
    let proxy = Proxy::start();
    let registered = (1000..=1003).chain(1007..=1014);
    for code in registered.chain([3000, 3999, 4000, 4999]) {
        let mut wire = proxy.join_bare("/local/x");
        let payload = [&u16::to_be_bytes(code)[..], b"because"].concat();
        wire.send(&wire::frame(FIN | CLOSE, &payload));
        assert_eq!(wire.closed().0, code);
    }
    let mut wire = proxy.join_bare("/local/x");
    wire.send(&wire::frame(FIN | CLOSE, &[]));
    assert_eq!(wire.closed().0, 1005, "none is answered with none");
    let longest = [&1000_u16.to_be_bytes()[..], &[b'x'; 123]].concat();
    let mut wire = proxy.join_bare("/local/x");
    wire.send(&wire::frame(FIN | CLOSE, &longest));
    assert_eq!(wire.closed().0, 1000);
    proxy.until_clients("/local/x", 0);
    assert_eq!(proxy.counter("protocol_errors"), 0);
}

#[test]
fn a_close_that_may_not_be_sent_is_a_protocol_error() {
    let proxy = Proxy::start();
    let codes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65_535];
    let mut payloads: Vec<Vec<u8>> = codes.map(|code: u16| code.to_be_bytes().to_vec()).into();
    payloads.push(vec![3]);
    for payload in &payloads {
        let mut wire = proxy.join_bare("/local/x");
        wire.send(&wire::frame(FIN | CLOSE, payload));
        assert_eq!(wire.closed().0, 1002, "{payload:?}");
    }
    let mut wire = proxy.join_bare("/local/x");
    wire.send(&wire::frame(FIN | CLOSE, &[3, 232, 0xff]));
    assert_eq!(wire.closed().0, 1007, "a reason that is not UTF-8");
    assert_eq!(proxy.counter("protocol_errors"), 1 + payloads.len() as u64);
}

#[test]
fn a_message_over_the_limit_closes_its_sender_alone() {
    const LIMIT: usize = 1000;
    let proxy = Proxy::with(&["--max-message-size", "1000"]);
    let (mut a, mut b) = (proxy.join("/local/x"), proxy.join("/local/x"));
    let mut at_the_limit = proxy.join_bare("/local/x");
    let halves = [wire::frame(TEXT, &[b'a'; 999]), wire::frame(FIN | CONTINUATION, b"a")].concat();
    for frames in [wire::frame(FIN | TEXT, &[b'a'; LIMIT]), halves] {
        at_the_limit.send(&frames);
        // Control frames are not counted.
        at_the_limit.send(&wire::frame(FIN | PING, &[0; 125]));
        assert_eq!(at_the_limit.frame().payload.len(), 125);
        a.hears("a".repeat(LIMIT));
        b.hears("a".repeat(LIMIT));
    }
    for frames in [
        wire::frame(FIN | BINARY, &[7; LIMIT + 1]),
        [wire::frame(BINARY, &[7; LIMIT]), wire::frame(FIN | CONTINUATION, &[7])].concat(),
        [wire::frame(BINARY, &[]), wire::frame(CONTINUATION, &[7; LIMIT + 1])].concat(),
        // Announced is enough, also where no machine has so much.
        wire::header(FIN | BINARY, &wire::length(LIMIT + 1)),
        wire::header(FIN | BINARY, &wire::length(1 << 40)),
        wire::header(FIN | BINARY, &wire::length((1 << 62) + 1)),
    ] {
        let mut wire = proxy.join_bare("/local/x");
        wire.send(&wire::text("before"));
        wire.send(&frames);
        let (code, reason) = wire.closed();
        assert_eq!((code, reason.is_empty()), (1009, false));
        for client in [&mut a, &mut b] {
            client.hears("before");
        }
    }
    a.send("and go on");
    b.hears("and go on");
}

#[test]
fn the_default_limit_is_16_mib() {
    let proxy = Proxy::start();
    let mut wire = proxy.join_bare("/local/x");
    // That it is accepted is shown in relay.rs; this shows that one byte more is not.
    wire.send(&wire::header(FIN | BINARY, &wire::length(16 * 1024 * 1024 + 1)));
    assert_eq!(wire.closed().0, 1009);
}

/// A client that reads nothing, for whom more waits than any socket takes.
fn glutted(proxy: &Proxy) -> Wire {
    let mut reader = Wire::open_narrow(proxy.address(), 4096);
    reader.upgrade("/local/glut");
    let mut sender = proxy.join("/local/glut");
    while proxy.of_channel("/local/glut", "queued_bytes") == 0 {
        sender.send(noise(1, 1_000_000));
    }
    reader
}

#[cfg(unix)]
fn stop_with(signal: &str) {
    let mut proxy = Proxy::start();
    let mut polite =
        [proxy.join_bare("/local/x"), proxy.join_bare("/local/x"), proxy.join_bare("/broadcast/y")];
    let mut never_answers = proxy.join_bare("/local/x");
    let half_open = Wire::open(proxy.address());
    let mut half_asked = Wire::open(proxy.address());
    half_asked.send(&Request::upgrade("/local/x").bytes()[..20]);
    let reads_nothing = glutted(&proxy);
    proxy.signal(signal);
    let told = Instant::now();
    for wire in &mut polite {
        let (code, _) = wire.frame().close_code();
        assert_eq!(code, 1001);
        wire.send_if_open(&wire::close(1001));
        wire.ended();
    }
    assert_eq!(never_answers.frame().close_code().0, 1001);
    let status = proxy.ended();
    let took = told.elapsed();
    assert_eq!(status.code(), Some(0), "{signal}");
    assert!(took < Duration::from_secs(2), "{signal}: ended after {took:?}");
    never_answers.ended();
    drop((half_open, half_asked, reads_nothing));
}

#[test]
#[cfg(unix)]
fn sigterm_ends_it_in_order() {
    stop_with("TERM");
}

#[test]
#[cfg(unix)]
fn sigint_ends_it_in_order() {
    stop_with("INT");
}

#[test]
#[cfg(unix)]
fn with_nobody_there_it_ends_at_once() {
    let mut proxy = Proxy::start();
    proxy.join("/local/x").leave();
    until("all to have left", || proxy.status()["channels"].as_array().unwrap().is_empty());
    proxy.signal("TERM");
    let told = Instant::now();
    assert_eq!(proxy.ended().code(), Some(0));
    // Not the 1.5 s that it gives connections.
    assert!(told.elapsed() < Duration::from_secs(1), "{:?}", told.elapsed());
    assert_eq!(proxy.rest_of_stdout().lines().count(), 1, "the second line of its greeting");
}

#[test]
#[cfg(unix)]
fn a_slow_reader_is_told_that_the_proxy_stops() {
    let mut proxy = Proxy::start();
    let mut slow = Wire::open_narrow(proxy.address(), 4096);
    slow.upgrade("/local/x");
    let flood = Flood::start(proxy.address(), "/local/x", 3001);
    flood.until_held();
    assert!(proxy.of_channel("/local/x", "queued_bytes") >= 1024 * 1024);
    proxy.signal("TERM");
    // At this pace some 400 KiB are taken in time.
    let started = Instant::now();
    let mut taken = 0;
    let mut end = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        match slow.stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => {
                taken += n;
                end.extend_from_slice(&chunk[..n]);
                end.drain(..end.len().saturating_sub(200));
            }
            Err(e) => panic!("{e} after {taken} bytes"),
        }
        // Faster once the proxy has gone: what is left is in the kernel.
        if proxy.is_alive() {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(started.elapsed() < support::PATIENCE);
    }
    let reason = b"the proxy stops, and what you had not taken is lost";
    let close = [&[FIN | CLOSE, 2 + reason.len() as u8, 3, 233][..], reason].concat();
    assert!(end.ends_with(&close), "after {taken} bytes: {end:?}");
    assert!(taken < 1024 * 1024, "all {taken} bytes: it was not slow");
    flood.sent();
    assert_eq!(proxy.ended().code(), Some(0));
}
