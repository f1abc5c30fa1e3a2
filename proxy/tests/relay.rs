//! Who hears what: every other client of the channel, each message once, in order, unchanged
//! (PROTOCOL.md sections 4 and 12).

mod support;

use std::thread;

use support::wire::{self, BINARY, CONTINUATION, FIN, PING, PONG, TEXT};
use support::{Client, Proxy, Request, Wire, noise};
use tungstenite::Message;

const MIB: usize = 1024 * 1024;

/// A text of `len` bytes with characters of 1 to 4 bytes, so that cuts fall within some.
fn prose(len: usize) -> String {
    let mut text = "aé€😀".repeat(len / 10);
    text.extend(std::iter::repeat_n('z', len - text.len()));
    text
}

#[test]
fn a_message_arrives_unchanged_and_with_its_type() {
    let proxy = Proxy::start();
    let (mut a, mut b, mut c) =
        (proxy.join("/local/x"), proxy.join("/local/x"), proxy.join("/local/x"));
    let sizes = [0, 1, 2, 124, 125, 126, 127, 128, 1000, 4095, 4096, 4097];
    let more = [65_525, 65_534, 65_535, 65_536, 65_537, 100_000, 131_072, MIB - 1, MIB, MIB + 1];
    for len in sizes.into_iter().chain(more) {
        for message in [Message::from(prose(len)), Message::from(noise(len as u64, len))] {
            a.send(message.clone());
            b.hears(message.clone());
            c.hears(message);
        }
    }
    for text in ["\0", "\u{7f}", "\u{feff}bom", "{\"json\": [1, 2]}", "line\r\nline\n"] {
        b.send(text);
        a.hears(text);
        c.hears(text);
    }
    // Binary stays binary where it could pass for text.
    b.send(b"plain ASCII".to_vec());
    a.hears(b"plain ASCII".to_vec());
}

#[test]
fn messages_may_have_up_to_16_mib() {
    let proxy = Proxy::start();
    let (mut a, mut b) = (proxy.join("/local/x"), proxy.join("/local/x"));
    for message in [
        Message::from(noise(1, 16 * MIB)),
        Message::from(prose(16 * MIB)),
        Message::from(noise(2, 16 * MIB - 1)),
    ] {
        // Sent and received at once: no two sockets hold so much.
        thread::scope(|scope| {
            scope.spawn(|| a.send(message.clone()));
            b.hears(message.clone());
        });
    }
    b.send("still here");
    a.hears("still here");
}

#[test]
fn fragments_become_one_message_and_pings_go_between_them() {
    let proxy = Proxy::start();
    let (mut sender, mut hearer) = (proxy.join_bare("/local/x"), proxy.join_bare("/local/x"));
    let whole = prose(70_000);
    let cuts: [&[usize]; 5] = [&[], &[0], &[1, 2, 3], &[0, 0, 7, 7, 65_536, 70_000], &[35_000; 3]];
    for (round, cuts) in cuts.iter().enumerate() {
        for opcode in [TEXT, BINARY] {
            let mut start = 0;
            let mut first = opcode;
            for (index, end) in cuts.iter().enumerate() {
                sender.send(&wire::frame(first, &whole.as_bytes()[start..*end]));
                (start, first) = (*end, CONTINUATION);
                let payload = format!("{round}.{index}");
                sender.send(&wire::frame(FIN | PING, payload.as_bytes()));
                // Answered before the message is complete.
                let pong = sender.frame();
                assert_eq!((pong.first, pong.payload), (FIN | PONG, payload.into_bytes()));
            }
            sender.send(&wire::frame(FIN | first, &whole.as_bytes()[start..]));
            let message = hearer.frame();
            assert_eq!(message.first, FIN | opcode, "cut at {cuts:?}");
            assert!(message.payload == whole.as_bytes(), "cut at {cuts:?}");
        }
    }
}

#[test]
fn a_message_without_its_end_is_not_delivered() {
    let proxy = Proxy::start();
    let mut hearer = proxy.join("/local/x");
    for cut in [
        wire::frame(TEXT, b"a fragment and no more"),
        wire::frame(BINARY, &[]),
        wire::header(FIN | TEXT, &wire::length(10)),
        wire::text("a payload that is cut")[..20].to_vec(),
    ] {
        let mut sender = proxy.join_bare("/local/x");
        sender.send(&wire::text("whole"));
        sender.send(&cut);
        sender.finish();
        sender.ended();
        hearer.hears("whole");
    }
}

#[test]
fn many_senders_are_heard_in_their_order_once_and_not_by_themselves() {
    const CLIENTS: usize = 8;
    const MESSAGES: usize = 400;
    let proxy = Proxy::start();
    for scope in ["local", "broadcast"] {
        let path = format!("/{scope}/crowd");
        let clients: Vec<Client> = (0..CLIENTS).map(|_| proxy.join(&path)).collect();
        thread::scope(|scope| {
            for (me, client) in clients.into_iter().enumerate() {
                scope.spawn(move || speak_and_hear_all(client, me, CLIENTS, MESSAGES));
            }
        });
    }
    let count = 2 * (CLIENTS * MESSAGES) as u64;
    assert_eq!(proxy.counter("messages_received"), count);
    assert_eq!(proxy.counter("messages_delivered"), count * (CLIENTS as u64 - 1));
}

/// Sends its messages, hears exactly those of all others, each sender's in order, and then, from
/// the other side of everyone's last word, that there is nothing more.
fn speak_and_hear_all(mut client: Client, me: usize, clients: usize, messages: usize) {
    for number in 0..messages {
        client.send(format!("{me} {number}"));
    }
    let mut next = vec![0; clients];
    for _ in 0..messages * (clients - 1) {
        let message = client.next();
        let text = message.to_text().expect("a text");
        let (from, number) = text.split_once(' ').expect("two numbers");
        let from: usize = from.parse().expect("a number");
        assert_ne!(from, me, "a client heard itself");
        assert_eq!(number.parse(), Ok(next[from]), "from {from} at {me}");
        next[from] += 1;
    }
    // A message too many would come before the answer to the close.
    client.leave();
}

#[test]
fn local_and_broadcast_are_apart_and_so_are_names() {
    let proxy = Proxy::start();
    let paths = ["/local/x", "/broadcast/x", "/local/y", "/local/x.", "/local/xx", "/local/X"];
    let mut pairs = paths.map(|path| (proxy.join(path), proxy.join(path)));
    for (path, (a, b)) in paths.iter().zip(&mut pairs) {
        a.send(*path);
        b.hears(*path);
    }
    // Had anyone heard another channel, its own message now would come second.
    for (a, b) in &mut pairs {
        b.send("last");
        a.hears("last");
    }
    assert_eq!(proxy.counter("messages_delivered"), 2 * paths.len() as u64);
}

#[test]
fn ipv4_and_ipv6_clients_are_together() {
    let proxy = Proxy::start();
    if !support::has_ipv6() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let six = (std::net::Ipv6Addr::LOCALHOST, proxy.port).into();
    for path in ["/local/x", "/broadcast/x"] {
        let (mut a, mut b, mut c) =
            (proxy.join(path), Client::join(six, path), Client::join(six, path));
        a.send("over IPv4");
        b.hears("over IPv4");
        c.hears("over IPv4");
        b.send("over IPv6");
        a.hears("over IPv6");
        c.hears("over IPv6");
    }
}

#[test]
fn a_late_joiner_hears_nothing_old_and_all_that_is_new() {
    let proxy = Proxy::start();
    let mut speaker = proxy.join("/local/x");
    let mut hearers: Vec<Client> = Vec::new();
    for round in 0..60 {
        // Sent before, and received by the proxy before: the one who was there has it.
        let (old, new) = (format!("old {round}"), format!("new {round}"));
        speaker.send(old.as_str());
        for hearer in &mut hearers {
            hearer.hears(old.as_str());
        }
        // A member from its answer on (lifecycle.member-from-answer): sent right behind that.
        hearers.push(proxy.join("/local/x"));
        speaker.send(new.as_str());
        for hearer in &mut hearers {
            hearer.hears(new.as_str());
        }
    }
}

#[test]
fn a_name_used_again_starts_afresh() {
    let proxy = Proxy::start();
    for path in ["/local/again", "/broadcast/again"] {
        for round in 0..3 {
            let (mut a, mut b) = (proxy.join(path), proxy.join(path));
            let word = format!("round {round}");
            a.send(word.as_str());
            b.hears(word.as_str());
            // To nobody: the last of its round, and lost with it.
            b.leave();
            a.send("to nobody");
            a.leave();
            proxy.until_clients(path, 0);
        }
    }
    assert_eq!(proxy.status()["channels"].as_array().unwrap().len(), 0);
}

#[test]
fn what_was_sent_before_the_close_arrives() {
    let proxy = Proxy::start();
    let mut hearer = proxy.join("/local/x");
    for round in 0..50 {
        let word = format!("round {round}");
        // One write for everything, and the end of the connection directly behind it.
        let mut wire = Wire::open(proxy.address());
        let request = Request::upgrade("/local/x").bytes();
        wire.send(&[request, wire::text(&word), wire::close(1000)].concat());
        wire.finish();
        hearer.hears(word.as_str());
        // What follows a close is no message.
        wire.is_upgraded();
        assert_eq!(wire.closed().0, 1000);
    }
    for _ in 0..50 {
        let mut client = proxy.join("/local/x");
        client.send(noise(3, 200_000));
        client.0.close(None).expect("a close is sent");
        drop(client);
        hearer.hears(noise(3, 200_000));
    }
}

#[test]
fn what_was_sent_before_a_reset_arrives() {
    let proxy = Proxy::start();
    let (mut hearer, mut other) = (proxy.join("/local/x"), proxy.join("/local/x"));
    for round in 0..50 {
        let mut wire = proxy.join_bare("/local/x");
        // Unread, so that the end of the connection is a reset in any case.
        other.send("unread");
        hearer.hears("unread");
        let words: Vec<String> = (0..20).map(|number| format!("{round} {number}")).collect();
        wire.send(&words.iter().flat_map(|word| wire::text(word)).collect::<Vec<u8>>());
        if round % 2 == 0 {
            wire.send(&wire::close(1000));
        }
        wire.reset();
        for word in words {
            hearer.hears(word.as_str());
            other.hears(word.as_str());
        }
    }
}

#[test]
fn what_comes_after_the_close_is_nothing() {
    let proxy = Proxy::start();
    let (mut hearer, mut other) = (proxy.join("/local/x"), proxy.join("/local/x"));
    let mut wire = proxy.join_bare("/local/x");
    wire.send(&[wire::close(1000), wire::text("too late"), wire::close(4000)].concat());
    assert_eq!(wire.closed().0, 1000);
    other.send("in time");
    hearer.hears("in time");
}

#[test]
fn coming_and_going_makes_no_message() {
    let proxy = Proxy::start();
    let (mut a, mut b) = (proxy.join("/local/x"), proxy.join("/local/x"));
    for number in 0..20 {
        let (leaves, vanishes) = (proxy.join("/local/x"), proxy.join_bare("/local/x"));
        leaves.leave();
        vanishes.reset();
        proxy.until_clients("/local/x", 2);
        a.send(format!("{number}"));
        b.hears(format!("{number}"));
        b.send("and back");
        a.hears("and back");
    }
}
