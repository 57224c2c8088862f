//! What a stream has to say of itself, and what others have said of it.

use super::{NOBODY, Stream};
use crate::asn::DisagreeingSources;
use crate::attribution::{Attributed, PairKey};
use crate::stream::booking::Booking;
use crate::stream::jitter::Jitter;
use crate::stream::reports::ReportedLoss;
use crate::stream::tally::SequenceCounts;
use crate::units::{Second, Timestamp};
use crate::voice::payload_type::assigned;
use crate::voice::signalling::CodecFormat;
use std::sync::Arc;

impl Stream {
    /// Takes what is booked of it into its own sums.
    pub fn note_booking(&mut self, booking: &Booking) {
        self.cold.note_booking(booking);
    }

    /// A reporter sends VoIP metrics of it: whether they count. None where there are too many reporters.
    pub fn note_metrics(&mut self, reporter: u32, now: Second) -> Option<bool> {
        self.cold.far_end.note_metrics(reporter, now)
    }

    /// Whether a receiver has reported on it lately.
    pub(in crate::stream) fn is_reported(&self, now: Second) -> bool {
        self.cold.far_end.is_heard(now)
    }

    /// Whether its octets were confirmed when that was asked last.
    pub fn is_confirmed(&self) -> bool {
        self.cold.is_confirmed
    }

    /// Whether its octets are confirmed from now on.
    pub(in crate::stream) fn set_confirmed(&mut self, is_confirmed: bool) {
        self.cold.is_confirmed = is_confirmed;
    }

    /// The stream is over, in a second: what its reporters have said that is not booked yet.
    pub fn finish_reports(&mut self, now: Second, booked: &mut Vec<ReportedLoss>) {
        self.cold.far_end.finish(now, booked);
    }

    /// Its first packet.
    pub fn first(&self) -> Timestamp {
        self.cold.first
    }

    /// Who it belongs to.
    pub fn pair(&self) -> &PairKey {
        let attributed = self.cold.attributed.as_ref();
        attributed.map_or(&NOBODY, |attributed| &attributed.pair)
    }

    /// The same, to be kept.
    pub fn attributed(&self) -> Option<&Arc<Attributed>> {
        self.cold.attributed.as_ref()
    }

    /// Which ASN sources name another origin for one of its ends.
    pub fn disagreeing(&self) -> DisagreeingSources {
        let attributed = self.cold.attributed.as_ref();
        attributed.map_or(DisagreeingSources::default(), |attributed| {
            attributed.disagreeing
        })
    }

    /// Its jitter.
    pub fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// All settled packets.
    pub fn packets(&self) -> u64 {
        self.cold.packets
    }

    /// Their IP total lengths.
    pub fn ip_bytes(&self) -> u64 {
        self.cold.ip_bytes
    }

    /// All settled losses and the like.
    pub fn continuity(&self) -> SequenceCounts {
        self.cold.all()
    }

    /// The encoding's name, by signalling or by the payload type; empty where neither tells.
    pub fn codec(&self) -> Arc<str> {
        let payload_type = self.payload_type();
        match &self.cold.format {
            Some(format) if format.payload_type == payload_type => format.codec.clone(),
            _ => assigned(payload_type)
                .map_or("", |known| known.codec)
                .into(),
        }
    }

    /// New numberings that its sender began.
    pub fn restarts(&self) -> u64 {
        self.cold.restarts.into()
    }

    /// Whether signalling has not told of its most frequent payload type.
    pub fn is_unnamed(&self) -> bool {
        let told = self.cold.format.as_ref().map(|format| format.payload_type);
        told != Some(self.payload_type())
    }

    /// Takes what signalling tells of it while it runs: its clock holds from now on, where nothing
    /// better is known.
    pub fn name(&mut self, format: Arc<CodecFormat>) {
        self.cold.format = Some(format);
        self.jitter.set_clock(self.jitter_clock());
    }

    /// The most frequent payload type.
    pub fn payload_type(&self) -> u8 {
        self.cold.usual_type(self.of).number
    }
}
