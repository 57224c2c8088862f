//! Joins several tables of one file: those of several collectors, or of one collector at several times.
//!
//! A peer has one vote, and where it says different things of a prefix at different times, the last of
//! them counts. Of all votes on a prefix is kept who names which origin, and the best path of each table;
//! lives while the file is read, and is refused beyond a bound.

use super::Ballot;
use crate::asn::numbers;
use crate::asn::origin_paths::PathCollector;
use crate::asn::path;
use crate::asn::source::LoadError;
use crate::asn::source_builder::SourceBuilder;
use crate::asn::vote::{self, Candidate, Vote, VoteResult, Voter};
use crate::units::{Asn, Prefix};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Votes on a prefix by table and origin: two whole tables have some 2.5 million. A guess.
const MAX_CANDIDATES: usize = 1 << 25;

/// Words of sets of peers: one or two for each of those. A guess.
const MAX_WORDS: usize = 1 << 26;

/// Tables in a file: a day of one collector has 12. A guess.
const MAX_TABLES: usize = 1 << 10;

/// An origin that peers name in one table.
#[derive(Clone, Copy, Debug)]
struct TableOrigin {
    table: u16,
    /// Origin and path, by their place in the store.
    value: u32,
    origin: Asn,
    of_set: bool,
    /// How many of them see the path.
    seen: u32,
    /// Who they are: where the words of the set begin, and how many they are.
    voters: (u32, u32),
}

/// The votes of all tables.
#[derive(Default)]
pub(super) struct Tables {
    /// When each table was written; what stands before the first index table is as old as can be.
    written: Vec<u32>,
    by_prefix: HashMap<Prefix, Vec<TableOrigin>>,
    candidates: usize,
    /// Sets of peers, a bit for each number, end to end.
    words: Vec<u64>,
    store: PathCollector,
}

/// Puts a number into a set.
fn insert(set: &mut Vec<u64>, number: u32) {
    let (word, bit) = (number as usize / 64, number % 64);
    if set.len() <= word {
        set.resize(word + 1, 0);
    }
    if let Some(word) = set.get_mut(word) {
        *word |= 1 << bit;
    }
}

/// Puts a set into another.
fn join(into: &mut Vec<u64>, set: &[u64]) {
    into.resize(into.len().max(set.len()), 0);
    for (into, word) in into.iter_mut().zip(set) {
        *into |= word;
    }
}

/// How many of a set are not in another.
fn count(set: &[u64], but: &[u64]) -> u32 {
    let but = but.iter().copied().chain(std::iter::repeat(0));
    set.iter()
        .zip(but)
        .map(|(word, but)| (word & !but).count_ones())
        .sum()
}

impl Tables {
    /// The table that is being read.
    fn current(&self) -> u16 {
        u16::try_from(self.written.len()).unwrap_or(u16::MAX)
    }

    /// When a table was written.
    fn written(&self, table: u16) -> u32 {
        let written = usize::from(table).checked_sub(1);
        let written = written.and_then(|place| self.written.get(place));
        written.copied().unwrap_or(0)
    }

    /// What peers of the table that is being read say together.
    fn candidate(&mut self, routes: &[Candidate]) -> Option<TableOrigin> {
        let (announced, seen) = vote::best_path(routes)?;
        let origin = announced.origin()?;
        let mut set = Vec::new();
        for voter in vote::voters(routes) {
            if let Voter::Number(peer) = voter {
                insert(&mut set, peer);
            }
        }
        let begin = u32::try_from(self.words.len()).ok()?;
        self.words.extend(&set);
        Some(TableOrigin {
            table: self.current(),
            value: self.store.value(origin, announced.path()),
            origin,
            of_set: announced.is_of_set(),
            seen: u32::try_from(seen).unwrap_or(u32::MAX),
            voters: (begin, u32::try_from(set.len()).ok()?),
        })
    }

    /// The peers that stand behind a candidate.
    fn voters(&self, candidate: &TableOrigin) -> &[u64] {
        let (begin, words) = candidate.voters;
        let begin = begin as usize;
        let words = self.words.get(begin..begin + words as usize);
        words.unwrap_or_default()
    }

    /// The outcome for a prefix, of all tables.
    fn verdict(&self, mut candidates: Vec<TableOrigin>) -> VoteResult {
        let mut votes: BTreeMap<Asn, u32> = BTreeMap::new();
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        candidates.sort_by_key(|it| Reverse(self.written(it.table)));
        // peers that have said something later
        let mut later = Vec::new();
        let same_time = |one: &TableOrigin, other: &TableOrigin| {
            self.written(one.table) == self.written(other.table)
        };
        for of_time in candidates.chunk_by(same_time) {
            for candidate in of_time {
                let standing = count(self.voters(candidate), &later);
                if standing > 0 {
                    *votes.entry(candidate.origin).or_default() += standing;
                    *seen.entry(candidate.value).or_default() += candidate.seen.min(standing);
                }
            }
            for candidate in of_time {
                join(&mut later, self.voters(candidate));
            }
        }
        let won = votes
            .iter()
            .min_by_key(|(origin, votes)| (Reverse(**votes), numbers::precedence(**origin)));
        let Some((&origin, _)) = won else {
            return VoteResult::default();
        };
        let of_origin = candidates.iter().filter(|it| it.origin == origin);
        let paths = of_origin.filter_map(|candidate| {
            let seen = seen.get(&candidate.value)?;
            let path = self.store.path(candidate.value);
            Some((Reverse(*seen), path::length(path), path, candidate.of_set))
        });
        let best = paths.min();
        VoteResult {
            origin: Some(origin),
            path: best.map_or_else(Vec::new, |(.., path, _)| path.to_vec()),
            several: votes.len() > 1,
            of_set: best.is_some_and(|(.., of_set)| of_set),
        }
    }
}

impl Ballot for Tables {
    fn table(&mut self, written: u32) {
        self.written.push(written);
    }

    fn close(&mut self, prefix: Prefix, mut vote: Vote, _: &mut SourceBuilder) {
        let mut candidates = Vec::new();
        for routes in vote.origins() {
            candidates.extend(self.candidate(routes));
        }
        self.candidates += candidates.len();
        // one that nobody announces is nobody's, unless another table knows better
        self.by_prefix.entry(prefix).or_default().extend(candidates);
    }

    fn bounded(&self, path: &Path) -> Result<(), LoadError> {
        let too_many = self.candidates.max(self.by_prefix.len()) > MAX_CANDIDATES
            || self.words.len() > MAX_WORDS
            || self.written.len() > MAX_TABLES;
        if too_many {
            let reason = "has more routes in several tables than can be compared";
            return Err(LoadError::format(path, reason));
        }
        Ok(())
    }

    fn end(mut self, listed: &mut SourceBuilder) {
        let mut by_prefix: Vec<_> = std::mem::take(&mut self.by_prefix).into_iter().collect();
        by_prefix.sort_unstable_by_key(|(prefix, _)| *prefix);
        for (prefix, candidates) in by_prefix {
            listed.add_voted(prefix, &self.verdict(candidates));
        }
    }
}
