//! Readers that take nothing, and are cut.

use std::time::Duration;

use super::{LEN, NARROW, impatient, patient, reader_and_flood};
use crate::case::{Case, Step, expect, joined};
use crate::cases::flood::{BYTES_MAX, Flood, Reader};
use crate::target::{Instance, Options};
use crate::wire::PATIENCE;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "backpressure/stalled-closed",
        clause: "backpressure.stalled-closed",
        what: "A reader that takes nothing finds whole messages, then 1008 with a reason.",
        run: stalled_closed,
    },
    Case {
        id: "backpressure/stalled-closed-by-default",
        clause: "backpressure.stalled-closed",
        what: "Told no stall time, the target closes a stalled reader after 10 s, not before 5 s.",
        run: stalled_closed_by_default,
    },
    Case {
        id: "backpressure/channel-moves-on",
        clause: "backpressure.channel-moves-on",
        what: "The others have all that was sent meanwhile, while the stalled one still sleeps.",
        run: channel_moves_on,
    },
    Case {
        id: "backpressure/other-channels-free",
        clause: "backpressure.other-channels-free",
        what: "While a sender is held back, other channels go on, also with the same clients' host.",
        run: other_channels_free,
    },
];

/// Sends on, past the cut of the stalled reader: more than queues and the kernel's buffers could
/// take in if nobody was cut. That a sender seemed to be held proves nothing on a slow machine.
pub(super) fn until_let_go(flood: &mut Flood, limit: Duration) -> Step {
    let held_at = flood.accepted_bytes();
    while flood.accepted_bytes() < held_at + BYTES_MAX / 2 {
        expect(
            flood.push(limit)?,
            format!("that the channel moves on within {} s", limit.as_secs()),
            format!("the sender is held back after {} bytes", flood.accepted_bytes()),
        )?;
    }
    Ok(())
}

fn stalled_closed(world: &mut World) -> Step {
    let instance = world.start(&impatient())?;
    let (mut bob, mut flood) = reader_and_flood(&instance, &world.local(), world.log())?;
    flood.until_held(BYTES_MAX)?;
    until_let_go(&mut flood, instance.timing().stall_time + PATIENCE)?;
    let reason = bob.read_to_close(1008)?;
    expect(!reason.is_empty(), "a reason with the close", "none")?;
    bob.conn.ended()
}

fn stalled_closed_by_default(world: &mut World) -> Step {
    let instance = world.start(&Options { no_discovery: true, ..Options::default() })?;
    let (mut bob, mut flood) = reader_and_flood(&instance, &world.local(), world.log())?;
    flood.until_held(BYTES_MAX)?;
    let held = std::time::Instant::now();
    until_let_go(&mut flood, crate::target::STALL_TIME + PATIENCE)?;
    let waited = held.elapsed();
    // What "held" took to show has gone by before; the rest of 10 s is well over half of it.
    expect(
        waited > crate::target::STALL_TIME / 2,
        "a stalled reader that is closed after 10 s by default",
        format!("it was closed after {:.1} s", waited.as_secs_f64()),
    )?;
    bob.read_to_close(1008).map(drop)
}

/// Carol reads while alice sends on past the cut of bob, who has not read anything.
fn channel_moves_on(world: &mut World) -> Step {
    let instance = world.start(&impatient())?;
    let path = world.local();
    let (mut bob, mut flood) = reader_and_flood(&instance, &path, world.log())?;
    let mut carol = Reader::new(instance.client(&path, "carol", world.log())?, LEN);
    let sent = std::thread::scope(|scope| -> Step<u64> {
        let sending = scope.spawn(|| -> Step<u64> {
            flood.until_held(BYTES_MAX)?;
            until_let_go(&mut flood, instance.timing().stall_time + PATIENCE)?;
            flood.finish()
        });
        while !sending.is_finished() {
            carol.conn.wire().trickle(64 * 1024, Duration::from_millis(10))?;
        }
        joined(sending)
    })?;
    carol.read_to(sent)?;
    bob.read_to_close(1008).map(drop)
}

fn pairs_go_on(instance: &Instance, world: &World, flood: &mut Flood) -> Step {
    for path in [world.local(), world.broadcast()] {
        let mut carol = instance.client(&path, "carol", world.log())?;
        let mut dave = instance.client(&path, "dave", world.log())?;
        for n in 0..50 {
            carol.text(&format!("{n}"))?;
            dave.hears_text(&format!("{n}"))?;
            dave.binary(&[n; 5000])?;
            carol.hears(&crate::wire::Message::binary([n; 5000]))?;
        }
    }
    // All this happened while the first channel stood still: nobody was cut there meanwhile.
    flood.until_held(BYTES_MAX / 2)
}

fn other_channels_free(world: &mut World) -> Step {
    let instance = world.start(&patient())?;
    let path = world.local();
    let (_bob, mut flood) = reader_and_flood(&instance, &path, world.log())?;
    flood.until_held(BYTES_MAX)?;
    pairs_go_on(&instance, world, &mut flood)?;
    // The same name in the other scope is another channel, too.
    let other = path.replace("/local/", "/broadcast/");
    let alice = instance.narrow(NARROW, "alice too", world.log())?.client(&other)?;
    let mut bob = instance.client(&other, "bob too", world.log())?;
    let mut alice = alice;
    alice.text("free")?;
    bob.hears_text("free")?;
    flood.until_held(BYTES_MAX / 2)
}
