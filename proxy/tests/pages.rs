//! The pages, and who may see them and open channels (PROTOCOL.md section 8, for this machine).

mod support;

use std::net::IpAddr;

use support::{Proxy, Request, Wire};

const PAGES: [(&str, &str); 11] = [
    ("/", "text/html; charset=utf-8"),
    ("/console", "text/html; charset=utf-8"),
    ("/console/console.css", "text/css; charset=utf-8"),
    ("/console/console.js", "text/javascript; charset=utf-8"),
    ("/console/icon.svg", "image/svg+xml"),
    ("/namedwebsockets.js", "text/javascript; charset=utf-8"),
    ("/namedwebsockets.mjs", "text/javascript; charset=utf-8"),
    ("/examples/", "text/html; charset=utf-8"),
    ("/examples/shared/style.css", "text/css; charset=utf-8"),
    ("/status", "application/json"),
    ("/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
];

#[test]
fn every_page_has_its_type_and_is_not_kept() {
    let proxy = Proxy::start();
    for (path, kind) in PAGES {
        for target in [path.to_owned(), format!("{path}?x=1")] {
            let answer = proxy.ask(&Request::get(&target));
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{path}: for us alone");
            assert!(!answer.body.is_empty(), "{path}");
        }
    }
}

#[test]
fn the_pages_are_those_of_the_source() {
    let proxy = Proxy::start();
    let sources = [
        ("/", "console/index.html"),
        ("/console", "console/console.html"),
        ("/console/console.css", "console/console.css"),
        ("/console/console.js", "console/console.js"),
        ("/console/icon.svg", "console/icon.svg"),
        ("/namedwebsockets.js", "polyfill/namedwebsockets.js"),
        ("/namedwebsockets.mjs", "polyfill/namedwebsockets.mjs"),
        ("/examples/", "examples/index.html"),
    ];
    for (path, file) in sources {
        let file = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(proxy.ask(&Request::get(path)).body == source, "{path} is not {file}");
    }
}

#[test]
fn a_page_may_run_no_script_but_ours() {
    let proxy = Proxy::start();
    for path in ["/", "/console", "/examples/"] {
        let answer = proxy.ask(&Request::get(path));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'self'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

/// A folder with an `index.html` is all that an example takes; and the list of them names it.
#[test]
fn each_folder_of_the_examples_is_a_page() {
    let proxy = Proxy::start();
    let list = proxy.ask(&Request::get("/examples/")).text().to_owned();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(source) = std::fs::read(path.join("index.html")) else { continue };
        let name = path.file_name().unwrap().to_str().unwrap();
        let answer = proxy.ask(&Request::get(&format!("/examples/{name}/")));
        assert!(answer.status == 200 && answer.body == source, "{name}");
        assert!(answer.header("content-security-policy").is_some(), "{name}");
        assert!(list.contains(&format!("href=\"{name}/\"")), "the list has no link to {name}");
        for (target, location) in [
            (format!("/examples/{name}"), format!("/examples/{name}/")),
            (format!("/examples/{name}?room=a%20b"), format!("/examples/{name}/?room=a%20b")),
        ] {
            let answer = proxy.ask(&Request::get(&target));
            assert_eq!(
                (answer.status, answer.header("location")),
                (308, Some(location.as_str())),
                "without the slash its relative links would miss"
            );
            proxy.ask(&Request::get(&target).set("Host", "evil.example")).is_refusal(403, name);
        }
        let readme = proxy.ask(&Request::get(&format!("/examples/{name}/README.md")));
        readme.is_refusal(404, "not for the browser");
        found += 1;
    }
    assert!(found >= 5, "only {found} were found: is this test still looking right?");
}

#[test]
fn the_status_says_what_there_is() {
    let proxy = Proxy::start();
    let (mut a, _b) = (proxy.join("/broadcast/chat"), proxy.join("/broadcast/chat"));
    let _c = proxy.join("/local/alone");
    a.send("four");
    support::until("the message to be counted", || proxy.counter("messages_delivered") == 1);
    let status = proxy.status();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["port"], proxy.port);
    assert_eq!(status["discovery"], "off");
    assert!(status["uptime_seconds"].as_f64().unwrap() > 0.0);
    let id = status["proxy"].as_str().unwrap();
    assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    assert_eq!(status["message_bytes_max"], 16 * 1024 * 1024);
    let channel = |scope, name, clients, messages, bytes| {
        serde_json::json!({
            "scope": scope, "name": name, "clients": clients,
            "messages_received": messages, "bytes_received": bytes, "queued_bytes": 0,
            "advert": null, "links": [],
        })
    };
    let channels = [channel("local", "alone", 1, 0, 0), channel("broadcast", "chat", 2, 1, 4)];
    assert_eq!(status["channels"], serde_json::json!(channels));
    assert_eq!(status["remotes"], serde_json::json!([]));
    let counters = &status["counters"];
    assert_eq!(
        (&counters["messages_received"], &counters["bytes_received"]),
        (&1.into(), &4.into())
    );
    assert_eq!(counters["messages_delivered"], 1);
    assert!(counters["connections_accepted"].as_u64().unwrap() >= 4, "{counters}");
}

#[test]
fn the_metrics_say_the_same_as_the_status() {
    let proxy = Proxy::start();
    let (mut a, mut b) = (proxy.join("/local/chat"), proxy.join("/local/chat"));
    a.send("hello");
    b.hears("hello");
    let text = proxy.ask(&Request::get("/metrics")).text().to_owned();
    assert!(text.ends_with("# EOF\n"), "OpenMetrics ends so: {text}");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse::<f64>().unwrap()
    };
    assert_eq!(value("namedwebsockets_channels"), 1.0);
    assert_eq!(value("namedwebsockets_clients"), 2.0);
    assert_eq!(value("namedwebsockets_messages_received_total"), 1.0);
    assert_eq!(value("namedwebsockets_messages_delivered_total"), 1.0);
    let status = proxy.status();
    for (name, _) in status["counters"].as_object().unwrap() {
        value(&format!("namedwebsockets_{name}_total"));
    }
}

#[test]
fn only_a_host_that_names_this_machine_is_answered() {
    let proxy = Proxy::start();
    let host_name = gethostname::gethostname().to_string_lossy().into_owned();
    let short = host_name.split('.').next().unwrap();
    let named = [
        "localhost",
        "localhost:9009",
        "localhost:1",
        "LocalHost",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.8.8.8",
        "[::1]",
        "[::1]:9009",
        &host_name,
        &format!("{short}.local:9009"),
    ]
    .map(str::to_owned);
    let not_named = [
        "evil.example",
        "evil.example:9009",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "xlocalhost",
        "192.0.2.77",
        "[2001:db8::1]",
        "0.0.0.0",
        "[::]",
        "",
        ":9009",
        "localhost:x",
    ]
    .map(str::to_owned);
    let pages = PAGES.map(|(path, _)| (Request::get(path), 200));
    let channels = ["/local/x", "/broadcast/x"].map(|path| (Request::upgrade(path), 101));
    for (request, status) in pages.into_iter().chain(channels) {
        for host in &named {
            let answer = proxy.ask(&request.clone().set("Host", host));
            assert_eq!(answer.status, status, "{host:?}: {request:?}");
        }
        for host in &not_named {
            let answer = proxy.ask(&request.clone().set("Host", host));
            answer.is_refusal(403, &format!("{host:?}: {request:?}"));
        }
    }
}

#[test]
fn the_machines_own_addresses_are_this_machine() {
    let proxy = Proxy::start();
    let own = if_addrs::get_if_addrs().unwrap();
    let own = own.iter().map(if_addrs::Interface::ip).filter(|ip| match ip {
        IpAddr::V4(v4) => !v4.is_link_local(),
        // Those of one link only can't be written into a Host.
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && support::has_ipv6(),
    });
    for ip in own {
        let address = std::net::SocketAddr::new(ip, proxy.port);
        let mut wire = Wire::open(address);
        wire.send(&Request::get("/status").set("Host", &address.to_string()).bytes());
        assert_eq!(wire.answer().status, 200, "{address}");
        wire.send(&Request::get("/status").set("Host", "evil.example").bytes());
        assert_eq!(wire.answer().status, 403, "{address}");
        wire.send(&Request::upgrade("/local/x").set("Host", &address.to_string()).bytes());
        wire.is_upgraded();
    }
}

#[test]
fn any_origin_may_connect_unless_some_are_listed() {
    let origins = ["https://a.example", "HTTPS://A.example", "null", "http://a.example", "junk"];
    let proxy = Proxy::start();
    let listed = Proxy::with(&["--allow-origin", "https://a.example", "--allow-origin", "null"]);
    for path in ["/local/x", "/broadcast/x"] {
        let request = Request::upgrade(path);
        for (origin, allowed) in origins.into_iter().zip([true, true, true, false, false]) {
            let request = request.clone().with("Origin", origin);
            assert_eq!(proxy.ask(&request).status, 101, "{origin}");
            let answer = listed.ask(&request);
            assert_eq!(answer.status, if allowed { 101 } else { 403 }, "{origin}");
        }
        assert_eq!(listed.ask(&request).status, 101, "a program sends none");
        // access.links-any-host: a link's origin is a bare host name.
        let link = request.with("X-BroadcastWebSocket-Proxy", "true").with("Origin", "box");
        let link = link.set("Host", "chat-box.local:9009");
        let status = if path.starts_with("/broadcast") { 101 } else { 403 };
        assert_eq!(listed.ask(&link).status, status, "{path}");
    }
    assert_eq!(listed.ask(&Request::get("/console").with("Origin", "junk")).status, 200);
}
