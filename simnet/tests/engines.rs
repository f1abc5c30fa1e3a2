//! The same plan gives the same events to its clients on every engine: the fabric, turmoil, and
//! this machine's loopback.
//!
//! What is compared is what an application sees: who joined and how it ended, every message of the
//! same proxy's clients, and the roll call of all. What was said across links before they stood is
//! left out: how soon they do is the network's, not the application's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use simnet::event::{ClientNo, Event, Phase, ProxyNo, Record, SessionNo};
use simnet::scenario::{Clients, Fault, Hosts, Kind, Plan, Scenario, Scope, Traffic};
use simnet::trace::Sink;
use simnet::world::{self, Engine, WorldError};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct All(Vec<Record>);

impl Sink for All {
    fn record(&mut self, record: &Record) {
        self.0.push(record.clone());
    }
}

/// What one client saw: its sessions, each with what it heard of whom, and how it ended.
type Story = BTreeMap<ClientNo, Vec<String>>;

fn on(engine: Engine, plan: &Plan) -> Story {
    let all = Rc::new(RefCell::new(All::default()));
    world::run(plan, engine, vec![all.clone()], None).expect("it runs");
    let records = all.take().0;
    let mut who: BTreeMap<SessionNo, (ClientNo, ProxyNo)> = BTreeMap::new();
    let mut heard: BTreeMap<(ClientNo, ClientNo, SessionNo), Vec<u32>> = BTreeMap::new();
    let (mut story, mut phase) = (Story::new(), Phase::Story);
    for Record { event, .. } in records {
        match event {
            Event::Phase { phase: next } => phase = next,
            Event::Joining { session, client, proxy, .. } => {
                who.insert(session, (client, proxy));
            }
            Event::Joined { session } => {
                story.entry(who[&session].0).or_default().push("joined".to_owned());
            }
            Event::Heard { session, message } => {
                let ((by, here), (from, there)) = (who[&session], who[&message.from]);
                if here == there || phase >= Phase::RollCall {
                    heard.entry((by, from, message.from)).or_default().push(message.number);
                }
            }
            Event::Garbled { what, .. } => panic!("{engine}: {what}"),
            Event::Ended { session, code, .. } => {
                story.entry(who[&session].0).or_default().push(format!("ended {code:?}"));
            }
            _ => {}
        }
    }
    for ((by, from, _), numbers) in heard {
        // Numbers across links begin where the roll call does, which the pace of the engine decides.
        let first = numbers.first().copied().unwrap_or_default();
        let steps: Vec<u32> = numbers.iter().map(|number| number - first).collect();
        story.entry(by).or_default().push(format!("from {}: {steps:?}", from.0));
    }
    story
}

/// Short, because loopback runs it in real time.
fn plan(scenario: &Scenario) -> Plan {
    let mut plan = scenario.plan(1).expect("a sound scenario");
    plan.times.settling = 4 * SECOND;
    plan.times.roll_call = SECOND;
    plan.times.leaving = SECOND;
    plan.times.left = 2 * SECOND;
    plan.roll_call.every = SECOND / 20;
    plan
}

fn same_everywhere(scenario: &Scenario, engines: &[Engine]) -> Story {
    let plan = plan(scenario);
    let expected = on(engines[0], &plan);
    for engine in &engines[1..] {
        assert_eq!(on(*engine, &plan), expected, "{engine} and {} differ", engines[0]);
    }
    expected
}

const ALL: [Engine; 3] = [Engine::Fabric, Engine::Turmoil, Engine::Loopback];

#[test]
fn talk_is_the_same_everywhere() {
    let scenario = Scenario::new("three hosts, two channels and two scopes", 3 * SECOND)
        .hosts(Hosts::new("desk").count(3))
        .clients(Clients::on(["chat"]).sending(Traffic::every(SECOND / 5)))
        .clients(
            Clients::on(["notes"]).scope(Scope::Local).count(2).sending(Traffic::every(SECOND / 4)),
        );
    let story = same_everywhere(&scenario, &ALL);
    assert_eq!(story.len(), 9, "{story:#?}");
    let roll_call = story.values().flatten().filter(|line| line.starts_with("from")).count();
    assert!(roll_call >= 9, "everyone heard somebody: {story:#?}");
}

#[test]
fn a_killed_proxy_is_the_same_everywhere() {
    let scenario = Scenario::new("a proxy is killed and comes back", 4 * SECOND)
        .hosts(Hosts::new("desk").count(3))
        .clients(Clients::on(["chat"]).sending(Traffic::every(SECOND / 5)))
        .fault(Fault::new(Kind::Kill, 2 * SECOND).lasting(SECOND / 2).proxies(["desk-2"]));
    let story = same_everywhere(&scenario, &ALL);
    let twice = |lines: &&Vec<String>| lines.iter().filter(|line| *line == "joined").count() == 2;
    assert_eq!(story.values().filter(twice).count(), 1, "{story:#?}");
}

#[test]
fn a_healed_cut_is_the_same_on_both_simulated_networks() {
    let scenario = Scenario::new("a host is cut off for a while", 20 * SECOND)
        .hosts(Hosts::new("desk").count(4))
        .clients(Clients::on(["chat"]).sending(Traffic::every(SECOND)))
        .fault(Fault::new(Kind::Partition, 5 * SECOND).lasting(5 * SECOND).from(["desk-1"]));
    let mut plan = plan(&scenario);
    plan.times.settling = 60 * SECOND;
    assert_eq!(on(Engine::Fabric, &plan), on(Engine::Turmoil, &plan));
}

#[test]
fn what_an_engine_cannot_do_is_said() {
    let scenario = Scenario::new("a host sleeps", 4 * SECOND)
        .hosts(Hosts::new("desk").count(2))
        .clients(Clients::on(["chat"]))
        .fault(Fault::new(Kind::Sleep, SECOND).lasting(SECOND).hosts(["desk-1"]));
    let plan = plan(&scenario);
    for engine in [Engine::Turmoil, Engine::Loopback] {
        let error = world::run(&plan, engine, vec![], None).expect_err("it cannot");
        assert!(matches!(&error, WorldError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("\"sleep\""), "{error}");
    }
}
