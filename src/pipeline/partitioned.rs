//! Replay on several workers: the worker that reads a chunk decodes its plain RTP frames for all, so that
//! a frame is decoded once for any number of workers.

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

// Otherwise a second could close at a frame that not every worker gets.
const _: () = assert!(
    GRACE
        .as_nanos()
        .is_multiple_of(BROADCAST_INTERVAL.as_nanos())
        && 1_000_000_000_u128.is_multiple_of(BROADCAST_INTERVAL.as_nanos())
);

/// The source of one worker.
pub struct PartitionedSource(ClockedSource<FileSource<RtpPacket>>);

impl PartitionedSource {
    /// Adds packet time to a shared file source.
    pub fn new(source: FileSource<RtpPacket>) -> Self {
        Self(ClockedSource::new(source))
    }

    /// The file source.
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
        let (source, packet_clock) = self.0.source_and_clock();
        source.take_items(BATCH, |item| {
            let summary = &item.summary;
            packet_clock.try_advance(summary.time, summary.capture_point.interface)
        })
    }
}

/// Returns the function that assigns a frame to one of `workers` workers, or to all.
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

/// Assigns frames to workers by their address pair.
#[derive(Clone)]
struct Partitioner {
    workers: usize,
    rules: Rules,
}

impl Partitioner {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call per frame costs too much")]
    fn assign(
        &self,
        frame: &Frame<'_>,
        plain: &PlainUdp<'_, impl Ip>,
        assignment: Assignment<'_, RtpPacket>,
    ) {
        let ends = plain.ends();
        let worker = Shard::index_of(ends, self.workers);
        match self.rules.recognise_plain(frame, plain) {
            Some(packet) => assignment.assign(worker, packet),
            // Every worker observes signalling.
            None if self.rules.is_sip_port(ends) => assignment.broadcast(),
            None => assignment.forward(worker),
        }
    }
}
