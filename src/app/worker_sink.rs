//! A worker's way out: its channel to the judge, and the list of its streams where one is wanted.

use super::shared_policy::PolicyReader;
use crate::meter::second::WorkerReport;
use crate::pipeline::WorkerSink;
use crate::sla::policy::Policy;
use crate::snapshot::StreamRow;
use crate::stream::record::Stream;
use crate::voice::signalling::Announcement;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Streams listed by a replay; more are counted. At 250 octets each this is a gigabyte.
pub(super) const MAX_LISTED: usize = 4_000_000;

/// The streams of a replay.
#[derive(Debug, Default)]
pub(super) struct StreamList {
    pub(super) rows: Vec<StreamRow>,
    pub(super) left_out: u64,
}

/// Announcements waiting for one worker: a second of 1000 new calls. Beyond that they are not heard
/// there, and counted; the worker that is told never makes the teller wait.
const ANNOUNCEMENTS: usize = 1024;

/// One worker's ear and mouth among the others.
#[derive(Debug)]
pub(super) struct PeerChannels {
    others: Vec<SyncSender<Announcement>>,
    received: Receiver<Announcement>,
}

/// A circle for so many workers; none where there is only one.
pub(super) fn peer_channels(workers: usize) -> Vec<Option<PeerChannels>> {
    if workers < 2 {
        return (0..workers).map(|_| None).collect();
    }
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..workers).map(|_| sync_channel(ANNOUNCEMENTS)).unzip();
    let of_others = |own: usize| {
        let others = senders.iter().enumerate();
        let others = others.filter(move |(place, _)| *place != own);
        others.map(|(_, sender)| sender.clone()).collect()
    };
    let numbered = receivers.into_iter().enumerate();
    numbered
        .map(|(own, received)| {
            Some(PeerChannels {
                others: of_others(own),
                received,
            })
        })
        .collect()
}

/// One worker's way out.
#[derive(Debug)]
pub(super) struct ChannelSink {
    peer_channels: Option<PeerChannels>,
    judge: SyncSender<WorkerReport>,
    policy: PolicyReader,
    /// A replay lists its streams; the daemon does not keep what has ended.
    stream_list: Option<StreamList>,
}

impl ChannelSink {
    pub(super) fn new(judge: SyncSender<WorkerReport>, policy: PolicyReader, listed: bool) -> Self {
        Self {
            peer_channels: None,
            judge,
            policy,
            stream_list: listed.then(StreamList::default),
        }
    }

    /// The same among other workers.
    pub(super) fn among(self, peer_channels: Option<PeerChannels>) -> Self {
        Self {
            peer_channels,
            ..self
        }
    }

    pub(super) fn into_stream_list(self) -> StreamList {
        self.stream_list.unwrap_or_default()
    }
}

impl WorkerSink for ChannelSink {
    fn report(&mut self, report: WorkerReport) {
        // A judge that is gone has panicked; whoever joins it says so.
        let _ = self.judge.send(report);
    }

    fn ended(&mut self, stream: &Stream) {
        if let Some(stream_list) = &mut self.stream_list {
            if stream_list.rows.len() < MAX_LISTED {
                stream_list.rows.push(row(stream));
            } else {
                stream_list.left_out += 1;
            }
        }
    }

    fn new_policy(&mut self) -> Option<Arc<Policy>> {
        self.policy.newer()
    }

    fn has_peers(&self) -> bool {
        self.peer_channels.is_some()
    }

    fn send_to_peers(&mut self, announcement: &Announcement) -> u64 {
        let others = self
            .peer_channels
            .iter()
            .flat_map(|peer_channels| &peer_channels.others);
        let missed = others.filter(|other| other.try_send(announcement.clone()).is_err());
        missed.count() as u64
    }

    #[inline]
    fn receive_from_peers(&mut self) -> Option<Announcement> {
        self.peer_channels.as_ref()?.received.try_recv().ok()
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
        kind: stream.kind,
        packets,
        bytes: stream.ip_bytes(),
        expected: continuity.expected(packets).max(0).cast_unsigned(),
        lost: continuity.lost.max(0).cast_unsigned(),
        maybe_lost: continuity.maybe_lost.max(0).cast_unsigned(),
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
