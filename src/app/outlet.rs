//! A worker's way out: its channel to the judge, and the list of its streams where one is wanted.

use super::terms::Reader;
use crate::meter::second::Report;
use crate::pipeline::Outlet;
use crate::sla::terms::Terms;
use crate::snapshot::{StreamKind, StreamRow};
use crate::stream::record::Stream;
use crate::voice::kind::Kind;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Streams listed by a replay; more are counted. At 250 octets each this is a gigabyte.
pub(super) const MAX_LISTED: usize = 4_000_000;

/// The streams of a replay.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) rows: Vec<StreamRow>,
    pub(super) left_out: u64,
}

/// One worker's way out.
#[derive(Debug)]
pub(super) struct Lane {
    judge: SyncSender<Report>,
    terms: Reader,
    /// A replay lists its streams; the daemon does not keep what has ended.
    listing: Option<Listing>,
}

impl Lane {
    pub(super) fn new(judge: SyncSender<Report>, terms: Reader, listed: bool) -> Self {
        Self {
            judge,
            terms,
            listing: listed.then(Listing::default),
        }
    }

    pub(super) fn into_listing(self) -> Listing {
        self.listing.unwrap_or_default()
    }
}

impl Outlet for Lane {
    fn report(&mut self, report: Report) {
        // A judge that is gone has panicked; whoever joins it says so.
        let _ = self.judge.send(report);
    }

    fn ended(&mut self, stream: &Stream) {
        if let Some(listing) = &mut self.listing {
            if listing.rows.len() < MAX_LISTED {
                listing.rows.push(row(stream));
            } else {
                listing.left_out += 1;
            }
        }
    }

    fn new_terms(&mut self) -> Option<Arc<Terms>> {
        self.terms.newer()
    }
}

/// What is shown of a stream that has ended.
fn row(stream: &Stream) -> StreamRow {
    let (total, continuity) = (stream.total(), stream.continuity());
    let nanos = |time: Option<std::time::Duration>| {
        time.and_then(|time| u64::try_from(time.as_nanos()).ok())
    };
    StreamRow {
        src: stream.key.src(),
        dst: stream.key.dst(),
        ssrc: stream.key.ssrc(),
        payload_type: stream.payload_type(),
        codec: stream.codec(),
        kind: match stream.kind {
            Kind::Audio => StreamKind::Audio,
            Kind::Video => StreamKind::Video,
        },
        packets: total.packets,
        bytes: total.ip,
        expected: continuity.expected(total.packets),
        lost: continuity.lost,
        late: continuity.late,
        duplicates: continuity.duplicates,
        reordered: continuity.reordered,
        jitter_mean_nanos: nanos(stream.jitter().mean()),
        jitter_max_nanos: nanos(stream.jitter().max()),
        src_asn: stream.pair().src,
        dst_asn: stream.pair().dst,
        first: stream.first(),
        last: stream.last,
    }
}
