//! Where a time out of SLA ends, other than by what is counted: at a step of the clock, and over a stop.

use super::*;
use crate::snapshot::evidence::{EndedExcess, JudgedSecond};

/// In one second more than a window of 5 s may have.
const TOO_MUCH: u64 = 6_250_001;

/// Keeps what is told to have ended, and why windows began anew.
#[derive(Default)]
struct Ends {
    told: Vec<(u64, EndedExcess)>,
    restarted: Vec<(u64, Option<u64>)>,
}

impl JudgementObserver for Ends {
    fn judged(&mut self, _: &Judgement) {}

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        let ended = judged.ended.iter().cloned();
        self.told.extend(ended.map(|one| (judged.second.0, one)));
    }

    fn restarted(&mut self, second: Second, stepped_from: Option<Second>) {
        let from = stepped_from.map(|last| last.0);
        self.restarted.push((second.0, from));
    }
}

impl Ends {
    /// When it was told, first and last second.
    fn intervals(&self) -> Vec<(u64, u64, u64)> {
        let told = self.told.iter();
        told.map(|(told, one)| (*told, one.from.0, one.last.0))
            .collect()
    }
}

/// A second in which the ASN sends so many octets; those up to `through` are idle.
fn second(judge: &mut Judge, ends: &mut Ends, (second, through): (u64, u64), octets: u64) {
    let part = WorkerPart {
        number: 0,
        counts: counts(octets, 0),
        amendments: Vec::new(),
        incomplete: Vec::new(),
        scopes: judge.commitments.policy().scopes.clone(),
        worker: WorkerState::default(),
    };
    let input = JudgeInput::Second {
        second: Second(second),
        through: Second(through),
        parts: vec![part],
    };
    judge.judge_input(input, ends);
}

fn begun(first: u64) -> (Judge, Ends) {
    let policy = policy(vec![commitment()], &ScopePlan::default());
    let (mut judge, mut ends) = (Judge::new(policy, 500, &[]), Ends::default());
    judge.judge_input(JudgeInput::Opened(Second(first)), &mut ends);
    (judge, ends)
}

#[test]
fn a_time_out_of_sla_ends_where_the_clock_was_set_back_and_another_begins_behind_it() {
    let (mut judge, mut ends) = begun(100);
    for now in 100..=110 {
        second(&mut judge, &mut ends, (now, now), TOO_MUCH);
    }
    assert_eq!(judge.take_notices().len(), 1);
    judge.judge_input(JudgeInput::Stepped(Second(90)), &mut ends);
    let notices = judge.take_notices();
    assert!(
        matches!(&notices[..], [one] if matches!(&one.change, ExcessChange::Stepped(over)
            if (over.from, over.last) == (Second(100), Second(110)))),
        "{notices:?}"
    );
    for now in 90..=95 {
        second(&mut judge, &mut ends, (now, now), TOO_MUCH);
    }
    // it goes on past the second from which the clock came
    second(&mut judge, &mut ends, (96, 120), TOO_MUCH);
    assert_eq!(ends.restarted, [(100, None), (90, Some(110))]);
    assert_eq!(
        ends.intervals(),
        [(90, 100, 110), (101, 90, 100)],
        "told with the first second behind the step, and none ends before it begins"
    );
}

#[test]
fn two_steps_back_in_a_row_end_it_once() {
    let (mut judge, mut ends) = begun(100);
    for now in 100..=102 {
        second(&mut judge, &mut ends, (now, now), TOO_MUCH);
    }
    for back in [80, 60] {
        judge.judge_input(JudgeInput::Stepped(Second(back)), &mut ends);
    }
    second(&mut judge, &mut ends, (60, 60), 1);
    assert_eq!(ends.intervals(), [(60, 100, 102)]);
}

#[test]
fn over_a_step_forward_it_lasts_as_long_as_a_window_holds_what_came_before_and_no_longer() {
    for (through, next) in [(1000, 1001), (107, 108)] {
        let (mut judge, mut ends) = begun(100);
        for now in 100..=104 {
            second(&mut judge, &mut ends, (now, now), TOO_MUCH);
        }
        // the next frame is of a later second, and exceeds at once
        second(&mut judge, &mut ends, (105, through), TOO_MUCH);
        second(&mut judge, &mut ends, (next, next + 20), TOO_MUCH);
        let expected = if through == 1000 {
            vec![(110, 100, 109), (1006, 1001, 1005)]
        } else {
            // a jump that is shorter than the window: each window between holds too much
            vec![(113, 100, 112)]
        };
        assert_eq!(ends.intervals(), expected, "{through}");
    }
}

/// A meter that goes on at a second with what another one has judged.
fn resumed(before: Judge, at: u64) -> (Judge, Ends) {
    let policy = policy(vec![commitment()], &ScopePlan::default());
    let (mut judge, mut ends) = (Judge::new(policy, 500, &[]), Ends::default());
    judge.resume(before.commitments);
    judge.judge_input(JudgeInput::Opened(Second(at)), &mut ends);
    (judge, ends)
}

#[test]
fn over_a_stop_it_goes_on_only_while_a_window_spans_the_stop() {
    for (at, expected) in [
        // the window that ends with 106 holds 102
        (106, vec![(111, 100, 110)]),
        (107, vec![(107, 100, 102), (112, 107, 111)]),
        (9000, vec![(9000, 100, 102), (9005, 9000, 9004)]),
    ] {
        let (mut judge, mut ends) = begun(100);
        for now in 100..=102 {
            second(&mut judge, &mut ends, (now, now), TOO_MUCH);
        }
        let (mut judge, mut ends) = resumed(judge, at);
        second(&mut judge, &mut ends, (at, at + 20), TOO_MUCH);
        assert_eq!(ends.intervals(), expected, "{at}");
    }
}

#[test]
fn a_clock_that_was_set_back_while_nobody_ran_ends_it_as_well() {
    for at in [102, 40] {
        let (mut judge, mut ends) = begun(100);
        for now in 100..=102 {
            second(&mut judge, &mut ends, (now, now), TOO_MUCH);
        }
        let (mut judge, mut ends) = resumed(judge, at);
        assert_eq!(ends.restarted, [(at, Some(102))]);
        second(&mut judge, &mut ends, (at, at), 1);
        assert_eq!(ends.intervals(), [(at, 100, 102)]);
    }
}
