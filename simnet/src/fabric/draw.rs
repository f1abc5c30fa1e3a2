//! The fabric's one source of chance.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::quality::Latency;

/// Draws from the seed. What a link draws depends on its quality alone, so links without chance
/// draw nothing.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(super) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// From 0 to 1, the latter excluded.
    fn unit(&mut self) -> f64 {
        // The 53 bits that a f64 holds exactly.
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    pub(super) fn latency(&mut self, latency: &Latency) -> Duration {
        match *latency {
            Latency::Fixed(time) => time,
            Latency::Uniform { min, max } => min + max.saturating_sub(min).mul_f64(self.unit()),
            Latency::Normal { mean, deviation } => {
                let seconds = mean.as_secs_f64() + deviation.as_secs_f64() * self.normal();
                Duration::try_from_secs_f64(seconds).unwrap_or_default()
            }
            Latency::LongTailed { min, shape, max } => {
                // The inverse of Pareto's distribution function.
                let factor = (1.0 - self.unit()).powf(-1.0 / shape);
                Duration::try_from_secs_f64(min.as_secs_f64() * factor).map_or(max, |t| t.min(max))
            }
        }
    }

    /// The standard normal distribution, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}
