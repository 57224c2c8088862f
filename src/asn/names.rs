//! Names of autonomous systems, as a source has them: one text, sorted by number. A hundred thousand
//! strings apart would take twice the memory, and a moment to drop.
//!
//! Belongs to one source and lives as long as it. Names are untrusted: control characters go, and
//! what is longer than a table can show is cut.

use super::octets::{OctetReader, OctetWriter};
use crate::units::Asn;
use std::collections::HashSet;

/// Characters of a name kept: what a table on a page can show. A guess.
const MAX_NAME: usize = 128;

/// Names, sorted by number.
#[derive(Clone, Debug, Default)]
pub(super) struct AsnNames {
    numbers: Vec<Asn>,
    /// Where each ends in `text`; it begins where the one before ends.
    ends: Vec<u32>,
    text: String,
}

impl AsnNames {
    /// The name of an ASN.
    pub(super) fn get(&self, asn: Asn) -> Option<&str> {
        let place = self.numbers.binary_search(&asn).ok()?;
        self.at(place)
    }

    fn at(&self, place: usize) -> Option<&str> {
        let end = |place: usize| Some(*self.ends.get(place)? as usize);
        let start = place.checked_sub(1).map_or(Some(0), end)?;
        self.text.get(start..end(place)?)
    }

    /// ASNs with a name.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Appends them to a compiled source.
    pub(super) fn write(&self, sink: &mut OctetWriter) {
        sink.list(self.numbers.iter().map(|asn| asn.0));
        sink.list(self.ends.iter().copied());
        sink.list(self.text.bytes());
    }

    /// Reads what [`write`](Self::write) wrote; none where they are not in order, or not text as
    /// it can be shown.
    pub(super) fn read(scan: &mut OctetReader<'_>) -> Option<Self> {
        let names = Self {
            numbers: scan.list()?.into_iter().map(Asn).collect(),
            ends: scan.list()?,
            text: String::from_utf8(scan.list()?).ok()?,
        };
        let whole = names.ends.last().map_or(0, |end| *end as usize) == names.text.len();
        let sound = whole
            && names.numbers.len() == names.ends.len()
            && names.numbers.is_sorted_by(|one, other| one < other)
            && names.ends.is_sorted_by(|one, other| one < other)
            && !names.text.chars().any(char::is_control);
        sound.then_some(names)
    }
}

#[cfg(test)]
impl AsnNames {
    /// All of them, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Asn, &str)> {
        let numbers = self.numbers.iter().enumerate();
        numbers.filter_map(|(place, asn)| Some((*asn, self.at(place)?)))
    }
}

/// Names on their way in, in the order in which a file has them.
#[derive(Clone, Debug, Default)]
pub(super) struct NameCollector {
    known: HashSet<Asn>,
    places: Vec<(Asn, u32, u32)>,
    text: String,
}

impl NameCollector {
    /// Takes the name of an ASN; the first that can be shown stays.
    pub(super) fn add(&mut self, asn: Asn, name: &str) {
        let name = name.trim();
        if name.starts_with('#') || self.known.contains(&asn) {
            return;
        }
        let start = self.text.len();
        let shown = name.chars().filter(|c| !c.is_control()).take(MAX_NAME);
        self.text.extend(shown);
        // both fit: a hundred octets for each of 2^24 prefixes do
        let (start, end) = (u32::try_from(start), u32::try_from(self.text.len()));
        if let (Ok(start), Ok(end)) = (start, end)
            && start < end
        {
            self.known.insert(asn);
            self.places.push((asn, start, end));
        }
    }

    /// The names, sorted.
    pub(super) fn finish(mut self) -> AsnNames {
        self.places.sort_unstable();
        let mut names = AsnNames {
            numbers: Vec::with_capacity(self.places.len()),
            ends: Vec::with_capacity(self.places.len()),
            text: String::with_capacity(self.text.len()),
        };
        for (asn, start, end) in self.places {
            let name = self.text.get(start as usize..end as usize);
            names.text.push_str(name.unwrap_or(""));
            names.numbers.push(asn);
            names
                .ends
                .push(u32::try_from(names.text.len()).unwrap_or(u32::MAX));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(given: &[(u32, &str)]) -> AsnNames {
        let mut collector = NameCollector::default();
        for (number, name) in given {
            collector.add(Asn(*number), name);
        }
        collector.finish()
    }

    #[test]
    fn the_first_name_that_can_be_shown_stays() {
        let names = names(&[
            (7, " \u{1} "),
            (7, "# a comment"),
            (7, "  seven\u{1b}[0m "),
            (7, "again"),
            (3, &"ü".repeat(1000)),
            (9, ""),
        ]);
        assert_eq!(names.get(Asn(7)), Some("seven[0m"));
        assert_eq!(names.get(Asn(3)), Some(&*"ü".repeat(MAX_NAME)));
        assert_eq!((names.get(Asn(9)), names.get(Asn(4))), (None, None));
        let all: Vec<u32> = names.iter().map(|(asn, _)| asn.0).collect();
        assert_eq!((names.len(), all), (2, vec![3, 7]));
    }
}
