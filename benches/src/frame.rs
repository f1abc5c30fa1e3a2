//! As much of RFC 6455 as a benchmark needs: whole binary messages, and the opening handshake.

/// FIN, and the opcode of a binary message.
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const MASK: u8 = 0x80;

/// The header of a binary message of `len` bytes, with a masking key if a client sends it.
pub(crate) fn put_header(len: usize, mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    out.push(BINARY);
    let masked = if mask.is_some() { MASK } else { 0 };
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len), _) if len < 126 => out.push(masked | len),
        (_, Ok(len)) => {
            out.push(masked | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend(mask.iter().flatten());
}

/// Masks or unmasks.
pub(crate) fn mask(data: &mut [u8], key: [u8; 4]) {
    let word = u64::from_ne_bytes(std::array::from_fn(|i| key[i % 4]));
    let (words, tail) = data.as_chunks_mut();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// A masked frame at the front of `input`.
pub(crate) struct Masked {
    pub(crate) close: bool,
    pub(crate) key: [u8; 4],
    /// Where the payload starts and ends.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Reads a client's frame at the front of `input`; `None` if it is not whole. Checks nothing.
pub(crate) fn masked(input: &[u8]) -> Option<Masked> {
    let (first, second) = (*input.first()?, *input.get(1)?);
    let (len, rest) = match second & !MASK {
        126 => (usize::from(u16::from_be_bytes(*input.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*input.get(2..)?.first_chunk()?) as usize, 10),
        len => (usize::from(len), 2),
    };
    let key = *input.get(rest..)?.first_chunk()?;
    let (start, end) = (rest + 4, rest + 4 + len);
    (input.len() >= end).then_some(Masked { close: first == CLOSE, key, start, end })
}

/// The request that opens a WebSocket on `path`.
pub(crate) fn request(port: u16, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The answer to the request `head`, and its path; `None` if it has no key.
pub(crate) fn answer(head: &str) -> Option<(String, &str)> {
    let path = head.strip_prefix("GET ")?.split(' ').next()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("Sec-WebSocket-Key").then(|| value.trim().to_owned())
    };
    let key = head.lines().find_map(header)?;
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Some((answer, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sends_is_read_back() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let key = [1, 2, 3, 4];
            let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut bytes = Vec::new();
            put_header(len, Some(key), &mut bytes);
            let start = bytes.len();
            bytes.extend_from_slice(&payload);
            mask(&mut bytes[start..], key);
            assert!(masked(&bytes[..bytes.len() - 1]).is_none(), "cut");
            let frame = masked(&bytes).unwrap();
            assert_eq!((frame.start, frame.end, frame.close), (start, bytes.len(), false));
            mask(&mut bytes[start..], frame.key);
            assert_eq!(bytes[start..], payload);
        }
    }

    #[test]
    fn the_answer_is_that_of_the_rfc() {
        let request = request(1, "/local/x");
        let (answer, path) = answer(&request).unwrap();
        assert_eq!(path, "/local/x");
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    }
}
