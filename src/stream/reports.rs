//! What the far end says it lost of one stream, less what was lost before the tap: the loss
//! between the tap and the far end (MODEL §7.6).
//!
//! One [`RemoteReports`] lives in each stream, with the state of each reporter apart: counts are
//! cumulative, so each report is held against the one before of the same reporter, over the interval of
//! their extended highest sequence numbers (RFC 3550 §6.4.1, §A.3). Of several reporters the loss lies
//! between the least and the most that they report, whenever they report it.

mod certain;
mod reporter;
pub mod voip_counts;

use crate::stream::rtcp_account::RtcpAccount;
use crate::stream::sequence::Sequence;
use crate::stream::tally::LossCounts;
use crate::units::Second;
use crate::wire::rtcp::ReportBlock;
use certain::CertainLoss;
pub(super) use reporter::Reporter;

/// Most reporters of one stream at a time: the far end, a relay, a monitor and one more. The reports of
/// further ones are counted as unmatched.
const MAX_REPORTERS: usize = 4;

/// A reporter that has been silent for so many seconds gives its place to another: reports come every
/// 5 s and more (RFC 3550 §6.2).
const SILENT_SECONDS: u32 = 60;

/// A report says for so many seconds that somebody receives the stream.
const HEARD_SECONDS: u32 = 30;

/// Of several reporters, nobody is waited for longer than so many reports of another...
const WAITED_FOR: u8 = 3;

/// ...once so many seconds have passed since its last: a report is due after 2.5 to 7.5 s (RFC 3550 §6.2, §6.3.1).
const PUNCTUAL_SECONDS: u32 = 8;

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
    certain: CertainLoss,
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
        let Reporters { all, certain, .. } = &mut **self.0.get_or_insert_default();
        let now = context.second;
        let place = Self::place_of(all, context.reporter, now)?;
        let others = || all.iter().filter(|other| other.ssrc != context.reporter);
        let is_alone = !others().any(|other| other.takes_part(now));
        let last_other = others().map(Reporter::heard).max();
        let alone_since = is_alone.then_some(last_other.unwrap_or_default());
        let reporter = all.get_mut(place)?;
        let ago = |seconds: u32| Second(now.0.saturating_sub(seconds.into()));
        let (from, since) = (ago(reporter.silent(now)), ago(reporter.unheard(now)));
        let known = booked.len();
        let said = reporter.take(context, block, alone_since, booked);
        let said_before = reporter.said_before(said.counts);
        if let Some(short) = said_before.short {
            booked.extend((short != LossCounts::default()).then_some((now, short)));
        } else if let Some(counts) = said.counts {
            let is_due = reporter.note_round(counts) >= WAITED_FOR;
            let is_late = |other: &Reporter| is_due && other.silent(now) > PUNCTUAL_SECONDS;
            let waits = all
                .iter()
                .any(|other| other.is_awaited(now) && !is_late(other));
            if is_alone || !waits {
                booked.extend(Self::end_round(all).map(|counts| (now, counts)));
            }
        }
        let sum = certain.note(booked.get(known..).unwrap_or_default());
        let most = said_before.excess.saturating_add(said.taken_back);
        let doubted = certain.doubt(most, since, booked);
        for other in all
            .iter_mut()
            .filter(|other| other.ssrc != context.reporter)
        {
            other.miss(sum, doubted);
        }
        Some(is_alone.then_some((said.surplus, from)))
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
    /// and maybe lost is up to the most. Those that said nothing of it are no longer waited for.
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

    /// The stream is over, in a second: what the reporters have said goes to `booked` if it is not there yet. One
    /// that was heard until lately may have lost none of what only others have reported.
    pub fn finish(&mut self, now: Second, booked: &mut Vec<ReportedLoss>) {
        let Some(Reporters { all, certain, .. }) = self.0.as_deref_mut() else {
            return;
        };
        let last = all.iter().map(Reporter::heard).max().unwrap_or_default();
        let waits = all.iter().any(|reporter| reporter.is_awaited(last));
        if let Some(mut counts) = Self::end_round(all) {
            if waits {
                counts.add(LossCounts::confirmed(-counts.lost));
            }
            booked.push((now, counts));
        }
        for reporter in all {
            if reporter.silent(last) <= HEARD_SECONDS {
                let excess = reporter.take_missed();
                certain.doubt(excess, reporter.heard(), booked);
            }
        }
    }
}

#[cfg(test)]
mod tests;
