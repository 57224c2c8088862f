//! Leaves that the owner of a ledger could write, and that a meter never does.

use super::*;

/// Some hundred seconds, with idle ones between them; `is_full`: a disk was full for three.
fn seconds(seed: u64, is_full: bool) -> Vec<Leaf> {
    let mut fate = Fate(seed);
    let mut meter = Meter::new(&mut fate);
    meter.seconds(&mut fate, 30);
    if is_full {
        meter.unwritten(&mut fate);
    }
    meter.seconds(&mut fate, 200);
    meter.recorder.into_sink().leaves
}

/// The place of the first leaf of each second behind a leaf of another one.
fn begins(leaves: &[Leaf]) -> impl Iterator<Item = (usize, Second)> {
    let pairs = leaves.windows(2).enumerate();
    pairs.filter_map(|(at, pair)| {
        let second = pair[1].second()?;
        (pair[0].second()? < second).then_some((at + 1, second))
    })
}

fn with(leaves: &[Leaf], at: usize, leaf: Leaf) -> Vec<Leaf> {
    let mut changed = leaves.to_vec();
    changed.insert(at, leaf);
    changed
}

fn gap(why: GapReason, second: Second, judged: Option<Second>) -> Leaf {
    Leaf::Gap(GapLeaf {
        why,
        judged,
        ..GapLeaf::unwritten(second, Second(second.0 - 3600), second.previous())
    })
}

#[test]
fn windows_begin_anew_only_with_a_start_or_where_the_clock_goes_back() {
    let mut tried = 0;
    for seed in 1..4 {
        let leaves = seconds(seed, false);
        judge(&leaves, 0).unwrap();
        for (at, second) in begins(&leaves).step_by(9) {
            // a gap stands behind what is in force, and here nothing changes
            if !matches!(leaves[at], Leaf::Second(_)) {
                continue;
            }
            let last = second.previous();
            for forged in [
                gap(GapReason::Start, second, None),
                gap(GapReason::Clock, second, None),
                gap(GapReason::Clock, second, Some(last)),
                gap(GapReason::Clock, second, Some(Second(last.0 - 20))),
                gap(GapReason::Capture, second, Some(second)),
            ] {
                judge(&with(&leaves, at, forged), 0).unwrap_err();
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "{tried}");
}

#[test]
fn what_is_said_in_idle_seconds_cannot_be_left_out_behind_a_start() {
    let mut tried = 0;
    for seed in 1..8 {
        let leaves = seconds(seed, false);
        judge(&leaves, 0).unwrap();
        let is_minute = |leaf: &Leaf| leaf.second().is_some_and(|second| second.0 % 60 == 59);
        let pairs = begins(&leaves).zip(begins(&leaves).skip(1));
        for ((at, second), (next, after)) in pairs {
            if !is_minute(&leaves[at]) || after.0 - second.0 < 2 {
                continue;
            }
            let mut changed = leaves.clone();
            changed.splice(at..next, [start(after)]);
            judge(&changed, 0).unwrap_err();
            tried += 1;
        }
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn what_began_when_all_was_known_did_not_begin_before_a_disk_was_full() {
    let mut tried = 0;
    for seed in 1..8 {
        let leaves = seconds(seed, true);
        judge(&leaves, 0).unwrap();
        let unwritten = leaves.iter().find_map(|leaf| match leaf {
            Leaf::Gap(gap) if gap.why == GapReason::Disk => Some(gap.until),
            _ => None,
        });
        // the longest window, and how silences end
        let known = unwritten.unwrap().0 + 12 + 3;
        for at in 0..leaves.len() {
            let mut changed = leaves.clone();
            let Leaf::Interval(interval) = &mut changed[at] else {
                continue;
            };
            if interval.from.0 > known {
                interval.from = Second::default();
                judge(&changed, 0).unwrap_err();
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "{tried}");
}

#[test]
fn a_second_is_in_so_many_leaves_as_it_needs_and_in_no_more() {
    let leaves = seconds(3, false);
    let mut tried = 0;
    for at in (0..leaves.len()).step_by(7) {
        let (Leaf::Second(leaf), mut first) = (&leaves[at], leaves.clone()) else {
            continue;
        };
        if leaf.asns.len() < 2 {
            continue;
        }
        // Another part behind one that is not full, and a first part that is not there.
        let (mut one, mut other) = (leaf.clone(), leaf.clone());
        other.asns = one.asns.split_off(1);
        other.part = 1;
        first[at] = Leaf::Second(one);
        judge(&with(&first, at + 1, Leaf::Second(other.clone())), 0).unwrap_err();
        other.asns.splice(0..0, leaf.asns[..1].iter().cloned());
        first[at] = Leaf::Second(other);
        judge(&first, 0).unwrap_err();
        tried += 1;
    }
    assert!(tried > 5, "{tried}");
}
