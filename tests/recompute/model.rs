//! A model of the judge that keeps everything and adds it up anew for every second.

use crate::contracts::Contract;
use crate::lines::{Counts, Line, MEASURES, UnseenFrames};
use crate::support::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Verdicts in the order in which the document counts them.
const VERDICTS: [&str; 4] = ["met", "missed", "void", "indeterminate"];

/// Why a verdict is indeterminate, and where the document counts it.
const REASONS: [(&str, &str); 3] = [
    ("unseen", "unseen_s"),
    ("in_doubt", "in_doubt_s"),
    ("few_samples", "few_samples_s"),
];

/// A stretch over the threshold: first second, last second, largest window.
type Over = (u64, u64, u64);

/// A verdict, and why it is indeterminate.
type Judged = (&'static str, Option<&'static str>);

/// One ASN under one contract.
#[derive(Clone, Debug)]
pub(crate) struct Model<'a> {
    contract: &'a Contract,
    /// The first second that was seen from its beginning.
    whole_since: u64,
    /// Frames of a second that were not seen.
    drops: &'a BTreeMap<u64, u64>,
    /// Every second's counts, from and to.
    seconds: BTreeMap<u64, [Counts; 2]>,
    /// Windows so far: octets from (or the sum) and to; the last one.
    peak: [u64; 2],
    now: [u64; 2],
    over: [Vec<Over>; 2],
    out: u64,
    last: u64,
    verdicts: [Standing; MEASURES.len()],
}

/// Of a measure the last verdict, and how many seconds had which, and which reason.
#[derive(Clone, Debug, Default)]
struct Standing {
    now: Option<Judged>,
    seconds: BTreeMap<&'static str, u64>,
}

impl Standing {
    fn count(&mut self, judged: Option<Judged>) {
        self.now = judged;
        if let Some((verdict, reason)) = judged {
            for word in [verdict].into_iter().chain(reason) {
                *self.seconds.entry(word).or_default() += 1;
            }
        }
    }

    /// Seconds of a verdict, or of a reason.
    fn of(&self, word: &str) -> u64 {
        self.seconds.get(word).copied().unwrap_or(0)
    }
}

impl<'a> Model<'a> {
    /// A capture's first frame tells from when on seconds are whole, but for those with drops.
    pub(crate) fn new(
        contract: &'a Contract,
        first_nanos: u64,
        drops: &'a BTreeMap<u64, u64>,
    ) -> Self {
        Self {
            contract,
            drops,
            whole_since: first_nanos.div_ceil(1_000_000_000),
            seconds: BTreeMap::new(),
            peak: [0; 2],
            now: [0; 2],
            over: Default::default(),
            out: 0,
            last: 0,
            verdicts: Default::default(),
        }
    }

    fn window(&self, last: u64) -> [Counts; 2] {
        let mut sums = [Counts::default(); 2];
        for counts in self
            .seconds
            .range(last + 1 - self.contract.window..=last)
            .map(|one| one.1)
        {
            sums[0].add(&counts[0]);
            sums[1].add(&counts[1]);
        }
        sums
    }

    /// Frames not seen from one second to another.
    fn unseen(&self, first: u64, last: u64) -> UnseenFrames {
        let drops: u64 = self.drops.range(first..=last).map(|one| one.1).sum();
        match drops {
            _ if first < self.whole_since => UnseenFrames::Unknown,
            0 => UnseenFrames::None,
            drops => UnseenFrames::AtMost(drops),
        }
    }

    /// The largest frame on the layer: a packet of 65,535 octets (RFC 791).
    fn largest(&self) -> u64 {
        match self.contract.layer {
            "ip" => 65_535,
            "ethernet" => 65_535 + 18,
            _ => 65_535 + 18 + 20,
        }
    }

    /// Strictly more than the threshold (MODEL §6.2).
    fn exceeds(&self, bytes: u64) -> bool {
        let Contract {
            bps, ppm, window, ..
        } = self.contract;
        8_000_000 * u128::from(bytes) > u128::from(*bps) * u128::from(*ppm) * u128::from(*window)
    }

    /// A second without a line: nothing is in its window.
    pub(crate) fn is_silent(&mut self, second: u64) {
        let window = self.window(second);
        assert_eq!(
            window,
            [Counts::default(); 2],
            "no line in {}",
            rfc3339(second)
        );
        (self.now, self.last) = ([0; 2], second);
        self.verdicts
            .iter_mut()
            .for_each(|standing| standing.count(None));
    }

    /// A second's lines, from and to, are what they have to be.
    pub(crate) fn check(&mut self, lines: &[Line; 2]) {
        let second = lines[0].second;
        for (side, line) in lines.iter().enumerate() {
            for (amended, counts) in &line.amendments {
                assert!(*amended < second, "{line:?}");
                self.seconds.entry(*amended).or_default()[side].add(counts);
            }
            let here = &mut self.seconds.entry(second).or_default()[side];
            assert_eq!(*here, Counts::default(), "{line:?}");
            *here = line.counted;
        }
        let window = self.window(second);
        for (line, sum) in lines.iter().zip(&window) {
            assert_eq!(line.window, (sum.bytes, sum.numbers), "{line:?}");
        }
        let over = self.measure(&window, second);
        let (unseen, verdicts) = self.judge(&window, second);
        for (line, over_here) in lines.iter().zip(over) {
            assert_eq!(line.exceeds, over_here, "{line:?}");
            assert_eq!(line.out_of_sla, over[0] || over[1], "{line:?}");
            let unseen_here = self.unseen(second, second);
            assert_eq!(line.unseen, [unseen_here, unseen], "{line:?}");
            let is_whole = [unseen_here, unseen].map(|it| it == UnseenFrames::None);
            assert_eq!([!line.tainted, line.seen_whole], is_whole, "{line:?}");
            let said = line.verdicts.each_ref().map(Option::as_deref);
            let given = verdicts.map(|one| one.map(|(verdict, _)| verdict));
            assert_eq!(said, given, "{line:?}");
            let said = line.reasons.each_ref().map(Option::as_deref);
            let reasons = verdicts.map(|one| one.and_then(|(_, reason)| reason));
            assert_eq!(said, reasons, "{line:?}");
        }
        for (standing, verdict) in self.verdicts.iter_mut().zip(verdicts) {
            standing.count(verdict);
        }
    }

    /// The verdicts on the window that ends with a second, and what was not seen of it.
    fn judge(
        &self,
        window: &[Counts; 2],
        second: u64,
    ) -> (UnseenFrames, [Option<Judged>; MEASURES.len()]) {
        let first = second + 1 - self.contract.window;
        let unseen = self.unseen(first, second);
        let frames = match unseen {
            UnseenFrames::AtMost(frames) => frames,
            UnseenFrames::None | UnseenFrames::Unknown => 0,
        };
        let over = self.measured(window, 0).map(|(_, is_over)| is_over);
        let with_them = self.measured(window, frames * self.largest());
        let may_be_over =
            unseen == UnseenFrames::Unknown || with_them.into_iter().any(|(_, is_over)| is_over);
        let frames = frames.cast_signed();
        let verdicts = MEASURES.map(|(measure, _)| {
            let kept = if may_be_over {
                Err("unseen")
            } else {
                let kept = self.is_kept(measure, window, (first, second, frames));
                kept.map_err(|reason| if frames > 0 { "unseen" } else { reason })
            };
            verdict(window, over, kept)
        });
        (unseen, verdicts)
    }

    /// The seconds of each verdict once all that was told later is in its place (MODEL §11.7).
    fn settled(&self) -> [Standing; MEASURES.len()] {
        let mut settled = <[Standing; MEASURES.len()]>::default();
        let first = self.seconds.keys().next().copied().unwrap_or(self.last);
        for second in first..=self.last {
            let (_, verdicts) = self.judge(&self.window(second), second);
            for (standing, verdict) in settled.iter_mut().zip(verdicts) {
                standing.count(verdict);
            }
        }
        settled
    }

    /// Octets from (or the sum) and to, each with so many more, and whether that is over the threshold.
    fn measured(&self, window: &[Counts; 2], more: u64) -> [(u64, bool); 2] {
        let [from, to] = [window[0].bytes + more, window[1].bytes + more];
        assert_eq!(window[0].both_bytes, window[1].both_bytes);
        let (measured, judged) = match self.contract.direction {
            "either" => ([from, to], [true, true]),
            "from" => ([from, to], [true, false]),
            "to" => ([from, to], [false, true]),
            "sum" => ([from + to - more - window[0].both_bytes, 0], [true, false]),
            other => panic!("no direction {other}"),
        };
        [0, 1].map(|side| (measured[side], judged[side] && self.exceeds(measured[side])))
    }

    /// Holds the window against the threshold, from and to.
    fn measure(&mut self, window: &[Counts; 2], second: u64) -> [bool; 2] {
        let both = self.measured(window, 0);
        let (measured, over) = (both.map(|one| one.0), both.map(|one| one.1));
        for side in [0, 1] {
            self.peak[side] = self.peak[side].max(measured[side]);
            if !over[side] {
                continue;
            }
            match self.over[side].last_mut() {
                Some((_, last, peak)) if *last + 1 == second => {
                    (*last, *peak) = (second, (*peak).max(measured[side]));
                }
                _ => self.over[side].push((second, second, measured[side])),
            }
        }
        self.out += u64::from(over[0] || over[1]);
        (self.now, self.last) = (measured, second);
        over
    }

    /// Whether a guarantee is kept, or why nobody can say; in a window from one second to another of which
    /// so many frames were not seen.
    fn is_kept(
        &self,
        measure: &str,
        window: &[Counts; 2],
        seen: (u64, u64, i64),
    ) -> Result<bool, &'static str> {
        let place = MEASURES.iter().position(|(label, _)| *label == measure);
        let numbers = window.map(|counts| counts.numbers[place.unwrap()]);
        let few = |least| self.sampled_kept(numbers[0], seen.2, least);
        match measure {
            "loss" => self.loss_kept(numbers, seen),
            "latency" => few(self.contract.min_round_trips),
            "jitter" => few(self.contract.min_stream_seconds),
            other => panic!("no measure {other}"),
        }
    }

    fn sampled_kept(
        &self,
        [samples, over, maybe]: [i64; 3],
        unseen: i64,
        least: u64,
    ) -> Result<bool, &'static str> {
        let allowed = (100 - self.contract.percentile.cast_signed()) * (samples + unseen);
        let is_over = [over, over + maybe + unseen].map(|over| 100 * over > allowed);
        decided(samples >= least.cast_signed(), is_over)
    }

    fn loss_kept(
        &self,
        numbers: [[i64; 3]; 2],
        (first, last, unseen): (u64, u64, i64),
    ) -> Result<bool, &'static str> {
        // Of what is lost in a second with drops, as much may be ours.
        let mut ours = [0; 2];
        for (second, drops) in self.drops.range(first..=last) {
            let counts = self.seconds.get(second).copied().unwrap_or_default();
            for (ours, counts) in ours.iter_mut().zip(counts) {
                *ours += counts.numbers[0][1].clamp(0, drops.cast_signed());
            }
        }
        let [from, to] = [0, 1].map(|side| {
            let [expected, lost, maybe] = numbers[side];
            let (expected, lost) = (expected - ours[side], lost - ours[side]);
            let maybe = maybe + unseen;
            let is_over = |lost: i64, expected: i64| {
                let limit = i128::from(expected) * i128::from(self.contract.loss_ppm);
                i128::from(lost) * 1_000_000 > limit
            };
            let is_enough = expected >= self.contract.min_packets.cast_signed();
            let is_over = [
                is_over(lost, expected + unseen),
                is_over(lost + maybe, expected + maybe),
            ];
            decided(is_enough, is_over)
        });
        match self.contract.loss_direction {
            "from" => from,
            "to" => to,
            "both" if from == Ok(false) || to == Ok(false) => Ok(false),
            "both" if from == Err("in_doubt") => from,
            "both" if to == Err("in_doubt") => to,
            "both" => from.and(to),
            other => panic!("no loss direction {other}"),
        }
    }

    /// What the document has to say of it after the last second.
    pub(crate) fn summary(&self) -> Value {
        let Contract {
            bps,
            ppm,
            window,
            direction,
            layer,
            ..
        } = self.contract;
        #[expect(
            clippy::cast_precision_loss,
            reason = "what the document divides it divides once"
        )]
        let share = |bytes: u64| (bytes as f64 * 8.0) / (*bps as f64 * *window as f64);
        #[expect(clippy::cast_precision_loss, reason = "up to a million")]
        let threshold = *ppm as f64 / 1e6;
        let is_sum = *direction == "sum";
        let per_direction = |values: [Value; 2]| {
            let [from, to] = values;
            if is_sum {
                json!({ "from": null, "to": null, "sum": from })
            } else {
                json!({ "from": from, "to": to })
            }
        };
        let mut intervals = Vec::new();
        let names = if is_sum {
            ["sum", "to"]
        } else {
            ["from", "to"]
        };
        for (name, over) in names.into_iter().zip(&self.over) {
            intervals.extend(over.iter().map(|over| (over, name)));
        }
        intervals.sort_by_key(|((from, ..), _)| *from);
        let interval = |((from, last, peak), direction): &(&Over, &str)| {
            json!({
                "direction": direction, "from": rfc3339(*from), "until": rfc3339(last + 1),
                "open": *last == self.last, "peak_share": share(*peak), "peak_window_bytes": peak,
                "committed_bps": bps, "threshold": threshold, "window_s": window, "layer": layer,
            })
        };
        let standing = |(given, settled): (&Standing, &Standing)| {
            let mut standing = json!({ "verdict": given.now.map(|(verdict, _)| verdict) });
            if let Some(reason) = given.now.and_then(|(_, reason)| reason) {
                standing["indeterminate_reason"] = json!(reason);
            }
            for (reason, key) in REASONS {
                standing[key] = json!(given.of(reason));
            }
            standing["settled"] = json!({});
            for verdict in VERDICTS {
                let key = format!("{verdict}_s");
                standing["settled"][&key] = json!(settled.of(verdict));
                standing[key] = json!(given.of(verdict));
            }
            standing
        };
        let settled = self.settled();
        let both = MEASURES.iter().zip(self.verdicts.iter().zip(&settled));
        let guarantees: BTreeMap<_, _> = both
            .map(|((measure, _), both)| (*measure, standing(both)))
            .collect();
        json!({
            "share": per_direction(self.now.map(|bytes| json!(share(bytes)))),
            "window_bytes": per_direction(self.now.map(|bytes| json!(bytes))),
            "peak_share": per_direction(self.peak.map(|bytes| json!(share(bytes)))),
            "over": self.over.iter().flatten().any(|(_, last, _)| *last == self.last),
            "out_of_sla_seconds": self.out,
            "out_of_sla": intervals.iter().map(interval).collect::<Vec<_>>(),
            "guarantees": guarantees,
        })
    }
}

/// What follows from whether what is certain is over a limit, and whether all that may be is.
fn decided(is_enough: bool, is_over: [bool; 2]) -> Result<bool, &'static str> {
    match (is_enough, is_over) {
        (true, [true, _]) => Ok(false),
        (true, [_, false]) => Ok(true),
        (_, [low, high]) if low != high => Err("in_doubt"),
        _ => Err("few_samples"),
    }
}

/// Void first; none without voice.
fn verdict(
    window: &[Counts; 2],
    over: [bool; 2],
    kept: Result<bool, &'static str>,
) -> Option<Judged> {
    assert_eq!(window[0].packets, window[1].packets);
    if window[0].packets == 0 {
        return None;
    }
    Some(match (over[0] || over[1], kept) {
        (true, _) => ("void", None),
        (false, Err(reason)) => ("indeterminate", Some(reason)),
        (false, Ok(false)) => ("missed", None),
        (false, Ok(true)) => ("met", None),
    })
}
