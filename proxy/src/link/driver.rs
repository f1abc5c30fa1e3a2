//! Performs what the planner says, and tells it what comes of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::dial::{DialError, Dialled, Dialler};
use super::planner::{Action, Input, LinkId, Outcome, Planner, Target};
use crate::bugs::{Bug, planted};
use crate::clock::{self, sleep_until};
use crate::connection::{Connection, Ended};
use crate::discovery::{Discovery, Event, Ignored, Reach, Sighting};
use crate::hub::{Hub, HubEvent};
use crate::member::{DialledBy, Kind, Link, Member};
use crate::name::{ChannelId, ChannelName, Scope};
use crate::net::Net;
use crate::stop::Stop;
use crate::ws::CloseCode;

/// Runs the links of one proxy.
pub(crate) struct Driver<N, D> {
    planner: Rc<RefCell<Planner>>,
    hub: Rc<Hub>,
    events: mpsc::UnboundedReceiver<HubEvent>,
    discovery: D,
    dialler: Dialler<N>,
    /// Where this proxy listens, so where it does not dial.
    listening: Vec<SocketAddr>,
    dials: JoinSet<(LinkId, ChannelName, Result<Dialled, DialError>)>,
    dialling: BTreeMap<LinkId, AbortHandle>,
    /// Links that stand and wait for the planner's word.
    opened: BTreeMap<LinkId, (ChannelName, Dialled)>,
    links: JoinSet<(LinkId, Ended)>,
    linked: BTreeMap<LinkId, Rc<Member>>,
}

impl<N: Net, D: Discovery> Driver<N, D> {
    pub(crate) fn new(
        dialler: Dialler<N>,
        listening: Vec<SocketAddr>,
        hub: Rc<Hub>,
        events: mpsc::UnboundedReceiver<HubEvent>,
        planner: Rc<RefCell<Planner>>,
        discovery: D,
    ) -> Self {
        Self {
            planner,
            hub,
            events,
            discovery,
            dialler,
            listening,
            dials: JoinSet::new(),
            dialling: BTreeMap::new(),
            opened: BTreeMap::new(),
            links: JoinSet::new(),
            linked: BTreeMap::new(),
        }
    }

    /// Runs until `stop`; then says goodbye for every advert and waits for the links to end.
    pub(crate) async fn run(mut self, mut stop: Stop) {
        loop {
            let timeout = self.planner.borrow().next_timeout();
            tokio::select! {
                biased;
                () = stop.wait() => break,
                Some(event) = self.events.recv() => self.hub_event(event),
                Some(dial) = self.dials.join_next() => match dial {
                    Ok((link, channel, result)) => self.dial_ended(link, channel, result),
                    Err(error) if error.is_cancelled() => {}
                    Err(error) => tracing::error!(%error, "a dial failed; please report this"),
                },
                Some(ended) = self.links.join_next() => match ended {
                    Ok((link, Ended { clean })) => {
                        self.linked.remove(&link);
                        self.plan(Input::Closed { link, clean });
                    }
                    Err(error) => tracing::error!(%error, "a link failed; please report this"),
                },
                event = self.discovery.next() => match event {
                    Event::Seen(sighting) => self.seen(&sighting),
                    Event::Gone(instance) => self.plan(Input::Gone(instance)),
                },
                () = sleep_until(timeout.unwrap_or_else(clock::now)), if timeout.is_some() => {
                    self.plan(Input::Tick);
                }
            }
        }
        drop(self.dials);
        self.discovery.shutdown().await;
        while self.links.join_next().await.is_some() {}
    }

    fn plan(&mut self, input: Input) {
        let mut actions = Vec::new();
        tracing::trace!(?input, "plan");
        self.planner.borrow_mut().handle(input, clock::now(), &mut actions);
        for action in actions {
            tracing::debug!(?action, "link");
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Dial { link, channel, target, two_way } => {
                self.dial(link, channel, target, two_way);
            }
            Action::Start(link) => self.start(link),
            Action::Replace { old, link } => {
                self.start(link);
                if let (Some(old), Some(new)) = (self.linked.remove(&old), self.linked.get(&link)) {
                    old.hand_over(new);
                }
            }
            Action::Close(link) => self.close(link),
            Action::Prove(link) => {
                if let Some(member) = self.linked.get(&link) {
                    member.order_proof();
                }
            }
            Action::CloseAccepted(channel) => self.hub.close_accepted(&channel),
            Action::Advertise(advert) => self.discovery.advertise(&advert),
            Action::Withdraw(_) if planted(Bug::ForgetGoodbye) => {}
            Action::Withdraw(instance) => self.discovery.withdraw(&instance),
            Action::Verify(instance) => self.discovery.verify(&instance),
            Action::Refresh => self.discovery.refresh(),
        }
    }

    fn hub_event(&mut self, event: HubEvent) {
        let input = match event {
            // Someone came or went again meanwhile: what comes next says so.
            HubEvent::Interest(channel, here)
                if here != self.hub.has_client(&channel) && !planted(Bug::LoseInterest) =>
            {
                return;
            }
            HubEvent::Interest(channel, here) => {
                if here && !channel.fits_advert() {
                    tracing::warn!(
                        %channel, bytes = channel.as_str().len(),
                        "the name is too long for an advert: the channel works on this machine and over --peer only"
                    );
                }
                Input::Interest { channel, here }
            }
            HubEvent::Accepted(channel, Link { remote, two_way, .. }) => {
                Input::Accepted { channel, remote, two_way }
            }
            HubEvent::AcceptedGone { channel, link: Link { remote, two_way, .. }, lost } => {
                Input::AcceptedGone { channel, remote, two_way, lost }
            }
        };
        self.plan(input);
    }

    fn seen(&mut self, sighting: &Sighting) {
        let interfaces = self.dialler.net.interfaces();
        match sighting.judge(Reach { interfaces: &interfaces, listening: &self.listening }) {
            Ok(instance) => self.plan(Input::Seen(instance)),
            Err(why) => {
                // Other services of this type are none of our business, addresses come later, and
                // we see our own adverts too.
                if !matches!(why, Ignored::NotOurs | Ignored::NoAddress | Ignored::Own) {
                    self.hub.counters.adverts_ignored.increment();
                    tracing::debug!(instance = %sighting.instance, %why, "an advert is not followed");
                }
                // It may have been sound before.
                self.plan(Input::Gone(sighting.instance.clone()));
            }
        }
    }

    fn dial(&mut self, link: LinkId, channel: ChannelName, target: Target, two_way: bool) {
        let dialler = self.dialler.clone();
        let handle = self.dials.spawn_local(async move {
            let result = dialler.dial(channel.clone(), target, two_way).await;
            (link, channel, result)
        });
        self.dialling.insert(link, handle);
    }

    fn dial_ended(
        &mut self,
        link: LinkId,
        channel: ChannelName,
        result: Result<Dialled, DialError>,
    ) {
        if self.dialling.remove(&link).is_none() {
            return; // Given up at the very moment when it ended.
        }
        let outcome = match result {
            Ok(dialled) => {
                let (address, remote, two_way) = (dialled.address, dialled.remote, dialled.two_way);
                self.opened.insert(link, (channel, dialled));
                Outcome::Open { address, remote, two_way }
            }
            Err(DialError::Own) => Outcome::Own,
            Err(DialError::Duplicate(remote)) => Outcome::Duplicate(remote),
            Err(error) => {
                self.hub.counters.dials_failed.increment();
                tracing::info!(%channel, %error, "a dial came to nothing");
                Outcome::Failed
            }
        };
        self.plan(Input::Dialled { link, outcome });
    }

    fn start(&mut self, link: LinkId) {
        let Some((channel, dialled)) = self.opened.remove(&link) else { return };
        let (address, two_way) = (dialled.address, dialled.two_way);
        tracing::info!(%channel, %address, two_way, "linked");
        self.hub.counters.links_dialled.increment();
        let member = self.join(link, channel, dialled);
        self.linked.insert(link, member);
    }

    /// Makes a dialled link a member of its channel.
    fn join(&mut self, link: LinkId, channel: ChannelName, dialled: Dialled) -> Rc<Member> {
        let Dialled { stream, early, address, remote, two_way } = dialled;
        let id = ChannelId { scope: Scope::Broadcast, name: channel };
        let kind = Kind::Link(Link { remote, dialled_by: DialledBy::Us, two_way });
        let place = self.hub.join(&id, kind, address, None);
        place.member.attach(stream);
        let member = Rc::clone(&place.member);
        self.links.spawn_local(async move { (link, Connection::new(place, early).await) });
        member
    }

    fn close(&mut self, link: LinkId) {
        if let Some(dial) = self.dialling.remove(&link) {
            dial.abort();
        }
        if let Some((channel, dialled)) = self.opened.remove(&link) {
            // Closed in order before anything is read from it or sent over it.
            let unused = Dialled { two_way: false, ..dialled };
            self.join(link, channel, unused).order_close(CloseCode::NORMAL, "not needed");
        }
        if let Some(member) = self.linked.remove(&link) {
            member.order_close(CloseCode::NORMAL, "not needed any more");
        }
    }
}
