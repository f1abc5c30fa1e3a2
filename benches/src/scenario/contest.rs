//! Servers measured in one run, by turns, so that what else the machine does hits all alike.
//!
//! ```text
//!   floor │ proxy │ naive │ floor │ proxy │ naive │ …     a ratio for each round of turns,
//!   └────── ratio ────────┘                               and of those the median
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::Error;
use crate::load::{Crowd, Load, Shape};
use crate::report::{Case, Latency, Row};
use crate::servers::{Kind, Server, account};

use super::Plan;

/// One contestant: a crowd, and the servers that serve it.
pub(super) struct Entry<'a> {
    pub(super) server: Kind,
    pub(super) servers: Vec<&'a Server>,
    pub(super) crowd: Crowd,
}

/// One turn of one contestant.
struct Turn {
    /// CPU time of the servers for each delivery, in nanoseconds.
    cpu: f64,
    rate: f64,
    latency: Latency,
    /// The part of the time in which the load computed.
    load: f64,
}

/// The places of one sender or more and their readers on one server.
pub(super) fn places(server: &Server, readers: usize, senders: usize) -> Vec<(SocketAddr, String)> {
    let channel = format!("c{readers}-{senders}");
    // nchan sends a message back to a sender that is a reader as well; here it is not.
    let path = |index| match server.kind {
        Kind::Nchan if index < senders => format!("/publish/{channel}"),
        _ => format!("/local/{channel}"),
    };
    (0..senders + readers).map(|index| (server.address, path(index))).collect()
}

/// Measures all `entries` with messages of `shape`.
pub(super) fn hold(entries: &mut [Entry<'_>], shape: Shape, plan: &Plan) -> Result<Outcome, Error> {
    let mut turns: Vec<Vec<Turn>> = entries.iter().map(|_| Vec::new()).collect();
    // The first turn warms up.
    for turn in 0..=plan.turns {
        for (entry, turns) in entries.iter_mut().zip(&mut turns) {
            let measured = entry.turn(shape, plan.turn)?;
            if turn > 0 {
                turns.push(measured);
            }
        }
    }
    for entry in entries.iter_mut() {
        entry.crowd.settle().map_err(|error| entry.blame(&error))?;
    }
    Ok(Outcome { turns: entries.iter().map(|entry| entry.server).zip(turns).collect() })
}

/// All turns of all contestants.
pub(super) struct Outcome {
    turns: Vec<(Kind, Vec<Turn>)>,
}

impl Outcome {
    /// A row for each contestant.
    pub(super) fn rows(&self, case: &Case) -> Vec<Row> {
        let of = |kind| self.turns.iter().position(|turns| turns.0 == kind);
        let (a_turn, a_message) = (of(Kind::FloorTurn), of(Kind::FloorMessage));
        let row = |index: usize| {
            let (server, turns) = &self.turns[index];
            let middle = |of: fn(&Turn) -> f64| median(turns.iter().map(of));
            Row {
                case: case.clone(),
                server: *server,
                cpu_ns: middle(|turn| turn.cpu),
                deliveries_per_second: middle(|turn| turn.rate),
                latency: Latency {
                    p50: middle(|turn| turn.latency.p50),
                    p99: middle(|turn| turn.latency.p99),
                    p999: middle(|turn| turn.latency.p999),
                },
                load: middle(|turn| turn.load),
                to_turn: a_turn.map(|floor| self.cpu_ratio(index, floor)),
                to_message: a_message.map(|floor| self.cpu_ratio(index, floor)),
                p99_to_message: a_message
                    .map(|floor| self.ratio(index, floor, |turn| turn.latency.p99)),
            }
        };
        (0..self.turns.len()).map(row).collect()
    }

    /// CPU for a delivery of one contestant as a ratio to another's.
    pub(super) fn cpu_ratio(&self, of: usize, to: usize) -> f64 {
        self.ratio(of, to, |turn| turn.cpu)
    }

    fn ratio(&self, of: usize, to: usize, value: fn(&Turn) -> f64) -> f64 {
        let pairs = self.turns[of].1.iter().zip(&self.turns[to].1);
        median(pairs.map(|(of, to)| value(of) / value(to)))
    }
}

impl Entry<'_> {
    fn turn(&mut self, shape: Shape, time: Duration) -> Result<Turn, Error> {
        let before = account::cpu(&self.servers)?;
        let load = self.crowd.run(shape, time).map_err(|error| self.blame(&error))?;
        let cpu = account::cpu(&self.servers)? - before;
        Ok(Turn::of(&load, cpu))
    }

    fn blame(&self, error: &Error) -> Error {
        Error(format!("{}: {error}", self.server.name()))
    }
}

impl Turn {
    fn of(load: &Load, cpu: Duration) -> Self {
        let wall = load.wall.as_secs_f64();
        let at = |quantile| load.latency.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            cpu: cpu.as_nanos() as f64 / load.deliveries as f64,
            rate: load.deliveries as f64 / wall,
            latency: Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999) },
            load: load.own_cpu.as_secs_f64() / wall,
        }
    }
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n => f64::midpoint(values[(n - 1) / 2], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!(median([].into_iter()).is_nan());
        assert_eq!(median([3.0, 1.0, 100.0].into_iter()), 3.0);
        assert_eq!(median([4.0, 1.0, 2.0, 100.0].into_iter()), 3.0);
    }
}
