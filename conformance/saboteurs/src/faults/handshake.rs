//! `handshake.*`: settings, and heads changed on their way.

use crate::fault::Fault;
use crate::head::Head;

const KEY: &str = "Sec-WebSocket-Key";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";
const VERSION: &str = "Sec-WebSocket-Version";

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("other-port", "handshake.port", "listens on 9010 unless told otherwise").config(
        |config| {
            if config.port == proxy::DEFAULT_PORT {
                config.port += 1;
            }
        },
    ),
    Fault::new("one-address-family", "handshake.port", "listens on IPv4 alone")
        .config(|config| config.bind.retain(std::net::IpAddr::is_ipv4)),
    Fault::new("wrong-accept", "handshake.accepted", "answers with another key's accept").answer(
        |answer, _| {
            if answer.status() == "101" {
                answer.set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            }
        },
    ),
    Fault::new("upgrade-with-case", "handshake.accepted", "knows `websocket` in lower case only")
        .request(|request, _| {
            if request.get("Upgrade") != Some("websocket") {
                request.remove("Upgrade");
            }
        }),
    Fault::new("connection-alone", "handshake.accepted", "knows `Connection: Upgrade` only")
        .request(|request, _| {
            if !request.is("Connection", "upgrade") {
                request.remove("Connection");
            }
        }),
    Fault::new(
        "headers-with-case",
        "handshake.accepted",
        "knows header names in one spelling only",
    )
    .request(|request, _| {
        if !request.names().any(|name| name == KEY) {
            request.remove(KEY);
        }
    }),
    Fault::new("no-subprotocol", "handshake.subprotocol", "confirms no subprotocol")
        .answer(|answer, _| answer.remove(PROTOCOL)),
    Fault::new("last-subprotocol", "handshake.subprotocol", "confirms the last subprotocol")
        .answer(|answer, line| {
            if answer.get(PROTOCOL).is_some() {
                let offered = line.request.iter().flat_map(|request| request.all(PROTOCOL)).last();
                let last =
                    offered.and_then(|offered| offered.rsplit(',').next()).unwrap_or_default();
                answer.set(PROTOCOL, last.trim());
            }
        }),
    Fault::new("unasked-subprotocol", "handshake.subprotocol", "confirms one that nobody offered")
        .answer(|answer, _| {
            if answer.status() == "101" && answer.get(PROTOCOL).is_none() {
                answer.set(PROTOCOL, "chat");
            }
        }),
    Fault::new("compresses", "handshake.no-extensions", "agrees to an extension that is offered")
        .answer(|answer, line| {
            let offered = line.request.as_ref().and_then(|r| r.get("Sec-WebSocket-Extensions"));
            if let (Some(offered), "101") = (offered, answer.status()) {
                answer.set("Sec-WebSocket-Extensions", offered);
            }
        }),
    Fault::new("own-origins-only", "handshake.any-origin", "refuses pages of other sites").config(
        |config| {
            if config.access.allowed_origins.is_empty() {
                config.access.allowed_origins.push("http://localhost:9009".to_owned());
            }
        },
    ),
    Fault::new("no-allow-origin", "handshake.any-origin", "lets no other site read its answers")
        .answer(|answer, _| answer.remove("Access-Control-Allow-Origin")),
    Fault::new(
        "origin-list-ignored",
        "handshake.any-origin",
        "accepts origins that are not listed",
    )
    .config(|config| config.access.allowed_origins.clear()),
    Fault::new("front-page-anywhere", "handshake.unknown-path", "shows the front page at any path")
        .request(|request, _| {
            let pages = ["/", "/console", "/namedwebsockets.js", "/status", "/metrics"];
            let known = request.name().is_some() || request.path().starts_with("/console/");
            if !known && !pages.contains(&request.path()) {
                request.set_target("/");
            }
        }),
    Fault::new("head-as-get", "handshake.other-methods", "answers HEAD like GET").request(
        |request, _| {
            if request.method() == "HEAD" {
                request.set_method("GET");
            }
        },
    ),
    Fault::new("no-allow", "handshake.other-methods", "does not say which methods it allows")
        .answer(|answer, _| answer.remove("Allow")),
    Fault::new("post-is-bad", "handshake.other-methods", "answers other methods with 400").answer(
        |answer, _| {
            if answer.status() == "405" {
                answer.set_status("400", "Bad Request");
            }
        },
    ),
    Fault::new("any-version", "handshake.version", "accepts any version of WebSocket").request(
        |request, _| {
            if request.is_upgrade() {
                request.set(VERSION, "13");
            }
        },
    ),
    Fault::new("secret-version", "handshake.version", "does not say which version it speaks")
        .answer(|answer, _| answer.remove(VERSION)),
    Fault::new("http-1-0", "handshake.malformed", "upgrades HTTP/1.0")
        .request(|request, _| request.set_version("HTTP/1.1")),
    Fault::new("no-host-needed", "handshake.malformed", "accepts requests without a Host").request(
        |request, _| {
            if request.get("Host").is_none() {
                request.set("Host", "localhost");
            }
        },
    ),
    Fault::new("many-hosts", "handshake.malformed", "takes the first of several Hosts")
        .request(|request, _| keep_first(request, "Host")),
    Fault::new("many-keys", "handshake.malformed", "takes the first of several keys")
        .request(|request, _| keep_first(request, KEY)),
    Fault::new("any-key", "handshake.malformed", "accepts any key, or none").request(
        |request, _| {
            let sound = request.get(KEY).is_some_and(|k| k.len() == 24 && k.ends_with("=="));
            if request.is_upgrade() && !sound {
                request.set(KEY, "dGhlIHNhbXBsZSBub25jZQ==");
            }
        },
    ),
    Fault::new("body-for-frames", "handshake.malformed", "takes a body for frames").request(
        |request, _| {
            if request.is_upgrade() {
                request.remove("Content-Length");
                request.remove("Transfer-Encoding");
            }
        },
    ),
];

fn keep_first(request: &mut Head, name: &str) {
    if request.all(name).count() > 1
        && let Some(first) = request.get(name).map(str::to_owned)
    {
        request.set(name, first);
    }
}
