//! A bug to be planted in every proxy, to see that it is found. Only with the feature
//! `planted-bugs`.

#[cfg(feature = "planted-bugs")]
use proxy::bugs::{Bug, plant};

/// What to plant.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Planted {
    /// Plant this bug in every proxy.
    #[cfg(feature = "planted-bugs")]
    #[arg(long = "bug", value_name = "NAME", value_parser = parse)]
    bug: Option<Bug>,
}

#[cfg(feature = "planted-bugs")]
impl Planted {
    /// Plants it, in all proxies of this thread.
    pub(super) fn plant(self) {
        plant(self.bug);
    }

    /// The name of the bug.
    pub(super) fn name(self) -> Option<String> {
        self.bug.map(|bug| format!("{bug:?}"))
    }
}

#[cfg(not(feature = "planted-bugs"))]
impl Planted {
    pub(super) fn plant(self) {}

    pub(super) fn name(self) -> Option<String> {
        None
    }
}

#[cfg(feature = "planted-bugs")]
fn parse(text: &str) -> Result<Bug, String> {
    let named = Bug::ALL.into_iter().find(|bug| format!("{bug:?}").eq_ignore_ascii_case(text));
    let names = || Bug::ALL.map(|bug| format!("{bug:?}")).join(", ");
    named.ok_or_else(|| format!("there is no such bug; there are {}", names()))
}
