//! When seconds end, told by the packets (and, on a live queue that has none, by the tick of its
//! source).
//!
//! One [`PacketClock`] per worker. The workers of a replay all see the frames at which a second may close, so
//! that each closes it at the same place of the capture.

use crate::units::{Second, Timestamp};
use std::time::Duration;

/// A second stays open so long after its end: frames of one capture are that much out of order
/// (several queues, several capture points) and hardly more.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// A jump back beyond this is a clock that was set, not disorder.
const STEP: Duration = Duration::from_secs(1);

/// A boundary between seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boundary {
    /// The first second begins.
    Opened(Second),
    /// All seconds up to and with this one are over.
    Closed(Second),
    /// Packet time has jumped back into this second.
    Stepped(Second),
    /// Nothing more will come; this second is the last.
    Ended(Second),
}

/// Packet time as one queue sees it.
#[derive(Clone, Debug, Default)]
pub struct PacketClock {
    newest: Timestamp,
    /// The first second that is still open; none before the first frame.
    open: Option<Second>,
    /// Until then the next frame is of the second of `newest`, and none closes: it costs no division.
    until: Timestamp,
}

impl PacketClock {
    /// Whether a frame is of the same second as the newest one and not older, and nothing lies between
    /// them; if so it has been noted.
    #[inline]
    pub fn follows(&mut self, time: Timestamp) -> bool {
        let follows = time >= self.newest && time < self.until;
        if follows {
            self.newest = time;
        }
        follows
    }

    /// The time of the next frame: what boundary lies before it, if any.
    #[inline]
    pub fn frame(&mut self, time: Timestamp) -> Option<Boundary> {
        if self.follows(time) {
            return None;
        }
        let second = time.second();
        match self.open {
            None => {
                self.open_at(second, time);
                Some(Boundary::Opened(second))
            }
            Some(_) if time.plus(STEP) < self.newest => {
                self.open_at(second, time);
                Some(Boundary::Stepped(second))
            }
            Some(open) => self.reach(open, time, time.minus(GRACE)),
        }
    }

    /// Nothing from before this moment will come any more.
    pub fn idle(&mut self, time: Timestamp) -> Option<Boundary> {
        match self.open {
            None => self.frame(time),
            Some(_) if time.plus(STEP) < self.newest => self.frame(time),
            // What is idle has nothing in flight: no grace.
            Some(open) => self.reach(open, time, time),
        }
    }

    /// Nothing more will come at all.
    pub fn end(&mut self) -> Option<Boundary> {
        self.until = Timestamp::default();
        self.open
            .take()
            .map(|_| Boundary::Ended(self.newest.second()))
    }

    /// This second is the first that is open, and the newest frame came then.
    fn open_at(&mut self, second: Second, newest: Timestamp) {
        (self.open, self.newest) = (Some(second), newest);
        self.until = newest.second().end().min(second.end().plus(GRACE));
    }

    /// Time has gone on to this moment, unless it is an earlier one; every second that is `over` by
    /// then closes.
    fn reach(&mut self, open: Second, time: Timestamp, over: Timestamp) -> Option<Boundary> {
        let first = over.second().max(open);
        self.open_at(first, self.newest.max(time));
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
            packet_clock.frame(at(5_500)),
            Some(Boundary::Opened(Second(5)))
        );
        assert_eq!(packet_clock.frame(at(6_099)), None);
        assert_eq!(
            packet_clock.frame(at(5_900)),
            None,
            "disorder is not a step"
        );
        assert_eq!(
            packet_clock.frame(at(6_100)),
            Some(Boundary::Closed(Second(5)))
        );
        assert_eq!(packet_clock.frame(at(6_100)), None);
        assert_eq!(
            packet_clock.frame(at(99_050)),
            Some(Boundary::Closed(Second(97))),
            "idle time"
        );
        assert_eq!(packet_clock.end(), Some(Boundary::Ended(Second(99))));
        assert_eq!(packet_clock.end(), None);
    }

    #[test]
    fn a_frame_follows_within_the_second_of_the_newest_where_none_closes() {
        let mut packet_clock = PacketClock::default();
        assert!(!packet_clock.follows(at(5_500)), "nothing is open");
        packet_clock.frame(at(5_500));
        assert!(packet_clock.follows(at(5_500)) && packet_clock.follows(at(5_999)));
        assert!(!packet_clock.follows(at(5_998)), "older");
        assert!(!packet_clock.follows(at(6_000)), "of another second");
        assert_eq!(packet_clock.frame(at(6_000)), None);
        assert!(packet_clock.follows(at(6_099)));
        assert!(!packet_clock.follows(at(6_100)), "a second closes");
        packet_clock.frame(at(6_100));
        assert!(packet_clock.follows(at(6_999)) && !packet_clock.follows(at(7_000)));
    }

    #[test]
    fn more_than_a_second_back_is_a_clock_that_was_set() {
        let mut packet_clock = PacketClock::default();
        packet_clock.frame(at(50_000));
        assert_eq!(packet_clock.frame(at(49_000)), None);
        assert_eq!(
            packet_clock.frame(at(48_999)),
            Some(Boundary::Stepped(Second(48)))
        );
        assert_eq!(
            packet_clock.frame(at(50_200)),
            Some(Boundary::Closed(Second(49))),
            "and on from there"
        );
    }

    #[test]
    fn an_idle_queue_opens_and_closes_by_its_tick() {
        let mut packet_clock = PacketClock::default();
        assert_eq!(
            packet_clock.idle(at(5_500)),
            Some(Boundary::Opened(Second(5)))
        );
        assert_eq!(packet_clock.idle(at(5_999)), None);
        assert_eq!(
            packet_clock.idle(at(6_000)),
            Some(Boundary::Closed(Second(5)))
        );
        assert_eq!(
            packet_clock.idle(at(4_000)),
            Some(Boundary::Stepped(Second(4)))
        );
    }
}
