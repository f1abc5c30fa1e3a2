//! Engines among themselves, when all is well.

use tokio::time::Instant;

use super::super::reader::Head;
use super::super::{Config, Event, PACKET_BYTES_MAX, PORT, Service, Transmit};
use super::lan::{Lan, address, service};
use super::{ms, s, shown};
use crate::net::{Datagram, Interface};

#[test]
fn an_instance_is_found_at_once_and_lost_a_second_after_its_goodbye() {
    let mut lan = Lan::new(2, 1);
    lan.browse(0);
    lan.run(s(5));
    lan.register(1, &service("chat[1]", false));
    lan.run(ms(2));
    let found = &lan.known[0]["chat[1]"];
    assert_eq!(found.host, "host-chat1.local.");
    assert_eq!((found.port, &found.service[..]), (9009, "_ws._tcp.local."));
    assert_eq!(found.value("PATH"), Some(&b"/broadcast/chat"[..]));
    assert_eq!(found.addresses, [(address(1).into(), 1)]);
    lan.run(s(10));
    lan.engines[1].unregister(lan.now, "chat[1]", "_ws._tcp");
    lan.run(ms(1000));
    assert_eq!(lan.names(0), ["chat[1]"]);
    lan.run(ms(130));
    assert!(lan.names(0).is_empty());
    assert_eq!(lan.engines[0].cached(), 0, "nothing of it is kept");
}

#[test]
fn who_comes_later_finds_what_is_there() {
    for hears_unicast in [false, true] {
        let mut lan = Lan::with(3, 2, Config { hears_unicast });
        lan.register(0, &service("a", false));
        lan.register(1, &service("b", false));
        lan.run(s(10));
        lan.take_sent();
        lan.browse(2);
        lan.run(ms(300));
        assert_eq!(lan.names(2), ["a", "b"]);
        let sent = lan.take_sent();
        let answers: Vec<bool> = sent[1..].iter().map(|(_, s)| s.to.ip().is_multicast()).collect();
        assert_eq!(answers, [!hears_unicast; 2], "{}", shown::all(&sent));
    }
}

#[test]
fn names_with_dots_backslashes_and_capitals() {
    let mut lan = Lan::new(2, 3);
    lan.browse(0);
    for name in ["com.example.chat[1]", "back\\slash", "Ünïcode & spaces. All of it!"] {
        lan.register(1, &service(name, true));
        lan.run(s(3));
        assert_eq!(lan.names(0), [name]);
        lan.engines[0].verify(lan.now, &name.to_ascii_uppercase(), "_WS._tcp");
        lan.run(s(10));
        assert_eq!(lan.names(0), [name]);
        lan.engines[1].unregister(lan.now, name, "_ws._tcp");
        lan.run(s(2));
        assert!(lan.names(0).is_empty());
    }
}

#[test]
fn what_is_known_is_not_said_again() {
    let mut lan = Lan::new(2, 4);
    lan.browse(0);
    lan.register(1, &service("chat[1]", false));
    lan.run(s(60));
    lan.take_sent();
    lan.engines[0].refresh(lan.now, "_ws._tcp");
    lan.run(s(1));
    let sent = lan.take_sent();
    assert_eq!(sent.len(), 1, "{}", shown::all(&sent));
    assert_eq!(sent[0].0, 0);
}

#[test]
fn hundreds_of_known_answers_come_in_many_packets() {
    let mut lan = Lan::new(3, 5);
    for number in 0..300 {
        lan.register(1, &service(&format!("chat[{number}]"), false));
    }
    lan.browse(0);
    lan.run(s(3600));
    assert_eq!(lan.known[0].len(), 300);
    lan.register(2, &service("late", false));
    lan.run(s(70));
    lan.take_sent();
    lan.engines[0].refresh(lan.now, "_ws._tcp");
    lan.run(s(2));
    let sent = lan.take_sent();
    let shown = shown::all(&sent);
    assert!((5..20).contains(&sent.len()) && sent.iter().all(|(from, _)| *from == 0), "{shown}");
    let (last, before) = sent.split_last().unwrap();
    let truncated = |(_, sent): &(usize, Transmit)| Head::read(&sent.bytes).unwrap().truncated;
    assert!(before.iter().all(truncated) && !truncated(last), "{shown}");
}

#[test]
fn no_packet_is_larger_than_a_frame() {
    let mut lan = Lan::new(2, 6);
    lan.browse(0);
    for number in 0..200 {
        let text = vec![vec![b'x'; number], vec![b'y'; 255]];
        let long = format!("{number}-{}", "n".repeat(number % 60));
        lan.register(1, &Service { text, ..service(&long, number % 7 == 0) });
    }
    lan.run(s(120));
    lan.engines[1].shutdown(lan.now);
    lan.run(s(2));
    assert!(lan.known[0].is_empty());
    assert!(lan.sent.len() > 100);
    for (_, _, sent) in &lan.sent {
        assert!(sent.bytes.len() <= PACKET_BYTES_MAX, "{}", shown::packet(&sent.bytes));
        simple_dns::Packet::parse(&sent.bytes).unwrap();
    }
    let found = lan.events.iter().filter(|(_, event)| matches!(event, Event::Found(_)));
    assert_eq!(found.count(), 200);
}

#[test]
fn what_lives_is_never_lost_and_costs_little() {
    let (hosts, hours) = (5, 3);
    let mut lan = Lan::new(hosts, 7);
    for host in 0..hosts {
        lan.browse(host);
        lan.register(host, &service(&format!("chat[{host}]"), false));
    }
    lan.run(s(600));
    lan.take_sent();
    lan.run(s(hours * 3600));
    for host in 0..hosts {
        assert_eq!(lan.known[host].len(), hosts - 1, "all but its own");
    }
    let lost = lan.events.iter().filter(|(_, event)| matches!(event, Event::Lost { .. }));
    assert_eq!(lost.count(), 0);
    // A question and an answer for each host's records every 96 s, whoever asks first.
    let rounds = hours * 3600 / 96;
    let sent = lan.take_sent().len() as u64;
    assert!(sent <= 3 * rounds * hosts as u64, "{sent} packets in {rounds} rounds");
}

#[test]
fn a_record_goes_to_all_once_a_second_whoever_asks() {
    let mut lan = Lan::new(12, 8);
    lan.register(0, &service("chat[1]", false));
    lan.run(s(10));
    lan.take_sent();
    for host in 1..12 {
        lan.browse(host);
        lan.run(ms(100));
    }
    lan.run(s(20));
    assert!(lan.known[1..].iter().all(|known| known.len() == 1));
    let of_ptr = lan.sent.iter().filter(|(_, from, sent)| {
        *from == 0 && shown::packet(&sent.bytes).contains("= _ws._tcp.local 4500s PTR")
    });
    let times: Vec<Instant> = of_ptr.map(|(at, _, _)| *at).collect();
    assert!(times.len() >= 2, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= s(1)), "{times:?}");
}

#[test]
fn who_hears_a_question_does_not_ask_it() {
    let (mut lan, hosts) = (Lan::new(20, 9), 20);
    lan.register(0, &service("chat[1]", false));
    (0..hosts).for_each(|host| lan.browse(host));
    lan.run(s(70));
    lan.take_sent();
    // All of them miss something at once, as when a host vanishes.
    for engine in &mut lan.engines {
        engine.refresh(lan.now, "_ws._tcp");
    }
    lan.run(s(1));
    let asked = lan.take_sent().len();
    assert!((1..hosts / 2).contains(&asked), "{asked} of {hosts} asked");
}

#[test]
fn also_if_what_is_known_takes_many_packets() {
    let (mut lan, hosts) = (Lan::new(12, 12), 12);
    for number in 0..150 {
        lan.register(0, &service(&format!("chat[{number}]"), false));
    }
    (0..hosts).for_each(|host| lan.browse(host));
    lan.run(s(70));
    lan.take_sent();
    for engine in &mut lan.engines {
        engine.refresh(lan.now, "_ws._tcp");
    }
    lan.run(s(1));
    let sent = lan.take_sent();
    let first = |(_, sent): &&(usize, Transmit)| Head::read(&sent.bytes).unwrap().questions > 0;
    let asked = sent.iter().filter(first).count();
    assert!(sent.len() > 2 * asked, "each takes some packets: {}", sent.len());
    assert!((1..hosts / 2).contains(&asked), "{asked} of {hosts} asked");
}

#[test]
fn a_host_with_two_cables_to_one_network_is_at_peace_with_itself() {
    let mut lan = Lan::new(1, 11);
    let on = |index: u32| Interface {
        address: [10, 0, 0, u8::try_from(index).unwrap()].into(),
        prefix_bits: 24,
        index,
    };
    lan.engines[0].set_interfaces(lan.now, vec![on(1), on(2)]);
    lan.browse(0);
    lan.register(0, &service("chat", true));
    let mut heard = 0;
    for _ in 0..500 {
        lan.run(ms(20));
        for (_, sent) in lan.take_sent() {
            for interface in [1, 2] {
                let source = (on(sent.interface).address, PORT).into();
                let bytes = sent.bytes.clone();
                let packet = Datagram { interface, source, multicast: true, bytes };
                lan.engines[0].handle_packet(lan.now, &packet);
                heard += 1;
            }
        }
    }
    assert_eq!(lan.events, []);
    // Three probes, two announcements and the questions, to both sides and heard on both, and no
    // answer to oneself.
    assert!((4 * 6..4 * 12).contains(&heard), "{heard}");
}

#[test]
fn new_data_takes_the_place_of_old() {
    let mut lan = Lan::new(2, 10);
    lan.browse(0);
    lan.register(1, &service("chat[1]", false));
    lan.run(s(10));
    lan.register(1, &Service { port: 9010, ..service("chat[1]", false) });
    lan.run(ms(1500));
    assert_eq!(lan.known[0]["chat[1]"].port, 9010);
    let other = Interface { address: [10, 0, 0, 77].into(), prefix_bits: 24, index: 1 };
    lan.engines[1].set_interfaces(lan.now, vec![other]);
    lan.run(s(5));
    assert_eq!(lan.known[0]["chat[1]"].addresses, [(other.address, 1)]);
    // PTR, SRV, TXT, A: what was before is forgotten.
    assert_eq!(lan.engines[0].cached(), 4);
    assert_eq!(lan.events.iter().filter(|(_, e)| matches!(e, Event::Lost { .. })).count(), 0);
}

#[test]
fn same_seed_same_packets() {
    let run = |seed| {
        let mut lan = Lan::new(4, seed);
        lan.loss = 20;
        for host in 0..4 {
            lan.browse(host);
            lan.register(host, &service(&format!("chat[{host}]"), host == 2));
        }
        let start = lan.now;
        lan.run(s(300));
        lan.sent
            .iter()
            .map(|(at, host, sent)| (*at - start, *host, sent.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
