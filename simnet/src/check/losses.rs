//! What must hold of every message that is not heard.

use super::hearing::{Gap, Pair};
use super::world::{Fact, World};
use super::{About, Check, Found, Moment};

pub(super) const NOTHING_LOST_HERE: &str = "nothing-lost-here";
pub(super) const GAPS_EXPLAINED: &str = "gaps-explained";

/// Between clients of one proxy nothing that was accepted is lost: who had joined when a message
/// was sent, and stays, hears it. Judged a second after a later message was heard, and when a phase
/// ends.
pub(super) struct NothingLostHere;

/// Between clients of different proxies a message is lost only if a link between the two came or
/// went after it was sent, or there is none.
pub(super) struct GapsExplained;

impl Check for NothingLostHere {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        look(moment, found, true);
    }
}

impl Check for GapsExplained {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        look(moment, found, false);
    }
}

fn look(moment: &Moment<'_>, found: &mut Found, here: bool) {
    for fact in moment.facts {
        if let Fact::Missed { pair, gap } = fact
            && !gap.excused
        {
            missed(moment.world, *pair, *gap, found, here);
        }
    }
}

fn missed(world: &World, (by, of): Pair, gap: Gap, found: &mut Found, here: bool) {
    let (Some(hearer), Some(sender)) = (world.session(by), world.session(of)) else { return };
    if (hearer.proxy == sender.proxy) != here {
        return;
    }
    let (from, last) = (gap.from, gap.to - 1);
    let numbers = if from == last { from.to_string() } else { format!("{from} to {last}") };
    let place = if here { "at the same proxy" } else { "over a link that stood all the time" };
    let about = About { proxies: vec![hearer.proxy, sender.proxy], ..About::sessions([by, of]) };
    found.add(
        about,
        format!("session {} did not hear {numbers} of session {}, {place}", by.0, of.0),
    );
}
