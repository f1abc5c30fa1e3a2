//! Domain names as they stand in packets.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;

use super::LABEL_BYTES_MAX;

/// Bytes in a name, lengths of labels and the root's zero included (RFC 1035 section 2.3.4).
pub(super) const NAME_BYTES_MAX: usize = 255;

/// A name: labels, each after its length, and the root's zero. Dots and backslashes within a label
/// are bytes as any other.
///
/// Two names are equal if they differ in nothing but the case of ASCII letters (RFC 6762 section
/// 16). The case is kept for those who read them.
#[derive(Clone)]
pub(super) struct Name {
    wire: Bytes,
    key: Bytes,
}

impl Name {
    /// None if a label is empty or longer than 63 bytes, or the whole longer than 255.
    pub(super) fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut wire = Vec::new();
        for label in labels {
            if !(1..=LABEL_BYTES_MAX).contains(&label.len()) {
                return None;
            }
            wire.push(u8::try_from(label.len()).ok()?);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        (wire.len() <= NAME_BYTES_MAX).then(|| Self::from_wire(&wire))
    }

    /// Of a name's own form, which must be sound.
    pub(super) fn from_wire(wire: &[u8]) -> Self {
        let wire = Bytes::copy_from_slice(wire);
        // Lengths are below 64, where there are no letters.
        let key = match wire.iter().any(u8::is_ascii_uppercase) {
            true => wire.to_ascii_lowercase().into(),
            false => wire.clone(),
        };
        Self { wire, key }
    }

    /// `label` before this name.
    pub(super) fn child(&self, label: &str) -> Option<Self> {
        Self::from_labels([label.as_bytes()].into_iter().chain(self.labels()))
    }

    /// As it was written.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// In lower case: equal for equal names.
    pub(super) fn key(&self) -> &Bytes {
        &self.key
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        labels(&self.wire)
    }

    /// The first label, if people can read it.
    pub(super) fn first_label(&self) -> Option<&str> {
        std::str::from_utf8(self.labels().next()?).ok()
    }
}

/// The labels of a sound name.
pub(super) fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (&length, after) = rest.split_first()?;
        let (label, after) = after.split_at_checked(length.into())?;
        rest = after;
        (length > 0).then_some(label)
    })
}

/// The name without its first label.
pub(super) fn parent(wire: &[u8]) -> &[u8] {
    wire.first().and_then(|length| wire.get(usize::from(*length) + 1..)).unwrap_or_default()
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl fmt::Display for Name {
    /// With a dot after each label, and a backslash before dots and backslashes within one
    /// (RFC 6763 section 4.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for label in self.labels() {
            for character in String::from_utf8_lossy(label).chars() {
                if matches!(character, '.' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{character}")?;
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(labels: &[&str]) -> Option<Name> {
        Name::from_labels(labels.iter().map(|label| label.as_bytes()))
    }

    #[test]
    fn dots_and_case_stay_and_case_does_not_count() {
        let one = name(&["My.Chat\\x", "local"]).unwrap();
        assert_eq!(one.to_string(), "My\\.Chat\\\\x.local.");
        assert_eq!(one, name(&["my.chat\\X", "LOCAL"]).unwrap());
        assert_ne!(one, name(&["My", "Chat\\x", "local"]).unwrap());
        assert_eq!(one.first_label(), Some("My.Chat\\x"));
        assert_eq!(parent(one.wire()), b"\x05local\0");
        assert_eq!(parent(b"\0"), b"");
    }

    #[test]
    fn too_long_is_no_name() {
        let long = "x".repeat(63);
        assert!(name(&[&long]).is_some());
        assert!(name(&[&"x".repeat(64)]).is_none());
        assert!(name(&[""]).is_none());
        assert!(name(&[&long, &long, &long, &"x".repeat(61)]).is_some());
        assert!(name(&[&long, &long, &long, &"x".repeat(62)]).is_none());
    }
}
