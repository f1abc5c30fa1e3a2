//! Connecting, and what connections that say nothing cost.

use std::net::{SocketAddr, TcpStream};

use super::Plan;
use super::contest::median;
use crate::clock::now;
use crate::error::Error;
use crate::load::connect;
use crate::report::{Bar, Report};
use crate::servers::{Kind, Server, account};

/// Idle connections on one server, of which memory is told.
const CONNECTIONS: usize = 10_000;
/// Connections of one turn, and turns. The rest is opened without turns, one server after the
/// other, so that this process needs no more files than many systems allow.
const TURN: usize = 250;
const TURNS: usize = 12;

/// Measures.
pub(super) fn run(plan: &Plan, report: &mut Report) -> Result<(), Error> {
    let (connections, turns) = if plan.short { (2 * TURN, 2) } else { (CONNECTIONS, TURNS) };
    let mut kinds = vec![Kind::FloorTurn, Kind::Proxy];
    kinds.extend(plan.others.iter().filter(|kind| **kind != Kind::Nchan));
    for one_channel in [true, false] {
        println!("\njoin, {connections} connections on {}", on(one_channel, connections));
        let mut entries = Vec::new();
        for kind in &kinds {
            let server = plan.programs.start(*kind)?;
            entries.push(Entry { server, first: 0, streams: Vec::new(), turns: Vec::new() });
        }
        for _ in 0..turns {
            for entry in &mut entries {
                entry.turn(one_channel)?;
            }
        }
        let floor = entries[0].turns.clone();
        for mut entry in entries {
            entry.open(connections - entry.streams.len(), one_channel)?;
            tell(&entry, &floor, one_channel, report)?;
        }
    }
    Ok(())
}

fn on(one_channel: bool, connections: usize) -> String {
    if one_channel { "one channel".to_owned() } else { format!("{connections} channels") }
}

struct Entry {
    server: Server,
    /// Memory with the connections of the first turn. What comes before is the program itself,
    /// parts of which the system reads when they are first used.
    first: u64,
    streams: Vec<TcpStream>,
    /// CPU for each connection in microseconds, and connections a second, of each turn.
    turns: Vec<(f64, f64)>,
}

impl Entry {
    fn turn(&mut self, one_channel: bool) -> Result<(), Error> {
        let (before, started) = (account::cpu(&[&self.server])?, now());
        self.open(TURN, one_channel)?;
        let wall = started.elapsed().as_secs_f64();
        let cpu = (account::cpu(&[&self.server])? - before).as_secs_f64();
        if self.turns.is_empty() {
            self.first = account::memory(&self.server)?;
        }
        self.turns.push((cpu * 1e6 / TURN as f64, TURN as f64 / wall));
        Ok(())
    }

    fn open(&mut self, connections: usize, one_channel: bool) -> Result<(), Error> {
        let first = self.streams.len();
        let place = |index: usize| -> (SocketAddr, String) {
            let channel = if one_channel { 0 } else { first + index };
            (self.server.address, format!("/local/idle-{channel}"))
        };
        let places: Vec<_> = (0..connections).map(place).collect();
        self.streams.extend(connect(&places)?);
        Ok(())
    }
}

/// Tells what `entry` cost, all its connections being open; `floor` are the floor's turns.
fn tell(
    entry: &Entry,
    floor: &[(f64, f64)],
    one_channel: bool,
    report: &mut Report,
) -> Result<(), Error> {
    let connections = entry.streams.len();
    let memory = account::memory(&entry.server)?.saturating_sub(entry.first);
    let each = memory as f64 / (connections - TURN) as f64;
    let name = |what: &str| {
        format!("{}, {}: {what}", entry.server.kind.name(), on(one_channel, connections))
    };
    let middle = |of: fn(&(f64, f64)) -> f64| median(entry.turns.iter().map(of));
    report.note(name("CPU to connect"), middle(|turn| turn.0), "µs");
    report.note(name("connections a second"), middle(|turn| turn.1), "/s");
    report.note(name("memory of an idle connection"), each, "B");
    if entry.server.kind == Kind::Proxy {
        let ratios = entry.turns.iter().zip(floor).map(|(own, floor)| own.0 / floor.0);
        let what = name("CPU to connect, times the floor's");
        report.judge(Bar::at_most(&what, 1.3, median(ratios)));
        report.judge(Bar::at_most(&name("bytes for an idle connection"), 1024.0, each));
    }
    Ok(())
}
