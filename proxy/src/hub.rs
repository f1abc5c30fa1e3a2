//! All channels of one proxy, and who joins and leaves them.
//!
//! A channel is made by the first that opens it and forgotten when the last has gone. The hub
//! tells the links (`link/driver.rs`) what they must know: that a broadcast channel has a client
//! here or no more ([`HubEvent::Interest`]), and that a remote proxy's link came or went.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc;

use crate::bugs::{Bug, planted};
use crate::channel::Channel;
use crate::counters::Counters;
use crate::limits::{Limits, READ_BYTES};
use crate::member::{DialledBy, Kind, Link, Member, MemberId};
use crate::name::{ChannelId, ChannelName, Scope};
use crate::observe::{LinkInfo, Observer};
use crate::seats::{Seat, Seats};
use crate::ws::{Batch, CloseCode};

/// What happens on the channels that concerns the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HubEvent {
    /// A broadcast channel got its first client here, or lost its last.
    Interest(ChannelName, bool),
    /// A remote proxy's link was accepted.
    Accepted(ChannelName, Link),
    /// Such a link is gone; `lost` without a closing handshake.
    AcceptedGone { channel: ChannelName, link: Link, lost: bool },
}

/// The channels of one proxy.
pub(crate) struct Hub {
    pub(crate) limits: Limits,
    pub(crate) counters: Counters,
    pub(crate) seats: Arc<Seats>,
    pub(crate) rng: Rc<RefCell<ChaCha8Rng>>,
    /// Where each connection reads into, in turn: an idle one owns no buffer.
    pub(crate) scratch: RefCell<Box<[u8]>>,
    /// Where what one turn read is encoded, in turn likewise.
    pub(crate) batch: RefCell<Batch>,
    channels: RefCell<BTreeMap<ChannelId, Rc<Channel>>>,
    next_member: Cell<u64>,
    events: mpsc::UnboundedSender<HubEvent>,
    observer: Option<Rc<dyn Observer>>,
}

impl Hub {
    pub(crate) fn new(
        limits: Limits,
        rng: &Rc<RefCell<ChaCha8Rng>>,
        events: mpsc::UnboundedSender<HubEvent>,
        observer: Option<Rc<dyn Observer>>,
        seats: Arc<Seats>,
    ) -> Self {
        Self {
            seats,
            limits,
            counters: Counters::default(),
            rng: Rc::clone(rng),
            scratch: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
            batch: RefCell::default(),
            channels: RefCell::default(),
            next_member: Cell::new(0),
            events,
            observer,
        }
    }

    /// Puts a new connection on a channel, with its seat if it was opened from outside. From now on
    /// frames for it are kept, so one that is told of its success afterwards misses nothing.
    pub(crate) fn join(
        self: &Rc<Self>,
        id: &ChannelId,
        kind: Kind,
        address: SocketAddr,
        seat: Option<Seat>,
    ) -> Membership {
        let channel = self.channel_or_new(id);
        let member_id = MemberId(self.next_member.get());
        self.next_member.set(member_id.0 + 1);
        let member = Member::new(member_id, kind, address, self.limits.queue_bytes, &self.rng);
        let member = Rc::new(member);
        channel.join(&member);
        if let (Kind::Link(link), Some(observer)) = (kind, &self.observer) {
            observer.link_up(&LinkInfo::new(&channel, &member, link));
        }
        match kind {
            Kind::Client if id.scope == Scope::Broadcast && channel.client_count() == 1 => {
                self.tell(HubEvent::Interest(id.name.clone(), true));
            }
            Kind::Link(link) if link.dialled_by == DialledBy::Them => {
                self.tell(HubEvent::Accepted(id.name.clone(), link));
            }
            _ => {}
        }
        Membership {
            hub: Rc::clone(self),
            channel,
            member,
            _seat: seat,
            lost: Cell::new(true),
            left: Cell::new(false),
        }
    }

    fn leave(&self, channel: &Rc<Channel>, member: &Member, lost: bool) {
        if planted(Bug::LeakClient) && lost && member.kind == Kind::Client {
            return;
        }
        channel.leave(member);
        if let (Kind::Link(_), Some(observer)) = (member.kind, &self.observer) {
            observer.link_down(member.id.0);
        }
        let name = channel.id.name.clone();
        match member.kind {
            Kind::Client
                if channel.id.scope == Scope::Broadcast
                    && (channel.client_count() == 0 || planted(Bug::LoseInterest)) =>
            {
                self.tell(HubEvent::Interest(name, false));
            }
            Kind::Link(link) if link.dialled_by == DialledBy::Them => {
                self.tell(HubEvent::AcceptedGone { channel: name, link, lost });
            }
            _ => {}
        }
        if channel.is_empty() {
            self.channels.borrow_mut().remove(&channel.id);
        }
    }

    fn tell(&self, event: HubEvent) {
        // The links end only with the proxy; then nobody need know.
        let _ = self.events.send(event);
    }

    fn channel_or_new(&self, id: &ChannelId) -> Rc<Channel> {
        let mut channels = self.channels.borrow_mut();
        let new = || Rc::new(Channel::new(id.clone()));
        Rc::clone(channels.entry(id.clone()).or_insert_with(new))
    }

    /// The channel, if anybody is on it.
    pub(crate) fn channel(&self, id: &ChannelId) -> Option<Rc<Channel>> {
        self.channels.borrow().get(id).cloned()
    }

    /// Whether a broadcast channel has a client here.
    pub(crate) fn has_client(&self, name: &ChannelName) -> bool {
        let id = ChannelId { scope: Scope::Broadcast, name: name.clone() };
        self.channel(&id).is_some_and(|channel| channel.client_count() > 0)
    }

    /// All channels, in the order of their scopes and names.
    pub(crate) fn channels(&self) -> Vec<Rc<Channel>> {
        self.channels.borrow().values().cloned().collect()
    }

    /// Closes the one-way links that others dialled for this channel: nobody here speaks on it.
    /// They dial again when they see a new advert (`lifecycle.last-client-closes-links`).
    pub(crate) fn close_accepted(&self, name: &ChannelName) {
        let id = ChannelId { scope: Scope::Broadcast, name: name.clone() };
        for (member, link) in self.channel(&id).iter().flat_map(|channel| channel.links()) {
            if link.dialled_by == DialledBy::Them && !link.two_way {
                member.order_close(CloseCode::NORMAL, "nobody here is on this channel any more");
            }
        }
    }

    /// Asks everyone to go, because the proxy stops (`lifecycle.shutdown-closes`).
    pub(crate) fn close_all(&self) {
        for channel in self.channels() {
            for member in channel.members() {
                member.order_close(CloseCode::GOING_AWAY, "the proxy stops");
            }
        }
    }
}

/// A connection's place on its channel; given up by [`Membership::leave`] or when dropped.
pub(crate) struct Membership {
    pub(crate) hub: Rc<Hub>,
    pub(crate) channel: Rc<Channel>,
    pub(crate) member: Rc<Member>,
    /// Whether the end came without a closing handshake, as far as is known.
    pub(crate) lost: Cell<bool>,
    /// Its part of the limit on connections, unless we dialled it; to the very end, also when it
    /// has left its channel.
    _seat: Option<Seat>,
    left: Cell<bool>,
}

impl Membership {
    /// Leaves the channel: hears nothing more, and is not counted.
    pub(crate) fn leave(&self) {
        if !self.left.replace(true) {
            self.hub.leave(&self.channel, &self.member, self.lost.get());
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
    }
}
