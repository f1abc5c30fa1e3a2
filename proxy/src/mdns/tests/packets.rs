//! The packets themselves, as another reader shows them.

use simple_dns::{CLASS, Name as DnsName, Packet, QCLASS, QTYPE, Question, TYPE};

use super::super::PORT;
use super::lan::{Lan, address, service};
use super::{ms, s, shown};

fn ask(lan: &mut Lan, port: u16, id: u16, questions: &[(&str, QTYPE, bool)]) -> String {
    let mut packet = Packet::new_query(id);
    for (name, kind, unicast) in questions {
        let name = DnsName::new(name).unwrap();
        packet.questions.push(Question::new(name, *kind, QCLASS::CLASS(CLASS::IN), *unicast));
    }
    let bytes = packet.build_bytes_vec().unwrap();
    lan.take_sent();
    lan.hear(1, (address(0), port).into(), true, &bytes);
    lan.run(ms(150));
    shown::all(&lan.take_sent())
}

/// Host 2 has a service and has announced it; host 1 is for asking by hand.
fn announced() -> Lan {
    let mut lan = Lan::new(2, 1);
    lan.register(1, &service("My.Chat\\1", false));
    lan.run(s(10));
    lan
}

#[test]
fn announcement() {
    let mut lan = Lan::new(2, 1);
    lan.register(1, &service("My.Chat\\1", false));
    lan.run(s(10));
    insta::assert_snapshot!(shown::all(&lan.take_sent()));
}

#[test]
fn probes() {
    let mut lan = Lan::new(1, 1);
    lan.register(0, &service("chat", true));
    lan.run(ms(750));
    insta::assert_snapshot!(shown::all(&lan.take_sent()));
}

#[test]
fn goodbye() {
    let mut lan = announced();
    lan.take_sent();
    lan.engines[1].unregister(lan.now, "My.Chat\\1", "_ws._tcp");
    lan.run(s(1));
    insta::assert_snapshot!(shown::all(&lan.take_sent()));
}

#[test]
fn question_with_what_is_known() {
    let mut lan = announced();
    lan.browse(0);
    lan.run(ms(500));
    lan.take_sent();
    lan.run(s(1));
    insta::assert_snapshot!(shown::all(&lan.take_sent()));
}

#[test]
fn answers() {
    let kind = QTYPE::TYPE;
    let asked = [
        ("_ws._tcp.local", kind(TYPE::PTR), false),
        ("_WS._TCP.local", kind(TYPE::PTR), true),
        (r"my\.chat\\1._ws._tcp.local", QTYPE::ANY, false),
        (r"my\.chat\\1._ws._tcp.local", kind(TYPE::A), false),
        ("host-MyChat1.local", kind(TYPE::A), false),
        ("host-MyChat1.local", kind(TYPE::AAAA), false),
        ("_services._dns-sd._udp.local", kind(TYPE::PTR), false),
        ("_http._tcp.local", kind(TYPE::PTR), false),
    ];
    let mut text = String::new();
    for question in asked {
        let mut lan = announced();
        let answer = ask(&mut lan, PORT, 0, &[question]);
        text += &format!("{} {:?} {}\n{answer}\n", question.0, question.1, question.2);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn answer_for_plain_dns() {
    let kind = QTYPE::TYPE(TYPE::PTR);
    let mut lan = announced();
    insta::assert_snapshot!(ask(&mut lan, 40_000, 4711, &[("_ws._tcp.local", kind, false)]));
}
