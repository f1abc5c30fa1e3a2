//! The cases, a file or folder for each area of PROTOCOL.md.

mod name;

use crate::case::Case;

/// All cases, in the order of the document.
pub(crate) const ALL: &[&[Case]] = &[name::CASES];
