//! What a fault's hooks may do with a line, and ask of it.

use super::{Line, Side};
use crate::frame::{CLOSE, Frame};
use crate::shared::Known;

impl Line {
    /// Passes a frame on to the proxy, as it is.
    pub(crate) fn pass_in(&mut self, frame: &Frame) {
        self.to_proxy.extend_from_slice(&frame.encode());
        self.close_received |= frame.opcode == CLOSE;
    }

    /// Passes a frame on to the peer, as it is.
    pub(crate) fn pass_out(&mut self, frame: &Frame) {
        self.to_peer.extend_from_slice(&frame.encode());
        self.close_sent |= frame.opcode == CLOSE;
    }

    /// Gives the proxy a frame of the fault's own, masked as the proxy expects it.
    pub(crate) fn tell_proxy(&mut self, frame: Frame) {
        let mask = (self.side == Side::Accepted).then_some([0; 4]);
        self.pass_in(&Frame { mask, ..frame });
    }

    /// Gives the peer a frame of the fault's own, masked as the peer expects it.
    pub(crate) fn tell_peer(&mut self, frame: Frame) {
        let mask = (self.side == Side::Dialled).then_some([0; 4]);
        self.pass_out(&Frame { mask, ..frame });
    }

    pub(crate) fn is_link(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.link)
    }

    pub(crate) fn is_client(&self) -> bool {
        self.known.as_ref().is_some_and(|known| !known.link)
    }

    /// A link that the proxy accepted and that carries one way.
    pub(crate) fn is_outward_link(&self) -> bool {
        self.side == Side::Accepted && self.known.as_ref().is_some_and(|k| k.link && !k.two_way)
    }

    /// The path of its channel.
    pub(crate) fn channel(&self) -> &str {
        self.known.as_ref().map_or("", |known| &known.channel)
    }

    /// The other connections of the same channel.
    pub(crate) fn others(&self) -> Vec<Known> {
        let Some(own) = &self.known else { return Vec::new() };
        self.shared.on_channel(&own.channel).into_iter().filter(|k| k.id != own.id).collect()
    }

    /// Whether the peer is on another machine. Said by addresses of this machine's interfaces.
    pub(crate) fn is_foreign(&self) -> bool {
        !self.shared.is_own(self.peer.ip())
    }

    /// Forgets what came in the same read as the answer.
    pub(crate) fn drop_early(&mut self) {
        self.inward.raw.clear();
    }
}
