//! What the collectors make of real worlds: the same digest twice, a capture in which tshark finds
//! no fault, figures that add up, and a page.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::fs::{self, File};
use std::process::Command;

use proxy::DEFAULT_PORT;
use simnet::run::{Keep, run};
use simnet::scenario::Scenario;
use simnet::trace::{Digest, Figures};
use simnet::world::Engine;

/// What a run left behind.
struct Recording {
    digest: Digest,
    figures: Figures,
    lines: String,
    capture: Vec<u8>,
    page: String,
}

fn record(scenario: &str, seed: u64) -> Recording {
    let plan = Scenario::find(scenario).unwrap().plan(seed).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = ["trace.jsonl", "packets.pcapng", "page.html"].map(|name| folder.path().join(name));
    let [trace, packets, report] =
        files.each_ref().map(|file| Some(Box::new(File::create(file).unwrap()) as _));
    let keep = Keep { digest: true, figures: true, before: true, trace, packets, report };
    let outcome = run(&plan, Engine::Fabric, "simnet replay", keep).unwrap();
    assert_eq!(outcome.unwritten, Vec::<String>::new());
    let [lines, capture, page] = files.map(|file| fs::read(file).unwrap());
    Recording {
        digest: outcome.digest.unwrap(),
        figures: outcome.figures.unwrap(),
        lines: String::from_utf8(lines).unwrap(),
        capture,
        page: String::from_utf8(page).unwrap(),
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
