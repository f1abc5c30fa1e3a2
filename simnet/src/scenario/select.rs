//! How scenarios select hosts, proxies and clients: by the names of groups, or some of them.
//!
//! | written | selects |
//! | --- | --- |
//! | `all` | all there are |
//! | `desk` | all of the group |
//! | `desk-7` | the seventh |
//! | `desk-3..9` | from the third to the ninth |
//! | `half of desk`, `2 of desk`, `2 of all` | that many, drawn by the seed |
//! | `desk:9010` | of proxies: those on that port |

use std::collections::BTreeSet;
use std::ops::Range;

use rand::seq::IteratorRandom;
use rand_chacha::ChaCha8Rng;

use super::error::{Place, Wrong, did_you_mean};

/// The named groups of one sort of things, which are numbered through.
pub(super) struct Groups {
    /// What they are, such as `hosts`.
    what: &'static str,
    groups: Vec<Group>,
    total: usize,
}

struct Group {
    name: String,
    /// The things of each of its members: a member is a host, which may have several proxies.
    members: Vec<Range<usize>>,
}

impl Groups {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, groups: Vec::new(), total: 0 }
    }

    /// Adds a group whose members have so many things each.
    pub(super) fn add(&mut self, name: &str, sizes: impl IntoIterator<Item = usize>) {
        let mut members = Vec::new();
        for size in sizes {
            members.push(self.total..self.total + size);
            self.total += size;
        }
        self.groups.push(Group { name: name.to_owned(), members });
    }

    /// What the texts select, each once, in order.
    pub(super) fn select(
        &self,
        texts: &[String],
        place: &Place,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<usize>, Wrong> {
        let mut selected = BTreeSet::new();
        for text in texts {
            selected.extend(self.one(text, place, rng)?);
        }
        if selected.is_empty() {
            return Err(place.wrong(format!("this selects no {}", self.what)));
        }
        Ok(selected.into_iter().collect())
    }

    fn one(&self, text: &str, place: &Place, rng: &mut ChaCha8Rng) -> Result<Vec<usize>, Wrong> {
        let Some((share, of)) = text.split_once(" of ") else {
            return self.named(text, place);
        };
        let all = self.named(of, place)?;
        let number = match share {
            "half" => all.len() / 2,
            "one" => 1,
            number => number.parse().map_err(|_| {
                place.wrong(format!("{share:?} is no number; give one, or \"half\" or \"one\""))
            })?,
        };
        if number > all.len() {
            let (len, what) = (all.len(), self.what);
            return Err(place.wrong(format!("{text:?}: there are not so many {what}, but {len}")));
        }
        Ok(all.into_iter().sample(rng, number))
    }

    fn named(&self, text: &str, place: &Place) -> Result<Vec<usize>, Wrong> {
        if text == "all" {
            return Ok((0..self.total).collect());
        }
        if let Some(group) = self.groups.iter().find(|group| group.name == text) {
            return Ok(group.members.iter().cloned().flatten().collect());
        }
        let numbered = text.rsplit_once('-').and_then(|(name, numbers)| {
            let group = self.groups.iter().find(|group| group.name == name)?;
            let (first, last) = numbers.split_once("..").unwrap_or((numbers, numbers));
            Some((group, first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
        });
        let Some((group, first, last)) = numbered else {
            let names = || self.groups.iter().map(|group| group.name.as_str());
            return Err(place.wrong(format!(
                "no {} are called {text:?}{}; there are: all, {}",
                self.what,
                did_you_mean(text, names()),
                names().collect::<Vec<_>>().join(", ")
            )));
        };
        match first.checked_sub(1).and_then(|first| group.members.get(first..last)) {
            Some(members) => Ok(members.iter().cloned().flatten().collect()),
            None => Err(place.wrong(format!(
                "{text:?} is outside of {}-1 to {}-{}",
                group.name,
                group.name,
                group.members.len()
            ))),
        }
    }
}
