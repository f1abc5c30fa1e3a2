//! `lifecycle.*`: who comes is late, who goes stays.

use super::websocket::recode;
use crate::fault::Fault;
use crate::flow::Flow;
use crate::frame::CLOSE;

const LAST: &str = "lifecycle.last-client-closes-links";
const SHUTDOWN: &str = "lifecycle.shutdown-closes";

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("late-members", "lifecycle.member-from-answer", "a client misses the first message")
        .sent(|frame, line| {
            line.count += u64::from(line.is_client() && frame.is_data());
            if line.count != 1 || !frame.is_data() {
                line.pass_out(&frame);
            }
        }),
    Fault::new(
        "last-message-kept",
        "lifecycle.nothing-stored",
        "repeats the last message to who joins",
    )
    .heard(|frame, line| {
        line.shared.keep_last(line.channel(), &frame);
        line.pass_in(&frame);
    })
    .joined(|line| {
        if line.is_client()
            && let Some(last) = line.shared.last(line.channel())
        {
            line.tell_peer(last);
        }
    }),
    Fault::new("leavers-awaited", "lifecycle.leaves-at-once", "waits for a full reader that left")
        .flow(Flow::EndHidden)
        .received(|frame, line| {
            if line.full && frame.opcode == CLOSE {
                line.kept.push(frame);
            } else {
                line.pass_in(&frame);
            }
        }),
    Fault::new(
        "keeps-adverts",
        "lifecycle.last-client-withdraws",
        "keeps adverts without a client",
    )
    .keeps_adverts(),
    Fault::new("links-kept", LAST, "keeps links open after the last client").sent(|frame, line| {
        if line.is_link() && frame.code() == Some(1000) && !line.close_received {
            line.stays_open = true;
        } else {
            line.pass_out(&frame);
        }
    }),
    Fault::new("links-left-with-1001", LAST, "closes unneeded links with 1001").sent(
        |frame, line| {
            let to = if line.is_link() && !line.close_received { 1001 } else { 1000 };
            recode(frame, line, 1000, to);
        },
    ),
    Fault::new("shutdown-with-1000", SHUTDOWN, "shuts down with 1000")
        .sent(|frame, line| recode(frame, line, 1001, 1000)),
    Fault::new("shutdown-without-close", SHUTDOWN, "shuts down without a close").sent(
        |frame, line| {
            if frame.code() != Some(1001) {
                line.pass_out(&frame);
            }
        },
    ),
    Fault::new("shutdown-forgets-links", SHUTDOWN, "tells links nothing when it shuts down").sent(
        |frame, line| {
            if frame.code() != Some(1001) || !line.is_link() {
                line.pass_out(&frame);
            }
        },
    ),
];
