//! Faults that overlap: what one of them holds stays so while another of its kind does.
//!
//! ```text
//!   power loss of a, b   ├──────────────┤
//!   power loss of b            ├──────────────┤
//!   begins                a, b                      the second changes nothing of b
//!   ends                                a     b     the first gives power to a alone
//! ```

use std::time::Duration;

use crate::event::FaultNo;
use crate::scenario::Plan;
use crate::scenario::planned::Trouble;

/// What the fault changes as it begins: without what another one of its kind holds already. Of two
/// qualities of a link, and of two paces of a reader, the later counts.
pub(super) fn begins(plan: &Plan, number: FaultNo) -> Trouble {
    let fault = plan.fault(number);
    match &fault.what {
        what @ (Trouble::Quality { .. }
        | Trouble::SlowReader { .. }
        | Trouble::StalledReader { .. }
        | Trouble::NewAddresses { .. }
        | Trouble::ClockDrift { .. }) => what.clone(),
        what => without(what, &under_way(plan, number, fault.at)),
    }
}

/// What the fault changes as it ends: without what another one of its kind holds still.
pub(super) fn ends(plan: &Plan, number: FaultNo) -> Trouble {
    let fault = plan.fault(number);
    let end = fault.end().expect("a fault that ends has an end");
    without(&fault.what, &under_way(plan, number, end))
}

/// What other faults do at `now`: those that have begun before, or at that very time with a lower
/// number, and go on.
fn under_way(plan: &Plan, number: FaultNo, now: Duration) -> Vec<&Trouble> {
    let others = (0..).map(FaultNo).zip(&plan.faults).filter(|(other, fault)| {
        let begun = fault.at < now || (fault.at == now && *other < number);
        *other != number && begun && fault.end().is_none_or(|end| end > now)
    });
    others.map(|(_, fault)| &fault.what).collect()
}

fn without(what: &Trouble, others: &[&Trouble]) -> Trouble {
    let mut left = what.clone();
    for other in others {
        match (&mut left, other) {
            (Trouble::PowerLoss { hosts }, Trouble::PowerLoss { hosts: held })
            | (Trouble::Sleep { hosts }, Trouble::Sleep { hosts: held })
            | (Trouble::ClockDrift { hosts, .. }, Trouble::ClockDrift { hosts: held, .. }) => {
                hosts.retain(|host| !held.contains(host));
            }
            (Trouble::NewAddresses { hosts }, Trouble::NewAddresses { hosts: held }) => {
                hosts.retain(|(host, _)| !held.iter().any(|(other, _)| other == host));
            }
            (Trouble::Quality { links, .. }, Trouble::Quality { links: held, .. })
            | (Trouble::Unplugged { links }, Trouble::Unplugged { links: held }) => {
                links.retain(|link| !held.contains(link));
            }
            (
                Trouble::SlowReader { clients, .. } | Trouble::StalledReader { clients },
                Trouble::SlowReader { clients: held, .. }
                | Trouble::StalledReader { clients: held },
            ) => clients.retain(|client| !held.contains(client)),
            // Partitions, storms and what keeps a proxy down are each counted by themselves.
            _ => {}
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::HostNo;
    use crate::scenario::{Fault, Hosts, Kind, Scenario};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_another_fault_holds_stays() {
        let off = |at, lasting, hosts: &[&'static str]| {
            Fault::new(Kind::PowerLoss, SECOND * at)
                .lasting(SECOND * lasting)
                .hosts(hosts.iter().copied())
        };
        let plan = Scenario::new("power fails twice", SECOND * 60)
            .hosts(Hosts::new("desk").count(3))
            .fault(off(1, 10, &["desk-1", "desk-2"]))
            .fault(off(5, 20, &["desk-2", "desk-3"]))
            .plan(1)
            .expect("sound");
        let hosts = |trouble| match trouble {
            Trouble::PowerLoss { hosts } => hosts.iter().map(|HostNo(n)| *n).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(hosts(begins(&plan, FaultNo(0))), [0, 1]);
        assert_eq!(hosts(begins(&plan, FaultNo(1))), [2]);
        assert_eq!(hosts(ends(&plan, FaultNo(0))), [0]);
        assert_eq!(hosts(ends(&plan, FaultNo(1))), [1, 2]);
    }
}
