//! Frames (RFC 6455 section 5.2), written as a case wants them, and read strictly.

use crate::log::brief;

/// Opcodes (RFC 6455 section 11.8).
pub const CONTINUATION: u8 = 0x0;
/// A text message, or its first fragment.
pub const TEXT: u8 = 0x1;
/// A binary message, or its first fragment.
pub const BINARY: u8 = 0x2;
/// The last frame of one side.
pub const CLOSE: u8 = 0x8;
/// To be answered with a pong.
pub const PING: u8 = 0x9;
/// The answer to a ping.
pub const PONG: u8 = 0xa;
/// The bit of a message's last fragment, in the first byte of a frame.
pub const FIN: u8 = 0x80;

/// What a close without a code counts as (RFC 6455 section 7.1.5).
pub const NO_CODE: u16 = 1005;

/// The masking key of what we send as a client. What it does to a payload is what counts.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Which end of the connection the suite plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It opened the connection: its frames are masked, those of the target are not.
    Client,
    /// It accepted the connection: the other way round.
    Server,
}

/// A frame that the target sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, reserved bits and opcode.
    pub first: u8,
    /// Whether it came masked.
    pub masked: bool,
    /// Unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// What kind of frame it is.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// Whether it is a control frame.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.opcode() & 0x8 != 0
    }

    /// The code of a close frame, [`NO_CODE`] if it has none, and its reason.
    #[must_use]
    pub fn close_code(&self) -> (u16, String) {
        match self.payload.split_first_chunk() {
            Some((code, reason)) => {
                (u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned())
            }
            None => (NO_CODE, String::new()),
        }
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        describe(self.first, &self.payload)
    }

    /// What is wrong with it as a frame that the other end of `role` sends, if anything.
    #[must_use]
    pub fn fault(&self, role: Role) -> Option<String> {
        if self.masked != (role == Role::Server) {
            let is = if self.masked { "masked" } else { "not masked" };
            let sender = if role == Role::Server { "client" } else { "server" };
            return Some(format!("a frame of a WebSocket {sender} that is {is}"));
        }
        if self.first & 0x70 != 0 {
            return Some("a frame with a reserved bit".to_owned());
        }
        if !matches!(self.opcode(), CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG) {
            return Some(format!("a frame with the reserved opcode {:#x}", self.opcode()));
        }
        if self.is_control() && (self.first & FIN == 0 || self.payload.len() > 125) {
            return Some("a control frame that is fragmented or too long".to_owned());
        }
        if self.opcode() == CLOSE && self.payload.len() == 1 {
            return Some("a close frame with half a code".to_owned());
        }
        None
    }
}

/// A frame in words, as the log and the failures show it.
#[must_use]
pub fn describe(first: u8, payload: &[u8]) -> String {
    let name = match first & 0x0f {
        CONTINUATION => "continuation",
        TEXT => "text",
        BINARY => "binary",
        CLOSE => "close",
        PING => "ping",
        PONG => "pong",
        _ => "reserved opcode",
    };
    let mut words = name.to_owned();
    if first & FIN == 0 {
        words += ", not final";
    }
    if first & 0x70 != 0 {
        words += &format!(", reserved bits {:#05b}", (first & 0x70) >> 4);
    }
    match (first & 0x0f, payload.split_first_chunk()) {
        (CLOSE, None) => words + " without a code",
        (CLOSE, Some((code, reason))) => {
            format!("{words} {} {}", u16::from_be_bytes(*code), brief(reason))
        }
        _ => format!("{words} {} ({} bytes)", brief(payload), payload.len()),
    }
}

/// The bytes of a frame as a sound endpoint of this role sends it.
#[must_use]
pub fn encode(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    encode_masked(role == Role::Client, first, payload)
}

/// The bytes of a frame, masked or not.
#[must_use]
pub fn encode_masked(masked: bool, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(masked, first, payload.len() as u64);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    if masked {
        apply_mask(&mut bytes[start..], MASK);
    }
    bytes
}

/// Masks or unmasks a whole payload (RFC 6455 section 5.3), in steps of four keys: large messages
/// are to keep up in a build without optimisation, too.
fn apply_mask(payload: &mut [u8], key: [u8; 4]) {
    let word = u128::from_ne_bytes(std::array::from_fn(|n| key[n % 4]));
    let (words, tail) = payload.as_chunks_mut();
    for bytes in words {
        *bytes = (u128::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    tail.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

/// The header of a frame of `len` bytes, with the shortest form of the length.
#[must_use]
pub fn header(masked: bool, first: u8, len: u64) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match len {
        0..126 => bytes.push(bit | len as u8),
        126..0x1_0000 => {
            bytes.push(bit | 126);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(bit | 127);
            bytes.extend_from_slice(&len.to_be_bytes());
        }
    }
    if masked {
        bytes.extend_from_slice(&MASK);
    }
    bytes
}

/// The payload of a close frame.
#[must_use]
pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_bytes()].concat()
}

/// Takes one whole frame off the front of `bytes`: the frame, and how many bytes it took. None if
/// it is not whole yet. Err says what no frame may have.
///
/// # Errors
///
/// A length that is not in its shortest form (RFC 6455 section 5.2).
pub fn parse(bytes: &[u8]) -> Result<Option<(Frame, usize)>, String> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let masked = second & 0x80 != 0;
    let (len, rest) = match second & 0x7f {
        126 => match rest.split_first_chunk::<2>() {
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((len, rest)) => (u64::from_be_bytes(*len), rest),
            None => return Ok(None),
        },
        len => (u64::from(len), rest),
    };
    let header_bytes = header(masked, *first, len).len();
    let mask_bytes = if masked { 4 } else { 0 };
    if header_bytes != bytes.len() - rest.len() + mask_bytes {
        return Err(format!("a frame whose length {len} is not in the shortest form"));
    }
    let Ok(len) = usize::try_from(len) else { return Err(format!("a frame of {len} bytes")) };
    if rest.len() < len.saturating_add(mask_bytes) {
        return Ok(None);
    }
    let (key, rest) = rest.split_at(mask_bytes);
    let mut payload = rest[..len].to_vec();
    if let Ok(key) = key.try_into() {
        apply_mask(&mut payload, key);
    }
    Ok(Some((Frame { first: *first, masked, payload }, header_bytes + len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_parsed() {
        for len in [0, 1, 125, 126, 127, 65535, 65536] {
            for role in [Role::Client, Role::Server] {
                let payload = vec![0xa5; len];
                let bytes = encode(role, FIN | BINARY, &payload);
                let (frame, taken) = parse(&bytes).unwrap().unwrap();
                assert_eq!((frame.payload, taken), (payload, bytes.len()));
                assert_eq!(frame.masked, role == Role::Client);
                assert_eq!(parse(&bytes[..bytes.len() - 1]), Ok(None));
            }
        }
    }

    #[test]
    fn the_mask_is_that_of_the_rfc() {
        for len in 0..70 {
            let mut payload: Vec<u8> = (0..len).collect();
            apply_mask(&mut payload, MASK);
            let expected = (0..len).zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key);
            assert!(payload.iter().copied().eq(expected), "{len}");
        }
    }

    #[test]
    fn a_long_form_of_a_short_length_is_a_fault() {
        assert!(parse(&[FIN | TEXT, 126, 0, 5, 1, 2, 3, 4, 5]).is_err());
    }

    #[test]
    fn faults_are_named() {
        let sound = Frame { first: FIN | TEXT, masked: false, payload: Vec::new() };
        assert_eq!(sound.fault(Role::Client), None);
        assert!(sound.fault(Role::Server).unwrap().contains("not masked"));
        for first in [FIN | 0x40 | TEXT, FIN | 0x3, PING] {
            assert!(Frame { first, ..sound.clone() }.fault(Role::Client).is_some(), "{first:#x}");
        }
    }
}
