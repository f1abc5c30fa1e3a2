//! One channel on one server: what a delivery costs, by readers, size, and messages outstanding.

use std::time::Duration;

use super::Plan;
use super::contest::{Entry, Outcome, hold, places};
use crate::error::{Context, Error};
use crate::load::{Crowd, Shape};
use crate::place::Apart;
use crate::report::{Bar, Case, Report, Row};
use crate::servers::{Kind, Server};

/// Numbers of readers.
pub(crate) const READERS: [usize; 5] = [1, 10, 100, 1000, 5000];
const SIZES: [usize; 3] = [64, 1024, 16 * 1024];
const OUTSTANDING: [usize; 2] = [1, 64];
/// The steady rate: 200 messages a second.
const PACE: Duration = Duration::from_millis(5);
/// Bytes that may be on the way at once, all readers together: more would measure how the system
/// finds memory for sockets.
const BYTES_MAX: usize = 2 << 30;
/// Files of this process that are no clients.
const FILES_KEPT: usize = 64;

/// Measures.
pub(super) fn run(plan: &Plan, report: &mut Report) -> Result<(), Error> {
    let mut kinds = vec![Kind::FloorTurn, Kind::FloorMessage, Kind::Proxy];
    kinds.extend(&plan.others);
    let servers: Result<Vec<_>, _> = kinds.iter().map(|kind| plan.programs.start(*kind)).collect();
    let servers = servers?;
    let apart = Apart::begin()?;
    servers.iter().try_for_each(|server| apart.put(server))?;
    let all = if plan.short { &READERS[..3] } else { &READERS[..] };
    for &readers in all.iter().filter(|n| plan.readers.is_empty() || plan.readers.contains(n)) {
        // This process has a file for each client of each server; the first three must fit.
        let room = (files_max()? - FILES_KEPT) / (readers + 1);
        if room < servers.len() {
            println!("\n{readers} readers: too few files are allowed for other people's servers");
        }
        let mut entries = enter(&servers[..servers.len().min(room.max(3))], readers, 1)?;
        for size in SIZES {
            for outstanding in OUTSTANDING {
                if size * outstanding * readers > BYTES_MAX {
                    continue;
                }
                let shape = Shape { size, outstanding, pace: None };
                let case = Case::new("fanout", readers, 1, shape);
                judge(report, &case, &hold(&mut entries, shape, plan)?);
            }
        }
        if readers == 100 {
            let shape = Shape { size: 64, outstanding: 1, pace: Some(PACE) };
            let case = Case::new("steady", readers, 1, shape);
            let long = Plan { turn: plan.turn * 5, ..plan.clone() };
            judge(report, &case, &hold(&mut entries, shape, &long)?);
        }
    }
    // With nchan a sender is no reader, so several of them would not hear each other.
    let servers: Vec<_> = servers.into_iter().filter(|s| s.kind != Kind::Nchan).collect();
    let mut entries = enter(&servers, 100, 8)?;
    let shape = Shape { size: 64, outstanding: 64, pace: None };
    let case = Case::new("senders", 100, 8, shape);
    judge(report, &case, &hold(&mut entries, shape, plan)?);
    Ok(())
}

fn files_max() -> Result<usize, Error> {
    let (soft, _) = rlimit::Resource::NOFILE.get().context("asking for the limit on files")?;
    Ok(usize::try_from(soft).unwrap_or(usize::MAX))
}

fn enter(servers: &[Server], readers: usize, senders: usize) -> Result<Vec<Entry<'_>>, Error> {
    let enter = |server| {
        let crowd = Crowd::join(&places(server, readers, senders), senders)?;
        // nchan tells a sender how many heard it.
        let crowd = if server.kind == Kind::Nchan { crowd.answered() } else { crowd };
        Ok(Entry { server: server.kind, servers: vec![server], crowd })
    };
    servers.iter().map(enter).collect()
}

fn judge(report: &mut Report, case: &Case, outcome: &Outcome) {
    let rows = outcome.rows(case);
    bars(case, &rows).into_iter().for_each(|bar| report.judge(bar));
    report.add(rows);
}

/// The bars that the project set itself for this case.
fn bars(case: &Case, rows: &[Row]) -> Vec<Bar> {
    let row = |kind| rows.iter().find(|row| row.server == kind);
    let Some(proxy) = row(Kind::Proxy) else { return Vec::new() };
    let mut bars = Vec::new();
    let mut at_most = |what: &str, limit, measured: Option<f64>| {
        if let Some(measured) = measured {
            bars.push(Bar::at_most(&format!("{case}: {what}"), limit, measured));
        }
    };
    let turn = "CPU, times the floor with a send a turn";
    let message = "CPU, times the floor with a send a message";
    match (case.scenario, case.size, case.readers, case.outstanding) {
        ("senders", ..) => at_most(turn, 1.6, proxy.to_turn),
        ("steady", ..) | (_, _, _, 1) => {
            at_most(message, 1.1, proxy.to_message);
            at_most("99 % latency, times the same floor's", 1.1, proxy.p99_to_message);
        }
        (_, 64, 100 | 1000, 64) => {
            at_most(turn, 1.25, proxy.to_turn);
            if let Some(naive) = row(Kind::Naive) {
                let less = naive.cpu_ns / proxy.cpu_ns;
                let what = format!("{case}: times less CPU than the naive server");
                bars.push(Bar::at_least(&what, 40.0, less));
            }
        }
        (_, 1024, 100, 64) => at_most(turn, 1.2, proxy.to_turn),
        (_, 16384, 10..=1000, 64) => at_most(turn, 1.15, proxy.to_turn),
        _ => {}
    }
    bars
}
