//! What a jump of the numbers is: loss, or what may be loss, or a new numbering.
//!
//! Pure: a [`Gap`] holds what is known of the two packets around it, and of their stream.

use crate::stream::booking::{Certainty, LossReason};
use crate::stream::record::clock::{SHORTEST_INTERVAL, agrees, is_some_clock, sent, tolerance};
use crate::stream::sequence::Jump;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Steps of the timestamp that audio may have: from 2.5 ms of 8 kHz to 120 ms of 48 kHz (RFC 7587 §4.2).
const STEPS: RangeInclusive<u32> = 20..=5_760;

/// The packet with the highest number before, and one that lies ahead of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// Between their arrivals.
    pub(super) gone: Duration,
    /// How long after its timestamp the earlier one was sent.
    pub(super) stood: Duration,
    /// Between their timestamps, modulo 2^32.
    pub(super) units: u32,
    /// The usual steps of their payload types; 0: not known.
    pub(super) steps: [u32; 2],
    /// The clocks of their payload types, assigned or measured.
    pub(super) clocks: [Option<NonZeroU32>; 2],
    /// The one that is announced: it may explain a jump, and never keeps another from doing so.
    pub(super) announced: Option<NonZeroU32>,
    /// The shortest time from one packet to the next that the sender usually has.
    pub(super) shortest: Duration,
}

impl Gap {
    /// What is said of so many numbers, fewer than the reorder window has, that were skipped.
    pub(super) fn certainty(&self, skipped: u64) -> Certainty {
        let is_backward = self.units > i32::MAX.cast_unsigned();
        let room = |step: u32| {
            let wanted = u64::from(step) * (skipped + 1);
            step > 0 && !is_backward && u64::from(self.units) + u64::from(step / 2) >= wanted
        };
        let in_time = times(self.shortest, skipped) <= self.gone.as_nanos();
        if in_time || self.steps.into_iter().any(room) {
            Certainty::Lost
        } else {
            Certainty::MaybeLost(LossReason::NoRoom)
        }
    }

    /// What a jump beyond the reorder window is; `forward` modulo 2^16. An outage is one whose clock
    /// has run on through it, if so many can have been sent in that time.
    pub(super) fn explain(&self, forward: u16) -> Jump {
        if forward >= 1 << 15 && self.is_behind(forward) {
            return Jump::Old;
        }
        if !self.clock_ran_on() {
            return Jump::Unexplained;
        }
        let distances = [self.completed(forward), Some(forward.into())];
        let mut distances = distances.into_iter().flatten();
        let outage = distances.find(|distance| self.could_send(*distance - 1));
        outage.map_or(Jump::Unexplained, Jump::Forward)
    }

    /// Whether numbers and timestamps ran on together, whatever the time between arrivals: the sender
    /// was held up. At a usual step, or exactly at another one that audio may have.
    pub(super) fn runs_together(&self, forward: u16) -> bool {
        let slack = u64::from(forward) / 10 + 10;
        let near = |step: u32| {
            let packets = u64::from(self.units).checked_div(step.into());
            packets.is_some_and(|packets| packets.abs_diff(forward.into()) <= slack)
        };
        let numbers = u32::from(forward);
        let is_exact = numbers > 0 && self.units.is_multiple_of(numbers);
        let is_step = is_exact && STEPS.contains(&(self.units / numbers));
        forward < 1 << 15 && (is_step || self.steps.into_iter().any(near))
    }

    /// Whether the clock has run on and so many can have been sent, though not at the sender's usual pace: it
    /// may have gone on with shorter packets.
    pub(super) fn may_run_on(&self, forward: u16) -> bool {
        let most = self.gone + tolerance(self.gone);
        let numbers = forward.wrapping_sub(1).into();
        let is_possible = times(SHORTEST_INTERVAL, numbers) <= most.as_nanos();
        forward < 1 << 15 && is_possible && self.clock_ran_on()
    }

    /// Whether the timestamp is as far behind as the number.
    fn is_behind(&self, forward: u16) -> bool {
        let units = i64::from(self.units.cast_signed());
        let numbers = i64::from(forward.wrapping_neg());
        let behind = |step: u32| {
            let step = i64::from(step);
            step > 0 && (units + numbers * step).abs() <= 8 * step
        };
        self.steps.into_iter().any(behind)
    }

    /// Whether the time between arrivals is that between timestamps. A clock that is not known yet
    /// may be any that audio has.
    fn clock_ran_on(&self) -> bool {
        let is_known = !self.clocks.contains(&None);
        let announced = self.announced.filter(|_| !is_known);
        let mut clocks = self.clocks.into_iter().chain([announced]).flatten();
        let since = self.gone + self.stood;
        clocks.any(|clock| {
            let sent = sent(self.units, clock);
            agrees(sent, self.gone) || agrees(sent, since)
        }) || (!is_known && is_some_clock(self.units, self.gone))
    }

    /// The numbers that went on beyond 16 bits, if the timestamp says exactly that: there is no other
    /// witness (RFC 3550 §A.1 counts cycles of the numbers that come).
    fn completed(&self, forward: u16) -> Option<u64> {
        let exact = |step: u32| {
            let (units, step) = (u64::from(self.units), u64::from(step));
            let packets = (units + step / 2).checked_div(step)?;
            let fits = packets > u64::from(u16::MAX) && packets & 0xffff == u64::from(forward);
            (fits && units.abs_diff(packets * step) <= step / 100).then_some(packets)
        };
        self.steps.into_iter().find_map(exact)
    }

    fn could_send(&self, numbers: u64) -> bool {
        let most = self.gone + tolerance(self.gone);
        times(self.shortest, numbers) <= most.as_nanos()
    }
}

fn times(interval: Duration, numbers: u64) -> u128 {
    interval.as_nanos().saturating_mul(numbers.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(millis: u64, units: u32) -> Gap {
        Gap {
            gone: Duration::from_millis(millis),
            stood: Duration::ZERO,
            units,
            steps: [160, 0],
            clocks: [NonZeroU32::new(8_000); 2],
            announced: NonZeroU32::new(1),
            shortest: Duration::from_micros(16_800),
        }
    }

    #[test]
    fn a_jump_is_loss_where_the_clock_has_run_on_and_so_many_can_have_been_sent() {
        let cases = [
            ("an outage", gap(10_000, 80_000), 500, Jump::Forward(500)),
            (
                "a pause and a loss",
                gap(10_000, 80_000),
                100,
                Jump::Forward(100),
            ),
            (
                "over a wrap",
                gap(1_400_000, 11_200_000),
                4_464,
                Jump::Forward(70_000),
            ),
            (
                "beyond half a cycle",
                gap(800_000, 6_400_000),
                40_000,
                Jump::Forward(40_000),
            ),
            (
                "long pauses",
                gap(1_300_000, 10_400_000),
                100,
                Jump::Forward(100),
            ),
            (
                "more than can be sent",
                gap(10_000, 80_000),
                900,
                Jump::Unexplained,
            ),
            (
                "a clock that stood still",
                gap(10_000, 160),
                500,
                Jump::Unexplained,
            ),
            (
                "a stalled sender",
                gap(30_000, 80_000),
                500,
                Jump::Unexplained,
            ),
            ("of long ago", gap(20, u32::MAX - 15_999), 65_436, Jump::Old),
            ("anew", gap(20, 77_777_777), 30_000, Jump::Unexplained),
        ];
        for (name, gap, forward, jump) in cases {
            assert_eq!(gap.explain(forward), jump, "{name}");
        }
    }

    #[test]
    fn a_clock_that_stood_still_for_an_event_has_run_on_all_the_same() {
        // 2 s of an event, then 3 s that are lost.
        let after = Gap {
            clocks: [NonZeroU32::new(8_000), None],
            steps: [160, 0],
            ..gap(3_020, 40_160)
        };
        assert_eq!(after.explain(151), Jump::Unexplained);
        let stood = Duration::from_secs(2);
        assert_eq!(Gap { stood, ..after }.explain(151), Jump::Forward(151));
        let other = Gap {
            units: 3_000_000,
            stood,
            ..after
        };
        assert_eq!(other.explain(151), Jump::Unexplained);
    }

    #[test]
    fn a_stalled_sender_is_told_by_numbers_and_timestamps_that_run_together() {
        assert!(gap(30_000, 80_000).runs_together(500));
        assert!(!gap(30_000, 160).runs_together(500));
        assert!(!gap(30_000, 240_001).runs_together(500));
        assert!(
            gap(30_000, 240_000).runs_together(500),
            "of packets of 60 ms"
        );
        assert!(!gap(30_000, 6_000_000).runs_together(500), "of 1.5 s");
    }

    #[test]
    fn a_sender_that_goes_on_faster_may_have_sent_what_its_pace_left_no_room_for() {
        // 10 s of 10 ms where 20 ms were usual.
        let faster = gap(10_000, 80_001);
        assert_eq!(faster.explain(1_000), Jump::Unexplained);
        assert!(faster.may_run_on(1_000) && !faster.runs_together(1_000));
        assert!(!faster.may_run_on(5_000), "more than anybody sends");
        assert!(
            !gap(10_000, 160).may_run_on(1_000),
            "a clock that stood still"
        );
        assert!(!faster.may_run_on(65_000), "behind");
    }

    #[test]
    fn a_small_jump_is_loss_where_timestamp_or_arrival_leaves_room() {
        let maybe = Certainty::MaybeLost(LossReason::NoRoom);
        let cases = [
            ("both", gap(120, 960), 5, Certainty::Lost),
            ("bunched behind a queue", gap(1, 960), 5, Certainty::Lost),
            ("a clock that stands still", gap(120, 0), 5, Certainty::Lost),
            ("neither", gap(20, 160), 5, maybe),
            (
                "neither, and the clock goes back",
                gap(20, u32::MAX - 5_000),
                5,
                maybe,
            ),
        ];
        for (name, gap, skipped, certainty) in cases {
            assert_eq!(gap.certainty(skipped), certainty, "{name}");
        }
    }

    #[test]
    fn a_clock_that_is_not_known_may_be_any_that_audio_has() {
        for clock in [8_000, 16_000, 48_000] {
            let gap = Gap {
                clocks: [None; 2],
                steps: [clock / 50; 2],
                ..gap(5_000, clock * 5)
            };
            assert_eq!(gap.explain(250), Jump::Forward(250), "{clock}");
        }
        let gap = Gap {
            clocks: [None; 2],
            ..gap(5_000, 5_000_000)
        };
        assert_eq!(gap.explain(250), Jump::Unexplained);
    }
}
