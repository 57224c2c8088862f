//! What lies on the paths to one ASN: which transit ASNs its packets of the last W seconds crossed,
//! and, where transit is judged, what it did on each path.
//!
//! Belongs to one ASN under one commitment. The list of transit ASNs is bounded; the caller bounds
//! the number of paths.

use crate::judge::window::{SlidingWindow, first_second};
use crate::meter::asn_counts::AsnCounts;
use crate::units::{Asn, Second};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// Transit ASNs listed for one ASN. A guess: networks are reached over a handful at a time.
pub(super) const MAX_LISTED: usize = 256;

/// What lies on the paths to one ASN.
#[derive(Clone, Debug, Default)]
pub(super) struct TransitPaths {
    /// The last second in which each transit ASN was crossed.
    crossed: BTreeMap<Asn, Second>,
    /// What was counted, by the transit ASNs of the path.
    windows: BTreeMap<Box<[Asn]>, SlidingWindow>,
}

impl TransitPaths {
    /// Packets of a second crossed these; how many found no room in the list.
    pub(super) fn note_crossed(&mut self, second: Second, transit: &[Asn]) -> u64 {
        let mut left_out = 0;
        for asn in transit {
            if self.crossed.len() < MAX_LISTED || self.crossed.contains_key(asn) {
                let last = self.crossed.entry(*asn).or_default();
                *last = second.max(*last);
            } else {
                left_out += 1;
            }
        }
        left_out
    }

    /// Adds what was counted over a path in a second.
    pub(super) fn add(&mut self, second: Second, transit: &[Asn], counts: AsnCounts) {
        if let Some(window) = self.windows.get_mut(transit) {
            window.add(second, counts);
        } else {
            let mut window = SlidingWindow::default();
            window.add(second, counts);
            self.windows.insert(transit.into(), window);
        }
    }

    /// Whether what a path does is kept already.
    pub(super) fn knows(&self, transit: &[Asn]) -> bool {
        self.windows.contains_key(transit)
    }

    /// Different paths of which it is kept what they do.
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// Slides on, so that the window ends with `last`.
    pub(super) fn slide(&mut self, last: Second, width: NonZeroU32) {
        let first = first_second(last, width);
        self.crossed.retain(|_, crossed| *crossed >= first);
        self.windows.retain(|_, window| {
            window.slide(last, width);
            !window.is_empty()
        });
    }

    /// Forgets what was done on each path, and keeps which transit ASNs were crossed.
    pub(super) fn keep_list_only(&mut self) {
        self.windows.clear();
    }

    /// Forgets something of every second: it was held against another limit.
    pub(super) fn forget(&mut self, what: fn(&mut AsnCounts)) {
        self.windows
            .values_mut()
            .for_each(|window| window.forget(what));
    }

    /// Whether an ASN is listed as crossed.
    pub(super) fn crosses(&self, asn: Asn) -> bool {
        self.crossed.contains_key(&asn)
    }

    /// The transit ASNs crossed in the window, ascending.
    pub(super) fn transit(&self) -> impl Iterator<Item = Asn> + '_ {
        self.crossed.keys().copied()
    }

    /// The transit ASNs that packets of a second crossed and none of a later one, ascending.
    pub(super) fn crossed_last_in(&self, second: Second) -> impl Iterator<Item = Asn> + '_ {
        let each = self.crossed.iter();
        each.filter(move |(_, last)| **last == second)
            .map(|(asn, _)| *asn)
    }

    /// Everything in the window that crossed one of these, and which of them were crossed.
    pub(super) fn crossing(&self, out: &BTreeSet<Asn>) -> (AsnCounts, BTreeSet<Asn>) {
        let (mut sum, mut crossed) = (AsnCounts::default(), BTreeSet::new());
        if out.is_empty() {
            return (sum, crossed);
        }
        let nothing = AsnCounts::default();
        let counted = self
            .windows
            .iter()
            .filter(|(_, window)| *window.sum() != nothing);
        for (transit, window) in counted {
            let mut of_these = transit.iter().filter(|asn| out.contains(asn)).peekable();
            if of_these.peek().is_some() {
                sum.add(*window.sum());
                crossed.extend(of_these);
            }
        }
        (sum, crossed)
    }

    /// Whether anything in the window crossed an ASN that is none of these.
    pub(super) fn crosses_others(&self, known: &BTreeSet<Asn>) -> bool {
        let nothing = AsnCounts::default();
        let mut counted = self.windows.iter();
        counted.any(|(transit, window)| {
            *window.sum() != nothing && transit.iter().any(|asn| !known.contains(asn))
        })
    }

    /// What was counted in one second over each path.
    pub(super) fn second(&self, second: Second) -> impl Iterator<Item = (&[Asn], AsnCounts)> + '_ {
        let each = self.windows.iter();
        let counted = each.map(move |(transit, window)| (&**transit, window.second(second)));
        counted.filter(|(_, counts)| *counts != AsnCounts::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(packets: u64) -> AsnCounts {
        AsnCounts {
            packets,
            ..AsnCounts::default()
        }
    }

    #[test]
    fn an_asn_is_listed_as_long_as_the_window_holds_a_second_in_which_it_was_crossed() {
        let width = NonZeroU32::new(3).unwrap();
        let mut paths = TransitPaths::default();
        paths.note_crossed(Second(10), &[Asn(2), Asn(1)]);
        // What comes late takes nothing back.
        paths.note_crossed(Second(12), &[Asn(2)]);
        paths.note_crossed(Second(11), &[Asn(2)]);
        let mut listed = |last| {
            paths.slide(Second(last), width);
            paths.transit().map(|asn| asn.0).collect::<Vec<_>>()
        };
        assert_eq!(listed(12), [1, 2]);
        assert_eq!(listed(14), [2]);
        assert_eq!(listed(15), [] as [u32; 0]);
    }

    #[test]
    fn a_full_list_says_how_many_it_leaves_out() {
        let mut paths = TransitPaths::default();
        let many: Vec<Asn> = (1..=300).map(Asn).collect();
        assert_eq!(paths.note_crossed(Second(1), &many), 300 - 256);
        assert_eq!(paths.note_crossed(Second(2), &many[..256]), 0);
        assert_eq!(paths.transit().count(), MAX_LISTED);
    }

    #[test]
    fn what_crosses_several_asns_that_are_out_leaves_once() {
        let mut paths = TransitPaths::default();
        paths.add(Second(1), &[Asn(1), Asn(2)], packets(10));
        paths.add(Second(2), &[Asn(1), Asn(2)], packets(1));
        paths.add(Second(2), &[Asn(3)], packets(100));
        let out = |asns: &[u32]| asns.iter().copied().map(Asn).collect::<BTreeSet<_>>();
        assert_eq!(
            paths.crossing(&out(&[1, 2, 9])),
            (packets(11), out(&[1, 2]))
        );
        assert_eq!(paths.crossing(&out(&[9])), (packets(0), out(&[])));
        let second: Vec<_> = paths.second(Second(1)).collect();
        assert_eq!(second, [(&[Asn(1), Asn(2)][..], packets(10))]);
    }
}
