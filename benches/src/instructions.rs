//! Instructions of each piece, counted by valgrind: they hardly vary, so a change shows.
//!
//! `benches/instructions.txt` has what they were, and for which compiler. A count that differs by
//! more than [`TOLERANCE`] fails; whoever changed it on purpose writes the table anew with
//! `--update`, and the difference is part of the change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use benches::pieces;

use crate::error::{Context, Error};

/// By how much a count may differ: what the compiler inlines depends on code elsewhere too, which
/// has made 3 %.
const TOLERANCE: f64 = 0.05;
/// Runs that are counted, and whose mean is told.
const RUNS: u64 = 100;

/// The compiler that made this program.
const COMPILER: &str = env!("BENCHES_COMPILER");

/// Runs one piece as valgrind is to count it: once to warm up, then [`RUNS`] times.
pub(crate) fn run_piece(index: usize) -> Result<(), Error> {
    let mut pieces = pieces();
    let known = pieces.len();
    let piece = pieces.get_mut(index);
    let piece = piece.ok_or_else(|| Error(format!("there are only {known} pieces")))?;
    (piece.run)();
    (0..RUNS).for_each(|_| counted_by_valgrind(&mut piece.run));
    Ok(())
}

/// What valgrind counts within; it goes by the name.
#[inline(never)]
fn counted_by_valgrind(run: &mut dyn FnMut()) {
    run();
}

/// Counts all pieces, and compares them with the table, or writes it.
pub(crate) fn check(update: bool) -> Result<(), Error> {
    let counts: Result<Vec<_>, _> = pieces()
        .iter()
        .enumerate()
        .map(|(index, piece)| Ok((piece.name.to_owned(), count(index)?)))
        .collect();
    let now = Table { compiler: COMPILER.to_owned(), counts: counts? };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt");
    print!("{}", now.text());
    if update {
        return fs::write(&path, now.text()).with(|| format!("writing {}", path.display()));
    }
    let before = fs::read_to_string(&path).with(|| format!("reading {}", path.display()))?;
    let before = Table::read(&before)?;
    if before.compiler != now.compiler {
        println!(
            "The table is of {}; counts of another compiler differ and are not compared. With the \
             new one in use everywhere, write the table anew: `benches instructions --update`.",
            before.compiler
        );
        return Ok(());
    }
    let changes = before.changes(&now);
    if changes.is_empty() {
        return Ok(());
    }
    Err(Error(format!(
        "instructions have changed by more than {} %:\n{}\nIf that is meant, write the table anew: \
         `cargo run --release -p benches -- instructions --update`",
        TOLERANCE * 100.0,
        changes.join("\n")
    )))
}

/// Instructions of one run of a piece.
fn count(index: usize) -> Result<u64, Error> {
    let own = std::env::current_exe().context("finding this program")?;
    let out = PathBuf::from(format!("/tmp/benches-callgrind-{}-{index}", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg("--toggle-collect=*counted_by_valgrind*");
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(own).args(["piece", &index.to_string()]);
    let ran = valgrind.output().context("running valgrind (Debian's package of that name)")?;
    let _ = fs::remove_file(&out);
    let text = String::from_utf8_lossy(&ran.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let total = collected.and_then(|(_, number)| number.trim().parse::<u64>().ok());
    match total {
        Some(total) if total > 0 && ran.status.success() => Ok(total / RUNS),
        _ => Err(Error(format!("valgrind counted nothing:\n{text}"))),
    }
}

/// Counts, and the compiler that they are of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Table {
    compiler: String,
    counts: Vec<(String, u64)>,
}

impl Table {
    fn text(&self) -> String {
        let counts = self.counts.iter().map(|(name, count)| format!("{count:>10}  {name}\n"));
        format!("{}\n{}", self.compiler, counts.collect::<String>())
    }

    fn read(text: &str) -> Result<Self, Error> {
        let (compiler, rest) = text.split_once('\n').unwrap_or((text, ""));
        let count = |line: &str| {
            let (count, name) = line.trim_start().split_once("  ")?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        let counts: Option<Vec<_>> = rest.lines().map(count).collect();
        let counts = counts.ok_or_else(|| Error("instructions.txt is no such table".into()))?;
        Ok(Self { compiler: compiler.to_owned(), counts })
    }

    /// What differs, in words.
    fn changes(&self, now: &Self) -> Vec<String> {
        let find = |table: &Self, name: &str| {
            table.counts.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
        };
        let changed = now.counts.iter().filter_map(|(name, count)| match find(self, name) {
            None => Some(format!("{name}: not in the table")),
            Some(before) => {
                let change = *count as f64 / before as f64 - 1.0;
                let percent = change * 100.0;
                (change.abs() > TOLERANCE)
                    .then(|| format!("{name}: {before} became {count} ({percent:+.1} %)"))
            }
        });
        let gone = self.counts.iter().filter(|(name, _)| find(now, name).is_none());
        changed.chain(gone.map(|(name, _)| format!("{name}: no more measured"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: &[(&str, u64)]) -> Table {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Table { compiler: "rustc 1".into(), counts }
    }

    #[test]
    fn a_table_is_read_back_and_only_real_changes_are_told() {
        let before = table(&[("a piece", 1000), ("gone", 5)]);
        assert_eq!(Table::read(&before.text()).unwrap(), before);
        assert!(Table::read("rustc 1\nnothing").is_err());
        assert_eq!(before.changes(&table(&[("a piece", 1019), ("gone", 5)])), [""; 0]);
        assert_eq!(
            before.changes(&table(&[("a piece", 900), ("new", 1)])),
            [
                "a piece: 1000 became 900 (-10.0 %)",
                "new: not in the table",
                "gone: no more measured"
            ]
        );
    }
}
