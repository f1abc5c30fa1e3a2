//! The duties of a WebSocket endpoint (PROTOCOL.md section 5).

mod alive;
mod close;
mod control;
mod violations;

use crate::case::{Case, Step};
use crate::target::{Instance, Options};
use crate::wire::{Acceptor, Conn, PATIENCE};
use crate::world::World;

pub(super) const CASES: &[&[Case]] =
    &[control::CASES, close::CASES, violations::CASES, alive::CASES];

/// The connections on which the target is the server.
struct Served {
    /// A client, and a link that the suite dialled.
    conns: [Conn; 2],
    /// Without a client on its channel the link would be closed.
    _keeper: Conn,
}

fn served(world: &mut World) -> Step<Served> {
    let path = world.broadcast();
    let proxy = world.proxy()?;
    let keeper = proxy.client(&path, "keeper", world.log())?;
    // On another channel, so that the link has nothing of what it says.
    let client = proxy.client(&world.broadcast(), "client", world.log())?;
    let link = proxy.link(&path, "link", world.log())?;
    Ok(Served { conns: [client, link], _keeper: keeper })
}

/// An instance that holds a link which it dialled to the suite, and a client of that channel.
fn dialler(world: &mut World) -> Step<(Instance, Conn, Conn)> {
    let home = world.home()?;
    let acceptor = Acceptor::on_loopback(home.as_deref(), "acceptor", world.log())?;
    // A configured peer needs no multicast.
    let peers = vec![acceptor.address()];
    let options = Options { no_discovery: true, peers, ..Options::default() };
    let instance = world.target().start(home, &options, world.log())?;
    let client = instance.client(&world.broadcast(), "client", world.log())?;
    let mut wire = acceptor.accept(PATIENCE)?;
    let request = wire.request()?;
    let link = Conn::accept(wire, &request, &[])?;
    Ok((instance, client, link))
}
