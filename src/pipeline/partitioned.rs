//! Captures that several workers replay: whoever reads a piece tells the others of the plain voice in
//! it, so that a frame is looked at once, however many workers there are.

#[cfg(test)]
mod tests;

use crate::capture::CaptureError;
use crate::capture::file::{Assignment, BROADCAST_INTERVAL, FileSource};
use crate::frame::Frame;
use crate::pipeline::packet_clock::GRACE;
use crate::pipeline::shard::Shard;
use crate::pipeline::timed_source::{BATCH, ClockedSource, Selection, TimedEvent, TimedSource};
use crate::voice::{RtpPacket, Rules};
use crate::wire::plain::{self, Ip, PlainDatagram, PlainUdp};

// Else a second could close at a frame that not all workers are shown.
const _: () = assert!(
    GRACE
        .as_nanos()
        .is_multiple_of(BROADCAST_INTERVAL.as_nanos())
        && 1_000_000_000_u128.is_multiple_of(BROADCAST_INTERVAL.as_nanos())
);

/// One worker's source of steps.
pub struct PartitionedSource(ClockedSource<FileSource<RtpPacket>>);

impl PartitionedSource {
    /// A worker's part of some files.
    pub fn new(source: FileSource<RtpPacket>) -> Self {
        Self(ClockedSource::new(source))
    }

    /// The source.
    pub fn source(&self) -> &FileSource<RtpPacket> {
        self.0.source()
    }
}

impl TimedSource for PartitionedSource {
    #[inline]
    fn next(&mut self) -> Result<TimedEvent<'_>, CaptureError> {
        self.0.next()
    }

    #[inline]
    fn next_batch(&mut self, selection: &Selection) -> &[RtpPacket] {
        if !self.0.source().is_partitioned() {
            return self.0.next_batch(selection);
        }
        let (source, packet_clock) = self.0.parts();
        source.take_items(BATCH, |item| packet_clock.follows(item.summary.time))
    }
}

/// Says of a frame which of so many workers has to know of it.
pub fn partitioner(
    workers: usize,
    rules: Rules,
) -> impl Fn(&Frame<'_>, Assignment<'_, RtpPacket>) + Clone + Send + Sync + 'static {
    let partitioner = Partitioner { workers, rules };
    move |frame, assignment| match plain::decode_plain(frame) {
        Some(PlainDatagram::V4(plain)) => partitioner.assign(frame, &plain, assignment),
        Some(PlainDatagram::V6(plain)) => partitioner.assign(frame, &plain, assignment),
        None => assignment.broadcast(),
    }
}

/// Who sits there, and what they play by.
#[derive(Clone)]
struct Partitioner {
    workers: usize,
    rules: Rules,
}

impl Partitioner {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
    fn assign(
        &self,
        frame: &Frame<'_>,
        plain: &PlainUdp<'_, impl Ip>,
        assignment: Assignment<'_, RtpPacket>,
    ) {
        let ends = plain.ends();
        let worker = Shard::number(ends, self.workers);
        match self.rules.recognise_plain(frame, plain) {
            Some(packet) => assignment.assign(worker, packet),
            // Signalling is heard by all.
            None if self.rules.is_sip_port(ends) => assignment.broadcast(),
            None => assignment.forward(worker),
        }
    }
}
