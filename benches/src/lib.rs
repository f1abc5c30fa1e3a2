//! The pieces of the proxy that are measured one by one: in time by criterion (`benches/micro.rs`),
//! in instructions by valgrind (`benches instructions`).

use proxy::bench::{Audience, Frames, Links, Masked, unmask};

/// One piece, ready to run again and again.
pub struct Piece {
    /// What it is.
    pub name: &'static str,
    /// Runs it once.
    pub run: Box<dyn FnMut()>,
}

/// All pieces.
#[must_use]
pub fn pieces() -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut add = |name, run| pieces.push(Piece { name, run });
    for (name, messages, size, text) in [
        ("parse and encode 64 binary messages of 64 B", 64, 64, false),
        ("parse, check and encode 64 texts of 64 B", 64, 64, true),
        ("parse, check and encode a text of 16 KiB", 1, 16 * 1024, true),
    ] {
        let mut frames = Frames::new(messages, size, text);
        add(name, Box::new(move || keep(frames.run())) as Box<dyn FnMut()>);
    }
    let mut data = vec![0_u8; 16 * 1024];
    add("unmask 16 KiB", Box::new(move || unmask(&mut data)));
    let masked = Masked::new(64, 64);
    add("mask 64 messages of 64 B for a link", Box::new(move || keep(masked.run())));
    for (name, readers) in [("publish to 100 readers", 100), ("publish to 1000 readers", 1000)] {
        let audience = Audience::new(readers);
        add(name, Box::new(move || keep(audience.run())));
    }
    let mut links = Links::new(200);
    add("plan: one of 200 linked proxies goes and comes", Box::new(move || links.run()));
    pieces
}

/// Makes the compiler compute a result that nobody needs.
fn keep(result: usize) {
    std::hint::black_box(result);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_do_what_they_say() {
        assert_eq!(Frames::new(64, 64, true).run(), 64 * (2 + 64));
        assert_eq!(Frames::new(1, 16 * 1024, true).run(), 4 + 16 * 1024);
        assert_eq!(Masked::new(64, 64).run(), 64 * (2 + 4 + 64));
        assert_eq!(Audience::new(100).run(), 100);
        let mut links = Links::new(200);
        assert_eq!(links.count(), 200);
        (0..400).for_each(|_| links.run());
        assert_eq!(links.count(), 200, "who came back is linked again");
    }
}
