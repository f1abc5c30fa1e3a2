//! Draws that a person can read: whole milliseconds, whole numbers, names.

use std::time::Duration;

use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What one seed draws.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whether it is so, with this probability in percent.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.0.random_ratio(percent, 100)
    }

    pub(super) fn between(&mut self, least: u32, most: u32) -> u32 {
        self.0.random_range(least..=most)
    }

    /// Anything from `-most` to `most`.
    pub(super) fn signed(&mut self, most: i32) -> i32 {
        self.0.random_range(-most..=most)
    }

    pub(super) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.0.random_range(least..=most))
    }

    pub(super) fn seconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_secs(self.0.random_range(least..=most))
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.0).expect("there is something to pick from")
    }

    /// So many of them, in their order.
    pub(super) fn some<T: Copy>(&mut self, of: &[T], number: usize) -> Vec<T> {
        let mut places = (0..of.len()).sample(&mut self.0, number);
        places.sort_unstable();
        places.into_iter().map(|place| of[place]).collect()
    }
}
