//! The contracts of the test, and a model of the judge that keeps everything and adds it up anew
//! for every second.

use crate::support::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// A commitment: what the configuration is written from, and what the model judges by.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) name: &'static str,
    bps: u64,
    ppm: u64,
    pub(crate) window: u64,
    direction: &'static str,
    pub(crate) layer: &'static str,
    pub(crate) classes: &'static [&'static str],
    /// `scope`, as written.
    scope: &'static str,
    pub(crate) vlan: Option<u16>,
    /// Our addresses in scope, by their last octet.
    pub(crate) ours: std::ops::Range<u8>,
    pub(crate) elsewhere: bool,
    loss_ppm: u64,
    loss_direction: &'static str,
    min_packets: u64,
    percentile: u64,
    min_round_trips: u64,
}

const USUAL: Contract = Contract {
    name: "clause",
    bps: 8_000_000,
    ppm: 100_000,
    window: 60,
    direction: "either",
    layer: "ip",
    classes: &["rtp", "rtcp", "sip"],
    scope: "{}",
    vlan: None,
    ours: 0..255,
    elsewhere: false,
    loss_ppm: 5000,
    loss_direction: "from",
    min_packets: 100,
    percentile: 95,
    min_round_trips: 20,
};

/// Directions, layers, classes, scopes and windows of all kinds.
pub(crate) fn contracts() -> Vec<Contract> {
    let some = |name, window, direction, layer| Contract {
        name,
        window,
        direction,
        layer,
        ..USUAL
    };
    vec![
        USUAL,
        some("one-second", 1, "from", "ethernet"),
        some("ten-seconds", 10, "to", "wire"),
        Contract {
            bps: 16_000_000,
            loss_direction: "both",
            ..some("sum", 10, "sum", "ip")
        },
        Contract {
            bps: 19_000_000,
            ppm: 123_457,
            ..some("sum-wire", 60, "sum", "wire")
        },
        Contract {
            classes: &["rtp"],
            loss_direction: "to",
            ..some("media", 10, "either", "ip")
        },
        Contract {
            bps: 20_000,
            classes: &["rtcp", "sip"],
            ..some("signalling", 10, "either", "ethernet")
        },
        Contract {
            bps: 2_000_000,
            scope: "{ vlans = [7] }",
            vlan: Some(7),
            min_packets: 3000,
            ..some("tagged", 10, "either", "ip")
        },
        Contract {
            bps: 3_000_000,
            scope: "{ local_prefixes = [\"198.51.100.0/29\"] }",
            ours: 0..8,
            loss_ppm: 20_000,
            percentile: 50,
            min_round_trips: 1,
            ..some("few-of-ours", 60, "from", "ip")
        },
        Contract {
            scope: "{ interfaces = [\"eth9\"] }",
            elsewhere: true,
            ..some("elsewhere", 10, "either", "ip")
        },
    ]
}

/// Parts per million as the configuration writes them.
fn percent(ppm: u64) -> String {
    format!("{}.{:04}%", ppm / 10_000, ppm % 10_000)
}

/// All contracts, as a file.
pub(crate) fn configuration() -> String {
    let head =
        "[asn]\nsources = [{ prefixes = \"far.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n";
    let one = |contract: &Contract| {
        let Contract {
            name,
            bps,
            window,
            direction,
            layer,
            classes,
            scope,
            ..
        } = contract;
        let Contract {
            loss_direction,
            min_packets,
            percentile,
            min_round_trips,
            ..
        } = contract;
        let (threshold, loss) = (percent(contract.ppm), percent(contract.loss_ppm));
        format!(
            "[[commitment]]\nname = \"{name}\"\ncommitted_rate = \"{bps} bps\"\n\
             threshold = \"{threshold}\"\nwindow = \"{window}s\"\ndirection = \"{direction}\"\n\
             layer = \"{layer}\"\nclasses = {classes:?}\nscope = {scope}\n\
             guarantee = {{ loss = \"{loss}\", loss_direction = \"{loss_direction}\", \
             latency = \"150ms\", latency_percentile = {percentile}, min_samples = \
             {{ packets = {min_packets}, round_trips = {min_round_trips} }} }}\n"
        )
    };
    contracts()
        .iter()
        .map(one)
        .fold(head.to_owned(), |text, one| text + &one)
}

/// What a line says was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    bytes: u64,
    both_bytes: u64,
    packets: u64,
    expected: u64,
    lost: u64,
    round_trips: u64,
    over_limit: u64,
}

impl Counts {
    fn parse(object: &Value) -> Self {
        let number = |key: &str| object[key].as_u64().unwrap();
        Self {
            bytes: number("bytes"),
            both_bytes: number("both_bytes"),
            packets: number("packets"),
            expected: number("expected"),
            lost: number("lost"),
            round_trips: number("round_trips"),
            over_limit: number("over_limit"),
        }
    }

    fn add(&mut self, more: &Self) {
        self.bytes += more.bytes;
        self.both_bytes += more.both_bytes;
        self.packets += more.packets;
        self.expected += more.expected;
        self.lost += more.lost;
        self.round_trips += more.round_trips;
        self.over_limit += more.over_limit;
    }
}

/// A line of `--seconds`.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) second: u64,
    pub(crate) commitment: String,
    pub(crate) asn: u64,
    pub(crate) direction: String,
    counted: Counts,
    pub(crate) amendments: Vec<(u64, u64)>,
    amended: Vec<(u64, Counts)>,
    /// Bytes, expected, lost, round trips, over the limit.
    window: [u64; 5],
    exceeds: bool,
    out_of_sla: bool,
    pub(crate) tainted: bool,
    seen_whole: bool,
    pub(crate) loss: Option<String>,
    latency: Option<String>,
}

fn second(object: &Value) -> u64 {
    let time = humantime::parse_rfc3339(object["second"].as_str().unwrap()).unwrap();
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Line {
    pub(crate) fn parse(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let flag = |key: &str| line[key].as_bool().unwrap();
        let none = Vec::new();
        let amended = line["amendments"].as_array().unwrap_or(&none).iter();
        let amended: Vec<_> = amended
            .map(|one| (second(one), Counts::parse(one)))
            .collect();
        let window = ["bytes", "expected", "lost", "round_trips", "over_limit"];
        Self {
            second: second(&line),
            commitment: text("commitment").unwrap(),
            asn: line["asn"].as_u64().unwrap(),
            direction: text("direction").unwrap(),
            counted: Counts::parse(&line),
            amendments: amended
                .iter()
                .map(|(second, one)| (*second, one.bytes))
                .collect(),
            amended,
            window: window.map(|key| line[format!("window_{key}")].as_u64().unwrap()),
            exceeds: flag("exceeds"),
            out_of_sla: flag("out_of_sla"),
            tainted: flag("tainted"),
            seen_whole: flag("seen_whole"),
            loss: text("loss"),
            latency: text("latency"),
        }
    }

    /// Octets of the second and of the amendments that came with it.
    pub(crate) fn all_bytes(&self) -> u64 {
        self.counted.bytes + self.amendments.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }
}

/// Verdicts in the order in which the document counts them.
const VERDICTS: [&str; 4] = ["met", "missed", "void", "indeterminate"];

/// A stretch over the threshold: first second, last second, largest window.
type Over = (u64, u64, u64);

/// One ASN under one contract.
#[derive(Clone, Debug)]
pub(crate) struct Model<'a> {
    contract: &'a Contract,
    /// The first second that was seen from its beginning.
    whole_since: u64,
    /// Every second's counts, from and to.
    seconds: BTreeMap<u64, [Counts; 2]>,
    /// Windows so far: octets from (or the sum) and to; the last one.
    peak: [u64; 2],
    now: [u64; 2],
    over: [Vec<Over>; 2],
    out: u64,
    last: u64,
    verdicts: [(Option<&'static str>, BTreeMap<&'static str, u64>); 2],
}

impl<'a> Model<'a> {
    /// A capture's first frame tells from when on seconds are whole.
    pub(crate) fn new(contract: &'a Contract, first_nanos: u64) -> Self {
        Self {
            contract,
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

    /// Strictly more than the threshold (DESIGN, "Rate").
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
        self.verdicts.iter_mut().for_each(|(now, _)| *now = None);
    }

    /// A second's lines, from and to, are what they have to be.
    pub(crate) fn check(&mut self, lines: &[Line; 2]) {
        let second = lines[0].second;
        for (side, line) in lines.iter().enumerate() {
            for (amended, counts) in &line.amended {
                assert!(*amended < second, "{line:?}");
                self.seconds.entry(*amended).or_default()[side].add(counts);
            }
            let here = &mut self.seconds.entry(second).or_default()[side];
            assert_eq!(*here, Counts::default(), "{line:?}");
            *here = line.counted;
        }
        let window = self.window(second);
        for (line, sum) in lines.iter().zip(&window) {
            let sums = [
                sum.bytes,
                sum.expected,
                sum.lost,
                sum.round_trips,
                sum.over_limit,
            ];
            assert_eq!(line.window, sums, "{line:?}");
        }
        let over = self.measure(&window, second);
        let seen_whole = second + 1 - self.contract.window >= self.whole_since;
        let loss = self.verdict(
            &window,
            over,
            seen_whole.then(|| self.loss_kept(&window)).flatten(),
        );
        let latency = seen_whole.then(|| self.latency_kept(&window[0])).flatten();
        let latency = self.verdict(&window, over, latency);
        for (line, over_here) in lines.iter().zip(over) {
            assert_eq!(line.exceeds, over_here, "{line:?}");
            assert_eq!(line.out_of_sla, over[0] || over[1], "{line:?}");
            assert_eq!(line.tainted, second < self.whole_since, "{line:?}");
            assert_eq!(line.seen_whole, seen_whole, "{line:?}");
            assert_eq!(line.loss.as_deref(), loss, "{line:?}");
            assert_eq!(line.latency.as_deref(), latency, "{line:?}");
        }
        for ((now, seconds), verdict) in self.verdicts.iter_mut().zip([loss, latency]) {
            *now = verdict;
            if let Some(verdict) = verdict {
                *seconds.entry(verdict).or_default() += 1;
            }
        }
    }

    /// Holds the window against the threshold, from and to.
    fn measure(&mut self, window: &[Counts; 2], second: u64) -> [bool; 2] {
        let [from, to] = [window[0].bytes, window[1].bytes];
        assert_eq!(window[0].both_bytes, window[1].both_bytes);
        let (measured, judged) = match self.contract.direction {
            "either" => ([from, to], [true, true]),
            "from" => ([from, to], [true, false]),
            "to" => ([from, to], [false, true]),
            "sum" => ([from + to - window[0].both_bytes, 0], [true, false]),
            other => panic!("no direction {other}"),
        };
        let over = [0, 1].map(|side| judged[side] && self.exceeds(measured[side]));
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

    /// Void, indeterminate, missed, met, in this order; none without voice.
    fn verdict(
        &self,
        window: &[Counts; 2],
        over: [bool; 2],
        kept: Option<bool>,
    ) -> Option<&'static str> {
        assert_eq!(window[0].packets, window[1].packets);
        if window[0].packets == 0 {
            return None;
        }
        Some(match (over[0] || over[1], kept) {
            (true, _) => "void",
            (false, None) => "indeterminate",
            (false, Some(false)) => "missed",
            (false, Some(true)) => "met",
        })
    }

    /// Whether the loss is within the guarantee; none with too few packets.
    fn loss_kept(&self, window: &[Counts; 2]) -> Option<bool> {
        let kept = |counts: &Counts| {
            let is_enough = counts.expected >= self.contract.min_packets;
            let limit = u128::from(counts.expected) * u128::from(self.contract.loss_ppm);
            is_enough.then_some(u128::from(counts.lost) * 1_000_000 <= limit)
        };
        let [from, to] = [kept(&window[0]), kept(&window[1])];
        match self.contract.loss_direction {
            "from" => from,
            "to" => to,
            "both" if from == Some(false) || to == Some(false) => Some(false),
            "both" => from.and(to),
            other => panic!("no loss direction {other}"),
        }
    }

    /// Whether enough round trips are within the limit; none with too few of them.
    fn latency_kept(&self, window: &Counts) -> Option<bool> {
        let allowed = (100 - self.contract.percentile) * window.round_trips;
        let is_enough = window.round_trips >= self.contract.min_round_trips;
        is_enough.then_some(100 * window.over_limit <= allowed)
    }

    /// What the document has to say of it after the last second.
    pub(crate) fn summary(&self) -> Value {
        let Contract {
            bps,
            window,
            direction,
            ..
        } = self.contract;
        #[expect(
            clippy::cast_precision_loss,
            reason = "what the document divides it divides once"
        )]
        let share = |bytes: u64| (bytes as f64 * 8.0) / (*bps as f64 * *window as f64);
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
            })
        };
        let standing = |(now, seconds): &(Option<&str>, BTreeMap<&str, u64>)| {
            let mut standing = json!({ "verdict": now });
            for verdict in VERDICTS {
                standing[format!("{verdict}_s")] =
                    json!(seconds.get(verdict).copied().unwrap_or(0));
            }
            standing
        };
        json!({
            "share": per_direction(self.now.map(|bytes| json!(share(bytes)))),
            "window_bytes": per_direction(self.now.map(|bytes| json!(bytes))),
            "peak_share": per_direction(self.peak.map(|bytes| json!(share(bytes)))),
            "over": self.over.iter().flatten().any(|(_, last, _)| *last == self.last),
            "out_of_sla_seconds": self.out,
            "out_of_sla": intervals.iter().map(interval).collect::<Vec<_>>(),
            "guarantees": {
                "loss": standing(&self.verdicts[0]),
                "latency": standing(&self.verdicts[1]),
            },
        })
    }
}
