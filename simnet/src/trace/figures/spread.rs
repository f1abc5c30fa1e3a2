//! How times are spread, in bounded memory.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Times are kept to three digits; the shortest and the longest exactly.
const DIGITS: u8 = 3;

/// Collects times for a [`Spread`].
#[derive(Clone, Debug)]
pub(super) struct Times {
    nanos: Histogram<u64>,
    min: Duration,
    max: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let nanos = Histogram::new(DIGITS).expect("it takes up to 5 digits");
        Self { nanos, min: Duration::MAX, max: Duration::ZERO }
    }
}

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        self.min = self.min.min(time);
        self.max = self.max.max(time);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.record(nanos).expect("it grows to any u64");
    }

    /// None as long as there is nothing to tell.
    pub(super) fn spread(&self) -> Option<Spread> {
        let at = |quantile| {
            let time = Duration::from_nanos(self.nanos.value_at_quantile(quantile));
            time.clamp(self.min, self.max)
        };
        (!self.nanos.is_empty()).then(|| Spread {
            count: self.nanos.len(),
            min: self.min,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: self.max,
        })
    }

    /// How many times there are up to each of some growing limits, and beyond the last.
    pub(super) fn counts(&self, limits: &[Duration]) -> Vec<u64> {
        let mut counts = vec![0; limits.len() + 1];
        for step in self.nanos.iter_recorded() {
            let time = Duration::from_nanos(step.value_iterated_to()).min(self.max);
            let place = limits.partition_point(|limit| *limit < time);
            counts[place] += step.count_at_value();
        }
        counts
    }
}

/// How many times there were, and how they are spread: as many percent are at most as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// The shortest.
    #[serde(rename = "min_ns", serialize_with = "crate::event::as_nanos")]
    pub min: Duration,
    /// 50 %.
    #[serde(rename = "p50_ns", serialize_with = "crate::event::as_nanos")]
    pub p50: Duration,
    /// 90 %.
    #[serde(rename = "p90_ns", serialize_with = "crate::event::as_nanos")]
    pub p90: Duration,
    /// 99 %.
    #[serde(rename = "p99_ns", serialize_with = "crate::event::as_nanos")]
    pub p99: Duration,
    /// 99.9 %.
    #[serde(rename = "p99.9_ns", serialize_with = "crate::event::as_nanos")]
    pub p99_9: Duration,
    /// The longest.
    #[serde(rename = "max_ns", serialize_with = "crate::event::as_nanos")]
    pub max: Duration,
}

/// A time for a table: three digits that count, and the unit that fits.
pub(super) struct Short(pub(super) Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos() as f64;
        // The unit by what is shown: 999.9 µs are 1.00 ms.
        let units = [(1e3, "µs"), (1e6, "ms"), (1e9, "s")];
        let fits = |(size, _): &&(f64, &str)| nanos / size < 999.5;
        let (size, unit) = units.iter().find(fits).copied().unwrap_or((1e9, "s"));
        let value = nanos / size;
        let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
        f.pad(&format!("{value:.digits$} {unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_that_of_the_times() {
        let mut times = Times::default();
        assert_eq!(times.spread(), None);
        (1..=10_000).for_each(|n| times.add(Duration::from_micros(n * 100)));
        let spread = times.spread().unwrap();
        assert_eq!(spread.count, 10_000);
        assert_eq!((spread.min, spread.max), (Duration::from_micros(100), Duration::from_secs(1)));
        let expected =
            [(spread.p50, 500), (spread.p90, 900), (spread.p99, 990), (spread.p99_9, 999)];
        for (found, ms) in expected {
            let off = found.abs_diff(Duration::from_millis(ms));
            assert!(off < Duration::from_millis(1), "{found:?} is not {ms} ms to three digits");
        }
        let limits = [100, 500].map(Duration::from_millis);
        let counts = times.counts(&limits);
        assert_eq!(counts.iter().sum::<u64>(), 10_000);
        assert!(counts[0].abs_diff(1000) <= 1 && counts[1].abs_diff(4000) <= 10, "{counts:?}");
    }

    #[test]
    fn one_time_is_told_exactly() {
        let mut times = Times::default();
        let time = Duration::from_nanos(123_456_789);
        times.add(time);
        let spread = times.spread().unwrap();
        assert_eq!([spread.min, spread.p50, spread.p99_9, spread.max], [time; 4]);
    }

    #[test]
    fn times_are_shown_with_three_digits_and_a_unit() {
        let shown = |nanos| Short(Duration::from_nanos(nanos)).to_string();
        for (nanos, text) in [
            (0, "0.00 µs"),
            (1_234, "1.23 µs"),
            (12_345, "12.3 µs"),
            (999_400, "999 µs"),
            (999_900, "1.00 ms"),
            (99_960_000, "100 ms"),
            (1_500_000_000, "1.50 s"),
            (86_400_000_000_000, "86400 s"),
        ] {
            assert_eq!(shown(nanos), text);
        }
    }
}
