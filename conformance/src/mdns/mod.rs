//! The suite's own multicast DNS (RFC 6762, RFC 6763): it says anything, however wrong, and hears
//! what others say.
//!
//! An advert of the suite is announced, answered for and taken back as an honest responder would,
//! whatever it says. Everything that is heard is kept, and goes to the log in words.

mod advert;
mod heard;
mod responder;
#[cfg(test)]
mod tests;
mod words;

use std::net::Ipv4Addr;

use simple_dns::{Label, Name};

pub use advert::Advert;
pub use heard::{Heard, Seen};
pub use responder::Responder;

/// Where everybody listens (RFC 6762 section 3).
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// The port of multicast DNS.
pub const PORT: u16 = 5353;
/// The service type, and the domain.
pub const SERVICE: &str = "_ws._tcp.local";

/// A name of which the first label may hold dots, and the others not.
fn name(first: &str, rest: &str) -> Name<'static> {
    let labels = std::iter::once(first).chain(rest.split('.')).filter(|label| !label.is_empty());
    let label = |label: &str| Label::new_unchecked(label.as_bytes().to_vec());
    Name::new_with_labels(&labels.map(label).collect::<Vec<_>>())
}

/// The first label of a name, and the others with dots between them.
fn parts(name: &Name<'_>) -> (String, String) {
    let mut labels = name.as_bytes().map(|label| String::from_utf8_lossy(label).into_owned());
    let first = labels.next().unwrap_or_default();
    (first, labels.collect::<Vec<_>>().join("."))
}
