mod readme;

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::event::{HostNo, Phase, ProxyNo};
use planned::{Do, Trouble};

fn plan_of(name: &str, seed: u64) -> Plan {
    Scenario::find(name).and_then(|scenario| scenario.plan(seed)).unwrap()
}

fn world(text: &str) -> Result<Plan, ScenarioError> {
    let usual = "title = \"a test\"\nlength = \"60s\"\n";
    Scenario::from_toml("test", &format!("{usual}{text}")).and_then(|scenario| scenario.plan(1))
}

#[test]
fn every_scenario_that_comes_with_this_is_sound() {
    for builtin in builtin() {
        let scenario = Scenario::from_toml(builtin.name, builtin.text).unwrap();
        assert!(scenario.title.len() < 80, "{}: the title is no line", builtin.name);
        assert!(builtin.text.starts_with("# "), "{} does not tell its story", builtin.name);
        for seed in 0..5 {
            let plan = scenario.plan(seed).unwrap();
            assert_eq!(plan, scenario.plan(seed).unwrap());
            assert!(plan.clients.iter().all(|client| !client.actions.is_empty()));
        }
    }
    assert_eq!(builtin().len(), 18);
    let names: BTreeSet<&str> = builtin().iter().map(|builtin| builtin.name).collect();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let files: Vec<_> = paths.filter(|path| path.extension().unwrap() == "toml").collect();
    assert_eq!(files.len(), names.len(), "a file in simnet/scenarios is not built in");
}

#[test]
fn plans_and_scenarios_come_back_from_their_text() {
    for builtin in builtin() {
        let scenario = builtin.scenario();
        let plan = scenario.plan(7).unwrap();
        assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
        let again = Scenario::from_toml(builtin.name, &scenario.to_toml()).unwrap();
        assert_eq!(again.plan(7).unwrap(), plan);
    }
}

#[test]
fn seeds_draw_different_worlds() {
    assert_ne!(plan_of("partition-heals", 1).faults, plan_of("partition-heals", 2).faults);
}

#[test]
fn errors_tell_the_place_what_was_found_and_what_is_allowed() {
    for (text, expected) in [
        ("hosts = 3", "test.toml:3: invalid type"),
        ("[[hosts]]\nname = \"a\"\ncuont = 3", "did you mean \"count\"?"),
        ("[[hosts]]\nname = \"a\"\nstart = \"5\"", "test.toml:5: \"5\" is no time with a unit"),
        ("[[hosts]]\nname = \"a b\"", "test.toml:4: hosts[1].name: \"a b\" is no name"),
        (
            "[[hosts]]\nname = \"a\"\non = [\"lam\"]",
            "test.toml:5: hosts[1].on: no segment is called \"lam\"; did you mean \"lan\"?",
        ),
        ("[[hosts]]\nname = \"a\"\nquality = \"wfi\"", "did you mean \"wifi\"?"),
        ("[[hosts]]\nname = \"a\"\nquality = { loss = { independent = 2 } }", "2 is no share"),
        (
            "[[hosts]]\nname = \"a\"\n[[clients]]\nchannels = [\"a/b\"]",
            "test.toml:6: clients[1].channels: \"a/b\"",
        ),
        (
            "[[hosts]]\nname = \"a\"\n[[clients]]\nchannels = [\"c\"]\nat = [\"a:9\"]",
            "\"a:9\" selects no proxy",
        ),
        (
            "[[hosts]]\nname = \"a\"\n[[clients]]\nchannels = [\"c\"]\nat = [\"3 of a\"]",
            "there are not so many proxies, but 1",
        ),
        (
            "[[hosts]]\nname = \"a\"\ncount = 3\n[[faults]]\nwhat = \"sleep\"\nhosts = [\"a-4\"]\nat = \"1s\"",
            "test.toml:8: faults[1].hosts: \"a-4\" is outside of a-1 to a-3",
        ),
        (
            "[[hosts]]\nname = \"a\"\n[[faults]]\nwhat = \"sleep\"\nhosts = [\"a\"]\nat = \"1s\"",
            "a sleep must end",
        ),
        (
            "[[hosts]]\nname = \"a\"\n[[faults]]\nwhat = \"sleep\"\nhosts = [\"a\"]\nat = \"50s\"\nlasting = \"20s\"",
            "it is over at 1m 10s, but the story ends at 1m",
        ),
        (
            "[[hosts]]\nname = \"a\"\n[[faults]]\nwhat = \"sleep\"\nclients = [\"a\"]\nat = \"1s\"",
            "a sleep has no `clients`; it has hosts",
        ),
        (
            "[[hosts]]\nname = \"a\"\n[[faults]]\nwhat = \"slep\"\nat = \"1s\"",
            "did you mean \"sleep\"?",
        ),
        (
            "[[hosts]]\nname = \"a\"\n[[waived]]\ncheck = \"everyone-hear\"\nreason = \"\"",
            "did you mean \"everyone-hears\"?",
        ),
        ("[[hosts]]\nname = \"a\"\nproxies = [{}, {}]", "two proxies of \"a\" have the port 9009"),
    ] {
        let error = world(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}\n  gives: {error}\n  not:   {expected}");
    }
    let error = Scenario::find("two-host").unwrap_err().to_string();
    assert!(error.contains("did you mean \"two-hosts\"?"), "{error}");
}

#[test]
fn addresses_are_of_their_segment_and_of_one_host() {
    let plan = plan_of("conference", 1);
    let all: BTreeSet<_> =
        plan.hosts.iter().map(|host| host.interfaces[0].addresses[0].ip).collect();
    assert_eq!(all.len(), 200);
    assert!(all.contains(&"10.1.0.2".parse().unwrap()), "{all:?}");
    let plan = plan_of("sleep-and-wake", 1);
    let Trouble::NewAddresses { hosts } = &plan.faults[1].what else { panic!("{:?}", plan.faults) };
    let (host, plugs) = &hosts[0];
    assert_eq!(plan.host(*host).name, "laptop");
    assert_ne!(plugs[0], plan.host(*host).interfaces[0].addresses);
}

#[test]
fn reach_is_what_network_and_options_allow() {
    let reach = |plan: &Plan, a: &str, b: &str| {
        let find = |name: &str| {
            let found = plan.proxies.iter().position(|p| plan.host(p.host).name == name);
            ProxyNo(u32::try_from(found.unwrap()).unwrap())
        };
        let (a, b) = (find(a), find(b));
        assert_eq!(plan.reach(a, b), plan.reach(b, a));
        plan.reach(a, b)
    };
    let plan = plan_of("two-subnets", 1);
    assert!(reach(&plan, "desk-1", "desk-2") && reach(&plan, "desk-1", "gateway"));
    assert!(reach(&plan, "gateway", "bench-1"));
    assert!(!reach(&plan, "gateway", "bench-2") && !reach(&plan, "desk-1", "bench-1"));
    let plan = plan_of("wifi-drops-multicast", 1);
    assert!(reach(&plan, "friend-1", "friend-2"));
    assert!(!reach(&plan, "stranger-1", "stranger-2") && !reach(&plan, "stranger-1", "friend-1"));
    assert!(!reach(&plan, "guest-1", "guest-2") && reach(&plan, "guest-1", "guest-1"));
    let plan = plan_of("crash-and-return", 1);
    assert!(reach(&plan, "desk-1", "desk-2") && !reach(&plan, "desk-3", "desk-4"));
    assert!(!plan.runs_in_the_end(ProxyNo(2)));
    let plan = plan_of("same-host-many-proxies", 1);
    assert!(plan.reach(ProxyNo(0), ProxyNo(7)) && plan.reach(ProxyNo(0), ProxyNo(8)));
}

#[test]
fn hosts_without_a_common_family_do_not_reach_each_other() {
    let plan = world(
        "hosts = [{ name = \"four\" }, { name = \"six\", ipv4 = false, ipv6 = true }, { name = \"both\", ipv6 = true }]",
    )
    .unwrap();
    let reach = |a, b| plan.reach(ProxyNo(a), ProxyNo(b));
    assert!(!reach(0, 1) && reach(0, 2) && reach(1, 2));
    assert_eq!(plan.host(HostNo(2)).interfaces[0].addresses.len(), 3);
}

#[test]
fn clients_come_go_and_send_within_the_story() {
    let plan = world(
        "hosts = [{ name = \"a\", start = \"5s\" }]\n\
         clients = [{ channels = [\"c\"], stay = \"10s\", away = \"5s\", leave = \"vanish\", \
         send = { every = \"1s\", pause-after = 3, pause = \"4s\" } }]",
    )
    .unwrap();
    let seconds: Vec<(u64, &str)> = plan.clients[0]
        .actions
        .iter()
        .map(|action| {
            let what = match &action.what {
                Do::Join => "join",
                Do::Leave => "leave",
                Do::Vanish => "vanish",
                Do::Send(send) if send.turns == 3 => "send 3",
                Do::Send(_) => "send fewer",
            };
            (action.at.as_secs(), what)
        })
        .collect();
    assert_eq!(
        seconds[..5],
        [(6, "join"), (7, "send 3"), (14, "send fewer"), (16, "vanish"), (21, "join")]
    );
    assert_eq!(seconds.last().unwrap(), &(59, "send fewer"));
}

#[test]
fn rows_of_faults_are_told_one_by_one() {
    let plan = plan_of("rolling-upgrade", 1);
    let restarted: Vec<_> =
        plan.faults.iter().map(|fault| (fault.at.as_secs(), &fault.what)).collect();
    assert_eq!(restarted.len(), 8);
    assert_eq!(restarted[0], (30, &Trouble::Restart { proxies: vec![ProxyNo(0)] }));
    assert_eq!(restarted[7], (450, &Trouble::Restart { proxies: vec![ProxyNo(7)] }));
}

#[test]
fn all_is_well_only_some_time_after_the_longest_fault() {
    let plan = plan_of("partition-heals", 1);
    assert_eq!(plan.start_of(Phase::RollCall), Duration::from_secs(60 + 120 + 2 * 30));
    let settled = Scenario::find("two-hosts").unwrap().settle(Duration::from_secs(5));
    assert_eq!(settled.plan(1).unwrap().times.settling, Duration::from_secs(5));
}

#[test]
fn sizes_of_messages_depend_on_client_and_number_alone() {
    let send = planned::Send {
        turns: 1,
        every: Duration::from_secs(1),
        burst: 1,
        bytes: (100, 5000),
        binary: 0.5,
    };
    let drawn: Vec<_> = (0..1000).map(|number| send.message(3, number)).collect();
    assert_eq!(drawn[999], send.message(3, 999));
    assert!(drawn.iter().all(|(bytes, _)| (100..=5000).contains(bytes)));
    assert!(drawn.iter().any(|(bytes, _)| *bytes < 128) && drawn.iter().any(|(b, _)| *b > 4096));
    let binary = drawn.iter().filter(|(_, binary)| *binary).count();
    assert!((400..600).contains(&binary), "{binary}");
}

#[test]
fn every_seed_draws_a_world_that_can_be_run_and_told() {
    let mut kinds = BTreeSet::new();
    let mut sizes = Vec::new();
    for seed in 0..2_000 {
        let scenario = random(seed);
        let plan = scenario.plan(seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(random(seed), scenario, "seed {seed}");
        let told = Scenario::from_toml("random", &scenario.to_toml()).unwrap();
        assert_eq!(told.plan(seed).unwrap(), plan, "seed {seed}");
        kinds.extend(plan.faults.iter().map(|fault| fault.what.name()));
        sizes.push(plan.proxies.len());
        let proxies = || (0..plan.proxies.len()).map(|p| ProxyNo(u32::try_from(p).unwrap()));
        let talk = proxies().any(|a| proxies().any(|b| a != b && plan.reach(a, b)));
        let dead = plan.faults.iter().any(|fault| fault.lasting.is_none());
        assert!(talk || dead, "seed {seed}: nobody can hear anybody");
    }
    assert_eq!(kinds.len(), 12, "some kind of fault never happens: {kinds:?}");
    sizes.sort_unstable();
    assert!(sizes[0] >= 2 && sizes[1000] <= 8 && sizes[1999] >= 20, "{sizes:?}");
}

#[test]
fn a_plan_that_cannot_be_run_is_told_so() {
    let sound = plan_of("crash-and-return", 1);
    let broken = |change: fn(&mut Plan)| {
        let mut plan = sound.clone();
        change(&mut plan);
        Plan::from_json(&plan.to_json()).unwrap_err().to_string()
    };
    for (change, expected) in [
        ((|plan| plan.proxies[0].host = HostNo(9)) as fn(&mut Plan), "there is no host 9"),
        (|plan| plan.hosts[1].name = "desk-1".to_owned(), "two hosts are called \"desk-1\""),
        (|plan| plan.hosts[0].interfaces[0].segment = 1, "there is no segment 1"),
        (|plan| plan.clients[0].proxy = ProxyNo(5), "there is no proxy 5"),
        (|plan| plan.clients[0].actions.reverse(), "client 0 does something out of time"),
        (
            |plan| plan.faults[1].lasting = Some(Duration::from_secs(600)),
            "a power-loss, is not over",
        ),
        (|plan| plan.times.story = Duration::from_secs(1), "out of time"),
        (|plan| plan.roll_call.bytes = 1, "at least 48 bytes"),
        (|plan| plan.roll_call.bytes = u32::MAX, "the roll call sends 4294967295 bytes, and a"),
        (|plan| plan.hosts[0].clock_ppm = -1_000_000, "clock-ppm: -1000000 is not above"),
        (|plan| plan.proxies[0].port = 0, "has the port 0"),
        (|plan| plan.clients[0].channel = "/chat".to_owned(), "\"/chat\" is no channel"),
        (|plan| plan.faults[1].lasting = Some(Duration::ZERO), "is over as it begins"),
        (
            |plan| plan.faults[1].what = Trouble::Sleep { hosts: vec![HostNo(1); 2] },
            "a sleep, strikes the same twice",
        ),
    ] {
        let error = broken(change);
        assert!(error.contains(expected), "{error}\n  not: {expected}");
    }
    assert!(Plan::from_json("{}").unwrap_err().to_string().contains("missing field"));
}
