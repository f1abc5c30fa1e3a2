//! The program `conformance`: what it says, and how it ends, whatever the target is.

mod support;

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use conformance::lan;
use support::{BROKEN, conformance, missing, python_runs};

#[test]
fn what_matches_nothing_names_what_is_near() {
    for arguments in [
        &["list", "name/emty-refused"][..],
        &["explain", "name/emty-refused"],
        &["run", "name/emty-refused"],
        &["run", "name", "name/emty-refused"],
    ] {
        let done = conformance(arguments);
        assert_eq!(done.code, 2, "{done}");
        assert!(done.errors.contains("\"name/emty-refused\"; near: name/empty-refused"), "{done}");
    }
}

#[test]
fn list_tells_cases_clauses_and_levels() {
    let done = conformance(&["list", "name.case"]);
    assert_eq!(done.output, "name/case-sensitive  MUST    name.case-sensitive\n");
    let done = conformance(&["list", "--json", "name.case"]);
    let row: serde_json::Value = serde_json::from_str(&done.output).unwrap();
    assert_eq!(row["case"], "name/case-sensitive");
    assert_eq!(row["level"], "MUST");
}

#[test]
fn explain_shows_clause_reason_and_cases() {
    let of_clause = conformance(&["explain", "name.invalid-refused"]);
    for part in
        ["name.invalid-refused (MUST)", "A proxy MUST answer 404", "Why", "name/empty-refused"]
    {
        assert!(of_clause.output.contains(part), "{part} in {of_clause}");
    }
    assert_eq!(conformance(&["explain", "name/empty-refused"]).output, of_clause.output);
}

#[test]
fn help_ends_with_examples_and_exit_statuses() {
    let done = conformance(&["--help"]);
    let (_, examples) = done.output.split_once("Examples:").unwrap();
    assert!(examples.contains("Exit status:\n  0  all as expected"), "{done}");
}

#[test]
fn a_target_that_is_not_there_is_said_once() {
    for (command, found) in [
        ("no-such-program {port}", "No such file or directory (os error 2); is the path right?"),
        ("sh -c 'echo no licence >&2; exit 3' {port}", "exit status: 3; it said last: no licence"),
        ("'unclosed", "the command \"'unclosed\": missing closing quote"),
        ("sleep 1000 {port}", "Connection refused (os error 111) for 20 s"),
    ] {
        let done = conformance(&["run", "name", "--command", command]);
        assert_eq!(done.code, 2, "{done}");
        assert!(done.errors.contains(found), "{done}");
        assert_eq!(done.output, "", "no case was tried");
    }
}

#[test]
fn a_url_that_leads_to_no_proxy_is_said_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        // It greets, and keeps the connection: not HTTP, but no end either.
        let mut greeted = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").unwrap();
            greeted.push(stream);
        }
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, found) in [
        (format!("ws://localhost:{port}"), "what is no HTTP: hex 5353482d322e302d4f70656e535348"),
        (format!("ws://localhost:{closed}"), "Connection refused (os error 111)"),
        ("http://localhost".to_owned(), "does not begin with ws://; it should look like"),
        ("ws://localhost:9009/local/x".to_owned(), "has more than a host and a port"),
    ] {
        let done = conformance(&["run", "name", "--url", &url]);
        assert_eq!(done.code, 2, "{done}");
        assert!(done.errors.contains(found), "{done}");
    }
}

#[test]
fn a_crash_is_the_failure_of_the_case_that_causes_it() {
    if !python_runs() {
        return missing("Python");
    }
    let command = format!("python3 {BROKEN} {{port}}");
    let done =
        conformance(&["run", "refused", "--exact", "name.invalid-refused", "--command", &command]);
    assert_eq!(done.code, 2, "`refused` is not the whole of anything: {done}");

    let done = conformance(&["run", "name.invalid-refused", "--command", &command]);
    assert_eq!(done.code, 1, "{done}");
    let (_, last) = done.output.rsplit_once("\n\n").unwrap();
    assert!(last.ends_with(": 6 passed, 1 FAILED\n"), "the others pass: {done}");
    for part in ["name/incomplete-encoding-refused", "exit status: 3; it said last: cannot decode"]
    {
        assert!(done.output.contains(part), "{part} in {done}");
    }
    let rerun = format!(" run --exact name/incomplete-encoding-refused --command '{command}'\n");
    assert!(done.output.contains(&rerun), "{rerun} in {done}");
}

#[test]
fn a_target_that_knows_only_port_9009_runs_on_hosts_of_its_own() {
    if !python_runs() {
        return missing("Python");
    }
    let command = format!("python3 {BROKEN}");
    let done = conformance(&["run", "name/empty", "name/too-long", "--command", &command]);
    // Who is not root here may still be root of a namespace that the program makes.
    let said = done.code == 2 && done.errors.contains("cannot be told a port");
    let worked = done.code == 0 && done.output.contains(": 2 passed\n");
    assert!(worked || said && lan::unavailable().is_some(), "{done}");
}

#[test]
fn results_of_two_targets_become_one_page() {
    if !python_runs() {
        return missing("Python");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let command = format!("python3 {BROKEN} {{port}}");
    let run = ["run", "name/empty", "--command", &command];
    let files =
        ["--json", &path("a.json"), "--junit", &path("new/a.xml"), "--html", &path("a.html")];
    let done = conformance(&[&run[..], &files[..]].concat());
    assert_eq!(done.code, 0, "{done}");
    let junit = std::fs::read_to_string(path("new/a.xml")).unwrap();
    assert!(junit.contains("name/empty-refused"), "{junit}");

    let done =
        conformance(&["report", &path("a.json"), &path("a.json"), "--html", &path("b.html")]);
    assert_eq!(done.code, 0, "{done}");
    let page = std::fs::read_to_string(path("b.html")).unwrap();
    assert_eq!(page.matches("\"target\":").count(), 2);
    let done = conformance(&["report", &path("a.html"), "--html", &path("b.html")]);
    assert_eq!(done.code, 2, "{done}");
    assert!(done.errors.contains("a.html is not a report"), "{done}");
}
