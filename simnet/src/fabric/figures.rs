//! What a fabric has counted.

use std::fmt;

use super::packet::Cause;

/// Counters of a fabric since its start. Loopback is not counted, except in `events`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Packets that hosts put on wires.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
    /// Those to multicast groups, each once however many hear it.
    pub multicast_packets: u64,
    /// Their bytes.
    pub multicast_bytes: u64,
    /// Arrivals at interfaces: one for each receiver of a multicast and each copy.
    pub arrivals: u64,
    /// Arrivals that did not come to be, by cause.
    pub lost: Losses,
    /// TCP segments that were sent again.
    pub retransmissions: u64,
    /// Events of the queue.
    pub events: u64,
}

/// Packets that did not arrive, by [`Cause`].
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses([u64; Cause::ALL.len()]);

impl Losses {
    /// How many were lost for this cause.
    #[must_use]
    pub fn by(&self, cause: Cause) -> u64 {
        self.0[cause as usize]
    }

    /// How many were lost.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(super) fn count(&mut self, cause: Cause) {
        self.0[cause as usize] += 1;
    }
}

impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = Cause::ALL.iter().map(|cause| (cause, self.by(*cause)));
        f.debug_map().entries(counted.filter(|(_, count)| *count > 0)).finish()
    }
}
