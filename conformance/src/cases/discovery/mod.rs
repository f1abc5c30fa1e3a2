//! How proxies find each other (PROTOCOL.md section 9), on the wire as another host sees it.

mod adverts;
mod follow;
mod goodbyes;
mod names;
mod networks;
mod second_stack;

use crate::case::Case;

pub(super) const CASES: &[&[Case]] =
    &[adverts::CASES, names::CASES, goodbyes::CASES, follow::CASES, networks::CASES];
