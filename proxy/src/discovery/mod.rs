//! Finding other proxies: adverts of ours, sightings of theirs.
//!
//! [`Discovery`] is the seam: [`MdnsSd`] on real networks, [`Builtin`] there and in simulators,
//! [`NoDiscovery`] where there is none. It carries raw facts only. Which sighting may be followed
//! is judged once, for all of them, by the proxy.

mod advert;
mod builtin;
mod mdns;
mod udp;

use std::future::{Future, pending};
use std::net::SocketAddr;

pub use advert::{Advert, IpAddrScoped, Sighting};
pub(crate) use advert::{Ignored, Instance, Reach};
pub use builtin::Builtin;
pub use mdns::MdnsSd;
pub use udp::MdnsUdp;

/// DNS-SD service type of our adverts (RFC 6763 section 4.1.2).
pub const SERVICE_TYPE: &str = "_ws._tcp";

/// What a discovery tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An instance of our service type is there, or there with other data than before. The same
    /// one may be told again.
    Seen(Sighting),
    /// The instance with this name said goodbye, expired, or failed to answer
    /// [`Discovery::verify`].
    Gone(String),
}

/// Advertises channels and sees the adverts of others.
///
/// Calls return at once and never fail: what cannot be done now, such as on a full queue, is done
/// later or logged.
pub trait Discovery: 'static {
    /// What `/status` calls it.
    fn name(&self) -> &'static str;

    /// Whether anybody can see what it advertises.
    fn advertises(&self) -> bool {
        true
    }

    /// Announces a channel.
    fn advertise(&mut self, advert: &Advert);

    /// Withdraws what was advertised under this instance name, with a goodbye
    /// (RFC 6762 section 10.1).
    fn withdraw(&mut self, instance: &str);

    /// Asks the network whether this instance still answers; if not, [`Event::Gone`] follows
    /// (RFC 6762 section 10.4).
    fn verify(&mut self, instance: &str);

    /// Asks the network for all instances anew.
    fn refresh(&mut self);

    /// The next event. May be dropped and called again without losing any.
    fn next(&mut self) -> impl Future<Output = Event>;

    /// Says goodbye for all that is advertised, and returns when that is on the wire.
    fn shutdown(self) -> impl Future<Output = ()>;
}

/// No discovery: `--no-discovery`, or a network without multicast.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDiscovery;

impl Discovery for NoDiscovery {
    fn name(&self) -> &'static str {
        "off"
    }

    fn advertises(&self) -> bool {
        false
    }

    fn advertise(&mut self, _: &Advert) {}

    fn withdraw(&mut self, _: &str) {}

    fn verify(&mut self, _: &str) {}

    fn refresh(&mut self) {}

    async fn next(&mut self) -> Event {
        pending().await
    }

    async fn shutdown(self) {}
}

/// An address without its port and scope, for messages.
fn bare(address: &SocketAddr) -> std::net::IpAddr {
    crate::net::canonical(address.ip())
}
