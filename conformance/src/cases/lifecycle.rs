//! How channels come and go, and proxies stop (PROTOCOL.md section 12).

use std::time::{Duration, Instant};

use super::flood::{BYTES_MAX, Flood};
use super::scene::Scene;
use crate::case::{Case, Step, Stop, expect};
use crate::target::Options;
use crate::wire::{Conn, Message, PATIENCE};
use crate::world::World;

/// How often a client comes.
const TIMES: usize = 50;

/// So long that nobody is closed as stalled in this time.
const STALL_TIME: Duration = Duration::from_secs(300);

/// Size of the messages of a flood, and of the kernel's buffers of those who do not read them.
const MESSAGE_BYTES: usize = 16 * 1024;
const BUFFER_BYTES: usize = 16 * 1024;

/// What a sender that nobody holds back gets rid of.
const FREE_BYTES: u64 = 4 << 20;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "lifecycle/member-from-answer",
        clause: "lifecycle.member-from-answer",
        what: "A client that has read its 101 hears what is sent from then on, every time.",
        run: member_from_answer,
    },
    Case {
        id: "lifecycle/members-at-once",
        clause: "lifecycle.member-from-answer",
        what: "Two that join one right after the other hear each other's first words.",
        run: members_at_once,
    },
    Case {
        id: "lifecycle/latecomer-hears-nothing-old",
        clause: "lifecycle.nothing-stored",
        what: "A client hears nothing that the proxy had received before it came.",
        run: latecomer_hears_nothing_old,
    },
    Case {
        id: "lifecycle/name-reused-hears-nothing-old",
        clause: "lifecycle.nothing-stored",
        what: "Nor does one that opens a name which others had used and left.",
        run: name_reused_hears_nothing_old,
    },
    Case {
        id: "lifecycle/full-reader-closes",
        clause: "lifecycle.leaves-at-once",
        what: "A full reader that sends a close frame holds its senders back no longer.",
        run: |world| {
            full_reader_leaves(world, |mut conn| conn.close(1000, "").map(|()| Some(conn)))
        },
    },
    Case {
        id: "lifecycle/full-reader-ends",
        clause: "lifecycle.leaves-at-once",
        what: "Nor does one that ends its connection.",
        run: |world| {
            full_reader_leaves(world, |mut conn| {
                conn.wire().finish();
                Ok(Some(conn))
            })
        },
    },
    Case {
        id: "lifecycle/full-reader-resets",
        clause: "lifecycle.leaves-at-once",
        what: "Nor does one whose connection is reset.",
        run: |world| {
            full_reader_leaves(world, |conn| {
                conn.into_wire().reset();
                Ok(None)
            })
        },
    },
    Case {
        id: "lifecycle/advert-ends-with-last-client",
        clause: "lifecycle.last-client-withdraws",
        what: "The advert ends when the last client closes, not when another does.",
        run: |world| advert_ends(world, Conn::leave),
    },
    Case {
        id: "lifecycle/advert-ends-with-lost-client",
        clause: "lifecycle.last-client-withdraws",
        what: "The same where clients end their connection without a close.",
        run: |world| {
            advert_ends(world, |conn| {
                conn.into_wire().reset();
                Ok(())
            })
        },
    },
    Case {
        id: "lifecycle/links-end-with-last-client",
        clause: "lifecycle.last-client-closes-links",
        what: "When the last client leaves, links both ways are closed with 1000, not before.",
        run: links_end_with_last_client,
    },
    Case {
        id: "lifecycle/shutdown-closes-clients",
        clause: "lifecycle.shutdown-closes",
        what: "A proxy that is told to stop closes local and broadcast clients with 1001.",
        run: shutdown_closes_clients,
    },
    Case {
        id: "lifecycle/shutdown-closes-links",
        clause: "lifecycle.shutdown-closes",
        what: "It closes the links that it accepted and those that it dialled with 1001.",
        run: shutdown_closes_links,
    },
];

fn member_from_answer(world: &mut World) -> Step {
    for scope in world.scopes() {
        let path = format!("{scope}{}", world.name());
        let mut alice = world.client(&path, "alice")?;
        for n in 0..TIMES {
            let mut bob = world.client(&path, &format!("bob {n}"))?;
            let text = format!("welcome {n}");
            alice.text(&text)?;
            bob.hears_text(&text)?;
            bob.leave()?;
        }
    }
    Ok(())
}

fn members_at_once(world: &mut World) -> Step {
    for n in 0..TIMES {
        let path = world.local();
        let (mut alice, mut bob) = world.pair(&path)?;
        let (first, second) = (format!("bob, {n}"), format!("alice, {n}"));
        bob.text(&first)?;
        alice.text(&second)?;
        alice.hears_text(&first)?;
        bob.hears_text(&second)?;
    }
    Ok(())
}

fn latecomer_hears_nothing_old(world: &mut World) -> Step {
    for scope in world.scopes() {
        let path = format!("{scope}{}", world.name());
        let (mut alice, mut bob) = world.pair(&path)?;
        for n in 0..TIMES {
            alice.text(&format!("old {n}"))?;
        }
        alice.binary(&[0; MESSAGE_BYTES])?;
        // Whoever has answered the ping has received what was before it.
        alice.round_trip("all is received")?;
        let mut late = world.client(&path, "late")?;
        alice.text("new")?;
        late.hears_text("new")?;
        // The others heard it all.
        for n in 0..TIMES {
            bob.hears_text(&format!("old {n}"))?;
        }
        bob.hears(&Message::binary([0; MESSAGE_BYTES]))?;
        bob.hears_text("new")?;
    }
    Ok(())
}

fn name_reused_hears_nothing_old(world: &mut World) -> Step {
    for scope in world.scopes() {
        let path = format!("{scope}{}", world.name());
        // Alone, so that nobody takes it; then left by all.
        let mut alice = world.client(&path, "alice")?;
        alice.text("to nobody")?;
        alice.leave()?;
        let (mut alice, mut bob) = world.pair(&path)?;
        alice.text("old")?;
        bob.hears_text("old")?;
        alice.leave()?;
        bob.leave()?;
        let (mut carol, mut dave) = world.pair(&path)?;
        carol.text("new")?;
        dave.hears_text("new")?;
        dave.text("newer")?;
        carol.hears_text("newer")?;
    }
    Ok(())
}

/// A sender is held back by a reader that takes nothing; the reader leaves, and the sender goes on.
fn full_reader_leaves(world: &World, leave: impl FnOnce(Conn) -> Step<Option<Conn>>) -> Step {
    let options =
        Options { no_discovery: true, stall_time: Some(STALL_TIME), ..Options::default() };
    let instance = world.start(&options)?;
    let path = world.local();
    let full = instance.narrow(BUFFER_BYTES, "full reader", world.log())?.client(&path)?;
    let alice = instance.narrow(BUFFER_BYTES, "alice", world.log())?.client(&path)?;
    let mut flood = Flood::new(alice, MESSAGE_BYTES);
    flood.until_held(BYTES_MAX)?;
    let _left = leave(full)?;
    // Before it would be closed as stalled, which frees the sender too.
    let limit = PATIENCE.min(instance.timing().stall_time / 2);
    let (started, end) = (Instant::now(), flood.accepted_bytes() + FREE_BYTES);
    while flood.accepted_bytes() < end {
        let left = limit.saturating_sub(started.elapsed());
        expect(
            flood.push(left)?,
            "that a sender goes on once the reader that held it back has left",
            format!("it is held back for {:.1} s", limit.as_secs_f64()),
        )?;
    }
    Ok(())
}

fn advert_ends(world: &World, leave: fn(Conn) -> Step) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (first, seen) = scene.advertised(&channel)?;
    let last = scene.join(&channel)?;
    leave(first)?;
    let _later = scene.other_adverts(world)?;
    let is_there = || {
        let mut instances = scene.mdns.instances().into_iter();
        instances.any(|other| other.instance == seen.instance && other.there)
    };
    expect(is_there(), "an advert as long as a client is there", "a goodbye")?;
    leave(last)?;
    scene.mdns.expect_goodbye(&seen.instance)
}

fn links_end_with_last_client(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (first, seen) = scene.advertised(&channel)?;
    let mut last = scene.join(&channel)?;
    let mut dialled = scene.linked(&channel)?.1;
    let mut accepted = scene.link(&channel)?;
    first.leave()?;
    // One client is left, and both links carry.
    last.text("outward")?;
    accepted.hears_text("outward")?;
    dialled.text("inward")?;
    last.hears_text("inward")?;
    last.leave()?;
    for link in [&mut dialled, &mut accepted] {
        if let Err(missing) = link.closed(1000) {
            return Err(match scene.mdns.expect_goodbye(&seen.instance) {
                Ok(()) => missing,
                Err(_) => Stop::skip(
                    "needs a target that withdraws an advert when the last client leaves \
                     (lifecycle.last-client-withdraws)",
                ),
            });
        }
    }
    Ok(())
}

fn shutdown_closes_clients(world: &mut World) -> Step {
    let instance = world.start(&Options { no_discovery: true, ..Options::default() })?;
    let mut clients = Vec::new();
    for path in [world.local(), world.local(), world.broadcast()] {
        for name in ["alice", "bob"] {
            clients.push(instance.client(&path, &format!("{name} of {path}"), world.log())?);
        }
    }
    instance.terminate(world.log())?;
    clients.iter_mut().try_for_each(|client| client.closed(1001).map(drop))
}

fn shutdown_closes_links(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut client = scene.join(&channel)?;
    let mut dialled = scene.linked(&channel)?.1;
    let mut accepted = scene.link(&channel)?;
    // A link for a channel in which there is no interest is one too.
    let mut idle = scene.link(&world.name())?;
    idle.round_trip("open")?;
    scene.proxy.terminate(scene.log())?;
    for conn in [&mut client, &mut dialled, &mut accepted, &mut idle] {
        conn.closed(1001)?;
    }
    Ok(())
}
