//! Checkers: what must hold in every world, whatever its story.
//!
//! ```text
//!   record ──▶ World (who is where, what was sent) ──▶ each check looks ──▶ violations
//! ```
//!
//! Give [`Checkers`] each [`Record`] of a run, and read [`Checkers::violations`] when you like. They
//! know the world from its [`Plan`] and from the records alone, so the same checkers judge every
//! engine. What they ask of whoever records:
//!
//! - [`Event::Sent`](crate::event::Event::Sent) comes before the first byte of the message leaves,
//!   and a session's messages are numbered from 0 without gaps.
//! - `FaultBegan` comes before the fault takes effect; `FaultEnded` when it takes none any more.
//! - `Leaving` comes before a client closes or drops its connection.
//! - `Held` comes for each proxy that runs right before each phase from `RollCall` on ends.
//! - A link is `LinkUp` at each end before a message can come or go over it, and `LinkDown` when
//!   none can any more.
//!
//! Each check has a test that plants the bug that it is there for, and sees that it is caught, and
//! by no other check.

mod dials;
mod end;
mod hearing;
mod links;
mod losses;
mod members;
mod messages;
mod queues;
mod rest;
mod session;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::event::{Message, Phase, ProxyNo, Record, SessionNo};
use crate::scenario::Plan;
use crate::trace::Sink;
use world::{Fact, World};

/// The names of all checks.
pub const NAMES: [&str; 18] = [
    messages::NO_DUPLICATES,
    messages::ORDER_PER_SENDER,
    messages::SENDER_HEARS_NOTHING,
    messages::CHANNELS_APART,
    messages::UNCHANGED,
    losses::NOTHING_LOST_HERE,
    losses::GAPS_EXPLAINED,
    members::CUT_FOR_A_REASON,
    members::PROXIES_RUN,
    links::ONE_LINK_EACH,
    links::NO_SELF_LINK,
    dials::DIALS_BOUNDED,
    queues::QUEUES_BOUNDED,
    end::LINKS_EQUAL_INTEREST,
    end::ADVERTS_EQUAL_INTEREST,
    end::EVERYONE_HEARS,
    rest::NOTHING_LEFT,
    rest::NOTHING_LEAKED,
];

/// Violations of one check that are kept; the rest are counted. What follows the first ones says
/// nothing new.
const KEPT: usize = 20;

/// Something that must not happen, and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The check's name: one of [`NAMES`].
    pub check: &'static str,
    /// When it was seen.
    pub at: Duration,
    /// What happened, for a person.
    pub text: String,
    /// Whom it is about.
    pub about: About,
}

/// Whom a violation is about: to find the records before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Sessions.
    pub sessions: Vec<SessionNo>,
    /// Proxies.
    pub proxies: Vec<ProxyNo>,
    /// A message.
    pub message: Option<Message>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = humantime::format_duration(self.at);
        write!(f, "{} at {at}: {}", self.check, self.text)
    }
}

/// All checks that a world is to meet.
pub struct Checkers {
    world: World,
    checks: Vec<(&'static str, Box<dyn Check>)>,
    facts: Vec<Fact>,
    found: Found,
}

/// One check, or several that look at the same.
trait Check {
    /// Looks at what happened.
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found);

    /// Looks a last time, after the last record.
    fn finish(&mut self, _: &World, _: &mut Found) {}
}

/// A record, what it means, and the world after it.
struct Moment<'a> {
    record: &'a Record,
    facts: &'a [Fact],
    world: &'a World,
}

/// What was found.
#[derive(Default)]
struct Found {
    check: &'static str,
    at: Duration,
    violations: Vec<Violation>,
    counts: BTreeMap<&'static str, usize>,
}

impl Found {
    /// Takes note of a violation of the check that is looking.
    fn add(&mut self, about: About, text: impl Into<String>) {
        let count = self.counts.entry(self.check).or_default();
        *count += 1;
        if *count <= KEPT {
            let (check, at) = (self.check, self.at);
            self.violations.push(Violation { check, at, text: text.into(), about });
        }
    }
}

impl About {
    fn sessions(sessions: impl IntoIterator<Item = SessionNo>) -> Self {
        Self { sessions: sessions.into_iter().collect(), ..Self::default() }
    }

    fn proxies(proxies: impl IntoIterator<Item = ProxyNo>) -> Self {
        Self { proxies: proxies.into_iter().collect(), ..Self::default() }
    }

    fn message(by: SessionNo, message: Message) -> Self {
        Self { message: Some(message), ..Self::sessions([by, message.from]) }
    }
}

impl Checkers {
    /// For a run of this plan: all checks but those that it waives.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let all: [(&'static str, Box<dyn Check>); 18] = [
            (messages::NO_DUPLICATES, Box::new(messages::NoDuplicates)),
            (messages::ORDER_PER_SENDER, Box::new(messages::OrderPerSender)),
            (messages::SENDER_HEARS_NOTHING, Box::new(messages::SenderHearsNothing)),
            (messages::CHANNELS_APART, Box::new(messages::ChannelsApart)),
            (messages::UNCHANGED, Box::new(messages::Unchanged)),
            (losses::NOTHING_LOST_HERE, Box::new(losses::NothingLostHere)),
            (losses::GAPS_EXPLAINED, Box::new(losses::GapsExplained)),
            (members::CUT_FOR_A_REASON, Box::new(members::CutForAReason)),
            (members::PROXIES_RUN, Box::new(members::ProxiesRun)),
            (links::ONE_LINK_EACH, Box::new(links::OneLinkEach::default())),
            (links::NO_SELF_LINK, Box::new(links::NoSelfLink)),
            (dials::DIALS_BOUNDED, Box::new(dials::DialsBounded::new(plan))),
            (queues::QUEUES_BOUNDED, Box::new(queues::QueuesBounded::new(plan))),
            (end::LINKS_EQUAL_INTEREST, Box::new(end::LinksEqualInterest)),
            (end::ADVERTS_EQUAL_INTEREST, Box::new(end::AdvertsEqualInterest)),
            (end::EVERYONE_HEARS, Box::new(end::EveryoneHears::default())),
            (rest::NOTHING_LEFT, Box::new(rest::NothingLeft)),
            (rest::NOTHING_LEAKED, Box::new(rest::NothingLeaked)),
        ];
        let waived = |name: &str| plan.waived.iter().any(|waiver| waiver.check == name);
        Self {
            world: World::new(plan),
            checks: all.into_iter().filter(|(name, _)| !waived(name)).collect(),
            facts: Vec::new(),
            found: Found::default(),
        }
    }

    /// Takes the next record.
    pub fn record(&mut self, record: &Record) {
        self.facts.clear();
        self.world.apply(record, &mut self.facts);
        self.found.at = record.at;
        let moment = Moment { record, facts: &self.facts, world: &self.world };
        for (name, check) in &mut self.checks {
            self.found.check = name;
            check.look(&moment, &mut self.found);
        }
    }

    /// Looks a last time, after the last record, and tells all that was found.
    pub fn finish(&mut self) -> &[Violation] {
        for (name, check) in &mut self.checks {
            self.found.check = name;
            check.finish(&self.world, &mut self.found);
        }
        &self.found.violations
    }

    /// What was found so far: of each check the first few.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.found.violations
    }

    /// How many violations of each check there were, where there were any.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<&'static str, usize> {
        &self.found.counts
    }

    /// The phase that the world is in, as far as was recorded.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.world.phase
    }
}

impl Sink for Checkers {
    fn record(&mut self, record: &Record) {
        Checkers::record(self, record);
    }

    fn finish(&mut self) -> io::Result<()> {
        Checkers::finish(self);
        Ok(())
    }
}
