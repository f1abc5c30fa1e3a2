//! Sound frames, fragments, and pings.

use super::{dialler, served};
use crate::case::{Case, Step, expect};
use crate::wire::frame::{self, CONTINUATION, FIN, PING, PONG, Role, TEXT};
use crate::wire::{Conn, Message};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "websocket/sound-frames-as-server",
        clause: "websocket.sound-frames",
        what: "What clients receive of every size, and pongs and closes, is unmasked and sound.",
        run: sound_frames_as_server,
    },
    Case {
        id: "websocket/sound-frames-as-client",
        clause: "websocket.sound-frames",
        what: "What an acceptor receives on a link that was dialled is masked and sound.",
        run: sound_frames_as_client,
    },
    Case {
        id: "websocket/fragments-accepted",
        clause: "websocket.fragments-accepted",
        what: "A message in a thousand fragments, empty ones among them, arrives.",
        run: fragments_accepted,
    },
    Case {
        id: "websocket/control-frames-between",
        clause: "websocket.fragments-accepted",
        what: "Pings and pongs between fragments are answered at once and break nothing.",
        run: control_frames_between,
    },
    Case {
        id: "websocket/frames-byte-by-byte",
        clause: "websocket.fragments-accepted",
        what: "Frames that come in packets of one byte, or many in one packet, are the same.",
        run: frames_byte_by_byte,
    },
    Case {
        id: "websocket/ping-answered",
        clause: "websocket.ping-answered",
        what: "Pings of 0 to 125 bytes are answered with the same bytes, also on links.",
        run: ping_answered,
    },
    Case {
        id: "websocket/latest-ping-answered",
        clause: "websocket.ping-answered",
        what: "Of many pings at once at least the latest is answered, and answers are in order.",
        run: latest_ping_answered,
    },
    Case {
        id: "websocket/ping-answered-as-client",
        clause: "websocket.ping-answered",
        what: "On a link that it dialled the target answers pings too.",
        run: ping_answered_as_client,
    },
];

fn sound_frames_as_server(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    for length in [0, 1, 125, 126, 65_535, 65_536, 200_000] {
        let message = Message::binary(vec![7; length]);
        alice.send(&message)?;
        // Each frame is checked as it is read.
        bob.hears(&message)?;
    }
    bob.round_trip("pongs too")?;
    bob.close(1000, "")?;
    bob.closed(1000).map(drop)
}

fn sound_frames_as_client(world: &mut World) -> Step {
    let (_instance, _client, mut link) = dialler(world)?;
    link.round_trip("")?;
    link.round_trip("pongs of a dialler are masked")?;
    link.close(1000, "")?;
    link.closed(1000).map(drop)
}

fn fragments_accepted(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    let mut whole = Vec::new();
    alice.frame(TEXT, b"")?;
    for n in 0..1000 {
        let part = if n % 10 == 0 { String::new() } else { format!("{n} ") };
        alice.frame(CONTINUATION, part.as_bytes())?;
        whole.extend_from_slice(part.as_bytes());
    }
    alice.frame(FIN | CONTINUATION, b"")?;
    bob.hears(&Message { opcode: TEXT, payload: whole })
}

fn control_frames_between(world: &mut World) -> Step {
    for alice in &mut served(world)?.conns {
        let path = world.local();
        alice.frame(TEXT, b"one ")?;
        // Answered now, not after the message.
        alice.round_trip("inside")?;
        alice.frame(FIN | PONG, b"nobody asked")?;
        alice.frame(CONTINUATION, b"two ")?;
        alice.round_trip("inside again")?;
        alice.frame(FIN | CONTINUATION, b"three")?;
        alice.round_trip(&format!("behind it {path}"))?;
    }
    let (mut alice, mut bob) = world.pair(&world.local())?;
    alice.frame(TEXT, b"one ")?;
    alice.frame(FIN | PING, b"between")?;
    alice.frame(FIN | CONTINUATION, b"two")?;
    bob.hears_text("one two")
}

fn frames_byte_by_byte(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    let frames = |n: usize| -> Vec<u8> {
        [
            frame::encode(Role::Client, TEXT, format!("{n} is ").as_bytes()),
            frame::encode(Role::Client, FIN | PONG, b"a pong"),
            frame::encode(Role::Client, FIN | CONTINUATION, &[b'x'; 130]),
        ]
        .concat()
    };
    let text = |n: usize| format!("{n} is {}", "x".repeat(130));
    for byte in frames(0) {
        alice.wire().write(&[byte])?;
    }
    bob.hears_text(&text(0))?;
    let many = (1..=100).flat_map(frames).collect::<Vec<_>>();
    alice.wire().send_bytes(&many)?;
    for n in 1..=100 {
        bob.hears_text(&text(n))?;
    }
    Ok(())
}

fn pings_of_all_sizes(conn: &mut Conn) -> Step {
    for length in [0, 1, 124, 125] {
        conn.round_trip(&"p".repeat(length))?;
    }
    conn.frame(FIN | PING, &[0xff, 0, 0x80])?;
    let pong = conn.next("a pong")?;
    let same = pong.first == FIN | PONG && pong.payload == [0xff, 0, 0x80];
    expect(same, "a pong hex ff0080", pong.describe())
}

fn ping_answered(world: &mut World) -> Step {
    served(world)?.conns.iter_mut().try_for_each(pings_of_all_sizes)
}

fn latest_ping_answered(world: &mut World) -> Step {
    for conn in &mut served(world)?.conns {
        let pings: Vec<_> =
            (0..50).flat_map(|n: u8| frame::encode(Role::Client, FIN | PING, &[n])).collect();
        conn.wire().send_bytes(&pings)?;
        let mut latest = None;
        while latest != Some(49) {
            let pong = conn.next("a pong of the last of 50 pings")?;
            let number = pong.payload.first().copied().filter(|_| pong.payload.len() == 1);
            let sound = pong.first == FIN | PONG && number.is_some() && number > latest;
            expect(sound, format!("a pong after {latest:?}"), pong.describe())?;
            latest = number;
        }
        conn.round_trip("and on")?;
    }
    Ok(())
}

fn ping_answered_as_client(world: &mut World) -> Step {
    let (_instance, _client, mut link) = dialler(world)?;
    pings_of_all_sizes(&mut link)
}
