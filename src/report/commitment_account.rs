//! The account of one contract: what it said from when on, and the account of each ASN under it.

use super::asn_account::AsnAccount;
use super::maintenance::Maintenance;
use super::minutes::MinuteLog;
use super::model::{CommitmentReport, CommitmentVersion, Exclusion, VerdictStrip, VerdictsSeen};
use super::period::{Period, ReportZone};
use super::seconds::{GivenSeconds, SecondSet, SecondVerdict};
use super::sums::{all, by_measure};
use super::terms_in_force::TermsInForce;
use super::verdict_seconds::{SecondSums, mark};
use crate::ledger::leaf::{CommitmentTerms, CountedLeaf, ExclusionLeaf, TransitRole, VerdictLeaf};
use crate::sla::commitment::{Commitment, TransitRule};
use crate::sla::limit::Limit;
use crate::sla::measure::Measure;
use crate::units::Second;
use std::collections::BTreeMap;

/// A contract that is in force.
#[derive(Debug)]
struct InForce {
    since: u64,
    terms: CommitmentTerms,
    sha256: String,
    commitment: Commitment,
    limit: Limit,
    guaranteed: [bool; Measure::COUNT],
}

impl InForce {
    /// What the accounts of its ASNs are kept by. `unseen`: seconds whose window was not seen whole.
    fn terms_of_asns<'a>(&self, unseen: &'a SecondSet, period: Period) -> TermsInForce<'a> {
        TermsInForce {
            limit: self.limit,
            count: self.commitment.count,
            judged: self.commitment.direction.judged(),
            guaranteed: self.guaranteed,
            unseen,
            period,
        }
    }
}

/// The account of a contract.
#[derive(Debug)]
pub(super) struct CommitmentAccount {
    name: String,
    period: Period,
    in_force: Option<InForce>,
    /// What was in force before.
    versions: Vec<InForceFor>,
    /// That of an ASN of which nobody saw anything: each account begins as a copy of it.
    absent: AsnAccount,
    asns: BTreeMap<(Option<TransitRole>, u32), AsnAccount>,
    /// Seconds whose window was not seen whole.
    unseen: SecondSet,
    strip: VerdictStrip,
    /// Announced maintenance that is about it.
    exclusions: Vec<ExclusionLeaf>,
    /// What the committed rate allows in the seconds of the period that were seen, in bits.
    allowed_bits: u128,
}

/// What was in force, and the second behind the last.
type InForceFor = (InForce, u64);

impl CommitmentAccount {
    /// For a contract that is in force from a second on.
    pub(super) fn new(
        name: &str,
        since: u64,
        period: Period,
        zone: &ReportZone,
        exclusions: &[ExclusionLeaf],
    ) -> Self {
        let exclusions = exclusions.iter().filter(|leaf| leaf.commitment == name);
        let exclusions: Vec<_> = exclusions.cloned().collect();
        // Those that are named alone have other seconds of maintenance from the beginning on.
        let named = exclusions.iter().flat_map(|leaf| leaf.asns.iter().copied());
        let named = named.map(|asn| {
            let maintenance = Maintenance::of(&exclusions, Some(asn));
            ((None, asn), AsnAccount::new(since, maintenance))
        });
        let quarters = period.seconds().div_ceil(super::model::STRIP_PART);
        let quarters = usize::try_from(quarters).unwrap_or_default();
        Self {
            name: name.to_owned(),
            period,
            in_force: None,
            versions: Vec::new(),
            absent: AsnAccount::new(since, Maintenance::of(&exclusions, None)),
            asns: named.collect(),
            unseen: SecondSet::default(),
            strip: VerdictStrip {
                quarters: vec![VerdictsSeen::default(); quarters],
                days: period.days(zone),
                period: (period.from.0, period.until.0),
            },
            exclusions,
            allowed_bits: 0,
        }
    }

    /// Notes what happens to each ASN in each minute, for a history.
    pub(super) fn keep_minutes(&mut self) {
        self.absent.keep_minutes();
    }

    /// What happened to each ASN in each minute so far, for its own traffic; `None`: to any other.
    pub(super) fn minutes(&self) -> impl Iterator<Item = (Option<u32>, &MinuteLog)> {
        let absent = Some((None, &self.absent));
        let asns = self.asns.iter().filter(|((role, _), _)| role.is_none());
        let asns = asns.map(|((_, asn), account)| (Some(*asn), account));
        let all = absent.into_iter().chain(asns);
        all.filter_map(|(asn, account)| Some((asn, account.seconds().minutes()?)))
    }

    /// Forgets the minutes before one, and accounts that say nothing any more.
    pub(super) fn forget_minutes(&mut self, before: u64) {
        self.absent.forget_minutes(before);
        self.asns
            .retain(|_, account| account.forget_minutes(before));
    }

    /// What is in force.
    pub(super) fn terms(&self) -> Option<(&CommitmentTerms, Limit)> {
        let in_force = self.in_force.as_ref()?;
        Some((&in_force.terms, in_force.limit))
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Seconds in its window.
    pub(super) fn window(&self) -> u64 {
        let in_force = self.in_force.as_ref();
        in_force.map_or(0, |it| it.limit.window.get().into())
    }

    /// Does something for each account, under what is in force.
    fn each(&mut self, mut act: impl FnMut(&mut AsnAccount, &TermsInForce<'_>, &mut VerdictStrip)) {
        let Some(in_force) = &self.in_force else {
            return;
        };
        let terms = in_force.terms_of_asns(&self.unseen, self.period);
        act(&mut self.absent, &terms, &mut self.strip);
        for account in self.asns.values_mut() {
            act(account, &terms, &mut self.strip);
        }
    }

    /// Other terms are in force from a second on.
    pub(super) fn revise(
        &mut self,
        second: u64,
        since: u64,
        terms: &CommitmentTerms,
        sha256: &str,
    ) -> Result<(), String> {
        let old = self.in_force.as_ref();
        if old.is_some_and(|old| old.terms == *terms) {
            return Ok(());
        }
        let commitment = terms.commitment().map_err(|error| error.to_string())?;
        let guaranteed = Measure::ALL.map(|measure| commitment.guarantee.get(measure).is_some());
        let limit = Limit::from(&commitment);
        let old = old.map(|old| old.commitment.clone());
        self.end(second);
        // As the judge does (MODEL §6): what was counted otherwise is no window any more.
        let counted_alike = old.as_ref().is_some_and(|old| {
            (&old.scope, old.layer, old.classes)
                == (&commitment.scope, commitment.layer, commitment.classes)
                && old.window == commitment.window
                && (old.transit == commitment.transit || commitment.transit == TransitRule::List)
        });
        let held_alike = counted_alike
            && old.as_ref().is_some_and(|old| {
                (Limit::from(old), old.direction, old.count)
                    == (limit, commitment.direction, commitment.count)
            });
        self.in_force = Some(InForce {
            since,
            terms: terms.clone(),
            sha256: sha256.to_owned(),
            commitment,
            limit,
            guaranteed,
        });
        self.absent.seconds_mut().skip(since);
        for account in self.asns.values_mut() {
            account.seconds_mut().skip(since);
            account.begin_limit();
            if !held_alike {
                account.end_intervals();
            }
            if !counted_alike {
                account.forget_window();
            }
        }
        if !counted_alike {
            self.window_unseen_from(second);
        }
        Ok(())
    }

    /// It is in force up to a second, which is not among its seconds.
    pub(super) fn end(&mut self, second: u64) {
        self.count_until(second);
        self.versions
            .extend(self.in_force.take().map(|old| (old, second)));
    }

    /// Counts the seconds before `end` that are not counted yet, under the verdicts that stand.
    pub(super) fn count_until(&mut self, end: u64) {
        self.each(|account, terms, strip| account.seconds_mut().count_until(end, terms, strip));
    }

    /// Counts the seconds before `end` that are not counted yet, as not seen.
    pub(super) fn count_unseen_until(&mut self, end: u64) {
        self.each(|account, terms, strip| {
            account.seconds_mut().count_unseen_until(end, terms, strip);
        });
    }

    /// No verdict stands any more.
    pub(super) fn clear_verdicts(&mut self) {
        self.each(|account, _, _| account.clear_verdicts());
    }

    /// Nothing before a second is known: windows begin anew.
    pub(super) fn begin_windows(&mut self, second: u64) {
        self.each(|account, _, _| {
            account.forget_window();
            account.end_intervals();
        });
        self.window_unseen_from(second);
    }

    /// The seconds between two were not judged: what no window spans is not one time out of SLA (MODEL §6.4).
    pub(super) fn end_intervals_apart(&mut self, last: u64, second: u64) {
        if last + 1 < second && last + self.window() <= second {
            self.each(|account, _, _| account.end_intervals());
        }
    }

    /// Windows are whole once they hold nothing before a second.
    fn window_unseen_from(&mut self, second: u64) {
        self.add_unseen(second, (second + self.window()).saturating_sub(1));
    }

    /// Seconds, from one up to another that is not among them, were not seen whole.
    pub(super) fn see_incomplete(&mut self, first: u64, end: u64) {
        self.add_unseen(first, (end + self.window()).saturating_sub(1));
    }

    fn add_unseen(&mut self, first: u64, end: u64) {
        let Period { from, until } = self.period;
        let (first, end) = (first.max(from.0), end.min(until.0));
        // What was given as silent already is not.
        for new in self.unseen.missing(first, end) {
            self.absent.seconds_mut().mark_unseen(new);
            for account in self.asns.values_mut() {
                account.seconds_mut().mark_unseen(new);
            }
        }
        self.unseen.insert(first, end);
    }

    /// The accounts of the ASNs.
    pub(super) fn len(&self) -> usize {
        self.asns.len()
    }

    /// Takes what was counted in a second, when `now` is judged. Returns how much room it needed.
    pub(super) fn count(
        &mut self,
        asns: &[CountedLeaf],
        second: u64,
        now: u64,
    ) -> Result<usize, String> {
        let in_window = second + self.window() > now;
        let mut room = 0;
        for leaf in asns {
            let asn = leaf.asn.ok_or("names no ASN")?;
            let account = self.asns.entry((leaf.role, asn));
            let account = account.or_insert_with(|| self.absent.clone());
            room += usize::from(account.count(leaf, second, in_window, self.period));
        }
        Ok(room)
    }

    /// Holds the windows that end with a second against the threshold. `is_new`: it was not judged before.
    pub(super) fn judge_windows(&mut self, second: u64, is_new: bool) {
        let Some(in_force) = &self.in_force else {
            return;
        };
        if is_new && self.period.contains(second) {
            self.allowed_bits += u128::from(in_force.limit.committed_rate.0);
        }
        self.each(|account, terms, _| account.judge_window(second, terms, is_new));
    }

    /// The committed rate allowed so much more, in seconds that were seen and in which nothing came.
    pub(super) fn allow(&mut self, seconds: u64) {
        if let Some(in_force) = &self.in_force {
            let rate = u128::from(in_force.limit.committed_rate.0);
            self.allowed_bits += rate * u128::from(seconds);
        }
    }

    /// Other verdicts stand on an ASN from a second on.
    pub(super) fn set_verdicts(&mut self, leaf: &VerdictLeaf) -> Result<(), String> {
        let account = self.asns.entry((None, leaf.asn));
        let account = account.or_insert_with(|| self.absent.clone());
        if let Some(in_force) = &self.in_force {
            let terms = in_force.terms_of_asns(&self.unseen, self.period);
            let seconds = account.seconds_mut();
            seconds.count_until(leaf.second.0, &terms, &mut self.strip);
        }
        account.set_verdicts(leaf)
    }

    /// What it says, once everything is given.
    pub(super) fn report(mut self, zone: &ReportZone) -> CommitmentReport {
        self.end(self.period.until.0);
        for unseen in self.unseen.between(self.period.from.0, self.period.until.0) {
            let verdict = SecondVerdict::Indeterminate;
            mark(&mut self.strip, verdict, unseen, self.period);
        }
        let guaranteed_s = by_measure(&self.absent, |sums| sums.given);
        let guaranteed_s: BTreeMap<_, _> = guaranteed_s
            .into_iter()
            .map(|(measure, given)| (measure, given.sum()))
            .filter(|(_, seconds)| *seconds > 0)
            .collect();
        let (mut asns, mut transit_asns) = (Vec::new(), Vec::new());
        for (&(role, asn), account) in &self.asns {
            if !account.is_seen() {
                continue;
            }
            let mut row = account.row(asn, self.allowed_bits, zone, self.period);
            match role {
                Some(TransitRole::Transit) => transit_asns.push(row),
                None => {
                    let of = |sums: fn(&SecondSums) -> GivenSeconds| {
                        let mut seconds = by_measure(account, sums);
                        seconds.retain(|measure, _| guaranteed_s.contains_key(measure));
                        seconds
                    };
                    row.given = of(|sums| sums.given);
                    if !self.exclusions.is_empty() {
                        row.given_without_maintenance = of(|sums| sums.given.less(&sums.announced));
                        row.given_without_retroactive =
                            of(|sums| sums.given.less(&sums.maintenance));
                    }
                    asns.push(row);
                }
            }
        }
        let text = |second| zone.text(Second(second));
        let period = self.period;
        let cut = |second: u64| second.clamp(period.from.0, period.until.0);
        let versions = self
            .versions
            .into_iter()
            .map(|(version, end)| CommitmentVersion {
                from: text(cut(version.since)),
                until: text(cut(end)),
                sha256: version.sha256,
                terms: version.terms,
                seconds: (cut(version.since), cut(end)),
            });
        let exclusions = self.exclusions.iter().map(|leaf| {
            let (first, end) = (cut(leaf.from.0), cut(leaf.until.0.saturating_add(1)));
            Exclusion {
                from: text(leaf.from.0),
                until: text(leaf.until.0.saturating_add(1)),
                entered: text(leaf.entered.0),
                retroactive: leaf.is_retroactive(),
                reason: leaf.reason.clone(),
                asns: leaf.asns.clone(),
                period_s: end - first,
            }
        });
        let exclusions = exclusions
            .filter(|exclusion| exclusion.period_s > 0)
            .collect();
        let all = all(&asns, self.allowed_bits);
        CommitmentReport {
            name: self.name,
            versions: versions
                .filter(|one| one.seconds.0 < one.seconds.1)
                .collect(),
            guaranteed_s,
            all,
            asns,
            transit_asns,
            exclusions,
            with: None,
            strip: self.strip,
        }
    }
}
