//! Interarrival jitter (RFC 3550 §6.4.1, §A.8) with the right clock.
//!
//! One [`Jitter`] lives in each stream. Nothing is measured until the clock of the payload is
//! known: from the payload type (RFC 3551 §6), from SDP, or from the stream itself, by comparing
//! its timestamps with their arrival.

use crate::units::Timestamp;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// Clock rates that audio payloads have, in Hz (RFC 3551, RFC 7587, RFC 4867).
const AUDIO_CLOCKS: [u32; 7] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000];

/// A clock is inferred from at least so much of the stream: arrival noise of 20 ms is then 4 %.
const INFER_AFTER: Duration = Duration::from_millis(500);

/// An interval or timestamp step beyond this is a pause or a new start, not jitter.
const LONGEST_STEP: Duration = Duration::from_secs(10);
const LONGEST_STEP_NANOS: i64 = 10_000_000_000;

/// Fractional bits of a tick.
const TICK_FRACTION: u32 = 16;

/// The jitter estimate of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Jitter {
    state: State,
    /// The packet before: arrival (none: the end of time) and RTP timestamp.
    last: Timestamp,
    last_timestamp: u32,
}

/// What is known of the clock, and what that allows to measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No clock yet; where its inference began.
    Inferring { begin: Timestamp, timestamp: u32 },
    /// The clock is known.
    Running {
        /// Nanoseconds of a timestamp unit, times 2^16.
        tick: NonZeroU64,
        /// The running estimate J in nanoseconds, times 16.
        scaled: u64,
        /// Sum of J over `samples`, nanoseconds.
        sum: u64,
        /// Largest J, nanoseconds.
        max: u64,
        /// Packets with a J.
        samples: u64,
    },
}

/// No packet came then.
const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

impl Jitter {
    /// With a clock, or without one yet.
    pub fn new(clock: Option<NonZeroU32>) -> Self {
        let mut jitter = Self {
            state: State::Inferring {
                begin: NEVER,
                timestamp: 0,
            },
            last: NEVER,
            last_timestamp: 0,
        };
        jitter.set_clock(clock);
        jitter
    }

    /// Gives the clock, in Hz; an unknown one leaves things as they are.
    pub fn set_clock(&mut self, clock: Option<NonZeroU32>) {
        let ticks = |hz: NonZeroU32| (1_000_000_000_u64 << TICK_FRACTION) / u64::from(hz.get());
        let Some(known) = clock.map(ticks).and_then(NonZeroU64::new) else {
            return;
        };
        match &mut self.state {
            State::Running { tick, .. } => *tick = known,
            State::Inferring { .. } => {
                self.state = State::Running {
                    tick: known,
                    scaled: 0,
                    sum: 0,
                    max: 0,
                    samples: 0,
                }
            }
        }
    }

    /// Nanoseconds that a number of timestamp units takes; none while the clock is unknown.
    pub fn nanos(&self, units: u32) -> Option<u64> {
        let State::Running { tick, .. } = self.state else {
            return None;
        };
        let nanos = (u128::from(units) * u128::from(tick.get())) >> TICK_FRACTION;
        Some(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Takes a packet's arrival and RTP timestamp.
    #[inline]
    pub fn advance(&mut self, arrival: Timestamp, timestamp: u32) {
        let before = std::mem::replace(&mut self.last, arrival);
        let earlier = std::mem::replace(&mut self.last_timestamp, timestamp);
        let State::Running {
            tick,
            scaled,
            sum,
            max,
            samples,
        } = &mut self.state
        else {
            self.infer(before, arrival, timestamp);
            return;
        };
        if before == NEVER {
            return;
        }
        let units = i128::from(timestamp.wrapping_sub(earlier).cast_signed());
        // 2^31 units of a tick below 2^46: far from what 128 bits hold.
        let sent = (units * i128::from(tick.get())) >> TICK_FRACTION;
        let received = arrival
            .as_nanos()
            .wrapping_sub(before.as_nanos())
            .cast_signed();
        let possible = -LONGEST_STEP_NANOS..=LONGEST_STEP_NANOS;
        let Some(sent) = i64::try_from(sent)
            .ok()
            .filter(|sent| possible.contains(sent))
        else {
            return;
        };
        if !possible.contains(&received) {
            return;
        }
        // Each within ten seconds, so J is at most twenty, and 16 times that is small.
        let difference = (received - sent).unsigned_abs();
        // RFC 3550 §A.8: J += (|D| − J) / 16, with J kept times 16 and rounded.
        *scaled = *scaled + difference - ((*scaled + 8) >> 4);
        let now = *scaled >> 4;
        *sum = sum.saturating_add(now);
        *max = now.max(*max);
        *samples += 1;
    }

    /// A new start: the next packet has no predecessor.
    pub fn restart(&mut self) {
        self.last = NEVER;
    }

    #[cold]
    fn infer(&mut self, before: Timestamp, arrival: Timestamp, timestamp: u32) {
        let State::Inferring {
            begin,
            timestamp: first,
        } = &mut self.state
        else {
            return;
        };
        if before == NEVER {
            (*begin, *first) = (arrival, timestamp);
            return;
        }
        let gone = arrival.since(*begin);
        if gone <= INFER_AFTER {
            return;
        }
        let clock = nearest_clock(timestamp.wrapping_sub(*first), gone);
        // Too long without a plausible clock: begin again rather than average for ever.
        if clock.is_none() && gone > LONGEST_STEP {
            (*begin, *first) = (arrival, timestamp);
        }
        self.set_clock(clock);
    }

    /// The running estimate, once there is one.
    pub fn current(&self) -> Option<Duration> {
        match self.state {
            State::Running {
                scaled, samples, ..
            } if samples > 0 => Some(Duration::from_nanos(scaled >> 4)),
            State::Running { .. } | State::Inferring { .. } => None,
        }
    }

    /// The mean of the running estimate over its packets.
    pub fn mean(&self) -> Option<Duration> {
        match self.state {
            State::Running { sum, samples, .. } => {
                sum.checked_div(samples).map(Duration::from_nanos)
            }
            State::Inferring { .. } => None,
        }
    }

    /// The largest running estimate.
    pub fn max(&self) -> Option<Duration> {
        match self.state {
            State::Running { max, samples, .. } if samples > 0 => Some(Duration::from_nanos(max)),
            State::Running { .. } | State::Inferring { .. } => None,
        }
    }
}

/// The audio clock whose rate is nearest to `units` in `gone`, if any is within 8 %: half the
/// distance between 44.1 and 48 kHz, the two that lie closest, with some slack for the others.
pub fn nearest_clock(units: u32, gone: Duration) -> Option<NonZeroU32> {
    let nanos = u64::try_from(gone.as_nanos()).ok()?;
    let rate = u64::try_from(u128::from(units) * 1_000_000_000 / u128::from(nanos.max(1))).ok()?;
    let clock = AUDIO_CLOCKS
        .into_iter()
        .min_by_key(|hz| rate.abs_diff(u64::from(*hz)))?;
    let near = rate.abs_diff(u64::from(clock)) * 100 <= u64::from(clock) * 8;
    near.then_some(clock).and_then(NonZeroU32::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: f64) -> Timestamp {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        Timestamp::from_nanos(1_000_000_000_000 + (millis * 1e6) as u64)
    }

    /// RFC 3550 A.8 in floating point, as it stands there.
    fn model(clock: f64, packets: &[(f64, u32)]) -> Vec<f64> {
        let (mut j, mut out) = (0.0, Vec::new());
        for pair in packets.windows(2) {
            let sent = f64::from(pair[1].1.wrapping_sub(pair[0].1).cast_signed()) / clock * 1e3;
            j += ((pair[1].0 - pair[0].0 - sent).abs() - j) / 16.0;
            out.push(j);
        }
        out
    }

    #[test]
    fn agrees_with_the_formula_of_the_rfc() {
        let mut noise = 12_345_u64;
        let mut packets = Vec::new();
        for index in 0..500_u32 {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let late = f64::from(u32::try_from(noise >> 40).unwrap()) / f64::from(1 << 24) * 15.0;
            packets.push((f64::from(index) * 20.0 + late, 160 * index));
        }
        let mut jitter = Jitter::new(NonZeroU32::new(8_000));
        for (time, timestamp) in &packets {
            jitter.advance(at(*time), *timestamp);
        }
        let all = model(8_000.0, &packets);
        let mean = all.iter().sum::<f64>() / 499.0;
        let max = all.iter().copied().fold(0.0, f64::max);
        let close = |ours: Option<Duration>, theirs: f64| {
            (ours.unwrap().as_secs_f64() * 1e3 - theirs).abs() < 0.001
        };
        assert!(close(jitter.mean(), mean) && close(jitter.max(), max));
        assert!(close(jitter.current(), *all.last().unwrap()));
    }

    #[test]
    fn a_clock_is_inferred_from_the_stream_itself() {
        for clock in AUDIO_CLOCKS {
            let mut jitter = Jitter::new(None);
            for index in 0..100_u32 {
                jitter.advance(at(f64::from(index) * 20.0), index * clock / 50);
            }
            assert_eq!(
                jitter.nanos(clock).map(|nanos| nanos.div_ceil(1_000_000)),
                Some(1_000)
            );
            let max = jitter.max().unwrap();
            assert!(max < Duration::from_micros(20), "{clock}: {jitter:?}");
            let State::Running { samples, .. } = jitter.state else {
                panic!("{clock}: {jitter:?}");
            };
            assert!(samples > 50, "{clock}: {samples}");
        }
        assert_eq!(
            nearest_clock(90_000, Duration::from_secs(1)),
            None,
            "video's clock"
        );
    }

    #[test]
    fn no_pair_of_packets_and_no_clock_overflows() {
        let edges = [
            0,
            1,
            0x6000_0000,
            i32::MAX.cast_unsigned(),
            1 << 31,
            u32::MAX,
        ];
        let times = [0, 1, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX - 1];
        for hz in [1, 7, 8_000, u32::MAX] {
            let mut jitter = Jitter::new(NonZeroU32::new(hz));
            for time in times {
                for earlier in times {
                    for timestamp in edges {
                        jitter.advance(Timestamp::from_nanos(earlier), 0);
                        jitter.advance(Timestamp::from_nanos(time), timestamp);
                    }
                }
            }
            assert!(jitter.max() <= Some(2 * LONGEST_STEP), "{hz}: {jitter:?}");
        }
    }

    #[test]
    fn a_timestamp_that_leaps_is_no_jitter() {
        let mut jitter = Jitter::new(NonZeroU32::new(8_000));
        for index in 0..60 {
            let leap = if index < 30 { 0 } else { 0x6000_0000 };
            jitter.advance(at(f64::from(index) * 20.0), 160 * index + leap);
        }
        assert_eq!(jitter.max(), Some(Duration::ZERO));
    }

    #[test]
    fn silence_is_not_jitter_and_neither_is_a_new_start() {
        let mut jitter = Jitter::new(NonZeroU32::new(8_000));
        jitter.advance(at(0.0), 0);
        jitter.advance(at(20.0), 160);
        jitter.advance(at(4_020.0), 160 + 32_000);
        jitter.advance(at(60_000.0), 77);
        jitter.advance(at(60_020.0), 77 + 160);
        assert_eq!(jitter.max(), Some(Duration::ZERO));
    }
}
