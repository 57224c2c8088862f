//! What the owner of a ledger could try where the clock was set back, and with a second that stands twice.

use super::*;
use crate::ledger::leaf::IntervalLeaf;

impl Meter {
    /// A second with calls, and idle ones behind it; then the clock is set back.
    fn step_back(&mut self, fate: &mut Fate, idle: u64) {
        let part = WorkerPart {
            number: 0,
            counts: counts(fate, self.now),
            amendments: Vec::new(),
            incomplete: Vec::new(),
            scopes: self.policy.scopes.clone(),
            worker: WorkerState::default(),
        };
        self.take(JudgeInput::Second {
            second: Second(self.now),
            through: Second(self.now + idle),
            parts: vec![part],
        });
        self.now -= 60;
        self.take(JudgeInput::Stepped(Second(self.now)));
    }
}

/// A life whose clock is set back once, behind some idle seconds; `full`: so many seconds before that a disk was
/// full for three.
fn set_back(seed: u64, full: Option<u64>, idle: u64) -> Vec<Leaf> {
    let mut fate = Fate(seed);
    let mut meter = Meter::new(&mut fate);
    meter.seconds(&mut fate, 30);
    if let Some(before) = full {
        meter.unwritten(&mut fate);
        meter.seconds(&mut fate, before);
    }
    meter.step_back(&mut fate, idle);
    meter.seconds(&mut fate, 120);
    meter.recorder.into_sink().leaves
}

/// Where the clock was set back.
fn step(leaves: &[Leaf]) -> (usize, Second) {
    let of_step = |leaf: &Leaf| match leaf {
        Leaf::Gap(gap) if gap.why == GapReason::Clock => Some(gap.second),
        _ => None,
    };
    let mut all = leaves.iter().enumerate();
    all.find_map(|(place, leaf)| Some((place, of_step(leaf)?)))
        .unwrap()
}

fn interval(leaf: &Leaf) -> Option<&IntervalLeaf> {
    match leaf {
        Leaf::Interval(leaf) => Some(leaf),
        _ => None,
    }
}

#[test]
fn no_interval_ends_before_it_begins_and_what_is_open_ends_with_the_step() {
    let mut at_steps = 0;
    for seed in 1..40 {
        let leaves = set_back(seed, None, seed % 3);
        let (place, second) = step(&leaves);
        for leaf in leaves.iter().filter_map(interval) {
            assert!(leaf.from <= leaf.until, "{seed}: {leaf:?}");
        }
        let of_step = leaves[place..].iter().filter_map(interval);
        let of_step = of_step.take_while(|leaf| leaf.second == second);
        at_steps += of_step.filter(|leaf| leaf.until > second).count();
    }
    assert!(at_steps > 10, "{at_steps}");
}

#[test]
fn behind_a_step_no_digit_of_an_interval_can_be_changed_whatever_was_not_known_before() {
    let mut tried = 0;
    for seed in 1..4 {
        for full in [None, Some(40)] {
            let leaves = set_back(seed, full, 2);
            judge(&leaves, 0).unwrap();
            let (place, second) = step(&leaves);
            let behind = |leaf: &IntervalLeaf| leaf.second != second;
            let intervals =
                (place..leaves.len()).filter(|at| interval(&leaves[*at]).is_some_and(behind));
            for at in intervals.step_by(4) {
                let changes: [fn(&mut IntervalLeaf); 6] = [
                    |leaf| leaf.from = leaf.from.next(),
                    |leaf| leaf.from = leaf.from.previous(),
                    |leaf| leaf.until = leaf.until.next(),
                    |leaf| leaf.until = leaf.until.previous(),
                    |leaf| leaf.peak_bytes += 1,
                    |leaf| leaf.asn += 1,
                ];
                for change in changes {
                    let mut changed = leaves.clone();
                    if let Leaf::Interval(leaf) = &mut changed[at] {
                        change(leaf);
                    }
                    judge(&changed, 0).unwrap_err();
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn behind_a_step_what_was_not_written_before_is_taken_for_a_window_and_no_longer() {
    let mut tried = 0;
    for seed in 1..8 {
        let leaves = set_back(seed, Some(1), 0);
        judge(&leaves, 0).unwrap();
        let (_, second) = step(&leaves);
        // the longest window, how silences end, and a day's verdicts that are told again
        let known = second.0 + 12 + 3 + 1;
        let is_known = |leaf: &Leaf| leaf.second().is_some_and(|at| at.0 > known);
        let behind = leaves.iter().rposition(|leaf| !is_known(leaf)).unwrap();
        for at in behind + 1..leaves.len() {
            let mut changed = leaves.clone();
            let Leaf::Verdict(leaf) = &mut changed[at] else {
                continue;
            };
            let is_met = leaf.verdicts[0] == "met";
            leaf.verdicts[0] = if is_met { "missed" } else { "met" }.into();
            judge(&changed, 0).unwrap_err();
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn what_is_said_in_idle_seconds_before_a_step_cannot_be_left_out() {
    let mut tried = 0;
    for seed in 1..20 {
        let leaves = set_back(seed, None, 20);
        let (place, second) = step(&leaves);
        let end = leaves[..place]
            .iter()
            .rposition(|leaf| leaf.second() != Some(second));
        let end = end.unwrap() + 1;
        let idle = leaves[..end].iter().rposition(|leaf| match leaf {
            Leaf::Second(leaf) => !leaf.asns.is_empty(),
            _ => false,
        });
        let of_second = leaves[idle.unwrap()].second();
        for at in idle.unwrap() + 1..end {
            if leaves[at].second() == of_second || !is_judgement(&leaves[at]) {
                continue;
            }
            let mut without = leaves.clone();
            without.remove(at);
            judge(&without, 0).unwrap_err();
            // nor all from here on
            let mut without = leaves.clone();
            without.drain(at..end);
            judge(&without, 0).unwrap_err();
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn a_clock_does_not_go_back_to_a_second_in_its_own_gap() {
    let mut leaves = set_back(7, None, 0);
    judge(&leaves, 0).unwrap();
    let (place, _) = step(&leaves);
    if let Leaf::Gap(gap) = &mut leaves[place] {
        gap.until = Second(gap.until.0 + 20);
    }
    judge(&leaves, 0).unwrap_err();
}

#[test]
fn a_second_that_stands_twice_is_found_and_an_asn_that_does() {
    let leaves = set_back(3, None, 20);
    for place in 0..leaves.len() {
        let Leaf::Second(leaf) = &leaves[place] else {
            continue;
        };
        let mut twice = leaves.clone();
        twice.insert(place, leaves[place].clone());
        let fault = judge(&twice, 0).unwrap_err();
        assert!(fault.reason.contains("stands twice"), "{fault:?}");
        let group: Vec<_> = leaves
            .iter()
            .filter(|one| one.second() == Some(leaf.second) && one.rank() >= 7)
            .cloned()
            .collect();
        let behind = leaves[place..]
            .iter()
            .position(|one| one.second() != Some(leaf.second));
        if let Some(behind) = behind {
            let mut sealed_twice = leaves.clone();
            sealed_twice.splice(place + behind..place + behind, group);
            judge(&sealed_twice, 0).unwrap_err();
        }
        if let Some(first) = leaf.asns.first() {
            let mut doubled = leaf.clone();
            doubled.asns.insert(0, first.clone());
            let mut twice = leaves.clone();
            twice[place] = Leaf::Second(doubled);
            let fault = judge(&twice, 0).unwrap_err();
            assert!(fault.reason.contains("one twice"), "{fault:?}");
        }
    }
}
