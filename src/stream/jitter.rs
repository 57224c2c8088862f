//! Interarrival jitter (RFC 3550 §6.4.1, §A.8) with the right clock.
//!
//! One [`Jitter`] lives in each stream. Nothing is measured until the clock of the payload is known
//! ([`clock`](crate::stream::record::clock)), and only between packets whose timestamps lie as far
//! apart as their numbers, at the pace of the sender: any other step (telephone events, RFC 4733
//! §2.5.1.2; a pause; a spliced source; another codec) is the sender's own, not the network's.

use crate::units::Timestamp;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// An interval or timestamp step beyond this is a pause or a new start, not jitter.
const LONGEST_STEP_NANOS: i64 = 10_000_000_000;

/// A packet that arrives longer than this before the one before it: the capture's clock was set back.
const MOST_BACKWARD_NANOS: i64 = 100_000_000;

/// Fractional bits of a tick.
const TICK_FRACTION: u32 = 16;

/// The jitter estimate of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Jitter {
    /// Nanoseconds of a timestamp unit, times 2^16; none while the clock is not known.
    tick: Option<NonZeroU64>,
    /// The running estimate J in nanoseconds, times 16.
    scaled: u64,
    /// Sum of J over `samples`, nanoseconds.
    sum: u64,
    /// The packet before: arrival (none: the end of time), RTP timestamp and number.
    last: Timestamp,
    last_timestamp: u32,
    /// Largest J, in units of 16 ns: at most 20 s.
    max: u32,
    /// Packets with a J.
    samples: u32,
    last_number: u16,
}

/// No packet came then.
const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

impl Jitter {
    /// With a clock, or without one yet.
    pub fn new(clock: Option<NonZeroU32>) -> Self {
        let mut jitter = Self {
            tick: None,
            scaled: 0,
            sum: 0,
            last: NEVER,
            last_timestamp: 0,
            max: 0,
            samples: 0,
            last_number: 0,
        };
        jitter.set_clock(clock);
        jitter
    }

    /// Gives the clock of the packets that come, in Hz; none: not known.
    pub fn set_clock(&mut self, clock: Option<NonZeroU32>) {
        let ticks = |hz: NonZeroU32| (1_000_000_000_u64 << TICK_FRACTION) / u64::from(hz.get());
        self.tick = clock.map(ticks).and_then(NonZeroU64::new);
    }

    /// What was measured had the wrong clock.
    pub fn forget(&mut self) {
        (self.scaled, self.sum, self.max, self.samples) = (0, 0, 0, 0);
    }

    /// Takes a packet's arrival, RTP timestamp and number; `step`: timestamp units from one number
    /// to the next, 0 while that is not known.
    #[inline]
    pub fn advance(&mut self, arrival: Timestamp, timestamp: u32, number: u16, step: u32) {
        let before = std::mem::replace(&mut self.last, arrival);
        let earlier = std::mem::replace(&mut self.last_timestamp, timestamp);
        let from = std::mem::replace(&mut self.last_number, number);
        let Some(tick) = self.tick.filter(|_| before != NEVER) else {
            return;
        };
        let units = i64::from(timestamp.wrapping_sub(earlier).cast_signed());
        let numbers = i64::from(number.wrapping_sub(from).cast_signed());
        let own = units - numbers * i64::from(step);
        // An eighth of a packet: clocks that are read, rather than counted on.
        if own.unsigned_abs() > u64::from(step / 8) {
            return;
        }
        let received = arrival
            .as_nanos()
            .wrapping_sub(before.as_nanos())
            .cast_signed();
        let possible = -LONGEST_STEP_NANOS..=LONGEST_STEP_NANOS;
        // What does not fit into 64 bits is 39 hours and more.
        let sent = units.checked_mul(tick.get().cast_signed());
        let Some(sent) = sent
            .map(|sent| sent >> TICK_FRACTION)
            .filter(|sent| possible.contains(sent))
        else {
            return;
        };
        if !(-MOST_BACKWARD_NANOS..=LONGEST_STEP_NANOS).contains(&received) {
            return;
        }
        // Each within ten seconds, so J is at most twenty, and 16 times that is small.
        let difference = (received - sent).unsigned_abs();
        // RFC 3550 §A.8: J += (|D| − J) / 16, with J kept times 16 and rounded.
        self.scaled = self.scaled + difference - ((self.scaled + 8) >> 4);
        let now = self.scaled >> 4;
        self.sum = self.sum.saturating_add(now);
        self.max = self.max.max(u32::try_from(now >> 4).unwrap_or(u32::MAX));
        self.samples = self.samples.saturating_add(1);
    }

    /// A new start, or another codec: the next packet has no predecessor.
    pub fn restart(&mut self) {
        self.last = NEVER;
    }

    /// The running estimate, once there is one.
    pub fn current(&self) -> Option<Duration> {
        (self.samples > 0).then(|| Duration::from_nanos(self.scaled >> 4))
    }

    /// The mean of the running estimate over its packets.
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum.checked_div(self.samples.into());
        mean.map(Duration::from_nanos)
    }

    /// The largest running estimate, to 16 ns.
    pub fn max(&self) -> Option<Duration> {
        (self.samples > 0).then(|| Duration::from_nanos(u64::from(self.max) << 4))
    }
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
    fn a_clock_that_is_set_back_is_no_jitter() {
        let mut jitter = Jitter::new(NonZeroU32::new(8000));
        for number in 0_u16..100 {
            let back = if number < 50 { 0.0 } else { 900.0 };
            let arrival = at(5_000.0 + 20.0 * f64::from(number) - back);
            jitter.advance(arrival, 160 * u32::from(number), number, 160);
        }
        assert_eq!(jitter.max(), Some(Duration::ZERO));
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
        for (number, (time, timestamp)) in (65_500..).zip(&packets) {
            jitter.advance(at(*time), *timestamp, low(number), 160);
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
                        jitter.advance(Timestamp::from_nanos(earlier), 0, 0, 0);
                        jitter.advance(Timestamp::from_nanos(time), timestamp, 1, timestamp);
                    }
                }
            }
            assert!(
                jitter.max() <= Some(Duration::from_nanos(2 * LONGEST_STEP_NANOS.unsigned_abs())),
                "{hz}: {jitter:?}"
            );
        }
    }

    #[test]
    fn what_the_sender_does_to_its_timestamps_is_no_jitter() {
        // A leap, a step back, a small splice, a standing clock, a pause: each at number 30.
        for leap in [0x6000_0000, u32::MAX - 5_000, 2_999, u32::MAX - 159, 24_000] {
            let mut jitter = Jitter::new(NonZeroU32::new(8_000));
            for number in 0..60_u16 {
                let leap = if number < 30 { 0 } else { leap };
                let timestamp = (160 * u32::from(number)).wrapping_add(leap);
                jitter.advance(at(f64::from(number) * 20.0), timestamp, number, 160);
            }
            assert_eq!(jitter.max(), Some(Duration::ZERO), "{leap}");
            assert_eq!(jitter.samples, 58, "{leap}");
        }
    }

    #[test]
    fn what_is_lost_or_out_of_order_between_two_packets_hides_no_jitter() {
        let mut jitter = Jitter::new(NonZeroU32::new(8_000));
        for number in [0, 1, 5, 4, 9] {
            let late = if number == 9 { 16.0 } else { 0.0 };
            let time = at(f64::from(number) * 20.0 + late);
            jitter.advance(time, 160 * u32::from(number), number, 160);
        }
        assert_eq!(
            (jitter.samples, jitter.max()),
            (4, Some(Duration::from_millis(1)))
        );
    }

    #[test]
    fn a_new_start_is_not_jitter() {
        let mut jitter = Jitter::new(NonZeroU32::new(8_000));
        jitter.advance(at(0.0), 0, 0, 160);
        jitter.advance(at(20.0), 160, 1, 160);
        jitter.restart();
        jitter.advance(at(60_000.0), 320, 2, 160);
        jitter.advance(at(60_020.0), 480, 3, 160);
        assert_eq!(jitter.max(), Some(Duration::ZERO));
    }

    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^16 is meant")]
    fn low(number: u32) -> u16 {
        number as u16
    }
}
