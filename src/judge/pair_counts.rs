//! What a pair's usage is, as a commitment counts it, to the ASNs at its ends and to those between.
//!
//! Pure. A packet is traffic of both its ends, and goes through each transit ASN once.

use crate::asn::Origin;
use crate::attribution::PairKey;
use crate::attribution::transit::TransitSide;
use crate::meter::asn_counts::{AsnCounts, ConfirmedBytes};
use crate::meter::second::PairCounts;
use crate::sla::Role;
use crate::sla::commitment::Commitment;
use crate::sla::measure::Measure;
use crate::stream::silence::SilenceCounts;
use crate::units::Asn;
use crate::voice::class::Class;
use std::borrow::Cow;

/// What a usage is to an ASN that is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Contribution<'a> {
    pub(super) role: Role,
    pub(super) asn: Asn,
    pub(super) counts: AsnCounts,
    /// Streams that it sends: with a packet in the second, and quiet.
    pub(super) streams: (u64, Option<&'a SilenceCounts>),
    /// The transit ASNs between the tap and it, ascending.
    pub(super) transit: Cow<'a, [Asn]>,
}

/// The number of an origin that is judged.
pub(super) fn judged_asn(origin: Origin) -> Option<Asn> {
    match origin {
        Origin::As(asn) if origin.is_judged() => Some(asn),
        Origin::As(_) | Origin::Local => None,
    }
}

/// What of a pair's voice counts.
#[derive(Clone, Copy, Default)]
struct CountedTraffic {
    /// Octets on the commitment's layer, and those of them that are confirmed.
    bytes: u64,
    confirmed: u64,
    packets: u64,
}

/// What counts of the classes that do.
fn counted_traffic(commitment: &Commitment, usage: &PairCounts) -> CountedTraffic {
    let mut counted = CountedTraffic::default();
    for (class, confirmed) in Class::ALL.into_iter().zip(&usage.confirmed) {
        if commitment.classes.contains(class) {
            let octets = usage.class(class);
            counted.bytes += octets.on(commitment.layer);
            counted.confirmed += confirmed.on(commitment.layer);
            counted.packets += octets.packets;
        }
    }
    counted
}

/// What a pair's usage is to the ASNs at its ends.
pub(super) fn end_counts<'a>(
    commitment: &Commitment,
    pair: &'a PairKey,
    usage: &'a PairCounts,
) -> [Option<Contribution<'a>>; 2] {
    let (src, dst) = (judged_asn(pair.src), judged_asn(pair.dst));
    if (src, dst) == (None, None) {
        return [None, None];
    }
    let CountedTraffic {
        bytes,
        confirmed,
        packets,
    } = counted_traffic(commitment, usage);
    let counts_rtp = commitment.classes.contains(Class::Rtp);
    let both = AsnCounts {
        packets,
        unfollowed: usage.unfollowed + usage.displaced,
        // Octets that are in no count: more than the threshold, or not.
        begun_late: u64::from(counts_rtp && usage.displaced > 0),
        ..AsnCounts::default()
    };
    let sent = |mut counts: AsnCounts| {
        (counts.from, counts.confirmed.from) = (bytes, confirmed);
        for measure in Measure::ALL {
            (measure.properties().sent)(&commitment.guarantee, usage, &mut counts);
        }
        counts
    };
    let received = |mut counts: AsnCounts| {
        (counts.to, counts.confirmed.to) = (bytes, confirmed);
        for measure in Measure::ALL {
            (measure.properties().received)(&commitment.guarantee, usage, &mut counts);
        }
        counts
    };
    let (before, behind) = (pair.transit.src(), pair.transit.dst());
    match (src, dst) {
        (Some(src), Some(dst)) if src == dst => {
            let mut counts = received(sent(both));
            (counts.both, counts.confirmed.both) = (bytes, confirmed);
            [
                Some(Contribution::to_origin(src, counts, union(before, behind)).sending(usage)),
                None,
            ]
        }
        (src, dst) => [
            src.map(|asn| Contribution::to_origin(asn, sent(both), before.into()).sending(usage)),
            dst.map(|asn| Contribution::to_origin(asn, received(both), behind.into())),
        ],
    }
}

impl<'a> Contribution<'a> {
    /// What is of an origin, over the transit between the tap and it.
    pub(super) fn to_origin(asn: Asn, counts: AsnCounts, transit: Cow<'a, [Asn]>) -> Self {
        Self {
            role: Role::Origin,
            asn,
            counts,
            streams: (0, None),
            transit,
        }
    }

    /// With the streams that it sends.
    fn sending(self, usage: &'a PairCounts) -> Self {
        Self {
            streams: (usage.streams, usage.silence.as_deref()),
            ..self
        }
    }
}

/// What is on one of two lists.
fn union<'a>(before: &'a [Asn], behind: &'a [Asn]) -> Cow<'a, [Asn]> {
    if before == behind {
        return before.into();
    }
    let mut both = [before, behind].concat();
    both.sort_unstable();
    both.dedup();
    both.into()
}

/// What a pair's usage is to each ASN between; nothing where no packet of it counts.
pub(super) fn transit_counts<'a>(
    commitment: &Commitment,
    pair: &'a PairKey,
    usage: &PairCounts,
) -> impl Iterator<Item = Contribution<'a>> + use<'a> {
    let counted = counted_traffic(commitment, usage);
    let CountedTraffic { bytes, packets, .. } = counted;
    let is_any = packets > 0 || counted.confirmed > 0;
    let each = pair.transit.each().filter(move |_| is_any);
    each.map(move |(asn, leg)| {
        let of_leg = |octets| match leg {
            TransitSide::From => (octets, 0),
            TransitSide::To => (0, octets),
        };
        let ((from, to), confirmed) = (of_leg(bytes), of_leg(counted.confirmed));
        let counts = AsnCounts {
            from,
            to,
            confirmed: ConfirmedBytes {
                from: confirmed.0,
                to: confirmed.1,
                both: 0,
            },
            packets,
            ..AsnCounts::default()
        };
        Contribution {
            role: Role::Transit,
            asn,
            counts,
            streams: (0, None),
            transit: Cow::Borrowed(&[]),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::transit::Transit;
    use crate::sla::commitment::example;

    fn pair(src: u32, dst: u32, before: &[Asn], behind: &[Asn]) -> PairKey {
        PairKey {
            src: Origin::As(Asn(src)),
            dst: Origin::As(Asn(dst)),
            transit: Transit::new(before, behind),
            ..PairKey::UNKNOWN
        }
    }

    #[test]
    fn each_end_has_what_lies_on_its_own_side_and_one_that_is_both_has_either() {
        let (commitment, usage) = (example("c"), PairCounts::packet(Class::Rtp, 100));
        let between = |pair: &PairKey| {
            let end_counts = end_counts(&commitment, pair, &usage).into_iter().flatten();
            let told =
                end_counts.map(|end| (end.asn.0, end.counts.packets, end.transit.into_owned()));
            told.collect::<Vec<_>>()
        };
        let (one, two) = (Asn(1), Asn(2));
        let apart = pair(8, 9, &[one], &[two]);
        assert_eq!(between(&apart), [(8, 1, vec![one]), (9, 1, vec![two])]);
        let within = pair(8, 8, &[two], &[one, two]);
        assert_eq!(between(&within), [(8, 1, vec![one, two])]);
        let nobodys = pair(0, 9, &[one], &[]);
        assert_eq!(between(&nobodys), [(9, 1, vec![])]);
    }

    #[test]
    fn a_packet_goes_through_an_asn_in_one_direction() {
        let (commitment, usage) = (example("c"), PairCounts::packet(Class::Rtp, 100));
        let pair = pair(0, 9, &[Asn(1), Asn(2)], &[Asn(2)]);
        let told: Vec<_> = transit_counts(&commitment, &pair, &usage)
            .map(|one| {
                (
                    one.asn.0,
                    one.counts.from,
                    one.counts.to,
                    one.counts.packets,
                )
            })
            .collect();
        assert_eq!(told, [(1, 100, 0, 1), (2, 0, 100, 1)]);
        let nothing = PairCounts {
            streams: 1,
            ..PairCounts::default()
        };
        assert_eq!(transit_counts(&commitment, &pair, &nothing).count(), 0);
    }
}
