//! What a proxy lets whoever embeds it see: links as they come and go, and what it holds.
//!
//! A simulator judges a run by what the proxies' clients hear, and where that is not enough by
//! this. Nothing here changes what a proxy does.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use crate::channel::Channel;
use crate::hub::Hub;
use crate::id::ProxyId;
use crate::link::planner::Planner;
use crate::member::{DialledBy, Link, Member};
use crate::name::{ChannelName, Scope};

/// Told of a proxy's links at the moment when they join or leave their channel.
pub trait Observer: 'static {
    /// A link carries messages from now on.
    fn link_up(&self, link: &LinkInfo);

    /// The link with this number does not any more.
    fn link_down(&self, number: u64);
}

/// One link, at one of its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Tells the connections of one run of a proxy apart.
    pub number: u64,
    /// The broadcast channel that it carries.
    pub channel: ChannelName,
    /// The id of the other proxy, if it says one.
    pub remote: Option<ProxyId>,
    /// The address of its other end.
    pub address: SocketAddr,
    /// Whether this proxy dialled it; else the other one did.
    pub dialled: bool,
    /// Whether it may carry messages both ways; else only to who dialled it.
    pub two_way: bool,
}

impl LinkInfo {
    pub(crate) fn new(channel: &Channel, member: &Member, link: Link) -> Self {
        Self {
            number: member.id.0,
            channel: channel.id.name.clone(),
            remote: link.remote,
            address: member.address,
            dialled: link.dialled_by == DialledBy::Us,
            two_way: link.two_way,
        }
    }
}

/// What a proxy holds at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Clients on all channels.
    pub clients: usize,
    /// Links on all channels.
    pub links: usize,
    /// Bytes that wait to be written, with the cost of keeping them.
    pub queued_bytes: u64,
    /// The most of those that wait for one connection.
    pub queued_bytes_max: u64,
    /// Instance name and channel of each advert that stands.
    pub adverts: Vec<(String, ChannelName)>,
}

/// A way to look into a proxy while it [runs](crate::Proxy::run); made by
/// [`Proxy::watch`](crate::Proxy::watch). It keeps nothing of the proxy alive.
#[derive(Clone, Default)]
pub struct Watch(Rc<RefCell<Inside>>);

#[derive(Default)]
struct Inside {
    hub: Weak<Hub>,
    planner: Weak<RefCell<Planner>>,
}

impl Watch {
    pub(crate) fn open(&self, hub: &Rc<Hub>, planner: &Rc<RefCell<Planner>>) {
        *self.0.borrow_mut() = Inside { hub: Rc::downgrade(hub), planner: Rc::downgrade(planner) };
    }

    /// What the proxy holds now; none before it runs, and when nothing of it is left.
    #[must_use]
    pub fn holdings(&self) -> Option<Holdings> {
        let inside = self.0.borrow();
        let (hub, planner) = (inside.hub.upgrade()?, inside.planner.upgrade()?);
        let mut holdings = Holdings::default();
        for channel in hub.channels() {
            holdings.clients += channel.client_count();
            for member in channel.members() {
                let queued = member.queued_bytes();
                holdings.queued_bytes += queued;
                holdings.queued_bytes_max = holdings.queued_bytes_max.max(queued);
            }
            holdings.links += channel.link_count();
            if channel.id.scope == Scope::Broadcast
                && let Some(instance) = planner.borrow().advert_of(&channel.id.name)
            {
                holdings.adverts.push((instance.to_owned(), channel.id.name.clone()));
            }
        }
        Some(holdings)
    }
}
