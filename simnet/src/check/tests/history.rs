//! Writes the records of a world in which all proxies are right, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{
    ClientNo, Event, FaultNo, Holdings, HostNo, Link, Message, Phase, ProxyNo, Record, SessionNo,
    Stop,
};
use crate::scenario::{Plan, Scenario};

/// A world of three proxies: two clients of each on `/broadcast/a`, one on `/broadcast/b`, two on
/// `/local/a`. The faults are there for their targets and are told when a test wants them.
pub(super) const WORLD: &str = include_str!("world.toml");

/// Faults of [`WORLD`].
pub(super) const KILL: FaultNo = FaultNo(0);
pub(super) const RESTART: FaultNo = FaultNo(1);

/// The records of a world, and how it stands at their end.
pub(super) struct History {
    pub(super) plan: Plan,
    pub(super) records: Vec<Record>,
    now: Duration,
    sessions: Vec<Session>,
    /// Links that stand, with their numbers at the dialler and the acceptor.
    links: BTreeMap<(ProxyNo, ProxyNo, Arc<str>), (u64, u64)>,
    /// Proxies between which there is no way.
    pub(super) cut: BTreeSet<(ProxyNo, ProxyNo)>,
    running: BTreeMap<ProxyNo, Arc<str>>,
    adverts: BTreeMap<(ProxyNo, Arc<str>), Arc<str>>,
    next: u64,
}

pub(super) struct Session {
    pub(super) client: ClientNo,
    pub(super) proxy: ProxyNo,
    pub(super) path: Arc<str>,
    pub(super) sent: u32,
    pub(super) open: bool,
}

impl History {
    pub(super) fn of(world: &str) -> Self {
        let plan = Scenario::from_toml("world", world).unwrap().plan(1).unwrap();
        Self {
            plan,
            records: Vec::new(),
            now: Duration::ZERO,
            sessions: Vec::new(),
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            running: BTreeMap::new(),
            adverts: BTreeMap::new(),
            next: 0,
        }
    }

    /// All proxies run, all clients have joined, and each has said something.
    pub(super) fn begun() -> Self {
        let mut history = Self::of(WORLD);
        history.phase(Phase::Story);
        for proxy in 0..history.plan.proxies.len() {
            history.start(ProxyNo(u32::try_from(proxy).unwrap()));
        }
        for client in 0..history.plan.clients.len() {
            history.join(ClientNo(u32::try_from(client).unwrap()));
        }
        history.everyone_sends();
        history
    }

    /// From the story to the end, with nothing else in between.
    pub(super) fn end(&mut self) {
        self.settle();
        self.finish();
    }

    /// The end of a world that has settled.
    pub(super) fn finish(&mut self) {
        self.phase(Phase::RollCall);
        self.after_roll_call_began();
    }

    pub(super) fn after_roll_call_began(&mut self) {
        for _ in 0..self.plan.roll_call.messages {
            self.everyone_sends();
        }
        self.after_roll_call();
    }

    pub(super) fn after_roll_call(&mut self) {
        self.look();
        self.phase(Phase::Leaving);
        for session in self.open() {
            self.leave(session);
        }
        self.wait(30);
        self.look();
        self.phase(Phase::Left);
        for proxy in self.running.keys().copied().collect::<Vec<_>>() {
            self.stop(proxy, Stop::Asked);
        }
        self.phase(Phase::Ended);
        for proxy in 0..self.plan.proxies.len() {
            let proxy = ProxyNo(u32::try_from(proxy).unwrap());
            let holdings = Holdings { sockets: Some(0), tasks: Some(0), ..Holdings::default() };
            self.tell(Event::Held { proxy, holdings });
        }
    }

    /// Everything is mended, and everyone is back.
    pub(super) fn settle(&mut self) {
        self.phase(Phase::Settling);
        self.cut.clear();
        for proxy in 0..self.plan.proxies.len() {
            let proxy = ProxyNo(u32::try_from(proxy).unwrap());
            if !self.running.contains_key(&proxy) {
                self.start(proxy);
            }
        }
        for client in 0..self.plan.clients.len() {
            let client = ClientNo(u32::try_from(client).unwrap());
            if !self.sessions.iter().any(|session| session.open && session.client == client) {
                self.join(client);
            }
        }
        self.relink();
        self.wait(200);
        self.look();
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.now += Duration::from_millis(1);
        self.records.push(Record { at: self.now, event });
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub(super) fn tick(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    pub(super) fn phase(&mut self, phase: Phase) {
        self.tell(Event::Phase { phase });
    }

    pub(super) fn fault(&mut self, fault: FaultNo, began: bool) {
        self.tell(if began {
            Event::FaultBegan { fault, what: "a fault".into() }
        } else {
            Event::FaultEnded { fault }
        });
    }

    pub(super) fn session(&self, session: SessionNo) -> &Session {
        &self.sessions[session.0 as usize]
    }

    pub(super) fn open(&self) -> Vec<SessionNo> {
        let numbers = (0..).map(SessionNo);
        numbers.zip(&self.sessions).filter(|(_, s)| s.open).map(|(number, _)| number).collect()
    }

    /// The open session of a client.
    pub(super) fn session_of(&self, client: u32) -> SessionNo {
        let found = self.open().into_iter().find(|s| self.session(*s).client.0 == client);
        found.expect("the client is there")
    }

    pub(super) fn runs(&self, proxy: ProxyNo) -> bool {
        self.running.contains_key(&proxy)
    }

    pub(super) fn start(&mut self, proxy: ProxyNo) {
        self.next += 1;
        let id: Arc<str> = format!("id-{}-{}", proxy.0, self.next).into();
        let Self { plan, .. } = self;
        let (host, port) = (plan.proxy(proxy).host, plan.proxy(proxy).port);
        self.running.insert(proxy, Arc::clone(&id));
        self.tell(Event::ProxyStarted { proxy, host, port, id });
    }

    /// A proxy ends; its clients and links with it.
    pub(super) fn stop(&mut self, proxy: ProxyNo, how: Stop) {
        self.stop_but(proxy, how, None);
    }

    /// The same, but for one client, which has yet to notice.
    pub(super) fn stop_but(&mut self, proxy: ProxyNo, how: Stop, late: Option<SessionNo>) {
        let code = (how == Stop::Asked).then_some(1001);
        for session in self.open() {
            if self.session(session).proxy == proxy && Some(session) != late {
                self.sessions[session.0 as usize].open = false;
                self.tell(Event::Ended { session, code, reason: "".into() });
            }
        }
        self.running.remove(&proxy);
        self.tell(Event::ProxyStopped { proxy, how });
        self.adverts.retain(|(of, _), _| *of != proxy);
        self.relink();
    }

    pub(super) fn join(&mut self, client: ClientNo) -> SessionNo {
        let session = SessionNo(u32::try_from(self.sessions.len()).unwrap());
        let planned = self.plan.client(client);
        let (proxy, path): (_, Arc<str>) = (planned.proxy, planned.channel.as_str().into());
        let channel = Arc::clone(&path);
        self.sessions.push(Session { client, proxy, path, sent: 0, open: true });
        self.tell(Event::Joining { session, client, proxy, channel });
        self.tell(Event::Joined { session });
        self.relink();
        session
    }

    pub(super) fn leave(&mut self, session: SessionNo) {
        self.tell(Event::Leaving { session });
        self.close(session, Some(1000));
    }

    pub(super) fn close(&mut self, session: SessionNo, code: Option<u16>) {
        self.sessions[session.0 as usize].open = false;
        self.tell(Event::Ended { session, code, reason: "".into() });
        self.relink();
    }

    /// A message, heard by everyone who is to hear it.
    pub(super) fn send(&mut self, session: SessionNo) -> Message {
        let state = &mut self.sessions[session.0 as usize];
        let message = Message {
            from: session,
            number: state.sent,
            bytes: 64 + state.sent,
            binary: state.sent % 2 == 1,
        };
        state.sent += 1;
        self.tell(Event::Sent { session, message });
        for session in self.audience(session) {
            self.tell(Event::Heard { session, message });
        }
        message
    }

    pub(super) fn everyone_sends(&mut self) {
        for session in self.open() {
            self.send(session);
        }
    }

    fn audience(&self, from: SessionNo) -> Vec<SessionNo> {
        let sender = self.session(from);
        let mut audience = self.open();
        audience.retain(|other| {
            let hearer = self.session(*other);
            let channel: Arc<str> = sender.path.trim_start_matches("/broadcast/").into();
            let linked = self.links.contains_key(&(hearer.proxy, sender.proxy, channel));
            *other != from && hearer.path == sender.path && (hearer.proxy == sender.proxy || linked)
        });
        audience
    }

    fn interest(&self) -> BTreeSet<(ProxyNo, Arc<str>)> {
        let open = self.sessions.iter().filter(|session| session.open);
        let on = |session: &Session| {
            Some((session.proxy, session.path.strip_prefix("/broadcast/")?.into()))
        };
        open.filter_map(on).collect()
    }

    /// Makes adverts and links what interest and cuts allow.
    pub(super) fn relink(&mut self) {
        let interest = self.interest();
        let gone: Vec<_> =
            self.adverts.keys().filter(|place| !interest.contains(*place)).cloned().collect();
        for (proxy, channel) in gone {
            let instance = self.adverts.remove(&(proxy, channel)).unwrap();
            self.tell(Event::Withdrawn { proxy, instance });
        }
        for (proxy, channel) in &interest {
            let place = (*proxy, Arc::clone(channel));
            if !self.adverts.contains_key(&place) {
                self.next += 1;
                let instance: Arc<str> = format!("{channel}[{}]", self.next).into();
                self.adverts.insert(place, Arc::clone(&instance));
                let channel = Arc::clone(channel);
                self.tell(Event::Advertised { proxy: *proxy, instance, channel });
            }
        }
        let mut wanted = BTreeSet::new();
        for (a, channel) in &interest {
            for (b, other) in &interest {
                if a != b && channel == other && !self.cut.contains(&(*a.min(b), *a.max(b))) {
                    wanted.insert((*a, *b, Arc::clone(channel)));
                }
            }
        }
        let old: Vec<_> =
            self.links.keys().filter(|link| !wanted.contains(*link)).cloned().collect();
        for link in old {
            self.unlink(&link);
        }
        for link in wanted {
            if !self.links.contains_key(&link) {
                self.link(link);
            }
        }
    }

    fn unlink(&mut self, link: &(ProxyNo, ProxyNo, Arc<str>)) {
        let (dialler, acceptor) = self.links.remove(link).unwrap();
        // Who runs no more has no links to tell of.
        if self.running.contains_key(&link.0) {
            self.tell(Event::LinkDown { proxy: link.0, number: dialler });
        }
        if self.running.contains_key(&link.1) {
            self.tell(Event::LinkDown { proxy: link.1, number: acceptor });
        }
    }

    fn link(&mut self, (by, to, channel): (ProxyNo, ProxyNo, Arc<str>)) {
        self.next += 2;
        let numbers = (self.next, self.next + 1);
        self.dial(by, to);
        let up = self.link_event(to, by, numbers.1, &channel, false);
        self.tell(up);
        let up = self.link_event(by, to, numbers.0, &channel, true);
        self.tell(up);
        self.links.insert((by, to, channel), numbers);
    }

    pub(super) fn dial(&mut self, proxy: ProxyNo, to: ProxyNo) {
        self.next += 1;
        let (dial, to) = (self.next, address(to));
        self.tell(Event::Dialling { proxy, dial, to });
    }

    /// That a link with `remote` stands at `proxy`.
    pub(super) fn link_event(
        &self,
        proxy: ProxyNo,
        remote: ProxyNo,
        number: u64,
        channel: &Arc<str>,
        dialled: bool,
    ) -> Event {
        let id = self.running.get(&remote).cloned();
        let channel = Arc::clone(channel);
        let address = address(remote);
        let link = Link { number, channel, remote: id, address, dialled, two_way: false };
        Event::LinkUp { proxy, link }
    }

    /// The number of a link at the proxy that dialled it.
    pub(super) fn dialled_link(&self, by: ProxyNo, to: ProxyNo, channel: &str) -> u64 {
        self.links[&(by, to, channel.into())].0
    }

    /// The instance name of an advert.
    pub(super) fn advert(&self, proxy: ProxyNo, channel: &str) -> Arc<str> {
        Arc::clone(&self.adverts[&(proxy, channel.into())])
    }

    /// Each proxy that runs says what it holds.
    pub(super) fn look(&mut self) {
        for proxy in self.running.keys().copied().collect::<Vec<_>>() {
            let clients = self.sessions.iter().filter(|s| s.open && s.proxy == proxy).count();
            let links = self.links.keys().filter(|(a, b, _)| *a == proxy || *b == proxy).count();
            let adverts = self.adverts.iter().filter(|((of, _), _)| *of == proxy);
            let adverts = adverts.map(|((_, channel), i)| (Arc::clone(i), Arc::clone(channel)));
            let holdings = Holdings {
                clients: u32::try_from(clients).unwrap(),
                links: u32::try_from(links).unwrap(),
                sockets: Some(u32::try_from(clients + links).unwrap()),
                tasks: Some(3),
                adverts: adverts.collect(),
                ..Holdings::default()
            };
            self.tell(Event::Held { proxy, holdings });
        }
    }

    pub(super) fn asleep(&mut self, host: HostNo, asleep: bool) {
        self.tell(Event::HostAsleep { host, asleep });
    }
}

fn address(proxy: ProxyNo) -> std::net::SocketAddr {
    format!("10.1.0.{}:9009", proxy.0 + 2).parse().unwrap()
}
