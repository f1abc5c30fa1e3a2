//! UTF-8 that may end within a code point, because the rest of it has not come yet.

/// How much of `bytes` is whole, valid code points.
///
/// `Ok` with less than the whole length means that the rest could still become valid: it is the
/// start of a code point, at most 3 bytes. So a check can go on there when more has come, and
/// nothing is looked at twice but those 3 bytes.
///
/// # Errors
///
/// The number of valid bytes before one that no continuation can make valid.
pub(super) fn valid_up_to(bytes: &[u8]) -> Result<usize, usize> {
    match simdutf8::compat::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(error) => Err(error.valid_up_to()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_code_point_is_not_yet_wrong() {
        let text = "aµ€😀".as_bytes();
        let starts = [0, 1, 3, 6, 10];
        for end in 0..=text.len() {
            let whole = *starts.iter().rfind(|start| **start <= end).unwrap();
            assert_eq!(valid_up_to(&text[..end]), Ok(whole), "cut at {end}");
        }
    }

    #[test]
    fn what_nothing_can_make_valid_is_wrong_at_once() {
        // A lone continuation, overlong forms, a surrogate, beyond U+10FFFF, a broken sequence.
        let wrong: [&[u8]; 7] = [
            b"ab\x80",
            b"ab\xc0",
            b"ab\xe0\x80",
            b"ab\xed\xa0",
            b"ab\xf4\x90",
            b"ab\xf5",
            b"ab\xe2\x82a",
        ];
        for bytes in wrong {
            assert_eq!(valid_up_to(bytes), Err(2), "{bytes:x?}");
        }
    }
}
