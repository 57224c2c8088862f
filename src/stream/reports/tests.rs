use super::*;
use crate::capture::synthetic::scenario::SplitMix;
use crate::stream::sequence::Jump;
use std::ops::Range;

/// Two cycles before we looked.
const CYCLES: u32 = 2 << 16;

fn block(highest: u32, lost: i32) -> ReportBlock {
    ReportBlock {
        ssrc: 1,
        fraction_lost: 0,
        lost,
        highest_sequence: highest,
        jitter: 0,
        last_sr: 0,
        delay: 0,
    }
}

/// A stream at the tap, and what the far end says of it, a second each.
struct Tap {
    sequence: Sequence,
    absent: i64,
    far_end: RemoteReports,
    now: Second,
}

impl Tap {
    fn new(first: u16) -> Self {
        Self {
            sequence: Sequence::new(first),
            absent: 0,
            far_end: RemoteReports::default(),
            now: Second(100),
        }
    }

    fn pass(&mut self, numbers: std::ops::RangeInclusive<u16>) {
        for number in numbers {
            self.absent += self.sequence.advance(number, |_| Jump::Unexplained).missing;
        }
    }

    fn hear(&mut self, reporter: u32, highest: u32, lost: i32) -> Vec<ReportedLoss> {
        self.now = self.now.next();
        let context = ReportContext {
            reporter,
            second: self.now,
            sequence: &self.sequence,
            lost_here: self.absent.cast_unsigned() - self.sequence.missing(),
        };
        let mut booked = Vec::new();
        assert!(
            self.far_end
                .report(&context, &block(highest, lost), &mut booked)
                .is_some()
        );
        booked
    }

    /// The stream is over.
    fn finish(&mut self) -> Vec<ReportedLoss> {
        let mut booked = Vec::new();
        self.far_end.finish(self.now, &mut booked);
        booked
    }

    /// Of one reporter, in the second of its report.
    fn report(&mut self, highest: u32, lost: i32) -> Option<LossCounts> {
        let booked = self.hear(7, highest, lost);
        assert!(booked.iter().all(|(second, _)| *second == self.now));
        booked.first().map(|(_, counts)| *counts)
    }
}

const fn counts(expected: i64, lost: i64, maybe_lost: i64) -> LossCounts {
    LossCounts {
        expected,
        lost,
        maybe_lost,
    }
}

#[test]
fn the_far_ends_loss_is_by_interval_and_less_our_own_gaps() {
    let mut tap = Tap::new(1000);
    tap.pass(1001..=1100);
    // The far end has counted over two cycles before; 7 lost before we looked.
    assert_eq!(tap.report(CYCLES + 1090, 7), None);
    // Five numbers never pass the tap; the far end misses eight.
    tap.pass(1106..=1300);
    assert_eq!(tap.report(CYCLES + 1290, 15), Some(counts(200, 3, 0)));
    assert_eq!(tap.report(CYCLES + 1290, 15), None, "a copy");
    tap.pass(1301..=1400);
    let report = tap.report(CYCLES + 1390, 14);
    assert_eq!(report, Some(counts(100, 0, 0)), "their count went back");
}

#[test]
fn an_old_report_is_left_out_and_its_interval_joins_the_next() {
    let mut tap = Tap::new(0);
    tap.pass(1..=500);
    assert_eq!(tap.report(450, 0), None);
    assert_eq!(tap.report(400, 0), None, "it was overtaken");
    assert_eq!(tap.report(490, 4), Some(counts(40, 4, 0)));
}

#[test]
fn a_report_from_far_away_counts_though_its_number_has_left_the_window() {
    let mut tap = Tap::new(0);
    tap.pass(1..=500);
    assert_eq!(tap.report(300, 2), None);
    tap.pass(501..=1_000);
    assert_eq!(tap.report(800, 9), Some(counts(500, 7, 0)));
    // Five of the next thousand we miss ourselves: whether in this interval or behind it, nobody knows.
    tap.pass(1_001..=1_500);
    tap.pass(1_506..=2_000);
    assert_eq!(tap.report(1_800, 19), Some(counts(995, 5, 5)));
    // What the report before had room for is not taken off again.
    tap.pass(2_001..=3_000);
    assert_eq!(tap.report(2_800, 20), Some(counts(999, 0, 1)));
    assert_eq!(tap.report(2_990, 23), Some(counts(190, 3, 0)), "near");
    assert_eq!(tap.report(3_100, 30), None, "it has not come yet");
}

#[test]
fn numbers_that_pass_while_the_highest_stands_still_may_be_lost() {
    let mut tap = Tap::new(0);
    tap.pass(1..=100);
    assert_eq!(tap.report(98, 0), None);
    tap.pass(101..=120);
    assert_eq!(tap.report(98, 0), None, "they may be under way");
    tap.pass(121..=200);
    assert_eq!(tap.report(98, 0), Some(counts(0, 0, 102)));
    // Ten of them we miss ourselves.
    tap.pass(211..=300);
    assert_eq!(tap.report(98, 0), Some(counts(0, 0, 90)));
}

#[test]
fn what_stood_still_is_certain_once_the_same_reporter_moves_on_and_counts_it() {
    let mut tap = Tap::new(0);
    tap.pass(1..=100);
    tap.hear(7, 100, 0);
    tap.pass(101..=200);
    let first = tap.hear(7, 100, 0);
    assert_eq!(first, [(tap.now, counts(0, 0, 100))]);
    tap.pass(201..=300);
    let second = tap.hear(7, 100, 0);
    tap.pass(301..=400);
    let last = tap.hear(7, 400, 150);
    let (one, two) = (first[0].0, second[0].0);
    assert_eq!(
        last,
        [
            (one, counts(100, 100, -100)),
            (two, counts(50, 50, -50)),
            (tap.now, counts(150, 0, 0)),
        ],
        "no more than it counts, and nothing is taken back"
    );
}

#[test]
fn of_two_reporters_low_is_the_least_and_high_the_most() {
    let mut tap = Tap::new(0);
    let mut sum = LossCounts::default();
    for round in 1..=5 {
        let highest = u32::from(round) * 100;
        tap.pass(round * 100 - 99..=round * 100);
        let reports = [(7, 0), (8, 500 + 4 * i32::from(round))];
        for (reporter, lost) in reports {
            let booked = tap.hear(reporter, highest, lost);
            for (_, counts) in &booked {
                sum.add(*counts);
            }
        }
    }
    assert_eq!(
        sum,
        counts(400, 0, 16),
        "the first waits for the second's first interval"
    );
}

#[test]
fn a_reporter_that_falls_silent_holds_the_others_up_for_three_reports() {
    let mut tap = Tap::new(0);
    let mut sum = LossCounts::default();
    for round in 1..=9_u16 {
        // Reports come every 5 s.
        tap.now = Second(100 + 5 * u64::from(round));
        let highest = u32::from(round) * 100;
        tap.pass(round * 100 - 99..=round * 100);
        let lost = 10 * i32::from(round);
        if round < 4 {
            for (_, counts) in tap.hear(8, highest, lost) {
                sum.add(counts);
            }
        }
        let booked = tap.hear(7, highest, lost);
        for (_, counts) in &booked {
            sum.add(*counts);
        }
    }
    assert_eq!(sum, counts(800, 80, 0), "of all eight intervals");
}

#[test]
fn a_reporter_beyond_the_bound_is_refused_until_one_has_been_silent() {
    let mut tap = Tap::new(0);
    tap.pass(1..=100);
    (1..=4).for_each(|reporter| drop(tap.hear(reporter, 100, 0)));
    let fifth = |tap: &mut Tap, second| {
        let context = ReportContext {
            reporter: 5,
            second,
            sequence: &tap.sequence,
            lost_here: 0,
        };
        tap.far_end
            .report(&context, &block(100, 0), &mut Vec::new())
            .is_some()
    };
    assert!(!fifth(&mut tap, Second(110)));
    assert!(fifth(&mut tap, Second(162)));
}

#[test]
fn what_reporters_said_is_booked_when_the_stream_ends() {
    let mut tap = Tap::new(0);
    tap.pass(1..=100);
    (7..=8).for_each(|reporter| drop(tap.hear(reporter, 100, 0)));
    tap.pass(101..=200);
    (7..=8).for_each(|reporter| drop(tap.hear(reporter, 200, 0)));
    tap.pass(201..=300);
    assert_eq!(tap.hear(7, 300, 5), [], "the other one may report less");
    assert_eq!(tap.finish(), [(tap.now, counts(95, 0, 5))]);
}

#[test]
fn what_a_new_reporter_may_not_have_lost_is_no_longer_certain() {
    let mut tap = Tap::new(0);
    tap.pass(1..=100);
    assert_eq!(tap.hear(7, 100, 0), []);
    tap.pass(101..=200);
    let alone = tap.hear(7, 200, 8);
    assert_eq!(alone, [(tap.now, counts(100, 8, 0))]);
    let doubted = tap.hear(8, 200, 3);
    assert_eq!(doubted, [(alone[0].0, counts(-8, -8, 8))]);
    tap.pass(201..=300);
    assert_eq!(tap.hear(8, 300, 3), []);
    assert_eq!(tap.hear(7, 300, 12), [(tap.now, counts(100, 0, 4))]);
}

#[test]
fn what_others_said_without_a_reporter_is_certain_as_far_as_it_bears_it_out() {
    let mut tap = Tap::new(0);
    tap.pass(1..=100);
    (7..=8).for_each(|reporter| drop(tap.hear(reporter, 100, 0)));
    let mut sum = LossCounts::default();
    for round in 2..=9_u16 {
        tap.now = Second(100 + 3 * u64::from(round));
        tap.pass(round * 100 - 99..=round * 100);
        for (_, counts) in tap.hear(7, u32::from(round) * 100, 10 * i32::from(round - 1)) {
            sum.add(counts);
        }
    }
    assert_eq!(sum, counts(800, 80, 0), "the other one is not waited for");
    let late = tap.hear(8, 900, 25);
    let taken: i64 = late.iter().map(|(_, counts)| counts.maybe_lost).sum();
    for (_, counts) in &late {
        sum.add(*counts);
    }
    assert_eq!((sum, taken), (counts(745, 25, 55), 55));
    tap.pass(901..=1_000);
    assert_eq!(tap.hear(7, 1_000, 80), []);
    assert_eq!(tap.hear(8, 1_000, 25), [(tap.now, counts(100, 0, 0))]);
}

#[test]
fn a_count_that_goes_back_leaves_in_doubt_what_it_had_made_certain() {
    let mut tap = Tap::new(0);
    tap.pass(1..=100);
    tap.hear(7, 100, 0);
    // Three are under way at each second report.
    let mut sum = LossCounts::default();
    for round in 2..=9_u16 {
        tap.pass(round * 100 - 99..=round * 100);
        let late = if round % 2 == 0 { 3 } else { 0 };
        for (_, counts) in tap.hear(7, u32::from(round) * 100, late) {
            sum.add(counts);
        }
    }
    assert_eq!(sum, counts(788, 0, 12));
}

/// A receiver behind the tap that loses some of what passes it.
struct Receiver {
    ssrc: u32,
    /// A packet of so many is lost, one is heard this many numbers after the tap, reports are due every so many.
    one_in: u64,
    behind: u16,
    interval: u16,
    next: u16,
    /// It hears nothing of these, and reports while it does not; it is silent behind these.
    deaf: Range<u16>,
    mute: Range<u16>,
    /// Whether it hears that far.
    heard: Vec<bool>,
    /// What its first report and its last said that it had lost.
    reported: [i32; 2],
    has_reported: bool,
}

impl Receiver {
    fn new(rng: &mut SplitMix, ssrc: u32) -> Self {
        let mut below = |most: u64| rng.next_u64() % most;
        let one_in = [10, 30, 100, u64::MAX][usize::try_from(below(4)).unwrap()];
        let interval = [50, 125, 250, 400][usize::try_from(below(4)).unwrap()];
        let behind = u16::try_from(below(20)).unwrap();
        let begins = [0, 0, 300, 1_000][usize::try_from(below(4)).unwrap()];
        let next = begins + 40 + u16::try_from(below(interval.into())).unwrap();
        let mut stretch = || {
            let from = u16::try_from(below(2_500)).unwrap();
            from..from + [0, 200, 400, 800][usize::try_from(below(4)).unwrap()]
        };
        let [deaf, mute] = [stretch(), stretch()];
        Self {
            deaf,
            mute,
            ssrc,
            one_in,
            behind,
            interval,
            next,
            heard: Vec::new(),
            reported: [0; 2],
            has_reported: false,
        }
    }

    /// Up to a number, from the first on.
    fn lost(&self, number: u16) -> i32 {
        let lost = self.heard[..=usize::from(number)]
            .iter()
            .filter(|heard| !**heard)
            .count();
        i32::try_from(lost).unwrap()
    }
}

#[test]
fn what_is_certain_of_several_reporters_is_never_more_than_any_of_them_lost() {
    for seed in 0..2_000 {
        let mut rng = SplitMix::new(seed);
        let mut tap = Tap::new(0);
        let mut receivers: Vec<_> = (1..=2 + u32::try_from(rng.next_u64() % 2).unwrap())
            .map(|ssrc| Receiver::new(&mut rng, ssrc))
            .collect();
        let mut booked = LossCounts::default();
        for number in 0..3_000_u16 {
            if number > 0 {
                tap.pass(number..=number);
            }
            for receiver in &mut receivers {
                let is_lost = rng.next_u64().is_multiple_of(receiver.one_in)
                    || receiver.deaf.contains(&number);
                receiver.heard.push(!is_lost || number == 0);
            }
            for receiver in &mut receivers {
                if number == receiver.next {
                    receiver.next += receiver.interval;
                    if receiver.has_reported && receiver.mute.contains(&number) {
                        continue;
                    }
                    let Some(mut highest) = number.checked_sub(receiver.behind) else {
                        continue;
                    };
                    while !receiver.heard[usize::from(highest)] {
                        highest -= 1;
                    }
                    if highest == 0 {
                        // It has heard nothing so far.
                        continue;
                    }
                    tap.now = Second(99 + u64::from(number) / 50);
                    let lost = receiver.lost(highest);
                    if !std::mem::replace(&mut receiver.has_reported, true) {
                        receiver.reported[0] = lost;
                    }
                    receiver.reported[1] = lost;
                    for (_, counts) in tap.hear(receiver.ssrc, highest.into(), lost) {
                        booked.add(counts);
                    }
                }
            }
        }
        tap.finish()
            .iter()
            .for_each(|(_, counts)| booked.add(*counts));
        let lost = receivers.iter().map(|receiver| receiver.lost(2_999));
        let least = lost.clone().min().unwrap();
        assert!(
            booked.lost <= least.into(),
            "{seed}: {booked:?}, {least} lost"
        );
        // What was lost before the first report, and behind the last, nobody reports.
        let reported = receivers
            .iter()
            .map(|receiver| receiver.reported[1] - receiver.reported[0]);
        let most = reported.max().unwrap();
        let may = booked.lost + booked.maybe_lost;
        assert!(may >= most.into(), "{seed}: {booked:?}, {most} reported");
    }
}
