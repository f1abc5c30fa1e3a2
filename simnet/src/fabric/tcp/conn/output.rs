//! What a connection says: its segments, when they are due.

use super::{Ack, Conn, NEVER, Say, State};
use crate::fabric::packet::Segment;

impl Conn {
    /// Writes the segments that are due.
    pub(in crate::fabric::tcp) fn output(
        &mut self,
        now: u64,
        mss: usize,
        out: &mut Vec<Segment>,
    ) -> u64 {
        self.mss = mss;
        let mut again = 0;
        match self.say.take() {
            Some(Say::Syn) => {
                let answer = self.state != State::Connecting;
                let window = self.receiver.window(mss);
                out.push(Segment {
                    sequence: self.iss,
                    acknowledged: if answer { self.irs.wrapping_add(1) } else { 0 },
                    window,
                    syn: true,
                    ack: answer,
                    ..Segment::default()
                });
                if self.sender.retries == 0 {
                    self.sender.progress_at = now;
                } else {
                    again += 1;
                }
                self.deadline = now + self.sender.patience(&self.times);
                return again;
            }
            Some(Say::Probe) => {
                let probe = self.segment(self.sender.una.wrapping_sub(1));
                out.push(probe);
            }
            Some(Say::Reset) => {
                let reset = Segment { rst: true, ..self.segment(self.sender.max) };
                out.push(reset);
                return 0;
            }
            None => {}
        }
        if self.state == State::Open {
            while let Some(piece) = self.sender.piece(now, mss) {
                again += u64::from(piece.again);
                let psh = piece.last && !piece.payload.is_empty();
                let segment = self.segment(piece.place);
                let (payload, fin) = (piece.payload, piece.fin);
                out.push(Segment { payload, fin, psh, ..segment });
            }
        }
        if self.ack == Ack::Now && matches!(self.state, State::Open | State::Lingering) {
            let pure = self.segment(self.sender.max);
            out.push(pure);
        }
        let waits = self.sender.in_flight() || self.sender.is_blocked();
        if self.state == State::Open && waits && self.deadline == NEVER {
            if self.sender.is_blocked() && self.sender.backoff == 0 {
                self.sender.progress_at = now;
            }
            self.deadline = now + self.sender.patience(&self.times);
        }
        again
    }

    /// A segment without data, which acknowledges what has come.
    fn segment(&mut self, place: u64) -> Segment {
        self.ack = Ack::None;
        Segment {
            sequence: self.sequence(place),
            acknowledged: self.irs.wrapping_add(1).wrapping_add(self.receiver.next as u32),
            window: self.receiver.window(self.mss),
            ack: true,
            ..Segment::default()
        }
    }
}
