use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Feeds numbers; large jumps are outages if `outage`, else unexplained.
fn run(numbers: impl IntoIterator<Item = u16>, outage: bool) -> (Sequence, Totals) {
    let mut numbers = numbers.into_iter();
    let mut sequence = Sequence::new(numbers.next().unwrap());
    let mut totals = Totals {
        packets: 1,
        ..Totals::default()
    };
    for number in numbers {
        let step = sequence.advance(number, |forward| match forward {
            _ if forward >= 1 << 15 => Jump::Unexplained,
            _ if outage => Jump::Forward(u64::from(forward)),
            _ => Jump::Unexplained,
        });
        totals.packets += 1;
        totals.lost += step.missing;
        totals.late += u64::from(step.arrival == Arrival::Late) + u64::from(step.late);
        totals.duplicates += u64::from(step.arrival == Arrival::Duplicate);
        let swapped = step.arrival == Arrival::Restarted { swapped: true };
        totals.reordered += u64::from(step.arrival == Arrival::Reordered || swapped);
        totals.restarts += u64::from(matches!(step.arrival, Arrival::Restarted { .. }));
    }
    (sequence, totals)
}

#[derive(Default, Debug, PartialEq, Eq, Clone, Copy)]
struct Totals {
    packets: u64,
    lost: i64,
    late: u64,
    duplicates: u64,
    reordered: u64,
    restarts: u64,
}

impl Totals {
    fn expected(&self) -> u64 {
        (self.packets - self.duplicates - self.late).strict_add_signed(self.lost)
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_case_counts_as_what_it_is() {
    let none = Totals::default();
    let cases: &[(&str, Vec<u16>, Totals)] = &[
        ("in order", vec![1, 2, 3], Totals { packets: 3, ..none }),
        (
            "over the wrap",
            vec![65534, 65535, 0, 1],
            Totals { packets: 4, ..none },
        ),
        (
            "one lost",
            vec![1, 2, 4],
            Totals {
                packets: 3,
                lost: 1,
                ..none
            },
        ),
        (
            "lost at the wrap",
            vec![65535, 2],
            Totals {
                packets: 2,
                lost: 2,
                ..none
            },
        ),
        (
            "swapped",
            vec![1, 3, 2, 4],
            Totals {
                packets: 4,
                reordered: 1,
                ..none
            },
        ),
        (
            "swapped at the start",
            vec![2, 1, 3],
            Totals {
                packets: 3,
                reordered: 1,
                ..none
            },
        ),
        (
            "a gap before the first",
            vec![9, 6, 10],
            Totals {
                packets: 3,
                reordered: 1,
                lost: 2,
                ..none
            },
        ),
        (
            "start at 0, one before it",
            vec![0, 65535, 1],
            Totals {
                packets: 3,
                reordered: 1,
                ..none
            },
        ),
        (
            "duplicate",
            vec![1, 2, 2, 3],
            Totals {
                packets: 4,
                duplicates: 1,
                ..none
            },
        ),
        (
            "a duplicate does not hide a loss",
            vec![1, 2, 2, 4],
            Totals {
                packets: 4,
                duplicates: 1,
                lost: 1,
                ..none
            },
        ),
        (
            "restart",
            vec![1, 2, 9000, 9001, 9002],
            Totals {
                packets: 5,
                restarts: 1,
                ..none
            },
        ),
        (
            "restart with every packet twice",
            vec![1, 1, 2, 2, 9000, 9000, 9001, 9001],
            Totals {
                packets: 8,
                duplicates: 4,
                restarts: 1,
                ..none
            },
        ),
        (
            "restart with a loss outstanding",
            vec![1, 3, 9000, 9001],
            Totals {
                packets: 4,
                lost: 1,
                restarts: 1,
                ..none
            },
        ),
        (
            "restart that loses its second packet",
            vec![1, 2, 9000, 9002, 9003],
            Totals {
                packets: 5,
                lost: 1,
                restarts: 1,
                ..none
            },
        ),
        (
            "restart that swaps its first packets",
            vec![1, 2, 9002, 9000, 9001, 9003],
            Totals {
                packets: 6,
                reordered: 2,
                restarts: 1,
                ..none
            },
        ),
        (
            "a stray is late, not a restart",
            vec![1, 2, 9000, 3],
            Totals {
                packets: 4,
                late: 1,
                ..none
            },
        ),
        (
            "two strays",
            vec![1, 2, 9000, 700, 3],
            Totals {
                packets: 5,
                late: 2,
                ..none
            },
        ),
    ];
    for (name, numbers, expected) in cases {
        assert_eq!(run(numbers.iter().copied(), false).1, *expected, "{name}");
    }
}

#[test]
fn an_outage_is_loss_however_long() {
    assert_eq!(run([1, 1001], true).1.lost, 999);
    let mut sequence = Sequence::new(7);
    let step = sequence.advance(8 + 100, |_| Jump::Forward(65536 * 3 + 101));
    assert_eq!(
        step.missing,
        65536 * 3 + 100,
        "three wraps inside the outage"
    );
}

#[test]
fn a_number_is_missing_as_soon_as_a_later_one_comes_until_it_comes_itself() {
    let mut sequence = Sequence::new(0);
    let mut missing = |number| sequence.advance(number, |_| Jump::Unexplained).missing;
    assert_eq!([3, 2, 2, 4, 1].map(&mut missing), [2, -1, 0, 0, -1]);
}

proptest! {
    /// The model: a set of numbers. Shuffled inside the window, with duplicates and gaps.
    #[test]
    fn any_disorder_inside_the_window_agrees_with_a_set(
        first in any::<u16>(),
        present in prop::collection::vec(prop::bool::weighted(0.9), 100..600),
        moves in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..30), 0..60),
        copies in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..20), 0..40),
    ) {
        let mut offsets: Vec<u64> = (0..).zip(&present).filter(|(_, here)| **here)
            .map(|(offset, _)| offset).collect();
        prop_assume!(offsets.len() > 40);
        for (index, by) in &moves {
            let at = index.index(offsets.len());
            let to = (at + by).min(offsets.len() - 1);
            // A packet is never moved by more than half the window of numbers.
            if offsets[to].abs_diff(offsets[at]) < 20 {
                let moved = offsets.remove(at);
                offsets.insert(to, moved);
            }
        }
        let far = |list: &[u64]| {
            let mut top = list[0];
            list.iter().any(|offset| { top = top.max(*offset); top - offset >= 60 })
        };
        prop_assume!(!far(&offsets));
        for (index, by) in &copies {
            let at = index.index(offsets.len());
            let copy = offsets[at];
            let to = (at + 1 + by).min(offsets.len());
            offsets.insert(to, copy);
        }
        prop_assume!(!far(&offsets));
        let gaps: Vec<u64> = { let set: BTreeSet<_> = offsets.iter().copied().collect();
            set.iter().zip(set.iter().skip(1)).map(|(a, b)| b - a).collect() };
        prop_assume!(gaps.iter().all(|gap| *gap < 30));

        let numbers = offsets.iter().map(|offset| {
            #[expect(clippy::cast_possible_truncation, reason = "modulo 2^16 is meant")]
            first.wrapping_add(*offset as u16)
        });
        let (_, totals) = run(numbers, false);
        let set: BTreeSet<u64> = offsets.iter().copied().collect();
        let span = set.last().unwrap() - set.first().unwrap() + 1;
        prop_assert_eq!(totals.lost.cast_unsigned(), span - set.len() as u64);
        prop_assert_eq!(totals.duplicates, (offsets.len() - set.len()) as u64);
        prop_assert_eq!(totals.late + totals.restarts, 0);
        prop_assert_eq!(totals.expected(), span);
    }

    #[test]
    fn whatever_comes_nothing_is_counted_twice(numbers in prop::collection::vec(any::<u16>(), 2..300)) {
        let (_, totals) = run(numbers, true);
        prop_assert!(totals.packets >= totals.duplicates + totals.late);
    }
}
