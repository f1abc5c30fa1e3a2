//! The clauses of PROTOCOL.md, read from the document itself.
//!
//! A clause is a heading `### area.words (LEVEL)`, its requirement, and where it helps a paragraph
//! that begins with `Why:`. The document is the only place where they are written down: a clause
//! that is added there has no case yet, and a test says so.

use std::sync::LazyLock;

/// The document.
const PROTOCOL: &str = include_str!("../PROTOCOL.md");

/// How much a clause asks for (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// MUST and MUST NOT: what does not hold is a failure.
    Must,
    /// SHOULD and SHOULD NOT: what does not hold is not strict.
    Should,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        })
    }
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// `area.words`; stays as long as the meaning does.
    pub id: &'static str,
    /// How much it asks for.
    pub level: Level,
    /// The requirement, in one line.
    pub text: String,
    /// The reason, if the document gives one.
    pub why: Option<String>,
}

impl Clause {
    /// The area: what stands before the dot.
    #[must_use]
    pub fn area(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// All clauses, in the order of the document.
pub fn all() -> &'static [Clause] {
    static ALL: LazyLock<Vec<Clause>> = LazyLock::new(|| parse(PROTOCOL));
    &ALL
}

/// The clause with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Clause> {
    all().iter().find(|clause| clause.id == id)
}

fn parse(document: &'static str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for section in document.split("\n### ").skip(1) {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        let Some((id, level)) = heading.split_once(' ') else { continue };
        let level = match level {
            "(MUST)" => Level::Must,
            "(SHOULD)" => Level::Should,
            _ => continue,
        };
        // A heading of the next section ends the clause.
        let body = body.split("\n#").next().unwrap_or(body);
        let (text, why) = match body.split_once("\nWhy:") {
            Some((text, why)) => (text, Some(one_line(why))),
            None => (body, None),
        };
        clauses.push(Clause { id, level, text: one_line(text), why });
    }
    clauses
}

/// Prose in one line, with links shown as what they say.
fn one_line(markdown: &str) -> String {
    let mut text = String::new();
    let words = markdown.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = words.as_str();
    while let Some((before, label, after)) = next_link(rest) {
        text += before;
        text += label;
        rest = after;
    }
    text + rest
}

/// The first `[label](#target)`: what is before it, the label, what is after it.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let middle = text.find("](#")?;
    let start = text[..middle].rfind('[')?;
    let end = middle + text[middle..].find(')')?;
    Some((&text[..start], &text[start + 1..middle], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_read_whole() {
        let clauses = parse(
            "text\n### a.b-c (MUST)\n\nA proxy MUST\ndo [x.y](#xy-must).\n\nWhy: it\nis so.\n\n\
             ## Next\n### No clause\n\n### d.e (SHOULD)\n\nIt SHOULD.\n",
        );
        assert_eq!(
            clauses,
            [
                Clause {
                    id: "a.b-c",
                    level: Level::Must,
                    text: "A proxy MUST do x.y.".into(),
                    why: Some("it is so.".into())
                },
                Clause { id: "d.e", level: Level::Should, text: "It SHOULD.".into(), why: None },
            ]
        );
    }

    #[test]
    fn the_index_of_the_document_lists_what_it_has() {
        let must = all().iter().filter(|clause| clause.level == Level::Must).count();
        let should = all().len() - must;
        let summary = format!("{} clauses: {must} MUST, {should} SHOULD.", all().len());
        assert!(PROTOCOL.contains(&summary), "the index should say {summary:?}");
        for Clause { id, level, .. } in all() {
            let level = if *level == Level::Must { "MUST" } else { "SHOULD" };
            let target = format!("#{}-{}", id.replace('.', ""), level.to_lowercase());
            let row = format!("| [{id}]({target}) | {level} |");
            assert!(PROTOCOL.contains(&row), "the index has no row {row:?}");
        }
    }
}
