//! Why connections end, and proxies.

use std::time::Duration;

use super::session::Session;
use super::world::World;
use super::{About, Check, Found, Moment};
use crate::event::{Event, Phase, Stop};
use crate::scenario::planned::Trouble;

pub(super) const CUT_FOR_A_REASON: &str = "cut-for-a-reason";
pub(super) const PROXIES_RUN: &str = "proxies-run";

/// A client that did not leave keeps its connection, but for:
///
/// | close code | reason |
/// | --- | --- |
/// | 1008 | it did not read for the stall time, or reads slower than [`TOO_SLOW`] in that time |
/// | 1001 | its proxy was asked to stop |
/// | none | its proxy was killed, or its host lost power or slept; or as with 1008 or 1001, when the Close frame did not come through |
///
/// And whoever joins gets in, if the proxy runs.
pub(super) struct CutForAReason;

/// A proxy ends only if it is asked to, killed, or without power.
pub(super) struct ProxiesRun;

/// Bytes that a reader must take within the stall time to be no stalled one: two TCP windows of
/// 64 KiB, after each of which a sender is told that there is room.
const TOO_SLOW: u64 = 128 * 1024;

/// How long after a proxy was stopped or killed its connections may still be ending.
const AFTERMATH: Duration = Duration::from_secs(5);

/// How long after a sleep its connections may turn out to be dead: two keep-alives of 30 s, and what
/// a person may set beyond that.
const AFTER_SLEEP: Duration = Duration::from_secs(90);

impl Check for CutForAReason {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        let Event::Ended { session, code, reason } = &moment.record.event else { return };
        let world = moment.world;
        let Some(state) = world.session(*session) else { return };
        let proxy = world.proxy(state.proxy);
        let within =
            |then: Option<Duration>, time| then.is_some_and(|then| world.now <= then + time);
        // Who reads slowly learns late that its proxy is no more.
        let over = world.changed_since(state);
        let down = over || within(proxy.down, AFTERMATH) || within(proxy.slept, AFTER_SLEEP);
        let stopping = over || within(proxy.asked, AFTERMATH) || world.phase >= Phase::Left;
        let sound = match (code, state.joined) {
            _ if state.leaving => true,
            (_, None) => proxy.id.is_none() || down || stopping,
            (Some(1008), _) => reads_too_slowly(world, state),
            (Some(1001), _) => stopping,
            (None | Some(1006), _) => down || stopping || reads_too_slowly(world, state),
            _ => false,
        };
        if !sound {
            let what = if state.joined.is_some() { "was cut" } else { "was not let in" };
            let code = code.map_or_else(|| "no code".to_owned(), |code| format!("code {code}"));
            let about = About { proxies: vec![state.proxy], ..About::sessions([*session]) };
            let text = format!(
                "session {} at proxy {} {what} for no reason known: {code}, {reason:?}",
                session.0, state.proxy.0
            );
            found.add(about, text);
        }
    }
}

/// Whether a session gives its proxy reason to cut it.
fn reads_too_slowly(world: &World, session: &Session) -> bool {
    let proxy = world.plan.proxy(session.proxy);
    let stall_time = proxy.options.stall_time.mul_f64(slack(world, session));
    let slow = world.plan.faults.iter().any(|fault| match &fault.what {
        Trouble::SlowReader { clients, bytes_per_second } => {
            let taken = *bytes_per_second as f64 * proxy.options.stall_time.as_secs_f64();
            clients.contains(&session.client) && fault.at <= world.now && taken < TOO_SLOW as f64
        }
        _ => false,
    });
    slow || session.longest_stall(world.now) >= stall_time
}

/// The shortest that a time of a proxy's clock may be in real time, as a share of it.
fn slack(world: &World, session: &Session) -> f64 {
    let host = world.plan.proxy(session.proxy).host;
    let drifts = world.plan.faults.iter().filter_map(|fault| match &fault.what {
        Trouble::ClockDrift { hosts, ppm } if hosts.contains(&host) => Some(*ppm),
        _ => None,
    });
    let fastest = drifts.chain([world.plan.host(host).clock_ppm, 0]).max().unwrap_or(0);
    1.0 / (1.0 + f64::from(fastest) / 1e6)
}

impl Check for ProxiesRun {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if let Event::ProxyStopped { proxy, how: Stop::Failed } = &moment.record.event {
            found.add(About::proxies([*proxy]), format!("proxy {} ended by itself", proxy.0));
        }
    }
}
