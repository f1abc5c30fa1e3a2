//! Pings of the proxy, and connections whose other end is gone.

use std::time::{Duration, Instant};

use super::served;
use crate::case::{Case, Step, Stop, expect, joined};
use crate::cases::flood::{self, BYTES_MAX, Flood, Reader};
use crate::target::{Instance, KEEP_ALIVE as KEEP_ALIVE_BY_DEFAULT, Options};
use crate::wire::frame::{FIN, PING, PONG};
use crate::wire::{Conn, PATIENCE};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "websocket/idle-pinged",
        clause: "websocket.idle-pinged",
        what: "A client and a link that say nothing are pinged, again and again.",
        run: idle_pinged,
    },
    Case {
        id: "websocket/idle-pinged-by-default",
        clause: "websocket.idle-pinged",
        what: "Told no keep-alive time, the target pings within 30 s.",
        run: idle_pinged_by_default,
    },
    Case {
        id: "websocket/silent-closed",
        clause: "websocket.silent-closed",
        what: "A client and a link that answer no ping are dropped.",
        run: silent_closed,
    },
    Case {
        id: "websocket/answering-kept",
        clause: "websocket.silent-closed",
        what: "A client that only answers pings is kept for many keep-alive times.",
        run: answering_kept,
    },
    Case {
        id: "websocket/held-sender-not-silent",
        clause: "websocket.busy-not-silent",
        what: "A sender that is held back for longer than silence is allowed is kept.",
        run: held_sender_not_silent,
    },
    Case {
        id: "websocket/slow-reader-not-silent",
        clause: "websocket.busy-not-silent",
        what: "A reader whose ping waits behind its queue for so long is kept while it reads.",
        run: slow_reader_not_silent,
    },
];

/// Twice as long must never pass between a ping and our answer, also on a busy machine.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Bytes of one message of a flood.
const LEN: usize = 4096;

fn options() -> Options {
    Options { no_discovery: true, keep_alive: Some(KEEP_ALIVE), ..Options::default() }
}

/// Answers pings for at least this long, and fails on anything else.
fn answers_pings(conn: &mut Conn, time: Duration) -> Step {
    let started = Instant::now();
    while started.elapsed() < time {
        let frame = conn.next("a ping")?;
        expect(frame.first == FIN | PING, "a ping", frame.describe())?;
        conn.frame(FIN | PONG, &frame.payload)?;
    }
    Ok(())
}

/// Both at once, each on a thread of its own.
fn both(conns: &mut [Conn], each: impl Fn(&mut Conn) -> Step + Copy + Send) -> Step {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            conns.iter_mut().map(|conn| scope.spawn(move || each(conn))).collect();
        threads.into_iter().try_for_each(joined)
    })
}

/// A client and a link of an instance with a short keep-alive time.
fn impatient_pair(world: &World) -> Step<(Instance, String, [Conn; 2])> {
    let instance = world.start(&options())?;
    let path = world.broadcast();
    let client = instance.client(&path, "client", world.log())?;
    let link = instance.link(&path, "link", world.log())?;
    Ok((instance, path, [client, link]))
}

fn is_pinged(conn: &mut Conn, limit: Duration) -> Step {
    conn.wire().patience(limit);
    let ping = conn.next("a ping")?;
    expect(ping.first == FIN | PING, "a ping", ping.describe())?;
    conn.frame(FIN | PONG, &ping.payload)
}

fn idle_pinged(world: &mut World) -> Step {
    let (instance, _, mut conns) = impatient_pair(world)?;
    let limit = instance.timing().keep_alive + PATIENCE;
    both(&mut conns, |conn| (0..3).try_for_each(|_| is_pinged(conn, limit)))
}

fn idle_pinged_by_default(world: &mut World) -> Step {
    both(&mut served(world)?.conns, |conn| is_pinged(conn, KEEP_ALIVE_BY_DEFAULT + PATIENCE))
}

fn silent_closed(world: &mut World) -> Step {
    let (instance, path, mut conns) = impatient_pair(world)?;
    let keep_alive = instance.timing().keep_alive;
    // Without a client the link would be closed for that.
    let keeper = instance.client(&path, "keeper", world.log())?;
    let voice = keeper.into_wire().voice()?;
    flood::beside(
        |done| voice.speak(keep_alive / 4, done),
        || both(&mut conns, |conn| ends_in_silence(conn, keep_alive * 2 + PATIENCE)),
    )
}

/// Pings and a close may come; what counts is the end.
fn ends_in_silence(conn: &mut Conn, limit: Duration) -> Step {
    let expected = "the end of a connection that answers no ping";
    conn.wire().patience(limit);
    let started = Instant::now();
    while conn.next_or_end(expected)?.is_some() {
        expect(started.elapsed() < limit, expected, "pings only")?;
    }
    Ok(())
}

fn answering_kept(world: &mut World) -> Step {
    let instance = world.start(&options())?;
    let path = world.local();
    let alice = instance.client(&path, "alice", world.log())?;
    let bob = instance.client(&path, "bob", world.log())?;
    let keep_alive = instance.timing().keep_alive;
    let mut conns = [alice, bob];
    both(&mut conns, |conn| {
        conn.wire().patience(keep_alive + PATIENCE);
        answers_pings(conn, keep_alive * 5 / 2)
    })?;
    let [mut alice, mut bob] = conns;
    alice.text("still here")?;
    bob.hears_text("still here")
}

/// Options under which a stalled reader outlives silence.
fn patient() -> Options {
    Options {
        queue_bytes: Some(64 * 1024),
        stall_time: Some(Duration::from_secs(600)),
        ..options()
    }
}

fn needs_long_stall(world: &World, instance: &Instance) -> Step {
    let timing = instance.timing();
    if timing.stall_time > timing.keep_alive * 6 {
        return Ok(());
    }
    let name = &world.target().file().name;
    Err(Stop::skip(format!(
        "{name} cannot be told a stall time that is longer than silence may last; if it can, give \
         the options `stall-time` and `keep-alive` in the target's file"
    )))
}

fn held_sender_not_silent(world: &mut World) -> Step {
    let instance = world.start(&patient())?;
    needs_long_stall(world, &instance)?;
    let keep_alive = instance.timing().keep_alive;
    let path = world.local();
    let bob = instance.narrow(16 * 1024, "bob", world.log())?.client(&path)?;
    let alice = instance.narrow(16 * 1024, "alice", world.log())?.client(&path)?;
    let (mut flood, mut bob) = (Flood::new(alice, LEN), Reader::new(bob, LEN));
    let voice = bob.conn.wire().voice()?;
    // The reader says that it lives, though it reads nothing: it is not the subject here.
    flood::beside(
        |done| voice.speak(keep_alive / 4, done),
        || {
            flood.until_held(BYTES_MAX)?;
            let held = Instant::now();
            while held.elapsed() < keep_alive * 3 {
                std::thread::sleep(keep_alive / 4);
                flood.push(Duration::ZERO)?;
            }
            Ok(())
        },
    )?;
    flood::drain(&mut flood, &mut bob).map(drop)
}

fn slow_reader_not_silent(world: &mut World) -> Step {
    let instance = world.start(&patient())?;
    needs_long_stall(world, &instance)?;
    let keep_alive = instance.timing().keep_alive;
    let path = world.local();
    let bob = instance.narrow(4096, "bob", world.log())?.client(&path)?;
    let alice = instance.narrow(16 * 1024, "alice", world.log())?.client(&path)?;
    let (mut flood, mut bob) = (Flood::new(alice, LEN), Reader::new(bob, LEN));
    flood::beside(
        |done| flood.run_until(done),
        || {
            let started = Instant::now();
            while started.elapsed() < keep_alive * 3 {
                // A little all the time, some 40 KiB a second, and never a word: the pings are
                // behind what is queued.
                std::thread::sleep(Duration::from_millis(25));
                bob.conn.wire().trickle(1024, PATIENCE)?;
            }
            Ok(())
        },
    )?;
    flood::drain(&mut flood, &mut bob).map(drop)
}
