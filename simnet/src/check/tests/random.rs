//! Random right histories pass; with one record too many, too few, or out of place they do not.

use proptest::prelude::*;
use proptest::sample::Index;

use super::history::{History, KILL, RESTART};
use super::{judge, objecting};
use crate::check::{losses, messages};
use crate::event::{ClientNo, Event, Message, ProxyNo, Record, SessionNo, Stop};

/// What may happen in a world of right proxies.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(Index),
    Leave(Index),
    Vanish(Index),
    Join(Index),
    Cut(u32),
    Heal,
    Kill,
    Restart,
    Stall(Index),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => any::<Index>().prop_map(Step::Send),
        2 => any::<Index>().prop_map(Step::Leave),
        1 => any::<Index>().prop_map(Step::Vanish),
        3 => any::<Index>().prop_map(Step::Join),
        1 => (0_u32..3).prop_map(Step::Cut),
        1 => Just(Step::Heal),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
        1 => any::<Index>().prop_map(Step::Stall),
        2 => (0_u64..30).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

fn play(steps: Vec<Step>) -> History {
    let mut history = History::begun();
    for step in steps {
        take(&mut history, step);
    }
    history
}

fn take(history: &mut History, step: Step) {
    let third = ProxyNo(2);
    let open = history.open();
    match step {
        Step::Send(which) if !open.is_empty() => {
            history.send(*which.get(&open));
        }
        Step::Leave(which) if !open.is_empty() => history.leave(*which.get(&open)),
        Step::Vanish(which) if !open.is_empty() => {
            let session = *which.get(&open);
            history.tell(Event::Leaving { session });
            history.close(session, None);
        }
        Step::Join(which) => {
            let clients: Vec<ClientNo> =
                (0..).map(ClientNo).take(history.plan.clients.len()).collect();
            let client = *which.get(&clients);
            let here = open.iter().any(|session| history.session(*session).client == client);
            if !here && history.runs(history.plan.client(client).proxy) {
                history.join(client);
            }
        }
        Step::Cut(which) => {
            let pairs = [(0, 1), (0, 2), (1, 2)];
            let (a, b) = pairs[which as usize];
            history.cut.insert((ProxyNo(a), ProxyNo(b)));
            history.relink();
        }
        Step::Heal => {
            history.cut.clear();
            history.relink();
        }
        Step::Kill | Step::Restart if history.runs(third) => {
            let (fault, how) = match step {
                Step::Kill => (KILL, Stop::Killed),
                _ => (RESTART, Stop::Asked),
            };
            history.fault(fault, true);
            history.stop(third, how);
            history.wait(10);
            history.fault(fault, false);
            history.start(third);
        }
        Step::Stall(which) if !open.is_empty() => {
            let session = *which.get(&open);
            history.tell(Event::Reading { session, on: false });
            history.wait(11);
            history.tell(Event::Reading { session, on: true });
            history.close(session, Some(1008));
        }
        Step::Wait(seconds) => history.wait(seconds),
        _ => {}
    }
}

/// A bug in what is heard.
#[derive(Clone, Copy, Debug)]
enum Bug {
    Twice,
    Swapped,
    Lost,
    Mangled,
    Echoed,
}

/// Plants it; says who hears whom where it is planted.
fn plant(records: &mut Vec<Record>, bug: Bug, which: Index) -> Option<(SessionNo, SessionNo)> {
    // Where the same session hears two messages of one sender in a row, before the roll call.
    let heard = |record: &Record| match &record.event {
        Event::Heard { session, message } => Some((*session, *message)),
        _ => None,
    };
    let end = records.iter().position(|record| {
        matches!(record.event, Event::Phase { phase: crate::event::Phase::Settling })
    })?;
    let places: Vec<(usize, usize)> = (0..end)
        .filter_map(|first| {
            let (session, message) = heard(&records[first])?;
            let next = Message { number: message.number + 1, ..message };
            let second = (first + 1..end).find(|second| {
                heard(&records[*second]).is_some_and(|(by, other)| {
                    by == session && (other.from, other.number) == (next.from, next.number)
                })
            })?;
            Some((first, second))
        })
        .collect();
    if places.is_empty() {
        return None;
    }
    let (first, second) = *which.get(&places);
    let (by, message) = heard(&records[first])?;
    match bug {
        Bug::Twice => {
            let again = Record { at: records[second].at, ..records[first].clone() };
            records.insert(second, again);
        }
        Bug::Swapped => {
            let (one, other) = (records[first].event.clone(), records[second].event.clone());
            // Both at once, or the gap would be judged before the late one comes.
            records[second].event = one;
            let early = Record { at: records[second].at, event: other };
            records.insert(second, early);
            records.remove(first);
        }
        Bug::Lost => {
            records.remove(first);
        }
        Bug::Mangled => {
            if let Event::Heard { message, .. } = &mut records[first].event {
                message.bytes += 1;
            }
        }
        Bug::Echoed => {
            let event = Event::Heard { session: message.from, message };
            records.insert(first, Record { at: records[first].at, event });
        }
    }
    Some((by, message.from))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_check_objects_to_right_proxies(steps in steps()) {
        let mut history = play(steps);
        history.end();
        prop_assert_eq!(judge(&history.plan, &history.records), vec![]);
    }

    #[test]
    fn a_bug_is_caught_by_its_check_and_no_other(
        steps in steps(),
        bug in prop::sample::select(vec![Bug::Twice, Bug::Swapped, Bug::Lost, Bug::Mangled, Bug::Echoed]),
        which: Index,
    ) {
        let mut history = play(steps);
        history.end();
        let planted = plant(&mut history.records, bug, which);
        prop_assume!(planted.is_some());
        let (by, of) = planted.unwrap();
        let here = history.session(by).proxy == history.session(of).proxy;
        let found = objecting(&history.plan, &history.records);
        let expected: &[&str] = match bug {
            Bug::Twice => &[messages::NO_DUPLICATES],
            Bug::Swapped => &[messages::ORDER_PER_SENDER],
            Bug::Echoed => &[messages::SENDER_HEARS_NOTHING],
            // What comes as another message is missed as itself.
            Bug::Mangled => &[messages::UNCHANGED],
            Bug::Lost => &[],
        };
        let (missed, others): (Vec<&str>, Vec<&str>) = found
            .iter()
            .partition(|check| [losses::NOTHING_LOST_HERE, losses::GAPS_EXPLAINED].contains(check));
        prop_assert_eq!(others, expected);
        match bug {
            Bug::Lost | Bug::Mangled if here => prop_assert_eq!(missed, [losses::NOTHING_LOST_HERE]),
            // A link may have come or gone since, which excuses it.
            Bug::Lost | Bug::Mangled => prop_assert!(!missed.contains(&losses::NOTHING_LOST_HERE)),
            // What comes before its time leaves a gap, which the cut that excused it may not have.
            Bug::Swapped => prop_assert!(!missed.contains(&losses::NOTHING_LOST_HERE) || here),
            _ => prop_assert!(missed.is_empty()),
        }
    }
}
