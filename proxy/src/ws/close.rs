//! Close codes, and the payload of a Close frame (RFC 6455 sections 5.5.1 and 7.4).
//!
//! ```text
//!   nothing            the connection ends, no reason given
//!   code  reason       2 bytes, then 0 to 123 bytes of UTF-8
//! ```
//!
//! A [`CloseCode`] is one that may be sent. The codes that only report an end without a Close
//! frame to one's own application (1005, 1006, 1015) cannot be made, so cannot be sent.

use std::fmt;

use super::frame::Header;
use super::violation::Violation;

/// Bytes of a close reason at most: what a control frame holds beside the code.
pub(super) const REASON_BYTES_MAX: usize = Header::CONTROL_PAYLOAD_MAX - size_of::<u16>();

/// Why a connection ends, as a code that may stand in a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CloseCode(u16);

impl CloseCode {
    /// The connection did what it was made for.
    pub(crate) const NORMAL: Self = Self(1000);
    /// A server stops, or a browser leaves the page.
    pub(crate) const GOING_AWAY: Self = Self(1001);
    /// The other side broke the protocol.
    pub(crate) const PROTOCOL: Self = Self(1002);
    /// The other side sent data that is not what it says, such as text that is not UTF-8.
    pub(crate) const INVALID_DATA: Self = Self(1007);
    /// The other side broke a rule of this application.
    pub(crate) const POLICY: Self = Self(1008);
    /// The other side sent a message over the limit.
    pub(crate) const TOO_BIG: Self = Self(1009);

    /// The code with this number, or `None` if it may not be sent.
    ///
    /// RFC 6455 section 7.4 and IANA's registry allow 1000 to 1003, 1007 to 1014, and 3000 to
    /// 4999, which libraries and applications may use as they like.
    #[must_use]
    pub(crate) const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number of the code.
    #[must_use]
    pub(crate) const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads the unmasked payload of a Close frame.
pub(super) fn parse(payload: &[u8]) -> Result<Option<(CloseCode, String)>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let (code, reason) = payload.split_first_chunk().ok_or(Violation::CutCloseCode)?;
    let code = u16::from_be_bytes(*code);
    let code = CloseCode::new(code).ok_or(Violation::BadCloseCode { code })?;
    let reason = str::from_utf8(reason).map_err(|_| Violation::BadCloseReason)?;
    Ok(Some((code, reason.to_owned())))
}

/// Writes the payload of a Close frame. A reason that is too long loses its end.
pub(super) fn encode(code: CloseCode, reason: &str) -> Vec<u8> {
    let whole = (0..=REASON_BYTES_MAX).rev().find(|end| reason.is_char_boundary(*end));
    let reason = &reason.as_bytes()[..whole.unwrap_or(0)];
    [&code.get().to_be_bytes(), reason].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_codes_that_may_be_sent_can_be_made() {
        let allowed: Vec<u16> =
            (0..=u16::MAX).filter(|code| CloseCode::new(*code).is_some()).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(allowed, expected);
    }

    #[test]
    fn the_named_codes_may_be_sent() {
        use CloseCode as C;
        let named = [
            (C::NORMAL, 1000),
            (C::GOING_AWAY, 1001),
            (C::PROTOCOL, 1002),
            (C::INVALID_DATA, 1007),
            (C::POLICY, 1008),
            (C::TOO_BIG, 1009),
        ];
        for (name, number) in named {
            assert_eq!(CloseCode::new(number), Some(name));
            assert_eq!(name.to_string(), number.to_string());
        }
    }

    #[test]
    fn a_payload_is_nothing_or_a_code_and_utf8() {
        let going = |reason: &str| Ok(Some((CloseCode::GOING_AWAY, reason.to_owned())));
        assert_eq!(parse(b""), Ok(None));
        assert_eq!(parse(b"\x03"), Err(Violation::CutCloseCode));
        assert_eq!(parse(b"\x03\xe9"), going(""));
        assert_eq!(parse("\u{3}\u{0}".as_bytes()), Err(Violation::BadCloseCode { code: 0x300 }));
        assert_eq!(parse(b"\x03\xe9bye"), going("bye"));
        assert_eq!(parse(b"\x03\xe9\xe2\x82\xac"), going("€"));
        assert_eq!(parse(b"\x03\xe9\xe2\x82"), Err(Violation::BadCloseReason));
        // The code is read first, so it is what a frame wrong in both is refused for.
        assert_eq!(parse(b"\x03\xed\xff"), Err(Violation::BadCloseCode { code: 1005 }));
    }

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let kept = |reason: &str| encode(CloseCode::POLICY, reason).len() - 2;
        assert_eq!(kept(&"a".repeat(122)), 122);
        assert_eq!(kept(&"a".repeat(123)), 123);
        assert_eq!(kept(&"a".repeat(124)), 123);
        // 123 falls within the 31st of these 4-byte characters.
        assert_eq!(kept(&"😀".repeat(40)), 120);
        let payload = encode(CloseCode::POLICY, &"😀".repeat(40));
        assert_eq!(parse(&payload), Ok(Some((CloseCode::POLICY, "😀".repeat(30)))));
    }
}
