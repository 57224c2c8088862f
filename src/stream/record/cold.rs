//! What of a stream only the unexpected, or the end of a second, touches.
//!
//! A hundred thousand streams are in memory for as long as they last: what can be counted in 32
//! bits is, and stays at the largest there is; what many streams have alike is shared.

use crate::attribution::Attributed;
use crate::stream::gaps::{CoarseTime, Gaps};
use crate::stream::record::restart::Restart;
use crate::stream::reports::RemoteReports;
use crate::stream::sequence::{Arrival, SequenceStep};
use crate::stream::tally::SequenceCounts;
use crate::units::Timestamp;
use crate::voice::signalling::CodecFormat;
use std::hint::black_box;
use std::sync::Arc;

/// Different payload types remembered of a stream beside its most frequent one; a call has codec,
/// events, comfort noise, FEC.
const OTHER_TYPES: usize = 3;

/// Behind the hot lines of a [`Stream`](super::Stream).
#[derive(Clone, Debug)]
pub(super) struct ColdState {
    pub(super) first: Timestamp,
    /// When the gap began of which numbers were lost last.
    pub(super) gap_from: CoarseTime,
    pub(super) gaps: Gaps,
    /// None before its first packet is counted.
    pub(super) attributed: Option<Arc<Attributed>>,
    /// Since it was last settled.
    pub(super) odd: AnomalyCounts,
    /// All settled: packets, and their IP total lengths.
    pub(super) packets: u64,
    pub(super) ip_bytes: u64,
    pub(super) continuity: AnomalyCounts,
    pub(super) far_end: RemoteReports,
    /// A new numbering that may have begun.
    pub(super) restart: Option<Box<Restart>>,
    pub(super) restarts: u32,
    pub(super) unseen: u32,
    pub(super) format: Option<Arc<CodecFormat>>,
    /// Other payload types, and their packets.
    other_types: [u8; OTHER_TYPES],
    other_packets: [u32; OTHER_TYPES],
}

// What the allocator gives in its blocks of 160 octets.
const _: () = assert!(
    size_of::<ColdState>() <= 152,
    "as much as a block of memory has room for"
);

impl ColdState {
    /// Touches each cache line.
    pub(super) fn prefetch(&self) {
        black_box((self.first, self.packets, self.other_packets));
    }

    /// Of a stream that begins now.
    pub(super) fn new(first: Timestamp, format: Option<Arc<CodecFormat>>) -> Self {
        Self {
            first,
            gap_from: CoarseTime::of(first),
            gaps: Gaps::new(first),
            attributed: None,
            odd: AnomalyCounts::default(),
            packets: 0,
            ip_bytes: 0,
            continuity: AnomalyCounts::default(),
            far_end: RemoteReports::default(),
            restart: None,
            restarts: 0,
            unseen: 0,
            format,
            other_types: Default::default(),
            other_packets: Default::default(),
        }
    }

    /// Counts a packet of another type than the most `usual` one, type and packets; they change
    /// places if it is now more frequent.
    pub(super) fn note_type(&mut self, payload_type: u8, usual: &mut (u8, u32)) {
        let mut others = self.other_types.iter_mut().zip(&mut self.other_packets);
        let known = others.find(|(known, packets)| **known == payload_type || **packets == 0);
        if let Some((known, packets)) = known {
            (*known, *packets) = (payload_type, packets.saturating_add(1));
            if *packets > usual.1 {
                std::mem::swap(known, &mut usual.0);
                std::mem::swap(packets, &mut usual.1);
            }
        }
    }

    /// Moves what was odd since the last time to all that was.
    pub(super) fn take_anomalies(&mut self) -> SequenceCounts {
        let odd = std::mem::take(&mut self.odd);
        self.continuity.add(&odd);
        odd.continuity()
    }

    /// Numbers that left the reorder window without their packet, whoever lost them.
    pub(super) fn booked(&self) -> u64 {
        u64::from(self.continuity.lost) + u64::from(self.odd.lost) + u64::from(self.unseen)
    }
}

/// A [`SequenceCounts`] of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct AnomalyCounts {
    lost: u32,
    late: u32,
    duplicates: u32,
    reordered: u32,
}

impl AnomalyCounts {
    /// Counts what a step says beside that there was a packet.
    pub(super) fn tally(&mut self, step: &SequenceStep) {
        let late = u32::from(step.arrival == Arrival::Late) + step.late;
        let again = matches!(step.arrival, Arrival::Duplicate | Arrival::Mirrored);
        let swapped = Arrival::Restarted { swapped: true };
        let reordered = step.arrival == Arrival::Reordered || step.arrival == swapped;
        self.add(&Self {
            lost: saturated_u32(step.lost),
            late,
            duplicates: u32::from(again) + step.duplicates,
            reordered: u32::from(reordered),
        });
    }

    /// Counts packets out of order.
    pub(super) fn reorder(&mut self, reordered: u32) {
        self.reordered = self.reordered.saturating_add(reordered);
    }

    fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.lost, other.lost),
            (&mut self.late, other.late),
            (&mut self.duplicates, other.duplicates),
            (&mut self.reordered, other.reordered),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The same in the form that is summed over streams.
    pub(super) fn continuity(&self) -> SequenceCounts {
        SequenceCounts {
            lost: self.lost.into(),
            late: self.late.into(),
            duplicates: self.duplicates.into(),
            reordered: self.reordered.into(),
        }
    }
}

/// As much of it as 32 bits hold.
pub(super) fn saturated_u32(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
