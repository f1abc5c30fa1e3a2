//! The program as a person or a script meets it: arguments, output, exit status, log.

mod support;

use std::net::TcpStream;
use std::process::Output;

use support::{Client, Proxy, Request, command, until};

fn run(args: &[&str]) -> Output {
    command(args).output().expect("the program starts")
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("text")
}

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let first = Proxy::start();
    let port = first.port.to_string();
    let output = run(&["--port", &port, "--no-discovery"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "", "nobody is told that it listens");
    let said = stderr(&output);
    assert!(said.starts_with("error: "), "{said}");
    let next = format!("--port {}", first.port.checked_add(1).unwrap_or(9010));
    for part in [&port, &format!("http://localhost:{port}/console"), &next] {
        assert!(said.contains(part.as_str()), "{part} is not in {said:?}");
    }
    // The one that was there goes on.
    assert_eq!(first.status()["port"], first.port);
}

#[test]
fn an_address_of_another_machine_is_told() {
    // 192.0.2.0/24 is for documentation (RFC 5737); .250 of it may still be ours in a test network.
    let foreign = "203.0.113.250";
    let output = run(&["--port", "0", "--no-discovery", "--bind", foreign]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(foreign) && stderr(&output).contains("--bind"));
}

#[test]
fn wrong_arguments_exit_with_2() {
    for args in [
        &["--nonsense"][..],
        &["--port"],
        &["--port", "65536"],
        &["--port", "x"],
        &["--bind", "localhost"],
        &["--queue-size", "0"],
        &["--stall-time", "5"],
        &["--keep-alive", "1ms"],
        &["--max-message-size", "1TiB"],
        &["--log-format", "xml"],
        &["--log-level", "loud"],
        &["--allow-origin", "https://a.example/path"],
        &["--peer", ""],
        &["a-name"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(stdout(&output), "", "{args:?}");
        let said = stderr(&output);
        assert!(said.starts_with("error: "), "{args:?}: {said}");
        assert!(said.contains(args[0]), "{args:?}: {said}");
    }
}

#[test]
fn the_help_explains_every_flag() {
    let flags = [
        "--port <PORT>",
        "--bind <ADDRESS>",
        "--peer <HOST[:PORT]>",
        "--no-discovery",
        "--allow-network-clients",
        "--allow-origin <ORIGIN>",
        "--max-connections <NUMBER>",
        "--max-message-size <SIZE>",
        "--queue-size <SIZE>",
        "--stall-time <TIME>",
        "--keep-alive <TIME>",
        "--log-format <LOG_FORMAT>",
        "--log-level <LEVEL>",
        "--help",
        "--version",
    ];
    let defaults = ["9009", "10000", "16MiB", "1MiB", "10s", "30s", "text", "info"];
    for flag in ["--help", "-h"] {
        let output = run(&[flag]);
        let help = stdout(&output);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
        let lines: Vec<&str> = help.lines().collect();
        for flag in flags {
            let at = lines.iter().position(|line| line.contains(flag));
            let at = at.unwrap_or_else(|| panic!("no {flag} in {help}"));
            // What it does stands behind it or on the next line.
            let behind = lines[at].split_once(flag).unwrap().1;
            let next = lines.get(at + 1).unwrap_or(&"");
            let explained = [behind, next].iter().any(|text| {
                !text.trim_start().starts_with('-') && text.split_whitespace().count() >= 2
            });
            assert!(explained, "{flag} has no help: {help}");
        }
        for default in defaults {
            assert!(help.contains(&format!("[default: {default}]")), "{default}: {help}");
        }
        for part in ["Usage: namedwebsockets", "Examples:", "Exit status:", "/broadcast/", "1008"] {
            assert!(help.contains(part), "{part} is not in {help}");
        }
        // Each example is accepted as far as its arguments go: with --help it only helps.
        for line in lines.iter().filter(|line| line.starts_with("  namedwebsockets ")) {
            let words: Vec<&str> =
                line.split("  ").find(|w| !w.is_empty()).unwrap().split(' ').collect();
            let args = [&words[1..], &["--help"]].concat();
            assert_eq!(run(&args).status.code(), Some(0), "{line}");
        }
    }
}

#[test]
fn the_version_is_one_line() {
    let expected = format!("namedwebsockets {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["--version", "-V"] {
        let output = run(&[flag]);
        assert_eq!((output.status.code(), stdout(&output)), (Some(0), expected.as_str()));
    }
}

#[test]
#[cfg(unix)]
fn it_greets_in_two_lines_and_no_more() {
    let mut proxy = Proxy::start();
    let (version, port) = (env!("CARGO_PKG_VERSION"), proxy.port);
    let both = format!("listening on 0.0.0.0:{port} and [::]:{port}\n");
    let addresses =
        if support::has_ipv6() { both } else { format!("listening on 0.0.0.0:{port}\n") };
    assert_eq!(proxy.greeting, format!("namedwebsockets {version} {addresses}"));
    let (mut a, mut b) = (proxy.join("/broadcast/x"), proxy.join("/broadcast/x"));
    a.send("hello");
    b.hears("hello");
    proxy.signal("TERM");
    let _ = (a.closed(), b.closed());
    drop((a, b));
    assert_eq!(proxy.ended().code(), Some(0));
    let rest = proxy.rest_of_stdout();
    assert_eq!(rest.lines().count(), 1, "{rest}");
    assert!(rest.contains(&format!("http://localhost:{port}/console")), "{rest}");
    for path in ["/local/<name>", "/broadcast/<name>"] {
        assert!(rest.contains(path), "{path}: {rest}");
    }
}

#[test]
fn it_listens_where_it_is_told_to() {
    let one = Proxy::with(&["--bind", "127.0.0.1"]);
    let port = one.port;
    assert!(
        one.greeting.ends_with(&format!("listening on 127.0.0.1:{port}\n")),
        "{}",
        one.greeting
    );
    assert_eq!(one.ask(&Request::get("/")).status, 200);
    let elsewhere = [format!("[::1]:{port}"), format!("127.0.0.2:{port}")];
    for address in elsewhere {
        assert!(TcpStream::connect(&address).is_err(), "{address} is served too");
    }
    let two = Proxy::with(&["--bind", "127.0.0.1", "--bind", "127.0.0.3"]);
    let port = two.port;
    for host in ["127.0.0.1", "127.0.0.3"] {
        assert!(two.greeting.contains(&format!("{host}:{port}")), "{}", two.greeting);
        TcpStream::connect((host, port)).unwrap();
    }
}

#[test]
fn two_proxies_stand_side_by_side() {
    let (first, second) = (Proxy::start(), Proxy::start());
    assert_ne!(first.port, second.port);
    assert_ne!(first.status()["proxy"], second.status()["proxy"]);
    // Without discovery they share nothing, not even a name.
    for path in ["/local/x", "/broadcast/x"] {
        let mut pairs = [&first, &second].map(|proxy| (proxy.join(path), proxy.join(path)));
        for (number, (a, b)) in pairs.iter_mut().enumerate() {
            a.send(format!("{number}"));
            b.hears(format!("{number}"));
            b.send("back");
            a.hears("back");
        }
    }
}

#[test]
fn the_log_in_json_is_json_on_each_line() {
    let proxy = Proxy::with(&["--log-format", "json", "--log-level", "debug"]);
    proxy.ask(&Request::get("/nowhere"));
    let mut wire = proxy.join_bare("/local/x");
    wire.send(b"\xff\xff\xff\xff");
    assert_eq!(wire.closed().0, 1002);
    until("both in the log", || {
        proxy.log().contains("/nowhere") && proxy.log().contains("/local/x")
    });
    for line in proxy.log().lines() {
        let entry: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        for field in ["timestamp", "level", "target"] {
            assert!(entry[field].is_string(), "no {field}: {line}");
        }
        assert!(entry["fields"]["message"].is_string(), "no message: {line}");
    }
}

#[test]
fn the_log_says_as_much_as_it_is_told_to() {
    let logged = |args: &[&str]| {
        let proxy = Proxy::with(args);
        proxy.ask(&Request::get("/nowhere"));
        let mut wire = proxy.join_bare("/local/x");
        wire.send(b"\xff\xff\xff\xff");
        assert_eq!(wire.closed().0, 1002);
        // Behind this nothing of the above is still to come.
        Client::join(proxy.address(), "/local/x").leave();
        until("what is to be in the log", || match args {
            [_, "debug"] => proxy.log().contains("/nowhere"),
            [] => proxy.log().contains("/local/x"),
            _ => true,
        });
        proxy.log()
    };
    let (quiet, usual, much) =
        (logged(&["--log-level", "error"]), logged(&[]), logged(&["--log-level", "debug"]));
    assert_eq!(quiet, "");
    assert!(usual.contains(" INFO ") && !usual.contains("DEBUG"), "{usual}");
    assert!(much.contains("DEBUG") && much.contains("/nowhere"), "{much}");
    assert!(!usual.contains('\x1b'), "no colours where nobody sees them: {usual:?}");
}
