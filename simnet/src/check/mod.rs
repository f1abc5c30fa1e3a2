//! Checkers: what must hold in every world, whatever its story.

/// The names of all checks, for scenarios that waive one.
pub const NAMES: [&str; 1] = ["everyone-hears"];
