//! The immutable state a scrape shows. The judge publishes one `Arc<Snapshot>` a second; export
//! reads snapshots and nothing else, so a scrape never touches the capture.
//!
//! Plain values: counts are totals since the start, times are packet time.

pub mod distribution;
pub mod evidence;
pub mod fleet;

use crate::asn::Origin;
use crate::discard::{Discard, DiscardCounts};
use crate::meter::asn_counts::AsnCounts;
use crate::meter::second::CallUsage;
use crate::sla::commitment::{CountRule, DirectionRule, TransitRule};
use crate::sla::direction::{Direction, Directions};
use crate::sla::limit::Limit;
use crate::sla::measure::{Guarantee, PerMeasure};
use crate::sla::{IndeterminateReason, Verdict};
use crate::stream::booking::LossReason;
use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::{Layer, LossCounts, ShownLoss, TrafficCounts, shown};
use crate::units::occupancy::TableStates;
use crate::units::{Asn, BitRate, Endpoint, Ratio, Second, Timestamp};
use crate::voice::class::Class;
pub use crate::voice::class::StreamKind;
use crate::voice::signalling::CallCounts;
pub use distribution::{BUCKET_BOUNDS_SECONDS, Distribution};
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// IP octets that somebody answered.
    pub confirmed_bytes: u64,
    /// What counters show.
    pub counters: Rising,
}

/// Sums that may go down again, where a packet still comes, at the highest that they have been: a
/// counter that goes back is one that began anew (Prometheus, OpenMetrics 1.0).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rising {
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

/// One stream of a replay: one SSRC from one transport address to another. Not part of a
/// [`Snapshot`]: a live meter keeps no list of ended streams.
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

/// A stream that goes on, as one that is bad. Not part of a [`Snapshot`] either: it is asked for.
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

/// One commitment and the ASNs judged by it.
#[derive(Clone, Debug)]
pub struct CommitmentRow {
    /// Its name.
    pub name: Arc<str>,
    /// The committed data rate.
    pub committed_rate: BitRate,
    /// The threshold.
    pub threshold: Ratio,
    /// Seconds in the window.
    pub window_seconds: u32,
    /// Which traffic is held against the threshold.
    pub direction: DirectionRule,
    /// Whether what nobody answers is held against it.
    pub count: CountRule,
    /// Which octets count.
    pub layer: Layer,
    /// What is guaranteed below the threshold.
    pub guarantee: Guarantee,
    /// The first second that was judged by all this, after another contract; none: all were.
    pub since: Option<Second>,
    /// Judged ASNs, sorted by number.
    pub asns: Vec<CommitmentAsnRow>,
    /// Seconds judged in which all networks had stopped at once: the tap may have failed.
    pub tap_gap_seconds: u64,
    /// What is done about transit ASNs.
    pub transit_rule: TransitRule,
    /// ASNs judged by what goes through them, sorted by number; without guarantees.
    pub transit: Vec<CommitmentAsnRow>,
    /// The last second of which the verdicts are settled; none where none is yet.
    pub settled_until: Option<Second>,
}

/// One ASN under one commitment.
#[derive(Clone, Debug)]
pub struct CommitmentAsnRow {
    /// Which ASN.
    pub asn: Asn,
    /// Its name, untrusted text.
    pub name: Option<Arc<str>>,
    /// Octets in the current window.
    pub window_bytes: Directions<u64>,
    /// Of these those that somebody answered.
    pub confirmed_window_bytes: Directions<u64>,
    /// The window with the largest share so far, in octets.
    pub peak_window_bytes: Directions<u64>,
    /// Share of the committed rate in the current window: 1.0 is all of it.
    pub share: Directions<f64>,
    /// That of what somebody answered.
    pub confirmed_share: Directions<f64>,
    /// Whether the current window exceeds the threshold only by what nobody answered.
    pub unconfirmed_excess: bool,
    /// Seconds in which it did.
    pub unconfirmed_excess_seconds: u64,
    /// The largest share so far, each of the committed rate that held.
    pub peak_share: Directions<f64>,
    /// Whether the current window exceeds the threshold.
    pub out_of_sla: bool,
    /// Seconds out of SLA.
    pub out_of_sla_seconds: u64,
    /// Intervals out of SLA, in order of their start; the open ones included.
    pub out_of_sla_intervals: Vec<ExcessIntervalRow>,
    /// The transit ASNs on its paths in the current window, ascending: the way to it known, the way
    /// back assumed. While it is out of SLA the exclusion covers them, for its traffic.
    pub transit: Vec<Asn>,
    /// Every transit ASN that was ever covered so, ascending.
    pub covered: Vec<Asn>,
    /// Each measure, if guaranteed now or judged before.
    pub guarantees: PerMeasure<Option<GuaranteeRow>>,
    /// What the verdicts of the current window rest on.
    pub remaining: AsnCounts,
    /// Streams that it sends and that are silent.
    pub silence: SilenceRow,
    /// The last hour, oldest minute first; minutes without voice are left out.
    pub last_hour: Vec<Minute>,
}

/// The silent streams of an ASN under a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SilenceRow {
    /// Streams that are active; 0 where none is silent.
    pub active: u64,
    /// Streams that are silent without a reason.
    pub silent: u64,
    /// Packets that these would have sent so far, of each for 10 s at most.
    pub open: u64,
    /// Packets of silences that have ended, which no verdict took into account.
    pub unjudged: u64,
    /// Streams that fell silent together.
    pub outage: Option<Outage>,
}

/// Streams of an ASN that fell silent together, and have not gone on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// The second of the first one's last packet.
    pub since: Second,
    /// How many they are.
    pub streams: u64,
    /// Of so many that are active.
    pub active: u64,
}

/// A minute of an ASN under a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Minute {
    /// Its first second.
    pub start: Second,
    /// The largest window that ended in it, in thousandths of the limit that held, in the judged
    /// direction that had more.
    pub peak_thousandths: u32,
    /// Of each measure the seconds with each verdict, in the order of [`Verdict`]; 60 at most.
    pub verdicts: PerMeasure<[u8; 4]>,
}

/// A time out of SLA in one direction.
#[derive(Clone, PartialEq, Debug)]
pub struct ExcessIntervalRow {
    /// Which traffic went over.
    pub direction: Direction,
    /// Start of the first second over the threshold.
    pub from: Second,
    /// The last second over the threshold so far.
    pub last: Second,
    /// Still over.
    pub open: bool,
    /// The largest window in it, in octets.
    pub peak_window_bytes: u64,
    /// Its share.
    pub peak_share: f64,
    /// What it was over.
    pub limit: Limit,
    /// The transit ASNs that the exclusion covered, for this ASN's traffic; ascending.
    pub transit: Vec<Asn>,
}

/// How a guarantee stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GuaranteeRow {
    /// Verdict of the last judged second; none without voice in the window.
    pub verdict: Option<Verdict>,
    /// Where that is void for the sake of transit and not of the ASN's own traffic: the lowest
    /// transit ASN out of SLA that its packets crossed.
    pub void_by_transit: Option<Asn>,
    /// Where it is indeterminate: why.
    pub indeterminate_reason: Option<IndeterminateReason>,
    /// Seconds of each verdict, in the order of [`Verdict::ALL`].
    pub seconds: [u64; Verdict::ALL.len()],
    /// Of those that are indeterminate the seconds of each reason, in the order of
    /// [`IndeterminateReason::ALL`].
    pub indeterminate: [u64; IndeterminateReason::ALL.len()],
    /// Seconds of each verdict as settled, in the same order: up to [`CommitmentRow::settled_until`].
    pub settled: Option<[u64; Verdict::ALL.len()]>,
}

impl GuaranteeRow {
    /// Seconds with this verdict.
    pub fn seconds_of(&self, verdict: Verdict) -> u64 {
        self.seconds.get(verdict as usize).copied().unwrap_or(0)
    }

    /// Seconds that are indeterminate for this reason.
    pub fn indeterminate_for(&self, reason: IndeterminateReason) -> u64 {
        let seconds = self.indeterminate.get(reason as usize);
        seconds.copied().unwrap_or(0)
    }
}
