//! The account of one ASN under one contract: sums, windows, and how its seconds were given.

use super::maintenance::Maintenance;
use super::model::{DirectionRow, Peak, ReportRow, SampleRow};
use super::period::{Period, ReportZone};
use super::terms_in_force::TermsInForce;
use super::verdict_seconds::AsnSeconds;
use super::window::Window;
use crate::ledger::leaf::{CountedLeaf, DirectionLeaf, SampleLeaf, VerdictLeaf};
use crate::sla::commitment::CountRule;
use crate::sla::direction::{Direction, Directions};
use crate::sla::limit::Limit;
use crate::sla::verdict::confirmed;
use crate::units::Second;
use std::sync::Arc;

/// Seconds of a rate whose 95th percentile is shown: what carriers bill by.
const RATE_SECONDS: u64 = 300;

/// Parts of the period of which the largest share is kept, for the drawing.
pub(super) const SHARE_PARTS: u64 = 240;

/// The largest window of a time.
#[derive(Clone, Copy, Debug)]
struct Largest {
    share_ppm: u64,
    direction: Direction,
    second: u64,
}

/// Whether the last second was out of SLA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum OutOfSla {
    No,
    /// In a time that is none of the period: before it, or in seconds that ran twice so far.
    NotCounted,
    /// In a time that is one of the period.
    Counted,
}

/// The account of an ASN.
#[derive(Clone, Debug)]
pub(super) struct AsnAccount {
    from: DirectionRow,
    to: DirectionRow,
    latency: SampleRow,
    jitter: SampleRow,
    window: Window,
    /// What of it somebody answered.
    confirmed: Window,
    out_of_sla: OutOfSla,
    /// The verdicts that stand are void for the ASN's own traffic.
    is_void: bool,
    out_of_sla_s: u64,
    intervals: u64,
    peak: Option<Largest>,
    /// The largest window of what somebody answered, and its octets under the present limit.
    confirmed_peak: Option<Largest>,
    confirmed_most: u64,
    shares: Vec<u32>,
    /// The part of the period whose largest window under the present limit this is, in octets.
    part: (u64, u64),
    /// Octets from and to in 5 minutes, by their number in the period.
    rates: Vec<(u32, u64, u64)>,
    seconds: AsnSeconds,
    /// Anything was counted in the period.
    is_counted: bool,
}

impl AsnAccount {
    /// Of an ASN that nobody has seen, from a second on.
    pub(super) fn new(since: u64, maintenance: Arc<Maintenance>) -> Self {
        Self {
            from: DirectionRow::default(),
            to: DirectionRow::default(),
            latency: SampleRow::default(),
            jitter: SampleRow::default(),
            window: Window::default(),
            confirmed: Window::default(),
            out_of_sla: OutOfSla::No,
            is_void: false,
            out_of_sla_s: 0,
            intervals: 0,
            peak: None,
            confirmed_peak: None,
            confirmed_most: 0,
            shares: Vec::new(),
            part: (0, 0),
            rates: Vec::new(),
            seconds: AsnSeconds::new(since, maintenance),
            is_counted: false,
        }
    }

    /// Notes what happens in each minute, instead of what only a report shows.
    pub(super) fn keep_minutes(&mut self) {
        self.seconds.keep_minutes();
    }

    /// Forgets the minutes before one. Returns whether anything is left that another account of an ASN
    /// that nobody has seen would not have.
    pub(super) fn forget_minutes(&mut self, before: u64) -> bool {
        let minutes = self.seconds.minutes_mut();
        let has_minutes = minutes.is_some_and(|minutes| {
            minutes.forget(before);
            !minutes.is_empty()
        });
        has_minutes || !self.window.is_empty() || self.seconds.has_verdict()
    }

    /// Whether it belongs in the report.
    pub(super) fn is_seen(&self) -> bool {
        self.is_counted || self.seconds.is_seen()
    }

    /// Takes what was counted in a second, judged or amended. `in_window`: it counts there. Returns
    /// whether it needed room.
    pub(super) fn count(
        &mut self,
        leaf: &CountedLeaf,
        second: u64,
        in_window: bool,
        period: Period,
    ) -> bool {
        let both = leaf.from.bytes.saturating_add(leaf.to.bytes);
        let bytes = Directions {
            from: leaf.from.bytes,
            to: leaf.to.bytes,
            sum: both.saturating_sub(leaf.both_bytes),
        };
        if in_window && bytes != Directions::default() {
            self.window.add(second, bytes);
        }
        let confirmed = confirmed(&leaf.counts());
        if in_window && confirmed != Directions::default() {
            self.confirmed.add(second, confirmed);
        }
        if !period.contains(second) {
            return false;
        }
        self.is_counted = true;
        if let Some(minutes) = self.seconds.minutes_mut() {
            minutes.count(second, leaf);
            return false;
        }
        count_direction(&mut self.from, leaf.from);
        count_direction(&mut self.to, leaf.to);
        count_samples(&mut self.latency, leaf.latency);
        count_samples(&mut self.jitter, leaf.jitter);
        self.count_rate((second - period.from.0) / RATE_SECONDS, bytes)
    }

    fn count_rate(&mut self, number: u64, bytes: Directions<u64>) -> bool {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let behind = self.rates.iter().rev().take_while(|rate| rate.0 > number);
        let place = self.rates.len() - behind.count();
        let last = place.checked_sub(1);
        let last = last.and_then(|last| self.rates.get_mut(last));
        let Some(rate) = last.filter(|rate| rate.0 == number) else {
            self.rates.insert(place, (number, bytes.from, bytes.to));
            return true;
        };
        rate.1 = rate.1.saturating_add(bytes.from);
        rate.2 = rate.2.saturating_add(bytes.to);
        false
    }

    /// Holds the window that ends with a second against the threshold. A second that is not new was
    /// counted when it was judged first.
    pub(super) fn judge_window(&mut self, second: u64, terms: &TermsInForce<'_>, is_new: bool) {
        let first = (second + 1).saturating_sub(terms.limit.window.get().into());
        self.window.begin_with(first);
        self.confirmed.begin_with(first);
        if self.window.is_empty() && self.out_of_sla == OutOfSla::No && !self.is_void {
            return;
        }
        let period = terms.period;
        let is_inside = is_new && period.contains(second);
        // Behind what could not be written the judge's window held more than the ledger's.
        let mut is_out = self.is_void;
        for &direction in terms.judged {
            let held = match terms.count {
                CountRule::All => &self.window,
                CountRule::Confirmed | CountRule::Both => &self.confirmed,
            };
            let bytes = *held.sum().get(direction);
            is_out |= terms.limit.is_exceeded(bytes);
            if !is_inside {
                continue;
            }
            if let Some(minutes) = self.seconds.minutes_mut() {
                minutes.note_window(second, bytes, terms.limit);
            } else {
                self.note_share(bytes, direction, second, terms);
                self.note_confirmed(direction, second, terms.limit);
            }
        }
        if is_out && is_inside {
            self.out_of_sla_s += 1;
            if let Some(minutes) = self.seconds.minutes_mut() {
                minutes.note_out_of_sla(second);
            }
        }
        let was_counted = self.out_of_sla == OutOfSla::Counted;
        self.out_of_sla = match (is_out, is_inside || was_counted) {
            (false, _) => OutOfSla::No,
            (true, false) => OutOfSla::NotCounted,
            (true, true) => OutOfSla::Counted,
        };
        self.intervals += u64::from(!was_counted && self.out_of_sla == OutOfSla::Counted);
    }

    fn note_share(
        &mut self,
        bytes: u64,
        direction: Direction,
        second: u64,
        terms: &TermsInForce<'_>,
    ) {
        let period = terms.period;
        let part = (second - period.from.0) * SHARE_PARTS / period.seconds();
        if self.part.0 != part {
            self.part = (part, 0);
        }
        if bytes <= self.part.1 {
            return;
        }
        self.part.1 = bytes;
        let share_ppm = share_ppm(bytes, terms.limit);
        let place = usize::try_from(part).unwrap_or(usize::MAX);
        if self.shares.is_empty() {
            self.shares = vec![0; usize::try_from(SHARE_PARTS).unwrap_or_default()];
        }
        if let Some(share) = self.shares.get_mut(place) {
            *share = (*share).max(u32::try_from(share_ppm).unwrap_or(u32::MAX));
        }
        if self.peak.is_none_or(|peak| peak.share_ppm < share_ppm) {
            self.peak = Some(Largest {
                share_ppm,
                direction,
                second,
            });
        }
    }

    fn note_confirmed(&mut self, direction: Direction, second: u64, limit: Limit) {
        let bytes = *self.confirmed.sum().get(direction);
        if bytes <= self.confirmed_most {
            return;
        }
        self.confirmed_most = bytes;
        let share_ppm = share_ppm(bytes, limit);
        let largest = self.confirmed_peak.as_ref();
        if largest.is_none_or(|largest| largest.share_ppm < share_ppm) {
            self.confirmed_peak = Some(Largest {
                share_ppm,
                direction,
                second,
            });
        }
    }

    /// Windows begin anew.
    pub(super) fn forget_window(&mut self) {
        (self.window, self.confirmed) = (Window::default(), Window::default());
    }

    /// Another limit holds from now on.
    pub(super) fn begin_limit(&mut self) {
        self.part.1 = 0;
        self.confirmed_most = 0;
    }

    /// How its seconds stand.
    pub(super) const fn seconds(&self) -> &AsnSeconds {
        &self.seconds
    }

    /// The same, to be given.
    pub(super) const fn seconds_mut(&mut self) -> &mut AsnSeconds {
        &mut self.seconds
    }

    /// Other verdicts stand from now on.
    pub(super) fn set_verdicts(&mut self, leaf: &VerdictLeaf) -> Result<(), String> {
        self.seconds.set_verdicts(leaf)?;
        self.is_void = self.seconds.is_void() && leaf.void_by_transit.is_none();
        Ok(())
    }

    /// No verdict stands any more.
    pub(super) fn clear_verdicts(&mut self) {
        self.seconds.clear_verdicts();
        self.is_void = false;
    }

    /// An interval that goes on begins anew.
    pub(super) fn end_intervals(&mut self) {
        self.out_of_sla = OutOfSla::No;
    }

    /// As a row, but for how seconds were given. `allowed`: bits that the committed rate allows in the
    /// seconds that were seen.
    pub(super) fn row(
        &self,
        asn: u32,
        allowed: u128,
        zone: &ReportZone,
        period: Period,
    ) -> ReportRow {
        let rates = |bytes: fn(&(u32, u64, u64)) -> u64| {
            percentile_rate(self.rates.iter().map(bytes).collect(), period)
        };
        let direction = |row: DirectionRow, p95_5min_bps| DirectionRow {
            mean_share_ppm: mean_share_ppm(row.bytes, allowed),
            mean_confirmed_ppm: mean_share_ppm(row.confirmed_bytes, allowed),
            p95_5min_bps,
            ..row
        };
        let peak = |largest: Largest| Peak {
            share_ppm: largest.share_ppm,
            direction: largest.direction.as_str(),
            second: zone.text(Second(largest.second)),
        };
        ReportRow {
            asn: Some(asn),
            from: direction(self.from, Some(rates(|rate| rate.1))),
            to: direction(self.to, Some(rates(|rate| rate.2))),
            peak: self.peak.map(peak),
            confirmed_peak: self.confirmed_peak.map(peak),
            out_of_sla_s: self.out_of_sla_s,
            intervals: self.intervals,
            latency: self.latency,
            jitter: self.jitter,
            shares: self.shares.clone(),
            ..ReportRow::default()
        }
    }
}

fn count_direction(row: &mut DirectionRow, leaf: DirectionLeaf) {
    row.bytes = row.bytes.saturating_add(leaf.bytes);
    let confirmed = leaf.confirmed_bytes.unwrap_or(leaf.bytes);
    row.confirmed_bytes = row.confirmed_bytes.saturating_add(confirmed);
    row.expected = row.expected.saturating_add(leaf.expected);
    row.lost = row.lost.saturating_add(leaf.lost);
    row.maybe_lost = row.maybe_lost.saturating_add(leaf.maybe_lost);
}

fn count_samples(row: &mut SampleRow, leaf: SampleLeaf) {
    row.samples = row.samples.saturating_add(leaf.samples);
    row.over = row.over.saturating_add(leaf.over);
    row.maybe_over = row.maybe_over.saturating_add(leaf.maybe_over);
}

/// The share of a window in millionths, rounded down.
fn share_ppm(bytes: u64, limit: Limit) -> u64 {
    let whole = u128::from(limit.committed_rate.0) * u128::from(limit.window.get());
    mean_share_ppm(bytes, whole)
}

/// What octets are of so many bits, in millionths, rounded down.
pub(super) fn mean_share_ppm(bytes: u64, bits: u128) -> u64 {
    let share = (8_000_000 * u128::from(bytes)).checked_div(bits);
    u64::try_from(share.unwrap_or(0)).unwrap_or(u64::MAX)
}

/// The 95th percentile of the rates of 5 minutes, by nearest rank, in bit/s: in 5 % of the period the rate
/// was higher. Where nothing was counted it was 0.
pub(super) fn percentile_rate(mut bytes: Vec<u64>, period: Period) -> u64 {
    let all = period.seconds().div_ceil(RATE_SECONDS);
    bytes.sort_unstable();
    let rank = (all * 95).div_ceil(100);
    let empty = all.saturating_sub(bytes.len() as u64);
    let place = rank.checked_sub(empty + 1);
    let place = place.and_then(|place| usize::try_from(place).ok());
    let bytes = place.and_then(|place| bytes.get(place));
    bytes.map_or(0, |bytes| bytes.saturating_mul(8) / RATE_SECONDS)
}
