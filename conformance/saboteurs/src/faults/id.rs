//! `link.*` of proxy ids and two-way links: who is who is mistaken.

use crate::fault::Fault;
use crate::frame::Frame;
use crate::line::Side;

const EXCHANGED: &str = "link.id-exchanged";
const AGREED: &str = "link.two-way-agreed";
const ID: &str = "NamedWebSockets-Proxy";
const TWO_WAY: &str = "NamedWebSockets-Link";
/// Nobody's id.
const OTHER: &str = "00000000deadbeef";

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("no-id-answered", EXCHANGED, "sends its id in requests only").answer(|answer, _| {
        if answer.status() == "101" {
            answer.remove(ID);
        }
    }),
    Fault::new("no-id-with-409", EXCHANGED, "sends no id with 409").answer(|answer, _| {
        if answer.status() == "409" {
            answer.remove(ID);
        }
    }),
    Fault::new("no-id-dialled", EXCHANGED, "sends its id in answers only")
        .dial(|request, _| request.remove(ID)),
    Fault::new("short-id", EXCHANGED, "has an id of four digits")
        .answer(|answer, _| {
            if answer.get(ID).is_some() {
                answer.set(ID, "beef");
            }
        })
        .dial(|request, _| request.set(ID, "beef")),
    Fault::new("same-id", EXCHANGED, "has the same id in each run")
        .answer(|answer, _| {
            if answer.get(ID).is_some() {
                answer.set(ID, OTHER);
            }
        })
        .dial(|request, _| request.set(ID, OTHER)),
    Fault::new("any-id", EXCHANGED, "takes ids of any form").request(|request, _| {
        let hex = |id: &str| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if request.get(ID).is_some_and(|id| !hex(id)) {
            request.set(ID, OTHER);
        }
    }),
    Fault::new(
        "own-id-welcome",
        "link.own-id-refused",
        "accepts a link that says that it is itself",
    )
    .request(|request, line| {
        if request.get(ID) == line.shared.id.get().map(String::as_str) {
            request.remove(ID);
        }
    }),
    Fault::new(
        "duplicates-welcome",
        "link.duplicate-refused",
        "accepts a second link of one proxy",
    )
    .request(|request, line| {
        let id = request.get(ID).map(str::to_owned);
        let open = line.shared.on_channel(request.path());
        let twice = |k: &&crate::shared::Known| k.side == Side::Accepted && k.remote == id;
        if id.is_some() && open.iter().any(|known| twice(&known)) {
            request.remove(ID);
            line.count = 1;
        }
    })
    .sent(|frame, line| {
        if line.count == 0 || !frame.is_data() {
            line.pass_out(&frame);
        }
    }),
    Fault::new("copy-per-link", "link.one-copy-per-id", "sends over each link of one proxy")
        .dial_answer(|answer, _| {
            if let Some(id) = answer.get(ID) {
                let first = if id.starts_with('0') { '1' } else { '0' };
                answer.set(ID, format!("{first}{}", &id[1..]));
            }
        }),
    Fault::new("two-way-always", "link.two-way-only-configured", "asks each acceptor for two ways")
        .dial(|request, _| request.set(TWO_WAY, "two-way")),
    Fault::new(
        "two-way-without-id",
        "link.two-way-only-configured",
        "asks for two ways without an id",
    )
    .dial(|request, _| {
        if request.get(TWO_WAY).is_some() {
            request.remove(ID);
        }
    }),
    Fault::new("two-way-unasked", AGREED, "answers two-way to who did not ask").answer(
        |answer, line| {
            let link = line.request.as_ref().is_some_and(|request| request.is_link());
            if answer.status() == "101" && link {
                answer.set(TWO_WAY, "two-way");
            }
        },
    ),
    Fault::new("two-way-presumed", AGREED, "sends both ways though the acceptor did not agree")
        .dial_answer(|answer, line| {
            let asked = line.request.as_ref().is_some_and(|request| request.get(TWO_WAY).is_some());
            if answer.status() == "101" && asked {
                answer.set(TWO_WAY, "two-way");
                if answer.get(ID).is_none() {
                    answer.set(ID, OTHER);
                }
            }
        }),
    Fault::new("two-way-deaf", AGREED, "agrees to two ways and hears nothing").received(
        |frame, line| {
            let two_way = line.known.as_ref().is_some_and(|known| known.two_way);
            if line.side == Side::Dialled || !two_way || !frame.is_data() {
                line.pass_in(&frame);
            }
        },
    ),
    Fault::new("two-way-left", "link.two-way-stays", "closes two-way links with its last client")
        .ended(|line| {
            let others = line.others();
            if line.is_client() && others.iter().all(|other| other.link) {
                let links = others.iter().filter(|o| o.two_way && o.side == Side::Accepted);
                // It answers a close as if it had been asked to.
                links.for_each(|link| link.tell_proxy(Frame::close(1000, "")));
            }
        }),
];
