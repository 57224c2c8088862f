//! Collects prefixes, origins, paths and names while a source of any format is read.
//!
//! Lives while one source is read. What a source may hold is bounded, so that no file can take all
//! memory.

use super::cache::CompiledSource;
use super::origin_paths::PathCollector;
use super::path::Hop;
use super::source::{Counts, LoadError, Provenance};
use super::table::PrefixTableBuilder;
use super::vote::VoteResult;
use super::{names, numbers};
use crate::units::{Asn, Prefix};
use std::path::Path;
#[cfg(test)]
use std::sync::Arc;

/// Prefixes of a source: the full table is 1.2 million (2026), 16 times as much is no table.
const MAX_PREFIXES: usize = 1 << 24;

/// Hops of a source's paths: a table of 2026 has some 5 million, and each is eight octets. A guess.
const MAX_HOPS: usize = 1 << 26;

/// Records of a source's file that say nothing, beside as many as say something: 15 minutes of all
/// updates that a collector hears are fewer. A bound against files of nothing, not a measured limit.
const MAX_USELESS: u64 = 1 << 20;

/// How a source comes to its prefixes: that says which are too short to be anybody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PrefixForm {
    /// As they were announced.
    Routes,
    /// As blocks of addresses: neighbours of the same AS may have been put together.
    Blocks,
}

impl PrefixForm {
    /// Whether a prefix is a default route in all but name, or a part of one: it says where the rest
    /// goes and not whose it is. IANA gives nobody more than a /8, or a /12 of IPv6. Blocks may be of
    /// up to four neighbours: 28.0.0.0/8 to 30.0.0.0/8 have one holder, no other row is as long.
    fn is_too_short(self, prefix: Prefix) -> bool {
        let is_v4 = prefix.length() >= 96 && prefix.range().0.is_v4();
        let shortest = match self {
            _ if !is_v4 => 12,
            Self::Routes => 96 + 8,
            Self::Blocks => 96 + 6,
        };
        prefix.length() < shortest
    }
}

/// Who announces a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Announcers {
    /// The first of the numbers in their precedence, so that their order in a list does not matter;
    /// 0 if nobody does.
    pub(super) lowest: Asn,
    /// More than one is named.
    pub(super) several: bool,
}

/// A prefix that is written in the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuiltIn {
    /// The prefix.
    pub prefix: Prefix,
    /// Who announces it, and their name.
    pub origin: (Asn, &'static str),
    /// The ASNs on the way to it, with names, from the nearest on; empty where it is next door.
    pub transit: &'static [(Asn, &'static str)],
}

impl From<(Prefix, Asn, &'static str)> for BuiltIn {
    fn from((prefix, asn, name): (Prefix, Asn, &'static str)) -> Self {
        Self {
            prefix,
            origin: (asn, name),
            transit: &[],
        }
    }
}

/// A source while its file is read.
#[derive(Debug, Default)]
pub(super) struct SourceBuilder {
    table: PrefixTableBuilder,
    announced: PathCollector,
    names: names::NameCollector,
    counts: Counts,
    provenance: Provenance,
}

impl SourceBuilder {
    /// Takes a time at which the data was built, in seconds since 1970.
    pub(super) fn built_at(&mut self, seconds: u64) {
        self.provenance.built_at(seconds);
    }

    /// Takes a row: the prefixes it stands for, who announces them, and their name.
    pub(super) fn row(
        &mut self,
        form: PrefixForm,
        prefixes: &[Prefix],
        by: Announcers,
        name: Option<&str>,
    ) {
        self.counts.rows += 1;
        self.counts.several_origins += u64::from(by.several);
        let origin = self.assignable(Some(by.lowest));
        for prefix in prefixes {
            self.insert(form, *prefix, origin, &[]);
        }
        if let Some(name) = name
            && let Some(origin) = origin
            && !by.several
        {
            self.name(origin, name);
        }
    }

    /// Takes a block of addresses and who announces it, if anybody does.
    pub(super) fn network(&mut self, prefix: Prefix, by: Option<Asn>) {
        self.counts.rows += 1;
        let origin = self.assignable(by);
        self.insert(PrefixForm::Blocks, prefix, origin, &[]);
    }

    /// Takes what the peers of a collector say of a prefix.
    pub(super) fn add_voted(&mut self, prefix: Prefix, verdict: &VoteResult) {
        self.counts.rows += 1;
        self.counts.several_origins += u64::from(verdict.several);
        self.counts.as_sets += u64::from(verdict.of_set);
        let origin = self.assignable(verdict.origin);
        self.insert(PrefixForm::Routes, prefix, origin, &verdict.path);
    }

    /// Takes a prefix that is written in the program.
    pub(super) fn built_in(&mut self, row: &BuiltIn) {
        let path = row.transit.iter().chain([&row.origin]);
        let hops: Vec<Hop> = path.clone().map(|(asn, _)| Hop::As(*asn)).collect();
        path.for_each(|(asn, name)| self.name(*asn, name));
        self.counts.rows += 1;
        self.insert(PrefixForm::Blocks, row.prefix, Some(row.origin.0), &hops);
    }

    /// Takes the name of an ASN; the first that can be shown stays.
    pub(super) fn name(&mut self, asn: Asn, name: &str) {
        self.names.add(asn, name);
    }

    /// Counts a record that holds nothing for the table.
    pub(super) fn passed_over(&mut self) {
        self.counts.passed_over += 1;
    }

    fn assignable(&mut self, origin: Option<Asn>) -> Option<Asn> {
        let origin = origin.filter(|asn| numbers::is_assignable(*asn));
        self.counts.without_origin += u64::from(origin.is_none());
        origin
    }

    /// Nobody's prefix is not left out but leaves a gap, or its addresses would be those of whoever
    /// announces a shorter one.
    fn insert(&mut self, form: PrefixForm, prefix: Prefix, origin: Option<Asn>, path: &[Hop]) {
        match origin {
            _ if form.is_too_short(prefix) => self.counts.default_routes += 1,
            Some(origin) => {
                let value = self.announced.value(origin, path);
                self.table.insert(prefix, value);
            }
            None => self.table.insert_gap(prefix),
        }
    }

    /// Whether no prefix was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.announced.is_empty()
    }

    /// Refuses what cannot be a table of prefixes any more.
    pub(super) fn bounded(&self, path: &Path) -> Result<(), LoadError> {
        if self.table.len() > MAX_PREFIXES {
            return Err(LoadError::format(path, "has more than 16777216 prefixes"));
        }
        let Counts {
            rows,
            default_routes,
            passed_over,
            ..
        } = self.counts;
        let useful = rows.saturating_sub(default_routes);
        if passed_over + default_routes > MAX_USELESS + useful {
            let reason = "has more than 1048576 records that are no routes to a network";
            return Err(LoadError::format(path, reason));
        }
        if self.announced.hops() > MAX_HOPS {
            let reason = "has more than 67108864 different hops in its paths";
            return Err(LoadError::format(path, reason));
        }
        Ok(())
    }

    /// What reading gave.
    pub(super) fn finish(mut self) -> CompiledSource {
        let prefixes = self.table.sort();
        self.counts.conflicts = prefixes.conflicts();
        CompiledSource {
            prefixes,
            announced: self.announced.finish(),
            names: self.names.finish(),
            counts: self.counts,
            provenance: self.provenance,
        }
    }
}

#[cfg(test)]
impl SourceBuilder {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn names(&self) -> std::collections::HashMap<Asn, Arc<str>> {
        let names = self.names.clone().finish();
        names.iter().map(|(asn, name)| (asn, name.into())).collect()
    }

    /// The prefixes taken, IPv4 first, with their origins; 0 where there is a gap.
    pub(super) fn entries(&self) -> Vec<(Prefix, u32)> {
        let origin = |value| self.announced.origin(value).map_or(0, |asn| asn.0);
        let entries = self.table.entries().into_iter();
        entries
            .map(|(prefix, value)| (prefix, origin(value)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::notation;

    #[test]
    fn a_prefix_shorter_than_any_that_is_given_out_is_a_default_route() {
        for (text, route, block) in [
            ("0.0.0.0/0", true, true),
            ("128.0.0.0/1", true, true),
            ("64.0.0.0/5", true, true),
            ("28.0.0.0/6", true, false),
            ("28.0.0.0/7", true, false),
            ("10.0.0.0/8", false, false),
            ("192.0.2.0/24", false, false),
            ("::/0", true, true),
            ("2000::/3", true, true),
            ("2400::/11", true, true),
            ("2400::/12", false, false),
            ("2001:db8::/104", false, false),
        ] {
            let prefix = notation::prefix(text).unwrap();
            let found =
                [PrefixForm::Routes, PrefixForm::Blocks].map(|form| form.is_too_short(prefix));
            assert_eq!(found, [route, block], "{text}");
        }
    }
}
