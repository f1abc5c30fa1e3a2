//! Who a proxy is: a random number for each run.

use std::fmt;
use std::str::FromStr;

use rand::Rng;

/// Tells one running proxy from another, whatever addresses and adverts show it.
///
/// Drawn anew at each start, so a restarted proxy is another one: its links are new, and nobody
/// takes it for what it was. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyId(u64);

impl ProxyId {
    /// Draws an id.
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        Self(rng.next_u64())
    }

    /// The host label under which one of this proxy's adverts stands, such as
    /// `nws-00c0ffee00c0ffee-7`: one that no other responder on the machine owns.
    ///
    /// Each advert has its own, because a goodbye may take the addresses of its host along, and
    /// would make the proxy's other adverts lead nowhere.
    #[must_use]
    pub(crate) fn host_label(self, advert: u32) -> String {
        format!("{HOST_LABEL_PREFIX}{self}-{advert}")
    }

    /// The id that a host label or host name of ours carries, if it has that form.
    ///
    /// What an advert says is a stranger's claim: this is a hint that saves a dial, never a proof.
    #[must_use]
    pub(crate) fn from_host_name(host: &str) -> Option<Self> {
        let label = host.split('.').next()?;
        label.strip_prefix(HOST_LABEL_PREFIX)?.split('-').next()?.parse().ok()
    }
}

const HOST_LABEL_PREFIX: &str = "nws-";

impl fmt::Display for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for ProxyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was read is not a proxy id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proxy id is 16 hexadecimal digits")]
pub struct BadProxyId;

impl FromStr for ProxyId {
    type Err = BadProxyId;

    fn from_str(text: &str) -> Result<Self, BadProxyId> {
        // from_str_radix alone would take a sign.
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadProxyId);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| BadProxyId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        let id = ProxyId(0x00c0_ffee_0000_0001);
        assert_eq!(id.to_string(), "00c0ffee00000001");
        assert_eq!("00c0ffee00000001".parse(), Ok(id));
        assert_eq!(id.host_label(7), "nws-00c0ffee00000001-7");
        assert_eq!(ProxyId::from_host_name("nws-00c0ffee00000001-7.local."), Some(id));
        assert_eq!(ProxyId::from_host_name("nws-00c0ffee00000001-7-2.local."), Some(id), "renamed");
        for other in ["", "nws-.local.", "nws-00c0ffee0000001-7.local.", "box.local."] {
            assert_eq!(ProxyId::from_host_name(other), None, "{other:?}");
        }
        for bad in ["", "c0ffee", "+0c0ffee00000001", "00c0ffee000000010", "00c0ffee0000000g"] {
            assert_eq!(bad.parse::<ProxyId>(), Err(BadProxyId), "{bad:?}");
        }
    }
}
