//! One bug for each check.

use std::collections::BTreeSet;

use super::history::{History, KILL};
use super::{judge, objecting};
use crate::check::NAMES;
use crate::event::{
    ClientNo, Event, Holdings, HostNo, Message, Phase, ProxyNo, Record, SessionNo, Stop,
};

/// Where a bug is planted.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// When everyone is there and has said something.
    Story,
    /// Instead of the end that [`History::end`] writes.
    End,
}

/// A bug, and the checks that object to it.
pub(super) type Bug = (&'static str, &'static [&'static str], When, fn(&mut History));

const ONE: ProxyNo = ProxyNo(0);
const TWO: ProxyNo = ProxyNo(1);

/// The clients of proxy 0, as [`super::history::WORLD`] orders them: each group goes through all
/// proxies.
const A: u32 = 0;
const A_TOO: u32 = 1;
const B: u32 = 6;
/// A client of proxy 1 on the same channel as `A`.
const A_AT_TWO: u32 = 2;

/// Sends, and has only those hear it that `hears` selects.
fn send_to(history: &mut History, from: u32, hears: impl Fn(&History, SessionNo) -> bool) {
    let session = history.session_of(from);
    let before = history.records.len();
    history.send(session);
    let heard = history.records.split_off(before);
    for record in heard {
        match record.event {
            Event::Heard { session, .. } if !hears(history, session) => {}
            _ => history.records.push(record),
        }
    }
}

fn is_client(history: &History, session: SessionNo, client: u32) -> bool {
    history.session(session).client == ClientNo(client)
}

/// What was sent last, and who heard it.
pub(super) fn last_heard(history: &History) -> (SessionNo, Message) {
    let heard = history.records.iter().rev().find_map(|record| match record.event {
        Event::Heard { session, message } => Some((session, message)),
        _ => None,
    });
    heard.unwrap()
}

pub(super) const BUGS: &[Bug] = &[
    ("a message comes twice", &["no-duplicates"], When::Story, |history| {
        history.send(history.session_of(A));
        let (session, message) = last_heard(history);
        history.tell(Event::Heard { session, message });
    }),
    ("a message overtakes another", &["order-per-sender"], When::Story, |history| {
        let to = history.session_of(A_TOO);
        send_to(history, A, |history, session| !is_client(history, session, A_TOO));
        let (_, late) = last_heard(history);
        history.send(history.session_of(A));
        history.tell(Event::Heard { session: to, message: late });
    }),
    ("a client hears itself", &["sender-hears-nothing"], When::Story, |history| {
        let session = history.session_of(A);
        let message = history.send(session);
        history.tell(Event::Heard { session, message });
    }),
    ("a message crosses to another channel", &["channels-apart"], When::Story, |history| {
        let message = history.send(history.session_of(A));
        let session = history.session_of(B);
        history.tell(Event::Heard { session, message });
    }),
    ("a local message leaves its proxy", &["channels-apart"], When::Story, |history| {
        let local: Vec<SessionNo> = history
            .open()
            .into_iter()
            .filter(|session| history.session(*session).path.starts_with("/local/"))
            .collect();
        let message = history.send(local[0]);
        let elsewhere =
            local.iter().find(|s| history.session(**s).proxy != history.session(local[0]).proxy);
        history.tell(Event::Heard { session: *elsewhere.unwrap(), message });
    }),
    ("a payload is cut", &["unchanged"], When::Story, |history| {
        let session = history.session_of(A);
        history.tell(Event::Garbled { session, what: "43 of 44 bytes".into() });
    }),
    ("a message comes that nobody sent", &["unchanged"], When::Story, |history| {
        let (session, message) = last_heard(history);
        let message = Message { number: message.number + 1, ..message };
        history.tell(Event::Heard { session, message });
    }),
    ("a message is lost at its proxy", &["nothing-lost-here"], When::Story, |history| {
        send_to(history, A, |history, session| !is_client(history, session, A_TOO));
        history.send(history.session_of(A));
    }),
    ("the last message is lost at its proxy", &["nothing-lost-here"], When::Story, |history| {
        send_to(history, A, |history, session| !is_client(history, session, A_TOO));
    }),
    ("what was said before leaving is lost", &["nothing-lost-here"], When::Story, |history| {
        send_to(history, A, |history, session| !is_client(history, session, A_TOO));
        history.leave(history.session_of(A));
    }),
    ("a link drops what its queue does not hold", &["gaps-explained"], When::Story, |history| {
        send_to(history, A, |history, session| !is_client(history, session, A_AT_TWO));
        history.wait(2);
        history.send(history.session_of(A));
    }),
    ("the last message over a link is lost", &["gaps-explained"], When::Story, |history| {
        send_to(history, A, |history, session| !is_client(history, session, A_AT_TWO));
    }),
    ("a client is cut though it reads", &["cut-for-a-reason"], When::Story, |history| {
        history.close(history.session_of(A), Some(1008));
    }),
    ("a client is cut before the stall time", &["cut-for-a-reason"], When::Story, |history| {
        let session = history.session_of(A);
        history.tell(Event::Reading { session, on: false });
        history.wait(9);
        history.close(session, Some(1008));
    }),
    ("a client is dropped without a word", &["cut-for-a-reason"], When::Story, |history| {
        history.close(history.session_of(A), None);
    }),
    ("a client is told that the proxy stops", &["cut-for-a-reason"], When::Story, |history| {
        history.close(history.session_of(A), Some(1001));
    }),
    ("a client is closed as if it had left", &["cut-for-a-reason"], When::Story, |history| {
        history.close(history.session_of(A), Some(1000));
    }),
    ("a client is refused", &["cut-for-a-reason"], When::Story, |history| {
        let (session, client, channel) = (SessionNo(99), ClientNo(A), "/broadcast/a".into());
        history.tell(Event::Joining { session, client, proxy: ONE, channel });
        history.tell(Event::Ended { session, code: None, reason: "503".into() });
    }),
    ("a proxy panics", &["proxies-run", "cut-for-a-reason"], When::Story, |history| {
        history.stop(ProxyNo(2), Stop::Failed);
        history.start(ProxyNo(2));
    }),
    ("an advert is dialled though linked", &["one-link-each"], When::Story, |history| {
        let up = history.link_event(ONE, TWO, 900, &"a".into(), true);
        history.tell(up);
        history.wait(40);
        history.everyone_sends();
        history.tell(Event::LinkDown { proxy: ONE, number: 900 });
    }),
    ("three links at once", &["one-link-each"], When::Story, |history| {
        for number in [900, 901] {
            let up = history.link_event(ONE, TWO, number, &"a".into(), true);
            history.tell(up);
        }
        for number in [900, 901] {
            history.tell(Event::LinkDown { proxy: ONE, number });
        }
    }),
    ("a proxy links with itself", &["no-self-link"], When::Story, |history| {
        let up = history.link_event(ONE, ONE, 900, &"a".into(), false);
        history.tell(up);
        history.tell(Event::LinkDown { proxy: ONE, number: 900 });
    }),
    ("a refused dial is tried again every 100 ms", &["dials-bounded"], When::Story, |history| {
        for _ in 0..100 {
            history.tick(100);
            history.dial(ONE, TWO);
        }
    }),
    ("a failed dial is tried again at once", &["dials-bounded"], When::Story, |history| {
        for nth in 0..100 {
            // Ever new adverts are no licence.
            let instance = format!("a[{nth}]").into();
            history.tell(Event::Seen { proxy: ONE, instance });
            history.dial(ONE, TWO);
        }
    }),
    ("a queue grows", &["queues-bounded"], When::Story, |history| {
        let holdings = Holdings { clients: 3, queued_bytes_max: 1 << 22, ..Holdings::default() };
        history.tell(Event::Held { proxy: ONE, holdings });
    }),
    (
        "a lost link is not dialled again",
        &["links-equal-interest", "everyone-hears"],
        When::End,
        |history| {
            history.settle();
            history.cut.insert((ONE, TWO));
            history.relink();
            history.wait(200);
            history.look();
            history.finish();
        },
    ),
    ("a dead link is kept", &["links-equal-interest"], When::End, |history| {
        let third = ProxyNo(2);
        let up = history.link_event(ONE, third, 900, &"c".into(), false);
        history.tell(up);
        history.fault(KILL, true);
        history.stop(third, Stop::Killed);
        history.fault(KILL, false);
        history.settle();
        history.tell(Event::Phase { phase: Phase::RollCall });
        history.tell(Event::LinkDown { proxy: ONE, number: 900 });
        history.after_roll_call_began();
    }),
    ("a link stays without a client", &["links-equal-interest"], When::End, |history| {
        history.settle();
        let up = history.link_event(ONE, TWO, 900, &"c".into(), true);
        history.tell(up);
        history.tell(Event::Phase { phase: Phase::RollCall });
        history.tell(Event::LinkDown { proxy: ONE, number: 900 });
        history.after_roll_call_began();
    }),
    ("only one end has the link", &["links-equal-interest"], When::End, |history| {
        history.settle();
        let number = history.dialled_link(ONE, TWO, "a");
        history.tell(Event::LinkDown { proxy: ONE, number });
        history.finish();
    }),
    ("a channel is not advertised", &["adverts-equal-interest"], When::End, |history| {
        history.settle();
        let instance = history.advert(ONE, "a");
        history.tell(Event::Withdrawn { proxy: ONE, instance });
        history.finish();
    }),
    ("an advert stands without a client", &["adverts-equal-interest"], When::End, |history| {
        history.settle();
        let (instance, channel): (std::sync::Arc<str>, _) = ("c[1]".into(), "c".into());
        let advert = Event::Advertised { proxy: ONE, instance: instance.clone(), channel };
        history.tell(advert);
        history.tell(Event::Phase { phase: Phase::RollCall });
        history.tell(Event::Withdrawn { proxy: ONE, instance });
        history.after_roll_call_began();
    }),
    ("a client does not get in again", &["everyone-hears"], When::End, |history| {
        history.settle();
        history.leave(history.session_of(A_TOO));
        history.finish();
    }),
    ("someone is not heard in the roll call", &["everyone-hears"], When::End, |history| {
        history.settle();
        history.tell(Event::Phase { phase: Phase::RollCall });
        for client in 0..history.plan.clients.len() {
            for _ in 0..history.plan.roll_call.messages {
                let client = u32::try_from(client).unwrap();
                let deaf = client == A;
                send_to(history, client, |history, session| {
                    !(deaf && is_client(history, session, A_AT_TWO))
                });
            }
        }
        history.after_roll_call();
    }),
    ("links stay when all have left", &["nothing-left"], When::End, |history| {
        history.end();
        let down = |record: &Record| matches!(record.event, Event::LinkDown { proxy: ONE, .. });
        history.records.retain(|record| !down(record));
    }),
    ("adverts stay when all have left", &["nothing-left"], When::End, |history| {
        history.end();
        let back = |record: &Record| matches!(record.event, Event::Withdrawn { proxy: ONE, .. });
        history.records.retain(|record| !back(record));
    }),
    ("a socket stays when all have left", &["nothing-left"], When::End, |history| {
        history.end();
        for record in held_before(history, Phase::Left) {
            if let Event::Held { holdings, .. } = record {
                holdings.sockets = Some(1);
            }
        }
    }),
    ("nobody looked when all had left", &["nothing-left"], When::End, |history| {
        history.end();
        let left = position(history, Phase::Left);
        let leaving = position(history, Phase::Leaving);
        let mut nth = 0;
        history.records.retain(|record| {
            nth += 1;
            !(leaving..left).contains(&(nth - 1)) || !matches!(record.event, Event::Held { .. })
        });
    }),
    ("a task outlives its proxy", &["nothing-leaked"], When::End, |history| {
        history.end();
        let holdings = Holdings { tasks: Some(1), ..Holdings::default() };
        history.tell(Event::Held { proxy: ONE, holdings });
    }),
    ("a proxy does not stop", &["nothing-leaked"], When::End, |history| {
        history.end();
        let stop = |record: &Record| matches!(record.event, Event::ProxyStopped { proxy: ONE, .. });
        history.records.retain(|record| !stop(record));
    }),
    ("something happens when all is over", &["nothing-leaked"], When::End, |history| {
        history.end();
        history.tell(Event::Withdrawn { proxy: ONE, instance: "a[1]".into() });
    }),
    ("the run breaks off", &["nothing-leaked"], When::End, |history| {
        history.settle();
    }),
];

fn position(history: &History, phase: Phase) -> usize {
    let is = |record: &Record| record.event == Event::Phase { phase };
    history.records.iter().position(is).unwrap()
}

/// What proxies held right before a phase began.
fn held_before(history: &mut History, phase: Phase) -> Vec<&mut Event> {
    let end = position(history, phase);
    let before = history.records[..end].iter_mut().rev();
    let held = before.take_while(|record| matches!(record.event, Event::Held { .. }));
    held.map(|record| &mut record.event).collect()
}

pub(super) fn history_with(bug: &Bug) -> History {
    let (_, _, when, plant) = bug;
    let mut history = History::begun();
    plant(&mut history);
    if let When::Story = when {
        history.everyone_sends();
        history.end();
    }
    history
}

#[test]
fn each_bug_is_caught_by_its_checks_and_no_other() {
    for bug in BUGS {
        let history = history_with(bug);
        let found = objecting(&history.plan, &history.records);
        let expected: BTreeSet<&str> = bug.1.iter().copied().collect();
        let said = judge(&history.plan, &history.records);
        assert_eq!(found, expected, "{}: {said:#?}", bug.0);
    }
}

#[test]
fn each_check_has_a_bug_of_its_own() {
    for name in NAMES {
        assert!(BUGS.iter().any(|bug| bug.1.contains(&name)), "nothing is planted for {name}");
    }
}

#[test]
fn a_right_world_passes_with_all_that_may_happen_in_it() {
    let mut history = History::begun();
    // Two links for a moment: one takes the place of the other.
    let up = history.link_event(ONE, TWO, 900, &"a".into(), true);
    history.tell(up);
    history.tell(Event::LinkDown { proxy: ONE, number: 900 });
    // A sleep in which a replaced link could not close.
    let up = history.link_event(ONE, TWO, 901, &"a".into(), true);
    history.tell(up);
    history.asleep(HostNo(0), true);
    history.wait(3600);
    history.asleep(HostNo(0), false);
    history.tell(Event::LinkDown { proxy: ONE, number: 901 });
    // Who is killed may have sent what its proxy never read.
    send_to(&mut history, A, |_, _| false);
    let session = history.session_of(A);
    history.tell(Event::Leaving { session });
    history.close(session, None);
    // A reader that is slow for a while learns late that its proxy was killed.
    let slow = history.session_of(7);
    history.tell(Event::Reading { session: slow, on: false });
    history.fault(KILL, true);
    history.stop_but(ProxyNo(2), Stop::Killed, Some(slow));
    history.wait(8);
    history.tell(Event::Reading { session: slow, on: true });
    history.close(slow, None);
    history.fault(KILL, false);
    // Dials at the proxy's fastest: pauses of half their length.
    let mut pause = 50;
    for _ in 0..40 {
        history.dial(ONE, TWO);
        history.tick(pause);
        pause = (pause * 2).min(15_000);
    }
    history.everyone_sends();
    history.end();
    assert_eq!(judge(&history.plan, &history.records), vec![]);
}
