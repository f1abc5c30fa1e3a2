//! Whatever anyone sends, the proxy answers as RFC 6455 says, lives on, and nobody else notices.

#![expect(clippy::disallowed_methods, reason = "tests live in real time")]

mod support;

use std::time::{Duration, Instant};

use support::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use support::{Client, Proxy, Request, Wire, noise};

const CHANNEL: &str = "/local/x";
const MIB: u64 = 1024 * 1024;

/// Two who have nothing to do with what goes wrong beside them.
struct Bystanders(Client, Client);

impl Bystanders {
    fn on(proxy: &Proxy) -> Self {
        Self(proxy.join(CHANNEL), proxy.join(CHANNEL))
    }

    /// Each hears the other, and nothing else came before.
    fn exchange(&mut self, what: &str) {
        self.0.send(what);
        self.1.hears(what);
        self.1.send(what);
        self.0.hears(what);
    }
}

/// Each of these, sent on an open channel, is answered with a Close of `code`.
fn all_are_closed_with(code: u16, wrongs: &[(&str, Vec<u8>)]) {
    let mut proxy = Proxy::start();
    let mut bystanders = Bystanders::on(&proxy);
    for (what, bytes) in wrongs {
        let mut wire = proxy.join_bare(CHANNEL);
        wire.send(bytes);
        // More behind it changes nothing, valid or not.
        wire.send_if_open(&wire::text("after it"));
        wire.send_if_open(&noise(1, 1000));
        let (got, reason) = wire.closed();
        assert_eq!(got, code, "{what}: {reason}");
        assert!(!reason.is_empty(), "{what}");
        bystanders.exchange(what);
    }
    assert!(proxy.is_alive());
    assert_eq!(proxy.counter("protocol_errors"), wrongs.len() as u64);
    proxy.until_clients(CHANNEL, 2);
}

#[test]
fn wrong_frames_are_protocol_errors() {
    let mut wrongs = vec![
        ("an unmasked text", b"\x81\x02hi".to_vec()),
        ("an unmasked ping", b"\x89\x00".to_vec()),
        ("an unmasked close", b"\x88\x02\x03\xe8".to_vec()),
        ("a continuation of nothing", wire::frame(FIN | CONTINUATION, b"x")),
        ("a continuation of nothing, not final", wire::frame(CONTINUATION, b"x")),
        ("a text within a text", [wire::frame(TEXT, b"a"), wire::text("b")].concat()),
        (
            "a binary within an empty text",
            [wire::frame(TEXT, b""), wire::frame(FIN | BINARY, b"")].concat(),
        ),
        ("a ping in fragments", wire::frame(PING, b"x")),
        ("a pong in fragments", wire::frame(PONG, b"x")),
        ("a close in fragments", wire::frame(CLOSE, &[3, 232])),
        ("a ping of 126 bytes", wire::frame(FIN | PING, &[b'x'; 126])),
        ("a pong of 126 bytes", wire::frame(FIN | PONG, &[b'x'; 126])),
        ("a close of 126 bytes", wire::frame(FIN | CLOSE, &[b'x'; 126])),
        ("a ping of 64 KiB", wire::frame(FIN | PING, &[0; 65_536])),
        ("5 bytes with a length of 2", wire::header(FIN | TEXT, &[126, 0, 5])),
        ("125 bytes with a length of 2", wire::header(FIN | TEXT, &[126, 0, 125])),
        ("5 bytes with a length of 8", wire::header(FIN | TEXT, &[127, 0, 0, 0, 0, 0, 0, 0, 5])),
        (
            "65535 bytes with a length of 8",
            wire::header(FIN | TEXT, &[127, 0, 0, 0, 0, 0, 0, 255, 255]),
        ),
        ("the top bit of a length", wire::header(FIN | TEXT, &[127, 128, 0, 0, 0, 0, 0, 0, 5])),
        (
            "all bits of a length",
            wire::header(FIN | TEXT, &[127, 255, 255, 255, 255, 255, 255, 255, 255]),
        ),
    ];
    for bits in [0x40, 0x20, 0x10, 0x70] {
        wrongs.push(("reserved bits on a text", wire::frame(FIN | bits | TEXT, b"x")));
        wrongs.push(("reserved bits on a ping", wire::frame(FIN | bits | PING, b"x")));
        let within = [wire::frame(TEXT, b"a"), wire::frame(FIN | bits, b"b")].concat();
        wrongs.push(("reserved bits on a continuation", within));
    }
    for opcode in (3..8).chain(11..16) {
        wrongs.push(("a reserved opcode", wire::frame(FIN | opcode, b"")));
    }
    all_are_closed_with(1002, &wrongs);
}

#[test]
fn after_a_message_nothing_is_open() {
    let proxy = Proxy::start();
    let mut bystanders = Bystanders::on(&proxy);
    let mut wire = proxy.join_bare(CHANNEL);
    wire.send(&[wire::frame(TEXT, b"("), wire::frame(FIN | CONTINUATION, b")")].concat());
    wire.send(&wire::frame(FIN | CONTINUATION, b"?"));
    assert_eq!(wire.closed().0, 1002);
    bystanders.0.hears("()");
    bystanders.1.hears("()");
    bystanders.exchange("and no more");
}

#[test]
fn text_that_is_not_utf8_is_refused_however_it_is_cut() {
    let bad: [&[u8]; 9] = [
        b"\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"fine until \x80",
        b"\xf0\x9f\x98",
        b"\xe2\x28\xa1",
        &[b'a'; 70_000],
    ];
    let mut wrongs = Vec::new();
    for text in bad {
        let mut text = text.to_vec();
        if text.len() > 1000 {
            text.push(0xfe);
        }
        wrongs.push(("bad text", wire::frame(FIN | TEXT, &text)));
        for cut in [0, 1, text.len() / 2, text.len() - 1, text.len()] {
            let (start, end) = text.split_at(cut);
            let halves = [wire::frame(TEXT, start), wire::frame(FIN | CONTINUATION, end)];
            wrongs.push(("bad text in fragments", halves.concat()));
        }
    }
    all_are_closed_with(1007, &wrongs);
}

#[test]
fn good_text_may_be_cut_within_a_character() {
    let proxy = Proxy::start();
    let mut bystanders = Bystanders::on(&proxy);
    let mut wire = proxy.join_bare(CHANNEL);
    let text = "a\u{20ac}\u{1f600}\u{d7ff}\u{e000}\u{10ffff}";
    for cut in 0..=text.len() {
        let (start, end) = text.as_bytes().split_at(cut);
        wire.send(&[wire::frame(TEXT, start), wire::frame(FIN | CONTINUATION, end)].concat());
        bystanders.0.hears(text);
        bystanders.1.hears(text);
    }
}

#[test]
fn what_is_no_http_is_turned_away() {
    let mut proxy = Proxy::start();
    let mut bystanders = Bystanders::on(&proxy);
    let hello = {
        // The start of a TLS 1.2 ClientHello, as from https:// or wss:// to this port.
        let mut hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
        hello.extend(noise(7, 506));
        hello
    };
    let mut long = Request::get(CHANNEL).bytes();
    long.truncate(long.len() - 2);
    let garbage = noise(2, 100_000);
    for (what, bytes) in [
        ("a ClientHello", hello),
        ("noise", garbage),
        ("zeros", vec![0; 10_000]),
        ("a frame without any handshake", wire::text("hello")),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("HTTP/0.9", b"GET /local/x\r\n\r\n".to_vec()),
        ("HTTP/9.9", b"GET /local/x HTTP/9.9\r\nHost: localhost\r\n\r\n".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()),
        ("a header without a colon", [&long[..], b"nonsense\r\n\r\n"].concat()),
        ("a header with a space in its name", [&long[..], b"a b: c\r\n\r\n"].concat()),
        ("a header of control characters", [&long[..], b"a: \x01\r\n\r\n"].concat()),
        ("two lengths", [&long[..], b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"].concat()),
    ] {
        let mut wire = Wire::open(proxy.address());
        wire.send_if_open(&bytes);
        let answer = wire.rest();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "), "{what}: {answer:?}");
        bystanders.exchange(what);
    }
    assert!(proxy.is_alive());
}

#[test]
fn headers_that_are_too_large_are_refused() {
    let mut proxy = Proxy::start();
    let mut bystanders = Bystanders::on(&proxy);
    let sound = Request::upgrade(CHANNEL);
    let one = sound.clone().with("Cookie", &"c".repeat(100_000));
    let many = (0..5_000).fold(sound.clone(), |r, n| r.with(&format!("X-{n}"), "0123456789"));
    let target = sound.clone().line(&format!("GET /local/{} HTTP/1.1", "n".repeat(100_000)));
    for (what, request) in [("one header", one), ("many headers", many), ("the target", target)] {
        let mut wire = Wire::open(proxy.address());
        wire.send_if_open(&request.bytes());
        let answer = wire.answer();
        assert!(matches!(answer.status, 400 | 414 | 431), "{what}: {answer:?}");
        wire.ended();
        bystanders.exchange(what);
    }
    // What browsers send is far below it.
    let usual = sound.with("Cookie", &"c".repeat(8_000));
    assert_eq!(proxy.ask(&usual).status, 101);
    assert!(proxy.is_alive());
}

#[test]
fn half_open_handshakes_hinder_nobody_and_are_dropped_in_time() {
    let mut proxy = Proxy::start();
    let opened = Instant::now();
    let request = Request::upgrade(CHANNEL).bytes();
    let mut waiting: Vec<Wire> = Vec::new();
    for index in 0..300 {
        let mut wire = Wire::open(proxy.address());
        // Nothing, a part of a line, a part of the headers, all but the last byte.
        let parts = [0, 1, 10, request.len() / 2, request.len() - 1];
        wire.send(&request[..parts[index % parts.len()]]);
        waiting.push(wire);
    }
    // One that has asked before, and now says no more.
    let mut idle = Wire::open(proxy.address());
    idle.send(&Request::get("/").bytes());
    assert_eq!(idle.answer().status, 200);
    waiting.push(idle);
    let mut bystanders = Bystanders::on(&proxy);
    bystanders.exchange("beside 300 half handshakes");
    let most = Duration::from_secs(10);
    assert!(opened.elapsed() < most, "they waited for the others");
    for mut wire in waiting {
        let answer = wire.rest();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408 "), "{answer:?}");
        assert!(opened.elapsed() >= most, "dropped after {:?}", opened.elapsed());
    }
    assert!(opened.elapsed() < 2 * most, "dropped after {:?}", opened.elapsed());
    bystanders.exchange("after them");
    assert!(proxy.is_alive());
}

#[test]
fn what_is_announced_costs_no_memory_until_it_comes() {
    let proxy = Proxy::start();
    let mut bystanders = Bystanders::on(&proxy);
    bystanders.exchange("before");
    let before = ["VmRSS", "VmSize"].map(|field| proxy.memory(field));
    let len = wire::length(16 * MIB as usize - 1);
    let frame = wire::header(FIN | BINARY, &len);
    let rest = [wire::frame(BINARY, b"1"), wire::header(FIN | CONTINUATION, &len)].concat();
    let wires: Vec<Wire> = (0..200)
        .map(|index| {
            let mut wire = proxy.join_bare(CHANNEL);
            wire.send(if index % 2 == 0 { &frame } else { &rest });
            wire
        })
        .collect();
    proxy.until_clients(CHANNEL, 202);
    bystanders.exchange("during");
    for (field, before) in ["VmRSS", "VmSize"].into_iter().zip(before) {
        if let (Some(before), Some(now)) = (before, proxy.memory(field)) {
            // 3200 MiB were announced; 200 connections as such take some 3 MiB.
            let grown = now.saturating_sub(before) / MIB;
            assert!(grown < 64, "{field} grew by {grown} MiB");
        }
    }
    drop(wires);
    proxy.until_clients(CHANNEL, 2);
    bystanders.exchange("after");
}
