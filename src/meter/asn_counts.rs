//! What one ASN did in a second, or in a window, as one commitment counts it: sums of integers.

use crate::stream::tally::LossCounts;

/// What one ASN did in one second, as one commitment counts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AsnCounts {
    /// Octets it sent, on the commitment's layer.
    pub from: u64,
    /// Octets sent to it.
    pub to: u64,
    /// Octets in both of these: of packets with both ends in the ASN.
    pub both: u64,
    /// Of these three what is confirmed (MODEL §3.4).
    pub confirmed: ConfirmedBytes,
    /// Voice packets, of any class.
    pub packets: u64,
    /// RTP packets from or to it of streams that found no room. With any, nobody can say what of its
    /// traffic was lost, or how long it took.
    pub unfollowed: u64,
    /// Seconds in which the judge had no room for its window. With any, some of its traffic is in no
    /// window: everything about it is in doubt.
    pub refused: u64,
    /// Seconds in which its window began, and may lack what it did before in a second in which there was no
    /// room; and its pairs of which candidates gave way in probation, in each second. Doubt, as above.
    pub begun_late: u64,
    /// RTP packets expected from it, and lost of these.
    pub sent: LossCounts,
    /// RTP packets that its end reports as expected, and as lost.
    pub reported: LossCounts,
    /// Round trips to it by the methods that count, and those over the limit.
    pub round_trips: SampleCounts,
    /// Seconds of streams from it that have a jitter, and those at whose end it was over the limit.
    pub stream_seconds: SampleCounts,
}

/// Confirmed octets (MODEL §3.4), on the commitment's layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConfirmedBytes {
    /// Of octets that it sent.
    pub from: u64,
    /// Of octets sent to it.
    pub to: u64,
    /// Of both together.
    pub both: u64,
}

/// Samples and how many were over a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SampleCounts {
    /// Samples.
    pub samples: u64,
    /// Of these, over the limit.
    pub over: u64,
    /// Of the others, may be over it.
    pub maybe_over: u64,
}

impl SampleCounts {
    /// One sample.
    pub const fn one(is_over: bool) -> Self {
        Self {
            samples: 1,
            over: is_over as u64,
            maybe_over: 0,
        }
    }

    fn combine(&mut self, other: Self, with: impl Fn(u64, u64) -> u64) {
        self.samples = with(self.samples, other.samples);
        self.over = with(self.over, other.over);
        self.maybe_over = with(self.maybe_over, other.maybe_over);
    }
}

impl AsnCounts {
    /// Combines each number but the losses with that of another by a function.
    fn combine(&mut self, other: Self, with: impl Fn(u64, u64) -> u64 + Copy) {
        self.from = with(self.from, other.from);
        self.to = with(self.to, other.to);
        self.both = with(self.both, other.both);
        let (mine, theirs) = (self.confirmed, other.confirmed);
        self.confirmed = ConfirmedBytes {
            from: with(mine.from, theirs.from),
            to: with(mine.to, theirs.to),
            both: with(mine.both, theirs.both),
        };
        self.packets = with(self.packets, other.packets);
        self.unfollowed = with(self.unfollowed, other.unfollowed);
        self.refused = with(self.refused, other.refused);
        self.begun_late = with(self.begun_late, other.begun_late);
        self.round_trips.combine(other.round_trips, with);
        self.stream_seconds.combine(other.stream_seconds, with);
    }

    /// Adds more.
    pub fn add(&mut self, other: Self) {
        self.combine(other, |mine, theirs| mine + theirs);
        self.sent.add(other.sent);
        self.reported.add(other.reported);
    }

    /// Takes off what was added before.
    pub fn subtract(&mut self, other: Self) {
        self.combine(other, u64::saturating_sub);
        self.sent.subtract(other.sent);
        self.reported.subtract(other.reported);
    }
}
