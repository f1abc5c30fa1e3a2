//! Who may open what (`access.*`).
//!
//! Everything but links is for this machine. Two things must both say so: the peer's address,
//! against other hosts, and the `Host` that the request names, against pages of another site
//! whose name was rebound to 127.0.0.1 and which the browser would let read our answers.

use std::net::{IpAddr, SocketAddr};

use crate::name::Scope;
use crate::net::{Interface, canonical, is_link_local};

/// What decides who may connect; from the program's flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether clients of other hosts may open `/broadcast/…`.
    pub allow_network_clients: bool,
    /// The origins of pages that may open channels; empty for any (`handshake.any-origin`).
    pub allowed_origins: Vec<String>,
}

/// Why a request is refused with 403.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("this is for programs on the proxy's own machine, and you are {0}")]
    Peer(IpAddr),
    #[error(
        "you are {0}; other machines may open channels here only if the proxy runs with \
         --allow-network-clients, and otherwise connect to a proxy of their own"
    )]
    NetworkClient(IpAddr),
    #[error("the Host header says {0:?}, which is no name of this machine; use localhost")]
    Host(String),
    #[error("pages of {0:?} may not open channels here; see --allow-origin")]
    Origin(String),
}

/// Where a request comes from and where it thinks it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) peer: SocketAddr,
    /// Of the `Host` header or of the request's target, with its port if it has one.
    pub(crate) host: &'a str,
    pub(crate) origin: Option<&'a str>,
}

/// This machine, as far as access goes. Asked of the system only if loopback does not settle it.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) interfaces: &'a dyn Fn() -> Vec<Interface>,
    pub(crate) host_name: &'a dyn Fn() -> String,
}

impl Access {
    /// Whether `asker` may see pages, status and metrics.
    pub(crate) fn to_pages(&self, asker: Asker<'_>, here: Here<'_>) -> Result<(), Denied> {
        let peer = canonical(asker.peer.ip());
        if !here.is_own_peer(asker.peer) {
            return Err(Denied::Peer(peer));
        }
        here.check_host(asker.host)
    }

    /// Whether `asker` may be a client of a channel of this scope.
    pub(crate) fn to_channel(
        &self,
        scope: Scope,
        asker: Asker<'_>,
        here: Here<'_>,
    ) -> Result<(), Denied> {
        let open = self.allow_network_clients && scope == Scope::Broadcast;
        let peer = canonical(asker.peer.ip());
        if !open && !here.is_own_peer(asker.peer) {
            return Err(match scope {
                Scope::Local => Denied::Peer(peer),
                Scope::Broadcast => Denied::NetworkClient(peer),
            });
        }
        // An address cannot be rebound, so the network may use whichever leads here, be it one
        // that a router or a container's host translates.
        let by_address = open && host_address(asker.host).is_some();
        if !by_address {
            here.check_host(asker.host)?;
        }
        match asker.origin {
            Some(origin) if !self.allows_origin(origin) => Err(Denied::Origin(origin.to_owned())),
            _ => Ok(()),
        }
    }

    fn allows_origin(&self, origin: &str) -> bool {
        // RFC 6454 section 4: scheme and host are compared without case.
        self.allowed_origins.is_empty()
            || self.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

impl Here<'_> {
    fn is_own(self, address: IpAddr) -> bool {
        address.is_loopback() || (self.interfaces)().iter().any(|i| i.address == address)
    }

    /// A link-local address is ours only on the interface that has it: on another, a neighbour
    /// may have taken the same (RFC 4291 section 2.5.6).
    pub(crate) fn is_own_peer(self, peer: SocketAddr) -> bool {
        match peer {
            SocketAddr::V6(v6) if is_link_local(*v6.ip()) => (self.interfaces)()
                .iter()
                .any(|i| i.address == peer.ip() && i.index == v6.scope_id()),
            _ => self.is_own(canonical(peer.ip())),
        }
    }

    fn check_host(self, host: &str) -> Result<(), Denied> {
        let named = match host_address(host) {
            Some(address) => self.is_own(canonical(address)),
            None => self.is_own_name(host_without_port(host)),
        };
        if named { Ok(()) } else { Err(Denied::Host(host.to_owned())) }
    }

    fn is_own_name(self, name: &str) -> bool {
        // A trailing dot marks a name as complete; it is the same name.
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        // RFC 6761 section 6.3: names under localhost are loopback too.
        if name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        let own = (self.host_name)().to_ascii_lowercase();
        let short = own.split('.').next().unwrap_or_default();
        !own.is_empty() && (name == own || name == short || name == format!("{short}.local"))
    }
}

/// The address in `host`, if it names one: `10.0.0.1`, `10.0.0.1:9009`, `[::1]`, `[::1]:9009`.
fn host_address(host: &str) -> Option<IpAddr> {
    let host = host_without_port(host);
    match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

fn host_without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: &str = "10.0.0.1";

    fn check(access: &Access, scope: Option<Scope>, peer: &str, host: &str) -> Result<(), Denied> {
        let interfaces =
            || vec![Interface { address: LAN.parse().unwrap(), prefix_bits: 24, index: 2 }];
        let here = Here { interfaces: &interfaces, host_name: &|| "Office.example.net".to_owned() };
        let peer = SocketAddr::new(peer.parse().unwrap(), 40000);
        let asker = Asker { peer, host, origin: Some("https://example.org") };
        match scope {
            None => access.to_pages(asker, here),
            Some(scope) => access.to_channel(scope, asker, here),
        }
    }

    #[test]
    fn this_machine_is_told_by_address_and_by_host() {
        let access = Access::default();
        for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", LAN, "::ffff:10.0.0.1"] {
            for host in [
                "localhost",
                "localhost:9009",
                "LOCALHOST:80",
                "a.localhost",
                "localhost.:9009",
                "127.0.0.1:9009",
                "127.1.2.3",
                "[::1]",
                "[::1]:9009",
                "10.0.0.1:9009",
                "office.example.net",
                "office",
                "office.local:9009",
            ] {
                for scope in [None, Some(Scope::Local), Some(Scope::Broadcast)] {
                    assert_eq!(check(&access, scope, peer, host), Ok(()), "{peer} {host}");
                }
            }
            for host in [
                "evil.example",
                "evil.example:9009",
                "",
                ":9009",
                "10.0.0.2",
                "0.0.0.0",
                "[::]",
                "localhost.evil.example",
                "evillocalhost",
                "127.0.0.1.evil.example",
                "::1",
                "[::1",
                "office.example.org",
                "localhost:9009:9009",
            ] {
                for scope in [None, Some(Scope::Local), Some(Scope::Broadcast)] {
                    let denied = Err(Denied::Host(host.to_owned()));
                    assert_eq!(check(&access, scope, peer, host), denied, "{peer} {host}");
                }
            }
        }
    }

    #[test]
    fn the_network_may_open_broadcast_if_allowed_and_nothing_else() {
        let (closed, open) =
            (Access::default(), Access { allow_network_clients: true, ..Access::default() });
        let peer: IpAddr = "10.0.0.2".parse().unwrap();
        let from_lan = |access, scope, host| check(access, scope, "10.0.0.2", host);
        let broadcast = Some(Scope::Broadcast);
        assert_eq!(from_lan(&closed, broadcast, LAN), Err(Denied::NetworkClient(peer)));
        assert_eq!(from_lan(&open, broadcast, LAN), Ok(()));
        assert_eq!(from_lan(&open, broadcast, "192.0.2.7:9009"), Ok(()), "translated on the way");
        assert_eq!(
            from_lan(&open, broadcast, "evil.example"),
            Err(Denied::Host("evil.example".into()))
        );
        assert_eq!(from_lan(&open, Some(Scope::Local), LAN), Err(Denied::Peer(peer)));
        assert_eq!(from_lan(&open, None, LAN), Err(Denied::Peer(peer)));
    }

    #[test]
    fn a_link_local_address_is_ours_on_its_own_interface_only() {
        let interfaces =
            || vec![Interface { address: "fe80::1".parse().unwrap(), prefix_bits: 64, index: 2 }];
        let here = Here { interfaces: &interfaces, host_name: &String::new };
        let from = |scope| {
            let peer = std::net::SocketAddrV6::new("fe80::1".parse().unwrap(), 40000, 0, scope);
            let asker = Asker { peer: peer.into(), host: "localhost", origin: None };
            Access::default().to_channel(Scope::Local, asker, here)
        };
        assert_eq!(from(2), Ok(()));
        assert_eq!(from(3), Err(Denied::Peer("fe80::1".parse().unwrap())));
    }

    #[test]
    fn origins_matter_only_when_they_are_listed() {
        let only =
            |origin: &str| Access { allowed_origins: vec![origin.to_owned()], ..Access::default() };
        let local = |access: Access| check(&access, Some(Scope::Local), "127.0.0.1", "localhost");
        assert_eq!(local(only("HTTPS://example.org")), Ok(()));
        let denied = Err(Denied::Origin("https://example.org".into()));
        assert_eq!(local(only("https://example.com")), denied);
    }
}
