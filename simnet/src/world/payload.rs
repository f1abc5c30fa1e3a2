//! Messages that say themselves who sent them, and whether they are whole.
//!
//! ```text
//!   t12.345.64 #####################     text, session 12, its message 345, 64 bytes in all
//!   └── head ─┘└─ filler: a function of the head alone
//! ```

use bytes::Bytes;

use crate::event::{Message, SessionNo};

/// The message as it goes over the wire; as long as it says, but at least as long as its head.
pub(crate) fn encode(from: SessionNo, number: u32, bytes: u32, binary: bool) -> (Message, Bytes) {
    let head = |bytes| format!("{}{}.{number}.{bytes} ", if binary { 'b' } else { 't' }, from.0);
    // The length is part of the head: the head of the shortest message says the head's own length.
    let mut bytes = bytes;
    while (head(bytes).len() as u32) > bytes {
        bytes = head(bytes).len() as u32;
    }
    let message = Message { from, number, bytes, binary };
    let mut content = head(bytes).into_bytes();
    content.reserve_exact(bytes as usize - content.len());
    content.extend(filler(message).take(bytes as usize - content.len()));
    (message, content.into())
}

/// The message that `content` is, if it is one, byte for byte and of this kind.
///
/// # Errors
///
/// What is wrong with it, for people.
pub(crate) fn decode(content: &[u8], binary: bool) -> Result<Message, String> {
    let shown = || String::from_utf8_lossy(&content[..content.len().min(24)]).into_owned();
    let message = parse_head(content).ok_or_else(|| {
        format!("{} bytes that no client sent, beginning {:?}", content.len(), shown())
    })?;
    let kind = |binary| if binary { "binary" } else { "text" };
    if message.binary != binary {
        let (sent, came) = (kind(message.binary), kind(binary));
        return Err(format!("a {sent} message that came as {came}: {:?}", shown()));
    }
    if content.len() != message.bytes as usize {
        return Err(format!("{} of its {} bytes: {:?}", content.len(), message.bytes, shown()));
    }
    let (_, whole) = encode(message.from, message.number, message.bytes, binary);
    match content.iter().zip(&whole).position(|(came, sent)| came != sent) {
        None => Ok(message),
        Some(at) => Err(format!("changed at byte {at}: {:?}", shown())),
    }
}

fn parse_head(content: &[u8]) -> Option<Message> {
    let end = content.iter().take(40).position(|byte| *byte == b' ')?;
    let head = std::str::from_utf8(&content[..end]).ok()?;
    let binary = match head.as_bytes().first()? {
        b'b' => true,
        b't' => false,
        _ => return None,
    };
    let mut parts = head[1..].split('.');
    let mut next = || parts.next()?.parse().ok();
    let message = Message { from: SessionNo(next()?), number: next()?, bytes: next()?, binary };
    parts.next().is_none().then_some(message)
}

/// Text is printable, binary is anything, also what is no UTF-8.
fn filler(message: Message) -> impl Iterator<Item = u8> {
    // A small linear congruential generator (Knuth): its high bits are well mixed.
    let seed = u64::from(message.from.0) << 32 | u64::from(message.number);
    let states = std::iter::successors(Some(seed ^ 0x9e37_79b9_7f4a_7c15), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    });
    states.skip(1).map(move |state| {
        let byte = (state >> 56) as u8;
        if message.binary { byte } else { b'!' + byte % 94 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_sent_is_what_is_heard(
            session: u32, number: u32, bytes in 0..5000_u32, binary: bool
        ) {
            let (message, content) = encode(SessionNo(session), number, bytes, binary);
            prop_assert!(message.bytes >= bytes && message.bytes as usize == content.len());
            prop_assert_eq!(decode(&content, binary), Ok(message));
            prop_assert!(binary || std::str::from_utf8(&content).is_ok());
        }

        #[test]
        fn any_change_is_noticed(bytes in 0..300_u32, binary: bool, at: prop::sample::Index, bit in 0..8_u8) {
            let (message, content) = encode(SessionNo(7), 8, bytes, binary);
            let mut changed = content.to_vec();
            changed[at.index(content.len())] ^= 1_u8 << bit;
            prop_assert_ne!(decode(&changed, binary), Ok(message));
            prop_assert!(decode(&content[..content.len() - 1], binary).is_err());
            prop_assert!(decode(&content, !binary).is_err());
        }
    }
}
