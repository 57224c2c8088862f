//! What a live source did not see: drop counters and the interface's state, looked at every now
//! and then, become stretches of time. Time is an argument here.

use crate::capture::{CaptureGap, GapCause};
use crate::frame::InterfaceId;
use crate::units::Timestamp;

/// One look at the counters and the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::capture) struct InterfaceState {
    pub(in crate::capture) time: Timestamp,
    /// Frames dropped since the look before.
    pub(in crate::capture) dropped: u32,
    /// Whether the interface is there and up, and was so since the look before.
    pub(in crate::capture) up: bool,
}

/// The looks so far, as far as the next one needs them. Lives as long as its source.
#[derive(Clone, Copy, Debug)]
pub(in crate::capture) struct InterfaceWatch {
    interface: InterfaceId,
    last: InterfaceState,
}

impl InterfaceWatch {
    /// Begins when the capture begins.
    pub(in crate::capture) const fn new(interface: InterfaceId, time: Timestamp, up: bool) -> Self {
        Self {
            interface,
            last: InterfaceState {
                time,
                dropped: 0,
                up,
            },
        }
    }

    /// What a look tells of the time since the one before. Drops spoil the stretch they were
    /// counted in and the one after (MODEL §8.1); so does an interface that was
    /// down at either end of a stretch.
    pub(in crate::capture) fn look(
        &mut self,
        look: InterfaceState,
    ) -> impl Iterator<Item = CaptureGap> + use<> {
        let last = std::mem::replace(&mut self.last, look);
        let stretch = |cause, frames| CaptureGap {
            // The clock may have stepped back in between.
            from: last.time.min(look.time),
            until: last.time.max(look.time),
            frames,
            interface: self.interface,
            cause,
        };
        let dropped = (look.dropped > 0 || last.dropped > 0)
            .then(|| stretch(GapCause::Dropped, u64::from(look.dropped)));
        let down = (!look.up || !last.up).then(|| stretch(GapCause::InterfaceDown, 0));
        dropped.into_iter().chain(down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn unseen(from: u64, until: u64, cause: GapCause, frames: u64) -> CaptureGap {
        CaptureGap {
            from: at(from),
            until: at(until),
            frames,
            interface: InterfaceId(3),
            cause,
        }
    }

    /// Looks at moments 1, 2, 3… after a beginning at 0, and all they told.
    fn told(looks: &[(u32, bool)]) -> Vec<CaptureGap> {
        let mut watch = InterfaceWatch::new(InterfaceId(3), at(0), true);
        let looks = (1..)
            .zip(looks)
            .map(|(nanos, &(dropped, up))| InterfaceState {
                time: at(nanos),
                dropped,
                up,
            });
        looks.flat_map(|look| watch.look(look)).collect()
    }

    #[test]
    fn without_drops_there_is_nothing_to_tell() {
        assert!(told(&[(0, true), (0, true)]).is_empty());
    }

    #[test]
    fn drops_spoil_the_stretch_before_the_read_and_the_one_after() {
        assert_eq!(
            told(&[(0, true), (7, true), (0, true), (0, true)]),
            [
                unseen(1, 2, GapCause::Dropped, 7),
                unseen(2, 3, GapCause::Dropped, 0)
            ]
        );
    }

    #[test]
    fn an_interface_that_is_down_spoils_all_until_it_is_seen_up_again() {
        assert_eq!(
            told(&[(0, true), (0, false), (0, false), (0, true), (0, true)]),
            [
                unseen(1, 2, GapCause::InterfaceDown, 0),
                unseen(2, 3, GapCause::InterfaceDown, 0),
                unseen(3, 4, GapCause::InterfaceDown, 0)
            ]
        );
    }

    #[test]
    fn a_clock_that_steps_back_still_gives_a_stretch_from_early_to_late() {
        let mut watch = InterfaceWatch::new(InterfaceId(3), at(9), true);
        let look = InterfaceState {
            time: at(4),
            dropped: 1,
            up: true,
        };
        let told: Vec<CaptureGap> = watch.look(look).collect();
        assert_eq!(told, [unseen(4, 9, GapCause::Dropped, 1)]);
    }
}
