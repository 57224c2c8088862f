//! Boundaries of seconds, from the times of packets, or from idle events of a live queue without
//! packets.
//!
//! One [`PacketClock`] per worker. Every worker of a replay sees the frames at which a second may close,
//! so all close it at the same position of the capture.

use crate::frame::InterfaceId;
use crate::units::{Second, Timestamp};
use std::time::Duration;

/// How long a second stays open after its end: frames of one capture are rarely more out of order
/// (several queues, several capture points).
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// A step back beyond this means that the clock was set.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// So does one beyond this, if the next frame of the interface confirms it: frames of one interface are
/// not out of order by so much, but for a single one.
const SMALL_CLOCK_STEP: Duration = GRACE;

/// A boundary between seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boundary {
    /// The first second starts.
    Opened(Second),
    /// All seconds up to and including this one are closed.
    Closed(Second),
    /// Packet time stepped back.
    Stepped {
        /// From this second.
        from: Second,
        /// Into this one.
        to: Second,
    },
    /// The source ended; this second is the last.
    Ended(Second),
}

/// The packet time of one queue.
#[derive(Clone, Debug, Default)]
pub struct PacketClock {
    newest: Timestamp,
    /// The newest frame of each interface: interfaces of one capture may be apart.
    newest_of: Vec<Timestamp>,
    /// The interface whose last frame was behind its own newest one: its next frame tells whether the
    /// clock was set.
    suspect: Option<InterfaceId>,
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
    pub fn try_advance(&mut self, time: Timestamp, interface: InterfaceId) -> bool {
        let Some(newest_of) = self.newest_of.get_mut(usize::from(interface.0)) else {
            return false;
        };
        let advances = time >= self.newest && time < self.until;
        if advances {
            self.newest = time;
            *newest_of = time;
        }
        advances
    }

    /// Advances to the time of a frame. Returns the boundary before it, if any.
    #[inline]
    pub fn on_frame(&mut self, time: Timestamp, interface: InterfaceId) -> Option<Boundary> {
        if self.try_advance(time, interface) {
            return None;
        }
        let second = time.second();
        let Some(open) = self.open else {
            self.open_from(second, time);
            self.note(time, interface);
            return Some(Boundary::Opened(second));
        };
        if self.has_stepped(time, interface) {
            let stepped = self.step_to(second, time);
            self.note(time, interface);
            return Some(stepped);
        }
        self.advance(open, time, time.minus(GRACE))
    }

    /// Whether this frame shows that the clock was set back; notes the frame otherwise.
    fn has_stepped(&mut self, time: Timestamp, interface: InterfaceId) -> bool {
        if time.plus(CLOCK_STEP) < self.newest {
            return true;
        }
        if time.plus(SMALL_CLOCK_STEP) >= self.newest_of(interface) {
            self.note(time, interface);
            if self.suspect == Some(interface) {
                self.suspect = None;
            }
            return false;
        }
        self.suspect.replace(interface) == Some(interface)
    }

    /// The newest frame of an interface, if it had one.
    fn newest_of(&self, interface: InterfaceId) -> Timestamp {
        let newest_of = self.newest_of.get(usize::from(interface.0));
        newest_of.copied().unwrap_or_default()
    }

    /// Notes a frame of an interface.
    fn note(&mut self, time: Timestamp, interface: InterfaceId) {
        let place = usize::from(interface.0);
        if self.newest_of.len() <= place {
            self.newest_of.resize(place + 1, Timestamp::default());
        }
        if let Some(newest_of) = self.newest_of.get_mut(place) {
            *newest_of = time.max(*newest_of);
        }
    }

    /// Begins a new line of time.
    fn step_to(&mut self, to: Second, time: Timestamp) -> Boundary {
        let from = self.newest.second();
        self.newest_of.clear();
        self.suspect = None;
        self.open_from(to, time);
        Boundary::Stepped { from, to }
    }

    /// Advances to a time before which no further frame comes. Returns the boundary, if any.
    pub fn on_idle(&mut self, time: Timestamp) -> Option<Boundary> {
        let second = time.second();
        match self.open {
            None => {
                self.open_from(second, time);
                Some(Boundary::Opened(second))
            }
            Some(_) if time.plus(CLOCK_STEP) < self.newest => Some(self.step_to(second, time)),
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
        self.until = match self.suspect {
            Some(_) => Timestamp::default(),
            None => newest.second().end().min(second.end().plus(GRACE)),
        };
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

    const ETH0: InterfaceId = InterfaceId(0);
    const ETH1: InterfaceId = InterfaceId(1);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_second_closes_100_ms_of_packet_time_after_its_end() {
        let mut packet_clock = PacketClock::default();
        assert_eq!(
            packet_clock.on_frame(at(5_500), ETH0),
            Some(Boundary::Opened(Second(5)))
        );
        assert_eq!(packet_clock.on_frame(at(6_099), ETH0), None);
        assert_eq!(
            packet_clock.on_frame(at(5_900), ETH0),
            None,
            "disorder is not a step"
        );
        assert_eq!(
            packet_clock.on_frame(at(6_100), ETH0),
            Some(Boundary::Closed(Second(5)))
        );
        assert_eq!(packet_clock.on_frame(at(6_100), ETH0), None);
        assert_eq!(
            packet_clock.on_frame(at(99_050), ETH0),
            Some(Boundary::Closed(Second(97))),
            "idle time"
        );
        assert_eq!(packet_clock.on_end(), Some(Boundary::Ended(Second(99))));
        assert_eq!(packet_clock.on_end(), None);
    }

    #[test]
    fn time_advances_without_a_boundary_only_in_order_and_within_a_second() {
        let mut packet_clock = PacketClock::default();
        assert!(
            !packet_clock.try_advance(at(5_500), ETH0),
            "no second is open"
        );
        packet_clock.on_frame(at(5_500), ETH0);
        assert!(
            packet_clock.try_advance(at(5_500), ETH0) && packet_clock.try_advance(at(5_999), ETH0)
        );
        assert!(!packet_clock.try_advance(at(5_998), ETH0), "older");
        assert!(
            !packet_clock.try_advance(at(6_000), ETH0),
            "of another second"
        );
        assert_eq!(packet_clock.on_frame(at(6_000), ETH0), None);
        assert!(packet_clock.try_advance(at(6_099), ETH0));
        assert!(
            !packet_clock.try_advance(at(6_100), ETH0),
            "a second closes"
        );
        packet_clock.on_frame(at(6_100), ETH0);
        assert!(
            packet_clock.try_advance(at(6_999), ETH0) && !packet_clock.try_advance(at(7_000), ETH0)
        );
    }

    #[test]
    fn more_than_a_second_back_is_a_clock_step() {
        let mut packet_clock = PacketClock::default();
        packet_clock.on_frame(at(50_000), ETH0);
        assert_eq!(packet_clock.on_frame(at(49_000), ETH0), None);
        assert_eq!(
            packet_clock.on_frame(at(48_999), ETH0),
            Some(Boundary::Stepped {
                from: Second(50),
                to: Second(48)
            })
        );
        assert_eq!(
            packet_clock.on_frame(at(50_200), ETH0),
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
            Some(Boundary::Stepped {
                from: Second(6),
                to: Second(4)
            })
        );
    }

    #[test]
    fn two_frames_of_an_interface_over_100_ms_behind_it_are_a_clock_step() {
        let mut packet_clock = PacketClock::default();
        packet_clock.on_frame(at(50_950), ETH0);
        assert_eq!(
            packet_clock.on_frame(at(50_840), ETH0),
            None,
            "one may be late"
        );
        assert_eq!(packet_clock.on_frame(at(50_951), ETH0), None, "and it was");
        assert_eq!(
            packet_clock.on_frame(at(50_851), ETH0),
            None,
            "100 ms are disorder"
        );
        assert_eq!(packet_clock.on_frame(at(50_851), ETH0), None);
        assert_eq!(packet_clock.on_frame(at(50_300), ETH0), None);
        assert_eq!(
            packet_clock.on_frame(at(50_301), ETH0),
            Some(Boundary::Stepped {
                from: Second(50),
                to: Second(50)
            }),
            "into the second that it came from"
        );
        assert!(packet_clock.try_advance(at(50_400), ETH0));
        packet_clock.on_frame(at(51_050), ETH0);
        assert_eq!(packet_clock.on_frame(at(50_901), ETH0), None);
        assert_eq!(
            packet_clock.on_frame(at(50_920), ETH0),
            Some(Boundary::Stepped {
                from: Second(51),
                to: Second(50)
            })
        );
    }

    #[test]
    fn an_interface_that_is_behind_another_has_not_stepped() {
        let mut packet_clock = PacketClock::default();
        packet_clock.on_frame(at(50_000), ETH0);
        for millis in (50_010..52_000).step_by(10) {
            assert!(!matches!(
                packet_clock.on_frame(at(millis), ETH0),
                Some(Boundary::Stepped { .. })
            ));
            let late = packet_clock.on_frame(at(millis - 700), ETH1);
            assert_eq!(late, None, "{millis}");
        }
    }
}
