//! One direction of one link: what it does to a packet.

use std::rc::Rc;

use super::draw::Draw;
use super::packet::Cause;
use super::quality::{Latency, Loss, Quality};

/// Bits in a byte times nanoseconds in a second.
const BIT_NANOS: u128 = 8_000_000_000;

/// A link's quality and what it remembers of the packets before.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) quality: Rc<Quality>,
    /// What it is without faults.
    normal: Rc<Quality>,
    /// When the last packet of the queue is out.
    free_at: u64,
    /// When the last packet arrives, which the next one does not overtake.
    last_arrival: u64,
    /// Whether a bursty link is in its bad state.
    bad: bool,
}

/// What becomes of a packet on a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Lost(Cause),
    /// It arrives then, and its copy, if the link made one, then.
    Arrives(u64, Option<u64>),
}

impl Link {
    pub(super) fn new(quality: Quality) -> Self {
        let quality = Rc::new(quality);
        Self { normal: Rc::clone(&quality), quality, free_at: 0, last_arrival: 0, bad: false }
    }

    /// Replaces the quality until [`restore`](Link::restore).
    pub(super) fn degrade(&mut self, quality: &Rc<Quality>) {
        self.quality = Rc::clone(quality);
    }

    pub(super) fn restore(&mut self) {
        self.quality = Rc::clone(&self.normal);
    }

    /// Whether packets meet no queue here and cannot overtake, so that one may be passed ahead
    /// of its time.
    pub(super) fn is_memoryless(&self) -> bool {
        self.quality.bits_per_second.is_none() && matches!(self.quality.latency, Latency::Fixed(_))
    }

    /// Passes a packet of `bytes` in `fragments` that comes at `at`.
    pub(super) fn pass(&mut self, at: u64, bytes: u64, fragments: u64, draw: &mut Draw) -> Passage {
        let quality = Rc::clone(&self.quality);
        let mut out = at;
        if let Some(bits) = quality.bits_per_second {
            let bits = u128::from(bits.max(1));
            let start = self.free_at.max(at);
            let waiting = u128::from(start - at) * bits / BIT_NANOS;
            // A packet larger than the queue still passes an idle link.
            if waiting > 0 && waiting + u128::from(bytes) > u128::from(quality.queue_bytes) {
                return Passage::Lost(Cause::QueueFull);
            }
            let takes = u64::try_from(u128::from(bytes) * BIT_NANOS / bits).unwrap_or(u64::MAX);
            out = start.saturating_add(takes);
            self.free_at = out;
        }
        if (0..fragments).fold(false, |lost, _| self.loses(&quality.loss, draw) || lost) {
            return Passage::Lost(if fragments > 1 { Cause::TooLarge } else { Cause::Loss });
        }
        let mut arrival = out.saturating_add(nanos(draw.latency(&quality.latency)));
        if draw.chance(quality.reorder) {
            arrival = arrival.saturating_add(nanos(draw.latency(&quality.latency)));
        } else if !matches!(quality.latency, Latency::Fixed(_)) {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        Passage::Arrives(arrival, draw.chance(quality.duplicate).then_some(arrival))
    }

    fn loses(&mut self, loss: &Loss, draw: &mut Draw) -> bool {
        match *loss {
            Loss::None => false,
            Loss::Independent(share) => draw.chance(share),
            Loss::Bursty { to_bad, to_good, lost_in_good, lost_in_bad } => {
                let turns = draw.chance(if self.bad { to_good } else { to_bad });
                self.bad ^= turns;
                draw.chance(if self.bad { lost_in_bad } else { lost_in_good })
            }
        }
    }
}

/// Nanoseconds.
pub(super) fn nanos(time: std::time::Duration) -> u64 {
    // 584 years fit.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
