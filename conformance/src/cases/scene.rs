//! A proxy on a network, and the suite as another host of it.

use std::sync::Arc;

use crate::case::{Step, Stop};
use crate::lan::{Host, Lan};
use crate::log::Log;
use crate::mdns::{Advert, Responder, Seen};
use crate::target::{Instance, Options};
use crate::wire::{Acceptor, Conn, PATIENCE, Request, Wire};
use crate::world::World;

/// Rounds of something that happens, one after the other, by the end of which something else would
/// have happened too.
pub(super) const ROUNDS: usize = 3;

/// Two hosts; dropped in this order.
pub(super) struct Scene {
    /// The target.
    pub(super) proxy: Instance,
    /// What is heard and said on the other host, from before the target's start.
    pub(super) mdns: Responder,
    /// The host that is the suite's.
    pub(super) other: Host,
    /// The network.
    pub(super) lan: Lan,
    log: Log,
}

impl Scene {
    /// With discovery on and everything else as it is by default.
    pub(super) fn new(world: &World) -> Step<Self> {
        Self::with(world, &Options::default())
    }

    pub(super) fn with(world: &World, options: &Options) -> Step<Self> {
        Self::beside(world, |_, _| Ok(options.clone()))
    }

    /// With options that name something of the two hosts: the target's, and the other.
    pub(super) fn beside(
        world: &World,
        options: impl FnOnce(&Host, &Host) -> Step<Options>,
    ) -> Step<Self> {
        let lan = world.lan()?;
        let (home, other) = (Arc::new(lan.host("home")?), lan.host("other")?);
        let mdns = Responder::on(&other, world.log())?;
        let proxy = world.start_on(&home, &options(&home, &other)?)?;
        Ok(Self { proxy, mdns, other, lan, log: world.log().clone() })
    }

    /// The host of the target.
    pub(super) fn home(&self) -> Step<&Arc<Host>> {
        self.proxy.host()
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// A client of the target on a broadcast channel.
    pub(super) fn join(&self, channel: &str) -> Step<Conn> {
        self.proxy.client(
            &format!("/broadcast/{channel}"),
            &format!("client of {channel}"),
            &self.log,
        )
    }

    /// A client, and the advert that it brings about.
    pub(super) fn advertised(&self, channel: &str) -> Step<(Conn, Seen)> {
        Ok((self.join(channel)?, self.mdns.expect_instance(channel)?))
    }

    /// Other channels come and are advertised, one after the other: what was to be advertised or
    /// withdrawn before is so by then. They go when the clients do.
    pub(super) fn other_adverts(&self, world: &World) -> Step<Vec<(Conn, Seen)>> {
        (0..ROUNDS).map(|_| self.advertised(&world.name())).collect()
    }

    /// Sound adverts for a channel come, and each is followed, one after the other: what was to be
    /// followed before is so by then. The links go with what this gives.
    pub(super) fn other_links(&self, channel: &str) -> Step<Vec<Conn>> {
        (0..ROUNDS).map(|_| Ok(self.linked(channel)?.1)).collect()
    }

    /// A client, whose channel the target is known to hear adverts of: what is announced from now
    /// on reaches it, and in this order. Before, it may be about to listen.
    pub(super) fn listening(&self, channel: &str) -> Step<[Conn; 2]> {
        Ok([self.join(channel)?, self.linked(channel)?.1])
    }

    /// The target's link to the other host, which advertises the channel at a port of its own.
    pub(super) fn linked(&self, channel: &str) -> Step<(Advert, Conn)> {
        let acceptor = Acceptor::on(&self.other, &format!("link for {channel}"), &self.log)?;
        let advert = Advert::new(channel, &self.other, acceptor.port());
        self.mdns.publish(&advert);
        Ok((advert, accept_link(&acceptor, channel)?))
    }

    /// A connection to the target from the other host.
    pub(super) fn wire(&self, name: &str) -> Step<Wire> {
        self.proxy.wire_from(&self.other, name, &self.log)
    }

    /// A link from the other host to the target.
    pub(super) fn link(&self, channel: &str) -> Step<Conn> {
        let name = format!("link from {}", self.other.name());
        Ok(self.wire(&name)?.upgrade(&Request::link(&format!("/broadcast/{channel}")))?.0)
    }

    /// A browser on a host that is new on the network: it knows only what it is told from now on.
    pub(super) fn newcomer(&self, name: &str) -> Step<(Host, Responder)> {
        let host = self.lan.host(name)?;
        let mdns = Responder::on(&host, &self.log)?;
        Ok((host, mdns))
    }
}

/// Takes the target's link for a channel.
pub(super) fn accept_link(acceptor: &Acceptor, channel: &str) -> Step<Conn> {
    let mut wire = acceptor.accept(PATIENCE)?;
    let request = wire.request()?;
    let target = format!("/broadcast/{channel}");
    if request.target != target {
        return Err(Stop::fail(format!("a request for {target}"), request.text()));
    }
    Conn::accept(wire, &request, &[])
}
