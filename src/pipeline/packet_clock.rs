//! Boundaries of seconds, from the times of packets, or from idle events of a live queue without
//! packets.
//!
//! One [`PacketClock`] per worker. Every worker of a replay sees the frames at which a second may close,
//! so all close it at the same position of the capture.

use crate::units::{Second, Timestamp};
use std::time::Duration;

/// How long a second stays open after its end: frames of one capture are rarely more out of order
/// (several queues, several capture points).
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// A step back beyond this means that the clock was set; up to this, frames are out of order.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// A boundary between seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boundary {
    /// The first second starts.
    Opened(Second),
    /// All seconds up to and including this one are closed.
    Closed(Second),
    /// Packet time stepped back into this second.
    Stepped(Second),
    /// The source ended; this second is the last.
    Ended(Second),
}

/// The packet time of one queue.
#[derive(Clone, Debug, Default)]
pub struct PacketClock {
    newest: Timestamp,
    /// The first open second; `None` before the first frame.
    open: Option<Second>,
    /// Up to this time a frame is in the second of `newest`, and no second closes. Saves a division per
    /// frame.
    until: Timestamp,
}

impl PacketClock {
    /// Advances to the time of a frame, if it is in order, in the second of the newest frame, and no
    /// boundary lies between. Otherwise changes nothing and returns `false`.
    #[inline]
    pub fn try_advance(&mut self, time: Timestamp) -> bool {
        let advances = time >= self.newest && time < self.until;
        if advances {
            self.newest = time;
        }
        advances
    }

    /// Advances to the time of a frame. Returns the boundary before it, if any.
    #[inline]
    pub fn on_frame(&mut self, time: Timestamp) -> Option<Boundary> {
        if self.try_advance(time) {
            return None;
        }
        let second = time.second();
        match self.open {
            None => {
                self.open_from(second, time);
                Some(Boundary::Opened(second))
            }
            Some(_) if time.plus(CLOCK_STEP) < self.newest => {
                self.open_from(second, time);
                Some(Boundary::Stepped(second))
            }
            Some(open) => self.advance(open, time, time.minus(GRACE)),
        }
    }

    /// Advances to a time before which no further frame comes. Returns the boundary, if any.
    pub fn on_idle(&mut self, time: Timestamp) -> Option<Boundary> {
        match self.open {
            None => self.on_frame(time),
            Some(_) if time.plus(CLOCK_STEP) < self.newest => self.on_frame(time),
            // An idle source has no frames in flight, so there is no grace time.
            Some(open) => self.advance(open, time, time),
        }
    }

    /// Ends packet time. Returns the boundary, if there was a frame.
    pub fn on_end(&mut self) -> Option<Boundary> {
        self.until = Timestamp::default();
        self.open
            .take()
            .map(|_| Boundary::Ended(self.newest.second()))
    }

    /// Sets the first open second and the time of the newest frame.
    fn open_from(&mut self, second: Second, newest: Timestamp) {
        (self.open, self.newest) = (Some(second), newest);
        self.until = newest.second().end().min(second.end().plus(GRACE));
    }

    /// Advances to `time`, if it is later, and closes every second that ends at `closed` or before.
    fn advance(&mut self, open: Second, time: Timestamp, closed: Timestamp) -> Option<Boundary> {
        let first = closed.second().max(open);
        self.open_from(first, self.newest.max(time));
        (first > open).then(|| Boundary::Closed(first.previous()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_second_closes_100_ms_of_packet_time_after_its_end() {
        let mut packet_clock = PacketClock::default();
        assert_eq!(
            packet_clock.on_frame(at(5_500)),
            Some(Boundary::Opened(Second(5)))
        );
        assert_eq!(packet_clock.on_frame(at(6_099)), None);
        assert_eq!(
            packet_clock.on_frame(at(5_900)),
            None,
            "disorder is not a step"
        );
        assert_eq!(
            packet_clock.on_frame(at(6_100)),
            Some(Boundary::Closed(Second(5)))
        );
        assert_eq!(packet_clock.on_frame(at(6_100)), None);
        assert_eq!(
            packet_clock.on_frame(at(99_050)),
            Some(Boundary::Closed(Second(97))),
            "idle time"
        );
        assert_eq!(packet_clock.on_end(), Some(Boundary::Ended(Second(99))));
        assert_eq!(packet_clock.on_end(), None);
    }

    #[test]
    fn time_advances_without_a_boundary_only_in_order_and_within_a_second() {
        let mut packet_clock = PacketClock::default();
        assert!(!packet_clock.try_advance(at(5_500)), "no second is open");
        packet_clock.on_frame(at(5_500));
        assert!(packet_clock.try_advance(at(5_500)) && packet_clock.try_advance(at(5_999)));
        assert!(!packet_clock.try_advance(at(5_998)), "older");
        assert!(!packet_clock.try_advance(at(6_000)), "of another second");
        assert_eq!(packet_clock.on_frame(at(6_000)), None);
        assert!(packet_clock.try_advance(at(6_099)));
        assert!(!packet_clock.try_advance(at(6_100)), "a second closes");
        packet_clock.on_frame(at(6_100));
        assert!(packet_clock.try_advance(at(6_999)) && !packet_clock.try_advance(at(7_000)));
    }

    #[test]
    fn more_than_a_second_back_is_a_clock_step() {
        let mut packet_clock = PacketClock::default();
        packet_clock.on_frame(at(50_000));
        assert_eq!(packet_clock.on_frame(at(49_000)), None);
        assert_eq!(
            packet_clock.on_frame(at(48_999)),
            Some(Boundary::Stepped(Second(48)))
        );
        assert_eq!(
            packet_clock.on_frame(at(50_200)),
            Some(Boundary::Closed(Second(49))),
            "and continues from there"
        );
    }

    #[test]
    fn an_idle_queue_opens_and_closes_seconds_by_its_idle_events() {
        let mut packet_clock = PacketClock::default();
        assert_eq!(
            packet_clock.on_idle(at(5_500)),
            Some(Boundary::Opened(Second(5)))
        );
        assert_eq!(packet_clock.on_idle(at(5_999)), None);
        assert_eq!(
            packet_clock.on_idle(at(6_000)),
            Some(Boundary::Closed(Second(5)))
        );
        assert_eq!(
            packet_clock.on_idle(at(4_000)),
            Some(Boundary::Stepped(Second(4)))
        );
    }
}
