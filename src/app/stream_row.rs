//! Makes the row that outputs show of a stream.

use crate::snapshot::StreamRow;
use crate::stream::record::Stream;

/// The row of a stream.
pub(super) fn row(stream: &Stream) -> StreamRow {
    let (packets, continuity) = (stream.packets(), stream.continuity());
    let nanos = |time: Option<std::time::Duration>| {
        time.and_then(|time| u64::try_from(time.as_nanos()).ok())
    };
    StreamRow {
        src: stream.key.src(),
        dst: stream.key.dst(),
        ssrc: stream.key.ssrc(),
        payload_type: stream.payload_type(),
        codec: stream.codec(),
        kind: stream.kind,
        packets,
        bytes: stream.ip_bytes(),
        loss: continuity.loss(packets).shown(),
        late: continuity.late,
        duplicates: continuity.duplicates,
        reordered: continuity.reordered,
        restarts: stream.restarts(),
        jitter_mean_nanos: nanos(stream.jitter().mean()),
        jitter_max_nanos: nanos(stream.jitter().max()),
        src_asn: stream.pair().src,
        dst_asn: stream.pair().dst,
        first: stream.first(),
        last: stream.last,
    }
}
