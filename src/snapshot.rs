//! The immutable state a scrape shows. The judge publishes one `Arc<Snapshot>` a second; export
//! reads snapshots and nothing else, so a scrape never touches the capture.
//!
//! Plain values: counts are totals since the start, times are packet time.

mod commitment;
pub mod distribution;
pub mod evidence;
pub mod fleet;
mod stream;

use crate::asn::Origin;
use crate::discard::{Discard, DiscardCounts};
use crate::meter::second::CallUsage;
use crate::stream::booking::LossReason;
use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::{LossCounts, ShownLoss, TrafficCounts, shown};
use crate::units::occupancy::TableStates;
use crate::units::{Second, Timestamp};
use crate::voice::class::Class;
pub use crate::voice::class::StreamKind;
use crate::voice::signalling::CallCounts;
pub use commitment::{
    CommitmentAsnRow, CommitmentRow, ExcessIntervalRow, GuaranteeRow, Minute, Outage, SilenceRow,
};
pub use distribution::{BUCKET_BOUNDS_SECONDS, Distribution};
use std::collections::BTreeMap;
use std::sync::Arc;
pub use stream::{StreamRow, WorstStream};

/// Everything there is to show.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The last second judged.
    pub judged: Option<Second>,
    /// What was captured.
    pub capture: CaptureTotals,
    /// Voice packets, each counted once.
    pub voice: Count,
    /// Frames that are not voice, by reason.
    pub discards: DiscardCounts,
    /// Frames of streams still in probation.
    pub pending_frames: u64,
    /// Frames that came after their second was closed.
    pub late_frames: u64,
    /// Packets beyond the first of frames that held several (receive offload).
    pub merged_packets: u64,
    /// Frames that held several packets, of which not all could be told apart.
    pub unsplit_frames: u64,
    /// Backward jumps of packet time over one second.
    pub clock_steps: u64,
    /// Seconds we did not see whole.
    pub incomplete_seconds: u64,
    /// The last of these.
    pub last_incomplete: Option<Second>,
    /// Streams refused because the table was full.
    pub streams_refused: u64,
    /// Answers that cannot be round trips: 0, negative, or over 10 s.
    pub round_trips_refused: u64,
    /// RTCP report blocks that matched no stream.
    pub unmatched_reports: u64,
    /// Sender reports whose count of packets does not fit the numbers that came.
    pub contradicting_reports: u64,
    /// Questions of round trips that nobody answered, by method.
    pub round_trips_unanswered: [u64; RttMethod::ALL.len()],
    /// SIP dialogs that found no room.
    pub dialogs_refused: u64,
    /// Calls whose outcome is not counted, because they found no room.
    pub calls_refused: u64,
    /// Session descriptions that did not reach another interface's worker, once for each.
    pub announcements_missed: u64,
    /// Frames found to be a mirror port's copies of others, counted or discarded.
    pub mirror_copies: u64,
    /// Packets, among a sample of the newest ones, that workers of two interfaces have seen.
    pub doubled_packets: u64,
    /// Fragments of IP packets that found no room in their table: their octets are in no sum.
    pub fragments_refused: u64,
    /// How full the tables of all workers together are.
    pub tables: TableStates,
    /// Octets of voice that an ASN source names another origin for than the one that decided, by
    /// the name of that source.
    pub disputed: BTreeMap<Arc<str>, u64>,
    /// Per ASN, sorted by label: `local`, numbers, `other`.
    pub asns: Vec<AsnRow>,
    /// Per transit ASN, sorted by label: numbers, `other`.
    pub transit: Vec<TransitRow>,
    /// Times that transit was not noted, since a bound was reached.
    pub transit_left_out: u64,
    /// Per commitment, in the order of the configuration.
    pub commitments: Vec<CommitmentRow>,
}

impl Snapshot {
    /// Mirror copies that were not taken out: they stand in every share.
    pub fn counted_copies(&self) -> u64 {
        let taken_out = self.discards.of(Discard::MirrorCopy);
        self.mirror_copies.saturating_sub(taken_out)
    }
}

/// What was captured.
#[derive(Clone, Debug, Default)]
pub struct CaptureTotals {
    /// Frames.
    pub frames: u64,
    /// Their original lengths.
    pub bytes: u64,
    /// Earliest capture time.
    pub first: Option<Timestamp>,
    /// Latest capture time.
    pub last: Option<Timestamp>,
    /// Per interface, by name.
    pub interfaces: Vec<InterfaceRow>,
}

/// One interface.
#[derive(Clone, Debug, Default)]
pub struct InterfaceRow {
    /// Its name; empty for a capture file that gives none.
    pub name: Arc<str>,
    /// Frames captured.
    pub frames: u64,
    /// Frames known to be dropped before us.
    pub dropped: u64,
    /// Times that it was found gone or down.
    pub down: u64,
    /// Frames that the kernel's filter cut because it did not know what is in them.
    pub unknown: u64,
}

/// Packets and their IP octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// IP total lengths.
    pub bytes: u64,
}

impl From<&TrafficCounts> for Count {
    fn from(octets: &TrafficCounts) -> Self {
        Self {
            packets: octets.packets,
            bytes: octets.ip,
        }
    }
}

impl Count {
    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// The subject of a row. Sorts `local` first, `other` last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Label {
    /// An origin with a row of its own.
    Origin(Origin),
    /// Every origin beyond `max_asns`, together.
    Other,
}

/// The `asn` label: `local`, a number, or `other`.
impl std::fmt::Display for Label {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Origin(origin) => origin.fmt(out),
            Self::Other => out.write_str("other"),
        }
    }
}

/// One ASN's traffic.
#[derive(Clone, Debug)]
pub struct AsnRow {
    /// The origin, or the sum of others.
    pub label: Label,
    /// The name that the ASN table gives, untrusted text.
    pub name: Option<Arc<str>>,
    /// What it sent.
    pub from: DirectionTotals,
    /// What was sent to it.
    pub to: DirectionTotals,
    /// What its end's RTCP says of the streams sent to it.
    pub reported: LossCounts,
    /// What the receivers' RTCP says of the streams that it sent: what was lost behind the tap.
    pub received: LossCounts,
    /// Calls that it set up, and those that were set up to it.
    pub calls: [CallTotals; 2],
    /// What receivers say that they hear (RTCP XR) of what it sent, and of what was sent to it; none where
    /// nobody says.
    pub voip_metrics: Option<Box<[VoipCounts; 2]>>,
    /// Interarrival jitter of what it sent: a stream's running estimate, once a second.
    pub jitter: Option<Distribution>,
    /// Round trips to its endpoints, by method.
    pub round_trips: [Option<Distribution>; RttMethod::ALL.len()],
    /// Streams from it with a packet in the judged second.
    pub streams: u64,
}

/// Calls in one direction, where their signalling is seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallTotals {
    /// Session requests and what became of them.
    pub counts: CallCounts,
    /// Streams in this direction that are one-way in the judged second.
    pub one_way_streams: u64,
    /// Their seconds so far, each stream's.
    pub one_way_seconds: u64,
}

impl CallTotals {
    /// Adds what was counted in a second.
    pub fn add(&mut self, usage: &CallUsage) {
        self.counts.add(&usage.counts);
        self.one_way_streams += usage.one_way;
        self.one_way_seconds += usage.one_way;
    }
}

/// What went through one ASN on its way to us or on from us. No part of any total of origins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransitRow {
    /// The transit ASN; `other` are packets through any of the rest.
    pub label: Label,
    /// The name that the ASN table gives, untrusted text.
    pub name: Option<Arc<str>>,
    /// What came through it: assumed, since only the way to an address is known.
    pub from: Count,
    /// What was sent through it.
    pub to: Count,
}

/// Totals of one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DirectionTotals {
    /// Packets and octets by class.
    pub classes: [Count; Class::ALL.len()],
    /// RTP packets that should have come (packets − duplicates − late + lost), of these lost, and those
    /// that may have been lost.
    pub loss: LossCounts,
    /// Duplicates.
    pub duplicates: u64,
    /// Reordered but in time.
    pub reordered: u64,
    /// Came when their number was not waited for any more.
    pub late: u64,
    /// RTP packets of streams that found no room: in no loss, and not in `expected`.
    pub unfollowed: u64,
    /// Not counted as lost for certain, by the reason; signed as the losses are.
    pub excused: [i64; LossReason::ALL.len()],
    /// Confirmed IP octets (MODEL §3.4).
    pub confirmed_bytes: u64,
    /// What counters show.
    pub counters: HighestTotals,
}

/// Sums that may go down again, where a packet still comes, at the highest that they have been: a
/// counter that goes back is one that began anew (Prometheus, OpenMetrics 1.0).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HighestTotals {
    /// Of [`DirectionTotals::loss`].
    pub loss: ShownLoss,
    /// Of [`DirectionTotals::excused`].
    pub excused: [u64; LossReason::ALL.len()],
}

impl DirectionTotals {
    /// All classes together.
    pub fn total(&self) -> Count {
        let mut sum = Count::default();
        self.classes.iter().for_each(|class| sum.add(*class));
        sum
    }

    /// Counters have risen to what the sums are now.
    pub fn raise(&mut self) {
        let counters = &mut self.counters;
        counters.loss = counters.loss.max(self.loss.shown());
        for (counter, sum) in counters.excused.iter_mut().zip(self.excused) {
            *counter = shown(sum).max(*counter);
        }
    }
}
