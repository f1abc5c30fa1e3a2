//! Who leaves, in order or not, while queues are full: what was accepted arrives, and nobody waits
//! for who is gone (PROTOCOL.md sections 4, 6 and 12).

mod support;

use support::flood::{Flood, Reader};
use support::wire::{self, FIN, Wire};
use support::{Proxy, until};

const CHANNEL: &str = "/local/x";
const MIB: u64 = 1024 * 1024;
const QUEUE_BYTES: u64 = 256 * 1024;

/// Nobody is cut here.
const PATIENT: [&str; 4] = ["--queue-size", "256KiB", "--stall-time", "10m"];

/// Bytes in most messages: small against all buffers, and no divisor of any.
const LEN: usize = 3001;

#[test]
fn who_vanishes_while_held_has_sent_what_was_accepted() {
    let proxy = Proxy::with(&PATIENT);
    let mut reader = Reader::join(proxy.address(), CHANNEL, LEN);
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    flood.until_held();
    let sent = flood.vanish();
    assert!(sent * LEN as u64 > QUEUE_BYTES);
    reader.read_until(sent);
    // The message that was cut off is not delivered: this is the next.
    proxy.join(CHANNEL).send("the next");
    reader.wire.hears("the next");
}

#[test]
fn who_is_reset_while_held_has_sent_what_was_accepted() {
    let proxy = Proxy::with(&PATIENT);
    let mut reader = Reader::join(proxy.address(), CHANNEL, LEN);
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    flood.until_held();
    let received = proxy.counter("messages_received");
    let (mut sender, mut other) = (proxy.join_bare(CHANNEL), proxy.join(CHANNEL));
    sender.send(&wire::text("0"));
    // From now on it is held itself, and the rest waits in front of the proxy.
    until("its first message", || proxy.counter("messages_received") == received + 1);
    for number in 1..10 {
        sender.send(&wire::text(&number.to_string()));
    }
    sender.reset();
    // Which shows that it takes nothing any more; what it sent counts all the same.
    other.send("meanwhile");
    until("the other's", || proxy.counter("messages_received") == received + 2);
    // It reads nothing, so it is not to stay.
    drop(other);
    flood.stop();
    let (mut words, mut end) = (0, None);
    while words < 10 || end.is_none() {
        let frame = reader.wire.frame();
        let text = String::from_utf8(frame.payload);
        match text.as_deref() {
            Ok(text) if frame.first == FIN | wire::TEXT && text.starts_with("end ") => {
                end = Some(text.to_owned());
            }
            Ok(text) if frame.first == FIN | wire::TEXT && text != "meanwhile" => {
                assert_eq!(text, words.to_string());
                words += 1;
            }
            _ => {}
        }
    }
    assert_eq!(end, Some(format!("end {}", flood.sent())));
}

#[test]
fn who_leaves_holds_nobody_back() {
    let proxy = Proxy::with(&PATIENT);
    let leave: [fn(Wire) -> Option<Wire>; 3] = [
        |mut wire| {
            wire.send(&wire::close(1000));
            Some(wire)
        },
        |wire| {
            wire.finish();
            Some(wire)
        },
        |wire| {
            wire.reset();
            None
        },
    ];
    for leave in leave {
        let reader = Reader::join(proxy.address(), CHANNEL, LEN);
        let flood = Flood::start(proxy.address(), CHANNEL, LEN);
        flood.until_held();
        // It has read nothing of what waits for it, and does not.
        let left = leave(reader.wire);
        flood.until_accepted(4 * MIB);
        proxy.until_clients(CHANNEL, 1);
        drop(left);
        flood.sent();
        proxy.until_clients(CHANNEL, 0);
    }
    assert_eq!(proxy.counter("clients_stalled"), 0);
}

#[test]
fn who_closes_and_says_no_more_gets_what_waited_and_the_echo() {
    let proxy = Proxy::with(&PATIENT);
    let mut reader = Reader::join(proxy.address(), CHANNEL, LEN);
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    flood.until_held();
    reader.wire.send(&wire::close(1000));
    reader.wire.finish();
    proxy.until_clients(CHANNEL, 1);
    assert_eq!(reader.read_until_close().0, 1000);
    assert!(reader.next * LEN as u64 >= QUEUE_BYTES, "{} messages", reader.next);
    reader.wire.ended();
    flood.sent();
}
