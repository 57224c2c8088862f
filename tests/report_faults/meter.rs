//! A simulated time at a meter, written through the real judge and the real writer, and what is true of
//! it: sums of what was fed in, and what the judge said of each second when it said it.

use asnmeter::attribution::scopes::{Scope, ScopePlan};
use asnmeter::judge::commitment_judge::CommitmentJudge;
use asnmeter::ledger::leaf::{CountingTerms, Leaf, Mode, RULES, StartLeaf, StopLeaf};
use asnmeter::ledger::record::{LeafSink, Recorder, SecondLeaves};
use asnmeter::ledger::writer::{Durability, LedgerSettings, LedgerWriter};
use asnmeter::meter::second::IncompleteRange;
use asnmeter::meter::window_counts::{SampleCounts, WindowCounts};
use asnmeter::sla::commitment::{Commitment, CountRule, DirectionRule, TransitRule};
use asnmeter::sla::measure::latency::LatencyGuarantee;
use asnmeter::sla::measure::loss::LossGuarantee;
use asnmeter::sla::measure::{Guarantee, Measure};
use asnmeter::sla::policy::Policy;
use asnmeter::sla::{Role, Verdict};
use asnmeter::snapshot::evidence::{Evidence, JudgedSecond, Judgement};
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
    /// From then on the committed rate is twice as high.
    pub(crate) doubled: Option<u64>,
}

/// What is true of a network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) expected: i64,
    pub(crate) lost: i64,
    pub(crate) maybe_lost: i64,
    pub(crate) samples: u64,
    pub(crate) over: u64,
    /// Seconds out of SLA.
    pub(crate) out_s: u64,
    pub(crate) intervals: u64,
    /// The largest share in millionths, and its first second.
    pub(crate) peak: (u64, u64),
    /// For loss and latency: met, missed, void, indeterminate, silent.
    pub(crate) given: [[u64; 5]; 2],
    is_out: bool,
    /// Octets from and to of the seconds of the window that are in the ledger.
    window: VecDeque<(u64, u64, u64)>,
    sums: (u64, u64),
    /// Seconds with a verdict.
    told: [u64; 2],
    /// Of these, those whose window was seen whole.
    told_whole: [u64; 2],
}

impl Truth {
    /// Lets go of what is no longer in the window that ends with a second.
    fn pass(&mut self, second: u64) {
        while let Some(&(first, from, to)) = self.window.front()
            && first + WINDOW <= second
        {
            self.sums = (self.sums.0 - from, self.sums.1 - to);
            self.window.pop_front();
        }
    }

    fn add(&mut self, second: u64, counts: &WindowCounts) {
        self.sums = (self.sums.0 + counts.from, self.sums.1 + counts.to);
        self.window.push_back((second, counts.from, counts.to));
    }

    fn note_peak(&mut self, second: u64, rate: u64) {
        for bytes in [self.sums.0, self.sums.1] {
            let share = bytes * 8_000_000 / (rate * WINDOW);
            if share > self.peak.0 {
                self.peak = (share, second);
            }
        }
    }

    /// Nothing before is known any more.
    fn forget(&mut self) {
        (self.is_out, self.sums) = (false, (0, 0));
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
    /// ASN-seconds that were fed in.
    pub(crate) counted: u64,
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

/// Listens to the judge, for the truth, and passes all on.
struct Listener<'a> {
    recorder: &'a mut Recorder<Disk>,
    period: (u64, u64),
    networks: &'a mut BTreeMap<u32, Truth>,
    /// This second's window was seen whole.
    is_whole: bool,
    /// What is said now is in the ledger.
    is_kept: bool,
}

impl Evidence for Listener<'_> {
    fn judged(&mut self, judgement: &Judgement) {
        self.recorder.judged(judgement);
        let second = judgement.second.0;
        let truth = self.networks.entry(judgement.asn.0).or_default();
        let is_out = judgement.over.any();
        let is_inside = (self.period.0..self.period.1).contains(&second) && self.is_kept;
        if is_inside {
            let begins = is_out && (!truth.is_out || second == self.period.0);
            truth.intervals += u64::from(begins);
            truth.out_s += u64::from(is_out);
            for (place, measure) in [Measure::Loss, Measure::Latency].into_iter().enumerate() {
                let column = match judgement.verdicts.given.get(measure) {
                    Some(Verdict::Met) => 0,
                    Some(Verdict::Missed) => 1,
                    Some(Verdict::Void) => 2,
                    Some(Verdict::Indeterminate) => 3,
                    None => continue,
                };
                truth.given[place][column] += 1;
                truth.told[place] += 1;
                truth.told_whole[place] += u64::from(self.is_whole);
            }
        }
        if self.is_kept {
            truth.is_out = is_out;
        }
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        self.recorder.second_judged(judged);
    }
}

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
            ..Guarantee::default()
        },
    }
}

fn policy(rate: u64) -> Arc<Policy> {
    let commitments = vec![contract(rate)];
    let scopes = commitments.iter().map(|one| &one.scope);
    Arc::new(Policy {
        scopes: ScopePlan::new(scopes, &ScopePlan::default()).into(),
        commitments,
        origins: Arc::default(),
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
fn counts(network: u32, second: u64, quiet: u64) -> Option<WindowCounts> {
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
    Some(WindowCounts {
        from: 200 * packets + second % 7,
        to: 190 * packets,
        packets: 2 * packets,
        sent: loss,
        round_trips: SampleCounts {
            samples: 1 + second % 2,
            over: u64::from(is_bad && second.is_multiple_of(9)),
            maybe_over: 0,
        },
        ..WindowCounts::default()
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
    let (mut rate, mut written) = (RATE, Written::default());
    for network in 0..schedule.networks {
        written.networks.insert(64_500 + network, Truth::default());
    }
    let mut second = schedule.start;
    // the last second that was not seen whole
    let mut unseen = second - 1;
    recorder.sink_mut().start = true;
    judge.restart(Second(second));
    recorder.restarted(Second(second), None);
    let mut seen = vec![0_u8; usize::try_from(schedule.period.1 - schedule.period.0).unwrap()];
    let mut whole_windows = 0;
    while second <= schedule.stop {
        if schedule.doubled == Some(second) {
            rate = 2 * RATE;
            judge.revise(policy(rate));
            written
                .networks
                .values_mut()
                .for_each(|truth| truth.is_out = false);
        }
        if let Some((first, last)) = recorder.take_unwritten() {
            judge.mark_incomplete(range(first.0, last.0, None));
        }
        let gap = schedule.gaps.iter().find(|gap| gap.0 == second);
        if let Some(&(first, last, frames)) = gap {
            judge.mark_incomplete(range(first, last, frames));
            recorder.incomplete(range(first, last, frames));
        }
        let is_in = |(first, last): (u64, u64)| (first..=last).contains(&second);
        let is_full = schedule.disk.iter().copied().any(is_in);
        let is_gap = schedule.gaps.iter().any(|gap| is_in((gap.0, gap.1)));
        let is_edge = |(last, first): &(u64, u64)| *last == second || *first == second;
        let is_edge = schedule.stops.iter().any(is_edge);
        if is_full || is_gap || is_edge {
            unseen = second;
        }
        let is_whole = unseen + WINDOW <= second;
        let is_inside = (schedule.period.0..schedule.period.1).contains(&second);
        if is_inside {
            let place = usize::try_from(second - schedule.period.0).unwrap();
            seen[place] = if is_full {
                0
            } else {
                1 + u8::from(!is_gap && !is_edge)
            };
            whole_windows += u64::from(is_whole && !is_full);
        }
        for truth in written.networks.values_mut() {
            truth.pass(second);
        }
        for network in 0..schedule.networks {
            let Some(counts) = counts(network, second, schedule.quiet) else {
                continue;
            };
            let subject = (Role::Origin, Asn(64_500 + network));
            assert!(judge.add_counted("voice", Second(second), subject, &counts.into()));
            written.counted += 1;
            let truth = written.networks.get_mut(&subject.1.0).unwrap();
            if !is_full {
                truth.add(second, &counts);
            }
            if is_inside && !is_full {
                truth.note_peak(second, rate);
                truth.from += counts.from;
                truth.to += counts.to;
                truth.expected += counts.sent.expected;
                truth.lost += counts.sent.lost;
                truth.maybe_lost += counts.sent.maybe_lost;
                truth.samples += counts.round_trips.samples;
                truth.over += counts.round_trips.over;
            }
        }
        let mut listener = Listener {
            recorder: &mut recorder,
            period: schedule.period,
            networks: &mut written.networks,
            is_whole,
            is_kept: !is_full,
        };
        judge.judge(Second(second), |_, _| false, &mut listener);
        judge.take_notices();
        if let Some(&(_, next)) = schedule.stops.iter().find(|stop| stop.0 == second) {
            stop(&mut recorder, second);
            recorder.sink_mut().start = true;
            judge.mark_incomplete(range(second, next, None));
            recorder.resumed(Second(second), Second(next));
            unseen = next;
            second = next;
        } else if let Some(&(_, next)) = schedule.kills.iter().find(|kill| kill.0 == second) {
            recorder.sink_mut().start = true;
            judge = CommitmentJudge::new(judge.policy().clone());
            judge.restart(Second(next));
            recorder.restarted(Second(next), None);
            written.networks.values_mut().for_each(Truth::forget);
            unseen = next - 1;
            second = next;
        } else {
            second += 1;
        }
    }
    stop(&mut recorder, schedule.stop);
    let seconds = schedule.period.1 - schedule.period.0;
    let count = |kind| seen.iter().map(|seen| u64::from(*seen == kind)).sum();
    (written.not_running_s, written.incomplete_s, written.whole_s) = (count(0), count(1), count(2));
    for truth in written.networks.values_mut() {
        for place in 0..2 {
            let silent = whole_windows - truth.told_whole[place];
            truth.given[place][4] = silent;
            truth.given[place][3] += seconds - truth.told[place] - silent;
        }
    }
    written
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
