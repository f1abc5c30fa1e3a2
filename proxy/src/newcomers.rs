//! Connections that have yet to become something: the oldest makes room for one too many.

use std::future::Future;

use indexmap::IndexMap;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use crate::limits::REQUESTS_MAX;

/// Tasks of connections that are asking for something, at most [`REQUESTS_MAX`] of them. What a
/// task gives is what became of its connection, if anything did.
pub(crate) struct Newcomers<T> {
    tasks: JoinSet<Option<T>>,
    /// Oldest first.
    asking: IndexMap<Id, AbortHandle>,
}

impl<T> Default for Newcomers<T> {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), asking: IndexMap::new() }
    }
}

impl<T: 'static> Newcomers<T> {
    /// Adds one; true if the oldest had to go for it.
    pub(crate) fn add(&mut self, asking: impl Future<Output = Option<T>> + 'static) -> bool {
        let task = self.tasks.spawn_local(asking);
        self.asking.insert(task.id(), task);
        if self.asking.len() <= REQUESTS_MAX {
            return false;
        }
        let oldest = self.asking.shift_remove_index(0);
        oldest.inspect(|(_, task)| task.abort()).is_some()
    }

    /// The next of which something became; none when nobody asks. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<T> {
        loop {
            match self.tasks.join_next_with_id().await? {
                Ok((id, became)) => {
                    self.asking.shift_remove(&id);
                    if became.is_some() {
                        return became;
                    }
                }
                Err(error) => self.failed(&error),
            }
        }
    }

    /// All of which something has become already.
    pub(crate) fn done(&mut self) -> Vec<T> {
        let tasks = std::iter::from_fn(|| self.tasks.try_join_next());
        tasks.filter_map(|done| done.ok().flatten()).collect()
    }

    fn failed(&mut self, error: &JoinError) {
        self.asking.shift_remove(&error.id());
        if !error.is_cancelled() {
            tracing::error!(%error, "a handshake failed; please report this");
        }
    }
}
