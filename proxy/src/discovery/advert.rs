//! What an advert says: how ours are written, and which of others' are followed.
//!
//! | record | content |
//! | --- | --- |
//! | PTR | `_ws._tcp.local.` → `<instance>._ws._tcp.local.` |
//! | SRV | host and port of the proxy |
//! | TXT | `path=/broadcast/<channel name>`: the channel is taken from here alone |
//!
//! An advert is a stranger's claim. It leads only to addresses on networks that this host is on,
//! and only to `/broadcast/<valid name>` (`discovery.own-networks`, `discovery.only-well-formed`).

use std::net::{IpAddr, SocketAddr};

use rand::Rng;

use super::bare;
use crate::bugs::{Bug, planted};
use crate::id::ProxyId;
use crate::limits::{ADDRESSES_MAX, LABEL_BYTES_MAX, NAME_BYTES_MAX};
use crate::name::{ChannelName, NameError};
use crate::net::{Interface, is_link_local};

/// One of our adverts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Instance name, one DNS label: `<channel name>[<random number>]`.
    pub instance: String,
    /// Host label, without the domain.
    pub host: String,
    /// TCP port of the proxy.
    pub port: u16,
    /// The channel.
    pub channel: ChannelName,
}

impl Advert {
    /// An advert for `channel` under a fresh instance name.
    ///
    /// The name in the label is for people, so it may be cut, and its dots become dashes: stacks
    /// disagree about dots inside a label. The random number keeps labels apart, also those of
    /// channels whose names differ only in case, which DNS takes for the same (RFC 6762
    /// section 16).
    #[must_use]
    pub(crate) fn new(
        channel: &ChannelName,
        proxy: ProxyId,
        port: u16,
        rng: &mut impl Rng,
    ) -> Self {
        let number = rng.next_u32();
        let suffix = format!("[{number}]");
        let room = LABEL_BYTES_MAX - suffix.len();
        let name = channel.as_str().replace('.', "-");
        let instance = format!("{}{suffix}", &name[..name.len().min(room)]);
        Self { instance, host: proxy.host_label(number), port, channel: channel.clone() }
    }

    /// The value of the TXT record's key `path`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{PATH_PREFIX}{}", self.channel)
    }
}

const PATH_PREFIX: &str = "/broadcast/";

/// What a discovery saw of an instance, as it stood on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Instance name, one DNS label.
    pub instance: String,
    /// Host name that its SRV record leads to.
    pub host: String,
    /// Port that its SRV record leads to.
    pub port: u16,
    /// The value of the TXT record's key `path`, if it has one.
    pub path: Option<Vec<u8>>,
    /// The addresses of the host, each with the index of the interface that it was seen on: what
    /// link-local and loopback addresses lead to depends on it. Several entries may hold one
    /// address; 0 is no interface.
    pub addresses: Vec<IpAddrScoped>,
}

/// An address, and the index of the interface that it was seen on.
pub type IpAddrScoped = (IpAddr, u32);

/// A sighting that may be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// Instance name, one DNS label.
    pub(crate) name: String,
    /// Host name, in lower case. With `port` it tells proxies apart before they say who they are.
    pub(crate) host: String,
    /// TCP port of the proxy.
    pub(crate) port: u16,
    /// The channel.
    pub(crate) channel: ChannelName,
    /// Where to dial, the best first; at least one.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Why a sighting is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ignored {
    /// Other services share the type `_ws._tcp`.
    #[error("the instance name has not the form `<name>[<number>]`")]
    NotOurs,
    /// No `path`, so no channel.
    #[error("the TXT record has no `path`")]
    NoPath,
    /// A path elsewhere.
    #[error("the TXT record's path does not start with {PATH_PREFIX}")]
    OtherPath,
    /// A path to no channel.
    #[error("the TXT record's path names no channel: {0}")]
    Name(#[from] NameError),
    /// RFC 2782 gives port 0 no meaning.
    #[error("the SRV record's port is 0")]
    NoPort,
    /// Not (yet) any address.
    #[error("no address is known")]
    NoAddress,
    /// Addresses, but none here.
    #[error("it leads to {0} and no address on a network of this machine")]
    Elsewhere(IpAddr),
    /// The addresses are those that this proxy listens on.
    #[error("it leads to this proxy")]
    Own,
}

/// Where adverts may lead to, from a proxy on this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach<'a> {
    /// The host's addresses, and with them its networks.
    pub(crate) interfaces: &'a [Interface],
    /// Where the proxy itself listens.
    pub(crate) listening: &'a [SocketAddr],
}

impl Sighting {
    /// The channel that it leads to.
    ///
    /// # Errors
    ///
    /// Why to none.
    pub(crate) fn channel(&self) -> Result<ChannelName, Ignored> {
        let path = self.path.as_deref().ok_or(Ignored::NoPath)?;
        let segment = path.strip_prefix(PATH_PREFIX.as_bytes()).ok_or(Ignored::OtherPath)?;
        // discovery.channel-from-path: taken as it stands, with no percent-decoding.
        Ok(String::from_utf8_lossy(segment).parse()?)
    }

    /// What of this may be followed, as far as `reach` goes.
    ///
    /// # Errors
    ///
    /// Why nothing of it may.
    pub(crate) fn judge(&self, reach: Reach<'_>) -> Result<Instance, Ignored> {
        if !is_instance_name(&self.instance) {
            return Err(Ignored::NotOurs);
        }
        let channel = self.channel()?;
        if self.port == 0 {
            return Err(Ignored::NoPort);
        }
        Ok(Instance {
            name: self.instance.clone(),
            host: self.host.to_ascii_lowercase(),
            port: self.port,
            channel,
            addresses: reach.best(&self.addresses, self.port)?,
        })
    }
}

impl Reach<'_> {
    fn best(self, given: &[IpAddrScoped], port: u16) -> Result<Vec<SocketAddr>, Ignored> {
        let first = given.first().ok_or(Ignored::NoAddress)?;
        let mut addresses: Vec<SocketAddr> = given
            .iter()
            .filter(|(address, scope)| self.reaches(*address, *scope))
            .map(|&(address, scope)| with_port(address, scope, port))
            .collect();
        // IPv4 first, where link-local scopes cannot be wrong; loopback last.
        addresses.sort_by_key(|address| (bare(address).is_loopback(), address.is_ipv6(), *address));
        addresses.dedup();
        if addresses.is_empty() {
            return Err(Ignored::Elsewhere(first.0));
        }
        addresses.retain(|address| !self.is_own(address));
        addresses.truncate(ADDRESSES_MAX);
        if addresses.is_empty() { Err(Ignored::Own) } else { Ok(addresses) }
    }

    fn is_here(self, address: IpAddr) -> bool {
        address.is_loopback() || self.interfaces.iter().any(|i| i.address == address)
    }

    /// link.not-to-itself: whether this proxy listens there.
    fn is_own(self, address: &SocketAddr) -> bool {
        !planted(Bug::LinkToSelf)
            && self.listening.iter().any(|own| {
                let any = own.ip().is_unspecified()
                    && own.is_ipv4() == address.is_ipv4()
                    && self.is_here(bare(address));
                own.port() == address.port() && (any || own.ip() == address.ip())
            })
    }

    fn reaches(self, address: IpAddr, scope: u32) -> bool {
        if address.is_unspecified() || address.is_multicast() {
            return false;
        }
        if address.is_loopback() {
            // It leads to this host, so it must have been said on this host.
            return self.interfaces.iter().any(|i| i.index == scope && i.address.is_loopback());
        }
        self.interfaces.iter().any(|interface| {
            let scoped = matches!(address, IpAddr::V6(v6) if is_link_local(v6));
            interface.reaches(address) && (!scoped || interface.index == scope)
        })
    }
}

fn with_port(address: IpAddr, scope: u32, port: u16) -> SocketAddr {
    match address {
        IpAddr::V6(v6) if is_link_local(v6) => {
            std::net::SocketAddrV6::new(v6, port, 0, scope).into()
        }
        _ => SocketAddr::new(address, port),
    }
}

/// `<1 to 255 of A-Z a-z 0-9 . _ ->[<digits>]`, perhaps with ` (<digits>)` behind, which a
/// name conflict appends (RFC 6763 section D).
fn is_instance_name(name: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let name = match name.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((rest, number)) if digits(number) => rest,
        _ => name,
    };
    let Some((channel, number)) = name.strip_suffix(']').and_then(|rest| rest.rsplit_once('['))
    else {
        return false;
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    digits(number) && (1..=NAME_BYTES_MAX).contains(&channel.len()) && channel.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
