//! What the checkers know of a world in common, brought up to date by each record before they look.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::hearing::{Gap, Hearings, Order, Pair};
use super::session::{Seq, Session};
use crate::event::{
    Event, FaultNo, Holdings, HostNo, Link, Message, Phase, ProxyNo, Record, SessionNo, Stop,
};
use crate::scenario::Plan;
use crate::scenario::planned::Trouble;

/// What is heard after a gap may still be what was left out, overtaken, for so long.
const LATE: Duration = Duration::from_secs(1);

/// How long after the end of the longest fault a message may still be under way: TCP gives up after
/// some 15 minutes (RFC 9293 section 3.8.3 asks for at least 100 s).
const UNDER_WAY: Duration = Duration::from_secs(15 * 60);

/// A world as the records tell it.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: Duration,
    pub(super) phase: Phase,
    pub(super) proxies: Vec<Proxy>,
    seq: Seq,
    sessions: BTreeMap<SessionNo, Session>,
    /// Sessions that are over, in the order of their ends.
    over: VecDeque<(Duration, SessionNo)>,
    hearings: Hearings,
    /// Who has which id, or had it.
    ids: BTreeMap<Arc<str>, ProxyNo>,
    /// When a link between two proxies on a channel last came or went, at either end.
    link_changes: BTreeMap<(ProxyNo, ProxyNo, Arc<str>), Seq>,
    horizon: Duration,
}

/// A proxy as the records tell it.
#[derive(Default)]
pub(super) struct Proxy {
    /// Its id, while it runs.
    pub(super) id: Option<Arc<str>>,
    /// Its links that stand, by their numbers.
    pub(super) links: BTreeMap<u64, Standing>,
    /// Its adverts that stand: instance and channel.
    pub(super) adverts: BTreeMap<Arc<str>, Arc<str>>,
    /// What it held when it was last looked at, and in which phase that was.
    pub(super) held: Option<(Phase, Holdings)>,
    /// When it was last asked to stop, or is being.
    pub(super) asked: Option<Duration>,
    /// When it was last killed or without power, up to the end of that.
    pub(super) down: Option<Duration>,
    /// When its host last slept, up to the end of that.
    pub(super) slept: Option<Duration>,
    /// Its host sleeps.
    pub(super) asleep: bool,
    /// When it last started or stopped.
    changed: Seq,
}

/// A link that stands.
pub(super) struct Standing {
    pub(super) link: Link,
    /// The proxy at its other end, if that is known.
    pub(super) to: Option<ProxyNo>,
}

/// What a record means for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// A message was heard.
    Heard { by: SessionNo, message: Message, order: Order },
    /// Messages were not heard, for good.
    Missed { pair: Pair, gap: Gap },
}

impl World {
    pub(super) fn new(plan: &Plan) -> Self {
        let longest = plan.faults.iter().filter_map(|fault| fault.lasting).max();
        Self {
            plan: plan.clone(),
            now: Duration::ZERO,
            phase: Phase::Story,
            proxies: plan.proxies.iter().map(|_| Proxy::default()).collect(),
            seq: 0,
            sessions: BTreeMap::new(),
            over: VecDeque::new(),
            hearings: Hearings::default(),
            ids: BTreeMap::new(),
            link_changes: BTreeMap::new(),
            horizon: longest.unwrap_or_default() + UNDER_WAY,
        }
    }

    pub(super) fn session(&self, session: SessionNo) -> Option<&Session> {
        self.sessions.get(&session)
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = (SessionNo, &Session)> {
        self.sessions.iter().map(|(number, session)| (*number, session))
    }

    pub(super) fn proxy(&self, proxy: ProxyNo) -> &Proxy {
        &self.proxies[proxy.0 as usize]
    }

    /// All proxies with their numbers.
    pub(super) fn all_proxies(&self) -> impl Iterator<Item = (ProxyNo, &Proxy)> {
        (0..).map(ProxyNo).zip(&self.proxies)
    }

    /// Whether a proxy stopped or started since the session began.
    pub(super) fn changed_since(&self, session: &Session) -> bool {
        self.proxy(session.proxy).changed > session.began
    }

    /// How much a session still must hear of another: from the first message to behind the last.
    pub(super) fn missing(&self, (by, of): Pair) -> (u32, u32) {
        match (self.sessions.get(&by), self.sessions.get(&of)) {
            (Some(hearer), Some(sender)) => self.hearings.missing((by, of), hearer, sender),
            _ => (0, 0),
        }
    }

    /// Takes a record in.
    pub(super) fn apply(&mut self, record: &Record, facts: &mut Vec<Fact>) {
        (self.now, self.seq) = (record.at, self.seq + 1);
        self.forget();
        match &record.event {
            Event::ProxyStarted { proxy, id, .. } => {
                self.ids.insert(Arc::clone(id), *proxy);
                let seq = self.seq;
                let state = &mut self.proxies[proxy.0 as usize];
                (state.id, state.changed) = (Some(Arc::clone(id)), seq);
            }
            Event::ProxyStopped { proxy, how } => self.stopped(*proxy, *how),
            Event::HostPower { host, .. } => {
                self.on_host(*host, |proxy, now| proxy.down = Some(now));
            }
            Event::HostAsleep { host, asleep } => self.on_host(*host, |proxy, now| {
                (proxy.slept, proxy.asleep) = (Some(now), *asleep);
            }),
            Event::FaultBegan { fault, .. } | Event::FaultEnded { fault } => self.fault(*fault),
            Event::Phase { phase } => {
                self.phase = *phase;
                self.close_phase(facts);
            }
            Event::LinkUp { proxy, link } => self.link_up(*proxy, link),
            Event::LinkDown { proxy, number } => self.link_down(*proxy, *number),
            Event::Advertised { proxy, instance, channel } => {
                let state = &mut self.proxies[proxy.0 as usize];
                state.adverts.insert(Arc::clone(instance), Arc::clone(channel));
            }
            Event::Withdrawn { proxy, instance } => {
                self.proxies[proxy.0 as usize].adverts.remove(instance);
            }
            Event::Held { proxy, holdings } => {
                let held = Some((self.phase, holdings.clone()));
                self.proxies[proxy.0 as usize].held = held;
            }
            event => self.session_event(event, facts),
        }
    }

    fn session_event(&mut self, event: &Event, facts: &mut Vec<Fact>) {
        let (now, seq) = (self.now, self.seq);
        match event {
            Event::Joining { session, client, proxy, channel } => {
                let new = Session::new(*client, *proxy, Arc::clone(channel), seq);
                self.sessions.insert(*session, new);
            }
            Event::Joined { session } => {
                self.change(*session, |state| state.joined = Some(seq));
            }
            Event::Sent { session, message } => {
                let horizon = self.horizon;
                self.change(*session, |state| state.send(*message, now, seq, horizon));
            }
            Event::Heard { session, message } => self.heard(*session, *message, facts),
            Event::Reading { session, on } => self.change(*session, |state| {
                if *on {
                    state.longest_stall = state.longest_stall(now);
                    state.stalled = None;
                } else {
                    state.stalled.get_or_insert(now);
                }
            }),
            Event::Leaving { session } => self.change(*session, |state| state.leaving = true),
            Event::Ended { session, code, .. } => {
                self.change(*session, |state| {
                    state.ended = true;
                    state.left_in_order = state.leaving && *code == Some(1000);
                });
                self.over.push_back((now, *session));
                let gaps = self.hearings.take_all_gaps(Some(*session));
                facts.extend(gaps.into_iter().map(|(pair, gap)| Fact::Missed { pair, gap }));
            }
            _ => {}
        }
    }

    fn change(&mut self, session: SessionNo, change: impl FnOnce(&mut Session)) {
        if let Some(state) = self.sessions.get_mut(&session) {
            change(state);
        }
    }

    fn heard(&mut self, by: SessionNo, message: Message, facts: &mut Vec<Fact>) {
        let pair = (by, message.from);
        // Taken out for the moment, so that the world can be asked for excuses.
        let mut hearings = std::mem::take(&mut self.hearings);
        let order = match (self.sessions.get(&by), self.sessions.get(&message.from)) {
            (None, _) => return self.hearings = hearings,
            (Some(_), of) if of.is_none_or(|of| !of.has_sent(message)) => Order::Unsent,
            (Some(hearer), Some(of)) if message.from != by && of.channel == hearer.channel => {
                let excused = |sent| self.is_excused(hearer, of, sent);
                hearings.hear(pair, (hearer, of), message.number, self.now, excused)
            }
            _ => Order::Onward,
        };
        facts.push(Fact::Heard { by, message, order });
        let gaps = hearings.take_gaps(pair, self.now.saturating_sub(LATE));
        facts.extend(gaps.into_iter().map(|gap| Fact::Missed { pair, gap }));
        self.hearings = hearings;
    }

    /// Whether something happened after a message was sent because of which a client of another
    /// proxy may rightly have missed it.
    fn is_excused(&self, by: &Session, of: &Session, sent: Seq) -> bool {
        if by.proxy == of.proxy {
            return false;
        }
        let place = (by.proxy.min(of.proxy), by.proxy.max(of.proxy), Arc::clone(&of.channel));
        let links = self.link_changes.get(&place).copied();
        links.is_some_and(|changed| changed >= sent)
            || [by.proxy, of.proxy].iter().any(|proxy| self.proxy(*proxy).changed >= sent)
            || !self.hears(by.proxy, of.proxy, &of.channel)
    }

    /// Whether a link stands at `by` that brings it the messages of `of`.
    pub(super) fn hears(&self, by: ProxyNo, of: ProxyNo, path: &str) -> bool {
        let channel = path.strip_prefix("/broadcast/");
        self.proxy(by).links.values().any(|standing| {
            standing.to == Some(of)
                && channel == Some(&*standing.link.channel)
                && (standing.link.dialled || standing.link.two_way)
        })
    }

    /// What was not heard when a phase ends will not be any more. What was sent in the roll call
    /// is judged by a check of its own.
    fn close_phase(&mut self, facts: &mut Vec<Fact>) {
        let gaps = self.hearings.take_all_gaps(None);
        facts.extend(gaps.into_iter().map(|(pair, gap)| Fact::Missed { pair, gap }));
        if self.phase != Phase::RollCall {
            return;
        }
        for (by, hearer) in self.sessions.iter().filter(|(_, session)| session.is_there()) {
            for (of, sender) in &self.sessions {
                let alone = by == of || hearer.channel != sender.channel;
                let (from, to) = self.hearings.missing((*by, *of), hearer, sender);
                // Who was cut off may have sent what never arrived.
                if alone || from == to || sender.ended && !sender.left_in_order {
                    continue;
                }
                let sent = sender.sent_seq(to - 1);
                let excused = self.is_excused(hearer, sender, sent);
                let gap = Gap { from, to, at: self.now, sent, excused };
                facts.push(Fact::Missed { pair: (*by, *of), gap });
                self.hearings.give_up((*by, *of), hearer, sender);
            }
        }
    }

    fn link_up(&mut self, proxy: ProxyNo, link: &Link) {
        let to = link.remote.as_ref().and_then(|id| self.ids.get(id)).copied();
        let standing = Standing { link: link.clone(), to };
        self.note_link(proxy, &standing);
        self.proxies[proxy.0 as usize].links.insert(link.number, standing);
    }

    fn link_down(&mut self, proxy: ProxyNo, number: u64) {
        if let Some(standing) = self.proxies[proxy.0 as usize].links.remove(&number) {
            self.note_link(proxy, &standing);
        }
    }

    fn note_link(&mut self, proxy: ProxyNo, standing: &Standing) {
        if let Some(to) = standing.to {
            let path: Arc<str> = format!("/broadcast/{}", standing.link.channel).into();
            self.link_changes.insert((proxy.min(to), proxy.max(to), path), self.seq);
        }
    }

    fn stopped(&mut self, proxy: ProxyNo, how: Stop) {
        let (now, seq) = (self.now, self.seq);
        let state = &mut self.proxies[proxy.0 as usize];
        (state.id, state.changed) = (None, seq);
        state.links.clear();
        state.adverts.clear();
        state.held = None;
        match how {
            Stop::Asked => state.asked = Some(now),
            Stop::Killed | Stop::PowerLost => state.down = Some(now),
            Stop::Failed => {}
        }
    }

    /// Takes note of what a fault does to processes, when it begins and when it is over.
    fn fault(&mut self, fault: FaultNo) {
        let Some(fault) = self.plan.faults.get(fault.0 as usize) else { return };
        let asked = matches!(fault.what, Trouble::Restart { .. });
        if let Trouble::Restart { proxies } | Trouble::Kill { proxies } = &fault.what {
            for proxy in proxies {
                let state = &mut self.proxies[proxy.0 as usize];
                *(if asked { &mut state.asked } else { &mut state.down }) = Some(self.now);
            }
        }
    }

    fn on_host(&mut self, host: HostNo, change: impl Fn(&mut Proxy, Duration)) {
        for (planned, state) in self.plan.proxies.iter().zip(&mut self.proxies) {
            if planned.host == host {
                change(state, self.now);
            }
        }
    }

    /// Forgets sessions that were over so long ago that nothing of them can come any more, and at
    /// once one that just ended and never was on its channel.
    fn forget(&mut self) {
        if let Some((_, last)) = self.over.back().copied()
            && self.session(last).is_some_and(|session| session.joined.is_none())
        {
            self.over.pop_back();
            self.sessions.remove(&last);
        }
        while let Some((ended, session)) = self.over.front().copied()
            && ended + self.horizon <= self.now
        {
            self.over.pop_front();
            self.sessions.remove(&session);
            self.hearings.forget(session);
        }
    }
}
