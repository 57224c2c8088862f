//! What went through each transit ASN since the start: what the counters and the JSON show.
//!
//! Part of the judge's totals, and bounded as those of origins are. Never added to these: a packet
//! is traffic of its two ends, and goes through any number of ASNs besides.

use crate::asn::Origin;
use crate::attribution::PairKey;
use crate::attribution::transit::TransitSide;
use crate::judge::admission::most_admitted;
use crate::meter::second::PairCounts;
use crate::snapshot::{Count, Label, TransitRow};
use crate::stream::tally::TrafficCounts;
use crate::units::Asn;
use hashbrown::HashMap;
use std::sync::Arc;

/// Packets from and to, by transit ASN.
#[derive(Clone, Debug, Default)]
pub(super) struct TransitTotals {
    asns: HashMap<Asn, [Count; 2]>,
    /// Those that come first, once there is transit at all.
    named: Vec<Asn>,
    other: Option<[Count; 2]>,
    max_asns: usize,
}

impl TransitTotals {
    /// None yet.
    pub(super) fn new(max_asns: usize, named: Vec<Asn>) -> Self {
        Self {
            named,
            max_asns,
            ..Self::default()
        }
    }

    /// Adds what a pair did, once for each ASN between; once in all for those beyond the bound.
    pub(super) fn add(&mut self, pair: &PairKey, usage: &PairCounts) {
        if pair.transit.is_empty() {
            return;
        }
        let mut sum = TrafficCounts::default();
        usage.classes.iter().for_each(|class| sum.add(class));
        if sum.packets == 0 {
            return;
        }
        for asn in std::mem::take(&mut self.named) {
            self.admit(asn);
        }
        let mut beyond = None;
        for (asn, leg) in pair.transit.each() {
            if self.asns.len() < self.max_asns || self.asns.contains_key(&asn) {
                add(self.asns.entry(asn).or_default(), leg, (&sum).into());
            } else {
                // The known way comes last, and stands.
                beyond = Some(leg);
            }
        }
        if let Some(leg) = beyond {
            add(self.other.get_or_insert_default(), leg, (&sum).into());
        }
    }

    /// Gives an ASN totals of its own from now on, beyond `max_asns` if need be.
    pub(super) fn admit(&mut self, asn: Asn) {
        if self.asns.len() < most_admitted(self.max_asns) {
            self.asns.entry(asn).or_default();
        }
    }

    /// Whether the ASN has totals of its own.
    pub(super) fn is_admitted(&self, asn: Asn) -> bool {
        self.asns.contains_key(&asn)
    }

    /// Every row, sorted: numbers, `other`.
    pub(super) fn rows(&self, name: impl Fn(Asn) -> Option<Arc<str>>) -> Vec<TransitRow> {
        let row = |label, name, [from, to]: [Count; 2]| TransitRow {
            label,
            name,
            from,
            to,
        };
        let asns = self.asns.iter();
        let own =
            asns.map(|(asn, counts)| row(Label::Origin(Origin::As(*asn)), name(*asn), *counts));
        let other = self.other.map(|counts| row(Label::Other, None, counts));
        let mut rows: Vec<_> = own.chain(other).collect();
        rows.sort_by_key(|row| row.label);
        rows
    }
}

fn add([from, to]: &mut [Count; 2], leg: TransitSide, more: Count) {
    match leg {
        TransitSide::From => from.add(more),
        TransitSide::To => to.add(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::transit::Transit;
    use crate::voice::class::Class;

    /// A packet of 100 octets over these.
    fn add_packet(totals: &mut TransitTotals, src: &[u32], dst: &[u32]) {
        let asns = |numbers: &[u32]| numbers.iter().copied().map(Asn).collect::<Vec<_>>();
        let pair = PairKey {
            transit: Transit::new(&asns(src), &asns(dst)),
            ..PairKey::UNKNOWN
        };
        totals.add(&pair, &PairCounts::packet(Class::Rtp, 100));
    }

    fn shown(totals: &TransitTotals) -> Vec<(String, u64, u64)> {
        let rows = totals.rows(|_| None).into_iter();
        rows.map(|row| (row.label.to_string(), row.from.packets, row.to.packets))
            .collect()
    }

    #[test]
    fn a_packet_counts_once_for_every_asn_between() {
        let mut totals = TransitTotals::new(500, vec![Asn(9)]);
        add_packet(&mut totals, &[], &[]);
        assert_eq!(shown(&totals), [], "no paths, no series");
        add_packet(&mut totals, &[1, 2], &[]);
        add_packet(&mut totals, &[1, 2], &[2, 3]);
        let expected = [("1", 2, 0), ("2", 1, 1), ("3", 0, 1), ("9", 0, 0)];
        assert_eq!(
            shown(&totals),
            expected.map(|(asn, from, to)| (asn.into(), from, to))
        );
    }

    #[test]
    fn beyond_the_bound_a_packet_counts_once_for_all_of_them() {
        let mut totals = TransitTotals::new(1, Vec::new());
        add_packet(&mut totals, &[1], &[]);
        add_packet(&mut totals, &[1, 2, 3], &[4]);
        totals.admit(Asn(3));
        add_packet(&mut totals, &[2, 3], &[]);
        let expected = [("1", 2, 0), ("3", 1, 0), ("other", 1, 1)];
        assert_eq!(
            shown(&totals),
            expected.map(|(asn, from, to)| (asn.into(), from, to))
        );
    }
}
