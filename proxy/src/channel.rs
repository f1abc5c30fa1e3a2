//! One named channel: who is on it, and who hears a message.
//!
//! ```text
//!   client A ──▶ ┌─────────┐ ──▶ clients B, C    everyone here but the sender
//!                │ channel │ ──▶ remote proxies  each once, if the scope is `broadcast`
//!   link ──────▶ └─────────┘ ──▶ clients A, B, C never onward to another link
//! ```
//!
//! [`Channel::publish`] is the whole relay rule (`relay.*` and `link.not-relayed-on`); nothing else
//! in the crate chooses receivers. Order for each sender and exactly-once follow from its shape:
//! one task publishes for a sender, in the order of arrival, to each member once.
//!
//! A remote proxy may have two links here, one opened by each side. It hears us over one of them
//! only: [`Channel::elect`].

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;

use crate::bugs::{Bug, planted};
use crate::counters::Counter;
use crate::id::ProxyId;
use crate::member::{Kind, Link, Member, MemberId};
use crate::name::ChannelId;
use crate::outbox::Throttle;

/// Members in no order; each knows its slot, so that it is found to be taken out.
#[derive(Default)]
struct Members(RefCell<Vec<Rc<Member>>>);

impl Members {
    fn borrow(&self) -> Ref<'_, Vec<Rc<Member>>> {
        self.0.borrow()
    }

    fn insert(&self, member: &Rc<Member>) {
        let mut members = self.0.borrow_mut();
        member.slot.set(u32::try_from(members.len()).expect("fewer than there are ports"));
        members.push(Rc::clone(member));
    }

    fn remove(&self, member: &Member) {
        let mut members = self.0.borrow_mut();
        let slot = member.slot.get() as usize;
        if members.get(slot).is_some_and(|there| there.id == member.id) {
            members.swap_remove(slot);
            if let Some(moved) = members.get(slot) {
                moved.slot.set(member.slot.get());
            }
        }
    }
}

/// Who is on one channel. Owns no socket, knows no advert, never waits.
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    /// Messages that its clients and links brought since it came to be, and their payload.
    pub(crate) messages: Counter,
    pub(crate) bytes: Counter,
    clients: Members,
    links: Members,
    /// The one link over which each remote proxy hears us.
    elected: RefCell<BTreeMap<ProxyId, MemberId>>,
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client of this machine.
    Client(MemberId),
    /// A remote proxy.
    Link,
}

impl Channel {
    pub(crate) fn new(id: ChannelId) -> Self {
        Self {
            id,
            messages: Counter::default(),
            bytes: Counter::default(),
            clients: Members::default(),
            links: Members::default(),
            elected: RefCell::default(),
        }
    }

    /// Hands `frames` to everyone who is to hear them; says how many that were.
    pub(crate) fn publish(&self, origin: Origin, frames: &Bytes, sender: &Rc<Throttle>) -> usize {
        let mut audience = 0;
        for client in &*self.clients.borrow() {
            // relay.sender-hears-nothing: the sender is not in its own audience.
            if origin != Origin::Client(client.id) || planted(Bug::EchoToSender) {
                client.deliver(frames, sender);
                audience += 1;
            }
        }
        // link.not-relayed-on: what a link brought goes to no other link.
        if matches!(origin, Origin::Client(_)) || planted(Bug::RelayLinkToLink) {
            for link in self.links.borrow().iter().filter(|link| link.hears.get()) {
                link.deliver(frames, sender);
                audience += 1;
            }
        }
        audience
    }

    /// Adds a member. A link that was dialled from outside hears us from now on; one that we
    /// dialled does if it may and no other link to that proxy does.
    pub(crate) fn join(&self, member: &Rc<Member>) {
        match member.kind {
            Kind::Client => self.clients.insert(member),
            Kind::Link(link) => {
                self.links.insert(member);
                self.elect(member, link);
            }
        }
    }

    /// Lets `member` hear us if it may, and if its proxy does not hear us already
    /// (`link.one-copy-per-id`: a sender hands each message to a proxy once, over whichever link).
    fn elect(&self, member: &Member, link: Link) {
        if !link.takes() {
            return;
        }
        if let Some(remote) = link.remote {
            let mut elected = self.elected.borrow_mut();
            if *elected.entry(remote).or_insert(member.id) != member.id && !planted(Bug::NoDedupe) {
                return;
            }
        }
        member.hears.set(true);
    }

    /// Takes a member out. If its proxy heard us over it, another link to that proxy takes over.
    pub(crate) fn leave(&self, member: &Member) {
        member.leave();
        let Kind::Link(link) = member.kind else {
            self.clients.remove(member);
            return;
        };
        self.links.remove(member);
        let Some(remote) = link.remote else { return };
        if self.elected.borrow().get(&remote) == Some(&member.id) {
            self.elected.borrow_mut().remove(&remote);
            for (other, link) in self.links_to(remote) {
                self.elect(&other, link);
            }
        }
    }

    /// The link over which `remote` hears us, if there is one.
    pub(crate) fn elected(&self, remote: ProxyId) -> Option<Rc<Member>> {
        let id = *self.elected.borrow().get(&remote)?;
        self.links.borrow().iter().find(|link| link.id == id).cloned()
    }

    /// All links with `remote`.
    pub(crate) fn links_to(&self, remote: ProxyId) -> Vec<(Rc<Member>, Link)> {
        let mut to = self.links();
        to.retain(|(_, link)| link.remote == Some(remote));
        to
    }

    /// All links of the channel.
    pub(crate) fn links(&self) -> Vec<(Rc<Member>, Link)> {
        let links = self.links.borrow();
        let both = links.iter().filter_map(|member| match member.kind {
            Kind::Link(link) => Some((Rc::clone(member), link)),
            Kind::Client => None,
        });
        both.collect()
    }

    /// All clients of the channel.
    pub(crate) fn clients(&self) -> Vec<Rc<Member>> {
        self.clients.borrow().clone()
    }

    /// Everyone on the channel.
    pub(crate) fn members(&self) -> impl Iterator<Item = Rc<Member>> {
        self.clients().into_iter().chain(self.links().into_iter().map(|(member, _)| member))
    }

    pub(crate) fn link_count(&self) -> usize {
        self.links.borrow().len()
    }

    pub(crate) fn client_count(&self) -> usize {
        self.clients.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clients.borrow().is_empty() && self.links.borrow().is_empty()
    }
}
