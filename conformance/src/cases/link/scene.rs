//! What the suite does on a [`Scene`] when it plays the proxies that the target dials.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::case::{Step, Stop};
use crate::cases::scene::{ROUNDS, Scene, accept_link};
use crate::log::Direction;
use crate::mdns::Advert;
use crate::target::Options;
use crate::wire::{Acceptor, Conn, PATIENCE, Request, Wire, accepting};
use crate::world::World;

/// A port that no socket gets without asking for it, for an acceptor that is away for a while.
pub(super) const OWN_PORT: u16 = 9100;

/// Whether the target looks for others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Discovery {
    On,
    Off,
}

impl Scene {
    /// With an acceptor on the other host as the target's only configured peer.
    pub(super) fn with_peer(world: &World, discovery: Discovery) -> Step<(Self, Acceptor)> {
        let mut peer = None;
        let scene = Self::beside(world, |_, other| {
            let acceptor = Acceptor::on(other, "peer", world.log())?;
            let peers = vec![(other.v4(), acceptor.port()).into()];
            peer = Some(acceptor);
            let no_discovery = discovery == Discovery::Off;
            Ok(Options { no_discovery, peers, ..Options::default() })
        })?;
        Ok((scene, peer.expect("it was made with the options")))
    }

    /// Listens on the other host.
    pub(super) fn acceptor(&self, name: &str) -> Step<Acceptor> {
        Acceptor::on(&self.other, name, self.log())
    }

    /// Listens on the other host at [`OWN_PORT`].
    pub(super) fn acceptor_at_own_port(&self, name: &str) -> Step<Acceptor> {
        Acceptor::at(&self.other, (Ipv4Addr::UNSPECIFIED, OWN_PORT).into(), name, self.log())
    }

    /// A client of the target on a broadcast channel.
    pub(super) fn client(&self, channel: &str, name: &str) -> Step<Conn> {
        self.proxy.client(&format!("/broadcast/{channel}"), name, self.log())
    }

    /// Says that the acceptor has clients on a channel.
    pub(super) fn advertise(&self, channel: &str, acceptor: &Acceptor) -> Advert {
        self.advertise_at(channel, acceptor, &[self.other.v4().into()])
    }

    /// The same of an acceptor that is reached at these addresses.
    pub(super) fn advertise_at(
        &self,
        channel: &str,
        acceptor: &Acceptor,
        addresses: &[IpAddr],
    ) -> Advert {
        let advert = Advert::new(channel, &self.other, acceptor.port()).addresses(addresses);
        self.mdns.publish(&advert);
        advert
    }

    /// A client on a channel, and the link that the target dialled for it, with its acceptor.
    pub(super) fn joined(&self, channel: &str) -> Step<(Conn, Acceptor, Conn)> {
        let client = self.client(channel, "alice")?;
        let acceptor = self.acceptor("link")?;
        self.advertise(channel, &acceptor);
        let link = accept_link(&acceptor, channel)?;
        Ok((client, acceptor, link))
    }

    /// Waits until the target has turned to something new, several times over: a client on a new
    /// channel, and an advert for it, to which it dials. What it knew before it has acted on by
    /// then, if it ever does.
    pub(super) fn settle(&self, world: &World) -> Step {
        for _ in 0..ROUNDS {
            let channel = world.name();
            let _client = self.join(&channel)?;
            self.linked(&channel)?.1.round_trip("settled")?;
        }
        Ok(())
    }

    /// Lets time pass until the case has run so long, then settles. For what only time brings.
    pub(super) fn settle_past(&self, world: &World, at: Duration) -> Step {
        let rest = at.saturating_sub(self.log().elapsed());
        self.log().add("suite", Direction::Note, format!("waits {:.1} s", rest.as_secs_f64()));
        std::thread::sleep(rest);
        self.settle(world)
    }
}

/// The target must not have dialled.
pub(super) fn not_dialled(acceptor: &Acceptor, why: &str) -> Step {
    match acceptor.try_accept(Duration::ZERO)? {
        None => Ok(()),
        Some(mut wire) => {
            let what = wire.request().map(|request| request.text());
            let what = what.unwrap_or_else(|_| "nothing".to_owned());
            let expected = format!("no connection, because {why}");
            Err(Stop::fail(expected, format!("a connection with {what:?}")))
        }
    }
}

/// The next connection of the target and its request.
pub(super) fn request(acceptor: &Acceptor) -> Step<(Wire, Request)> {
    let mut wire = acceptor.accept(PATIENCE)?;
    let request = wire.request()?;
    Ok((wire, request))
}

/// The next link of the target, taken with these headers in the answer.
pub(super) fn accept_with(acceptor: &Acceptor, headers: &[(&str, &str)]) -> Step<Conn> {
    let (wire, request) = request(acceptor)?;
    Conn::accept(wire, &request, headers)
}

/// The next link of the target, taken with an answer that these bytes follow in the same packet.
pub(super) fn accept_and_say(acceptor: &Acceptor, early: &[u8]) -> Step<Conn> {
    let (mut wire, request) = request(acceptor)?;
    let answer = accepting(&request, &[]);
    wire.say(Direction::Sent, format!("{}\n\nand {} bytes", answer.trim_end(), early.len()));
    wire.write(&[answer.as_bytes(), early].concat())?;
    Ok(wire.into_conn())
}

/// Ends a link without a close, as when a machine or its network breaks down.
pub(super) fn lose(link: Conn) {
    link.into_wire().reset();
}
