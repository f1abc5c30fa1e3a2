//! The opening handshake, and every way to refuse it (PROTOCOL.md section 3).

mod support;

use support::http::ACCEPT;
use support::{Proxy, Request, Wire, wire};

const CHANNEL: &str = "/local/chat";

#[test]
fn a_sound_request_is_upgraded() {
    let proxy = Proxy::start();
    for path in [CHANNEL, "/broadcast/chat"] {
        let mut wire = Wire::open(proxy.address());
        wire.send(&Request::upgrade(path).bytes());
        let answer = wire.answer();
        assert_eq!(answer.status, 101);
        assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT), "RFC 6455 section 1.3");
        assert!(answer.header("upgrade").unwrap().eq_ignore_ascii_case("websocket"));
        assert!(answer.header("connection").unwrap().eq_ignore_ascii_case("upgrade"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("sec-websocket-protocol"), None);
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        // It is a WebSocket now, and nothing was said on it yet.
        wire.send(&wire::frame(wire::FIN | wire::PING, b"?"));
        assert_eq!(wire.frame().payload, b"?");
    }
}

#[test]
fn headers_are_read_whatever_their_case_and_place() {
    let proxy = Proxy::start();
    let request = Request::upgrade(CHANNEL);
    for (name, value) in [
        ("Connection", "keep-alive, Upgrade"),
        ("Connection", "UPGRADE,x"),
        ("Connection", " , upgrade ,"),
        ("Upgrade", "WebSocket"),
        ("Upgrade", "h2c, WEBSOCKET"),
        ("Sec-WebSocket-Version", " 13 "),
        ("Content-Length", "0"),
    ] {
        assert_eq!(proxy.ask(&request.clone().set(name, value)).status, 101, "{name}: {value}");
    }
    let two = request.clone().set("Connection", "keep-alive").with("Connection", "upgrade");
    assert_eq!(proxy.ask(&two).status, 101, "in the second of two lines");
    let shouted = Request::bare(&format!("GET {CHANNEL} HTTP/1.1"))
        .with("HOST", "LOCALHOST")
        .with("upGRADE", "websocket")
        .with("connection", "upgrade")
        .with("SEC-WEBSOCKET-VERSION", "13")
        .with("sec-websocket-key", support::http::KEY);
    assert_eq!(proxy.ask(&shouted).status, 101, "in any case");
}

#[test]
fn the_first_subprotocol_offered_is_answered() {
    let proxy = Proxy::start();
    let answer = |offers: &[&str]| {
        let request = Request::upgrade(CHANNEL);
        let request = offers.iter().fold(request, |r, o| r.with("Sec-WebSocket-Protocol", o));
        let answer = proxy.ask(&request);
        assert_eq!(answer.status, 101, "{offers:?}");
        answer.header("sec-websocket-protocol").map(str::to_owned)
    };
    assert_eq!(answer(&[]), None);
    assert_eq!(answer(&["Chat.v2"]).unwrap(), "Chat.v2", "spelt as it was");
    assert_eq!(answer(&["b, a,c"]).unwrap(), "b");
    assert_eq!(answer(&["z", "a"]).unwrap(), "z");
    assert_eq!(answer(&[""]), None);
}

#[test]
fn no_extension_is_ever_agreed() {
    let proxy = Proxy::start();
    for offer in [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame",
        "x-unknown; a=\"b\"",
        ";;;",
    ] {
        let answer = proxy.ask(&Request::upgrade(CHANNEL).with("Sec-WebSocket-Extensions", offer));
        assert_eq!((answer.status, answer.header("sec-websocket-extensions")), (101, None));
    }
}

#[test]
fn who_asks_for_no_websocket_is_told_to() {
    let proxy = Proxy::start();
    let request = Request::upgrade(CHANNEL);
    for request in [
        Request::get(CHANNEL),
        request.clone().without("Upgrade"),
        request.clone().without("Connection"),
        request.clone().set("Upgrade", "h2c"),
        request.clone().set("Upgrade", "websockets"),
        request.clone().set("Connection", "keep-alive"),
        request.clone().set("Connection", "upgrades"),
    ] {
        let answer = proxy.ask(&request);
        answer.is_refusal(426, &format!("{request:?}"));
        assert!(answer.header("upgrade").unwrap().eq_ignore_ascii_case("websocket"));
        assert!(answer.header("connection").unwrap().eq_ignore_ascii_case("upgrade"));
    }
}

#[test]
fn other_versions_are_told_which_is_spoken() {
    let proxy = Proxy::start();
    for version in [None, Some("8"), Some("12"), Some("14"), Some("113"), Some("0"), Some("x")] {
        let mut request = Request::upgrade(CHANNEL).without("Sec-WebSocket-Version");
        if let Some(version) = version {
            request = request.with("Sec-WebSocket-Version", version);
        }
        let answer = proxy.ask(&request);
        answer.is_refusal(426, &format!("{version:?}"));
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{version:?}");
        assert_eq!(answer.header("upgrade"), Some("websocket"), "{version:?}");
    }
}

#[test]
fn what_is_malformed_is_refused() {
    let proxy = Proxy::start();
    let request = Request::upgrade(CHANNEL);
    let key = |key| request.clone().set("Sec-WebSocket-Key", key);
    let old = |request: &Request| request.clone().line(&format!("GET {CHANNEL} HTTP/1.0"));
    for (request, what) in [
        (request.clone().without("Sec-WebSocket-Key"), "no key"),
        (request.clone().with("Sec-WebSocket-Key", support::http::KEY), "two keys"),
        (key(""), "an empty key"),
        (key("c2hvcnQ="), "a short key"),
        (key("dGhlIHNhbXBsZSBub25jZSE="), "17 bytes"),
        (key("dGhlIHNhbXBsZSBub25jZ!=="), "no base64"),
        (key("dGhlIHNhbXBsZSBub25jZQ="), "cut base64"),
        (request.clone().without("Host"), "no host"),
        (request.clone().with("Host", "localhost"), "two hosts"),
        (old(&request), "HTTP/1.0"),
        (old(&Request::get(CHANNEL)), "HTTP/1.0 without an upgrade"),
        (old(&request.clone().with("Connection", "keep-alive")), "HTTP/1.0 that stays"),
        (request.clone().with("Content-Length", "5"), "a body"),
        (request.clone().with("Transfer-Encoding", "chunked"), "a body in chunks"),
    ] {
        proxy.ask(&request).is_refusal(400, what);
    }
    let link = request.with("X-BroadcastWebSocket-Proxy", "true");
    proxy.ask(&link).is_refusal(400, "a link on a local channel");
    assert_eq!(proxy.status()["channels"].as_array().unwrap().len(), 0, "none was opened");
}

#[test]
fn get_is_the_only_method() {
    let proxy = Proxy::start();
    let paths = [
        CHANNEL,
        "/broadcast/chat",
        "/",
        "/console",
        "/console/console.css",
        "/console/console.js",
        "/namedwebsockets.js",
        "/status",
        "/metrics",
    ];
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"] {
        for path in paths {
            let line = format!("{method} {path} HTTP/1.1");
            for request in [Request::get(path), Request::upgrade(path)] {
                let request = request.line(&line).with("Content-Length", "0");
                let is_head = method == "HEAD";
                let request =
                    if is_head { Request::bare(&line).with("Host", "localhost") } else { request };
                let answer = proxy.ask(&request);
                assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{line}");
            }
        }
    }
}

#[test]
fn of_several_faults_the_first_in_order_is_answered() {
    let proxy = Proxy::with(&["--allow-origin", "https://a.example"]);
    // Each step mends one fault, and shows the next.
    let wrong = Request::bare("POST /local/a/b HTTP/1.1").with("Origin", "https://b.example");
    proxy.ask(&wrong).is_refusal(404, "the path");
    let wrong = wrong.line("POST /local/a HTTP/1.1").with("Content-Length", "0");
    proxy.ask(&wrong).is_refusal(405, "the method");
    let wrong = wrong.line("GET /local/a HTTP/1.1");
    proxy.ask(&wrong).is_refusal(400, "the host that is missing");
    let wrong = wrong.with("Host", "evil.example");
    proxy.ask(&wrong).is_refusal(403, "the host");
    let wrong = wrong.set("Host", "localhost");
    proxy.ask(&wrong).is_refusal(403, "the origin");
    let wrong = wrong.set("Origin", "https://a.example");
    proxy.ask(&wrong).is_refusal(426, "no upgrade");
    assert_eq!(proxy.counter("requests_refused"), 6);
}

#[test]
fn a_target_may_be_a_whole_url_and_its_host_counts() {
    let proxy = Proxy::start();
    let with_host = |url: &str, host: &str| {
        let line = format!("GET {url} HTTP/1.1");
        proxy.ask(&Request::upgrade("/").line(&line).set("Host", host)).status
    };
    assert_eq!(with_host("http://localhost:9009/local/chat", "localhost"), 101);
    assert_eq!(with_host("http://127.0.0.1/local/chat?x", "localhost"), 101);
    // RFC 9112 section 3.2.2: then the Host header does not count.
    assert_eq!(with_host("http://localhost/local/chat", "evil.example"), 101);
    assert_eq!(with_host("http://evil.example/local/chat", "localhost"), 403);
    assert_eq!(with_host("http://localhost/local/a/b", "localhost"), 404);
    assert_eq!(with_host("http://localhost", "localhost"), 200, "the front page, not upgraded");
}

#[test]
fn a_connection_may_ask_before_it_is_upgraded() {
    let proxy = Proxy::start();
    let mut wire = Wire::open(proxy.address());
    let refused = Request::upgrade(CHANNEL).set("Sec-WebSocket-Version", "8");
    let asked = [
        (Request::get("/"), 200),
        (Request::get("/nowhere"), 404),
        (Request::get(CHANNEL), 426),
        (refused, 426),
        (Request::get("/status"), 200),
    ];
    for (request, status) in &asked {
        wire.send(&request.bytes());
        assert_eq!(wire.answer().status, *status, "{request:?}");
    }
    // The last is asked in one go with the upgrade, as is the first frame.
    let mut rest = Request::get("/").bytes();
    rest.extend(Request::upgrade(CHANNEL).bytes());
    rest.extend(wire::frame(wire::FIN | wire::PING, b"early"));
    wire.send(&rest);
    assert_eq!(wire.answer().status, 200);
    wire.is_upgraded();
    assert_eq!(wire.frame().payload, b"early");
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let proxy = Proxy::start();
    let mut wire = Wire::open(proxy.address());
    for byte in Request::upgrade(CHANNEL).bytes() {
        wire.send(&[byte]);
    }
    wire.is_upgraded();
    let mut other = proxy.join(CHANNEL);
    for byte in wire::text("and so may a frame") {
        wire.send(&[byte]);
    }
    other.hears("and so may a frame");
}

#[test]
fn frames_may_follow_the_request_at_once() {
    let proxy = Proxy::start();
    let mut other = proxy.join(CHANNEL);
    let frames =
        [wire::text("one"), wire::text("two"), wire::text(&"three".repeat(9_000))].concat();
    let request = Request::upgrade(CHANNEL).bytes();
    // Cut at every kind of place: within a header, within a payload, between frames.
    for cut in [0, 1, 5, 8, 9, 10, 18, 22, 30, 1000, frames.len()] {
        let mut wire = Wire::open(proxy.address());
        wire.send(&[&request[..], &frames[..cut]].concat());
        wire.is_upgraded();
        wire.send(&frames[cut..]);
        for expected in ["one", "two", &"three".repeat(9_000)] {
            other.hears(expected);
        }
    }
}
