//! A million messages to a hundred readers, of whom one takes nothing until it is cut.
//!
//! Memory must stay within what limits.rs says, everybody else must get everything, and another
//! channel must not notice.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Plan;
use super::contest::median;
use crate::clock::{Instant, now, pause};
use crate::error::{Context, Error};
use crate::load::{Crowd, Shape, connect};
use crate::report::{Bar, Report};
use crate::servers::{Server, account};

const MESSAGES: u64 = 1_000_000;
/// Readers that keep up, beside the one that does not.
const READERS: usize = 99;
const SHAPE: Shape = Shape { size: 64, outstanding: 64, pace: None };
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Time of one look at the other channel's rate.
const TURN: Duration = Duration::from_millis(100);
/// A round that takes so long waits for the reader that stalls.
const STALL_MIN: Duration = Duration::from_millis(500);
/// Bytes by which memory may grow: the outbox's limit of 1 MiB and one read of its sender, of
/// which the buffers may be half empty, and what an allocator needs.
const GROWTH_MAX: f64 = 2.0 * (1024.0 + 64.0) * 1024.0 + 256.0 * 1024.0;

/// When the channel stood still.
type Stall = Option<(Instant, Instant)>;
/// The deliveries a second of the other channel, by turns.
type Rates = Vec<(Instant, f64)>;

/// Measures.
pub(super) fn run(plan: &Plan, report: &mut Report) -> Result<(), Error> {
    println!("\nstalled");
    let stall_time = if plan.short { "1s" } else { "10s" };
    let server = plan.programs.start_proxy(&["--stall-time", stall_time])?;
    let crowd = |name: &str, readers: usize| {
        let places: Vec<_> = (0..=readers).map(|_| place(&server, name)).collect();
        Crowd::join(&places, 1)
    };
    let (mut crowd, mut other) = (crowd("stalled", READERS)?, crowd("other", 10)?);
    crowd.run(SHAPE, TURN)?;
    let alone: Result<Rates, _> = (0..plan.turns).map(|_| rate(&mut other)).collect();
    let mut stalled = connect(&[place(&server, "stalled")])?;
    let before = account::memory(&server)?;

    let over = AtomicBool::new(false);
    let (stall, rates, most) = std::thread::scope(|threads| {
        let flood = threads.spawn(|| {
            let stall = flood(&mut crowd, plan.short);
            over.store(true, Ordering::Relaxed);
            stall
        });
        let rates = threads.spawn(|| {
            let mut rates = Rates::new();
            while !over.load(Ordering::Relaxed) {
                rates.push(rate(&mut other)?);
            }
            Ok::<_, Error>(rates)
        });
        let mut most = before;
        while !over.load(Ordering::Relaxed) {
            most = most.max(account::memory(&server).unwrap_or(most));
            pause(LOOK);
        }
        let ended = "a thread ends";
        (flood.join().expect(ended), rates.join().expect(ended), most)
    });
    let (from, to) = stall?.ok_or_else(|| Error("nobody waited for the stalled reader".into()))?;
    is_cut(&mut stalled[0])?;
    let growth = most.saturating_sub(before) as f64;
    let within = |(start, _): &&(Instant, f64)| *start >= from && *start + TURN <= to;
    let during = median(rates?.iter().filter(within).map(|rate| rate.1));
    let alone = median(alone?.into_iter().map(|rate| rate.1));
    report.note("stalled: the channel stood still", (to - from).as_secs_f64(), "s");
    report.note("stalled: deliveries on another channel, alone", alone, "/s");
    report.note("stalled: deliveries on another channel, meanwhile", during, "/s");
    report.judge(Bar::at_most("stalled: bytes by which memory grew", GROWTH_MAX, growth));
    let what = "stalled: another channel's rate meanwhile, times its rate alone";
    report.judge(Bar::at_least(what, 0.9, during / alone));
    Ok(())
}

fn place(server: &Server, name: &str) -> (SocketAddr, String) {
    (server.address, format!("/local/{name}"))
}

/// Sends all messages; says when the channel stood still.
fn flood(crowd: &mut Crowd, short: bool) -> Result<Stall, Error> {
    let (mut sent, mut stall) = (0, None);
    while sent < MESSAGES && !(short && stall.is_some()) {
        let started = now();
        sent += crowd.run(SHAPE, Duration::ZERO)?.messages;
        if started.elapsed() > STALL_MIN {
            stall = Some((started, now()));
        }
    }
    crowd.settle()?;
    Ok(stall)
}

fn rate(crowd: &mut Crowd) -> Result<(Instant, f64), Error> {
    let started = now();
    let load = crowd.run(SHAPE, TURN)?;
    Ok((started, load.deliveries as f64 / load.wall.as_secs_f64()))
}

/// Whether the reader was told why it was cut: a Close frame with code 1008.
fn is_cut(stream: &mut TcpStream) -> Result<(), Error> {
    let (mut tail, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    while !tail.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == 1008_u16.to_be_bytes()) {
        let got = stream.read(&mut buffer).context("waiting for the stalled reader's Close")?;
        if got == 0 {
            return Err(Error("the stalled reader was cut without a Close frame of 1008".into()));
        }
        tail.drain(..tail.len().saturating_sub(3));
        tail.extend_from_slice(&buffer[..got]);
    }
    Ok(())
}
