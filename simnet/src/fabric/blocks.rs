//! Ways that a fault cuts.

use std::collections::{BTreeMap, BTreeSet};

use super::packet::HostId;

/// One cut, to be healed by `Fabric::unblock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(u64);

#[derive(Default)]
pub(super) struct Blocks {
    made: u64,
    cuts: BTreeMap<BlockId, (BTreeSet<HostId>, BTreeSet<HostId>)>,
}

impl Blocks {
    pub(super) fn add(&mut self, from: BTreeSet<HostId>, to: BTreeSet<HostId>) -> BlockId {
        self.made += 1;
        self.cuts.insert(BlockId(self.made), (from, to));
        BlockId(self.made)
    }

    pub(super) fn remove(&mut self, block: BlockId) {
        self.cuts.remove(&block);
    }

    pub(super) fn cut(&self, from: HostId, to: HostId) -> bool {
        from != to && self.cuts.values().any(|(f, t)| f.contains(&from) && t.contains(&to))
    }
}
