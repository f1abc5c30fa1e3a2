//! Two busy channels on one worker and on two, by turns: what a second core brings.
//!
//! The load needs cores as well: with two cores in all, of which one made the load before, the
//! second worker has none of its own. So beside the rate stands how the work is split.

use std::time::Duration;

use super::Plan;
use super::contest::median;
use crate::error::{Context, Error};
use crate::load::{Crowd, Load, Shape};
use crate::report::Report;
use crate::servers::{Server, account};

const READERS: usize = 100;
const SHAPE: Shape = Shape { size: 64, outstanding: 64, pace: None };
/// Names to try for a second channel that is on the other worker.
const NAMES: usize = 16;

/// A proxy, and a crowd on each of two channels.
struct Entry {
    server: Server,
    crowds: [Crowd; 2],
    /// Deliveries a second, CPU for each in nanoseconds, and the busiest thread's part of it.
    turns: Vec<[f64; 3]>,
}

/// Measures.
pub(super) fn run(plan: &Plan, report: &mut Report) -> Result<(), Error> {
    println!("\nworkers");
    let mut entries = [Entry::new(plan, "1")?, Entry::new(plan, "2")?];
    for _ in 0..plan.turns {
        for entry in &mut entries {
            entry.turn(plan.turn)?;
        }
    }
    for (entry, workers) in entries.iter_mut().zip(["1 worker", "2 workers"]) {
        entry.crowds.iter_mut().try_for_each(Crowd::settle)?;
        let middle = |index: usize| median(entry.turns.iter().map(|turn| turn[index]));
        report.note(format!("{workers}, 2 busy channels: deliveries"), middle(0), "/s");
        report.note(format!("{workers}, 2 busy channels: CPU for each"), middle(1), "ns");
        report.note(
            format!("{workers}, 2 busy channels: the busiest thread's part"),
            middle(2),
            "",
        );
    }
    let [one, two] = &entries;
    let rises = one.turns.iter().zip(&two.turns).map(|(one, two)| two[0] / one[0]);
    report.note("2 workers, 2 busy channels: rate, times that of one", median(rises), "");
    Ok(())
}

impl Entry {
    fn new(plan: &Plan, workers: &str) -> Result<Self, Error> {
        let server = plan.programs.start_proxy(&["--workers", workers])?;
        let crowd = |channel: usize| {
            let path = format!("/local/busy-{channel}");
            Crowd::join(&vec![(server.address, path); READERS + 1], 1)
        };
        let mut first = crowd(0)?;
        // With one worker any channel will do.
        let mut second = crowd(1)?;
        for channel in 2..NAMES {
            if workers == "1" || !shares_thread(&server, &mut first, &mut second)? {
                break;
            }
            second = crowd(channel)?;
        }
        Ok(Self { server, crowds: [first, second], turns: Vec::new() })
    }

    fn turn(&mut self, time: Duration) -> Result<(), Error> {
        let before = account::threads(&self.server)?;
        let loads = both(&mut self.crowds, time)?;
        let used = account::since(&before, &account::threads(&self.server)?);
        let cpu: f64 = used.iter().map(Duration::as_secs_f64).sum();
        let most = used.iter().max().map_or(0.0, Duration::as_secs_f64);
        let rate = |load: &Load| load.deliveries as f64 / load.wall.as_secs_f64();
        let deliveries: u64 = loads.iter().map(|load| load.deliveries).sum();
        let each = cpu * 1e9 / deliveries as f64;
        self.turns.push([loads.iter().map(rate).sum(), each, most / cpu]);
        Ok(())
    }
}

/// Both crowds at once, each in a thread.
fn both(crowds: &mut [Crowd; 2], time: Duration) -> Result<[Load; 2], Error> {
    let [first, second] = crowds;
    std::thread::scope(|threads| {
        let second = threads.spawn(|| second.run(SHAPE, time));
        let first = first.run(SHAPE, time)?;
        let second = second.join().map_err(|_| "it panicked").context("the second load")??;
        Ok([first, second])
    })
}

/// Whether the same thread of the server serves both.
fn shares_thread(server: &Server, first: &mut Crowd, second: &mut Crowd) -> Result<bool, Error> {
    let busiest = |crowd: &mut Crowd| {
        let before = account::threads(server)?;
        crowd.run(SHAPE, Duration::from_millis(20))?;
        let used = account::since(&before, &account::threads(server)?);
        Ok::<_, Error>(used.iter().enumerate().max_by_key(|(_, used)| **used).map(|most| most.0))
    };
    Ok(busiest(first)? == busiest(second)?)
}
