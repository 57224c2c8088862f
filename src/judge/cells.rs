//! What a pair's usage is, as a commitment counts it, to the ASNs at its ends and to those between.
//!
//! Pure. A packet is traffic of both its ends, and goes through each transit ASN once.

use crate::asn::Origin;
use crate::attribution::Pair;
use crate::attribution::transit::Leg;
use crate::meter::second::Usage;
use crate::meter::window::{Cell, Losses};
use crate::sla::commitment::Commitment;
use crate::units::Asn;
use crate::voice::class::Class;
use std::borrow::Cow;

/// What a usage is to an ASN that is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct End<'a> {
    pub(super) asn: Asn,
    pub(super) cell: Cell,
    /// The transit ASNs between the tap and it, ascending.
    pub(super) transit: Cow<'a, [Asn]>,
}

/// The number of an origin that is judged.
pub(super) fn judged(origin: Origin) -> Option<Asn> {
    match origin {
        Origin::As(asn) if origin.is_judged() => Some(asn),
        Origin::As(_) | Origin::Local => None,
    }
}

/// Octets on the commitment's layer and packets, of the classes that count.
fn counted(commitment: &Commitment, usage: &Usage) -> (u64, u64) {
    let classes = Class::ALL.into_iter();
    let counted = classes.filter(|class| commitment.classes.contains(*class));
    counted.fold((0, 0), |(bytes, packets), class| {
        let octets = usage.class(class);
        (
            bytes + octets.on(commitment.layer),
            packets + octets.packets,
        )
    })
}

/// What a pair's usage is to the ASNs at its ends.
pub(super) fn ends<'a>(
    commitment: &Commitment,
    pair: &'a Pair,
    usage: &Usage,
) -> [Option<End<'a>>; 2] {
    let (bytes, packets) = counted(commitment, usage);
    let sent = Losses {
        expected: usage.expected(),
        lost: usage.continuity.lost,
    };
    let reported = Losses {
        expected: usage.reports.expected,
        lost: usage.reports.lost,
    };
    let from = Cell {
        from: bytes,
        packets,
        sent,
        unfollowed: usage.unfollowed,
        ..Cell::default()
    };
    let to = Cell {
        to: bytes,
        packets,
        reported,
        unfollowed: usage.unfollowed,
        ..Cell::default()
    };
    let (before, behind) = (pair.transit.src(), pair.transit.dst());
    let end = |asn, cell, transit| End { asn, cell, transit };
    match (judged(pair.src), judged(pair.dst)) {
        (Some(src), Some(dst)) if src == dst => {
            let cell = Cell {
                to: bytes,
                both: bytes,
                reported,
                ..from
            };
            [Some(end(src, cell, either(before, behind))), None]
        }
        (src, dst) => [
            src.map(|asn| end(asn, from, before.into())),
            dst.map(|asn| end(asn, to, behind.into())),
        ],
    }
}

/// What is on one of two lists.
fn either<'a>(before: &'a [Asn], behind: &'a [Asn]) -> Cow<'a, [Asn]> {
    if before == behind {
        return before.into();
    }
    let mut both = [before, behind].concat();
    both.sort_unstable();
    both.dedup();
    both.into()
}

/// What a pair's usage is to each ASN between; nothing where no packet of it counts.
pub(super) fn through<'a>(
    commitment: &Commitment,
    pair: &'a Pair,
    usage: &Usage,
) -> impl Iterator<Item = (Asn, Cell)> + use<'a> {
    let (bytes, packets) = counted(commitment, usage);
    let each = pair.transit.each().filter(move |_| packets > 0);
    each.map(move |(asn, leg)| {
        let (from, to) = match leg {
            Leg::From => (bytes, 0),
            Leg::To => (0, bytes),
        };
        let cell = Cell {
            from,
            to,
            packets,
            ..Cell::default()
        };
        (asn, cell)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::transit::Transit;
    use crate::sla::commitment::example;

    fn pair(src: u32, dst: u32, before: &[Asn], behind: &[Asn]) -> Pair {
        Pair {
            src: Origin::As(Asn(src)),
            dst: Origin::As(Asn(dst)),
            transit: Transit::new(before, behind),
            ..Pair::UNKNOWN
        }
    }

    #[test]
    fn each_end_has_what_lies_on_its_own_side_and_one_that_is_both_has_either() {
        let (commitment, usage) = (example("c"), Usage::packet(Class::Rtp, 100));
        let between = |pair: &Pair| {
            let ends = ends(&commitment, pair, &usage).into_iter().flatten();
            let told = ends.map(|end| (end.asn.0, end.cell.packets, end.transit.into_owned()));
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
        let (commitment, usage) = (example("c"), Usage::packet(Class::Rtp, 100));
        let pair = pair(0, 9, &[Asn(1), Asn(2)], &[Asn(2)]);
        let told: Vec<_> = through(&commitment, &pair, &usage)
            .map(|(asn, cell)| (asn.0, cell.from, cell.to, cell.packets))
            .collect();
        assert_eq!(told, [(1, 100, 0, 1), (2, 0, 100, 1)]);
        let nothing = Usage {
            streams: 1,
            ..Usage::default()
        };
        assert_eq!(through(&commitment, &pair, &nothing).count(), 0);
    }
}
