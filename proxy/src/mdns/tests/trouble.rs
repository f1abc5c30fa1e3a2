//! Loss, silence, and names that somebody else has.

use proptest::prelude::*;

use super::super::{Event, Service};
use super::lan::{Lan, interface, service};
use super::{ms, s, shown};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_lossy_network_comes_to_the_truth(seed: u64, loss in 0u32..40, hosts in 2usize..6) {
        let mut lan = Lan::new(hosts, seed);
        lan.loss = loss;
        for host in 0..hosts {
            lan.browse(host);
            lan.register(host, &service(&format!("stays[{host}]"), false));
            lan.register(host, &service(&format!("goes[{host}]"), host % 2 == 0));
            lan.run(ms(u64::try_from(host).unwrap() * 130));
        }
        lan.run(s(60));
        for host in 0..hosts {
            lan.engines[host].unregister(lan.now, &format!("goes[{host}]"), "_ws._tcp");
        }
        // What lost both goodbyes goes when nobody answers for it.
        lan.run(s(150));
        lan.loss = 0;
        lan.run(s(5000));
        for host in 0..hosts {
            let others: Vec<String> =
                (0..hosts).filter(|other| *other != host).map(|h| format!("stays[{h}]")).collect();
            prop_assert_eq!(lan.names(host), others);
        }
    }
}

#[test]
fn the_question_of_one_who_is_not_known_does_not_do_for_ours() {
    let mut lan = Lan::new(2, 9);
    // Neither hears the other's announcements.
    lan.cut.insert(0);
    for host in [0, 1] {
        lan.browse(host);
        lan.register(host, &service(&format!("chat[{host}]"), false));
    }
    lan.run(s(20));
    lan.cut.clear();
    lan.run(s(50));
    assert_eq!([lan.names(0), lan.names(1)], [["chat[1]"], ["chat[0]"]]);
}

#[test]
fn who_is_silent_is_lost_when_doubted_and_who_lives_is_not() {
    let mut lan = Lan::new(3, 1);
    lan.browse(0);
    lan.register(1, &service("dead", false));
    lan.register(2, &service("alive", false));
    lan.run(s(20));
    lan.cut.insert(1);
    for name in ["dead", "alive", "never seen"] {
        lan.engines[0].verify(lan.now, name, "_ws._tcp");
    }
    lan.run(ms(2990));
    assert_eq!(lan.names(0), ["alive", "dead"]);
    lan.run(ms(20));
    assert_eq!(lan.names(0), ["alive"]);
    // It is back, and advertises.
    lan.cut.clear();
    lan.engines[0].refresh(lan.now, "_ws._tcp");
    lan.run(s(1));
    assert_eq!(lan.names(0), ["alive", "dead"]);
    lan.run(s(7200));
    assert_eq!(lan.events.iter().filter(|(_, e)| matches!(e, Event::Lost { .. })).count(), 1);
}

#[test]
fn a_doubt_survives_the_loss_of_one_question() {
    let mut lan = Lan::new(2, 2);
    lan.browse(0);
    lan.register(1, &service("alive", false));
    lan.run(s(20));
    lan.cut.insert(1);
    lan.engines[0].verify(lan.now, "alive", "_ws._tcp");
    lan.run(ms(500));
    lan.cut.clear();
    lan.run(s(10));
    assert_eq!(lan.names(0), ["alive"]);
}

#[test]
fn who_is_silent_expires_after_two_minutes_asked_four_times() {
    let mut lan = Lan::new(2, 3);
    lan.browse(0);
    lan.register(1, &service("dead", false));
    lan.run(s(2));
    lan.cut.insert(1);
    lan.run(s(90));
    lan.take_sent();
    lan.run(s(27));
    assert_eq!(lan.names(0), ["dead"]);
    let sent = lan.take_sent();
    let asked =
        sent.iter().filter(|(_, sent)| shown::packet(&sent.bytes).contains("? dead")).count();
    assert_eq!(asked, 4, "{}", shown::all(&sent));
    lan.run(s(4));
    assert!(lan.names(0).is_empty());
    assert_eq!(lan.engines[0].cached(), 0);
}

#[test]
fn a_taken_name_is_not_taken_again() {
    let mut lan = Lan::new(3, 4);
    lan.browse(0);
    lan.register(1, &service("printer", true));
    lan.run(s(5));
    let second = Service { port: 1, host: "another".to_owned(), ..service("printer", true) };
    lan.register(2, &second);
    lan.run(s(5));
    assert_eq!(lan.names(0), ["printer", "printer (2)"]);
    assert_eq!(lan.known[0]["printer"].port, 9009, "who was first keeps it");
    let renamed = Event::Renamed {
        registered: "printer".to_owned(),
        instance: "printer (2)".to_owned(),
        service: "_ws._tcp.local.".to_owned(),
    };
    assert!(lan.events.contains(&(2, renamed)));
    lan.engines[2].unregister(lan.now, "printer", "_ws._tcp");
    lan.run(s(2));
    assert_eq!(lan.names(0), ["printer"]);
}

#[test]
fn of_two_who_want_a_name_at_once_one_gets_it() {
    for seed in 0..20 {
        let mut lan = Lan::new(3, seed);
        lan.browse(0);
        for host in [1, 2] {
            let port = u16::try_from(host).unwrap();
            let host_label = format!("h{host}");
            lan.register(host, &Service { port, host: host_label, ..service("printer", true) });
        }
        lan.run(s(20));
        assert_eq!(lan.names(0), ["printer", "printer (2)"], "seed {seed}");
        // The later in order wins, which is the greater port, unless the other was done before.
        let ports = ["printer", "printer (2)"].map(|name| lan.known[0][name].port);
        assert!([[1, 2], [2, 1]].contains(&ports), "{ports:?}");
        let renamed = lan.events.iter().filter(|(_, e)| matches!(e, Event::Renamed { .. }));
        assert_eq!(renamed.count(), 1, "seed {seed}");
    }
}

#[test]
fn names_that_were_not_probed_for_are_settled_too() {
    let mut lan = Lan::new(3, 5);
    lan.browse(0);
    lan.register(1, &service("same", false));
    lan.register(2, &Service { port: 1, host: "other".to_owned(), ..service("same", false) });
    lan.run(s(30));
    assert_eq!(lan.known[0].len(), 2, "{:?}", lan.names(0));
}

#[test]
fn a_host_name_that_is_taken_is_changed() {
    let mut lan = Lan::new(3, 6);
    lan.browse(0);
    for (host, name) in [(1, "one"), (2, "two")] {
        let host_label = "box".to_owned();
        lan.register(host, &Service { host: host_label, ..service(name, true) });
        lan.run(s(5));
    }
    let hosts = ["one", "two"].map(|name| lan.known[0][name].host.clone());
    assert_eq!(hosts, ["box.local.", "box-2.local."]);
    assert_ne!(lan.known[0]["one"].addresses, lan.known[0]["two"].addresses);
}

#[test]
fn a_cable_takes_along_what_was_heard_over_it() {
    let mut lan = Lan::new(2, 7);
    lan.browse(0);
    lan.register(1, &service("chat", false));
    lan.run(s(5));
    lan.engines[0].set_interfaces(lan.now, Vec::new());
    lan.run(ms(1));
    assert!(lan.names(0).is_empty());
    lan.engines[0].set_interfaces(lan.now, vec![interface(0)]);
    lan.run(ms(1200));
    assert_eq!(lan.names(0), ["chat"]);
}

#[test]
fn what_is_registered_without_a_network_is_announced_when_there_is_one() {
    let mut lan = Lan::new(2, 8);
    lan.engines[1].set_interfaces(lan.now, Vec::new());
    lan.browse(0);
    lan.register(1, &service("chat", false));
    lan.run(s(60));
    lan.engines[1].set_interfaces(lan.now, vec![interface(1)]);
    lan.run(ms(3));
    assert_eq!(lan.names(0), ["chat"]);
}
