//! Values that scenarios write as text: sizes, ranges, qualities by name.

/// Bytes as `"64KiB"`, for serde.
pub(super) mod size {
    use bytesize::ByteSize;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &usize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{bytes}B"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<usize, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let size: Result<ByteSize, _> = text.parse();
        size.ok().and_then(|size| usize::try_from(size.as_u64()).ok()).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is no size with a unit, such as \"64KiB\" or \"1MiB\""
            ))
        })
    }
}

/// A [`Quality`](crate::fabric::quality::Quality) as a table or by the name of a usual one, for
/// serde.
pub(super) mod quality {
    use std::fmt;
    use std::time::Duration;

    use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::fabric::quality::{Latency, Loss, Quality};
    use crate::scenario::error::did_you_mean;

    /// The names of the usual ones.
    pub(in super::super) const NAMES: [&str; 5] = ["wired", "wifi", "busy-wifi", "lossy", "vpn"];

    /// The quality of this name.
    pub(in super::super) fn named(name: &str) -> Option<Quality> {
        let ms = Duration::from_millis;
        let long_tailed =
            |min, shape, max| Latency::LongTailed { min: ms(min), shape, max: ms(max) };
        let wired = Quality::default();
        Some(match name {
            "wired" => wired,
            "wifi" => Quality {
                latency: long_tailed(2, 2.5, 100),
                loss: Loss::Independent(0.002),
                bits_per_second: Some(100_000_000),
                ..wired
            },
            "busy-wifi" => Quality {
                latency: long_tailed(4, 1.5, 500),
                loss: Loss::Bursty {
                    to_bad: 0.005,
                    to_good: 0.2,
                    lost_in_good: 0.005,
                    lost_in_bad: 0.5,
                },
                reorder: 0.001,
                bits_per_second: Some(20_000_000),
                ..wired
            },
            "lossy" => {
                Quality { loss: Loss::Independent(0.1), duplicate: 0.02, reorder: 0.05, ..wired }
            }
            "vpn" => Quality {
                latency: Latency::Normal { mean: ms(40), deviation: ms(5) },
                bits_per_second: Some(50_000_000),
                mtu: 1380,
                ..wired
            },
            _ => return None,
        })
    }

    pub(in super::super) fn serialize<S: Serializer>(
        quality: &Option<Quality>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        quality.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Quality>, D::Error> {
        deserializer.deserialize_any(NameOrTable).map(Some)
    }

    struct NameOrTable;

    impl<'de> Visitor<'de> for NameOrTable {
        type Value = Quality;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(
                f,
                "a quality: one of {}, or a table such as {{ loss = {{ independent = 0.01 }} }}",
                NAMES.join(", ")
            )
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Quality, E> {
            named(name).ok_or_else(|| {
                E::custom(format!(
                    "no quality is called {name:?}{}; allowed are {} and tables",
                    did_you_mean(name, NAMES),
                    NAMES.join(", ")
                ))
            })
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Quality, A::Error> {
            Quality::deserialize(MapAccessDeserializer::new(map))
        }
    }
}
