//! What the fuzz target in `fuzz/` calls; there only when a fuzzer builds this crate.

use crate::ws::Role;
use crate::ws::tests::judge::assert_same_judgement;

/// Gives our decoder and tungstenite the same stream, and panics where they differ otherwise than
/// they may. The first bytes say who reads it, what the limit is, and where it is cut.
pub fn judge(data: &[u8]) {
    let [flags, limit, cut, stream @ ..] = data else { return };
    let role = if flags & 1 == 0 { Role::Server } else { Role::Client };
    let limit = if flags & 2 == 0 { 1 << 20 } else { usize::from(*limit) * 4 };
    let chunks: Vec<&[u8]> = match cut {
        0 => vec![stream],
        cut => stream.chunks(usize::from(*cut)).collect(),
    };
    assert_same_judgement(role, limit, stream, &chunks);
}
