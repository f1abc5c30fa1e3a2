//! How far each session heard each other one: what is next, and what was left out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::session::{Seq, Session};
use crate::event::SessionNo;

/// How far all sessions heard each other. A pair is kept while both are.
#[derive(Default)]
pub(super) struct Hearings(BTreeMap<Pair, Hearing>);

/// Who hears, and whom.
pub(super) type Pair = (SessionNo, SessionNo);

/// How far one session heard another.
struct Hearing {
    /// The first that it must hear: what was sent before it had joined it need not.
    first: u32,
    /// The next in order.
    next: u32,
    /// Whether it heard anything yet.
    any: bool,
    /// What was left out, and may yet turn out to be late instead.
    gaps: Vec<Gap>,
}

/// Messages that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// The first.
    pub(super) from: u32,
    /// The one behind the last.
    pub(super) to: u32,
    /// When that was seen.
    pub(super) at: Duration,
    /// When the last of them was sent.
    pub(super) sent: Seq,
    /// Whether something had happened that excuses it.
    pub(super) excused: bool,
}

/// Where a message stands among those of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Behind all heard before, perhaps with some left out.
    Onward,
    /// It was heard before.
    Again,
    /// A later one was heard before it.
    Late,
    /// It was not sent so, or not at all.
    Unsent,
}

impl Hearings {
    /// What a session still must hear of a sender, as far as was sent: from the first number to
    /// behind the last.
    pub(super) fn missing(&self, pair: Pair, by: &Session, of: &Session) -> (u32, u32) {
        let next = match self.0.get(&pair) {
            Some(hearing) => hearing.next.max(hearing.first),
            None => first(by, of),
        };
        (next, of.sent_count().max(next))
    }

    /// Takes note that `number` was heard; `excuse` says whether something excuses that messages
    /// were left out of which the last was sent then.
    pub(super) fn hear(
        &mut self,
        pair: Pair,
        (by, of): (&Session, &Session),
        number: u32,
        at: Duration,
        excuse: impl FnOnce(Seq) -> bool,
    ) -> Order {
        let hearing = self.0.entry(pair).or_insert_with(|| Hearing::from(first(by, of)));
        if number < hearing.next {
            return if hearing.fill(number) { Order::Late } else { Order::Again };
        }
        let expected = if hearing.any { hearing.next } else { hearing.first };
        if number > expected {
            let sent = of.sent_seq(number - 1);
            let gap = Gap { from: expected, to: number, at, sent, excused: excuse(sent) };
            hearing.gaps.push(gap);
        }
        (hearing.next, hearing.any) = (number + 1, true);
        Order::Onward
    }

    /// Does not wait any more for what was sent so far.
    pub(super) fn give_up(&mut self, pair: Pair, by: &Session, of: &Session) {
        let hearing = self.0.entry(pair).or_insert_with(|| Hearing::from(first(by, of)));
        (hearing.next, hearing.any) = (of.sent_count(), true);
    }

    /// Takes the gaps of a pair that have stayed gaps since `before`.
    pub(super) fn take_gaps(&mut self, pair: Pair, before: Duration) -> Vec<Gap> {
        match self.0.get_mut(&pair) {
            Some(hearing) if !hearing.gaps.is_empty() => {
                hearing.gaps.extract_if(.., |gap| gap.at <= before).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Takes all gaps of one session, or with none of all.
    pub(super) fn take_all_gaps(&mut self, by: Option<SessionNo>) -> Vec<(Pair, Gap)> {
        let (from, to) = by.map_or((SessionNo(0), SessionNo(u32::MAX)), |by| (by, by));
        let pairs = self.0.range_mut((from, SessionNo(0))..=(to, SessionNo(u32::MAX)));
        pairs.flat_map(|(pair, hearing)| hearing.gaps.drain(..).map(|gap| (*pair, gap))).collect()
    }

    /// Forgets a session.
    pub(super) fn forget(&mut self, session: SessionNo) {
        self.0.retain(|(by, of), _| *by != session && *of != session);
    }
}

/// The first message of `of` that `by` must hear.
fn first(by: &Session, of: &Session) -> u32 {
    of.first_after(by.joined.unwrap_or(Seq::MAX))
}

impl Hearing {
    fn from(first: u32) -> Self {
        Self { first, next: 0, any: false, gaps: Vec::new() }
    }

    /// Takes a message out of the gaps; false if it is in none.
    fn fill(&mut self, number: u32) -> bool {
        let Some(nth) = self.gaps.iter().position(|gap| (gap.from..gap.to).contains(&number))
        else {
            return false;
        };
        let gap = self.gaps.remove(nth);
        let parts = [Gap { to: number, ..gap }, Gap { from: number + 1, ..gap }];
        self.gaps.extend(parts.into_iter().filter(|part| part.from < part.to));
        true
    }
}
