//! What a round says: every byte that is sent, and every byte that must arrive.

use crate::frame;

/// Digits of the number that each message carries.
const DIGITS: usize = 12;
/// Bytes of a message at least: its sender, and its number.
const SIZE_MIN: usize = 1 + DIGITS;

/// The frames of one round. All have one length, and say whose they are in their first byte.
pub(super) struct Script {
    /// Bytes of a frame's header, as a server sends it.
    pub(super) header: usize,
    /// Bytes of a frame, as a server sends it.
    pub(super) frame: usize,
    /// For each sender: what the others get, and what it sends.
    plain: Vec<Vec<u8>>,
    masked: Vec<Vec<u8>>,
}

impl Script {
    /// `each` messages of `size` bytes from each sender, numbered from `first`.
    pub(super) fn new(size: usize, senders: usize, each: usize, first: u64) -> Self {
        let size = size.max(SIZE_MIN);
        let mut header = Vec::new();
        frame::put_header(size, None, &mut header);
        let (mut plain, mut masked) = (Vec::new(), Vec::new());
        for sender in 0..senders {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for number in first..first + each as u64 {
                let start = ours.len() + header.len();
                ours.extend_from_slice(&header);
                ours.push(name(sender));
                ours.extend_from_slice(format!("{number:0DIGITS$}").as_bytes());
                ours.resize(start + size, b'a' + (number % 26) as u8);
                let key = (number as u32).wrapping_mul(0x9e37_79b9).to_ne_bytes();
                frame::put_header(size, Some(key), &mut theirs);
                let masked_start = theirs.len();
                theirs.extend_from_slice(&ours[start..]);
                frame::mask(&mut theirs[masked_start..], key);
            }
            plain.push(ours);
            masked.push(theirs);
        }
        Self { header: header.len(), frame: header.len() + size, plain, masked }
    }

    pub(super) fn senders(&self) -> usize {
        self.plain.len()
    }

    /// What a sender sends.
    pub(super) fn masked(&self, sender: usize) -> &[u8] {
        &self.masked[sender]
    }

    /// What the others get of it.
    pub(super) fn plain(&self, sender: usize) -> &[u8] {
        &self.plain[sender]
    }

    /// Whose message has `first` as its first byte.
    pub(super) fn sender(&self, first: u8) -> Option<usize> {
        (0..self.senders()).find(|sender| name(*sender) == first)
    }
}

fn name(sender: usize) -> u8 {
    b'A' + sender as u8
}
