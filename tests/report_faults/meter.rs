//! A simulated time at a meter, written through the real judge and the real writer, and what is true of
//! it: sums of what was fed in, and what the judge said of each second when it said it.

use asnmeter::attribution::scopes::{Scope, ScopePlan};
use asnmeter::judge::commitment_judge::CommitmentJudge;
use asnmeter::ledger::directory::LedgerDirectory;
use asnmeter::ledger::leaf::{
    CountingTerms, ExclusionLeaf, Leaf, Mode, RULES, StartLeaf, StopLeaf,
};
use asnmeter::ledger::record::{LeafSink, Recorder, SecondLeaves};
use asnmeter::ledger::requests;
use asnmeter::ledger::writer::{Durability, LedgerSettings, LedgerWriter};
use asnmeter::meter::asn_counts::{AsnCounts, ConfirmedBytes, SampleCounts};
use asnmeter::meter::second::IncompleteRange;
use asnmeter::sla::commitment::{Commitment, CountRule, DirectionRule, TransitRule};
use asnmeter::sla::credit::CreditStep;
use asnmeter::sla::measure::jitter::JitterGuarantee;
use asnmeter::sla::measure::latency::LatencyGuarantee;
use asnmeter::sla::measure::loss::LossGuarantee;
use asnmeter::sla::measure::{Guarantee, Measure};
use asnmeter::sla::policy::Policy;
use asnmeter::sla::{Role, Verdict};
use asnmeter::snapshot::evidence::{Amendment, JudgedSecond, Judgement, JudgementObserver};
use asnmeter::stream::tally::{Layer, LossCounts};
use asnmeter::units::{Asn, BitRate, Ratio, Second};
use asnmeter::voice::class::Classes;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Seconds in the window of the contract.
pub(crate) const WINDOW: u64 = 60;

/// What happens, and when; seconds since 1970.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    /// The period that is reported.
    pub(crate) period: (u64, u64),
    /// Networks, from AS64500 on; every seventh calls all the time, the others now and then.
    pub(crate) networks: u32,
    /// Of so many minutes a network that calls now and then calls in one.
    pub(crate) quiet: u64,
    /// The first second of the meter.
    pub(crate) start: u64,
    /// The last one.
    pub(crate) stop: u64,
    /// It stops after the first and goes on with its windows at the second.
    pub(crate) stops: Vec<(u64, u64)>,
    /// It is killed after the first, and begins anew at the second.
    pub(crate) kills: Vec<(u64, u64)>,
    /// First and last second with lost frames, and how many, if that is known.
    pub(crate) gaps: Vec<(u64, u64, Option<u64>)>,
    /// First and last second that no disk has taken.
    pub(crate) disk: Vec<(u64, u64)>,
    /// The same, told only at the third second.
    pub(crate) late_gaps: Vec<(u64, u64, u64)>,
    /// From then on the committed rate is twice as high.
    pub(crate) doubled: Option<u64>,
    /// Maintenance: when it is entered, its first second, the one behind its last, and for whom.
    pub(crate) maintenance: Vec<(u64, u64, u64, Vec<u32>)>,
}

/// Seconds by verdict: met, missed, void, indeterminate, silent.
pub(crate) type Columns = [u64; 5];

/// Of which seconds sums are: of all, without announced maintenance, without any maintenance.
pub(crate) const LENSES: usize = 3;

/// Measures of the contract.
pub(crate) const MEASURES: [Measure; 3] = [Measure::Loss, Measure::Latency, Measure::Jitter];

impl Schedule {
    /// Through which lenses a second of a network is seen.
    fn lenses(&self, network: u32, second: u64) -> [bool; LENSES] {
        let mut seen = [true; LENSES];
        for (entered, from, until, asns) in &self.maintenance {
            let is_about = asns.is_empty() || asns.contains(&network);
            if is_about && (*from..*until).contains(&second) {
                seen[2] = false;
                seen[1] &= entered > from;
            }
        }
        seen
    }

    fn is_running(&self, second: u64) -> bool {
        let is_in = |(last, next): &(u64, u64)| *last < second && second < *next;
        let stretches = self.stops.iter().chain(&self.kills);
        (self.start..=self.stop).contains(&second) && !stretches.into_iter().any(is_in)
    }

    fn is_full(&self, second: u64) -> bool {
        let mut disk = self.disk.iter();
        disk.any(|(first, last)| (*first..=*last).contains(&second))
    }

    /// What comes late for a second of a network that called in it, and when.
    fn late(&self, network: u32, second: u64) -> Option<(u64, LossCounts)> {
        let draw = number(network ^ 0x5555, second);
        if !draw.is_multiple_of(37) || counts(network, second, self.quiet).is_none() {
            return None;
        }
        let told = second + [3, 20, 100, 2000][usize::try_from(draw / 37 % 4).unwrap()];
        let is_kept = |second| self.is_running(second) && !self.is_full(second);
        let mut kills = self.kills.iter();
        let is_known = is_kept(second)
            && is_kept(told)
            && counts(network, told, self.quiet).is_some()
            && !kills.any(|(last, _)| (second..told).contains(last));
        let lost = if draw.is_multiple_of(2) { 2 } else { -1 };
        let loss = LossCounts {
            lost,
            maybe_lost: 1,
            ..LossCounts::default()
        };
        is_known.then_some((told, loss))
    }
}

/// Seconds of a network under one way of judging.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Seconds {
    /// By lens and measure.
    pub(crate) columns: [[Columns; MEASURES.len()]; LENSES],
    /// Seconds with a verdict.
    told: [[u64; MEASURES.len()]; LENSES],
    /// Of these, those whose window was seen whole.
    told_whole: [[u64; MEASURES.len()]; LENSES],
}

impl Seconds {
    fn note(&mut self, judgement: &Judgement, lenses: [bool; LENSES], is_whole: bool) {
        for (place, measure) in MEASURES.into_iter().enumerate() {
            let column = match judgement.verdicts.given.get(measure) {
                Some(Verdict::Met) => 0,
                Some(Verdict::Missed) => 1,
                Some(Verdict::Void) => 2,
                Some(Verdict::Indeterminate) => 3,
                None => continue,
            };
            for (lens, is_seen) in lenses.into_iter().enumerate() {
                let one = u64::from(is_seen);
                self.columns[lens][place][column] += one;
                self.told[lens][place] += one;
                self.told_whole[lens][place] += u64::from(is_seen && is_whole);
            }
        }
    }

    /// The others are silent where the window was seen whole, and indeterminate where it was not.
    fn finish(&mut self, seconds: [u64; LENSES], whole: [u64; LENSES]) {
        for lens in 0..LENSES {
            for place in 0..MEASURES.len() {
                let silent = whole[lens] - self.told_whole[lens][place];
                self.columns[lens][place][4] = silent;
                let others = seconds[lens] - self.told[lens][place] - silent;
                self.columns[lens][place][3] += others;
            }
        }
    }
}

/// What is true of a network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Octets from and to that somebody answered.
    pub(crate) confirmed: [u64; 2],
    pub(crate) expected: i64,
    pub(crate) lost: i64,
    pub(crate) maybe_lost: i64,
    /// Expected, lost and maybe lost of what its end reports.
    pub(crate) reported: [i64; 3],
    /// Of latency and of jitter: samples, over, maybe over.
    pub(crate) samples: [[u64; 3]; 2],
    /// Octets from and to in each 5 minutes of the period.
    pub(crate) rates: BTreeMap<u64, [u64; 2]>,
    /// Seconds out of SLA.
    pub(crate) out_s: u64,
    pub(crate) intervals: u64,
    /// The largest share in millionths, and its first second.
    pub(crate) peak: (u64, u64),
    /// The same of what somebody answered.
    pub(crate) confirmed_peak: (u64, u64),
    pub(crate) given: Seconds,
    pub(crate) settled: Seconds,
    /// Seconds of the period through each lens, and those whose window was seen whole.
    seconds: [u64; LENSES],
    whole: [u64; LENSES],
    is_out: bool,
    /// Octets from and to, and of these those confirmed, of the seconds of the window that are in the ledger.
    window: VecDeque<(u64, [u64; 4])>,
    sums: [u64; 4],
}

impl Truth {
    /// Lets go of what is no longer in the window that ends with a second.
    fn pass(&mut self, second: u64) {
        while let Some(&(first, octets)) = self.window.front()
            && first + WINDOW <= second
        {
            let sums = self.sums.iter_mut().zip(octets);
            sums.for_each(|(sum, one)| *sum -= one);
            self.window.pop_front();
        }
    }

    fn add(&mut self, second: u64, counts: &AsnCounts) {
        let confirmed = counts.confirmed;
        let octets = [counts.from, counts.to, confirmed.from, confirmed.to];
        let sums = self.sums.iter_mut().zip(octets);
        sums.for_each(|(sum, one)| *sum += one);
        self.window.push_back((second, octets));
    }

    fn note_peak(&mut self, second: u64, rate: u64) {
        let [from, to, confirmed_from, confirmed_to] = self.sums;
        for (peak, bytes) in [
            (&mut self.peak, [from, to]),
            (&mut self.confirmed_peak, [confirmed_from, confirmed_to]),
        ] {
            for bytes in bytes {
                let share = bytes * 8_000_000 / (rate * WINDOW);
                if share > peak.0 {
                    *peak = (share, second);
                }
            }
        }
    }

    /// Adds what was counted in a second of the period.
    fn count(&mut self, rate: u64, counts: &AsnCounts) {
        self.from += counts.from;
        self.to += counts.to;
        self.confirmed[0] += counts.confirmed.from;
        self.confirmed[1] += counts.confirmed.to;
        self.expected += counts.sent.expected;
        self.lost += counts.sent.lost;
        self.maybe_lost += counts.sent.maybe_lost;
        let reported = counts.reported;
        let reported = [reported.expected, reported.lost, reported.maybe_lost];
        for (sum, one) in self.reported.iter_mut().zip(reported) {
            *sum += one;
        }
        for (sums, of) in self
            .samples
            .iter_mut()
            .zip([counts.round_trips, counts.stream_seconds])
        {
            for (sum, one) in sums.iter_mut().zip([of.samples, of.over, of.maybe_over]) {
                *sum += one;
            }
        }
        let rates = self.rates.entry(rate).or_default();
        (rates[0], rates[1]) = (rates[0] + counts.from, rates[1] + counts.to);
    }

    /// Nothing before is known any more.
    fn forget(&mut self) {
        (self.is_out, self.sums) = (false, [0; 4]);
        self.window.clear();
    }
}

/// What was written, and what is true of it.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) networks: BTreeMap<u32, Truth>,
    pub(crate) whole_s: u64,
    pub(crate) incomplete_s: u64,
    pub(crate) not_running_s: u64,
    /// Bits that the committed rate allowed in the seconds that were judged.
    pub(crate) allowed_bits: u128,
    /// ASN-seconds that were fed in.
    pub(crate) counted: u64,
    /// Amendments that were told.
    pub(crate) amended: u64,
}

/// Writes leaves, as the ledger's thread does.
struct Disk {
    writer: LedgerWriter,
    start: bool,
    schedule: Schedule,
    unwritten: Option<(Second, Second)>,
}

impl LeafSink for Disk {
    fn accept(&mut self, mut leaves: SecondLeaves) {
        let second = leaves.second.0;
        let is_full = |(first, last): &(u64, u64)| (*first..=*last).contains(&second);
        if self.schedule.disk.iter().any(is_full) {
            let (first, _) = self.unwritten.unwrap_or((leaves.second, leaves.second));
            self.unwritten = Some((first, leaves.second));
            return;
        }
        if std::mem::take(&mut self.start) {
            leaves.leaves.insert(0, start(leaves.second));
        }
        self.writer.append(&leaves).unwrap();
    }

    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        self.unwritten.take()
    }
}

fn start(time: Second) -> Leaf {
    Leaf::Start(StartLeaf {
        time,
        mode: Mode::Live,
        version: "0.0.0".into(),
        revision: "none".into(),
        rules: RULES,
        measures: Measure::ALL.map(|measure| measure.as_str().into()).into(),
        sources: Vec::new(),
    })
}

/// Listens to the judge, for the truth, and passes all on with what came late.
struct Listener<'a> {
    recorder: &'a mut Recorder<Disk>,
    schedule: &'a Schedule,
    networks: &'a mut BTreeMap<u32, Truth>,
    /// What came late, by ASN.
    late: BTreeMap<u32, Vec<Amendment>>,
    /// This second's window was seen whole.
    is_whole: bool,
    /// What is said now is in the ledger.
    is_kept: bool,
}

impl JudgementObserver for Listener<'_> {
    fn judged(&mut self, judgement: &Judgement) {
        let amendments = self.late.remove(&judgement.asn.0).unwrap_or_default();
        self.recorder.judged(&Judgement {
            amendments,
            ..judgement.clone()
        });
        let second = judgement.second.0;
        let truth = self.networks.entry(judgement.asn.0).or_default();
        let is_out = judgement.over.any();
        let (from, until) = self.schedule.period;
        if (from..until).contains(&second) && self.is_kept {
            let begins = is_out && (!truth.is_out || second == from);
            truth.intervals += u64::from(begins);
            truth.out_s += u64::from(is_out);
            let lenses = self.schedule.lenses(judgement.asn.0, second);
            truth.given.note(judgement, lenses, self.is_whole);
        }
        if self.is_kept {
            truth.is_out = is_out;
        }
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        self.recorder.second_judged(judged);
    }
}

/// Listens to the judge who knows everything in time.
struct Knowing<'a> {
    schedule: &'a Schedule,
    networks: &'a mut BTreeMap<u32, Truth>,
    is_whole: bool,
}

impl JudgementObserver for Knowing<'_> {
    fn judged(&mut self, judgement: &Judgement) {
        let (from, until) = self.schedule.period;
        if (from..until).contains(&judgement.second.0) {
            let truth = self.networks.entry(judgement.asn.0).or_default();
            let lenses = self.schedule.lenses(judgement.asn.0, judgement.second.0);
            truth.settled.note(judgement, lenses, self.is_whole);
        }
    }
}

/// The steps of its credit: below which share of kept seconds how much, in millionths.
pub(crate) const CREDIT: [(u32, u32); 3] =
    [(999_000, 50_000), (950_000, 100_000), (500_000, 333_333)];

/// The contract, at a rate.
fn contract(rate: u64) -> Commitment {
    Commitment {
        name: "voice".into(),
        committed_rate: BitRate(rate),
        threshold: Ratio::from_ppm(100_000),
        window: NonZeroU32::new(60).unwrap(),
        direction: DirectionRule::Either,
        count: CountRule::All,
        layer: Layer::Ip,
        classes: Classes::ALL,
        scope: Scope::default(),
        transit: TransitRule::List,
        guarantee: Guarantee {
            loss: Some(LossGuarantee::new(Ratio::from_ppm(5_000))),
            latency: Some(LatencyGuarantee::new(Duration::from_millis(150))),
            jitter: Some(JitterGuarantee::new(Duration::from_millis(30))),
        },
        credit: CREDIT
            .map(|(below, credit)| CreditStep {
                below: Ratio::from_ppm(below),
                credit: Ratio::from_ppm(credit),
            })
            .into(),
    }
}

fn policy(rate: u64) -> Arc<Policy> {
    let commitments = vec![contract(rate)];
    let scopes = commitments.iter().map(|one| &one.scope);
    Arc::new(Policy {
        scopes: ScopePlan::new(scopes, &ScopePlan::default()).into(),
        commitments,
        ..Policy::default()
    })
}

/// A number that a network and a time give, always the same.
fn number(network: u32, time: u64) -> u64 {
    let mut state = (time << 20) ^ u64::from(network) ^ 0x9e37_79b9_7f4a_7c15;
    for _ in 0..3 {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state = state.wrapping_mul(0x2545_f491_4f6c_dd1d);
    }
    state >> 33
}

/// What a network does in a second; nothing if it does not call.
fn counts(network: u32, second: u64, quiet: u64) -> Option<AsnCounts> {
    let minute = number(network, second / 60);
    if !network.is_multiple_of(7) && !minute.is_multiple_of(quiet) {
        return None;
    }
    // Now and then a minute of so many calls that the network is over the limit of 10 %.
    let calls: u64 = if number(network, second / 600).is_multiple_of(29) {
        18
    } else {
        3
    };
    let packets = 50 * calls;
    let is_bad = number(network, second / 120).is_multiple_of(11);
    let lost = if is_bad {
        number(network, second) % 6
    } else {
        0
    };
    let maybe = u64::from(number(network, second / 300).is_multiple_of(13));
    let loss = LossCounts {
        expected: packets.cast_signed(),
        lost: lost.cast_signed(),
        maybe_lost: maybe.cast_signed(),
    };
    let from = 200 * packets + second % 7;
    Some(AsnCounts {
        from,
        to: 190 * packets,
        // Of every third network nobody answers some.
        confirmed: ConfirmedBytes {
            from: if network.is_multiple_of(3) {
                160 * packets
            } else {
                from
            },
            to: 190 * packets,
            both: 0,
        },
        packets: 2 * packets,
        sent: loss,
        round_trips: SampleCounts {
            samples: 1 + second % 2,
            over: u64::from(is_bad && second.is_multiple_of(9)),
            maybe_over: 0,
        },
        reported: LossCounts {
            expected: 50,
            lost: (lost % 3).cast_signed(),
            maybe_lost: 0,
        },
        stream_seconds: SampleCounts {
            samples: calls,
            over: u64::from(is_bad),
            maybe_over: maybe,
        },
        ..AsnCounts::default()
    })
}

/// The committed rate before it is doubled: 18 calls of 80 kbit/s are over a tenth of it.
const RATE: u64 = 12_000_000;

/// Writes a ledger.
#[expect(
    clippy::too_many_lines,
    reason = "a meter's life, from its begin to its end"
)]
pub(crate) fn write(path: &Path, schedule: &Schedule) -> Written {
    let settings = LedgerSettings {
        origin: "voice.example/fra-1".into(),
        key: None,
        durability: Durability::EachMinute,
    };
    let disk = Disk {
        writer: LedgerWriter::open(path, settings).unwrap(),
        start: false,
        schedule: schedule.clone(),
        unwritten: None,
    };
    let mut recorder = Recorder::new(disk, CountingTerms::default());
    let mut judge = CommitmentJudge::new(policy(RATE));
    // the one who knows everything in time
    let mut knowing = CommitmentJudge::new(policy(RATE));
    let (mut rate, mut written) = (RATE, Written::default());
    for network in 0..schedule.networks {
        written.networks.insert(64_500 + network, Truth::default());
    }
    let mut second = schedule.start;
    // the last second that was not seen whole
    let mut unseen = second - 1;
    recorder.sink_mut().start = true;
    judge.restart(Second(second));
    knowing.restart(Second(second));
    recorder.restarted(Second(second), None);
    let (from, until) = schedule.period;
    let mut seen = vec![0_u8; usize::try_from(until - from).unwrap()];
    // What comes late, by the second in which it is told.
    let mut late: BTreeMap<u64, Vec<(u32, u64, LossCounts)>> = BTreeMap::new();
    while second <= schedule.stop {
        let is_full = schedule.is_full(second);
        if schedule.doubled == Some(second) {
            rate = 2 * RATE;
            judge.revise(policy(rate));
            knowing.revise(policy(rate));
            written
                .networks
                .values_mut()
                .for_each(|truth| truth.is_out = false);
        }
        if let Some((first, last)) = recorder.take_unwritten() {
            judge.mark_incomplete(range(first.0, last.0, None));
            knowing.mark_incomplete(range(first.0, last.0, None));
        }
        let gaps = schedule.gaps.iter().filter(|gap| gap.0 == second);
        for &(first, last, frames) in gaps {
            judge.mark_incomplete(range(first, last, frames));
            knowing.mark_incomplete(range(first, last, frames));
            recorder.incomplete(range(first, last, frames));
        }
        for &(first, last, told) in &schedule.late_gaps {
            if first == second {
                knowing.mark_incomplete(range(first, last, None));
            }
            if told == second {
                judge.mark_incomplete(range(first, last, None));
                recorder.incomplete(range(first, last, None));
            }
        }
        let is_in = |(first, last): (u64, u64)| (first..=last).contains(&second);
        let is_late = schedule.late_gaps.iter().any(|gap| is_in((gap.0, gap.1)));
        let is_gap = is_late || schedule.gaps.iter().any(|gap| is_in((gap.0, gap.1)));
        let is_edge = |(last, first): &(u64, u64)| *last == second || *first == second;
        let is_edge = schedule.stops.iter().any(is_edge);
        if is_full || is_gap || is_edge {
            unseen = second;
        }
        let is_whole = unseen + WINDOW <= second;
        let is_inside = (from..until).contains(&second);
        if is_inside {
            let place = usize::try_from(second - from).unwrap();
            seen[place] = if is_full {
                0
            } else {
                1 + u8::from(!is_gap && !is_edge)
            };
            written.allowed_bits += if is_full { 0 } else { u128::from(rate) };
        }
        for (network, truth) in &mut written.networks {
            truth.pass(second);
            if is_inside {
                for (lens, is_seen) in schedule.lenses(*network, second).into_iter().enumerate() {
                    truth.whole[lens] += u64::from(is_seen && is_whole && !is_full);
                }
            }
        }
        for network in 0..schedule.networks {
            let Some(counts) = counts(network, second, schedule.quiet) else {
                continue;
            };
            let subject = (Role::Origin, Asn(64_500 + network));
            assert!(judge.add_counted("voice", Second(second), subject, &counts.into()));
            written.counted += 1;
            let truth = written.networks.get_mut(&subject.1.0).unwrap();
            let mut known = counts;
            if let Some((told, loss)) = schedule.late(network, second) {
                known.sent.lost += loss.lost;
                known.sent.maybe_lost += loss.maybe_lost;
                let of_told = late.entry(told).or_default();
                of_told.push((subject.1.0, second, loss));
                if is_inside {
                    truth.lost += loss.lost;
                    truth.maybe_lost += loss.maybe_lost;
                }
            }
            if !is_full {
                knowing.add_counted("voice", Second(second), subject, &known.into());
                truth.add(second, &counts);
            }
            if is_inside && !is_full {
                truth.count((second - from) / 300, &counts);
            }
        }
        if is_inside && !is_full {
            // also of a network that has called before, and is silent now
            let each = written.networks.values_mut();
            each.for_each(|truth| truth.note_peak(second, rate));
        }
        let mut listener = Listener {
            recorder: &mut recorder,
            schedule,
            networks: &mut written.networks,
            late: BTreeMap::new(),
            is_whole,
            is_kept: !is_full,
        };
        for (asn, amended, loss) in late.remove(&second).unwrap_or_default() {
            let counts = AsnCounts {
                sent: loss,
                ..AsnCounts::default()
            };
            if amended + WINDOW > second {
                judge.add_counted(
                    "voice",
                    Second(amended),
                    (Role::Origin, Asn(asn)),
                    &counts.into(),
                );
            }
            written.amended += 1;
            listener.late.entry(asn).or_default().push(Amendment {
                second: Second(amended),
                counts: counts.into(),
            });
        }
        listener
            .late
            .values_mut()
            .for_each(|late| late.sort_by_key(|one| one.second));
        judge.judge(Second(second), |_, _| false, &mut listener);
        assert!(
            listener.late.is_empty(),
            "what came late at {second} is not told"
        );
        judge.take_notices();
        if schedule.stops.iter().any(|stop| stop.0 == second) {
            knowing.mark_incomplete(range(second, second, None));
        }
        if !is_full {
            let mut knows = Knowing {
                schedule,
                networks: &mut written.networks,
                is_whole,
            };
            knowing.judge(Second(second), |_, _| false, &mut knows);
            knowing.take_notices();
        }
        for (entered, first, behind, asns) in &schedule.maintenance {
            if *entered == second {
                announce(path, (*first, *behind), asns);
                let entered = recorder.sink_mut().writer.take_requests(Second(second));
                assert_eq!(entered.unwrap().len(), 1);
            }
        }
        if let Some(&(_, next)) = schedule.stops.iter().find(|stop| stop.0 == second) {
            stop(&mut recorder, second);
            recorder.sink_mut().start = true;
            for judge in [&mut judge, &mut knowing] {
                judge.mark_incomplete(range(second, next, None));
            }
            recorder.resumed(Second(second), Second(next));
            unseen = next;
            second = next;
        } else if let Some(&(_, next)) = schedule.kills.iter().find(|kill| kill.0 == second) {
            recorder.sink_mut().start = true;
            for judge in [&mut judge, &mut knowing] {
                *judge = CommitmentJudge::new(judge.policy().clone());
                judge.restart(Second(next));
            }
            recorder.restarted(Second(next), None);
            written.networks.values_mut().for_each(Truth::forget);
            unseen = next - 1;
            second = next;
        } else {
            second += 1;
        }
    }
    stop(&mut recorder, schedule.stop);
    let count = |kind| seen.iter().map(|seen| u64::from(*seen == kind)).sum();
    (written.not_running_s, written.incomplete_s, written.whole_s) = (count(0), count(1), count(2));
    for (network, truth) in &mut written.networks {
        for second in from..until {
            for (lens, is_seen) in schedule.lenses(*network, second).into_iter().enumerate() {
                truth.seconds[lens] += u64::from(is_seen);
            }
        }
        truth.given.finish(truth.seconds, truth.whole);
        truth.settled.finish(truth.seconds, truth.whole);
    }
    written
}

/// Asks the writer for maintenance.
fn announce(path: &Path, (first, behind): (u64, u64), asns: &[u32]) {
    let leaf = Leaf::Exclusion(ExclusionLeaf {
        entered: Second::default(),
        from: Second(first),
        until: Second(behind - 1),
        commitment: "voice".into(),
        reason: "new line cards".into(),
        asns: asns.to_vec(),
    });
    requests::put(&LedgerDirectory::new(path), &leaf).unwrap();
}

fn stop(recorder: &mut Recorder<Disk>, last: u64) {
    let time = Second(last);
    let stop = SecondLeaves {
        second: time,
        leaves: vec![Leaf::Stop(StopLeaf { time })],
    };
    let writer = &mut recorder.sink_mut().writer;
    writer.append(&stop).unwrap();
    writer.seal().unwrap();
}

fn range(first: u64, last: u64, at_most: Option<u64>) -> IncompleteRange {
    IncompleteRange {
        first: Second(first),
        last: Second(last),
        at_most,
    }
}
