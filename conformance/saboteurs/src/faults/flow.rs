//! `backpressure.*` and `limit.*`: who waits for whom, and how much is too much.

use std::time::Duration;

use super::websocket::recode;
use crate::fault::Fault;
use crate::flow::Flow;
use crate::frame::{CONTINUATION, Frame};
use crate::line::Side;

const STALLED: &str = "backpressure.stalled-closed";
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// How much larger the proxy's own limit is where a fault judges sizes in its place.
const LARGER: usize = 64;

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "drops-when-full",
        "backpressure.nothing-dropped",
        "a full reader misses one message",
    )
    .sent(|frame, line| {
        if frame.is_data() && std::mem::take(&mut line.was_full) {
            return;
        }
        line.pass_out(&frame);
    }),
    Fault::new("queue-without-bound", "backpressure.senders-wait", "queues without bound")
        .flow(Flow::Unbounded(|_| true)),
    Fault::new("stalled-kept", STALLED, "waits for a stalled reader for ever")
        .config(|config| config.limits.stall_time = NEVER),
    Fault::new("stalled-without-reason", STALLED, "gives a stalled reader no reason").sent(
        |mut frame, line| {
            if frame.code() == Some(1008) {
                frame.payload.truncate(2);
            }
            line.pass_out(&frame);
        },
    ),
    Fault::new("stalled-with-1001", STALLED, "closes a stalled reader with 1001")
        .sent(|frame, line| recode(frame, line, 1008, 1001)),
    Fault::new("stalled-without-close", STALLED, "drops a stalled reader without a close").sent(
        |frame, line| {
            if frame.code() != Some(1008) {
                line.pass_out(&frame);
            }
        },
    ),
    Fault::new("slow-cut", "backpressure.slow-not-stalled", "cuts slow readers too")
        .flow(Flow::SlowCut),
    Fault::new("meanwhile-lost", "backpressure.channel-moves-on", "loses what came during a stall")
        .flow(Flow::MeanwhileLost)
        .received(|frame, line| {
            if !(line.losing && frame.is_data()) {
                line.pass_in(&frame);
            }
        }),
    Fault::new(
        "all-wait",
        "backpressure.other-channels-free",
        "one stalled reader stops everybody",
    )
    .flow(Flow::AllWait),
    Fault::new("links-without-bound", "backpressure.links-too", "queues for links without bound")
        .flow(Flow::Unbounded(|line| line.side == Side::Accepted && line.is_link())),
    Fault::new("links-never-held", "backpressure.links-too", "reads links whoever is full")
        .flow(Flow::ReadAhead(|line| line.side == Side::Dialled)),
    Fault::new("limit-one-short", "limit.message-size", "accepts one byte less than its limit")
        .config(|config| config.limits.message_bytes -= 1),
    Fault::new("limit-low-for-links", "limit.message-size", "accepts 4096 bytes over links")
        .received(|frame, line| {
            if line.side == Side::Dialled && frame.payload.len() > 4096 {
                line.tell_proxy(Frame::violation());
            } else {
                line.pass_in(&frame);
            }
        }),
    Fault::new("no-limit", "limit.message-too-big", "accepts larger messages than its limit")
        .config(|config| config.limits.message_bytes *= LARGER),
    Fault::new("limit-by-frame", "limit.message-too-big", "holds its limit against each fragment")
        .config(|config| config.limits.message_bytes *= LARGER)
        .received(|frame, line| {
            // A larger frame than that is too big for the proxy itself.
            let too_big = frame.payload.len() > line.shared.config.limits.message_bytes / LARGER;
            let close = Frame::close(1009, "too big");
            match (too_big, line.close_sent) {
                (true, false) => line.tell_peer(close),
                (false, false) => line.pass_in(&frame),
                (_, true) => {}
            }
        }),
    Fault::new(
        "too-big-with-1002",
        "limit.message-too-big",
        "closes with 1002 for what is too big",
    )
    .sent(|frame, line| recode(frame, line, 1009, 1002)),
    Fault::new("too-big-cut", "limit.message-too-big", "delivers what is too big up to the limit")
        .config(|config| config.limits.message_bytes *= LARGER)
        .heard(|mut frame, line| {
            let limit = line.shared.config.limits.message_bytes / LARGER;
            frame.fin |= frame.opcode != CONTINUATION;
            frame.payload.truncate(limit);
            line.pass_in(&frame);
        }),
];
