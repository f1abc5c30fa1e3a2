//! Readers that take their time, and lose nothing.

use std::time::{Duration, Instant};

use super::{LEN, NARROW, impatient, patient, reader_and_flood};
use crate::case::{Case, Step, Stop, expect};
use crate::cases::flood::{self, BYTES_MAX, Flood, Reader};
use crate::target::Options;
use crate::wire::PATIENCE;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "backpressure/nothing-dropped",
        clause: "backpressure.nothing-dropped",
        what: "A reader that pauses and goes on, again and again, has every message in order.",
        run: nothing_dropped,
    },
    Case {
        id: "backpressure/nothing-dropped-among-readers",
        clause: "backpressure.nothing-dropped",
        what: "Beside a slow reader, one that keeps up has every message too.",
        run: nothing_dropped_among_readers,
    },
    Case {
        id: "backpressure/senders-wait",
        clause: "backpressure.senders-wait",
        what: "A sender whose reader takes nothing is held back, and goes on when it reads.",
        run: senders_wait,
    },
    Case {
        id: "backpressure/all-senders-wait",
        clause: "backpressure.senders-wait",
        what: "So is each of several senders, with the default queue.",
        run: all_senders_wait,
    },
    Case {
        id: "backpressure/memory-bounded",
        clause: "backpressure.senders-wait",
        what: "What the target has in memory grows by no more than its queues meanwhile.",
        run: memory_bounded,
    },
    Case {
        id: "backpressure/slow-not-stalled",
        clause: "backpressure.slow-not-stalled",
        what: "A reader that takes a little all the time is not closed as stalled.",
        run: slow_not_stalled,
    },
];

fn nothing_dropped(world: &mut World) -> Step {
    let instance = world.start(&patient())?;
    let (mut bob, mut flood) = reader_and_flood(&instance, &world.local(), world.log())?;
    for _ in 0..3 {
        flood.until_held(BYTES_MAX)?;
        flood::drain(&mut flood, &mut bob)?;
    }
    Ok(())
}

fn nothing_dropped_among_readers(world: &mut World) -> Step {
    let instance = world.start(&patient())?;
    let path = world.local();
    let (mut bob, mut flood) = reader_and_flood(&instance, &path, world.log())?;
    let mut carol = Reader::new(instance.client(&path, "carol", world.log())?, LEN);
    flood::beside(
        |done| flood.run_until(done),
        || {
            // Carol reads what there is for her; bob takes a break before each of his.
            for round in 1..=20 {
                std::thread::sleep(Duration::from_millis(50));
                carol.read_to(round * 10)?;
                bob.read_to(round * 10)?;
            }
            Ok(())
        },
    )?;
    let sent = std::thread::scope(|scope| -> Step<u64> {
        let reading = scope.spawn(|| flood::drain(&mut flood, &mut bob));
        while !reading.is_finished() {
            carol.conn.wire().trickle(64 * 1024, Duration::from_millis(10))?;
        }
        crate::case::joined(reading)
    })?;
    carol.read_to(sent)
}

fn senders_wait(world: &mut World) -> Step {
    let instance = world.start(&patient())?;
    let (mut bob, mut flood) = reader_and_flood(&instance, &world.local(), world.log())?;
    flood.until_held(BYTES_MAX)?;
    flood::drain(&mut flood, &mut bob).map(drop)
}

fn all_senders_wait(world: &mut World) -> Step {
    // Bob must not be cut while the third is still filling what there is to fill.
    let instance = world.start(&Options { queue_bytes: None, ..patient() })?;
    let path = world.local();
    let _bob = instance.narrow(NARROW, "bob", world.log())?.client(&path)?;
    for n in 0..3 {
        let name = format!("sender {n}");
        let conn = instance.narrow(NARROW, &name, world.log())?.client(&path)?;
        let mut flood = Flood::new(conn, 60_000);
        // Those who were held back before take nothing either, so that nobody reads anything here.
        flood.until_held(BYTES_MAX)?;
    }
    Ok(())
}

fn memory_bounded(world: &mut World) -> Step {
    /// What a proxy may grow by for reasons of its own: an allocator, tables, a runtime.
    const SLACK: u64 = 32 << 20;
    let instance = world.start(&patient())?;
    let path = world.local();
    // Warm: what everybody needs once is there.
    let (mut bob, mut flood) = reader_and_flood(&instance, &path, world.log())?;
    flood.until_held(BYTES_MAX)?;
    flood::drain(&mut flood, &mut bob)?;
    let before = memory(&instance)?;
    let mut held = Vec::new();
    for n in 0..4 {
        let path = format!("{path}-{n}");
        let (bob, mut flood) = reader_and_flood(&instance, &path, world.log())?;
        flood.until_held(BYTES_MAX)?;
        held.push((bob, flood));
    }
    let queue = instance.timing().queue_bytes as u64;
    let bound = 4 * (queue + 64 * 1024) + SLACK;
    let grown = memory(&instance)?.saturating_sub(before);
    expect(
        grown <= bound,
        format!("that four full queues take at most {bound} bytes of memory"),
        format!("{grown} bytes more than before"),
    )
}

fn memory(instance: &crate::target::Instance) -> Step<u64> {
    instance.memory_bytes().ok_or_else(|| {
        Stop::skip("needs to know the memory of the target, which the suite must have started")
    })
}

fn slow_not_stalled(world: &mut World) -> Step {
    let options = Options { stall_time: Some(Duration::from_secs(2)), ..impatient() };
    let instance = world.start(&options)?;
    let stall_time = instance.timing().stall_time;
    let path = world.local();
    let bob = instance.narrow(4096, "bob", world.log())?.client(&path)?;
    let alice = instance.narrow(NARROW, "alice", world.log())?.client(&path)?;
    let (mut bob, mut flood) = (Reader::new(bob, LEN), Flood::new(alice, LEN));
    flood::beside(
        |done| flood.run_until(done),
        || {
            let started = Instant::now();
            while started.elapsed() < stall_time * 3 {
                // Some 40 KiB a second: kernels move a window of 4 KiB in steps of less.
                std::thread::sleep(Duration::from_millis(25));
                bob.conn.wire().trickle(1024, PATIENCE)?;
            }
            Ok(())
        },
    )?;
    flood::drain(&mut flood, &mut bob).map(drop)
}
