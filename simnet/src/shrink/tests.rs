use std::time::Duration;

use super::{Progress, shrink};
use crate::fabric::quality::Quality;
use crate::scenario::planned::{Do, Trouble};
use crate::scenario::{Plan, Scenario, builtin};

fn plan_of(name: &str) -> Plan {
    Scenario::find(name).unwrap().plan(1).unwrap()
}

fn shrunk(plan: &Plan, mut still_fails: impl FnMut(&Plan) -> bool) -> Plan {
    let sound = |candidate: &Plan| {
        candidate.check().unwrap();
        still_fails(candidate)
    };
    shrink(plan, sound, 10_000, |_| {})
}

#[test]
fn what_fails_always_becomes_nothing() {
    for builtin in builtin() {
        let least = shrunk(&builtin.scenario().plan(1).unwrap(), |_| true);
        let sizes = [least.hosts.len(), least.proxies.len(), least.clients.len()];
        assert_eq!((sizes, least.faults.len()), ([0, 0, 0], 0), "{}", builtin.name);
        assert!(least.times.story < Duration::from_secs(1), "{}", builtin.name);
    }
}

#[test]
fn what_the_failure_needs_stays_and_nothing_else() {
    let plan = plan_of("crash-and-return");
    let least = shrunk(&plan, |plan| {
        // A kill of a proxy whose client says something, heard by someone else.
        plan.faults.iter().any(|fault| match &fault.what {
            Trouble::Kill { proxies } => proxies.iter().any(|proxy| {
                plan.clients.iter().any(|client| {
                    let says = |action: &crate::scenario::planned::Action| {
                        matches!(action.what, Do::Send(_))
                    };
                    client.proxy == *proxy && client.actions.iter().any(says)
                })
            }),
            _ => false,
        }) && plan.clients.len() >= 2
    });
    assert_eq!((least.hosts.len(), least.proxies.len(), least.clients.len()), (2, 2, 2));
    assert_eq!(least.faults.len(), 1);
    let actions: Vec<_> = least.clients.iter().flat_map(|client| &client.actions).collect();
    assert_eq!(actions.len(), 2, "one joins and says something: {actions:?}");
    assert!(matches!(&actions[1].what, Do::Send(send) if (send.turns, send.burst) == (1, 1)));
    assert!(least.times.story <= plan.times.story);
    assert_eq!(least.roll_call.messages, 1);
}

#[test]
fn time_is_as_short_as_the_failure_allows() {
    let least = shrunk(&plan_of("partition-heals"), |plan| {
        let late = plan.faults.iter().any(|fault| fault.at >= Duration::from_secs(15));
        late && !plan.proxies.is_empty()
    });
    assert!(least.times.story <= Duration::from_secs(30), "{:?}", least.times);
    let lasting = least.faults[0].lasting.unwrap();
    let needed = Duration::from_secs(120) + 2 * lasting;
    assert_eq!(least.times.settling, needed, "a world must have time to settle");
}

#[test]
fn segments_and_routers_go_with_those_on_them() {
    let least = shrunk(&plan_of("two-subnets"), |plan| {
        plan.hosts.iter().any(|host| host.name == "bench-2")
    });
    assert_eq!((least.hosts.len(), least.routers.len(), least.segments.len()), (1, 0, 1));
    assert_eq!(least.segments[0].name, "lab");
}

#[test]
fn what_is_unusual_becomes_usual_unless_it_is_needed() {
    let text = "title = \"t\"\nlength = \"10s\"\n\
        hosts = [{ name = \"h\", count = 2, quality = \"wifi\", ipv6 = true, clock-ppm = 90 }]\n\
        clients = [{ channels = [\"c\"], send = { bytes = [100, 200] } }]";
    let plan = Scenario::from_toml("t", text).unwrap().plan(1).unwrap();
    let least = shrunk(&plan, |plan| plan.hosts.iter().any(|host| host.clock_ppm == 90));
    let [host] = &least.hosts[..] else { panic!("{:?}", least.hosts) };
    assert_eq!((host.clock_ppm, host.interfaces[0].addresses.len()), (90, 1));
    assert_eq!(host.interfaces[0].quality, Quality::default());
}

#[test]
fn a_budget_is_kept_and_told_of() {
    let plan = plan_of("join-storm");
    let (mut calls, mut told) = (0, Vec::new());
    let least = shrink(
        &plan,
        |candidate| {
            calls += 1;
            candidate.hosts.len() > 3
        },
        20,
        |Progress { tried, budget, best }| told.push((tried, budget, best.hosts.len())),
    );
    assert_eq!((calls, told.len()), (20, 20));
    assert_eq!(told[19], (20, 20, least.hosts.len()));
    assert!(least.hosts.len() < plan.hosts.len());
}

#[test]
fn the_same_answers_give_the_same_result() {
    let fails = |plan: &Plan| plan.clients.len() >= 7 && plan.hosts.len() >= 3;
    let plan = plan_of("join-storm");
    let one = shrunk(&plan, fails);
    assert_eq!(one, shrunk(&plan, fails));
    assert_eq!((one.clients.len(), one.hosts.len()), (7, 3));
}

#[test]
fn what_does_not_fail_at_all_stays_as_it_is() {
    let plan = plan_of("two-hosts");
    assert_eq!(shrunk(&plan, |_| false), plan);
}
