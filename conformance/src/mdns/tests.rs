//! Two of the suite's own understand each other.

use super::*;
use crate::lan::tests::lan;
use crate::log::{Direction, Entry, Log};

/// A responder that speaks, one that listens, and what the latter saw as it listened.
fn two() -> Option<(crate::lan::Host, Responder, Responder, Log)> {
    let lan = lan()?;
    let (alice, bob) = (lan.host("alice").unwrap(), lan.host("bob").unwrap());
    let log = Log::new();
    let mouth = Responder::on(&alice, &Log::new()).unwrap();
    let ear = Responder::on(&bob, &log).unwrap();
    Some((alice, mouth, ear, log))
}

#[test]
fn an_advert_is_heard_as_it_was_said_and_taken_back() {
    let Some((alice, mouth, ear, log)) = two() else { return };
    let advert = Advert::new("com.example.Chat", &alice, 9009);
    mouth.publish(&advert);
    let seen = ear.expect_instance("com.example.Chat").unwrap();
    assert_eq!(seen.instance, advert.name());
    assert_eq!(seen.channel_in_name(), Some("com.example.Chat"));
    assert!(seen.number().is_some());
    assert_eq!((seen.service.as_str(), seen.port), (SERVICE, Some(9009)));
    assert_eq!(seen.texts, Some(vec![b"path=/broadcast/com.example.Chat".to_vec()]));
    assert_eq!(seen.addresses.into_iter().collect::<Vec<_>>(), [alice.v4()]);
    mouth.withdraw(&advert);
    ear.expect_goodbye(advert.name()).unwrap();
    assert!(!ear.instances()[0].there);
    let words: Vec<_> = log.entries().into_iter().map(|entry| entry.what).collect();
    assert!(
        words.iter().any(|what| what.contains("goodbye to PTR _ws._tcp.local → ")),
        "{words:#?}"
    );
    assert!(mouth.instances().is_empty(), "nobody hears himself");
}

#[test]
fn questions_are_answered_by_who_knows_and_to_who_does_not() {
    let Some((alice, mouth, ear, log)) = two() else { return };
    let advert = Advert::new("chat", &alice, 9009).in_pieces();
    // It is there before anybody listens: only a question brings it.
    mouth.answer_for(&advert);
    ear.expect_instance("chat").unwrap();
    assert!(mouth.questions().contains(&"PTR of _ws._tcp.local".to_owned()));
    // Who says that he knows one is told of the other only.
    let before = log.entries().len();
    let next = Advert::new("next", &alice, 9009);
    mouth.answer_for(&next);
    ear.send_raw(&known(&advert));
    ear.expect_instance("next").unwrap();
    let entries = log.entries();
    let heard = |entry: &&Entry| entry.direction == Direction::Received;
    let first = entries[before..].iter().find(heard).unwrap();
    assert!(first.what.contains(next.name()), "{entries:#?}");
}

#[test]
fn strange_records_are_kept_as_they_are() {
    let Some((alice, mouth, ear, _)) = two() else { return };
    let strange = Advert::new("chat", &alice, 0)
        .instance("Two words. [x]")
        .host("else.where")
        .addresses(&["203.0.113.7".parse().unwrap(), "fe80::7".parse().unwrap()])
        .texts(&["", "path=/broadcast/chat", "=x", &"y".repeat(255)])
        .ttl(7);
    mouth.publish(&strange);
    let seen = ear.expect_instance("chat").unwrap();
    assert_eq!((seen.instance.as_str(), seen.port), ("Two words. [x]", Some(0)));
    assert_eq!(seen.number(), None);
    let texts = seen.texts.unwrap();
    let lengths: Vec<_> = texts.iter().map(Vec::len).collect();
    assert_eq!(lengths, [0, 20, 2, 255]);
    assert_eq!(seen.addresses.len(), 2);
    // What is no packet harms nobody.
    mouth.send_raw(b"\0\0\x84\0\0\0\0\x01\0\0\0\0\xc0\x0c");
    mouth.publish(&Advert::new("after", &alice, 1).without_texts());
    let expected = "an instance without texts";
    ear.wait_for(expected, crate::wire::PATIENCE, |heard| {
        let found = heard.instances().any(|seen| seen.is_about("after") && seen.texts.is_none());
        if found { Ok(()) } else { Err(heard.describe()) }
    })
    .unwrap();
}

/// A question for all instances by one who knows this one.
fn known(advert: &Advert) -> Vec<u8> {
    use simple_dns::{CLASS, Packet, QCLASS, QTYPE, Question, TYPE};
    let packets = advert.packets();
    let told = Packet::parse(packets.last().unwrap()).unwrap();
    let mut packet = Packet::new_query(0);
    let class = QCLASS::CLASS(CLASS::IN);
    packet.questions.push(Question::new(name("", SERVICE), QTYPE::TYPE(TYPE::PTR), class, false));
    packet.answers = told.answers;
    packet.build_bytes_vec().unwrap()
}
