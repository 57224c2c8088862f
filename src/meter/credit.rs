//! Counts the packets that probation hands back: those that proved a stream, those of a stream that
//! found no room, and those that prove nothing.

use super::Meter;
use super::second::PairCounts;
use crate::attribution::Attribution;
use crate::discard::Discard;
use crate::stream::tally::TrafficCounts;
use crate::units::{Second, Timestamp};
use crate::voice::class::Class;
use crate::voice::kind::StreamKind;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::stream_key::StreamKey;

impl Meter {
    /// Credits the packets that proved a stream to the seconds of their arrival. The last of them
    /// is the packet at hand, which was never pending.
    #[inline(never)]
    pub(super) fn credit(
        &mut self,
        packets: &[RtpSummary],
        mut count: impl FnMut(&mut Self, &RtpSummary) -> Result<(), Discard>,
    ) -> Result<(), Discard> {
        let mut result = Ok(());
        for (left, packet) in (0..packets.len()).rev().zip(packets) {
            result = count(self, packet);
            if left > 0 {
                let frames = &mut self.counts_of(packet.time.second()).frames;
                frames.pending -= 1;
                if let Err(reason) = result {
                    frames.discard(reason);
                }
            }
        }
        result
    }

    /// Counts a packet of a stream that found no room. It is voice; what is missing between it and
    /// others nobody knows.
    pub(super) fn unfollowed(
        &mut self,
        key: &StreamKey,
        kind: StreamKind,
        packet: &RtpSummary,
        attribution: &Attribution,
    ) -> Result<(), Discard> {
        if kind == StreamKind::Video {
            return Err(Discard::Video);
        }
        let (src, dst) = (key.src().address, key.dst().address);
        let (pair, disagreeing) = attribution.resolve(src, dst, packet.capture_point);
        self.disputed.add(disagreeing, packet.ip_bytes.into());
        let usage = PairCounts {
            unfollowed: 1,
            ..PairCounts::packet(Class::Rtp, packet.ip_bytes)
        };
        let counts = self.counts_of(packet.time.second());
        counts.add(&pair, &usage);
        counts
            .frames
            .voice
            .add(&TrafficCounts::packet(packet.ip_bytes));
        Ok(())
    }

    /// A candidate gave way to another in a second: its packets are not counted as voice, and whether
    /// they were the first of a stream, and what that lost, nobody knows; neither then, nor when they came.
    #[cold]
    pub(super) fn displace(
        &mut self,
        second: Second,
        key: &StreamKey,
        packets: &[RtpSummary],
        attribution: &Attribution,
    ) {
        let (src, dst) = (key.src().address, key.dst().address);
        for packet in packets {
            let pair = attribution.pair(src, dst, packet.capture_point);
            let usage = PairCounts {
                displaced: 1,
                ..PairCounts::default()
            };
            self.counts_of(second).add(&pair, &usage);
            if packet.time.second() != second {
                self.counts_of(packet.time.second()).add(&pair, &usage);
            }
        }
        self.discard_pending(packets.iter().map(|packet| packet.time));
    }

    /// Frames that waited in probation, by their capture times, are not voice.
    pub fn discard_pending(&mut self, times: impl IntoIterator<Item = Timestamp>) {
        for time in times {
            let frames = &mut self.counts_of(time.second()).frames;
            frames.pending -= 1;
            frames.discard(Discard::Probation);
        }
    }
}
