//! Faults that overlap, or that end while something of theirs is under way.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use simnet::event::{Event, Phase, Record};
use simnet::fabric::quality::{Latency, Quality};
use simnet::run::{Keep, run};
use simnet::scenario::{Clients, Fault, Hosts, Kind, Plan, Scenario, Traffic};
use simnet::trace::Sink;
use simnet::world::{self, Engine};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct All(Vec<Record>);

impl Sink for All {
    fn record(&mut self, record: &Record) {
        self.0.push(record.clone());
    }
}

fn records(engine: Engine, plan: &Plan) -> Vec<Record> {
    let all = Rc::new(RefCell::new(All::default()));
    world::run(plan, engine, vec![all.clone()], None).expect("it runs");
    all.take().0
}

/// Desks that talk every second while these faults come and go.
fn plan(desks: u32, bytes: u32, faults: impl IntoIterator<Item = Fault>) -> Plan {
    let talk = Traffic::every(SECOND).bytes(bytes, bytes);
    let scenario = Scenario::new("overlapping faults", SECOND * 60)
        .hosts(Hosts::new("desk").count(desks))
        .clients(Clients::on(["chat"]).named("talker").count(2).sending(talk));
    faults.into_iter().fold(scenario, Scenario::fault).plan(1).expect("sound")
}

fn fault(kind: Kind, at: u32, lasting: u32) -> Fault {
    Fault::new(kind, SECOND * at).lasting(SECOND * lasting)
}

fn assert_sound(plan: &Plan) {
    let outcome = run(plan, Engine::Fabric, "", Keep::default()).expect("it runs");
    assert!(outcome.is_sound(), "{:#?}", outcome.failures);
}

#[test]
fn power_comes_back_once() {
    for faults in [[(5, 10), (10, 5)], [(10, 5), (5, 5)], [(5, 5), (10, 5)]] {
        let off = |(at, lasting)| fault(Kind::PowerLoss, at, lasting).hosts(["desk-1"]);
        let plan = plan(2, 64, faults.map(off));
        assert_sound(&plan);
        // Whenever power is back, each client of the host joins anew, and nobody else.
        let (mut on, mut joined) = (0, 0);
        for record in records(Engine::Fabric, &plan) {
            match record.event {
                Event::HostPower { on: true, .. } => on += 1,
                Event::Joined { .. } => joined += 1,
                _ => {}
            }
        }
        assert_eq!(on, if faults[0].1 == 10 { 1 } else { 2 }, "{faults:?}");
        // Those that come back for no time at all have nobody to join.
        assert_eq!(joined, 4 + 2, "{faults:?}");
    }
}

#[test]
fn a_link_is_as_bad_after_a_short_fault_as_before_it() {
    let slow = |millis| Quality {
        latency: Latency::Fixed(Duration::from_millis(millis)),
        ..Quality::perfect()
    };
    let spell = |at, lasting, millis| {
        fault(Kind::Lossy, at, lasting).hosts(["desk-1"]).quality(slow(millis))
    };
    let plan = plan(2, 64, [spell(5, 40, 20), spell(10, 5, 300)]);
    let mut sent = std::collections::BTreeMap::new();
    let mut slowest = std::collections::BTreeMap::new();
    for Record { at, event } in records(Engine::Fabric, &plan) {
        match event {
            Event::Sent { session, message } => {
                sent.insert((session, message.number), at);
            }
            Event::Heard { message, .. } => {
                let began = sent[&(message.from, message.number)];
                let slowest: &mut Duration = slowest.entry(began.as_secs()).or_default();
                *slowest = (at - began).max(*slowest);
            }
            _ => {}
        }
    }
    let millis = |second| slowest[&second].as_millis();
    assert_eq!([4, 8, 12, 16, 40, 50].map(millis), [0, 20, 300, 20, 20, 0]);
}

#[test]
fn a_reader_that_was_slow_is_slow_no_more() {
    let slow = Fault { bytes_per_second: Some(1), ..fault(Kind::SlowReader, 10, 5) };
    // One message takes it more than five hours.
    assert_sound(&plan(1, 20_000, [slow.clients(["talker"])]));
}

#[test]
fn on_turmoil_a_cut_lasts_until_the_last_one_is_over() {
    let cut = |at, lasting| fault(Kind::Partition, at, lasting).from(["desk-1"]);
    let plan = plan(2, 64, [cut(10, 20), cut(12, 3)]);
    let mut here = std::collections::BTreeMap::new();
    let mut crossed = Vec::new();
    for Record { at, event } in records(Engine::Turmoil, &plan) {
        match event {
            Event::Joining { session, proxy, .. } => {
                here.insert(session, proxy);
            }
            Event::Heard { session, message } if here[&session] != here[&message.from] => {
                crossed.push(at.as_secs());
            }
            _ => {}
        }
    }
    assert!(crossed.iter().any(|second| *second < 10) && crossed.iter().any(|s| *s >= 30));
    assert!(!crossed.iter().any(|second| (11..30).contains(second)), "{crossed:?}");
}

#[test]
fn on_turmoil_a_host_may_be_called_anything() {
    let scenario = Scenario::new("names", SECOND * 5)
        .hosts(Hosts::new("conductor"))
        .hosts(Hosts::new("localhost"))
        .clients(Clients::on(["chat"]));
    let records = records(Engine::Turmoil, &scenario.plan(1).expect("sound"));
    let last = records.last().map(|record| &record.event);
    assert!(matches!(last, Some(Event::Phase { phase: Phase::Ended })), "{last:?}");
}
