//! Compares what one client gets with what it must get.

use super::script::Script;

/// How far a client has come in a round.
#[derive(Clone, Debug, Default)]
pub(super) struct Check {
    /// Bytes taken, and to come.
    taken: usize,
    total: usize,
    /// Messages that are whole.
    whole: usize,
    /// Of each sender, bytes taken; the client's own are all taken from the start.
    of: Vec<usize>,
    /// Whose frame is under way, once it is known.
    current: Option<usize>,
}

/// What is wrong with what a client got.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    #[error("got {0} bytes more than was sent: a message came twice, or back to its sender")]
    TooMuch(usize),
    #[error("got a frame that nobody sent, {0} bytes into the round")]
    Unknown(usize),
    #[error(
        "got other bytes than were sent, {at} bytes into the round: a message of sender {sender} \
         is lost, out of order, or changed"
    )]
    Other { at: usize, sender: usize },
}

impl Check {
    pub(super) fn new(script: &Script, client: usize) -> Self {
        let senders = script.senders();
        let len = |sender: usize| script.plain(sender).len();
        let of: Vec<usize> =
            (0..senders).map(|sender| if sender == client { len(sender) } else { 0 }).collect();
        let total = (0..senders).filter(|sender| *sender != client).map(len).sum();
        Self { taken: 0, total, whole: 0, of, current: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.taken == self.total
    }

    pub(super) fn owed(&self) -> usize {
        self.total - self.taken
    }

    /// Messages received in full.
    pub(super) fn received(&self) -> usize {
        self.whole
    }

    /// Checks the next bytes.
    pub(super) fn take(&mut self, script: &Script, mut bytes: &[u8]) -> Result<(), Wrong> {
        if bytes.len() > self.owed() {
            return Err(Wrong::TooMuch(bytes.len() - self.owed()));
        }
        while !bytes.is_empty() {
            let within = self.taken % script.frame;
            if within == 0 {
                // With one sender there is no choice.
                self.current = (script.senders() == 1).then_some(0);
            }
            if self.current.is_none() && within == script.header {
                self.current = Some(script.sender(bytes[0]).ok_or(Wrong::Unknown(self.taken))?);
                self.of[self.current.unwrap_or_default()] += within;
            }
            let length = match self.current {
                // One sender: as much as there is.
                Some(_) if script.senders() == 1 => bytes.len(),
                Some(_) => (script.frame - within).min(bytes.len()),
                None => (script.header - within).min(bytes.len()),
            };
            let (some, rest) = bytes.split_at(length);
            self.compare(script, within, some)?;
            self.taken += length;
            bytes = rest;
        }
        self.whole = self.taken / script.frame;
        Ok(())
    }

    fn compare(&mut self, script: &Script, within: usize, bytes: &[u8]) -> Result<(), Wrong> {
        let Some(sender) = self.current else {
            // All headers are the same.
            let header = &script.plain(0)[within..within + bytes.len()];
            return if bytes == header { Ok(()) } else { Err(Wrong::Unknown(self.taken)) };
        };
        let at = self.of[sender];
        if script.plain(sender).get(at..at + bytes.len()) != Some(bytes) {
            return Err(Wrong::Other { at: self.taken, sender });
        }
        self.of[sender] += bytes.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What client 9 gets from two senders, one message of each in turn.
    fn interleaved(script: &Script, each: usize) -> Vec<u8> {
        let frame = |sender, n: usize| &script.plain(sender)[n * script.frame..][..script.frame];
        (0..each).flat_map(|n| [frame(0, n), frame(1, n)].concat()).collect()
    }

    fn judge(script: &Script, bytes: &[u8], cut: usize) -> Result<bool, Wrong> {
        let mut check = Check::new(script, 9);
        for some in bytes.chunks(cut) {
            check.take(script, some)?;
        }
        Ok(check.is_done())
    }

    #[test]
    fn what_was_sent_passes_wherever_it_is_cut() {
        for (senders, size) in [(2, 20), (2, 200), (1, 20)] {
            let script = Script::new(size, senders, 3, 7);
            let all = if senders == 2 { interleaved(&script, 3) } else { script.plain(0).to_vec() };
            for cut in 1..=all.len() {
                assert_eq!(judge(&script, &all, cut), Ok(true), "{senders} {size} {cut}");
                assert_eq!(judge(&script, &all[..all.len() - 1], cut), Ok(false));
            }
        }
    }

    #[test]
    fn a_message_lost_twice_swapped_changed_or_too_many_is_found() {
        for cut in [1, 10, 1000] {
            let script = Script::new(20, 2, 3, 0);
            let (all, frame) = (interleaved(&script, 3), script.frame);
            let lost = [&all[..frame], &all[2 * frame..]].concat();
            assert!(matches!(judge(&script, &lost, cut), Ok(false) | Err(_)));
            // In place of the one lost something else comes.
            let lost = [&lost[..], &all[..frame]].concat();
            assert!(matches!(judge(&script, &lost, cut), Err(Wrong::Other { .. })), "{cut}");
            let twice = [&all[..frame], &all[..]].concat();
            assert!(judge(&script, &twice, cut).is_err());
            let swapped =
                [&all[2 * frame..3 * frame], &all[frame..2 * frame], &all[..frame]].concat();
            assert!(judge(&script, &swapped, cut).is_err());
            let mut changed = all.clone();
            changed[frame + 5] ^= 1;
            assert!(judge(&script, &changed, cut).is_err());
            let more = [&all[..], b"x"].concat();
            assert!(matches!(judge(&script, &more, cut), Err(Wrong::TooMuch(_))));
        }
    }

    #[test]
    fn a_sender_must_not_hear_itself() {
        let script = Script::new(20, 2, 1, 0);
        let mut check = Check::new(&script, 0);
        assert_eq!(
            check.take(&script, script.plain(0)),
            Err(Wrong::Other { at: script.header, sender: 0 })
        );
    }
}
