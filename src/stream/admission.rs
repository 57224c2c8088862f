//! How streams begin: a packet of an unknown SSRC, what proves a stream, and which one it follows.

use super::booking::{Booking, Certainty, LossReason};
use super::probation::ProbationOutcome;
use super::record::Stream;
use super::{PacketOutcome, Streams};
use crate::discard::Discard;
use crate::units::{Second, Timestamp};
use crate::voice::kind::StreamKind;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::stream_key::StreamKey;

impl Streams {
    pub(super) fn advance_unknown(
        &mut self,
        key: StreamKey,
        summary: RtpSummary,
    ) -> Result<PacketOutcome<'_>, Discard> {
        let known = self
            .signalling
            .about(key.src(), key.dst(), summary.payload_type);
        // What is announced as video must show that it is: a fact never un-counts (MODEL §4.3).
        let known = known.filter(|known| known.kind == StreamKind::Audio);
        let (packets, kind) = if let Some(known) = &known {
            // Announced: its first packet is proof enough.
            let mut packets = self.probation.remove(&key);
            packets.push(summary);
            (packets, known.kind)
        } else {
            match self.probation.consider(key, summary) {
                ProbationOutcome::Refused => return Err(Discard::NotVoice),
                ProbationOutcome::Pending(left) => {
                    let displaced = self.probation.take_displaced();
                    return Ok(PacketOutcome::Pending(left, displaced));
                }
                ProbationOutcome::Proven(packets, kind) => (packets, kind),
            }
        };
        let first = packets.first().copied().unwrap_or(summary);
        let format = known.map(|known| known.format);
        let is_announced = format.is_some();
        let mut stream = Stream::new(key, kind, &first, format);
        if is_announced {
            stream.doubt_proof();
        }
        self.bookings.clear();
        let index = self.insert(stream, summary.time.second());
        if let Some(index) = index.filter(|_| kind == StreamKind::Audio) {
            self.quiet.note_begun(index, key, &first);
        }
        match index.and_then(|index| Some((index, self.table.get_mut(index)?))) {
            Some((index, stream)) => {
                let bookings = &mut self.bookings;
                Ok(PacketOutcome::Proven(index, stream, packets, bookings))
            }
            None => Ok(PacketOutcome::Refused(key, kind, packets)),
        }
    }

    /// Puts a stream into the table, if there is room.
    pub(super) fn insert(&mut self, stream: Stream, now: Second) -> Option<u32> {
        if self.table.len() >= self.limits.max_streams as usize {
            self.refused += 1;
            return None;
        }
        let (kind, key, first) = (stream.kind, stream.key, stream.first());
        let is_proven = stream.is_proven();
        let index = self.table.insert(stream)?;
        if kind == StreamKind::Audio {
            self.transports.add(&key, index);
            if is_proven {
                self.follow(&key, index, first);
            }
        }
        let due = Second(now.0 + self.limits.timeout.as_secs());
        self.expiry_queue.set(due, index);
        Some(index)
    }

    /// A stream is one of those that follow each other on its way: lone packets that a session
    /// description lets in, each of another SSRC, end no gap and explain none.
    pub(super) fn follow(&mut self, key: &StreamKey, index: u32, first: Timestamp) {
        if let Some(before) = self.flows.add(key, index) {
            self.book_silence(key, before, first);
        }
    }

    /// A new SSRC begins on the way of another stream: what that would have sent since its last packet
    /// is excused, but not if this happens too often.
    pub(super) fn book_silence(&mut self, key: &StreamKey, before: u32, first: Timestamp) {
        let Some(before) = self.table.get(before) else {
            return;
        };
        let silence = first.since(before.last).min(self.limits.silence_limit);
        if let Some(packets) = before.sent_in(silence) {
            let certainty = if self.flows.end_gap(key, first) {
                Certainty::MaybeLost(LossReason::NewSsrc)
            } else {
                Certainty::Excused(LossReason::NewSsrc)
            };
            let booking = Booking::between(certainty, packets, before.last, first);
            self.bookings.push(booking);
        }
    }
}
