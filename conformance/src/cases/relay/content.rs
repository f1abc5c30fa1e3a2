//! How a message arrives: its bytes, its type, and all of it.

use crate::case::{Case, Step, joined};
use crate::wire::Message;
use crate::wire::frame::{self, BINARY, CONTINUATION, FIN, TEXT};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "relay/unchanged-sizes",
        clause: "relay.unchanged",
        what: "Payloads around every boundary of the frame format arrive byte for byte.",
        run: unchanged_sizes,
    },
    Case {
        id: "relay/unchanged-empty",
        clause: "relay.unchanged",
        what: "Empty messages, text and binary, arrive.",
        run: unchanged_empty,
    },
    Case {
        id: "relay/unchanged-bytes",
        clause: "relay.unchanged",
        what: "All byte values, and text of all lengths of UTF-8, arrive as they were sent.",
        run: unchanged_bytes,
    },
    Case {
        id: "relay/unchanged-fragments",
        clause: "relay.unchanged",
        what: "Messages in fragments arrive as the same messages.",
        run: unchanged_fragments,
    },
    Case {
        id: "relay/same-type",
        clause: "relay.same-type",
        what: "Text stays text and binary stays binary, also if it would be valid as text.",
        run: same_type,
    },
    Case {
        id: "relay/same-type-fragments",
        clause: "relay.same-type",
        what: "Messages in fragments keep the type of their first frame.",
        run: same_type_fragments,
    },
    Case {
        id: "relay/whole-messages",
        clause: "relay.whole-messages",
        what: "Nothing of a message is delivered whose sender is lost before its last fragment.",
        run: whole_messages,
    },
    Case {
        id: "relay/half-a-frame",
        clause: "relay.whole-messages",
        what: "Nothing of a frame is delivered whose sender is lost in the middle of it.",
        run: half_a_frame,
    },
];

/// Bytes of which no part looks like another.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn unchanged_sizes(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    let around = [
        1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 1023, 1024, 4095, 4096, 4097, 16_383, 16_384,
        65_534, 65_535, 65_536, 65_537, 131_072, 300_000, 1_048_577,
    ];
    for length in around {
        let message = Message::binary(pattern(length));
        // A message that no buffer on the way holds must be read while it is sent.
        let sent = std::thread::scope(|scope| {
            let sending = scope.spawn(|| alice.send(&message));
            let heard = bob.hears(&message);
            heard.and(joined(sending))
        });
        sent?;
    }
    Ok(())
}

fn unchanged_empty(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    let messages = [
        Message::text(""),
        Message::binary([]),
        Message::binary([]),
        Message::text(""),
        Message::text("not empty"),
    ];
    messages.iter().try_for_each(|message| alice.send(message))?;
    messages.iter().try_for_each(|message| bob.hears(message))
}

fn unchanged_bytes(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    let all: Vec<_> = (0..=255).collect();
    let text = "\0 a \u{7f} \u{80} ß \u{7ff} \u{800} € \u{d7ff} \u{e000} \u{feff} \u{fffd} \
                \u{ffff} \u{10000} 😀 \u{10ffff} e\u{301} \r\n ";
    for message in [
        Message::binary(all),
        Message::text(text),
        Message::text("\u{feff}begins with a byte order mark"),
        Message::text(" spaces stay \n"),
        Message::binary([0; 100]),
        Message::binary([0xff; 100]),
    ] {
        alice.send(&message)?;
        bob.hears(&message)?;
    }
    Ok(())
}

fn unchanged_fragments(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    for sizes in [&[3, 4, 5][..], &[0, 7, 0, 0], &[1; 50], &[40_000, 1, 40_000], &[0, 0]] {
        let whole = pattern(sizes.iter().sum());
        let mut rest = &whole[..];
        for (n, size) in sizes.iter().enumerate() {
            let (part, later) = rest.split_at(*size);
            rest = later;
            let opcode = if n == 0 { BINARY } else { CONTINUATION };
            let fin = if n + 1 == sizes.len() { FIN } else { 0 };
            alice.frame(fin | opcode, part)?;
        }
        bob.hears(&Message::binary(whole))?;
    }
    Ok(())
}

fn same_type(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    let messages = [
        Message::binary(*b"valid as text"),
        Message::text("text"),
        Message::binary([0xff, 0xfe]),
        Message::binary([]),
        Message::text(""),
        Message::binary([0; 200]),
    ];
    messages.iter().try_for_each(|message| alice.send(message))?;
    messages.iter().try_for_each(|message| bob.hears(message))
}

fn same_type_fragments(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    for opcode in [BINARY, TEXT, BINARY] {
        alice.frame(opcode, b"one ")?;
        alice.frame(CONTINUATION, b"two ")?;
        alice.frame(FIN | CONTINUATION, b"three")?;
        bob.hears(&Message { opcode, payload: b"one two three".to_vec() })?;
    }
    Ok(())
}

fn whole_messages(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    for end in ["end", "reset", "close", "error"] {
        let mut alice = world.client(&path, "alice")?;
        let mut carol = world.client(&path, "carol")?;
        alice.frame(TEXT, b"half ")?;
        alice.frame(CONTINUATION, b"a message")?;
        alice.round_trip("the halves are there")?;
        match end {
            "end" => drop(alice),
            "reset" => alice.into_wire().reset(),
            "close" => alice.leave()?,
            _ => {
                alice.frame(FIN | TEXT, b"a new one inside")?;
                alice.closed(1002)?;
            }
        }
        carol.text(end)?;
        bob.hears_text(end)?;
    }
    Ok(())
}

fn half_a_frame(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    for sent in [3, 8, 50_000] {
        let mut alice = world.client(&path, "alice")?;
        let whole = frame::encode(alice.wire().role(), FIN | TEXT, &[b'a'; 60_000]);
        alice.wire().send_bytes(&whole[..sent])?;
        alice.wire().finish();
        drop(alice);
        let mut carol = world.client(&path, "carol")?;
        carol.text("whole")?;
        bob.hears_text("whole")?;
    }
    Ok(())
}
