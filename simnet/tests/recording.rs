//! What the collectors make of real worlds: the same digest twice, a capture in which tshark finds
//! no fault, figures that add up, and a page.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::cell::RefCell;
use std::fs;
use std::process::Command;
use std::rc::Rc;

use proxy::DEFAULT_PORT;
use simnet::event::Record;
use simnet::fabric::packet::Tap;
use simnet::scenario::Scenario;
use simnet::trace::{
    Digest, Fanout, Figures, Hash, JsonLines, Last, Measure, Pcapng, Report, Sink, WorldPicture,
};
use simnet::world::{self, Engine};

/// What a run left behind.
struct Recording {
    digest: Digest,
    figures: Figures,
    lines: String,
    capture: Vec<u8>,
    page: String,
    events: usize,
}

#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn record(&mut self, _: &Record) {
        self.0 += 1;
    }
}

fn shared<T>(collector: T) -> Rc<RefCell<T>> {
    Rc::new(RefCell::new(collector))
}

fn record(scenario: &str, seed: u64) -> Recording {
    let plan = Scenario::find(scenario).unwrap().plan(seed).unwrap();
    let replay = format!("simnet replay {scenario} --seed {seed}");
    let picture = Rc::new(WorldPicture::of(&plan, Engine::Fabric, replay));
    let folder = tempfile::tempdir().unwrap();
    let (trace, capture) = (folder.path().join("trace.jsonl"), folder.path().join("run.pcapng"));

    let (hash, measure, count) =
        (shared(Hash::default()), shared(Measure::default()), shared(Count::default()));
    let lines = shared(JsonLines::new(fs::File::create(&trace).unwrap()));
    let pcapng = shared(Pcapng::new(fs::File::create(&capture).unwrap(), &picture, 1500));
    let last = shared(Last::new(Rc::clone(&picture)));
    let report = shared(Report::new(picture));

    let mut taps = Fanout::<dyn Tap>::default();
    taps.add(hash.clone());
    taps.add(measure.clone());
    taps.add(pcapng.clone());
    let sinks: Vec<Rc<RefCell<dyn Sink>>> = vec![
        hash.clone(),
        measure.clone(),
        count.clone(),
        lines.clone(),
        last.clone(),
        report.clone(),
    ];
    world::run(&plan, Engine::Fabric, sinks, Some(shared(taps))).unwrap();
    lines.borrow_mut().finish().unwrap();
    pcapng.borrow_mut().finish().unwrap();

    let (digest, measure, events) = (hash.borrow().digest(), measure.borrow(), count.borrow().0);
    Recording {
        digest,
        figures: measure.figures(),
        lines: fs::read_to_string(trace).unwrap(),
        capture: fs::read(capture).unwrap(),
        page: report.borrow().page(&measure, Some(digest), &[]),
        events,
    }
}

/// Lines of what tshark finds with this filter; none if there is no tshark and none is required.
fn tshark(capture: &[u8], filter: &str) -> Option<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), capture).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file.path()).args(["-n", "-2", "-Y", filter]);
    command.args(["-d", &format!("tcp.port=={DEFAULT_PORT},http")]);
    for check in ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"] {
        command.args(["-o", &format!("{check}:TRUE")]);
    }
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
        }
        Err(error) if std::env::var_os("NWS_REQUIRE_TSHARK").is_none() => {
            println!("skipped: tshark does not run here ({error})");
            None
        }
        Err(error) => panic!("tshark does not run: {error}"),
    }
}

const FAULTY: &str = "_ws.malformed || _ws.expert.severity == error || _ws.short || \
    ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0";

#[test]
fn the_same_seed_leaves_the_same_behind_and_another_does_not() {
    let (one, same, other) =
        (record("partition-heals", 1), record("partition-heals", 1), record("partition-heals", 2));
    assert_eq!(one.digest, same.digest);
    assert_eq!(one.figures, same.figures);
    assert!(one.lines == same.lines && one.page == same.page && one.capture == same.capture);
    assert_ne!(one.digest, other.digest);
}

#[test]
fn tshark_finds_no_fault_in_what_travelled() {
    for scenario in ["two-subnets", "partition-heals", "sleep-and-wake", "wifi-drops-multicast"] {
        let recording = record(scenario, 1);
        let Some(faulty) = tshark(&recording.capture, FAULTY) else { return };
        assert_eq!(faulty, Vec::<String>::new(), "{scenario}");
        for kind in ["mdns", "websocket", "http.response.code == 101", "tcp.flags.fin == 1"] {
            let found = tshark(&recording.capture, kind).unwrap().len();
            assert!(found > 0, "{scenario}: no {kind}");
        }
    }
}

#[test]
fn a_run_s_figures_add_up() {
    let recording = record("partition-heals", 3);
    let figures = &recording.figures;
    assert_eq!(recording.lines.lines().count(), recording.events, "a line for each record");
    let said =
        |what: &str| recording.lines.matches(&format!("\"event\":\"{what}\"")).count() as u64;
    assert_eq!(figures.sent, said("sent"));
    assert_eq!(figures.heard, said("heard"));
    let timed = [&figures.delivery_local, &figures.delivery_linked];
    let timed: u64 = timed.into_iter().flatten().map(|spread| spread.count).sum();
    assert_eq!(timed, figures.heard, "each delivery has a time");
    for (name, spread) in [("discovery", &figures.discovery), ("link", &figures.seen_to_link)] {
        assert!(spread.is_some(), "no {name} was timed");
    }
    let multicast = figures.multicast.unwrap();
    assert!(multicast.total.packets > 0 && multicast.total.bytes > multicast.total.packets * 28);
    assert!(figures.lost > 0, "a partition that loses nothing");
    assert!(recording.page.contains("partition-heals"));
}
