//! Rows of single streams. Not part of a [`Snapshot`](super::Snapshot).

use crate::asn::Origin;
use crate::stream::tally::ShownLoss;
use crate::units::{Endpoint, Timestamp};
use crate::voice::class::StreamKind;
use std::sync::Arc;

/// One stream of a replay: one SSRC from one transport address to another. Not part of a
/// [`Snapshot`](super::Snapshot): a live meter keeps no list of ended streams.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamRow {
    /// Source transport address.
    pub src: Endpoint,
    /// Destination transport address.
    pub dst: Endpoint,
    /// Synchronization source (RFC 3550 §5.1).
    pub ssrc: u32,
    /// The most frequent payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name of that payload type (`PCMA`); empty where nothing names it.
    pub codec: Arc<str>,
    /// Audio or video.
    pub kind: StreamKind,
    /// All arrivals.
    pub packets: u64,
    /// Their IP total lengths.
    pub bytes: u64,
    /// Expected (packets − duplicates − late + lost), lost for certain, and maybe lost.
    pub loss: ShownLoss,
    /// Came when their number was not waited for any more.
    pub late: u64,
    /// Duplicates.
    pub duplicates: u64,
    /// Reordered but in time.
    pub reordered: u64,
    /// New numberings of the same SSRC: no loss.
    pub restarts: u64,
    /// Mean of the running interarrival jitter, in nanoseconds; none while the clock is unknown.
    pub jitter_mean_nanos: Option<u64>,
    /// Largest running interarrival jitter, in nanoseconds; none while the clock is unknown.
    pub jitter_max_nanos: Option<u64>,
    /// The origin of the source address.
    pub src_asn: Origin,
    /// The origin of the destination address.
    pub dst_asn: Origin,
    /// First packet.
    pub first: Timestamp,
    /// Last packet.
    pub last: Timestamp,
}

/// A stream that goes on, as one that is bad. Not part of a [`Snapshot`](super::Snapshot) either: it is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorstStream {
    /// The stream so far.
    pub row: StreamRow,
    /// The running interarrival jitter, in nanoseconds; none while the clock is unknown.
    pub jitter_nanos: Option<u64>,
    /// No stream goes the opposite way; none where another worker may have it.
    pub is_one_way: Option<bool>,
}

impl StreamRow {
    /// What lists of streams are sorted by: first packet, then addresses, then SSRC.
    pub fn order(&self) -> (Timestamp, Endpoint, Endpoint, u32) {
        (self.first, self.src, self.dst, self.ssrc)
    }

    /// The rows in that order.
    pub fn sorted(rows: &[Self]) -> Vec<&Self> {
        let mut sorted: Vec<&Self> = rows.iter().collect();
        sorted.sort_by_key(|row| row.order());
        sorted
    }
}
