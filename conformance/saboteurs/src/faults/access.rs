//! `access.*`: the proxy is told of another peer, or of another `Host`.

use std::net::{Ipv4Addr, SocketAddr};

use crate::fault::Fault;
use crate::head::Head;
use crate::line::Line;

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("local-for-all", "access.local-this-machine", "opens local channels to the network")
        .peer(as_loopback)
        .request(|request, line| {
            if !request.is_local() {
                keep_out(request, line);
            }
        }),
    Fault::new(
        "broadcast-for-all",
        "access.broadcast-this-machine",
        "opens broadcast channels too",
    )
    .config(|config| config.access.allow_network_clients = true),
    Fault::new("any-host", "access.host-named", "accepts any Host of clients").request(
        |request, _| {
            if request.name().is_some() && !request.is_link() {
                request.set("Host", "localhost");
            }
        },
    ),
    Fault::new("network-any-host", "access.network-host", "accepts any Host of network clients")
        .request(|request, line| {
            if line.shared.config.access.allow_network_clients && request.is_broadcast() {
                request.set("Host", "127.0.0.1");
            }
        }),
    Fault::new("pages-for-all", "access.pages-this-machine", "shows its pages to the network")
        .peer(as_loopback)
        .request(|request, line| {
            if request.name().is_some() {
                keep_out(request, line);
            }
        }),
    Fault::new("pages-any-host", "access.pages-this-machine", "shows its pages whatever the Host")
        .request(|request, _| {
            if request.name().is_none() {
                request.set("Host", "localhost");
            }
        }),
    Fault::new("links-host-named", "access.links-any-host", "asks links for a Host that names it")
        .request(|request, _| {
            let host = request.get("Host").unwrap_or_default();
            let named = host.starts_with(|c: char| c.is_ascii_digit() || c == '[');
            if request.is_link() && !named && !host.starts_with("localhost") {
                request.lead_nowhere();
            }
        }),
    Fault::new(
        "links-own-origin",
        "access.links-any-host",
        "refuses links from web pages' origins",
    )
    .request(|request, _| {
        let page = request.get("Origin").is_some_and(|origin| origin.contains("://"));
        if request.is_link() && page {
            request.lead_nowhere();
        }
    }),
    Fault::new("links-this-machine", "access.links-any-host", "refuses links of other machines")
        .request(|request, line| {
            if request.is_link() && line.is_foreign() {
                request.lead_nowhere();
            }
        }),
];

/// The lie that a peer is on this machine.
fn as_loopback(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), peer.port())
}

/// Has the proxy refuse a stranger, whom it takes for a program of its own machine.
fn keep_out(request: &mut Head, line: &mut Line) {
    if line.is_foreign() && !request.is_link() {
        request.set("Host", "elsewhere.invalid");
    }
}
