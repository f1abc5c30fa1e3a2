//! Channel names: parsed once, valid ever after.
//!
//! A [`ChannelName`] holds 1 to 255 of `A-Z a-z 0-9 . _ -`, and nothing else can make one, so no
//! code behind this module asks whether a name is valid. Names are judged after percent-decoding,
//! because RFC 3986 section 2.3 makes `%63hat` and `chat` the same.

use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::limits::{ADVERT_NAME_BYTES_MAX, NAME_BYTES_MAX};

/// How far a channel reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// Everything on this machine that opens the same name.
    Local,
    /// Everything on this machine and on the local network that opens the same name.
    Broadcast,
}

impl Scope {
    /// The first segment of the channel's path, as in `/local/<name>`.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scope::Local => "local",
            Scope::Broadcast => "broadcast",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A valid channel name. Cheap to clone; compared byte by byte, so case matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

/// Why something is not a channel name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing where the name should be.
    #[error("the channel name is empty; give 1 to {NAME_BYTES_MAX} of A-Z a-z 0-9 . _ -")]
    Empty,
    /// More bytes than a name may have.
    #[error("the channel name is {found} bytes long; the limit is {NAME_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes, percent-decoded.
        found: usize,
    },
    /// A byte that no name may hold; a `/` is one, so a name is a single path segment.
    #[error("the channel name has {:?} at byte {at}; use only A-Z a-z 0-9 . _ -", char::from(*bad))]
    BadByte {
        /// The byte.
        bad: u8,
        /// Where it stands, from 0.
        at: usize,
    },
}

impl ChannelName {
    /// Takes what stands behind `/local/` or `/broadcast/` in a path, percent-encoded or not.
    ///
    /// # Errors
    ///
    /// What is wrong with the name, in words fit for the person who chose it.
    pub(crate) fn from_path_segment(segment: &str) -> Result<Self, NameError> {
        // name.percent-decoded: decoded first, judged afterwards.
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        Self::from_bytes(&decoded)
    }

    fn from_bytes(name: &[u8]) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong { found: name.len() });
        }
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if let Some(at) = name.iter().position(|b| !allowed(b)) {
            return Err(NameError::BadByte { bad: name[at], at });
        }
        let text = std::str::from_utf8(name).expect("the bytes allowed above are ASCII");
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path=/broadcast/<name>` fits in one DNS TXT string (RFC 6763 section 6.1).
    ///
    /// A longer name makes a channel that works on this machine and over `--peer`, but that no
    /// advert can show to others.
    #[must_use]
    pub(crate) fn fits_advert(&self) -> bool {
        self.0.len() <= ADVERT_NAME_BYTES_MAX
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ChannelName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::from_bytes(text.as_bytes())
    }
}

/// What tells one channel from another: `/local/x` and `/broadcast/x` are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChannelId {
    /// How far it reaches.
    pub(crate) scope: Scope,
    /// Its name.
    pub(crate) name: ChannelName,
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}", self.scope, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_sides_of_the_length_limit() {
        assert_eq!(ChannelName::from_path_segment(""), Err(NameError::Empty));
        assert!(ChannelName::from_path_segment("a").is_ok());
        assert!(ChannelName::from_path_segment(&"a".repeat(255)).is_ok());
        assert_eq!(
            ChannelName::from_path_segment(&"a".repeat(256)),
            Err(NameError::TooLong { found: 256 })
        );
        // The limit counts the name, not its spelling: 255 bytes written as 765 characters.
        assert!(ChannelName::from_path_segment(&"%61".repeat(255)).is_ok());
    }

    #[test]
    fn both_sides_of_the_advert_limit() {
        let name = |n| ChannelName::from_path_segment(&"a".repeat(n)).unwrap();
        assert!(name(239).fits_advert());
        assert!(!name(240).fits_advert());
    }

    #[test]
    fn percent_encoding_is_only_a_spelling() {
        let chat = ChannelName::from_path_segment("chat").unwrap();
        assert_eq!(ChannelName::from_path_segment("%63hat").unwrap(), chat);
        assert_ne!(ChannelName::from_path_segment("%43hat").unwrap(), chat, "case matters");
        // What decodes to something else is judged as that, and an unfinished escape is a `%`.
        let bad = |bad, at| Err(NameError::BadByte { bad, at });
        assert_eq!(ChannelName::from_path_segment("a%2Fb"), bad(b'/', 1));
        assert_eq!(ChannelName::from_path_segment("a%00"), bad(0, 1));
        assert_eq!(ChannelName::from_path_segment("a%2"), bad(b'%', 1));
        assert_eq!(ChannelName::from_path_segment("a%25"), bad(b'%', 1));
    }

    proptest! {
        #[test]
        fn exactly_the_allowed_bytes_pass(name in proptest::collection::vec(any::<u8>(), 0..300)) {
            let allowed = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
            let valid = (1..=255).contains(&name.len()) && name.iter().all(|b| allowed.contains(b));
            prop_assert_eq!(ChannelName::from_bytes(&name).is_ok(), valid);
        }

        #[test]
        fn any_spelling_of_a_valid_name_is_that_name(
            name in "[A-Za-z0-9._-]{1,255}",
            escape in proptest::collection::vec(any::<bool>(), 255),
        ) {
            let spelled: String = name
                .bytes()
                .zip(&escape)
                .map(|(b, &e)| if e { format!("%{b:02x}") } else { char::from(b).to_string() })
                .collect();
            let parsed = ChannelName::from_path_segment(&spelled).unwrap();
            prop_assert_eq!(parsed.as_str(), name);
        }
    }
}
