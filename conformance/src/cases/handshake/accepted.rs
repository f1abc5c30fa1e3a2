//! Upgrades that must be accepted, and what the 101 carries.

use std::sync::Arc;

use super::{accepted, answered};
use crate::case::{Case, Step, Stop, expect};
use crate::lan::Host;
use crate::target::Options;
use crate::wire::{Request, Wire};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "handshake/port-9009",
        clause: "handshake.port",
        what: "Started without a port, it listens on port 9009, on IPv4 and on IPv6.",
        run: port_9009,
    },
    Case {
        id: "handshake/accepted",
        clause: "handshake.accepted",
        what: "A valid upgrade on either scope is answered with 101 and the right accept value.",
        run: accepted_on_both_scopes,
    },
    Case {
        id: "handshake/accept-follows-key",
        clause: "handshake.accepted",
        what: "The accept value is that of the request's own key.",
        run: accept_follows_key,
    },
    Case {
        id: "handshake/header-case",
        clause: "handshake.accepted",
        what: "Header names and the tokens websocket and upgrade have any case.",
        run: header_case,
    },
    Case {
        id: "handshake/connection-list",
        clause: "handshake.accepted",
        what: "`upgrade` may stand anywhere in Connection, also in a second such header.",
        run: connection_list,
    },
    Case {
        id: "handshake/other-headers",
        clause: "handshake.accepted",
        what: "Headers that have nothing to do with it do no harm; nor does Content-Length: 0.",
        run: other_headers,
    },
    Case {
        id: "handshake/subprotocol-first",
        clause: "handshake.subprotocol",
        what: "Of the subprotocols offered, the first is confirmed, spelt as it was offered.",
        run: subprotocol_first,
    },
    Case {
        id: "handshake/subprotocol-several-headers",
        clause: "handshake.subprotocol",
        what: "Offers in several headers are one list.",
        run: subprotocol_several_headers,
    },
    Case {
        id: "handshake/subprotocol-none",
        clause: "handshake.subprotocol",
        what: "Where none is offered none is confirmed.",
        run: subprotocol_none,
    },
    Case {
        id: "handshake/no-extensions",
        clause: "handshake.no-extensions",
        what: "permessage-deflate and others are not confirmed.",
        run: no_extensions,
    },
    Case {
        id: "handshake/any-origin",
        clause: "handshake.any-origin",
        what: "Any Origin, also null and none, is accepted with Access-Control-Allow-Origin: *.",
        run: any_origin,
    },
    Case {
        id: "handshake/listed-origins",
        clause: "handshake.any-origin",
        what: "Told a list of origins, it answers 403 to others, and 101 to those and to none.",
        run: listed_origins,
    },
];

fn port_9009(world: &mut World) -> Step {
    let host = Arc::new(Host::alone("target")?);
    // It binds 9009 on 127.0.0.1; start_by_default has waited for that.
    let instance = world.target().start_by_default(Arc::clone(&host), world.log())?;
    instance.client("/local/x", "v4", world.log())?.leave()?;
    let v6 = "[::1]:9009".parse().map_err(|_| Stop::skip("no address"))?;
    let wire = Wire::connect(Some(&*host), v6, "localhost:9009", "v6", world.log())?;
    wire.upgrade(&Request::upgrade("/local/x"))?.0.leave()
}

fn accepted_on_both_scopes(world: &mut World) -> Step {
    for path in [world.local(), world.broadcast()] {
        accepted(world, &Request::upgrade(&path))?;
    }
    Ok(())
}

fn accept_follows_key(world: &mut World) -> Step {
    let path = world.local();
    for (key, accept) in [
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
        ("AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
    ] {
        let request = Request::upgrade(&path).set("Sec-WebSocket-Key", key);
        let answer = answered(world, &request, 101)?;
        let found = answer.header("Sec-WebSocket-Accept");
        let expected = format!("Sec-WebSocket-Accept: {accept} for the key {key}");
        expect(found == Some(accept), expected, answer.describe())?;
    }
    Ok(())
}

fn header_case(world: &mut World) -> Step {
    let path = world.local();
    for change in [str::to_lowercase as fn(&str) -> String, str::to_uppercase, mixed] {
        let mut request = Request::upgrade(&path);
        for (name, value) in &mut request.headers {
            if name != "Sec-WebSocket-Key" {
                *value = change(value);
            }
            *name = change(name);
        }
        accepted(world, &request)?;
    }
    Ok(())
}

/// Letters in turn upper and lower.
fn mixed(text: &str) -> String {
    let change = |(n, c): (usize, char)| {
        if n % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
    };
    text.chars().enumerate().map(change).collect()
}

fn connection_list(world: &mut World) -> Step {
    let path = world.local();
    for list in ["keep-alive, Upgrade", "Upgrade, keep-alive", "a ,\tupgrade ,b", "x,UPGRADE"] {
        accepted(world, &Request::upgrade(&path).set("Connection", list))?;
    }
    let two = Request::upgrade(&path).set("Connection", "keep-alive").with("Connection", "Upgrade");
    accepted(world, &two).map(drop)
}

fn other_headers(world: &mut World) -> Step {
    let request = Request::upgrade(&world.local())
        .with("Cookie", &"c=1; ".repeat(100))
        .with("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
        .with("Cache-Control", "no-cache")
        .with("X-Empty", "")
        .with("Content-Length", "0");
    accepted(world, &request).map(drop)
}

fn confirms(world: &mut World, request: &Request, expected: Option<&str>) -> Step {
    let answer = accepted(world, request)?;
    let found: Vec<_> = answer.values("Sec-WebSocket-Protocol").collect();
    let words = match expected {
        Some(name) => format!("Sec-WebSocket-Protocol: {name}, once"),
        None => "no Sec-WebSocket-Protocol".to_owned(),
    };
    expect(found == Vec::from_iter(expected), words, answer.describe())
}

fn subprotocol_first(world: &mut World) -> Step {
    let path = world.local();
    for (offer, first) in
        [("chat", "chat"), ("superChat, chat", "superChat"), ("v2.b ,v1", "v2.b"), ("b,a", "b")]
    {
        let request = Request::upgrade(&path).with("Sec-WebSocket-Protocol", offer);
        confirms(world, &request, Some(first))?;
    }
    Ok(())
}

fn subprotocol_several_headers(world: &mut World) -> Step {
    let request = Request::upgrade(&world.local())
        .with("Sec-WebSocket-Protocol", "zebra, ant")
        .with("Sec-WebSocket-Protocol", "bee");
    confirms(world, &request, Some("zebra"))
}

fn subprotocol_none(world: &mut World) -> Step {
    let request = Request::upgrade(&world.local());
    confirms(world, &request, None)
}

fn no_extensions(world: &mut World) -> Step {
    let path = world.local();
    for offer in ["permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame", "foo"] {
        let request = Request::upgrade(&path).with("Sec-WebSocket-Extensions", offer);
        let answer = accepted(world, &request)?;
        let none = answer.header("Sec-WebSocket-Extensions").is_none();
        expect(none, "no Sec-WebSocket-Extensions", answer.describe())?;
    }
    Ok(())
}

fn any_origin(world: &mut World) -> Step {
    let path = world.local();
    for origin in [Some("https://example.org"), Some("http://localhost:8000"), Some("null"), None] {
        let request = Request::upgrade(&path);
        let request = match origin {
            Some(origin) => request.with("Origin", origin),
            None => request,
        };
        let answer = accepted(world, &request)?;
        let allowed: Vec<_> = answer.values("Access-Control-Allow-Origin").collect();
        expect(allowed == ["*"], "Access-Control-Allow-Origin: *", answer.describe())?;
    }
    Ok(())
}

fn listed_origins(world: &mut World) -> Step {
    let origins = vec!["https://one.example".to_owned(), "http://two.example:81".to_owned()];
    let options = Options { origins, no_discovery: true, ..Options::default() };
    let instance = world.start(&options)?;
    for (origin, status) in [
        (Some("https://one.example"), 101),
        (Some("http://two.example:81"), 101),
        (None, 101),
        (Some("http://one.example"), 403),
        (Some("https://one.example.org"), 403),
        (Some("http://two.example"), 403),
        (Some("null"), 403),
    ] {
        for scope in ["/local/x", "/broadcast/x"] {
            let request = Request::upgrade(scope);
            let request = match origin {
                Some(origin) => request.with("Origin", origin),
                None => request,
            };
            let answer = instance.ask(&request, world.log())?;
            let words = format!("{status} to an upgrade of {scope} with the origin {origin:?}");
            expect(answer.status == status, words, answer.describe())?;
        }
    }
    Ok(())
}
