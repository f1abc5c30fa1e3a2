//! What must hold of every message that is heard (`relay.*` in `conformance/PROTOCOL.md`).

use super::hearing::Order;
use super::world::Fact;
use super::{About, Check, Found, Moment};
use crate::event::{Event, Message, SessionNo};

pub(super) const NO_DUPLICATES: &str = "no-duplicates";
pub(super) const ORDER_PER_SENDER: &str = "order-per-sender";
pub(super) const SENDER_HEARS_NOTHING: &str = "sender-hears-nothing";
pub(super) const CHANNELS_APART: &str = "channels-apart";
pub(super) const UNCHANGED: &str = "unchanged";

/// Nobody hears a message twice.
pub(super) struct NoDuplicates;

/// Everyone hears the messages of one sender in their order.
pub(super) struct OrderPerSender;

/// Nobody hears its own messages.
pub(super) struct SenderHearsNothing;

/// A message stays on its channel, and on a local channel at its proxy.
pub(super) struct ChannelsApart;

/// Everything heard was sent, byte for byte and of the same kind.
pub(super) struct Unchanged;

fn heard<'a>(moment: &Moment<'a>) -> Option<(SessionNo, Message, Order)> {
    moment.facts.iter().find_map(|fact| match fact {
        Fact::Heard { by, message, order } => Some((*by, *message, *order)),
        Fact::Missed { .. } => None,
    })
}

impl Check for NoDuplicates {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if let Some((by, message, Order::Again)) = heard(moment) {
            let (from, number) = (message.from.0, message.number);
            let text = format!("session {} heard message {number} of session {from} twice", by.0);
            found.add(About::message(by, message), text);
        }
    }
}

impl Check for OrderPerSender {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if let Some((by, message, Order::Late)) = heard(moment) {
            let (from, number) = (message.from.0, message.number);
            let text = format!(
                "session {} heard message {number} of session {from} after a later one",
                by.0
            );
            found.add(About::message(by, message), text);
        }
    }
}

impl Check for SenderHearsNothing {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if let Some((by, message, _)) = heard(moment)
            && by == message.from
        {
            let text = format!("session {} heard its own message {}", by.0, message.number);
            found.add(About::message(by, message), text);
        }
    }
}

impl Check for ChannelsApart {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        let Some((by, message, _)) = heard(moment) else { return };
        let sessions = (moment.world.session(by), moment.world.session(message.from));
        let (Some(hearer), Some(sender)) = sessions else { return };
        let local = sender.channel.starts_with("/local/") && hearer.proxy != sender.proxy;
        if hearer.channel != sender.channel || local {
            let text = format!(
                "session {} on {} at proxy {} heard session {} on {} at proxy {}",
                by.0,
                hearer.channel,
                hearer.proxy.0,
                message.from.0,
                sender.channel,
                sender.proxy.0,
            );
            found.add(About::message(by, message), text);
        }
    }
}

impl Check for Unchanged {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if let Event::Garbled { session, what } = &moment.record.event {
            let text = format!("session {} heard what nobody sent so: {what}", session.0);
            found.add(About::sessions([*session]), text);
        }
        if let Some((by, message, Order::Unsent)) = heard(moment) {
            let Message { from, number, bytes, binary } = message;
            let kind = if binary { "binary" } else { "text" };
            let text = format!(
                "session {} heard a {kind} message of {bytes} bytes as number {number} of session \
                 {}, which sent none such",
                by.0, from.0
            );
            found.add(About::message(by, message), text);
        }
    }
}
