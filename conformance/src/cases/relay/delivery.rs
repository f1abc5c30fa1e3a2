//! Who hears a message, how often, and in which order.

use crate::case::{Case, Step, expect, joined};
use crate::wire::frame::{self, BINARY, CLOSE, FIN, PONG, TEXT};
use crate::wire::{Conn, Message};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "relay/everyone-else-once",
        clause: "relay.everyone-else-once",
        what: "Each of many clients hears each message of each other client once.",
        run: everyone_else_once,
    },
    Case {
        id: "relay/thousands-once",
        clause: "relay.everyone-else-once",
        what: "Of 5000 messages none is lost and none comes twice.",
        run: thousands_once,
    },
    Case {
        id: "relay/joins-and-leaves-between",
        clause: "relay.everyone-else-once",
        what: "Clients that join, leave and join again hear each message of their time once.",
        run: joins_and_leaves_between,
    },
    Case {
        id: "relay/sender-hears-nothing",
        clause: "relay.sender-hears-nothing",
        what: "A client does not receive its own messages, text or binary.",
        run: sender_hears_nothing,
    },
    Case {
        id: "relay/sender-alone",
        clause: "relay.sender-hears-nothing",
        what: "A client that was alone on a channel has not heard itself.",
        run: sender_alone,
    },
    Case {
        id: "relay/order-per-sender",
        clause: "relay.order-per-sender",
        what: "The messages of each of eight senders at once arrive in their order.",
        run: order_per_sender,
    },
    Case {
        id: "relay/order-of-kinds-and-sizes",
        clause: "relay.order-per-sender",
        what: "Small messages do not overtake large ones, nor binary ones text.",
        run: order_of_kinds_and_sizes,
    },
    Case {
        id: "relay/nothing-added",
        clause: "relay.nothing-added",
        what: "Joins, pings, closes and losses of others give a client no message.",
        run: nothing_added,
    },
    Case {
        id: "relay/names-apart",
        clause: "relay.channels-apart",
        what: "Channels with similar names do not hear each other.",
        run: names_apart,
    },
    Case {
        id: "relay/scopes-apart",
        clause: "relay.channels-apart",
        what: "/local/x and /broadcast/x do not hear each other.",
        run: scopes_apart,
    },
    Case {
        id: "relay/sent-before-close",
        clause: "relay.sent-before-close",
        what: "Messages in the same packet as a close frame and the end of the stream arrive.",
        run: sent_before_close,
    },
    Case {
        id: "relay/much-sent-before-close",
        clause: "relay.sent-before-close",
        what: "A megabyte and a close that are sent without reading anything arrive whole.",
        run: much_sent_before_close,
    },
];

/// Each of `conns` says a word, and each other must hear exactly these.
fn all_hear_all(conns: &mut [Conn], word: &str) -> Step {
    for speaker in 0..conns.len() {
        let text = format!("{word} of {speaker}");
        conns[speaker].text(&text)?;
        for (listener, conn) in conns.iter_mut().enumerate() {
            if listener != speaker {
                conn.hears_text(&text)?;
            }
        }
    }
    Ok(())
}

fn everyone_else_once(world: &mut World) -> Step {
    for path in [world.local(), world.broadcast()] {
        let mut conns = Vec::new();
        for n in 0..8 {
            conns.push(world.client(&path, &format!("client {n}"))?);
        }
        all_hear_all(&mut conns, "first")?;
        // What had come twice, or to its sender, would come before this.
        all_hear_all(&mut conns, "second")?;
        for conn in conns {
            conn.leave()?;
        }
    }
    Ok(())
}

fn thousands_once(world: &mut World) -> Step {
    let path = world.local();
    let (mut alice, mut bob) = world.pair(&path)?;
    let mut carol = world.client(&path, "carol")?;
    // In rounds, so that neither side's buffers fill.
    for round in 0..50 {
        for n in 0..100 {
            alice.text(&format!("message {}", round * 100 + n))?;
        }
        for n in 0..100 {
            let text = format!("message {}", round * 100 + n);
            bob.hears_text(&text)?;
            carol.hears_text(&text)?;
        }
    }
    alice.text("last")?;
    bob.hears_text("last")?;
    carol.hears_text("last")
}

fn joins_and_leaves_between(world: &mut World) -> Step {
    let path = world.local();
    let (mut alice, mut bob) = world.pair(&path)?;
    for round in 0..20 {
        let mut carol = world.client(&path, "carol")?;
        let text = format!("with carol {round}");
        alice.text(&text)?;
        bob.hears_text(&text)?;
        carol.hears_text(&text)?;
        bob.text("and back")?;
        alice.hears_text("and back")?;
        carol.hears_text("and back")?;
        if round % 2 == 0 {
            carol.leave()?;
        } else {
            drop(carol);
        }
        let text = format!("without carol {round}");
        alice.text(&text)?;
        bob.hears_text(&text)?;
    }
    Ok(())
}

fn sender_hears_nothing(world: &mut World) -> Step {
    for path in [world.local(), world.broadcast()] {
        let (mut alice, mut bob) = world.pair(&path)?;
        alice.text("from alice")?;
        alice.binary(b"bytes of alice")?;
        bob.hears_text("from alice")?;
        bob.hears(&Message::binary(*b"bytes of alice"))?;
        bob.text("from bob")?;
        // An echo would have come first.
        alice.hears_text("from bob")?;
    }
    Ok(())
}

fn sender_alone(world: &mut World) -> Step {
    let path = world.local();
    let mut alice = world.client(&path, "alice")?;
    alice.text("is anybody here?")?;
    alice.round_trip("an echo would come before this")?;
    let mut bob = world.client(&path, "bob")?;
    bob.text("I am")?;
    alice.hears_text("I am")
}

fn order_per_sender(world: &mut World) -> Step {
    const SENDERS: usize = 8;
    const EACH: usize = 200;
    let path = world.local();
    let mut reader = world.client(&path, "reader")?;
    let mut senders = Vec::new();
    for n in 0..SENDERS {
        senders.push(world.client(&path, &format!("sender {n}"))?);
    }
    std::thread::scope(|scope| -> Step {
        let sending: Vec<_> = senders
            .iter_mut()
            .enumerate()
            .map(|(n, conn)| {
                // Each also receives what the others send; a few hundred short messages fit into
                // its buffers.
                scope
                    .spawn(move || (0..EACH).try_for_each(|m| conn.text(&format!("{n} sends {m}"))))
            })
            .collect();
        let mut next = [0; SENDERS];
        for _ in 0..SENDERS * EACH {
            let message = reader.message("a message of one of the senders")?;
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            let due = (0..SENDERS).find(|n| text == format!("{n} sends {}", next[*n]));
            let Some(sender) = due else {
                let expected = format!("the next of each sender, {next:?}");
                return expect(false, expected, format!("{text:?}"));
            };
            next[sender] += 1;
        }
        sending.into_iter().try_for_each(joined)
    })
}

fn order_of_kinds_and_sizes(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    for round in 0..20_u8 {
        let messages = [
            Message::binary(vec![round; 60_000]),
            Message::text("small"),
            Message::binary(vec![round]),
            Message::text(&"t".repeat(5000)),
            Message::text(""),
        ];
        messages.iter().try_for_each(|message| alice.send(message))?;
        messages.iter().try_for_each(|message| bob.hears(message))?;
    }
    Ok(())
}

fn nothing_added(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    let mut alice = world.client(&path, "alice")?;
    alice.round_trip("joined")?;
    alice.frame(FIN | PONG, b"a pong that nobody asked for")?;
    let carol = world.client(&path, "carol")?;
    carol.leave()?;
    world.client(&path, "dave")?.into_wire().reset();
    drop(world.client(&path, "erin")?);
    let mut broken = world.client(&path, "broken")?;
    broken.frame(FIN | 0x3, b"a reserved opcode")?;
    broken.closed(1002)?;
    bob.round_trip("nothing came so far")?;
    alice.text("the first message")?;
    bob.hears_text("the first message")?;
    bob.text("the second")?;
    alice.hears_text("the second")
}

/// Each pair hears itself and nobody else.
fn apart(world: &mut World, paths: &[String]) -> Step {
    let mut pairs = Vec::new();
    for path in paths {
        pairs.push((path, world.pair(path)?));
    }
    for round in 0..2 {
        for (path, (alice, _)) in &mut pairs {
            alice.text(&format!("{round} on {path}"))?;
        }
        for (path, (alice, bob)) in &mut pairs {
            bob.hears_text(&format!("{round} on {path}"))?;
            bob.text(&format!("{round} back on {path}"))?;
            alice.hears_text(&format!("{round} back on {path}"))?;
        }
    }
    Ok(())
}

fn names_apart(world: &mut World) -> Step {
    let path = world.local();
    let others = ["", "x", "-", ".", "0"].map(|end| format!("{path}{end}"));
    apart(world, &others)?;
    let (scope, long) = (world.scope(), "n".repeat(200));
    apart(world, &["a", "b", ""].map(|end| format!("{scope}{long}{end}")))
}

fn scopes_apart(world: &mut World) -> Step {
    world.needs_local()?;
    let name = world.name();
    apart(world, &["local", "broadcast"].map(|scope| format!("/{scope}/{name}")))
}

fn sent_before_close(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    for round in 0..20 {
        let mut alice = world.client(&path, "alice")?;
        let role = alice.wire().role();
        let text = format!("last words {round}");
        let bytes = [
            frame::encode(role, FIN | TEXT, text.as_bytes()),
            frame::encode(role, FIN | BINARY, b"and bytes"),
            frame::encode(role, FIN | CLOSE, &[0x03, 0xe8]),
        ]
        .concat();
        alice.wire().send_bytes(&bytes)?;
        if round % 2 == 0 {
            alice.wire().finish();
        }
        drop(alice);
        bob.hears_text(&text)?;
        bob.hears(&Message::binary(*b"and bytes"))?;
    }
    Ok(())
}

fn much_sent_before_close(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    let mut alice = world.client(&path, "alice")?;
    std::thread::scope(|scope| -> Step {
        let sending = scope.spawn(move || -> Step {
            for n in 0..64_u8 {
                alice.binary(&[n; 16_384])?;
            }
            alice.close(1000, "")?;
            alice.wire().finish();
            alice.closed(1000)?;
            alice.ended()
        });
        for n in 0..64_u8 {
            bob.hears(&Message::binary([n; 16_384]))?;
        }
        joined(sending)
    })
}
