//! The documents keep up with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// The clauses of PROTOCOL.md, from headings such as `### relay.unchanged (MUST)`.
fn clauses() -> Vec<String> {
    let protocol = read("conformance/PROTOCOL.md");
    let headings = protocol.lines().filter_map(|line| line.strip_prefix("### "));
    let ids = headings.filter_map(|heading| heading.split_once(" ("));
    ids.filter(|(_, level)| ["MUST)", "SHOULD)", "MAY)"].contains(level))
        .map(|(id, _)| id.to_owned())
        .collect()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// What reads like a clause in a comment: `area.words-with-dashes`, of an area that there is, and
/// no file, such as `name.rs`.
fn cited(text: &str, areas: &BTreeSet<&str>) -> Vec<String> {
    let comments =
        text.lines().filter_map(|line| line.split_once("//").map(|(_, comment)| comment));
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-' || c == '.';
    comments
        .flat_map(|comment| comment.split(|c| !is_part(c)))
        .map(|word| word.trim_matches(|c| c == '.' || c == '-'))
        .filter(|word| {
            let parts = word.split_once('.');
            parts.is_some_and(|(area, rest)| areas.contains(area) && rest != "rs")
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_citation_is_known_with_a_dash_or_without() {
    let areas = BTreeSet::from(["link", "name"]);
    let cited = |text| cited(text, &areas);
    assert_eq!(
        cited("x(); // link.redial, and (`name.case-sensitive`)."),
        ["link.redial", "name.case-sensitive"]
    );
    assert_eq!(cited("/// name.rs and link/driver.rs; e.g. link. Other.words"), [""; 0]);
    assert_eq!(cited("link.redial()"), [""; 0], "code");
}

#[test]
fn clauses_have_ids_of_their_own_and_code_cites_only_those() {
    let clauses = clauses();
    let unique: BTreeSet<&str> = clauses.iter().map(String::as_str).collect();
    assert_eq!(unique.len(), clauses.len(), "an id stands twice");
    assert!(unique.len() > 50, "PROTOCOL.md has its clauses in another form than expected");
    let areas: BTreeSet<&str> =
        unique.iter().filter_map(|id| Some(id.split_once('.')?.0)).collect();
    let mut files = Vec::new();
    rust_files(&root().join("proxy/src"), &mut files);
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        for id in cited(&text, &areas) {
            assert!(unique.contains(id.as_str()), "{}: PROTOCOL.md has no {id}", file.display());
            count += 1;
        }
    }
    assert!(count > 20, "only {count} citations were found: is this test still looking right?");
}

#[test]
fn the_readme_has_every_flag() {
    let help = Command::new(env!("CARGO_BIN_EXE_namedwebsockets")).arg("--help").output();
    let help = String::from_utf8(help.expect("the program runs").stdout).expect("text");
    let flags: Vec<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .filter_map(|line| line.split([' ', '\n']).next())
        .collect();
    assert!(flags.len() >= 12, "{flags:?}");
    let readme = read("README.md");
    for flag in flags {
        assert!(readme.contains(&format!("`--{flag}")), "README.md says nothing of --{flag}");
    }
}
