//! The clock and the pace of a stream, for each of its payload types: a packet's timestamp runs at
//! the clock of its own type (RFC 3550 §5.1), and one SSRC may have several.
//!
//! A [`PayloadType`] and a [`Pace`] live in each stream; neither allocates.

use crate::units::Timestamp;
use std::num::NonZeroU32;
use std::time::Duration;

/// Clock rates that audio payloads have, in Hz (RFC 3551, RFC 7587, RFC 4867).
pub(in crate::stream) const AUDIO_CLOCKS: [u32; 9] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
];

/// A clock is measured over at least so much of the stream: arrival noise of 20 ms is then 4 %.
const MEASURE_AFTER: Duration = Duration::from_millis(500);

/// And over no more than this, so that a clock that has changed is seen.
const MEASURE_UNTIL: Duration = Duration::from_secs(10);

/// Numbers between two looks at clock and pace.
pub(super) const LOOK: u64 = 16;

/// Packets that a step of the timestamp has to be less frequent by before another is the usual one:
/// 1.3 s of 20 ms.
const VOTES: u8 = 64;

/// Edges of the buckets of usual intervals, in microseconds: half octaves, so that packet times of
/// 2.5, 5, 10, 20, 30, 40 and 60 ms lie inside of one and not at its edge.
const EDGES: [u32; 15] = [
    2_100, 2_970, 4_200, 5_950, 8_410, 11_900, 16_800, 23_800, 33_600, 47_600, 67_300, 95_100,
    134_500, 190_200, 269_000,
];

/// The shortest time between two packets (RFC 6716 §2.1.4).
pub(in crate::stream) const SHORTEST_INTERVAL: Duration = Duration::from_micros(2_500);

/// Assumed between packets until they have shown it: RFC 3551 §4.2's default.
pub(super) const DEFAULT_INTERVAL: Duration = Duration::from_millis(20);

/// What is known of the packets of one payload type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct PayloadType {
    /// So many of them.
    pub(super) packets: u32,
    /// The most frequent step of the timestamp from one number to the next; 0: none yet.
    pub(super) step: u32,
    /// On the wire.
    pub(super) number: u8,
    /// How much more frequent that step is than others, lately.
    votes: u8,
    /// Places in [`AUDIO_CLOCKS`], from 1: what was measured, and what was measured last.
    measured: u8,
    candidate: u8,
}

impl PayloadType {
    /// Of a type that has no packet yet.
    pub(super) const fn new(number: u8) -> Self {
        Self {
            packets: 0,
            step: 0,
            number,
            votes: 0,
            measured: 0,
            candidate: 0,
        }
    }

    /// The usual step was seen again.
    #[inline]
    pub(super) fn confirm_step(&mut self) {
        self.votes += u8::from(self.votes < VOTES);
    }

    /// The timestamp went on by so many units over so many numbers.
    pub(super) fn note_step(&mut self, units: u32, numbers: u64) {
        let numbers = u32::try_from(numbers).unwrap_or(u32::MAX);
        // Events stand still, and a spliced source may step back: no pace.
        if units == 0 || units > i32::MAX.cast_unsigned() || !units.is_multiple_of(numbers) {
            return;
        }
        let step = units / numbers;
        if step == self.step {
            self.confirm_step();
        } else if self.votes <= 1 {
            (self.step, self.votes) = (step, 1);
        } else {
            self.votes -= 1;
        }
    }

    /// The clock that its packets have shown.
    pub(super) fn measured(&self) -> Option<NonZeroU32> {
        clock_at(self.measured)
    }

    /// The clock that was measured last, once or more often.
    pub(super) fn measured_last(&self) -> Option<NonZeroU32> {
        clock_at(self.candidate)
    }

    /// What was measured last is another clock than the one that is known.
    fn is_in_doubt(&self) -> bool {
        self.candidate != self.measured
    }

    /// Its packets went on by so many units in so much time; whether their clock is now known
    /// otherwise: two measurements have to say the same, each from its own beginning on, for arrival may have
    /// jumped within one (a clock was set).
    fn measure(&mut self, units: u32, gone: Duration) -> bool {
        let Some(place) = nearest_clock(units, gone) else {
            return false;
        };
        let before = std::mem::replace(&mut self.candidate, place);
        let is_new = self.measured != place && before == place;
        if is_new {
            self.measured = place;
        }
        is_new
    }
}

/// What looks at every 16th number tell of clock and pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    /// Between two looks: arrival distance ÷ number distance, by bucket; all are halved when one is
    /// full.
    intervals: [u8; EDGES.len() + 1],
    /// The look before: arrival, and number modulo 2^32.
    time: Timestamp,
    number: u32,
    /// Where the measurement of the clock began: arrival (none: the end of time) and timestamp.
    anchor: Timestamp,
    anchor_timestamp: u32,
}

/// No packet came then.
const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

impl Pace {
    /// Nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            intervals: [0; EDGES.len() + 1],
            time: NEVER,
            number: 0,
            anchor: NEVER,
            anchor_timestamp: 0,
        }
    }

    /// The timestamp does not go on from where it was: another type, a splice, an event.
    pub(super) fn break_clock(&mut self) {
        self.anchor = NEVER;
    }

    /// Numbers do not go on from where they were.
    pub(super) fn restart(&mut self) {
        (self.time, self.anchor) = (NEVER, NEVER);
    }

    /// Looks at the newest packet of a type, which may tell more of its clock.
    pub(super) fn look(
        &mut self,
        (time, timestamp): (Timestamp, u32),
        number: u64,
        of: &mut PayloadType,
    ) {
        let before = std::mem::replace(&mut self.time, time);
        let number = low(number);
        let numbers = number.wrapping_sub(std::mem::replace(&mut self.number, number));
        if before != NEVER && numbers > 0 {
            self.note_interval(time.since(before) / numbers);
        }
        let gone = time.since(self.anchor);
        if self.anchor == NEVER {
            (self.anchor, self.anchor_timestamp) = (time, timestamp);
            return;
        }
        if gone < MEASURE_AFTER {
            return;
        }
        let is_new = of.measure(timestamp.wrapping_sub(self.anchor_timestamp), gone);
        // Whether something else is true is measured anew: arrival may have jumped (a clock was set).
        if gone > MEASURE_UNTIL || is_new || of.is_in_doubt() {
            (self.anchor, self.anchor_timestamp) = (time, timestamp);
        }
    }

    fn note_interval(&mut self, interval: Duration) {
        let micros = u32::try_from(nanos(interval) / 1_000).unwrap_or(u32::MAX);
        let bucket = EDGES.partition_point(|edge| *edge <= micros);
        if let Some(count) = self.intervals.get_mut(bucket) {
            *count += 1;
            if *count == u8::MAX {
                self.intervals.iter_mut().for_each(|count| *count /= 2);
            }
        }
    }

    /// The shortest usual interval: the lower edge of the 5th percentile's bucket; none before the
    /// second look.
    pub(super) fn shortest(&self) -> Option<Duration> {
        let all: u32 = self.intervals.iter().map(|count| u32::from(*count)).sum();
        let mut below = 0;
        let bucket = self.intervals.iter().position(|count| {
            below += u32::from(*count);
            below * 20 > all
        })?;
        let edge = bucket.checked_sub(1).and_then(|edge| EDGES.get(edge));
        Some(edge.map_or(SHORTEST_INTERVAL, |edge| {
            Duration::from_micros((*edge).into())
        }))
    }
}

/// The audio clock at a place in the table, from 1.
fn clock_at(place: u8) -> Option<NonZeroU32> {
    let place = usize::from(place).checked_sub(1)?;
    let clock = AUDIO_CLOCKS.get(place)?;
    NonZeroU32::new(*clock)
}

/// The audio clock whose rate is nearest to `units` in `gone`, if any is within 10 %: its place in the
/// table, from 1.
fn nearest_clock(units: u32, gone: Duration) -> Option<u8> {
    // 2^32 × 10^9 is below 2^62.
    let rate = u64::from(units) * 1_000_000_000 / nanos(gone).max(1);
    let off = |clock: u32| rate.abs_diff(clock.into());
    let (place, clock) = (1_u8..).zip(AUDIO_CLOCKS).min_by_key(|(_, hz)| off(*hz))?;
    (off(clock) <= u64::from(clock) / 10).then_some(place)
}

/// Nanoseconds of a time between packets.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether timestamps that went on by `units` in `gone` may have an audio clock.
pub(super) fn is_some_clock(units: u32, gone: Duration) -> bool {
    nearest_clock(units, gone).is_some()
}

/// How far a sender's clock may be from ours over a time, beside a tenth of it: jitter, and the packet time
/// of both ends.
const SLACK: Duration = Duration::from_millis(200);

/// How much another time may differ from one and still be the same.
pub(in crate::stream) fn tolerance(of: Duration) -> Duration {
    of / 10 + SLACK
}

/// Whether a time is the same as another one, as far as two clocks can tell.
pub(in crate::stream) fn agrees(time: Duration, with: Duration) -> bool {
    time.abs_diff(with) <= tolerance(with)
}

/// How long a clock takes for so many units.
pub(in crate::stream) fn sent(units: u32, clock: NonZeroU32) -> Duration {
    let nanos = u64::from(units) * 1_000_000_000 / u64::from(clock.get());
    Duration::from_nanos(nanos)
}

/// A number modulo 2^32.
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
pub(super) const fn low(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000)
    }

    #[test]
    fn a_clock_is_measured_from_the_stream_itself() {
        for clock in AUDIO_CLOCKS {
            let (mut pace, mut of) = (Pace::new(), PayloadType::new(96));
            for look in 0..5_u32 {
                assert_eq!(of.measured(), None, "one measurement is none");
                let units = clock * 32 / 100 * look;
                pace.look(
                    (at(u64::from(look) * 320), units),
                    u64::from(look) * 16,
                    &mut of,
                );
            }
            assert_eq!(of.measured(), NonZeroU32::new(clock));
        }
        assert_eq!(nearest_clock(90_000, Duration::from_secs(1)), None, "video");
    }

    #[test]
    fn a_clock_is_known_and_changes_when_it_is_measured_twice() {
        let mut of = PayloadType::new(96);
        let second = Duration::from_secs(1);
        assert!(!of.measure(48_000, second) && of.measure(48_000, second));
        assert!(!of.measure(8_000, second) && !of.measure(48_000, second));
        assert_eq!(of.measured(), NonZeroU32::new(48_000));
        assert!(!of.measure(8_000, second) && of.measure(8_100, second));
        assert_eq!(of.measured(), NonZeroU32::new(8_000));
    }

    #[test]
    fn the_usual_step_is_the_most_frequent_and_not_the_last() {
        let mut of = PayloadType::new(8);
        for _ in 0..30 {
            of.note_step(160, 1);
        }
        for (units, numbers) in [
            (24_000, 1),
            (0, 1),
            (1_600, 10),
            (u32::MAX - 5, 1),
            (161, 7),
        ] {
            of.note_step(units, numbers);
            assert_eq!(of.step, 160);
        }
        for _ in 0..100 {
            of.note_step(240, 1);
        }
        assert_eq!(of.step, 240);
    }

    #[test]
    fn the_shortest_usual_interval_is_one_that_is_usual() {
        let mut pace = Pace::new();
        assert_eq!(pace.shortest(), None);
        let mut time = 0;
        for look in 0..1_000_u64 {
            // Of a hundred stretches one is twice as fast.
            time += if look % 100 == 0 { 160 } else { 320 };
            pace.look((at(time), 0), 16 * look, &mut PayloadType::new(8));
        }
        assert_eq!(pace.shortest(), Some(Duration::from_micros(16_800)));
    }
}
