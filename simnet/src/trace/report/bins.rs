//! What was sent and heard over time, in at most [`BINS`] equal pieces of the run.
//!
//! ```text
//!   │12│ 3│ 0│ 7│ 1│ 1│ 4│ 0│        full, and time goes on:
//!   │15   │ 7   │ 2   │ 4   │...     two pieces become one, twice as long
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::ProxyNo;

/// A run is shown in half as many pieces at least, and in as many at most.
const BINS: usize = 600;
/// The length of a piece at first.
const FIRST_MS: u64 = 1;
/// A piece tells this many pairs of proxies apart, between which messages went.
const FLOWS_MAX: usize = 200;

/// One piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bin {
    /// Messages that each proxy's clients sent.
    pub(super) sent: BTreeMap<ProxyNo, u32>,
    /// Messages that each proxy's clients heard.
    pub(super) heard: BTreeMap<ProxyNo, u32>,
    /// Of those, the ones that came from clients of another proxy: from where to where.
    pub(super) flows: BTreeMap<(ProxyNo, ProxyNo), u32>,
    /// How many are not in `flows`, because it is full.
    pub(super) flows_left_out: u64,
}

impl Bin {
    fn add_flow(&mut self, way: (ProxyNo, ProxyNo), count: u32) {
        if self.flows.len() < FLOWS_MAX || self.flows.contains_key(&way) {
            *self.flows.entry(way).or_default() += count;
        } else {
            self.flows_left_out += u64::from(count);
        }
    }

    fn absorb(&mut self, other: Self) {
        for (proxy, count) in other.sent {
            *self.sent.entry(proxy).or_default() += count;
        }
        for (proxy, count) in other.heard {
            *self.heard.entry(proxy).or_default() += count;
        }
        for (way, count) in other.flows {
            self.add_flow(way, count);
        }
        self.flows_left_out += other.flows_left_out;
    }
}

/// All pieces so far.
#[derive(Debug)]
pub(super) struct Bins {
    pub(super) length_ms: u64,
    pub(super) bins: Vec<Bin>,
}

impl Default for Bins {
    fn default() -> Self {
        Self { length_ms: FIRST_MS, bins: Vec::new() }
    }
}

impl Bins {
    /// A client of this proxy sent something.
    pub(super) fn sent(&mut self, at: Duration, by: ProxyNo) {
        *self.at(at).sent.entry(by).or_default() += 1;
    }

    /// A client of `by` heard what a client of `from` sent.
    pub(super) fn heard(&mut self, at: Duration, by: ProxyNo, from: Option<ProxyNo>) {
        let bin = self.at(at);
        *bin.heard.entry(by).or_default() += 1;
        if let Some(from) = from.filter(|from| *from != by) {
            bin.add_flow((from, by), 1);
        }
    }

    fn at(&mut self, at: Duration) -> &mut Bin {
        let ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        while ms / self.length_ms >= BINS as u64 {
            self.double();
        }
        let place = (ms / self.length_ms) as usize;
        if self.bins.len() <= place {
            self.bins.resize_with(place + 1, Bin::default);
        }
        &mut self.bins[place]
    }

    fn double(&mut self) {
        self.length_ms = self.length_ms.saturating_mul(2);
        let mut old = std::mem::take(&mut self.bins).into_iter();
        while let Some(mut first) = old.next() {
            if let Some(second) = old.next() {
                first.absorb(second);
            }
            self.bins.push(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_no_more_pieces_than_a_second_and_nothing_is_lost() {
        let mut bins = Bins::default();
        let (one, two) = (ProxyNo(1), ProxyNo(2));
        for second in 0..86_400 {
            bins.sent(Duration::from_secs(second), one);
            bins.heard(Duration::from_secs(second), two, Some(one));
            bins.heard(Duration::from_secs(second), one, Some(one));
        }
        assert!((BINS / 2..=BINS).contains(&bins.bins.len()), "{} pieces", bins.bins.len());
        let sum = |of: fn(&Bin) -> u32| bins.bins.iter().map(of).sum::<u32>();
        assert_eq!(sum(|bin| bin.sent[&ProxyNo(1)]), 86_400);
        assert_eq!(sum(|bin| bin.heard.values().sum()), 2 * 86_400);
        assert_eq!(sum(|bin| bin.flows[&(ProxyNo(1), ProxyNo(2))]), 86_400, "between proxies only");
        // Each message is in the piece of its time.
        let (length, at) = (bins.length_ms, Duration::from_secs(4000));
        let before = bins.bins[(4_000_000 / length) as usize].sent[&one];
        bins.sent(at, one);
        assert_eq!(bins.bins[(4_000_000 / length) as usize].sent[&one], before + 1);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut bins = Bins::default();
        for n in 0..2 * FLOWS_MAX as u32 {
            bins.heard(Duration::ZERO, ProxyNo(0), Some(ProxyNo(n + 1)));
            bins.heard(Duration::ZERO, ProxyNo(0), Some(ProxyNo(1)));
        }
        let bin = &bins.bins[0];
        assert_eq!((bin.flows.len(), bin.flows_left_out), (FLOWS_MAX, FLOWS_MAX as u64));
        assert_eq!(bin.flows[&(ProxyNo(1), ProxyNo(0))], 2 * FLOWS_MAX as u32 + 1);
    }
}
