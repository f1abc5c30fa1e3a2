//! How good a link is: what a packet suffers between a host's interface and its segment.
//!
//! ```text
//!   host ──▶ queue ──▶ bandwidth ──▶ latency ──▶ loss? copy? ──▶ segment ──▶ each receiver's link
//! ```
//!
//! A [`Quality`] is a value: a scenario's TOML writes it, a fault replaces it for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What packets suffer on one link, in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quality {
    /// Time that a packet is under way.
    pub latency: Latency,
    /// Which packets are lost.
    pub loss: Loss,
    /// Share of packets that arrive twice, 0 to 1.
    pub duplicate: f64,
    /// Share of packets that are held back by another `latency` and so overtaken, 0 to 1.
    pub reorder: f64,
    /// Bits a second; none for a link that never queues.
    pub bits_per_second: Option<u64>,
    /// Bytes that wait for a link with a bandwidth; what comes beyond that is lost.
    pub queue_bytes: u64,
    /// Largest IP packet in bytes (RFC 791, RFC 8200): TCP cuts its segments to it, larger
    /// datagrams are fragmented and lost if any fragment is.
    pub mtu: u16,
}

impl Default for Quality {
    /// A wired office: 0.2 ms, nothing lost, no limit.
    fn default() -> Self {
        Self {
            latency: Latency::Fixed(Duration::from_micros(200)),
            loss: Loss::None,
            duplicate: 0.0,
            reorder: 0.0,
            bits_per_second: None,
            queue_bytes: 256 * 1024,
            mtu: 1500,
        }
    }
}

impl Quality {
    /// No time, no loss, no limit but Ethernet's MTU.
    #[must_use]
    pub fn perfect() -> Self {
        Self { latency: Latency::Fixed(Duration::ZERO), ..Self::default() }
    }
}

/// Time that a packet is under way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Latency {
    /// Always the same.
    #[serde(with = "crate::time::text")]
    Fixed(Duration),
    /// Anything between the two, equally likely.
    Uniform {
        /// The shortest.
        #[serde(with = "crate::time::text")]
        min: Duration,
        /// The longest.
        #[serde(with = "crate::time::text")]
        max: Duration,
    },
    /// Normally distributed, cut off at zero.
    Normal {
        /// The middle.
        #[serde(with = "crate::time::text")]
        mean: Duration,
        /// Standard deviation.
        #[serde(with = "crate::time::text")]
        deviation: Duration,
    },
    /// Pareto distributed: mostly close to `min`, now and then far above, as in a busy wireless
    /// network.
    LongTailed {
        /// The shortest.
        #[serde(with = "crate::time::text")]
        min: Duration,
        /// The tail's weight: 1 is wild, 3 is tame. The mean is `min` × shape / (shape − 1).
        shape: f64,
        /// Where the tail is cut off.
        #[serde(with = "crate::time::text")]
        max: Duration,
    },
}

/// Which packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// None.
    None,
    /// Each with this probability, 0 to 1, whatever became of the others.
    Independent(f64),
    /// In bursts: a link is good or bad, and changes from packet to packet (the model of Gilbert
    /// and Elliott).
    Bursty {
        /// Probability that a good link turns bad, for each packet.
        to_bad: f64,
        /// Probability that a bad link turns good, for each packet. Bursts last 1 / this.
        to_good: f64,
        /// Share of packets lost while the link is good.
        lost_in_good: f64,
        /// Share of packets lost while the link is bad.
        lost_in_bad: f64,
    },
}
