//! A bug to be planted in every proxy, to see that it is found.

use proxy::bugs::{Bug, plant};

/// What to plant.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Args {
    /// Plant this bug in every proxy.
    #[arg(long = "bug", value_name = "NAME", value_parser = parse)]
    bug: Option<Bug>,
}

impl Args {
    /// Plants it, in all proxies of this thread.
    pub(super) fn plant(&self) {
        plant(self.bug);
    }
}

fn parse(text: &str) -> Result<Bug, String> {
    let named = Bug::ALL.into_iter().find(|bug| format!("{bug:?}").eq_ignore_ascii_case(text));
    named.ok_or_else(|| format!("there is no such bug; there are {:?}", Bug::ALL))
}
