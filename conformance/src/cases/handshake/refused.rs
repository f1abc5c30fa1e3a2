//! Upgrades that must be refused, and requests that are no upgrade.

use super::{answered, answered_as_is};
use crate::case::{Case, Step, expect};
use crate::wire::Request;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "handshake/upgrade-required",
        clause: "handshake.upgrade-required",
        what: "A plain GET of a channel is answered with 426 that names websocket.",
        run: upgrade_required,
    },
    Case {
        id: "handshake/other-upgrade",
        clause: "handshake.upgrade-required",
        what: "An upgrade to something else is answered as a plain GET.",
        run: other_upgrade,
    },
    Case {
        id: "handshake/version",
        clause: "handshake.version",
        what: "A version other than 13, or none, is answered with 426 that names 13.",
        run: version,
    },
    Case {
        id: "handshake/http-1.0",
        clause: "handshake.malformed",
        what: "A request in HTTP/1.0 is answered with 400.",
        run: http_1_0,
    },
    Case {
        id: "handshake/host-missing-or-twice",
        clause: "handshake.malformed",
        what: "No Host, or two, are answered with 400.",
        run: host_missing_or_twice,
    },
    Case {
        id: "handshake/upgrade-with-body",
        clause: "handshake.malformed",
        what: "An upgrade that has a body is answered with 400.",
        run: upgrade_with_body,
    },
    Case {
        id: "handshake/bad-key",
        clause: "handshake.malformed",
        what: "A key that is absent, repeated or not 16 bytes of base64 is answered with 400.",
        run: bad_key,
    },
    Case {
        id: "handshake/refusal-order",
        clause: "handshake.refusal-order",
        what: "404 comes before 405, that before 400 for Host, that before 403, that before 426.",
        run: refusal_order,
    },
    Case {
        id: "handshake/refusal-reason",
        clause: "handshake.refusal-reason",
        what: "Refusals have a text/plain body of one line.",
        run: refusal_reason,
    },
];

fn upgrade_required(world: &mut World) -> Step {
    for path in [world.local(), world.broadcast()] {
        let answer = answered(world, &Request::get(&path), 426)?;
        expect(
            answer.has_token("Upgrade", "websocket") && answer.has_token("Connection", "upgrade"),
            "Upgrade: websocket and Connection: upgrade",
            answer.describe(),
        )?;
    }
    Ok(())
}

fn other_upgrade(world: &mut World) -> Step {
    let path = world.local();
    answered(world, &Request::upgrade(&path).set("Upgrade", "h2c"), 426)?;
    answered(world, &Request::upgrade(&path).set("Upgrade", "websockets"), 426)?;
    answered(world, &Request::upgrade(&path).without("Upgrade"), 426)?;
    answered(world, &Request::upgrade(&path).without("Connection"), 426)?;
    answered(world, &Request::upgrade(&path).set("Connection", "keep-alive"), 426).map(drop)
}

fn version(world: &mut World) -> Step {
    let path = world.local();
    let versions = [Some("8"), Some("0"), Some("14"), Some("255"), Some("x"), Some(""), None];
    for version in versions {
        let request = Request::upgrade(&path).without("Sec-WebSocket-Version");
        let request = match version {
            Some(version) => request.with("Sec-WebSocket-Version", version),
            None => request,
        };
        let answer = answered(world, &request, 426)?;
        expect(
            answer.has_token("Sec-WebSocket-Version", "13")
                && answer.has_token("Upgrade", "websocket"),
            "Sec-WebSocket-Version: 13 and Upgrade: websocket",
            answer.describe(),
        )?;
    }
    Ok(())
}

fn http_1_0(world: &mut World) -> Step {
    let mut request = Request::upgrade(&world.local());
    request.version = "HTTP/1.0".to_owned();
    answered(world, &request, 400).map(drop)
}

fn host_missing_or_twice(world: &mut World) -> Step {
    let path = world.local();
    answered_as_is(world, &Request::upgrade(&path), 400)?;
    let twice = Request::upgrade(&path).with("Host", "localhost").with("Host", "localhost");
    answered_as_is(world, &twice, 400)
}

fn upgrade_with_body(world: &mut World) -> Step {
    let path = world.local();
    answered(world, &Request::upgrade(&path).with("Content-Length", "5"), 400)?;
    answered(world, &Request::upgrade(&path).with("Transfer-Encoding", "chunked"), 400).map(drop)
}

fn bad_key(world: &mut World) -> Step {
    let path = world.local();
    let without = Request::upgrade(&path).without("Sec-WebSocket-Key");
    answered(world, &without, 400)?;
    for key in [
        "",
        "x",
        "dGhlIHNhbXBsZQ==",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j!Q==",
    ] {
        answered(world, &without.clone().with("Sec-WebSocket-Key", key), 400)?;
    }
    let key = crate::wire::http::KEY;
    answered(world, &Request::upgrade(&path).with("Sec-WebSocket-Key", key), 400).map(drop)
}

fn refusal_order(world: &mut World) -> Step {
    let path = world.local();
    let worst = |target: &str| {
        Request::get(target)
            .method("POST")
            .with("Host", "evil.example")
            .with("Host", "evil.example")
            .with("Content-Length", "0")
    };
    answered_as_is(world, &worst(&format!("{path}/b")), 404)?;
    answered_as_is(world, &worst(&path), 405)?;
    answered_as_is(world, &worst(&path).method("GET"), 400)?;
    let stranger = Request::upgrade(&path)
        .with("Host", "evil.example")
        .without("Sec-WebSocket-Key")
        .set("Sec-WebSocket-Version", "8");
    answered_as_is(world, &stranger, 403)
}

fn refusal_reason(world: &mut World) -> Step {
    let path = world.local();
    for (request, status) in [
        (Request::upgrade(world.scope()), 404),
        (Request::upgrade(&path).method("POST").with("Content-Length", "0"), 405),
        (Request::upgrade(&path).set("Sec-WebSocket-Key", "x"), 400),
        (Request::upgrade(&path).with("Host", "evil.example"), 403),
        (Request::get(&path), 426),
        (Request::upgrade(&path).set("Sec-WebSocket-Version", "8"), 426),
    ] {
        let answer = answered(world, &request, status)?;
        let kind = answer.header("Content-Type").unwrap_or("none");
        let plain = kind.split(';').next().is_some_and(|kind| kind.trim() == "text/plain");
        expect(plain, format!("text/plain with {status}"), kind)?;
        let body = String::from_utf8_lossy(&answer.body);
        let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
        expect(lines == 1, format!("one line that says why with {status}"), format!("{body:?}"))?;
    }
    Ok(())
}
