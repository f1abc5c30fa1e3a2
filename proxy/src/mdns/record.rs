//! Resource records, as far as service discovery needs them (RFC 6763 section 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::name::Name;

/// Numbers of record types (RFC 1035 section 3.2.2, RFC 3596, RFC 2782, RFC 4034).
pub(super) mod kind {
    pub(crate) const A: u16 = 1;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const SRV: u16 = 33;
    pub(crate) const NSEC: u16 = 47;
    /// Only in questions: whatever there is.
    pub(crate) const ANY: u16 = 255;
}

/// Seconds that records live whose name or data holds a host name (RFC 6762 section 10).
pub(super) const HOST_TTL: u32 = 120;

/// Seconds that other records live: 75 minutes (RFC 6762 section 10). Also the most that others'
/// are kept for without a word, so that a stranger's do not stay for ever.
pub(super) const OTHER_TTL: u32 = 75 * 60;

/// A record of ours, or one to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: Name,
    /// Seconds.
    pub(super) ttl: u32,
    /// Whether it takes the place of all others of its name and type (RFC 6762 section 10.2).
    pub(super) flush: bool,
    pub(super) data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Ptr(Name),
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: Name,
    },
    /// The strings, each after its length.
    Txt(Bytes),
    Address(IpAddr),
    /// The types that the name has; it has no others (RFC 6762 section 6.1).
    Nsec(Vec<u16>),
}

impl Data {
    pub(super) fn kind(&self) -> u16 {
        match self {
            Self::Ptr(_) => kind::PTR,
            Self::Srv { .. } => kind::SRV,
            Self::Txt(_) => kind::TXT,
            Self::Address(IpAddr::V4(_)) => kind::A,
            Self::Address(IpAddr::V6(_)) => kind::AAAA,
            Self::Nsec(_) => kind::NSEC,
        }
    }

    /// Its bytes without compression, with names as written or in lower case.
    pub(super) fn bytes(&self, lower: bool) -> Vec<u8> {
        let of = |name: &Name| if lower { name.key().to_vec() } else { name.wire().to_vec() };
        match self {
            Self::Ptr(name) => of(name),
            Self::Srv { priority, weight, port, target } => {
                let fixed = [*priority, *weight, *port].map(u16::to_be_bytes);
                [fixed.as_flattened(), &of(target)].concat()
            }
            Self::Txt(strings) => strings.to_vec(),
            Self::Address(IpAddr::V4(address)) => address.octets().to_vec(),
            Self::Address(IpAddr::V6(address)) => address.octets().to_vec(),
            // Nobody compares these.
            Self::Nsec(_) => Vec::new(),
        }
    }

    /// Undoes [`bytes`](Self::bytes). None for types that are of no use here, and where the length
    /// is wrong.
    pub(super) fn parse(kind: u16, bytes: &[u8]) -> Option<Self> {
        Some(match kind {
            kind::PTR => Self::Ptr(Name::from_wire(bytes)),
            kind::SRV => {
                let (fixed, target) = bytes.split_at_checked(6)?;
                let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
                Self::Srv {
                    priority: number(0),
                    weight: number(2),
                    port: number(4),
                    target: Name::from_wire(target),
                }
            }
            kind::TXT => Self::Txt(Bytes::copy_from_slice(bytes)),
            kind::A => Self::Address(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
            kind::AAAA => Self::Address(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
            _ => return None,
        })
    }
}
