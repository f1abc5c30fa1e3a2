//! How much travels: in all, and in the busiest second.

use std::time::Duration;

use serde::Serialize;

/// Packets and their bytes, from the IP header on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// IP packets, each counted once where it is put on a segment, whoever receives it.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
    }
}

/// What travelled in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// In all.
    #[serde(flatten)]
    pub total: Amount,
    /// Packets a second, over the whole run.
    pub packets_a_second: f64,
    /// Bytes a second, over the whole run.
    pub bytes_a_second: f64,
    /// The most in one second of the clock, of packets and of bytes, each by itself.
    pub peak_second: Amount,
}

/// Collects [`Traffic`].
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    total: Amount,
    peak: Amount,
    second: u64,
    in_second: Amount,
}

impl Counter {
    pub(super) fn add(&mut self, at: Duration, bytes: u64) {
        if at.as_secs() != self.second {
            self.second = at.as_secs();
            self.in_second = Amount::default();
        }
        self.total.add(bytes);
        self.in_second.add(bytes);
        self.peak.packets = self.peak.packets.max(self.in_second.packets);
        self.peak.bytes = self.peak.bytes.max(self.in_second.bytes);
    }

    /// What there was in a run of this length.
    pub(super) fn traffic(&self, run: Duration) -> Traffic {
        let seconds = run.as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Traffic {
            total: self.total,
            packets_a_second: rate(self.total.packets),
            bytes_a_second: rate(self.total.bytes),
            peak_second: self.peak,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_is_found_and_the_mean_is_over_the_run() {
        let mut counter = Counter::default();
        let packets = [(100, 60), (900, 60), (1000, 500), (5500, 10), (5999, 10), (5999, 10)];
        packets.iter().for_each(|&(ms, bytes)| counter.add(Duration::from_millis(ms), bytes));
        let traffic = counter.traffic(Duration::from_secs(10));
        assert_eq!(traffic.total, Amount { packets: 6, bytes: 650 });
        assert_eq!(traffic.peak_second, Amount { packets: 3, bytes: 500 });
        assert_eq!((traffic.packets_a_second, traffic.bytes_a_second), (0.6, 65.0));
        assert_eq!(Counter::default().traffic(Duration::ZERO), Traffic::default());
    }
}
