//! `--peer`: links without multicast, through a router, through NAT, and beside multicast.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::SOON;
use crate::client::{Client, exchange};
use crate::lab::{Host, Lab, Stack, has_program};
use crate::program::{Proxy, wait_linked};

const CHAT: &str = "/broadcast/chat";

/// Two hosts on two networks, and a router between them, which forwards no multicast.
fn routed(lab: &Lab) -> (Host, Host, Host) {
    let router = lab.router();
    let (near, far) = (lab.host_on(&[0], Stack::V4), lab.host_on(&[1], Stack::V4));
    near.ip(&format!("route add 10.77.1.0/24 via {}", router.v4_on(0)));
    far.ip(&format!("route add 10.77.0.0/24 via {}", router.v4_on(1)));
    (near, router, far)
}

fn peer(host: &Host) -> [String; 2] {
    ["--peer".to_owned(), host.v4().to_string()]
}

fn start<'h>(host: &'h Host, peers: &[&Host]) -> Proxy<'h> {
    let args: Vec<String> = peers.iter().flat_map(|host| peer(host)).collect();
    Proxy::start_with(host, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Two clients on each of two proxies that are linked by one two-way link hear each other.
fn converse(near: &Proxy<'_>, far: &Proxy<'_>) {
    let join = |proxy: &Proxy<'_>| [proxy.join(CHAT), proxy.join(CHAT)];
    let clients = [join(near), join(far)];
    let all: Vec<&Client> = clients.iter().flatten().collect();
    wait_linked("chat", &[near, far], SOON);
    exchange(&all, 50);
    let links = |proxy: &Proxy<'_>| -> Vec<(String, String)> {
        let status = proxy.status();
        let links = status.links("chat").iter();
        links.map(|link| (link.dialled_by.clone(), link.carries.clone())).collect()
    };
    assert_eq!(links(near), [("us".to_owned(), "both".to_owned())]);
    assert_eq!(links(far), [("them".to_owned(), "both".to_owned())]);
}

#[test]
fn one_sides_setting_is_enough_across_a_router() {
    let Some(lab) = Lab::new() else { return };
    let (near, _router, far) = routed(&lab);
    let (one, two) = (start(&near, &[&far]), Proxy::start(&far));
    converse(&one, &two);
    // Once more, after everybody has left.
    converse(&one, &two);
    // And with another proxy in its place.
    let alice = one.join(CHAT);
    two.kill();
    let two = Proxy::start(&far);
    let bob = two.join(CHAT);
    wait_linked("chat", &[&one, &two], SOON);
    exchange(&[&alice, &bob], 10);
}

#[test]
fn a_two_way_link_stays_when_the_far_side_has_no_client() {
    let Some(lab) = Lab::new() else { return };
    let (near, _router, far) = routed(&lab);
    let (one, two) = (start(&near, &[&far]), Proxy::start(&far));
    let alice = one.join(CHAT);
    for _ in 0..3 {
        let bob = two.join(CHAT);
        wait_linked("chat", &[&one, &two], SOON);
        exchange(&[&alice, &bob], 10);
        bob.leave();
    }
    assert_eq!(one.counter("links_dialled"), 1);
}

#[test]
fn one_sides_setting_is_enough_through_nat() {
    if !has_program("nft") {
        return;
    }
    let Some(lab) = Lab::new() else { return };
    let (near, router, far) = routed(&lab);
    let rules = "table ip t {
        chain out { type nat hook postrouting priority 100; oifname eth1 masquerade; }
        chain through {
            type filter hook forward priority 0; policy drop;
            ct state established,related accept
            iifname eth0 accept
        }
    }";
    let done = router.run(Command::new("nft").args(["-f", "-"]), rules);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // The far side cannot even answer the near side's own address.
    far.ip("route del 10.77.0.0/24");
    let (one, two) = (start(&near, &[&far]), Proxy::start(&far));
    converse(&one, &two);
    let clients = [one.join(CHAT), two.join(CHAT)];
    wait_linked("chat", &[&one, &two], SOON);
    let seen = &two.status().channel("chat").unwrap().links[0].address.clone();
    assert!(seen.starts_with(&format!("{}:", router.v4_on(1))), "{seen}");
    exchange(&clients.each_ref(), 10);
}

#[test]
fn both_sides_settings_across_a_router() {
    let Some(lab) = Lab::new() else { return };
    let (near, _router, far) = routed(&lab);
    let (one, two) = (start(&near, &[&far]), start(&far, &[&near]));
    stays_linked(&[&one, &two]);
}

#[test]
fn both_sides_settings_beside_multicast() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (one, two) = (start(&hosts[0], &[&hosts[1]]), start(&hosts[1], &[&hosts[0]]));
    stays_linked(&[&one, &two]);
}

#[test]
fn one_sides_setting_beside_multicast() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (one, two) = (start(&hosts[0], &[&hosts[1]]), Proxy::start(&hosts[1]));
    stays_linked(&[&one, &two]);
}

#[test]
fn settings_in_a_ring_beside_multicast() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host(), lab.host()];
    let proxy = |of: usize, to: usize| start(&hosts[of], &[&hosts[to]]);
    let proxies = [proxy(0, 1), proxy(1, 2), proxy(2, 0)];
    stays_linked(&proxies.each_ref());
}

#[test]
fn oneself_and_one_peer_by_two_addresses() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let v6 = |host: &Host| format!("fd77::{}", host.v4().octets()[3]);
    let (own, other) = (hosts[0].v4().to_string(), hosts[1].v4().to_string());
    let other_v6 = format!("[{}]:9009", v6(&hosts[1]));
    let peers = ["--peer", &own, "--peer", &other, "--peer", &other_v6];
    let one = Proxy::start_with(&hosts[0], &[&peers[..], &["--no-discovery"]].concat());
    let two = Proxy::start_with(&hosts[1], &["--no-discovery"]);
    stays_linked(&[&one, &two]);
}

/// However the links came about, and whichever replaces another: each message is heard once.
fn stays_linked(proxies: &[&Proxy<'_>]) {
    for _ in 0..3 {
        let clients: Vec<Client> = proxies.iter().map(|proxy| proxy.join(CHAT)).collect();
        wait_linked("chat", proxies, SOON);
        // Longer than what the proxies take to think their links over.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            exchange(&clients.iter().collect::<Vec<_>>(), 5);
        }
        wait_linked("chat", proxies, SOON);
        clients.iter().for_each(Client::leave);
    }
}
