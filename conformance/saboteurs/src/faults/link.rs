//! `link.*` but for ids and two-way links: dials led astray, messages over the wrong links.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};

use proxy::discovery::Sighting;
use tungstenite::handshake::derive_accept_key;

use super::relay::send;
use crate::fault::Fault;
use crate::frame::Frame;
use crate::head::Head;
use crate::line::{Line, Side};
use crate::shared::{Shared, lock};

const REQUEST: &str = "link.request";
const LINK: &str = "X-BroadcastWebSocket-Proxy";
const ID: &str = "NamedWebSockets-Proxy";

/// Stands for the proxy's own port where the proxy must not know it. Nobody listens there.
const ALIAS: u16 = 1;

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("never-dials", "link.dialled", "dials nobody").sighting(|_, _| None),
    Fault::new("first-address-only", "link.dialled", "tries one address of an instance").sighting(
        |mut sighting, _| {
            sighting.addresses.sort_by_key(|(address, _)| (address.is_ipv6(), *address));
            let first = sighting.addresses.first().map(|(address, _)| *address);
            sighting.addresses.retain(|(address, _)| Some(*address) == first);
            Some(sighting)
        },
    ),
    Fault::new("always-9009", REQUEST, "dials port 9009 whatever the advert says")
        .connect(|address, _| SocketAddr::new(address.ip(), 9009)),
    Fault::new("no-origin", REQUEST, "dials without an Origin")
        .dial(|request, _| request.remove("Origin")),
    Fault::new("dials-as-client", REQUEST, "dials without the header that makes a link")
        .dial(|request, _| request.remove(LINK)),
    Fault::new("dials-version-8", REQUEST, "dials with version 8 of WebSocket")
        .dial(|request, _| request.set("Sec-WebSocket-Version", "8")),
    Fault::new("links-need-interest", "link.accepted", "refuses links without a client of its own")
        .request(|request, line| {
            let here = line.shared.on_channel(request.path());
            if request.is_link() && !here.iter().any(|known| !known.link) {
                request.lead_nowhere();
            }
        }),
    Fault::new("any-link-header", "link.accepted", "takes any value of the header for a link's")
        .request(|request, _| {
            if request.get(LINK).is_some() {
                request.set(LINK, "true");
            }
        }),
    Fault::new(
        "local-links",
        "link.refused-on-local",
        "takes a link on a local channel for a client",
    )
    .request(|request, _| {
        if request.is_local() {
            request.remove(LINK);
        }
    }),
    Fault::new("follows-redirects", "link.only-switching", "follows redirects").dial_answer(
        |answer, line| {
            if answer.status().starts_with('3') {
                line.moved = answer.get("Location").and_then(|to| redial(to, line).ok());
                line.drop_early();
            }
        },
    ),
    Fault::new("any-accept", "link.only-switching", "does not check the accept of an answer")
        .dial_answer(|answer, line| {
            if answer.status() == "101" {
                let key =
                    line.request.as_ref().and_then(|request| request.get("Sec-WebSocket-Key"));
                let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
                answer.set("Sec-WebSocket-Accept", accept);
            }
        }),
    Fault::new("links-hear-nothing", "link.outward", "sends nothing over links that it accepted")
        .sent(|frame, line| send(&frame, line, 1 - usize::from(line.is_outward_link()))),
    Fault::new("links-hear-twice", "link.outward", "sends twice over links that it accepted")
        .sent(|frame, line| send(&frame, line, 1 + usize::from(line.is_outward_link()))),
    Fault::new("second-link-forgotten", "link.outward", "sends to the first dialler only")
        .joined(|line| {
            let older = line.others().iter().any(|k| k.link && k.side == Side::Accepted);
            line.count = u64::from(line.is_outward_link() && older);
        })
        .sent(|frame, line| send(&frame, line, 1 - usize::from(line.count > 0))),
    Fault::new(
        "talks-to-acceptor",
        "link.dialler-sends-nothing",
        "sends over links that it dialled",
    )
    .heard(|frame, line| {
        line.pass_in(&frame);
        if line.is_client() {
            tell_links(&frame, line, Side::Dialled);
        }
    }),
    Fault::new("early-bytes-lost", "link.inward", "loses what comes together with the answer")
        .joined(|line| {
            if line.side == Side::Dialled {
                line.drop_early();
            }
        }),
    Fault::new("links-unheard", "link.inward", "delivers nothing of what links bring").received(
        |frame, line| {
            if line.side == Side::Accepted || !frame.is_data() {
                line.pass_in(&frame);
            }
        },
    ),
    Fault::new("link-thirds-lost", "link.inward", "loses each third message that a link brings")
        .received(|frame, line| {
            line.count += u64::from(line.side == Side::Dialled && frame.is_data());
            if !frame.is_data() || line.count == 0 || line.count % 3 != 0 {
                line.pass_in(&frame);
            }
        }),
    Fault::new("relays-on", "link.not-relayed-on", "sends what one link brings over the others")
        .received(|frame, line| {
            line.pass_in(&frame);
            if line.side == Side::Dialled && frame.is_data() {
                tell_links(&frame, line, Side::Accepted);
            }
        }),
    Fault::new("hears-diallers", "link.against-direction", "delivers what diallers send").received(
        |frame, line| {
            if line.is_outward_link() && frame.is_data() {
                let others = line.others();
                let clients = others.iter().filter(|other| !other.link);
                clients.for_each(|client| client.tell_peer(frame.clone()));
            }
            line.pass_in(&frame);
        },
    ),
    Fault::new("closes-on-diallers", "link.against-direction", "closes a link whose dialler sends")
        .received(|frame, line| {
            if line.is_outward_link() && frame.is_data() {
                line.tell_proxy(Frame::violation());
            } else {
                line.pass_in(&frame);
            }
        }),
    Fault::new("links-twice", "link.one-per-acceptor", "opens a second link beside each").dial(
        |request, line| {
            if let Ok(second) = dial(line.peer, request) {
                lock(&line.shared.sockets).push(second.into());
            }
        },
    ),
    Fault::new("ids-not-compared", "link.one-per-acceptor", "links with each address of one proxy")
        .dial_answer(|answer, _| answer.remove(ID)),
    Fault::new("links-itself", "link.not-to-itself", "follows its own adverts")
        .sighting(|sighting, shared| Some(disguise(sighting, shared)))
        .connect(|address, shared| {
            let port = if address.port() == ALIAS { shared.port() } else { address.port() };
            SocketAddr::new(address.ip(), port)
        })
        .dial(|request, _| request.remove(ID))
        .dial_answer(|answer, _| answer.remove(ID)),
    Fault::new("never-redials", "link.redial", "dials once").dial(|request, line| {
        let dialled = format!("dialled {} {}", line.peer, request.target());
        line.broken = !line.shared.note(dialled);
    }),
    Fault::new(
        "misses-goodbyes",
        "link.no-redial-without-advert",
        "goes on dialling without an advert",
    )
    .misses_goodbyes(),
];

/// Sends a message of the fault's own over the links of the channel that carry one way.
fn tell_links(frame: &Frame, line: &Line, side: Side) {
    for other in line.others() {
        if other.link && !other.two_way && other.side == side {
            other.tell_peer(frame.clone());
        }
    }
}

/// Makes the same request where a redirect leads. Hosts are near, so waiting does no harm.
fn redial(location: &str, line: &Line) -> io::Result<TcpStream> {
    let rest = location.split_once("://").map_or(location, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut request = line.request.clone().ok_or(io::ErrorKind::NotConnected)?;
    request.set_target(format!("/{path}"));
    dial(host, &request)
}

fn dial(address: impl std::net::ToSocketAddrs, request: &Head) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(&request.encode())?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Makes a sighting of ourselves look like one of somebody else.
fn disguise(sighting: Sighting, shared: &Shared) -> Sighting {
    let here = sighting.addresses.iter().any(|(address, _)| shared.is_own(*address));
    if !here || sighting.port != shared.port() {
        return sighting;
    }
    Sighting { port: ALIAS, host: format!("other-{}", sighting.host), ..sighting }
}
