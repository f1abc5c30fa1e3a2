//! What a proxy answers to another host, and what to its own.

use std::net::{IpAddr, SocketAddr};

use crate::client::{Client, exchange};
use crate::lab::{Host, Lab};
use crate::program::Proxy;
use crate::wire::{self, AS_LINK};

fn status(from: &Host, to: IpAddr, path: &str, headers: &[(&str, &str)]) -> u16 {
    wire::ask(from, SocketAddr::new(to, 9009), path, headers).unwrap().status
}

/// The answer to a request that claims to be for `localhost`.
fn page(from: &Host, to: IpAddr, path: &str) -> u16 {
    let stream = wire::connect(from, SocketAddr::new(to, 9009)).unwrap();
    wire::request(stream, path, &[("Host", "localhost")]).unwrap().status
}

const PAGES: [&str; 5] = ["/", "/console", "/namedwebsockets.js", "/status", "/metrics"];

#[test]
fn other_hosts_get_links_only() {
    let Some(lab) = Lab::new() else { return };
    let (host, other) = (lab.host(), lab.host());
    let proxy = Proxy::start(&host);
    let v6 = format!("fd77::{}", host.v4().octets()[3]).parse().unwrap();
    for to in [host.v4().into(), v6] {
        for path in ["/local/x", "/broadcast/x"] {
            assert_eq!(status(&other, to, path, &[]), 403, "{path}");
            assert_eq!(status(&host, to, path, &[]), 101, "{path}, by its own address");
        }
        for path in PAGES {
            assert_eq!(page(&other, to, path), 403, "{path}");
            assert_eq!(page(&host, to, path), 200, "{path}, by its own address");
        }
        assert_eq!(status(&other, to, "/broadcast/x", AS_LINK), 101);
        assert_eq!(status(&other, to, "/local/x", AS_LINK), 403);
        assert_eq!(status(&host, to, "/local/x", AS_LINK), 400);
    }
    assert_eq!(proxy.counter("links_accepted"), 2);
}

#[test]
fn the_network_cannot_shut_this_machine_out() {
    let Some(lab) = Lab::new() else { return };
    let (host, other) = (lab.host(), lab.host());
    let proxy = Proxy::start_with(&host, &["--max-connections", "4"]);
    let to = SocketAddr::new(host.v4().into(), 9009);
    let link = || wire::ask(&other, to, "/broadcast/x", AS_LINK).unwrap();
    let (_first, _second) = (link().websocket(), link().websocket());
    assert_eq!(link().status, 503, "half of all");
    let (alice, bob) = (proxy.join("/broadcast/x"), proxy.join("/local/x"));
    assert_eq!(status(&host, to.ip(), "/local/x", &[]), 503, "all of them");
    alice.leave();
    bob.leave();
}

#[test]
fn broadcast_channels_may_be_opened_to_the_network() {
    let Some(lab) = Lab::new() else { return };
    let (host, other) = (lab.host(), lab.host());
    let proxy = Proxy::start_with(&host, &["--allow-network-clients"]);
    let to = IpAddr::from(host.v4());
    assert_eq!(status(&other, to, "/local/x", &[]), 403);
    for path in PAGES {
        assert_eq!(page(&other, to, path), 403, "{path}");
    }
    let answer = wire::ask(&other, (host.v4(), 9009).into(), "/broadcast/x", &[]).unwrap();
    let (socket, stream) = answer.websocket();
    let (outside, inside) = (Client::new(socket, stream), proxy.join("/broadcast/x"));
    exchange(&[&outside, &inside], 10);
}

#[test]
fn a_link_hears_and_is_not_heard() {
    let Some(lab) = Lab::new() else { return };
    let (host, other) = (lab.host(), lab.host());
    let proxy = Proxy::start(&host);
    let (alice, bob) = (proxy.join("/broadcast/x"), proxy.join("/broadcast/x"));
    let answer = wire::ask(&other, (host.v4(), 9009).into(), "/broadcast/x", AS_LINK).unwrap();
    assert_eq!(answer.header("NamedWebSockets-Proxy"), Some(proxy.id.as_str()));
    let (socket, stream) = answer.websocket();
    let link = Client::new(socket, stream);
    link.say(3);
    crate::wait("what it said against the direction is counted", crate::SOON, || {
        let discarded = proxy.counter("messages_discarded");
        crate::check(discarded == 3, || format!("{discarded}"))
    });
    exchange(&[&alice, &bob], 10);
    link.hears(&alice, alice.said() - 1, crate::SOON);
    link.hears(&bob, bob.said() - 1, crate::SOON);
    link.heard_all(&alice, 0);
    link.heard_all(&bob, 0);
    assert_eq!(alice.ear.senders(), [bob.name.as_str()]);
}
