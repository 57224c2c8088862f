//! The last W seconds of one ASN under one commitment: the seconds that had something, and their
//! sum, kept as they come and go.

use crate::units::Second;
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// What one ASN did in one second, as one commitment counts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WindowCounts {
    /// Octets it sent, on the commitment's layer.
    pub from: u64,
    /// Octets sent to it.
    pub to: u64,
    /// Octets in both of these: of packets with both ends in the ASN.
    pub both: u64,
    /// Voice packets, of any class.
    pub packets: u64,
    /// RTP packets expected from it, and lost of these.
    pub sent: Losses,
    /// RTP packets that its end reports as expected, and as lost.
    pub reported: Losses,
    /// Round trips to it by the methods that count, and those over the limit.
    pub round_trips: RoundTrips,
    /// RTP packets from or to it of streams that found no room. With any, nobody can say what of its
    /// traffic was lost, or how long it took.
    pub unfollowed: u64,
}

/// Packets expected and lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    /// Should have come.
    pub expected: u64,
    /// Did not.
    pub lost: u64,
}

/// Round trips and how many were too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoundTrips {
    /// Samples.
    pub samples: u64,
    /// Samples over the limit.
    pub over: u64,
}

impl WindowCounts {
    fn fields(&mut self) -> [&mut u64; 11] {
        [
            &mut self.from,
            &mut self.to,
            &mut self.both,
            &mut self.packets,
            &mut self.sent.expected,
            &mut self.sent.lost,
            &mut self.reported.expected,
            &mut self.reported.lost,
            &mut self.round_trips.samples,
            &mut self.round_trips.over,
            &mut self.unfollowed,
        ]
    }

    /// Adds another cell.
    pub fn add(&mut self, mut other: Self) {
        for (mine, theirs) in self.fields().into_iter().zip(other.fields()) {
            *mine += *theirs;
        }
    }

    /// Takes another cell off that was added before.
    pub fn subtract(&mut self, mut other: Self) {
        for (mine, theirs) in self.fields().into_iter().zip(other.fields()) {
            *mine = mine.saturating_sub(*theirs);
        }
    }
}

/// A sliding window.
#[derive(Clone, Debug, Default)]
pub struct SlidingWindow {
    seconds: VecDeque<(Second, WindowCounts)>,
    sum: WindowCounts,
}

impl SlidingWindow {
    /// Adds to a second, whichever; one that has left the window is for the caller not to bring.
    pub fn add(&mut self, second: Second, counts: WindowCounts) {
        self.sum.add(counts);
        let place = self.seconds.partition_point(|(known, _)| *known < second);
        match self.seconds.get_mut(place) {
            Some((known, sum)) if *known == second => sum.add(counts),
            _ => self.seconds.insert(place, (second, counts)),
        }
    }

    /// Slides on, so that it ends with `last`.
    pub fn slide(&mut self, last: Second, width: NonZeroU32) {
        let first = first_second(last, width);
        while let Some((second, counts)) = self.seconds.front().copied()
            && second < first
        {
            self.sum.subtract(counts);
            self.seconds.pop_front();
        }
    }

    /// Forgets the round trips: they were held against another limit.
    pub fn forget_round_trips(&mut self) {
        self.sum.round_trips = RoundTrips::default();
        self.seconds
            .iter_mut()
            .for_each(|(_, counts)| counts.round_trips = RoundTrips::default());
    }

    /// The sum over the window.
    pub fn sum(&self) -> &WindowCounts {
        &self.sum
    }

    /// One second of it.
    pub fn second(&self, second: Second) -> WindowCounts {
        let found = self
            .seconds
            .binary_search_by_key(&second, |(known, _)| *known);
        found
            .ok()
            .and_then(|place| self.seconds.get(place))
            .map_or(WindowCounts::default(), |known| known.1)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }
}

/// The first of the `width` seconds that end with `last`.
pub const fn first_second(last: Second, width: NonZeroU32) -> Second {
    Second((last.0 + 1).saturating_sub(width.get() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_sum_is_always_that_of_the_last_seconds(
            width in 1_u32..20,
            steps in prop::collection::vec((0_u64..4, 0_u64..25, 0_u64..1000), 1..200),
        ) {
            let width = NonZeroU32::new(width).unwrap();
            let (mut window, mut all, mut now) = (SlidingWindow::default(), Vec::new(), Second(1000));
            for (forward, back, from) in steps {
                now = Second(now.0 + forward);
                window.slide(now, width);
                let second = Second(now.0 - back);
                if second >= first_second(now, width) {
                    window.add(second, WindowCounts { from, ..WindowCounts::default() });
                    all.push((second, from));
                }
                let first = first_second(now, width);
                let truth: u64 = all.iter().filter(|(second, _)| *second >= first).map(|(_, from)| from).sum();
                prop_assert_eq!(window.sum().from, truth);
                let here: u64 = all.iter().filter(|(second, _)| *second == now).map(|(_, from)| from).sum();
                prop_assert_eq!(window.second(now).from, here);
            }
        }
    }
}
