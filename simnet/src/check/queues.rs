//! How much may wait for one connection (invariant 5 of ARCHITECTURE.md).

use super::{About, Check, Found, Moment};
use crate::event::Event;
use crate::scenario::Plan;
use crate::scenario::planned::Do;

pub(super) const QUEUES_BOUNDED: &str = "queues-bounded";

/// What waits for one connection is at most the queue size and one batch of each sender. A batch is
/// what one read brings, [`READ_BYTES`], and the message that it completes. Each client and link of
/// the proxy may be a sender.
pub(super) struct QueuesBounded {
    /// The largest batch, with what its keeping costs.
    batch: u64,
}

/// Bytes that a proxy reads at once (`proxy/src/limits.rs`).
const READ_BYTES: u64 = 256 * 1024;

/// Bytes for the heads of a batch's frames and for keeping it: messages have
/// [`MESSAGE_BYTES_MIN`](crate::scenario::MESSAGE_BYTES_MIN) at least and a head 14 at most, so less
/// than a third of what was read.
const HEADS: u64 = READ_BYTES / 3 + 96;

impl QueuesBounded {
    pub(super) fn new(plan: &Plan) -> Self {
        let actions = plan.clients.iter().flat_map(|client| &client.actions);
        let sizes = actions.filter_map(|action| match &action.what {
            Do::Send(send) => Some(send.bytes.1),
            _ => None,
        });
        let largest = sizes.chain([plan.roll_call.bytes]).max().unwrap_or(0);
        Self { batch: READ_BYTES + HEADS + u64::from(largest) }
    }
}

impl Check for QueuesBounded {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        let Event::Held { proxy, holdings } = &moment.record.event else { return };
        let limit = moment.world.plan.proxy(*proxy).options.queue_size as u64;
        let senders = u64::from(holdings.clients) + u64::from(holdings.links);
        let bound = limit + senders * self.batch;
        if holdings.queued_bytes_max > bound {
            let text = format!(
                "{} bytes wait for one connection of proxy {}: more than the queue size of {limit} \
                 and a batch of {} from each of {senders}",
                holdings.queued_bytes_max, proxy.0, self.batch
            );
            found.add(About::proxies([*proxy]), text);
        }
    }
}
