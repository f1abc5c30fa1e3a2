//! The scenarios that come with this crate.

use super::Scenario;

/// A scenario that comes with this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// What it is called.
    pub name: &'static str,
    /// Its file's content.
    pub text: &'static str,
}

impl Builtin {
    /// It, read.
    ///
    /// # Panics
    ///
    /// Never: a test reads all of them.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        Scenario::from_toml(self.name, self.text).expect("a test reads all of them")
    }
}

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),*]
    };
}

/// All of them, the simple ones first. Their titles say what each shows.
#[must_use]
pub fn builtin() -> &'static [Builtin] {
    builtin![
        "two-hosts",
        "same-host-many-proxies",
        "partition-heals",
        "one-way-partition",
        "flapping-cable",
        "crash-and-return",
        "sleep-and-wake",
        "slow-reader",
        "stalled-reader",
        "two-subnets",
        "wifi-drops-multicast",
        "hostile-adverts",
        "name-collisions",
        "join-storm",
        "rolling-upgrade",
        "full-office",
        "conference",
        "long-run",
    ]
}
