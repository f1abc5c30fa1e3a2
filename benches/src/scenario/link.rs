//! Across linked proxies: what a hop costs, and how soon the first message comes across.
//!
//! ```text
//!   local:  sender ─▶ proxy ─▶ reader             CPU of all proxies for a delivery,
//!   link:   sender ─▶ proxy ═▶ proxy ─▶ reader    by turns in one run
//! ```
//!
//! The proxies are told of each other by `--peer`: on one machine, without multicast.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Plan;
use super::contest::{Entry, hold, median};
use crate::clock::{now, pause};
use crate::error::{Context, Error};
use crate::frame;
use crate::load::{Crowd, Shape, connect};
use crate::report::{Bar, Case, Report};
use crate::servers::{Kind, Server};

/// Proxies beside the sender's.
const OTHERS_MAX: usize = 5;
/// Time after which the links are what they will stay: one-way ones have been replaced.
const SETTLE_TIME: Duration = Duration::from_secs(4);
/// Channels on which the time to the first message is taken.
const FIRSTS: usize = 25;
/// Time between two tries to be heard.
const TRY: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(20);
/// The message behind which nothing is left of the tries.
const LAST: &[u8] = b"the last of the tries";

/// Measures.
pub(super) fn run(plan: &Plan, report: &mut Report) -> Result<(), Error> {
    let mut proxies = vec![plan.programs.start_proxy(&[])?];
    for others in 1..=if plan.short { 2 } else { OTHERS_MAX } {
        let peers: Vec<String> = proxies.iter().map(|p| p.address.to_string()).collect();
        let peers: Vec<&str> = peers.iter().flat_map(|peer| ["--peer", peer]).collect();
        proxies.push(plan.programs.start_proxy(&peers)?);
        if others == 1 {
            first_messages(&proxies, report)?;
        }
        across(&proxies, plan, report)?;
    }
    Ok(())
}

/// One reader on each proxy but the first, where the sender and as many readers again are.
fn across(proxies: &[Server], plan: &Plan, report: &mut Report) -> Result<(), Error> {
    let others = proxies.len() - 1;
    let path = |name: &str| format!("/broadcast/{name}-{others}");
    let there: Vec<_> = proxies.iter().map(|proxy| (proxy.address, path("link"))).collect();
    let here: Vec<_> = proxies.iter().map(|_| (proxies[0].address, path("local"))).collect();
    let mut streams = connect(&there)?;
    until_heard(&mut streams)?;
    pause(if plan.short { Duration::ZERO } else { SETTLE_TIME });
    let entry = |crowd| Entry { server: Kind::Proxy, servers: proxies.iter().collect(), crowd };
    let mut entries = [entry(Crowd::join(&here, 1)?), entry(Crowd::of(streams, 1)?)];
    for (size, outstanding) in [(64, 1), (64, 64), (1024, 1), (1024, 64), (16 * 1024, 1)] {
        let shape = Shape { size, outstanding, pace: None };
        let outcome = hold(&mut entries, shape, plan)?;
        let mut rows = outcome.rows(&Case::new("local", others, 1, shape));
        let case = Case::new("link", others, 1, shape);
        rows[1].case = case.clone();
        let adds = outcome.cpu_ratio(1, 0) - 1.0;
        if (others, outstanding) == (1, 1) {
            let what = format!("{case}: a hop adds, times a local delivery");
            report.judge(Bar::at_most(&what, 1.3, adds));
        }
        let [local, link] = <[_; 2]>::try_from(rows).expect("a row for each crowd");
        report.add(vec![local]);
        report.add(vec![link]);
        report.note(format!("{case}: CPU added, times local deliveries"), adds, "");
    }
    Ok(())
}

/// The time from a client's joining on one proxy to the first message that it hears from another.
fn first_messages(proxies: &[Server], report: &mut Report) -> Result<(), Error> {
    let mut times = Vec::new();
    for channel in 0..FIRSTS {
        let place = |proxy: &Server| -> (SocketAddr, String) {
            (proxy.address, format!("/broadcast/first-{channel}"))
        };
        let mut streams = connect(&[place(&proxies[0])])?;
        // The sender's own join is over.
        pause(Duration::from_millis(20));
        let started = now();
        streams.extend(connect(&[place(&proxies[1])])?);
        until_heard(&mut streams)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    report.note("link: from a join to the first message across", median(times.into_iter()), "ms");
    Ok(())
}

/// The first of `streams` speaks until all others have heard it, and leaves nothing unread.
fn until_heard(streams: &mut [TcpStream]) -> Result<(), Error> {
    let (sender, readers) = streams.split_first_mut().expect("somebody speaks");
    let started = now();
    for reader in &mut *readers {
        reader.set_nonblocking(true).context("setting up a socket")?;
        while !hears(reader)? {
            if started.elapsed() > PATIENCE {
                return Err(Error(format!("no link brought anything within {PATIENCE:?}")));
            }
            say(sender, b"does anybody hear?")?;
            pause(TRY);
        }
        reader.set_nonblocking(false).context("setting up a socket")?;
    }
    say(sender, LAST)?;
    for reader in readers {
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        while !heard.ends_with(LAST) {
            let got = reader.read(&mut buffer).context("waiting for the end of the tries")?;
            heard.extend_from_slice(&buffer[..got]);
        }
    }
    Ok(())
}

fn say(sender: &mut TcpStream, text: &[u8]) -> Result<(), Error> {
    let (key, mut bytes) = ([1, 2, 3, 4], Vec::new());
    frame::put_header(text.len(), Some(key), &mut bytes);
    let start = bytes.len();
    bytes.extend_from_slice(text);
    frame::mask(&mut bytes[start..], key);
    sender.write_all(&bytes).context("speaking")
}

/// Whether there is anything to hear.
fn hears(reader: &TcpStream) -> Result<bool, Error> {
    match reader.peek(&mut [0]) {
        Ok(0) => Err(Error("a reader was cut off".into())),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(Error(format!("a reader was cut off: {error}"))),
    }
}
