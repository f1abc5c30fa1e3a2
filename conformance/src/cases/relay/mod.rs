//! Who hears a message, and how it arrives (PROTOCOL.md section 4).

mod content;
mod delivery;
mod storm;

use crate::case::Case;

pub(super) const CASES: &[&[Case]] = &[delivery::CASES, content::CASES, storm::CASES];
