//! Proxies that die and cables that are cut: what is heard afterwards is heard once.

use std::thread;
use std::time::{Duration, Instant};

use crate::client::{End, exchange, exchange_within};
use crate::lab::{Host, Lab};
use crate::program::{Proxy, wait_linked, wait_linked_one_way};
use crate::{SOON, check, wait};

const CHAT: &str = "/broadcast/chat";

/// A proxy that notices after 4 s what was cut off without a word.
fn start_watchful(host: &Host) -> Proxy<'_> {
    Proxy::start_with(host, &["--keep-alive", "2s"])
}

#[test]
fn a_proxy_is_killed_and_started_again() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host(), lab.host()];
    let [one, two, three] = hosts.each_ref().map(Proxy::start);
    let (alice, bob, carol) = (one.join(CHAT), two.join(CHAT), three.join(CHAT));
    wait_linked_one_way("chat", &[&one, &two, &three]);
    exchange(&[&alice, &bob, &carol], 10);

    three.kill();
    assert_eq!(carol.ear.wait_end(), End::Lost);
    // Two of three go on as if nothing had happened.
    exchange(&[&alice, &bob], 10);

    let three = Proxy::start(&hosts[2]);
    let carol = three.join(CHAT);
    let start = Instant::now();
    wait_linked_one_way("chat", &[&one, &two, &three]);
    println!("linked again {:?} after the client was back", start.elapsed());
    exchange(&[&alice, &bob, &carol], 10);

    // Also when the old advert is gone, under which the new proxy may have been found.
    wait("the killed one's advert gone", SOON, || {
        let status = one.status();
        let adverts = status.remotes_on("chat").filter(|remote| !remote.addresses.is_empty());
        check(adverts.count() == 2, || format!("{:#?}", status.remotes))
    });
    wait_linked_one_way("chat", &[&one, &two, &three]);
    exchange(&[&alice, &bob, &carol], 10);
    bob.heard_all(&alice, 0);
}

#[test]
fn a_proxy_is_stopped_and_started_again() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (one, two) = (Proxy::start(&hosts[0]), Proxy::start(&hosts[1]));
    let (alice, bob) = (one.join(CHAT), two.join(CHAT));
    wait_linked_one_way("chat", &[&one, &two]);
    two.stop();
    assert_eq!(bob.ear.wait_end(), End::Closed(1001));
    wait("its advert gone by its goodbye", SOON, || {
        let status = one.status();
        check(status.remotes.is_empty(), || format!("{:#?}", status.remotes))
    });
    assert_eq!(one.counter("dials_failed"), 0, "nobody is called who said goodbye");
    let two = Proxy::start(&hosts[1]);
    let bob = two.join(CHAT);
    wait_linked_one_way("chat", &[&one, &two]);
    exchange(&[&alice, &bob], 10);
}

#[test]
fn a_cable_is_cut_for_15_s() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (one, two) = (Proxy::start(&hosts[0]), Proxy::start(&hosts[1]));
    let (alice, bob) = (one.join(CHAT), two.join(CHAT));
    wait_linked_one_way("chat", &[&one, &two]);
    exchange(&[&alice, &bob], 10);

    hosts[1].cut();
    for _ in 0..15 {
        alice.say(10);
        bob.say(10);
        thread::sleep(Duration::from_secs(1));
    }
    assert_eq!((alice.ear.numbers(&bob.name).len(), bob.ear.numbers(&alice.name).len()), (11, 11));
    hosts[1].repair();
    let start = Instant::now();
    // TCP waits longer and longer before it tries again, here up to some 13 s.
    exchange_within(&[&alice, &bob], 10, Duration::from_secs(40));
    println!("everything was heard {:?} after the repair", start.elapsed());
    let dialled = (one.counter("links_dialled"), two.counter("links_dialled"));
    assert_eq!(dialled, (1, 1), "a link outlives the advert that the cut may have cost");
    alice.heard_all(&bob, 0);
    bob.heard_all(&alice, 0);
    wait_linked_one_way("chat", &[&one, &two]);
}

#[test]
fn a_cable_is_cut_until_links_and_adverts_are_gone() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host(), lab.host()];
    let proxies = hosts.each_ref().map(start_watchful);
    let [one, two, three] = &proxies;
    let (alice, bob, carol) = (one.join(CHAT), two.join(CHAT), three.join(CHAT));
    wait_linked_one_way("chat", &proxies.each_ref());
    exchange(&[&alice, &bob, &carol], 10);

    hosts[2].cut();
    let cut = Instant::now();
    wait("the links gone on both sides", SOON, || {
        let links = [one, two, three].map(|proxy| proxy.status().links("chat").len());
        check(links == [2, 2, 0], || format!("{links:?}"))
    });
    wait("the adverts gone on both sides", SOON, || {
        let remotes = [one, two, three].map(|proxy| proxy.status().remotes.len());
        check(remotes == [1, 1, 0], || format!("{remotes:?}"))
    });
    println!("forgotten {:?} after the cut", cut.elapsed());
    exchange(&[&alice, &bob], 10);
    thread::sleep(Duration::from_secs(20).saturating_sub(cut.elapsed()));

    hosts[2].repair();
    let repaired = Instant::now();
    wait_linked("chat", &proxies.each_ref(), Duration::from_secs(60));
    println!("linked again {:?} after the repair", repaired.elapsed());
    wait_linked_one_way("chat", &proxies.each_ref());
    exchange(&[&alice, &bob, &carol], 10);
    bob.heard_all(&alice, 0);
}

#[test]
fn a_cable_is_cut_and_one_side_gives_the_links_up() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let one = Proxy::start_with(&hosts[0], &["--keep-alive", "1s"]);
    let two = Proxy::start(&hosts[1]);
    let (alice, bob) = (one.join(CHAT), two.join(CHAT));
    wait_linked_one_way("chat", &[&one, &two]);

    hosts[0].cut();
    wait("the links gone on one side", SOON, || {
        let links = [&one, &two].map(|proxy| proxy.status().links("chat").len());
        check(links == [0, 2], || format!("{links:?}"))
    });
    hosts[0].repair();
    let repaired = Instant::now();
    // The other side may refuse the new link while it takes the old one for alive.
    wait_linked("chat", &[&one, &two], Duration::from_secs(60));
    wait("what is said gets through", Duration::from_secs(60), || {
        let number = alice.said();
        alice.say(1);
        thread::sleep(Duration::from_millis(100));
        check(bob.ear.numbers(&alice.name).contains(&number), || format!("not {number}"))
    });
    println!("linked again {:?} after the repair", repaired.elapsed());
    wait_linked_one_way("chat", &[&one, &two]);
    exchange(&[&alice, &bob], 10);
}

#[test]
fn a_host_loses_power() {
    let Some(lab) = Lab::new() else { return };
    let (host, mut other) = (lab.host(), lab.host());
    let one = Proxy::start(&host);
    let alice = one.join(CHAT);
    for _ in 0..2 {
        let two = Proxy::start(&other);
        let bob = two.join(CHAT);
        let started = Instant::now();
        wait_linked("chat", &[&one, &two], Duration::from_secs(10));
        println!("linked {:?} after the client was there", started.elapsed());
        wait_linked_one_way("chat", &[&one, &two]);
        exchange(&[&alice, &bob], 10);
        drop(bob);
        other.cut();
        two.kill();
        other.lose_power();
    }
}
