//! A worker's way out: its channel to the judge, and the list of its streams where one is wanted.

use super::terms::Reader;
use crate::meter::second::Report;
use crate::pipeline::Outlet;
use crate::sla::terms::Terms;
use crate::snapshot::{StreamKind, StreamRow};
use crate::stream::record::Stream;
use crate::voice::kind::Kind;
use crate::voice::signalling::Announcement;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Streams listed by a replay; more are counted. At 250 octets each this is a gigabyte.
pub(super) const MAX_LISTED: usize = 4_000_000;

/// The streams of a replay.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) rows: Vec<StreamRow>,
    pub(super) left_out: u64,
}

/// Announcements waiting for one worker: a second of 1000 new calls. Beyond that they are not heard
/// there, and counted; the worker that is told never makes the teller wait.
const ANNOUNCEMENTS: usize = 1024;

/// One worker's ear and mouth among the others.
#[derive(Debug)]
pub(super) struct Circle {
    others: Vec<SyncSender<Announcement>>,
    heard: Receiver<Announcement>,
}

/// A circle for so many workers; none where there is only one.
pub(super) fn circle(workers: usize) -> Vec<Option<Circle>> {
    if workers < 2 {
        return (0..workers).map(|_| None).collect();
    }
    let (mouths, ears): (Vec<_>, Vec<_>) =
        (0..workers).map(|_| sync_channel(ANNOUNCEMENTS)).unzip();
    let of_others = |own: usize| {
        let others = mouths.iter().enumerate();
        let others = others.filter(move |(place, _)| *place != own);
        others.map(|(_, mouth)| mouth.clone()).collect()
    };
    let numbered = ears.into_iter().enumerate();
    numbered
        .map(|(own, heard)| {
            Some(Circle {
                others: of_others(own),
                heard,
            })
        })
        .collect()
}

/// One worker's way out.
#[derive(Debug)]
pub(super) struct Lane {
    circle: Option<Circle>,
    judge: SyncSender<Report>,
    terms: Reader,
    /// A replay lists its streams; the daemon does not keep what has ended.
    listing: Option<Listing>,
}

impl Lane {
    pub(super) fn new(judge: SyncSender<Report>, terms: Reader, listed: bool) -> Self {
        Self {
            circle: None,
            judge,
            terms,
            listing: listed.then(Listing::default),
        }
    }

    /// The same among other workers.
    pub(super) fn among(self, circle: Option<Circle>) -> Self {
        Self { circle, ..self }
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

    fn has_others(&self) -> bool {
        self.circle.is_some()
    }

    fn tell(&mut self, announcement: &Announcement) -> u64 {
        let others = self.circle.iter().flat_map(|circle| &circle.others);
        let missed = others.filter(|other| other.try_send(announcement.clone()).is_err());
        missed.count() as u64
    }

    #[inline]
    fn told(&mut self) -> Option<Announcement> {
        self.circle.as_ref()?.heard.try_recv().ok()
    }
}

/// What is shown of a stream that has ended.
fn row(stream: &Stream) -> StreamRow {
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
        kind: match stream.kind {
            Kind::Audio => StreamKind::Audio,
            Kind::Video => StreamKind::Video,
        },
        packets,
        bytes: stream.ip_bytes(),
        expected: continuity.expected(packets),
        lost: continuity.lost,
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

#[cfg(test)]
mod tests;
