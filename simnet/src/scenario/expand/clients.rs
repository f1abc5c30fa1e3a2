//! Clients: which channel each is on, when, and what it sends.

use std::time::Duration;

use proxy::ChannelName;
use rand::{Rng, seq::IteratorRandom};

use super::super::error::{Place, Wrong};
use super::super::parts::{Clients, Leave, Scope, Traffic};
use super::super::plan::MESSAGE_BYTES_MIN;
use super::{Expansion, planned};
use crate::event::ProxyNo;
use planned::{Action, Client, Do, Send};

/// No client comes anew in the last moment of a story, where it could do nothing any more.
const LAST_MOMENT: Duration = Duration::from_secs(1);

impl Expansion<'_> {
    pub(super) fn clients(&mut self) -> Result<(), Wrong> {
        for (nth, group) in self.scenario.clients.iter().enumerate() {
            let place = Place::default().entry("clients", nth);
            group.check(&place)?;
            let before = self.plan.clients.len();
            for proxy in self.proxies_selected(&group.at, &place.key("at"))? {
                for channel in self.picked(group) {
                    for _ in 0..group.count {
                        let client = self.client(group, proxy, channel);
                        self.plan.clients.push(client);
                    }
                }
            }
            let number = self.plan.clients.len() - before;
            let unnamed = format!("#{}", nth + 1);
            self.clients.add(group.name.as_deref().unwrap_or(&unnamed), (0..number).map(|_| 1));
        }
        Ok(())
    }

    /// The channels of one proxy's clients.
    fn picked<'c>(&mut self, group: &'c Clients) -> Vec<&'c str> {
        let all = group.channels.iter().map(String::as_str);
        match group.pick {
            Some(number) => all.sample(&mut self.rng, number as usize),
            None => all.collect(),
        }
    }

    fn client(&mut self, group: &Clients, proxy: ProxyNo, channel: &str) -> Client {
        let scope = match group.scope {
            Scope::Broadcast => "broadcast",
            Scope::Local => "local",
        };
        let story = self.scenario.length;
        let mut actions = Vec::new();
        let mut join = self.plan.proxy(proxy).start + group.join + self.draw(group.within);
        while join < story.saturating_sub(LAST_MOMENT) {
            let end = group.stay.map_or(story, |stay| join + stay).min(story);
            actions.push(Action { at: join, what: Do::Join });
            if let Some(traffic) = &group.send {
                traffic.between(join, end, &mut actions);
            }
            if end < story {
                let what = match group.leave {
                    Leave::Close => Do::Leave,
                    Leave::Vanish => Do::Vanish,
                };
                actions.push(Action { at: end, what });
            }
            let Some(away) = group.away else { break };
            join = end + away;
        }
        Client {
            proxy,
            channel: format!("/{scope}/{channel}"),
            seed: self.rng.next_u64(),
            retry: group.retry,
            actions,
        }
    }
}

impl Traffic {
    /// What is sent in a stay from `join` to `end`.
    fn between(&self, join: Duration, end: Duration, actions: &mut Vec<Action>) {
        let mut at = join + self.after;
        let mut left = self.turns.unwrap_or(u32::MAX);
        while at < end && left > 0 {
            let room = (end - at).as_nanos().div_ceil(self.every.as_nanos());
            let room = u32::try_from(room).unwrap_or(u32::MAX);
            let turns = left.min(room).min(self.pause_after.unwrap_or(u32::MAX));
            let (every, burst, bytes, binary) = (self.every, self.burst, self.bytes, self.binary);
            let send = Send { turns, every, burst, bytes, binary };
            actions.push(Action { at, what: Do::Send(send) });
            left -= turns;
            at += self.every * turns + self.pause;
        }
    }

    fn check(&self, place: &Place) -> Result<(), Wrong> {
        if self.every.is_zero() {
            return Err(place.key("every").wrong("it must be more than nothing, such as \"10ms\""));
        }
        if self.pause_after == Some(0) {
            return Err(place.key("pause-after").wrong("it must be at least 1"));
        }
        let (min, max) = self.bytes;
        if min < MESSAGE_BYTES_MIN || max < min {
            return Err(place.key("bytes").wrong(format!(
                "[{min}, {max}] is no range of sizes; it begins at {MESSAGE_BYTES_MIN} or above, \
                 because a message says whose it is"
            )));
        }
        if !(0.0..=1.0).contains(&self.binary) {
            let found = self.binary;
            return Err(place.key("binary").wrong(format!("{found} is no share from 0 to 1")));
        }
        Ok(())
    }
}

impl Clients {
    fn check(&self, place: &Place) -> Result<(), Wrong> {
        if self.channels.is_empty() {
            return Err(place.key("channels").wrong("give at least one channel"));
        }
        for channel in &self.channels {
            let sound: Result<ChannelName, _> = channel.parse();
            sound.map_err(|error| place.key("channels").wrong(format!("{channel:?}: {error}")))?;
        }
        if self.pick.is_some_and(|pick| pick == 0 || pick as usize > self.channels.len()) {
            let len = self.channels.len();
            return Err(place.key("pick").wrong(format!("it must be from 1 to {len}")));
        }
        if self.stay == Some(Duration::ZERO) || self.away == Some(Duration::ZERO) {
            return Err(place.wrong("`stay` and `away` must be more than nothing"));
        }
        if self.away.is_some() && self.stay.is_none() {
            return Err(place.key("away").wrong("who is away has left: give `stay` as well"));
        }
        self.send.as_ref().map_or(Ok(()), |traffic| traffic.check(&place.key("send")))
    }
}
