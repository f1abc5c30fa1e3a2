//! The forms of the reports. A change shows in a snapshot, to be looked at before it is accepted
//! (`cargo insta review`); programs read JSON and JUnit.

use conformance::log::{Direction, Entry};
use conformance::report::{FORMAT, Report, html, junit, terminal};
use conformance::run::{Expectation, Record, Verdict};

fn record(case: &str, clause: &str, verdict: Verdict) -> Record {
    Record {
        case: case.to_owned(),
        clause: clause.to_owned(),
        verdict,
        expected: None,
        received: None,
        deviation: None,
        ms: 12,
        log: Vec::new(),
    }
}

fn entry(at_ms: u64, who: &str, direction: Direction, what: &str) -> Entry {
    Entry { at_ms, who: who.to_owned(), direction, what: what.to_owned() }
}

fn known(verdict: Verdict, reason: &str) -> Option<Expectation> {
    Some(Expectation { verdict, reason: reason.to_owned() })
}

/// A run in which everything happens that a report can tell of.
fn report() -> Report {
    let failed = Record {
        expected: Some("a close with 1002".to_owned()),
        received: Some("text \"<b>&amp;\u{1}\" (8 bytes)".to_owned()),
        log: vec![
            entry(0, "alice", Direction::Note, "connected to 127.0.0.1:9010"),
            entry(1, "alice", Direction::Sent, "GET /local/x HTTP/1.1\nHost: localhost:9010"),
            entry(3, "alice", Direction::Received, "text \"</script><!--\" (15 bytes)"),
        ],
        ..record("name/empty-refused", "name.invalid-refused", Verdict::Fail)
    };
    let deviates = Record {
        expected: Some("404".to_owned()),
        received: Some("400".to_owned()),
        deviation: known(Verdict::Fail, "the library parses paths itself"),
        ..record("name/too-long-refused", "name.invalid-refused", Verdict::Fail)
    };
    let better = Record {
        deviation: known(Verdict::Fail, "names were not decoded"),
        ..record("name/percent-decoded", "name.percent-decoded", Verdict::Pass)
    };
    let not_strict = Record {
        expected: Some("426".to_owned()),
        received: Some("400".to_owned()),
        ..record("handshake/upgrade-required", "handshake.upgrade-required", Verdict::NotStrict)
    };
    let skipped = |case, clause| Record {
        received: Some("needs hosts of the suite's own; this target runs already".to_owned()),
        ..record(case, clause, Verdict::Skipped)
    };
    Report {
        format: FORMAT,
        suite: "0.1.0".to_owned(),
        target: "a proxy </script>".to_owned(),
        how: "`proxy --port {port}`, each instance on a host of its own".to_owned(),
        started: "2026-01-02T03:04:05Z".to_owned(),
        elapsed_ms: 41_260,
        rerun: "conformance run --exact {case} --target proxy.toml".to_owned(),
        troubles: vec!["the program ended with signal: 11 (SIGSEGV)".to_owned()],
        records: vec![
            record("name/every-allowed-byte", "name.alphabet", Verdict::Pass),
            failed,
            deviates,
            better,
            not_strict,
            skipped("lifecycle/a", "lifecycle.shutdown-closes"),
            skipped("lifecycle/b", "lifecycle.shutdown-closes"),
            record("no/longer", "no.longer", Verdict::Pass),
        ],
    }
}

#[test]
fn json() {
    let written = report().to_json();
    insta::assert_snapshot!("json", written);
    assert_eq!(serde_json::from_str::<Report>(&written).unwrap(), report());
}

#[test]
fn junit_xml() {
    insta::assert_snapshot!("junit", junit::junit(&report()).unwrap());
}

#[test]
fn text_for_a_terminal() {
    let report = report();
    let areas =
        report.records.chunk_by(|a, b| a.case.split('/').next() == b.case.split('/').next());
    let mut text: String = areas
        .map(|records| {
            let name = records[0].case.split('/').next().unwrap();
            terminal::area(name, &records.iter().collect::<Vec<_>>()) + "\n"
        })
        .collect();
    text += &terminal::summary(&report);
    insta::assert_snapshot!("terminal", anstream::adapter::strip_str(&text).to_string());
}

#[test]
fn the_page_holds_the_reports_and_needs_nothing_else() {
    let reports = [report(), Report { target: "another".to_owned(), ..report() }];
    let page = html::page(&reports);
    let (head, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (data, tail) = rest.split_once("</script>").unwrap();
    let parsed: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(serde_json::from_value::<Vec<Report>>(parsed["reports"].clone()).unwrap(), reports);
    let clause = &parsed["clauses"][1];
    assert_eq!(clause["id"], "name.invalid-refused");
    assert_eq!(clause["level"], "MUST");
    assert!(clause["why"].is_string() && clause["text"].is_string());
    assert_eq!(clause["cases"][0]["id"], "name/empty-refused");
    assert!(!data.contains('<'), "nothing in it can be markup");
    for asset in ["src=", "<link", "@import", "url(", "fetch("] {
        assert!(!head.contains(asset) && !tail.contains(asset), "{asset} in the page");
    }
}

#[test]
fn a_report_of_another_form_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        let path = folder.path().join("report.json");
        std::fs::write(&path, text).unwrap();
        Report::read(&path).map_err(|error| error.to_string())
    };
    assert_eq!(read(&report().to_json()), Ok(report()));
    let newer = report().to_json().replace("\"format\": 1", "\"format\": 2");
    assert!(
        read(&newer).unwrap_err().contains("has form 2 of a report, but this suite reads form 1")
    );
    assert!(read("{}").unwrap_err().contains("is not a report: missing field `format`"));
    assert!(read("no").unwrap_err().contains("`conformance run --json FILE` writes one"));
}
