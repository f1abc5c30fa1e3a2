//! Links with other proxies.
//!
//! ```text
//!   discovery ─ seen, gone ─▶ ┌─────────┐ ─ advertise, withdraw, verify, refresh ─▶ discovery
//!   hub ─ interest, accepted ▶│ Planner │
//!   dials, links ─ how it went▶└─────────┘ ─ dial, start, close ─▶ driver ─▶ network
//! ```
//!
//! [`planner`] only thinks: no socket, no clock, no task. [`driver`] performs what it says, and
//! [`dial`] opens one link.

mod backoff;
pub(crate) mod dial;
pub(crate) mod driver;
mod plan;
pub(crate) mod planner;
#[cfg(test)]
mod planner_tests;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// A proxy to link with without any advert: `--peer HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// A name or an address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
}

/// The port that every proxy has unless it was told otherwise.
pub const DEFAULT_PORT: u16 = 9009;

/// What was given is no `HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is no peer; give HOST or HOST:PORT, such as 10.0.0.2, [fd00::2]:9009 or box.example"
)]
pub struct BadPeer {
    found: String,
}

impl FromStr for Peer {
    type Err = BadPeer;

    fn from_str(text: &str) -> Result<Self, BadPeer> {
        let bad = || BadPeer { found: text.to_owned() };
        // An IPv6 address may stand bare, or in brackets with a port behind.
        if let Ok(address) = text.parse::<std::net::IpAddr>() {
            return Ok(Self { host: address.to_string(), port: DEFAULT_PORT });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: address.port() });
        }
        let (host, port) = match text.rsplit_once(':') {
            // A colon inside brackets is part of the address.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad())?),
            _ => (text, DEFAULT_PORT),
        };
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let is_host = host.parse::<std::net::Ipv6Addr>().is_ok() || host.bytes().all(is_name);
        if host.is_empty() || port == 0 || !is_host {
            return Err(bad());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_hosts_with_or_without_a_port() {
        for (text, shown) in [
            ("10.0.0.2", "10.0.0.2:9009"),
            ("10.0.0.2:80", "10.0.0.2:80"),
            ("box.example", "box.example:9009"),
            ("box:1", "box:1"),
            ("fd00::2", "[fd00::2]:9009"),
            ("[fd00::2]", "[fd00::2]:9009"),
            ("[fd00::2]:80", "[fd00::2]:80"),
        ] {
            assert_eq!(text.parse::<Peer>().unwrap().to_string(), shown);
        }
        for bad in
            ["", ":80", "box:", "box:0", "box:65536", "box:x", "a b", "http://box", "box/x", "[::1"]
        {
            assert!(bad.parse::<Peer>().is_err(), "{bad:?}");
        }
    }
}
