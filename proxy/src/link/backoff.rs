//! How long to wait before trying again.

use rand::Rng;
use tokio::time::Duration;

/// `min` after the first failure, doubled with each further one up to `max`, times a random
/// factor of 0.5 to 1, so that many proxies that lost the same thing do not come back in step.
pub(super) fn backoff(failures: u32, min: Duration, max: Duration, rng: &mut impl Rng) -> Duration {
    let doublings = failures.saturating_sub(1).min(30);
    let pause = min.saturating_mul(1 << doublings).min(max);
    pause.mul_f64(0.5 + 0.5 * f64::from(rng.next_u32()) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn it_doubles_is_bounded_and_differs() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(30));
        let mut seen = std::collections::BTreeSet::new();
        for failures in 1..100 {
            let whole = min.saturating_mul(1 << (failures - 1).min(20)).min(max);
            let pause = backoff(failures, min, max, &mut rng);
            assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?} of {whole:?}");
            seen.insert(pause);
        }
        assert!(seen.len() > 90);
    }
}
