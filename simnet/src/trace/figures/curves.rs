//! How times are spread, as curves to draw.

use std::time::Duration;

use serde::Serialize;

use super::spread::Times;
use super::table::NAMES;

/// From a microsecond to a day, with as many points for each power of ten.
const POINTS_A_DECADE: i32 = 10;
const DECADES: i32 = 11;

/// The spreads of [`Figures`](super::Figures), each as counts up to each of some limits.
#[derive(Debug, Serialize)]
pub(in crate::trace) struct Curves {
    /// Growing, the same for all. Beyond the last there is one count more.
    limits_ms: Vec<f64>,
    curves: Vec<Curve>,
}

#[derive(Debug, Serialize)]
struct Curve {
    name: &'static str,
    counts: Vec<u64>,
}

impl Curves {
    /// Of the five in their order.
    pub(super) fn of(times: [&Times; 5]) -> Self {
        let place = |n: i32| f64::from(n) / f64::from(POINTS_A_DECADE);
        let limits_ms: Vec<f64> =
            (0..=DECADES * POINTS_A_DECADE).map(|n| 1e-3 * 10f64.powf(place(n))).collect();
        let limits: Vec<Duration> =
            limits_ms.iter().map(|ms| Duration::from_secs_f64(ms / 1e3)).collect();
        let curve = |(name, times): (_, &Times)| Curve { name, counts: times.counts(&limits) };
        Self { limits_ms, curves: NAMES.into_iter().zip(times).map(curve).collect() }
    }
}
