//! Time as scenarios write it: `"200us"`, `"1s 500ms"`; never a bare number.

/// [`Duration`](std::time::Duration)s as text with units, for serde.
pub mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes it with its units.
    ///
    /// # Errors
    ///
    /// The serializer's.
    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*time))
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// What is no time with a unit.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|error| {
            D::Error::custom(format!(
                "{text:?} is no time with a unit, such as \"200us\" or \"3s\": {error}"
            ))
        })
    }
}

/// The like for times that may be absent; with `#[serde(default)]`.
pub mod optional {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Writes it with its units, or nothing.
    ///
    /// # Errors
    ///
    /// The serializer's.
    pub fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::text::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// What is no time with a unit.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        #[derive(serde::Deserialize)]
        struct Time(#[serde(with = "super::text")] Duration);
        let time: Option<Time> = serde::Deserialize::deserialize(deserializer)?;
        Ok(time.map(|Time(time)| time))
    }
}
