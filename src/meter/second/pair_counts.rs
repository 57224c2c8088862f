//! What one pair of origins did in a second.

use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::silence::SilenceCounts;
use crate::stream::tally::{LossCounts, SequenceCounts, TrafficCounts};
use crate::voice::class::Class;
use std::time::Duration;

/// What one pair did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PairCounts {
    /// By class.
    pub classes: [TrafficCounts; Class::ALL.len()],
    /// Of the RTP packets.
    pub continuity: SequenceCounts,
    /// What `dst`'s end reports about what `src` sent it.
    pub reports: LossCounts,
    /// Streams with a packet in the second.
    pub streams: u64,
    /// Their jitter at its end, of each that has one.
    pub jitter: Vec<ShortDuration>,
    /// RTP packets of streams that found no room: nobody looked for what is missing between them.
    pub unfollowed: u64,
    /// Packets of candidates that gave way in probation: they are in no other count here.
    pub displaced: u64,
    /// Of the streams from `src` that are quiet at its end; none: there is none.
    pub silence: Option<Box<SilenceCounts>>,
    /// What receivers at `dst`'s end hear of what `src` sent it; none: nobody said.
    pub voip_metrics: Option<Box<VoipCounts>>,
    /// The part of `classes` that is confirmed (MODEL §3.4).
    pub confirmed: [TrafficCounts; Class::ALL.len()],
}

impl PairCounts {
    /// A packet that belongs to no stream.
    pub fn packet(class: Class, ip: u32) -> Self {
        let mut usage = Self::default();
        usage.class_mut(class).add(&TrafficCounts::packet(ip));
        usage
    }

    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            mine.add(theirs);
        }
        self.continuity.add(&other.continuity);
        self.reports.add(other.reports);
        self.streams += other.streams;
        if let Some(silence) = &other.silence {
            self.silence.get_or_insert_default().add(silence);
        }
        if let Some(voip_metrics) = &other.voip_metrics {
            self.voip_metrics.get_or_insert_default().add(voip_metrics);
        }
        self.jitter.extend_from_slice(&other.jitter);
        self.unfollowed += other.unfollowed;
        self.displaced += other.displaced;
        for (mine, theirs) in self.confirmed.iter_mut().zip(&other.confirmed) {
            mine.add(theirs);
        }
    }

    /// Packets of a class that are counted already, and confirmed.
    pub fn confirmed(class: Class, traffic: TrafficCounts) -> Self {
        let mut usage = Self::default();
        let [rtp, rtcp, sip] = &mut usage.confirmed;
        *match class {
            Class::Rtp => rtp,
            Class::Rtcp => rtcp,
            Class::Sip => sip,
        } = traffic;
        usage
    }

    /// The octets of one class.
    pub fn class(&self, class: Class) -> &TrafficCounts {
        let [rtp, rtcp, sip] = &self.classes;
        match class {
            Class::Rtp => rtp,
            Class::Rtcp => rtcp,
            Class::Sip => sip,
        }
    }

    /// The octets of one class, to be added to.
    pub fn class_mut(&mut self, class: Class) -> &mut TrafficCounts {
        let [rtp, rtcp, sip] = &mut self.classes;
        match class {
            Class::Rtp => rtp,
            Class::Rtcp => rtcp,
            Class::Sip => sip,
        }
    }

    /// RTP packets that should have come, of streams that were followed, and those that did not. Less than
    /// none in an amendment that gives back.
    pub fn loss(&self) -> LossCounts {
        let followed = self.class(Class::Rtp).packets - self.unfollowed;
        self.continuity.loss(followed)
    }
}

/// A duration in nanoseconds, at most the 4.3 s that 32 bits hold: there may be one for each of a
/// hundred thousand streams, and a jitter beyond the last exported bucket, 1 s, is beyond it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ShortDuration(u32);

impl From<Duration> for ShortDuration {
    fn from(duration: Duration) -> Self {
        Self(u32::try_from(duration.as_nanos()).unwrap_or(u32::MAX))
    }
}

impl From<ShortDuration> for Duration {
    fn from(ShortDuration(nanos): ShortDuration) -> Self {
        Self::from_nanos(nanos.into())
    }
}
