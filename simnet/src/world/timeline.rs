//! What happens to a world from outside, in the order of time.

use std::time::Duration;

use crate::event::{FaultNo, Phase, ProxyNo};
use crate::scenario::Plan;

/// Something that happens at a planned time. At the same time, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// A fault is over.
    End(FaultNo),
    /// A proxy starts for the first time.
    Start(ProxyNo),
    /// A fault begins.
    Begin(FaultNo),
    /// A phase begins.
    Phase(Phase),
}

/// All of a plan's.
pub(super) fn timeline(plan: &Plan) -> Vec<(Duration, Moment)> {
    let phases =
        [Phase::Story, Phase::Settling, Phase::RollCall, Phase::Leaving, Phase::Left, Phase::Ended];
    let numbers = || 0..;
    let mut moments = Vec::new();
    moments.extend(phases.map(|phase| (plan.start_of(phase), Moment::Phase(phase))));
    moments.extend(numbers().zip(&plan.proxies).map(|(n, p)| (p.start, Moment::Start(ProxyNo(n)))));
    for (number, fault) in numbers().map(FaultNo).zip(&plan.faults) {
        moments.push((fault.at, Moment::Begin(number)));
        moments.extend(fault.end().map(|end| (end, Moment::End(number))));
    }
    moments.sort_unstable();
    moments
}
