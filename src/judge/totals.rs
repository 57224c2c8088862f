//! Everything counted since the start, per ASN: what the counters and the JSON show.
//!
//! Owned by the judge. Bounded: the first `max_asns` origins get totals of their own, the rest
//! are summed under `other`; an origin that is out of SLA is admitted whatever the bound, and
//! what it did before stays with `other`, so that no counter ever goes back.

use crate::asn::Origin;
use crate::attribution::PairKey;
use crate::judge::admission::most_admitted;
use crate::judge::transit_totals::TransitTotals;
use crate::meter::second::{FrameCounts, PairCounts, RoundTrip, SecondCounts};
use crate::sla::Role;
use crate::snapshot::distribution::DurationHistogram;
use crate::snapshot::{AsnRow, CallTotals, DirectionTotals, Label, TransitRow};
use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::LossCounts;
use crate::units::Asn;
use hashbrown::HashMap;
use std::sync::Arc;

/// One origin's totals.
#[derive(Clone, Debug, Default)]
pub struct AsnTotals {
    /// What it sent.
    pub from: DirectionTotals,
    /// What was sent to it.
    pub to: DirectionTotals,
    /// What its end reports.
    pub reported: LossCounts,
    /// What receivers behind the tap report of what it sent.
    pub received: LossCounts,
    /// Calls that it set up, and those that were set up to it.
    pub calls: [CallTotals; 2],
    /// What receivers say that they hear of what it sent, and of what was sent to it.
    pub voip_metrics: Option<Box<[VoipCounts; 2]>>,
    jitter: Option<Box<DurationHistogram>>,
    /// By method.
    pub round_trips: [Option<Box<DurationHistogram>>; RttMethod::ALL.len()],
    streams: u64,
}

impl AsnTotals {
    /// The row to show.
    pub fn row(&self, label: Label, name: Option<Arc<str>>) -> AsnRow {
        let shown = |durations: &Option<Box<DurationHistogram>>| {
            durations
                .as_ref()
                .and_then(|durations| durations.snapshot())
        };
        AsnRow {
            label,
            name,
            from: risen(self.from),
            to: risen(self.to),
            reported: self.reported,
            received: self.received,
            calls: self.calls.clone(),
            voip_metrics: self.voip_metrics.clone(),
            jitter: shown(&self.jitter),
            round_trips: self.round_trips.each_ref().map(shown),
            streams: self.streams,
        }
    }
}

/// With its counters.
fn risen(mut totals: DirectionTotals) -> DirectionTotals {
    totals.raise();
    totals
}

fn add_usage(totals: &mut DirectionTotals, usage: &PairCounts) {
    for (total, octets) in totals.classes.iter_mut().zip(&usage.classes) {
        total.add(octets.into());
    }
    totals.loss.add(usage.loss());
    for (total, more) in totals.excused.iter_mut().zip(usage.continuity.excused) {
        *total += more;
    }
    totals.duplicates += usage.continuity.duplicates;
    totals.reordered += usage.continuity.reordered;
    totals.late += usage.continuity.late;
    totals.unfollowed += usage.unfollowed;
    totals.confirmed_bytes += usage.confirmed.iter().map(|of| of.ip).sum::<u64>();
}

/// The totals of all origins.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Frames of all closed seconds.
    pub frames: FrameCounts,
    asns: HashMap<Origin, AsnTotals>,
    other: Option<AsnTotals>,
    max_asns: usize,
    transit: TransitTotals,
}

impl Totals {
    /// None yet; `named` have totals from the start.
    pub fn new(max_asns: usize, named: &[Asn]) -> Self {
        let asns = named
            .iter()
            .map(|asn| (Origin::As(*asn), AsnTotals::default()))
            .collect();
        Self {
            frames: FrameCounts::default(),
            asns,
            other: None,
            max_asns,
            transit: TransitTotals::new(max_asns, named.to_vec()),
        }
    }

    fn of(&mut self, origin: Origin) -> &mut AsnTotals {
        // ASN 0 and `local` are always shown: they are never hidden behind `other` (MODEL §5.3).
        if self.asns.len() < self.max_asns || !origin.is_judged() || self.asns.contains_key(&origin)
        {
            return self.asns.entry(origin).or_default();
        }
        self.other.get_or_insert_default()
    }

    /// Gives an ASN totals of its own in a role from now on, beyond `max_asns` if need be.
    pub fn admit(&mut self, role: Role, asn: Asn) {
        match role {
            Role::Origin => {
                if self.asns.len() < most_admitted(self.max_asns) {
                    self.asns.entry(Origin::As(asn)).or_default();
                }
            }
            Role::Transit => self.transit.admit(asn),
        }
    }

    /// Whether the ASN has totals of its own in a role.
    pub fn is_admitted(&self, role: Role, asn: Asn) -> bool {
        match role {
            Role::Origin => self.asns.contains_key(&Origin::As(asn)),
            Role::Transit => self.transit.is_admitted(asn),
        }
    }

    /// A new second begins: nothing streams in it yet, and counters stay at least where they are.
    pub fn begin_second(&mut self) {
        for totals in self.asns.values_mut().chain(&mut self.other) {
            totals.streams = 0;
            for calls in &mut totals.calls {
                calls.one_way_streams = 0;
            }
            totals.from.raise();
            totals.to.raise();
        }
    }

    /// Adds what was counted in a second, whenever it comes.
    pub fn add(&mut self, counts: &SecondCounts) {
        self.frames.add(&counts.frames);
        for (pair, usage) in &counts.usage {
            self.add_pair(pair, usage);
            self.transit.add(pair, usage);
        }
        for trip in &counts.round_trips {
            self.add_round_trip(trip);
        }
        for ((src, dst), usage) in &counts.calls {
            let [from, _] = &mut self.of(*src).calls;
            from.add(usage);
            let [_, to] = &mut self.of(*dst).calls;
            to.add(usage);
        }
    }

    fn add_pair(&mut self, pair: &PairKey, usage: &PairCounts) {
        let src = self.of(pair.src);
        add_usage(&mut src.from, usage);
        src.streams += usage.streams;
        src.received.add(usage.reports);
        if let Some(voip_metrics) = &usage.voip_metrics {
            let [from, _] = &mut **src.voip_metrics.get_or_insert_default();
            from.add(voip_metrics);
        }
        for jitter in &usage.jitter {
            let durations = src.jitter.get_or_insert_default();
            durations.record((*jitter).into());
        }
        let dst = self.of(pair.dst);
        add_usage(&mut dst.to, usage);
        dst.reported.add(usage.reports);
        if let Some(voip_metrics) = &usage.voip_metrics {
            let [_, to] = &mut **dst.voip_metrics.get_or_insert_default();
            to.add(voip_metrics);
        }
    }

    fn add_round_trip(&mut self, trip: &RoundTrip) {
        // How long it took is known of what was asked once; the others are judged, not shown.
        let Some(time) = trip.exact() else {
            return;
        };
        let [rtcp, stun, sip, tcp] = &mut self.of(trip.pair.src).round_trips;
        let durations = match trip.method {
            RttMethod::Rtcp => rtcp,
            RttMethod::Stun => stun,
            RttMethod::Sip => sip,
            RttMethod::Tcp => tcp,
        };
        durations.get_or_insert_default().record(time);
    }

    /// All that have totals of their own.
    pub fn each(&self) -> impl Iterator<Item = (Origin, &AsnTotals)> {
        self.asns.iter().map(|(origin, totals)| (*origin, totals))
    }

    /// Every row, sorted: `local`, numbers, `other`.
    pub fn rows(&self, name: impl Fn(Origin) -> Option<Arc<str>>) -> Vec<AsnRow> {
        let own = self
            .asns
            .iter()
            .map(|(origin, totals)| totals.row(Label::Origin(*origin), name(*origin)));
        let other = self
            .other
            .iter()
            .map(|totals| totals.row(Label::Other, None));
        let mut rows: Vec<_> = own.chain(other).collect();
        rows.sort_by_key(|row| row.label);
        rows
    }

    /// Every row of transit ASNs, sorted: numbers, `other`.
    pub fn transit_rows(&self, name: impl Fn(Asn) -> Option<Arc<str>>) -> Vec<TransitRow> {
        self.transit.rows(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::scopes::ScopeMask;
    use crate::judge::admission::MAX_ADMITTED;
    use crate::snapshot::Count;
    use crate::voice::class::Class;

    fn counts(src: u32, packets: u64) -> SecondCounts {
        let mut counts = SecondCounts::default();
        let pair = PairKey {
            scopes: ScopeMask(1),
            src: Origin::As(Asn(src)),
            dst: Origin::Local,
            ..PairKey::UNKNOWN
        };
        let mut usage = PairCounts::default();
        for _ in 0..packets {
            usage.add(&PairCounts::packet(Class::Rtp, 200));
        }
        counts.add(&pair, &usage);
        counts
    }

    fn packets(totals: &Totals, label: Label) -> Option<u64> {
        let rows = totals.rows(|_| None);
        rows.iter()
            .find(|row| row.label == label)
            .map(|row| row.from.total().packets)
    }

    #[test]
    fn beyond_the_bound_asns_are_summed_and_nothing_is_lost() {
        let mut totals = Totals::new(2, &[]);
        for asn in 1..=4 {
            totals.add(&counts(asn, 10));
        }
        // `local` took one of the two places.
        assert_eq!(
            packets(&totals, Label::Origin(Origin::As(Asn(1)))),
            Some(10)
        );
        assert_eq!(packets(&totals, Label::Other), Some(30));
        let sum = |of: fn(&AsnRow) -> Count| -> (u64, u64) {
            let rows = totals.rows(|_| None);
            let each = rows.iter().map(of);
            each.fold((0, 0), |sum, one| (sum.0 + one.packets, sum.1 + one.bytes))
        };
        assert_eq!(sum(|row| row.from.total()), (40, 8000));
        assert_eq!(sum(|row| row.to.total()), (40, 8000));
    }

    #[test]
    fn what_is_given_back_lowers_a_sum_and_no_counter() {
        let mut totals = Totals::new(9, &[]);
        let mut book = |lost| {
            totals.begin_second();
            let mut counts = counts(1, 10);
            for usage in counts.usage.values_mut() {
                usage.continuity.lost = lost;
            }
            totals.add(&counts);
            let rows = totals.rows(|_| None);
            let row = rows.iter().find(|row| row.from.loss.lost > 0).unwrap().from;
            (row.loss.lost, row.loss.expected, row.counters.loss.lost)
        };
        assert_eq!(
            [5, -2, 1, 2].map(&mut book),
            [(5, 15, 5), (3, 23, 5), (4, 34, 5), (6, 46, 6)]
        );
    }

    #[test]
    fn an_asn_admitted_later_begins_at_zero_and_other_keeps_what_was() {
        let mut totals = Totals::new(1, &[]);
        totals.add(&counts(1, 10));
        totals.add(&counts(9, 10));
        totals.admit(Role::Origin, Asn(9));
        totals.add(&counts(9, 5));
        assert_eq!(packets(&totals, Label::Origin(Origin::As(Asn(9)))), Some(5));
        assert_eq!(packets(&totals, Label::Other), Some(10));
    }

    #[test]
    fn so_many_are_admitted_and_no_more() {
        let mut totals = Totals::new(1, &[]);
        for role in [Role::Origin, Role::Transit] {
            for asn in (1..=70_000).map(Asn) {
                totals.admit(role, asn);
            }
            let admitted = (1..=70_000).filter(|asn| totals.is_admitted(role, Asn(*asn)));
            assert_eq!(admitted.count(), MAX_ADMITTED);
        }
    }
}
