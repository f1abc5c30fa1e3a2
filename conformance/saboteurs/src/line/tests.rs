use super::*;
use crate::faults;
use crate::frame::{PING, TEXT};

const REQUEST: &[u8] = b"GET /local/chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
const REFUSAL: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n";

fn line(fault: &str) -> Line {
    let fault = faults::all().find(|row| row.name == fault).unwrap();
    let shared = Arc::new(Shared::new(proxy::Config::default(), None));
    Line::new(fault, &shared, Side::Accepted, "127.0.0.1:1".parse().unwrap())
}

/// A line on which the handshake is done, and nothing waits.
fn open(fault: &str) -> Line {
    let mut line = line(fault);
    line.peer_sent(REQUEST);
    line.proxy_sent(ANSWER);
    line.to_proxy.clear();
    line.to_peer.clear();
    line
}

fn masked(opcode: u8, payload: &str) -> Frame {
    Frame { mask: Some([9; 4]), ..Frame::new(opcode, payload) }
}

#[test]
fn what_the_fault_is_not_about_passes_byte_for_byte() {
    let sent = [&masked(TEXT, "hi").encode()[..], &Frame::close(1000, "").encode()].concat();
    for step in [1, 7, 1000] {
        let mut line = line("swaps-two");
        for bytes in [REQUEST, &sent[..]].concat().chunks(step) {
            line.peer_sent(bytes);
        }
        for bytes in [ANSWER, &sent[..]].concat().chunks(step) {
            line.proxy_sent(bytes);
        }
        assert_eq!(line.to_proxy, [REQUEST, &sent[..]].concat());
        assert_eq!(line.to_peer, [ANSWER, &sent[..]].concat());
    }
}

#[test]
fn a_refused_request_may_be_followed_by_another() {
    let mut line = line("echoes");
    for _ in 0..2 {
        line.peer_sent(REQUEST);
        line.proxy_sent(REFUSAL);
    }
    line.peer_sent(REQUEST);
    line.proxy_sent(ANSWER);
    assert!(line.is_client());
    line.to_peer.clear();
    line.peer_sent(&masked(TEXT, "hi").encode());
    assert_eq!(line.to_peer, Frame::new(TEXT, "hi").encode());
}

#[test]
fn requests_may_come_before_the_answers() {
    let mut line = line("echoes");
    line.peer_sent(&[REQUEST, REQUEST, REQUEST, &masked(TEXT, "hi").encode()].concat());
    for _ in 0..2 {
        line.proxy_sent(REFUSAL);
    }
    line.proxy_sent(ANSWER);
    let echo = Frame::new(TEXT, "hi").encode();
    assert_eq!(line.to_peer, [REFUSAL, REFUSAL, ANSWER, &echo].concat());
}

#[test]
fn heads_are_changed_each_way() {
    let mut renamed = line("names-without-case");
    renamed.peer_sent(b"GET /local/Chat HTTP/1.1\r\nHost: B\r\n\r\n");
    assert_eq!(&renamed.to_proxy[..], b"GET /local/chat HTTP/1.1\r\nHost: B\r\n\r\n");
    let mut recoded = line("post-is-bad");
    recoded.peer_sent(REQUEST);
    recoded.proxy_sent(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n");
    assert_eq!(&recoded.to_peer[..], b"HTTP/1.1 400 Bad Request\r\n\r\n");
}

#[test]
fn fragments_are_joined_for_who_wants_messages_and_pings_pass_between() {
    let mut line = open("cuts-at-4096");
    let half = "x".repeat(3000);
    line.peer_sent(&Frame { fin: false, ..masked(TEXT, &half) }.encode());
    line.peer_sent(&masked(PING, "").encode());
    assert_eq!(line.to_proxy.split(), masked(PING, "").encode());
    line.peer_sent(&masked(CONTINUATION, &half).encode());
    assert_eq!(line.to_proxy, masked(TEXT, &"x".repeat(4096)).encode());
}

#[test]
fn others_on_the_channel_are_told() {
    let mut first = open("tells-who-left");
    let mut second = Line::new(first.fault, &first.shared, Side::Accepted, first.peer);
    second.peer_sent(REQUEST);
    second.proxy_sent(ANSWER);
    first.run(first.fault.ended);
    let (_, to_peer) = second.known.as_ref().unwrap().inbox.take();
    assert_eq!(to_peer, Frame::new(TEXT, "somebody left").encode());
}

#[test]
fn one_of_two_is_swapped_lost_or_doubled() {
    let deliver = |fault: &str| {
        let mut line = open(fault);
        for text in ["a", "b", "c", "d", "e"] {
            line.peer_sent(&masked(TEXT, text).encode());
            line.proxy_sent(&Frame::new(TEXT, text).encode());
        }
        let texts = |bytes: &[u8]| {
            let (mut rest, mut texts) = (bytes, String::new());
            while let Parsed::Whole(frame, end) = Frame::parse(rest, 100) {
                texts += std::str::from_utf8(&frame.payload).unwrap();
                rest = &rest[end..];
            }
            texts
        };
        (texts(&line.to_proxy), texts(&line.to_peer))
    };
    assert_eq!(deliver("swaps-two"), ("abdce".into(), "abcde".into()));
    assert_eq!(deliver("twice"), ("abcde".into(), "aabbccddee".into()));
    assert_eq!(deliver("late-members"), ("abcde".into(), "bcde".into()));
    assert_eq!(deliver("echoes"), ("abcde".into(), "aabbccddee".into()));
}
