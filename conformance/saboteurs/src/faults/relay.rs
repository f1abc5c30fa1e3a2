//! `relay.*`: messages are changed on their way in or out.

use crate::fault::Fault;
use crate::frame::{BINARY, CLOSE, CONTINUATION, Frame, MOMENT, TEXT};
use crate::line::{Line, Side};

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "drops-thousandth",
        "relay.everyone-else-once",
        "a reader misses its 1000th message",
    )
    .sent(|frame, line| {
        if count(&frame, line) != 1000 {
            line.pass_out(&frame);
        }
    }),
    Fault::new("twice", "relay.everyone-else-once", "delivers everything twice")
        .sent(|frame, line| send(&frame, line, 2)),
    Fault::new("twice-after-rejoin", "relay.everyone-else-once", "delivers twice on a reused name")
        .joined(|line| line.count = u64::from(line.shared.noted(&left(line))))
        .ended(|line| {
            line.shared.note(left(line));
        })
        .sent(|frame, line| send(&frame, line, 1 + usize::from(line.count > 0))),
    Fault::new("third-forgotten", "relay.everyone-else-once", "the third client hears nothing")
        .joined(|line| {
            line.count = u64::from(line.others().iter().filter(|k| !k.link).count() == 2);
        })
        .sent(|frame, line| send(&frame, line, 1 - usize::from(line.count > 0))),
    Fault::new("empty-dropped", "relay.unchanged", "drops messages of no bytes").heard(
        |frame, line| {
            if !frame.payload.is_empty() {
                line.pass_in(&frame);
            }
        },
    ),
    Fault::new("echoes", "relay.sender-hears-nothing", "sends each message back to its sender too")
        .heard(|frame, line| {
            line.pass_in(&frame);
            if line.is_client() {
                line.tell_peer(frame);
            }
        }),
    Fault::new("swaps-two", "relay.order-per-sender", "swaps a sender's third and fourth message")
        .heard(|frame, line| delay_third(frame, line, 4)),
    Fault::new(
        "link-order-lost",
        "relay.order-per-sender",
        "delays one message that a link brings",
    )
    .received(|frame, line| {
        if line.side == Side::Dialled && frame.is_data() {
            // They are of several senders: among so many are more of the third's.
            delay_third(frame, line, 100);
        } else {
            line.pass_in(&frame);
        }
    }),
    Fault::new("cuts-at-4096", "relay.unchanged", "cuts messages after 4096 bytes")
        .heard(|frame, line| cut_message(frame, line, |payload| payload.len().min(4096))),
    Fault::new("ends-at-nul", "relay.unchanged", "takes a byte 0 for the end").heard(
        |frame, line| {
            let end = |p: &[u8]| p.iter().position(|b| *b == 0).unwrap_or(p.len());
            cut_message(frame, line, end);
        },
    ),
    Fault::new("trims", "relay.unchanged", "takes white space off the end")
        .heard(|frame, line| cut_message(frame, line, |payload| payload.trim_ascii_end().len())),
    Fault::new("splits", "relay.unchanged", "makes two messages of one above 1 KiB").heard(
        |frame, line| {
            let end = boundary(&frame, frame.payload.len().min(1024));
            let rest = frame.payload[end..].to_vec();
            cut_message(frame.clone(), line, |_| end);
            if !rest.is_empty() {
                line.pass_in(&Frame { payload: rest, ..frame });
            }
        },
    ),
    Fault::new("binary-as-text", "relay.same-type", "delivers binary messages as text").sent(
        |frame, line| {
            let opcode = if frame.opcode == BINARY { TEXT } else { frame.opcode };
            line.pass_out(&Frame { opcode, ..frame });
        },
    ),
    Fault::new("text-as-binary", "relay.same-type", "delivers text messages as binary").sent(
        |frame, line| {
            let opcode = if frame.opcode == TEXT { BINARY } else { frame.opcode };
            line.pass_out(&Frame { opcode, ..frame });
        },
    ),
    Fault::new("fragments-delivered", "relay.whole-messages", "delivers fragments as messages")
        .received(|frame, line| {
            let opcode = if frame.opcode == CONTINUATION { BINARY } else { frame.opcode };
            line.pass_in(&Frame { fin: true, opcode, ..frame });
        }),
    Fault::new("half-delivered", "relay.whole-messages", "delivers what came before a loss")
        .received(|frame, line| {
            if frame.is_data() {
                line.count = u64::from(!frame.fin);
            }
            line.pass_in(&frame);
        })
        .peer_ended(|line| {
            if line.count > 0 {
                line.tell_proxy(Frame::new(CONTINUATION, ""));
            }
        }),
    Fault::new("greets", "relay.nothing-added", "greets who joins").joined(|line| {
        if line.is_client() {
            line.tell_peer(Frame::new(TEXT, "welcome"));
        }
    }),
    Fault::new("tells-who-left", "relay.nothing-added", "tells the others when one leaves").ended(
        |line| {
            if line.is_client() {
                let others = line.others();
                for other in others.iter().filter(|other| !other.link) {
                    other.tell_peer(Frame::new(TEXT, "somebody left"));
                }
            }
        },
    ),
    Fault::new("one-scope", "relay.channels-apart", "makes one of the two scopes").request(
        |request, _| {
            if request.is_local() {
                request.set_target(request.target().replacen("/local/", "/broadcast/", 1));
            }
        },
    ),
    Fault::new("short-names", "relay.channels-apart", "tells names apart by 51 bytes").request(
        |request, _| {
            if let Some(name) = request.name().and_then(|name| name.get(..51)) {
                request.set_name(name.to_owned().as_str());
            }
        },
    ),
    Fault::new(
        "last-words-lost",
        "relay.sent-before-close",
        "a close overtakes what was sent before",
    )
    .received(|frame, line| {
        let Some(known) = line.known.clone().filter(|known| !known.link) else {
            return line.pass_in(&frame);
        };
        if frame.is_data() {
            known.inbox.put_off(frame);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(MOMENT).await;
                known.inbox.put_on();
            });
        } else {
            if frame.opcode == CLOSE {
                known.inbox.give_up();
            }
            line.pass_in(&frame);
        }
    }),
];

/// Counts messages.
fn count(frame: &Frame, line: &mut Line) -> u64 {
    if !frame.is_data() {
        return 0;
    }
    line.count += 1;
    line.count
}

/// Sends a message so many times, and anything else once.
pub(super) fn send(frame: &Frame, line: &mut Line, times: usize) {
    for _ in 0..if frame.is_data() { times } else { 1 } {
        line.pass_out(frame);
    }
}

/// Passes on the third message behind a later one.
fn delay_third(message: Frame, line: &mut Line, later: u64) {
    line.count += 1;
    if line.count == 3 {
        line.kept.push(message);
        return;
    }
    line.pass_in(&message);
    if line.count == later {
        for third in std::mem::take(&mut line.kept) {
            line.pass_in(&third);
        }
    }
}

/// Passes on the beginning of a message.
fn cut_message(mut frame: Frame, line: &mut Line, end: impl FnOnce(&[u8]) -> usize) {
    let end = boundary(&frame, end(&frame.payload));
    frame.payload.truncate(end);
    line.pass_in(&frame);
}

/// Where a message may be cut: a text between characters only, or the proxy would refuse it.
fn boundary(frame: &Frame, end: usize) -> usize {
    let is_inside = |at: usize| frame.payload.get(at).is_some_and(|b| b & 0xc0 == 0x80);
    (0..=end).rev().find(|at| frame.opcode == BINARY || !is_inside(*at)).unwrap_or(0)
}

/// What is noted when a client has left.
fn left(line: &Line) -> String {
    format!("left {}", line.channel())
}
