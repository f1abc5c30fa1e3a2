//! From when to when something was so.

use std::collections::BTreeMap;
use std::time::Duration;

/// Spans of many things, each with a key, such as a link by its ends. Of one key, one span is
/// open at most.
#[derive(Debug)]
pub(super) struct Spans<K> {
    open: BTreeMap<K, u64>,
    closed: Vec<(K, u64, u64)>,
    most: usize,
    left_out: u64,
}

impl<K: Ord + Clone> Spans<K> {
    /// Keeps up to `most` spans that are over.
    pub(super) fn new(most: usize) -> Self {
        Self { open: BTreeMap::new(), closed: Vec::new(), most, left_out: 0 }
    }

    /// From now on it is so, if it was not already.
    pub(super) fn begin(&mut self, key: K, at: Duration) {
        self.open.entry(key).or_insert(ms(at));
    }

    /// It is so no more.
    pub(super) fn end(&mut self, key: &K, at: Duration) {
        let Some((key, from)) = self.open.remove_entry(key) else { return };
        if self.closed.len() < self.most {
            self.closed.push((key, from, ms(at)));
        } else {
            self.left_out += 1;
        }
    }

    /// Ends all for which this holds.
    pub(super) fn end_where(&mut self, at: Duration, ends: impl Fn(&K) -> bool) {
        let keys: Vec<K> = self.open.keys().filter(|key| ends(key)).cloned().collect();
        keys.iter().for_each(|key| self.end(key, at));
    }

    /// All spans in milliseconds; those that are open end with the run.
    pub(super) fn all(&self, end: Duration) -> impl Iterator<Item = (&K, u64, u64)> {
        let open = self.open.iter().map(move |(key, from)| (key, *from, ms(end)));
        self.closed.iter().map(|(key, from, to)| (key, *from, *to)).chain(open)
    }

    /// How many spans were over and did not fit.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }
}

fn ms(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_end_where_they_are_ended_or_with_the_run() {
        let s = Duration::from_secs;
        let mut spans = Spans::new(3);
        spans.begin("a", s(1));
        spans.begin("a", s(2));
        spans.begin("b", s(3));
        spans.end(&"a", s(4));
        spans.end(&"a", s(5));
        spans.begin("c", s(6));
        spans.end_where(s(7), |key| *key == "c");
        let all: Vec<_> = spans.all(s(9)).collect();
        assert_eq!(all, [(&"a", 1000, 4000), (&"c", 6000, 7000), (&"b", 3000, 9000)]);
        for n in 10..13 {
            spans.begin("d", s(n));
            spans.end(&"d", s(n));
        }
        assert_eq!(spans.left_out(), 2);
        assert_eq!(spans.all(s(9)).count(), 4, "three that are over, and the open one");
    }
}
