//! Packets of others: what in them is of use, and to whom.

use std::net::SocketAddr;

use rand::Rng;
use tokio::time::Instant;

use super::PORT;
use super::cache::JITTER_MAX;
use super::engine::{Engine, Overheard};
use super::lane::Lane;
use super::name::Name;
use super::reader::{Head, Malformed, Reader};
use super::record::kind;
use super::replies::Request;
use super::responder::Claim;
use super::service::What;
use super::writer::{Ask, Legacy};
use crate::net::Datagram;

impl Engine {
    /// Answers what somebody asks.
    pub(super) fn query(
        &mut self,
        now: Instant,
        lane: Lane,
        packet: &Datagram,
        head: Head,
    ) -> Result<(), Malformed> {
        let (mut reader, s) = (Reader::new(&packet.bytes), &mut self.scratch);
        let legacy = packet.source.port() != PORT;
        let (mut ours, mut found) = (Vec::new(), Vec::new());
        let (mut planned, mut probed) = (Vec::new(), Vec::new());
        let mut asked = Vec::new();
        for _ in 0..head.questions {
            let Some(question) = reader.question(s)? else { continue };
            self.responder.answers(&s.owner.key, question.kind, &mut found);
            if legacy && !found.is_empty() {
                let name = Name::from_wire(&s.owner.wire);
                asked.push(Ask { name, kind: question.kind, unicast: false });
            }
            let unicast = question.unicast || !packet.multicast;
            ours.extend(found.drain(..).map(|(what, id)| (what, id, unicast)));
            if question.kind == kind::PTR
                && !question.unicast
                && self.querier.is_planned(now, &s.owner.key)
            {
                planned.push(s.owner.key.clone());
            }
            if head.authorities > 0 && self.responder.is_probed(&s.owner.key) {
                probed.push(s.owner.key.clone());
            }
        }
        let goes_on = head.questions == 0;
        if goes_on {
            let told = self.overheard.take_if(|o| (o.lane, o.source) == (lane, packet.source));
            planned.extend(told.into_iter().flat_map(|overheard| overheard.names));
        }
        let waits = goes_on && self.responder.replies.waits(lane, packet.source);
        if ours.is_empty() && planned.is_empty() && probed.is_empty() && !waits {
            return Ok(());
        }
        let known = (&mut reader, head.answers);
        if !self.known_answers(now, lane, packet.source, known, (&mut ours, !planned.is_empty()))? {
            planned.clear();
        }
        if head.truncated && !planned.is_empty() {
            self.overheard = Some(Overheard { lane, source: packet.source, names: planned });
        } else {
            planned.iter().for_each(|name| self.querier.asked_by_other(lane, name));
        }
        if !probed.is_empty() && !self.lanes.is_ours(packet.source.ip()) {
            self.ties(now, lane, (&mut reader, head.authorities), &probed)?;
        }
        if !ours.is_empty() {
            let legacy = legacy.then_some(Legacy { id: head.id, questions: asked });
            let probe = head.authorities > 0;
            let (source, truncated) = (packet.source, head.truncated);
            let request = Request { lane, source, answers: &ours, truncated, probe, legacy };
            self.responder.reply(now, request, &mut self.rng);
        }
        // What needs no delay goes out at once.
        let packets = self.responder.replies_due(now, &self.lanes);
        self.send(packets);
        Ok(())
    }

    /// Takes out of `ours` what the asker knows, and says whether they know nothing that is not
    /// known here too, if that is of interest.
    fn known_answers(
        &mut self,
        now: Instant,
        lane: Lane,
        source: SocketAddr,
        (reader, count): (&mut Reader<'_>, u16),
        (ours, planned): (&mut Vec<(What, u64, bool)>, bool),
    ) -> Result<bool, Malformed> {
        let s = &mut self.scratch;
        let mut all_known = true;
        for _ in 0..count {
            let Some(read) = reader.record(s)? else { continue };
            reader.data(read, s)?;
            match self.responder.same(&s.owner.key, (read.kind, read.ttl), &s.data.key) {
                Some(answer) => {
                    ours.retain(|(what, id, _)| (*what, *id) != answer);
                    self.responder.replies.spare(lane, source, answer);
                }
                None if planned && all_known => {
                    all_known = self.querier.knows(now, lane.interface, read, s);
                }
                None => {}
            }
        }
        Ok(all_known)
    }

    /// Compares what somebody would say of names that we are about to take with what we would.
    fn ties(
        &mut self,
        now: Instant,
        lane: Lane,
        (reader, count): (&mut Reader<'_>, u16),
        probed: &[Vec<u8>],
    ) -> Result<(), Malformed> {
        let s = &mut self.scratch;
        let mut claims: Vec<(Vec<u8>, Claim)> = Vec::new();
        for _ in 0..count {
            let Some(read) = reader.record(s)? else { continue };
            if probed.contains(&s.owner.key) {
                reader.data(read, s)?;
                claims.push((s.owner.key.clone(), (read.kind, s.data.wire.clone())));
            }
        }
        claims.sort_unstable();
        for name in probed {
            let theirs = claims.iter().filter(|(of, _)| of == name);
            let theirs: Vec<_> = theirs.map(|(_, claim)| claim.clone()).collect();
            self.responder.tie(now, &self.lanes, lane, name, &theirs);
        }
        Ok(())
    }

    /// Takes what somebody says.
    pub(super) fn response(
        &mut self,
        now: Instant,
        lane: Lane,
        packet: &Datagram,
        head: Head,
    ) -> Result<(), Malformed> {
        let (mut reader, s) = (Reader::new(&packet.bytes), &mut self.scratch);
        for _ in 0..head.questions {
            reader.question(s)?;
        }
        let records = [head.answers, head.authorities, head.additionals];
        let records: u32 = records.into_iter().map(u32::from).sum();
        // One for the packet, so that what came together is renewed together.
        let jitter = self.rng.next_u32() % JITTER_MAX;
        // Addresses may stand before the record that says whose they are, so once more from there.
        let (start, mut passed_over, mut leads) = (reader, false, false);
        for pass in 0..2 {
            for _ in 0..records {
                let Some(read) = reader.record(s)? else { continue };
                let address = matches!(read.kind, kind::A | kind::AAAA);
                if pass == 1 && !address {
                    continue;
                }
                let owned = self.responder.owns(&s.owner.key);
                let of_use = self.querier.is_of_use(&s.owner.key, read.kind);
                passed_over |= address && !of_use;
                leads |= read.kind == kind::SRV && of_use;
                if !owned && !of_use {
                    continue;
                }
                reader.data(read, s)?;
                if owned && read.ttl > 0 {
                    let (name, data) = (&s.owner.key[..], &s.data.key[..]);
                    if packet.multicast
                        && let Some(answer) = self.responder.same(name, (read.kind, read.ttl), data)
                    {
                        self.responder.replies.forget(lane, answer);
                    }
                    let said = (name, read.kind, &s.data.wire[..]);
                    self.responder.check(now, &self.lanes, said, &mut self.events);
                }
                // Our own services are no news to us.
                let ours = match read.kind {
                    kind::PTR => self.responder.owns(&s.data.key),
                    _ => owned,
                };
                if of_use && !ours {
                    self.querier.hear(now, lane.interface, (read, jitter), s);
                }
            }
            if !(passed_over && leads) {
                break;
            }
            reader = start;
        }
        Ok(())
    }
}
