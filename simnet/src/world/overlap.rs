//! Faults that overlap: what one of them holds stays so while another of its kind does.
//!
//! ```text
//!   power loss of a, b   ├──────────────┤
//!   power loss of b            ├──────────────┤
//!   begins                a, b                      the second changes nothing of b
//!   ends                                a     b     the first gives power to a alone
//!
//!   5 % loss             ├──────────────┤
//!   50 % loss                  ├────┤
//!   the link loses       5     50   5   0           the later one counts, while it lasts
//! ```

use crate::event::FaultNo;
use crate::scenario::Plan;
use crate::scenario::planned::{Fault, Trouble};

/// What the fault changes as it begins: without what another one of its kind holds already. Of two
/// qualities of a link, and of two paces of a reader, the later counts.
pub(super) fn begins(plan: &Plan, number: FaultNo) -> Trouble {
    let what = plan.fault(number).what.clone();
    if has_values(&what) { what } else { without(what, &under_way_as_it_begins(plan, number)) }
}

/// What the fault changes as it ends: without what another one of its kind holds still.
pub(super) fn ends(plan: &Plan, number: FaultNo) -> Trouble {
    without(plan.fault(number).what.clone(), &under_way_as_it_ends(plan, number))
}

/// What holds again when the fault has ended, because the fault had only replaced it. The last of
/// them counts.
pub(super) fn returns(plan: &Plan, number: FaultNo) -> Vec<Trouble> {
    let ended = &plan.fault(number).what;
    if !has_values(ended) {
        return Vec::new();
    }
    let others = under_way_as_it_ends(plan, number).into_iter().cloned();
    others.filter_map(|mut other| retain(&mut other, ended, true).then_some(other)).collect()
}

/// Whether two of the kind differ in more than in whom they strike.
fn has_values(what: &Trouble) -> bool {
    matches!(
        what,
        Trouble::Quality { .. }
            | Trouble::SlowReader { .. }
            | Trouble::StalledReader { .. }
            | Trouble::NewAddresses { .. }
            | Trouble::ClockDrift { .. }
    )
}

/// The others that go on when a fault begins. What ends at that time has ended.
fn under_way_as_it_begins(plan: &Plan, number: FaultNo) -> Vec<&Trouble> {
    let now = plan.fault(number).at;
    under_way(plan, |other, fault| {
        (fault.at, other) < (now, number) && fault.end().is_none_or(|end| end > now)
    })
}

/// The others that go on when a fault ends. What begins at that time has not begun.
fn under_way_as_it_ends(plan: &Plan, number: FaultNo) -> Vec<&Trouble> {
    let now = plan.fault(number).end().expect("a fault that ends has an end");
    under_way(plan, |other, fault| {
        fault.at < now && fault.end().is_none_or(|end| (end, other) > (now, number))
    })
}

/// In the order in which they began. Its answers follow the order of the timeline's moments.
fn under_way(plan: &Plan, is: impl Fn(FaultNo, &Fault) -> bool) -> Vec<&Trouble> {
    let all = (0..).map(FaultNo).zip(&plan.faults);
    let mut others: Vec<_> = all.filter(|(other, fault)| is(*other, fault)).collect();
    others.sort_by_key(|(_, fault)| fault.at);
    others.into_iter().map(|(_, fault)| &fault.what).collect()
}

fn without(mut what: Trouble, others: &[&Trouble]) -> Trouble {
    for other in others {
        retain(&mut what, other, false);
    }
    what
}

/// Leaves of what one strikes that which another one strikes as well, or that which it does not.
/// Says whether both are of kinds that share what they strike.
fn retain(what: &mut Trouble, other: &Trouble, shared: bool) -> bool {
    match (what, other) {
        (Trouble::PowerLoss { hosts }, Trouble::PowerLoss { hosts: held })
        | (Trouble::Sleep { hosts }, Trouble::Sleep { hosts: held })
        | (Trouble::ClockDrift { hosts, .. }, Trouble::ClockDrift { hosts: held, .. }) => {
            hosts.retain(|host| held.contains(host) == shared);
        }
        (Trouble::NewAddresses { hosts }, Trouble::NewAddresses { hosts: held }) => {
            hosts.retain(|(host, _)| held.iter().any(|(other, _)| other == host) == shared);
        }
        (Trouble::Quality { links, .. }, Trouble::Quality { links: held, .. })
        | (Trouble::Unplugged { links }, Trouble::Unplugged { links: held }) => {
            links.retain(|link| held.contains(link) == shared);
        }
        (
            Trouble::SlowReader { clients, .. } | Trouble::StalledReader { clients },
            Trouble::SlowReader { clients: held, .. } | Trouble::StalledReader { clients: held },
        ) => clients.retain(|client| held.contains(client) == shared),
        // Partitions, storms and what keeps a proxy down are each counted by themselves.
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::HostNo;
    use crate::scenario::{self, Clients, Hosts, Kind, Scenario};

    const SECOND: Duration = Duration::from_secs(1);

    fn desks(title: &str, faults: impl IntoIterator<Item = scenario::Fault>) -> Plan {
        let desks = Hosts::new("desk").count(3);
        let scenario = Scenario::new(title, SECOND * 60)
            .hosts(desks)
            .clients(Clients::on(["chat"]).named("reader"));
        let scenario = faults.into_iter().fold(scenario, Scenario::fault);
        scenario.plan(1).expect("sound")
    }

    fn off(at: u32, lasting: u32, hosts: &[&'static str]) -> scenario::Fault {
        scenario::Fault::new(Kind::PowerLoss, SECOND * at)
            .lasting(SECOND * lasting)
            .hosts(hosts.iter().copied())
    }

    fn hosts(trouble: Trouble) -> Vec<u32> {
        match trouble {
            Trouble::PowerLoss { hosts } => hosts.iter().map(|HostNo(n)| *n).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_another_fault_holds_stays() {
        let (first, second) = (["desk-1", "desk-2"], ["desk-2", "desk-3"]);
        let plan = desks("power fails twice", [off(1, 10, &first), off(5, 20, &second)]);
        assert_eq!(hosts(begins(&plan, FaultNo(0))), [0, 1]);
        assert_eq!(hosts(begins(&plan, FaultNo(1))), [2]);
        assert_eq!(hosts(ends(&plan, FaultNo(0))), [0]);
        assert_eq!(hosts(ends(&plan, FaultNo(1))), [1, 2]);
        assert_eq!(returns(&plan, FaultNo(1)), []);
    }

    #[test]
    fn of_two_that_end_at_once_the_last_one_gives_back() {
        let plan = desks("power fails twice", [off(5, 10, &["desk-1"]), off(10, 5, &["desk-1"])]);
        assert_eq!(hosts(begins(&plan, FaultNo(1))), Vec::<u32>::new());
        assert_eq!(hosts(ends(&plan, FaultNo(0))), Vec::<u32>::new());
        assert_eq!(hosts(ends(&plan, FaultNo(1))), [0]);
    }

    #[test]
    fn one_that_begins_as_another_ends_strikes_anew() {
        for faults in [
            [off(10, 5, &["desk-1"]), off(5, 5, &["desk-1"])],
            [off(5, 5, &["desk-1"]), off(10, 5, &["desk-1"])],
        ] {
            let plan = desks("power fails twice", faults);
            for number in [FaultNo(0), FaultNo(1)] {
                assert_eq!(hosts(begins(&plan, number)), [0]);
                assert_eq!(hosts(ends(&plan, number)), [0]);
            }
        }
    }

    #[test]
    fn what_was_replaced_returns() {
        let reader = |kind, at, lasting| {
            let fault = scenario::Fault::new(kind, SECOND * at).lasting(SECOND * lasting);
            fault.clients(["reader"])
        };
        let stalled = reader(Kind::StalledReader, 5, 30);
        let slow =
            scenario::Fault { bytes_per_second: Some(1000), ..reader(Kind::SlowReader, 10, 5) };
        let plan = desks("slow, then stalled", [stalled, slow]);
        assert_eq!(returns(&plan, FaultNo(1)), [plan.faults[0].what.clone()]);
        assert_eq!(returns(&plan, FaultNo(0)), []);
        assert_eq!(begins(&plan, FaultNo(1)), plan.faults[1].what);
        assert!(
            matches!(ends(&plan, FaultNo(1)), Trouble::SlowReader { clients, .. } if clients.is_empty())
        );
    }
}
