//! Which paths are channels, and which of them are the same (PROTOCOL.md section 2).

mod support;

use support::{Proxy, Request};

const SCOPES: [&str; 2] = ["local", "broadcast"];

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn status_of(proxy: &Proxy, path: &str) -> u16 {
    proxy.ask(&Request::upgrade(path)).status
}

#[test]
fn a_name_has_1_to_255_bytes() {
    let proxy = Proxy::start();
    for scope in SCOPES {
        for (len, status) in [(0, 404), (1, 101), (2, 101), (255, 101), (256, 404), (5_000, 404)] {
            let path = format!("/{scope}/{}", "n".repeat(len));
            assert_eq!(status_of(&proxy, &path), status, "{scope} {len}");
        }
        // The bound is one of bytes decoded.
        let encoded = |len| format!("/{scope}/{}", "%6e".repeat(len));
        assert_eq!(status_of(&proxy, &encoded(255)), 101);
        assert_eq!(status_of(&proxy, &encoded(256)), 404);
    }
}

#[test]
fn every_byte_is_judged_alike_plain_and_encoded() {
    let proxy = Proxy::start();
    for byte in 0..=u8::MAX {
        for path in [format!("/local/a%{byte:02x}"), format!("/local/%{byte:02X}b")] {
            let status = status_of(&proxy, &path);
            assert_eq!(status, if is_allowed(byte) { 101 } else { 404 }, "{path}");
        }
        // These end the name, begin an encoding, or have no place in a request's line at all.
        if matches!(byte, b'?' | b'#' | b'%') || !byte.is_ascii_graphic() {
            continue;
        }
        let path = format!("/local/a{}b", char::from(byte));
        let status = status_of(&proxy, &path);
        let refused = || matches!(status, 400 | 404);
        assert!(if is_allowed(byte) { status == 101 } else { refused() }, "{path}: {status}");
    }
}

#[test]
fn bytes_outside_ascii_and_of_control_are_refused() {
    let proxy = Proxy::start();
    for byte in (0..=b' ').chain(0x7f..=0xff) {
        let mut wire = support::Wire::open(proxy.address());
        let mut bytes = Request::upgrade("/local/aXb").bytes();
        let at = bytes.iter().position(|b| *b == b'X').unwrap();
        bytes[at] = byte;
        wire.send(&bytes);
        let status = wire.answer().status;
        assert!(matches!(status, 400 | 404), "{byte:#04x}: {status}");
    }
}

#[test]
fn what_is_no_name_is_refused_with_its_reason() {
    let proxy = Proxy::start();
    let no_names = [
        "", "a/", "a/b", "/a", "a//", "/", "%", "a%", "a%6", "a%zz", "%6g", "a%2Fb", "a%2fb",
        "%2563hat", "a%00", "%C3%A9", "a%20b", "a+b", "a~b", "a:b", "a;b", "a@b", "a*b", "a,b",
    ];
    for scope in SCOPES {
        for name in no_names {
            let path = format!("/{scope}/{name}");
            proxy.ask(&Request::upgrade(&path)).is_refusal(404, &path);
            // The path is judged before all else, upgrade or not.
            proxy.ask(&Request::get(&path)).is_refusal(404, &path);
        }
    }
    let elsewhere = [
        "/local",
        "/broadcast",
        "/Local/a",
        "/LOCAL/a",
        "//local/a",
        "/locals/a",
        "/network/a",
        "/x",
        "/status/",
        "/console/x",
        "/%6cocal/a",
        "/./local/a",
        "/local%2Fa",
    ];
    for path in elsewhere {
        proxy.ask(&Request::upgrade(path)).is_refusal(404, path);
    }
    assert_eq!(proxy.status()["channels"].as_array().unwrap().len(), 0, "none was opened");
}

#[test]
fn two_spellings_of_a_name_are_one_channel() {
    let proxy = Proxy::start();
    let mut speaker = proxy.join("/local/chat");
    let spellings = ["/local/chat", "/local/%63hat", "/local/%63%68%61%74", "/local/ch%61t"];
    let queries = ["/local/chat?", "/local/chat?x=1", "/local/chat?a/b?c&%zz", "/local/%63hat?/"];
    let mut same: Vec<_> =
        spellings.into_iter().chain(queries).map(|path| proxy.join(path)).collect();
    assert_eq!(proxy.of_channel("/local/chat", "clients"), 9);
    speaker.send("to all of them");
    for client in &mut same {
        client.hears("to all of them");
    }
}

#[test]
fn case_tells_names_apart() {
    let proxy = Proxy::start();
    let mut upper = [proxy.join("/local/Chat"), proxy.join("/local/%43hat")];
    let mut lower = [proxy.join("/local/chat"), proxy.join("/local/%63hat")];
    upper[0].send("upper");
    upper[1].hears("upper");
    // Whoever hears the other case hears "upper" first.
    lower[0].send("lower");
    lower[1].hears("lower");
    upper[1].send("back");
    upper[0].hears("back");
}

#[test]
fn dots_alone_are_names() {
    let proxy = Proxy::start();
    for name in [".", "..", "...", "%2e%2E", "-", "_", "0"] {
        assert_eq!(status_of(&proxy, &format!("/local/{name}")), 101, "{name}");
    }
}

#[test]
fn names_too_long_for_an_advert_work_on_this_machine() {
    let proxy = Proxy::start();
    for len in [239, 240, 255] {
        let path = format!("/broadcast/{}", "n".repeat(len));
        let (mut a, mut b) = (proxy.join(&path), proxy.join(&path));
        a.send("as any other");
        b.hears("as any other");
        b.send(vec![1, 2, 3]);
        a.hears(vec![1, 2, 3]);
    }
}
