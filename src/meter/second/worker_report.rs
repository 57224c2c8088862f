//! What goes from a worker to the judge: closed seconds, steps of packet time, and the worker's own state.

use super::SecondCounts;
use crate::asn::DisagreeingSources;
use crate::attribution::scopes::ScopePlan;
use crate::meter::stream_sample::StreamSample;
use crate::stream::rtt::method::RttMethod;
use crate::units::occupancy::TableStates;
use crate::units::{Second, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds in a row that were not seen whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IncompleteRange {
    /// The first.
    pub first: Second,
    /// The last.
    pub last: Second,
    /// So many of their frames were not seen at most; none if nobody knows.
    pub at_most: Option<u64>,
}

/// Seconds from a worker to the judge: `second` with what was counted in it, then idle seconds up
/// to and with `through`.
#[derive(Clone, Debug)]
pub struct ClosedSecond {
    /// The second.
    pub second: Second,
    /// The last second of the idle time after it; `second` itself if there is none.
    pub through: Second,
    /// What was counted in `second`.
    pub counts: SecondCounts,
    /// What came for seconds already closed, oldest first.
    pub amendments: Vec<(Second, SecondCounts)>,
    /// Seconds not seen whole.
    pub incomplete: Vec<IncompleteRange>,
    /// The scopes that the masks refer to.
    pub scopes: Arc<ScopePlan>,
    /// The worker's own state.
    pub worker: WorkerState,
}

/// Octets of voice that ASN sources disagree about, by the place of the one that says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DisputedBytes([u64; 16]);

impl DisputedBytes {
    /// Adds octets to each that dissents.
    #[inline]
    pub fn add(&mut self, disagreeing: DisagreeingSources, octets: u64) {
        if disagreeing != DisagreeingSources::default() {
            for (place, sum) in (0_u32..).zip(&mut self.0) {
                *sum += octets * u64::from(disagreeing.0 >> place & 1);
            }
        }
    }
}

/// Names of sources that a worker remembers octets for: four configurations that have nothing in
/// common. A guess.
const MAX_DISPUTED: usize = 64;

/// The state of a worker, reported with each closed second: absolute values.
#[derive(Clone, Debug, Default)]
pub struct WorkerState {
    /// Names of its interfaces, by number.
    pub interfaces: Vec<Arc<str>>,
    /// Frames of closed seconds, by interface number.
    pub frames: Vec<u64>,
    /// Frames known to be dropped before it, by interface number.
    pub dropped: Vec<u64>,
    /// Frames that the kernel's filter did not know, by interface number.
    pub unknown: Vec<u64>,
    /// Earliest capture time.
    pub first: Option<Timestamp>,
    /// Latest capture time.
    pub last: Option<Timestamp>,
    /// Backward jumps of packet time.
    pub clock_steps: u64,
    /// Streams refused because the table was full.
    pub streams_refused: u64,
    /// RTCP report blocks that matched no stream.
    pub unmatched_reports: u64,
    /// Sender reports whose count of packets does not fit the numbers that came.
    pub contradicting_reports: u64,
    /// Questions that nobody answered, by method.
    pub round_trips_unanswered: [u64; RttMethod::ALL.len()],
    /// SIP dialogs that found no room.
    pub dialogs_refused: u64,
    /// Calls whose outcome is not counted, because they found no room.
    pub calls_refused: u64,
    /// Answers that cannot be round trips.
    pub round_trips_refused: u64,
    /// Session descriptions that did not reach another worker, once for each.
    pub announcements_missed: u64,
    /// Frames found to be a mirror port's copies of others, whatever was done with them.
    pub mirror_copies: u64,
    /// Some of the newest packets, to be found in other workers too.
    pub sample: StreamSample,
    /// Fragments of IP packets that found no room in their table.
    pub fragments_refused: u64,
    /// How full its tables are.
    pub tables: TableStates,
    /// Times that an interface was found gone or down, by interface number: ten a second.
    pub down: Vec<u64>,
    /// Octets of voice that an ASN source names another origin for than the one that decided, by
    /// the name of that source; `other` beyond a bound.
    pub disputed: BTreeMap<Arc<str>, u64>,
}

impl WorkerState {
    /// Adds what sources with these names disagree about.
    pub fn add_disputed<'a>(
        &mut self,
        disputed: DisputedBytes,
        names: impl Iterator<Item = &'a Arc<str>>,
    ) {
        for (name, octets) in names.zip(disputed.0) {
            let is_known = self.disputed.contains_key(name) || self.disputed.len() < MAX_DISPUTED;
            let name = if is_known {
                name.clone()
            } else {
                "other".into()
            };
            *self.disputed.entry(name).or_default() += octets;
        }
    }

    /// A frame of this time has come.
    #[inline]
    pub fn see(&mut self, time: Timestamp) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(time));
    }
}

/// What goes from a worker to the judge.
#[derive(Clone, Debug)]
pub enum WorkerReport {
    /// The worker begins; nothing before this second will come from it.
    Opened(Second),
    /// Seconds closed.
    Closed(Box<ClosedSecond>),
    /// Packet time jumped back into this second: what was known of the windows is void.
    Stepped(Second),
}

impl WorkerReport {
    /// Pairs of origins in it.
    pub fn pairs(&self) -> usize {
        match self {
            Self::Opened(_) | Self::Stepped(_) => 0,
            Self::Closed(closed) => {
                let amendments = closed.amendments.iter().map(|(_, counts)| counts);
                let all = amendments.chain([&closed.counts]);
                all.map(|counts| counts.usage.len()).sum()
            }
        }
    }
}
