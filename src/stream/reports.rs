//! What the far end says it lost of one stream, less what was lost before the tap: the loss
//! between the tap and the far end (MODEL §7.6).
//!
//! One [`RemoteReports`] lives in each stream, with the state of each reporter apart: counts are
//! cumulative, so each report is held against the one before of the same reporter, over the interval of
//! their extended highest sequence numbers (RFC 3550 §6.4.1, §A.3). Of several reporters the loss lies
//! between the least and the most that they report.

mod reporter;
pub mod voip_counts;

use crate::stream::rtcp_account::RtcpAccount;
use crate::stream::sequence::Sequence;
use crate::stream::tally::LossCounts;
use crate::units::Second;
use crate::wire::rtcp::ReportBlock;
pub(super) use reporter::Reporter;

/// Most reporters of one stream at a time: the far end, a relay, a monitor and one more. The reports of
/// further ones are counted as unmatched.
const MAX_REPORTERS: usize = 4;

/// A reporter that has been silent for so many seconds gives its place to another: reports come every
/// 5 s and more (RFC 3550 §6.2).
const SILENT_SECONDS: u32 = 60;

/// A report says for so many seconds that somebody receives the stream.
const HEARD_SECONDS: u32 = 30;

/// Of several reporters, nobody is waited for longer than so many reports of another.
const WAITED_FOR: u8 = 3;

/// What is to be booked of the reports on a stream, in a second.
pub type ReportedLoss = (Second, LossCounts);

/// Whose report it is, and how far the stream has come where it passes us.
#[derive(Clone, Copy, Debug)]
pub struct ReportContext<'a> {
    /// SSRC of the reporter.
    pub reporter: u32,
    /// The second of the report.
    pub second: Second,
    /// The numbers of the stream at the tap.
    pub sequence: &'a Sequence,
    /// Numbers missing at the tap that have left the reorder window.
    pub lost_here: u64,
}

/// The reporters of one stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RemoteReports(Option<Box<Reporters>>);

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Reporters {
    all: Vec<Reporter>,
    /// What RTCP says of doubt; none before it says anything.
    account: Option<Box<RtcpAccount>>,
}

impl RemoteReports {
    /// Takes a report on the stream; what follows from it goes to `booked`. A reporter's first report
    /// only says where its next interval begins: what was lost before we looked is nobody's. None where
    /// there are too many reporters. Of a single one that goes on: how many of the numbers that the tap misses in
    /// its interval it has, and when that began.
    pub fn report(
        &mut self,
        context: &ReportContext<'_>,
        block: &ReportBlock,
        booked: &mut Vec<ReportedLoss>,
    ) -> Option<Option<(u32, Second)>> {
        let reporters = &mut self.0.get_or_insert_default().all;
        let place = Self::place_of(reporters, context.reporter, context.second)?;
        let mut each = (0..).zip(reporters.iter());
        let now = context.second;
        let is_alone = each.all(|(other, reporter)| other == place || !reporter.takes_part(now));
        let reporter = reporters.get_mut(place)?;
        let (took_part, silent) = (reporter.takes_part(now), reporter.silent(now));
        let (counts, surplus) = reporter.take(context, block, is_alone, booked);
        if let Some(counts) = counts
            // One that others have not waited for joins with its next interval: they have spoken of this one.
            && (is_alone || took_part)
        {
            let is_due = reporter.note_round(counts) >= WAITED_FOR;
            let waits = reporters.iter().any(|reporter| reporter.is_awaited(now));
            if is_alone || is_due || !waits {
                booked.extend(Self::end_round(reporters).map(|counts| (now, counts)));
            }
        }
        let from = Second(now.0.saturating_sub(silent.into()));
        Some(is_alone.then_some((surplus, from)))
    }

    /// A reporter sends VoIP metrics (RFC 3611 §4.7): whether they count. None where there are too many
    /// reporters.
    pub fn note_metrics(&mut self, reporter: u32, now: Second) -> Option<bool> {
        let reporters = &mut self.0.get_or_insert_default().all;
        let place = Self::place_of(reporters, reporter, now)?;
        Some(reporters.get_mut(place)?.note_metrics(now))
    }

    /// The place of a reporter, known before or not; none where there is no room.
    fn place_of(reporters: &mut Vec<Reporter>, ssrc: u32, now: Second) -> Option<usize> {
        let known = reporters.iter().position(|each| each.ssrc == ssrc);
        if known.is_some() {
            return known;
        }
        let place = Self::make_room(reporters, now)?;
        let reporter = Reporter::new(ssrc, now);
        if let Some(silent) = reporters.get_mut(place) {
            *silent = reporter;
        } else {
            reporters.reserve_exact(1);
            reporters.push(reporter);
        }
        Some(place)
    }

    /// The place of a further reporter, if there is one.
    fn make_room(reporters: &[Reporter], now: Second) -> Option<usize> {
        if reporters.len() < MAX_REPORTERS {
            return Some(reporters.len());
        }
        let silent = (0..).zip(reporters.iter().map(|each| each.silent(now)));
        let (place, longest) = silent.max_by_key(|(_, seconds)| *seconds)?;
        (longest > SILENT_SECONDS).then_some(place)
    }

    /// What the reporters say of a stretch of the stream: of several, lost for certain is the least,
    /// and maybe lost is up to the most.
    fn end_round(reporters: &mut [Reporter]) -> Option<LossCounts> {
        let rounds: Vec<_> = reporters
            .iter_mut()
            .filter_map(Reporter::end_round)
            .collect();
        let expected = rounds.iter().map(|round| round.expected).max()?;
        let lost = rounds.iter().map(|round| round.lost).min()?;
        let most = rounds.iter().map(|round| round.lost + round.maybe_lost);
        let counts = LossCounts {
            expected,
            lost,
            maybe_lost: most.max()? - lost,
        };
        (counts != LossCounts::default()).then_some(counts)
    }

    /// Whether any of them has been heard in the last half minute: reports come every 5 s, and every 15 s in
    /// a group of three (RFC 3550 §6.2).
    pub fn is_heard(&self, now: Second) -> bool {
        let reporters = self.0.iter().flat_map(|all| &all.all);
        reporters
            .into_iter()
            .any(|reporter| reporter.silent(now) <= HEARD_SECONDS)
    }

    /// What RTCP says of doubt, if it says anything.
    pub(super) fn account(&mut self) -> Option<&mut RtcpAccount> {
        self.0.as_mut()?.account.as_deref_mut()
    }

    /// The same, from now on.
    pub(super) fn open_account(&mut self) -> &mut RtcpAccount {
        self.0
            .get_or_insert_default()
            .account
            .get_or_insert_default()
    }

    /// The sender has started anew: the next report begins the next interval.
    pub fn restart(&mut self) {
        let reporters = self.0.iter_mut().flat_map(|all| &mut all.all);
        reporters.for_each(Reporter::restart);
    }

    /// The stream is over: what the reporters have said that is not booked yet.
    pub fn finish(&mut self) -> Option<LossCounts> {
        Self::end_round(&mut self.0.as_mut()?.all)
    }
}

#[cfg(test)]
mod tests;
