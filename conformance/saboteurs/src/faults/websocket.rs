//! `websocket.*`: what RFC 6455 asks for is left out, or what it forbids is let through.

use crate::fault::Fault;
use crate::flow::Flow;
use crate::frame::{BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};
use crate::line::{Line, Side};

const SOUND: &str = "websocket.sound-frames";
const ERROR: &str = "websocket.protocol-error";
const BAD_TEXT: &str = "websocket.bad-text";

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("masks-as-server", SOUND, "masks the frames that it sends as a server")
        .sent(|frame, line| line.pass_out(&Frame { mask: Some([1, 2, 3, 4]), ..frame })),
    Fault::new("unmasked-as-client", SOUND, "does not mask the frames that it sends as a client")
        .sent(|frame, line| line.pass_out(&Frame { mask: None, ..frame })),
    Fault::new("sets-reserved-bit", SOUND, "marks its frames as compressed")
        .sent(|frame, line| line.pass_out(&Frame { reserved: 0x40, ..frame })),
    Fault::new("pads-lengths", SOUND, "writes each short length in two bytes").sent(
        |frame, line| {
            let mut bytes = frame.encode();
            if frame.payload.len() < 126 {
                let (marked, len) = (bytes[1] & 0x80 | 126, bytes[1] & 0x7f);
                bytes.splice(1..2, [marked, 0, len]);
            }
            line.to_peer.extend_from_slice(&bytes);
        },
    ),
    Fault::new("long-pongs", SOUND, "answers pings with more than 125 bytes").sent(
        |mut frame, line| {
            if frame.opcode == PONG {
                frame.payload.resize(126, 0);
            }
            line.pass_out(&frame);
        },
    ),
    Fault::new("fragmented-pongs", SOUND, "answers pings in pieces").sent(|frame, line| {
        line.pass_out(&Frame { fin: frame.fin && frame.opcode != PONG, ..frame });
    }),
    Fault::new("no-fragments", "websocket.fragments-accepted", "refuses fragmented messages")
        .received(|frame, line| refuse_if(frame.is_data() && !frame.fin, &frame, line)),
    Fault::new("no-empty-fragments", "websocket.fragments-accepted", "refuses empty fragments")
        .received(|frame, line| {
            let fragment = frame.opcode == CONTINUATION || !frame.fin;
            refuse_if(fragment && frame.payload.is_empty(), &frame, line);
        }),
    Fault::new(
        "no-ping-between",
        "websocket.fragments-accepted",
        "refuses a ping between fragments",
    )
    .received(|frame, line| {
        let open = is_open(&frame, line);
        refuse_if(open && frame.opcode == PING, &frame, line);
    }),
    Fault::new("never-pongs", "websocket.ping-answered", "answers no ping").sent(|frame, line| {
        if frame.opcode != PONG {
            line.pass_out(&frame);
        }
    }),
    Fault::new("empty-pongs", "websocket.ping-answered", "answers pings without their payload")
        .sent(|mut frame, line| {
            if frame.opcode == PONG {
                frame.payload.clear();
            }
            line.pass_out(&frame);
        }),
    Fault::new("close-with-1000", "websocket.close-echoed", "answers each close with 1000").sent(
        |frame, line| {
            let answer = frame.opcode == CLOSE && line.close_received;
            let payload = if answer { Frame::close(1000, "").payload } else { frame.payload };
            line.pass_out(&Frame { payload, ..frame });
        },
    ),
    Fault::new("close-unanswered", "websocket.close-echoed", "ends without a close of its own")
        .sent(|frame, line| {
            if frame.opcode != CLOSE || !line.close_received {
                line.pass_out(&frame);
            }
        }),
    Fault::new("talks-after-close", "websocket.close-is-last", "sends a ping after its close")
        .sent(|frame, line| {
            line.pass_out(&frame);
            if frame.opcode == CLOSE {
                line.tell_peer(Frame::new(PING, "still here"));
            }
        }),
    Fault::new("unmasked-taken", ERROR, "accepts unmasked frames of clients").received(
        |frame, line| {
            let mask = (line.side == Side::Accepted).then(|| frame.mask.unwrap_or_default());
            line.pass_in(&Frame { mask: mask.or(frame.mask), ..frame });
        },
    ),
    Fault::new("masked-taken", ERROR, "accepts masked frames over links that it dialled").received(
        |frame, line| {
            let mask = frame.mask.filter(|_| line.side == Side::Accepted);
            line.pass_in(&Frame { mask, ..frame });
        },
    ),
    Fault::new("reserved-bits-taken", ERROR, "ignores reserved bits")
        .received(|frame, line| line.pass_in(&Frame { reserved: 0, ..frame })),
    Fault::new("reserved-opcodes-taken", ERROR, "ignores frames with a reserved opcode").received(
        |frame, line| {
            if !matches!(frame.opcode, 3..=7 | 11..) {
                line.pass_in(&frame);
            }
        },
    ),
    Fault::new("fragmented-pings-taken", ERROR, "accepts fragmented control frames").received(
        |frame, line| {
            line.pass_in(&Frame { fin: frame.fin || !frame.is_data(), ..frame });
        },
    ),
    Fault::new("long-pings-taken", ERROR, "accepts long control frames").received(
        |mut frame, line| {
            if !frame.is_data() {
                frame.payload.truncate(125);
            }
            line.pass_in(&frame);
        },
    ),
    Fault::new("stray-fragments-taken", ERROR, "ignores a continuation of nothing").received(
        |frame, line| {
            let open = is_open(&frame, line);
            if frame.opcode == CONTINUATION && !open {
                line.count = 0;
            } else {
                line.pass_in(&frame);
            }
        },
    ),
    Fault::new("nested-messages-taken", ERROR, "lets a message begin inside another").received(
        |frame, line| {
            let open = is_open(&frame, line);
            if open && matches!(frame.opcode, TEXT | BINARY) {
                line.tell_proxy(Frame::new(CONTINUATION, ""));
            }
            line.pass_in(&frame);
        },
    ),
    Fault::new("short-closes-taken", ERROR, "accepts a close with a body of one byte").received(
        |mut frame, line| {
            if frame.opcode == CLOSE && frame.payload.len() == 1 {
                frame.payload.clear();
            }
            line.pass_in(&frame);
        },
    ),
    Fault::new("any-code-taken", ERROR, "accepts any close code").received(|mut frame, line| {
        if frame.code().is_some_and(|code| !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999))
        {
            frame.payload = Frame::close(1000, "").payload;
        }
        line.pass_in(&frame);
    }),
    Fault::new("errors-with-1000", ERROR, "closes with 1000 after a protocol error")
        .sent(|frame, line| recode(frame, line, 1002, 1000)),
    Fault::new("errors-without-close", ERROR, "drops the connection after a protocol error").sent(
        |frame, line| {
            if frame.code() != Some(1002) {
                line.pass_out(&frame);
            }
        },
    ),
    Fault::new("text-unchecked", BAD_TEXT, "delivers text that is not UTF-8").heard(
        |frame, line| {
            let bad = frame.opcode == TEXT && std::str::from_utf8(&frame.payload).is_err();
            let opcode = if bad { BINARY } else { frame.opcode };
            line.pass_in(&Frame { opcode, ..frame });
        },
    ),
    Fault::new("text-mended", BAD_TEXT, "replaces what is not UTF-8").heard(|mut frame, line| {
        if frame.opcode == TEXT {
            frame.payload = String::from_utf8_lossy(&frame.payload).into_owned().into_bytes();
        }
        line.pass_in(&frame);
    }),
    Fault::new("text-by-fragment", BAD_TEXT, "judges each fragment of a text by itself").received(
        |mut frame, line| {
            let text =
                if frame.opcode == CONTINUATION { line.count == 1 } else { frame.opcode == TEXT };
            if frame.is_data() {
                line.count = u64::from(text && !frame.fin);
                if text && std::str::from_utf8(&frame.payload).is_err() {
                    frame.payload = vec![0xff];
                }
            }
            line.pass_in(&frame);
        },
    ),
    Fault::new("bad-text-with-1002", BAD_TEXT, "closes with 1002 for what is not UTF-8")
        .sent(|frame, line| recode(frame, line, 1007, 1002)),
    Fault::new("never-pings", "websocket.idle-pinged", "sends no ping").sent(|frame, line| {
        if frame.opcode != PING {
            line.pass_out(&frame);
        }
    }),
    Fault::new("dead-kept", "websocket.silent-closed", "keeps connections that are long silent")
        .sent(|frame, line| {
            line.pass_out(&frame);
            if frame.opcode == PING {
                line.tell_proxy(Frame { opcode: PONG, ..frame });
            }
        }),
    Fault::new("deaf-to-pongs", "websocket.silent-closed", "drops who only answers pings")
        .received(|frame, line| {
            if frame.opcode != PONG {
                line.pass_in(&frame);
            }
        }),
    Fault::new("held-is-silent", "websocket.busy-not-silent", "drops a sender that it holds back")
        .flow(Flow::SilenceCounted),
];

/// Whether a fragmented message goes on before this frame.
fn is_open(frame: &Frame, line: &mut Line) -> bool {
    let open = line.count > 0;
    if frame.is_data() {
        line.count = u64::from(!frame.fin);
    }
    open
}

/// Has the proxy close with 1002, or passes the frame on.
fn refuse_if(refused: bool, frame: &Frame, line: &mut Line) {
    if refused {
        line.tell_proxy(Frame::violation());
    } else {
        line.pass_in(frame);
    }
}

/// Sends a close frame with another code.
pub(super) fn recode(mut frame: Frame, line: &mut Line, from: u16, to: u16) {
    if frame.code() == Some(from) {
        frame.payload.splice(..2, to.to_be_bytes());
    }
    line.pass_out(&frame);
}
