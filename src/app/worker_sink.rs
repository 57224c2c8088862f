//! The sink of a worker: its channels to the judge and to its peers, and the list of its streams in a
//! replay.

use super::judge_thread::ReportSender;
use super::local_check::LocalCheck;
use super::shared_policy::PolicyReader;
use super::stream_row;
use super::worst_streams::StreamsReader;
use crate::meter::second::WorkerReport;
use crate::pipeline::WorkerSink;
use crate::sla::policy::Policy;
use crate::snapshot::StreamRow;
use crate::stream::Streams;
use crate::stream::record::Stream;
use crate::voice::signalling::Announcement;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Most streams that a worker of a replay lists; further ones are only counted. At 250 octets each this
/// is 1 GB.
pub(super) const MAX_LISTED: usize = 4_000_000;

/// The streams of a replay.
#[derive(Debug, Default)]
pub(super) struct StreamList {
    pub(super) rows: Vec<StreamRow>,
    pub(super) left_out: u64,
}

/// Capacity of a worker's channel of announcements: those of one second with 1000 new calls. Further
/// ones are dropped and counted; the sender never waits.
const ANNOUNCEMENTS: usize = 1024;

/// The channels of one worker to and from its peers.
#[derive(Debug)]
pub(super) struct PeerChannels {
    others: Vec<SyncSender<Announcement>>,
    received: Receiver<Announcement>,
}

/// The channels between all workers; `None` for a single worker.
pub(super) fn peer_channels(workers: usize) -> Vec<Option<PeerChannels>> {
    if workers < 2 {
        return (0..workers).map(|_| None).collect();
    }
    mirrored_channels(workers).0
}

/// The same, for a single worker too, with the senders for who mirrors signalling to all of them.
pub(super) fn mirrored_channels(
    workers: usize,
) -> (Vec<Option<PeerChannels>>, Vec<SyncSender<Announcement>>) {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..workers).map(|_| sync_channel(ANNOUNCEMENTS)).unzip();
    let of_others = |own: usize| {
        let others = senders.iter().enumerate();
        let others = others.filter(move |(index, _)| *index != own);
        others.map(|(_, sender)| sender.clone()).collect()
    };
    let numbered = receivers.into_iter().enumerate();
    let channels = numbered.map(|(own, received)| {
        Some(PeerChannels {
            others: of_others(own),
            received,
        })
    });
    (channels.collect(), senders.clone())
}

/// The sink of one worker.
#[derive(Debug)]
pub(super) struct ChannelSink {
    peer_channels: Option<PeerChannels>,
    judge: ReportSender,
    policy: PolicyReader,
    /// The ended streams, in a replay; the daemon does not keep them.
    stream_list: Option<StreamList>,
    /// Reads questions for streams; none where streams are not shown.
    streams_reader: Option<StreamsReader>,
    /// Whether own prefixes occur; nobody asks where there are none, or any more.
    local_check: Option<LocalCheck>,
}

impl ChannelSink {
    pub(super) fn new(judge: ReportSender, policy: PolicyReader, listed: bool) -> Self {
        Self {
            peer_channels: None,
            judge,
            policy,
            stream_list: listed.then(StreamList::default),
            streams_reader: None,
            local_check: None,
        }
    }

    /// Looks whether own prefixes occur.
    pub(super) fn with_local_check(self, local_check: Option<LocalCheck>) -> Self {
        Self {
            local_check,
            ..self
        }
    }

    /// Answers who asks for streams.
    pub(super) fn with_streams(self, streams_reader: Option<StreamsReader>) -> Self {
        Self {
            streams_reader,
            ..self
        }
    }

    /// Adds the channels to the other workers.
    pub(super) fn with_peers(self, peer_channels: Option<PeerChannels>) -> Self {
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
        self.judge.send(report);
    }

    fn ended(&mut self, stream: &Stream) {
        if let Some(stream_list) = &mut self.stream_list {
            if stream_list.rows.len() < MAX_LISTED {
                stream_list.rows.push(stream_row::row(stream));
            } else {
                stream_list.left_out += 1;
            }
        }
    }

    fn second_closed(&mut self, streams: &Streams) {
        if let Some(reader) = &mut self.streams_reader {
            reader.answer(streams);
        }
        self.local_check = self
            .local_check
            .take()
            .and_then(|mut check| (!check.check(streams)).then_some(check));
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

#[cfg(test)]
mod tests;
