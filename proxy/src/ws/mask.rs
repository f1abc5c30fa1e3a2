//! Masking (RFC 6455 section 5.3): payload byte `i` is taken XOR key byte `i % 4`.
//!
//! The key is repeated to a word of 8 bytes. The loop over words has one operand that never changes
//! and nothing else, so the compiler makes vector instructions of it wherever it is inlined,
//! without `unsafe` and whatever the alignment.

/// A multiple of the key's 4 bytes, so that every word starts at the same byte of the key.
const WORD: usize = size_of::<u64>();

/// Masks or unmasks `data`, which starts `offset` bytes into its payload.
///
/// Masking twice with the same key and offset gives the data back.
#[inline]
pub(crate) fn apply_mask(data: &mut [u8], key: [u8; 4], offset: usize) {
    let key = rotate(key, offset);
    let key: [u8; WORD] = std::array::from_fn(|i| key[i % 4]);
    let (words, tail) = data.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// The key as it stands `offset` bytes into the payload.
pub(super) fn rotate(mut key: [u8; 4], offset: usize) -> [u8; 4] {
    key.rotate_left(offset % 4);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_the_rule_of_the_rfc_at_any_length_and_offset(
            data in proptest::collection::vec(any::<u8>(), 0..200),
            key: [u8; 4],
            offset in 0_usize..100,
        ) {
            let expected: Vec<u8> =
                data.iter().enumerate().map(|(i, b)| b ^ key[(offset + i) % 4]).collect();
            let mut masked = data;
            apply_mask(&mut masked, key, offset);
            prop_assert_eq!(masked, expected);
        }
    }
}
