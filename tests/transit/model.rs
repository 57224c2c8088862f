//! Judges transit again from the lines of `--seconds` and the contract, knowing nothing else: keeps
//! every second of every path and adds up anew.

use crate::calls::{Contract, LOSS_PPM, MIN_PACKETS, MIN_ROUND_TRIPS, MIN_STREAM_SECONDS};
use crate::support::START;
use crate::support::program::{list, number, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

/// The second of a line.
pub(crate) fn second(object: &Value) -> u64 {
    let time = humantime::parse_rfc3339(text(object, "second")).unwrap();
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What every contract of the test guarantees.
const MEASURES: [&str; 3] = ["loss", "latency", "jitter"];

const KEYS: [&str; 10] = [
    "bytes",
    "both_bytes",
    "packets",
    "expected",
    "lost",
    "maybe_lost",
    "round_trips",
    "over_limit",
    "stream_seconds",
    "over_jitter",
];

/// What was counted, by the names in the lines. Less than none in an amendment that gives back.
type Counts = [i64; KEYS.len()];

fn counts(object: &Value) -> Counts {
    KEYS.map(|key| object[key].as_i64().unwrap())
}

fn add(sum: &mut Counts, more: &Counts) {
    sum.iter_mut()
        .zip(more)
        .for_each(|(sum, more)| *sum += more);
}

/// Which line it is: role, ASN, second.
type Whose = (bool, u64, u64);

/// Counts of one direction by path: the transit ASNs, empty for all of it.
type ByPath = BTreeMap<Vec<u64>, Counts>;

/// One contract's lines.
pub(crate) struct Model<'a> {
    pub(crate) contract: &'a Contract,
    lines: BTreeMap<Whose, [Value; 2]>,
}

impl<'a> Model<'a> {
    pub(crate) fn new(contract: &'a Contract) -> Self {
        Self {
            contract,
            lines: BTreeMap::new(),
        }
    }

    /// Takes a line.
    pub(crate) fn read(&mut self, line: &Value) {
        let is_transit = line["role"] == "transit";
        assert!(is_transit || line["role"].is_null(), "{line}");
        let side = usize::from(text(line, "direction") == "to");
        let whose = (is_transit, number(line, "/asn"), second(line));
        let place = &mut self.lines.entry(whose).or_default()[side];
        assert!(place.is_null(), "twice: {line}");
        *place = line.clone();
    }

    /// Every second of an ASN as it was known when `now` was judged, from and to.
    fn window(&self, (role, asn, now): Whose) -> [ByPath; 2] {
        let first = now + 1 - self.contract.window;
        let mut sums = [ByPath::new(), ByPath::new()];
        for (_, lines) in self.lines.range((role, asn, 0)..=(role, asn, now)) {
            for (line, sum) in lines.iter().zip(&mut sums) {
                let none = Vec::new();
                let amended = line["amendments"].as_array().unwrap_or(&none);
                for counted in [line].into_iter().chain(amended) {
                    if second(counted) < first {
                        continue;
                    }
                    add(sum.entry(Vec::new()).or_default(), &counts(counted));
                    for path in counted["paths"].as_array().unwrap_or(&none) {
                        let transit = serde_json::from_value(path["transit"].clone()).unwrap();
                        add(sum.entry(transit).or_default(), &counts(path));
                    }
                }
            }
        }
        sums
    }

    fn exceeds(&self, window: &[ByPath; 2]) -> [bool; 2] {
        let [from, to] = [0, 1].map(|side| window[side].get(&Vec::new()).copied());
        let ([from, both, ..], [to, ..]) = (from.unwrap_or_default(), to.unwrap_or_default());
        let Contract {
            bps,
            window,
            direction,
            ..
        } = self.contract;
        let over = |bytes: i64| 80 * i128::from(bytes) > i128::from(*bps) * i128::from(*window);
        match *direction {
            "either" => [over(from), over(to)],
            "to" => [false, over(to)],
            "sum" => [over(from + to - both), false],
            other => panic!("no direction {other}"),
        }
    }

    /// Every line says what follows from those up to it, and the document what follows from all.
    pub(crate) fn verify(&self, document: &Value) {
        let judges = self.contract.transit == Some("judge");
        assert_eq!(
            self.lines.keys().any(|(is_transit, ..)| *is_transit),
            judges
        );
        let mut out: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        let mut tally: BTreeMap<(bool, u64, String), u64> = BTreeMap::new();
        // Transit comes last in the order of the map, and has to be known first.
        for (whose, lines) in self.lines.iter().rev() {
            let (is_transit, asn, now) = *whose;
            let window = self.window(*whose);
            let over = self.exceeds(&window);
            for ((line, sum), over_here) in lines.iter().zip(&window).zip(over) {
                let all = sum[&Vec::new()];
                assert_eq!(line["window_bytes"], all[0], "{line}");
                assert_eq!(line["exceeds"], over_here, "{line}");
                assert_eq!(line["out_of_sla"], over[0] || over[1], "{line}");
                assert_eq!(
                    line["seen_whole"],
                    now + 1 - self.contract.window >= START,
                    "{line}"
                );
            }
            let mut count = |what: String| *tally.entry((is_transit, asn, what)).or_default() += 1;
            if over[0] || over[1] {
                count("out".into());
            }
            if is_transit {
                assert!(lines.iter().all(|line| line["loss"].is_null()));
                if over[0] || over[1] {
                    out.entry(now).or_default().insert(asn);
                }
                continue;
            }
            let none = BTreeSet::new();
            let verdicts = self.verdicts(lines, &window, over, out.get(&now).unwrap_or(&none));
            for (guarantee, verdict) in MEASURES.iter().zip(verdicts) {
                if let Some(verdict) = verdict {
                    count(format!("{guarantee} {verdict}"));
                }
            }
        }
        for (key, is_transit) in [("/asns", false), ("/transit", true)] {
            for row in list(document, key) {
                let asn = number(row, "/asn");
                let counted = |what: &str| tally.get(&(is_transit, asn, what.into())).copied();
                let shown = number(row, "/out_of_sla_seconds");
                assert_eq!(shown, counted("out").unwrap_or(0), "AS{asn}");
                for guarantee in MEASURES.iter().filter(|_| !is_transit) {
                    for verdict in ["met", "missed", "void", "indeterminate"] {
                        let shown = number(row, &format!("/guarantees/{guarantee}/{verdict}_s"));
                        let counted = counted(&format!("{guarantee} {verdict}"));
                        assert_eq!(shown, counted.unwrap_or(0), "AS{asn} {guarantee} {verdict}");
                    }
                }
            }
        }
    }

    /// Takes off what crossed transit that is out, and judges what remains.
    fn verdicts<'v>(
        &self,
        lines: &[Value; 2],
        window: &[ByPath; 2],
        over: [bool; 2],
        out: &BTreeSet<u64>,
    ) -> [Option<&'v str>; MEASURES.len()] {
        let mut excluded = BTreeSet::new();
        let remaining = [0, 1].map(|side| {
            let mut left = window[side][&Vec::new()];
            for (transit, counted) in &window[side] {
                let crossed: Vec<_> = transit.iter().filter(|asn| out.contains(asn)).collect();
                if !crossed.is_empty() {
                    left.iter_mut()
                        .zip(counted)
                        .for_each(|(left, taken)| *left -= taken);
                    excluded.extend(crossed);
                }
            }
            left
        });
        let all = window[0][&Vec::new()];
        let nothing = remaining[0][2] == 0;
        let seen_whole = lines[0]["seen_whole"] == true;
        let verdict = |kept: Option<bool>| match (all[2], over[0] || over[1]) {
            (0, _) => None,
            (_, true) => Some("void"),
            _ if !seen_whole => Some("indeterminate"),
            _ if nothing => Some("void"),
            _ => Some(kept.map_or("indeterminate", |kept| if kept { "met" } else { "missed" })),
        };
        let within = |[_, _, _, expected, lost, maybe, ..]: Counts| {
            let is_enough = expected >= MIN_PACKETS.cast_signed();
            let keeps = |lost, expected| lost * 1_000_000 <= expected * LOSS_PPM.cast_signed();
            match (keeps(lost, expected), keeps(lost + maybe, expected + maybe)) {
                (false, _) if is_enough => Some(false),
                (true, true) if is_enough => Some(true),
                _ => None,
            }
        };
        let [from, to] = remaining.map(within);
        let loss = match self.contract.loss_direction {
            "from" => from,
            _ if from == Some(false) || to == Some(false) => Some(false),
            _ => from.and(to),
        };
        let half = |samples, over, least: u64| {
            (samples >= least.cast_signed()).then_some(100 * over <= 50 * samples)
        };
        let [.., trips, long, streams, jittering] = remaining[0];
        let latency = half(trips, long, MIN_ROUND_TRIPS);
        let jitter = half(streams, jittering, MIN_STREAM_SECONDS);
        let given = [loss, latency, jitter].map(verdict);
        let by_transit = given[0] == Some("void") && !over[0] && !over[1];
        for (line, left) in lines.iter().zip(remaining) {
            let said: BTreeSet<u64> =
                serde_json::from_value(line["excluded"].clone()).unwrap_or_default();
            assert_eq!(said, excluded, "{line}");
            let reason = excluded.first().filter(|_| by_transit);
            let reason = reason.map(|asn| format!("transit AS{asn}"));
            assert_eq!(line["reason"].as_str(), reason.as_deref(), "{line}");
            let verdicts = MEASURES.map(|measure| line[measure].as_str());
            assert_eq!(verdicts, given, "{line}");
            for (key, left) in KEYS
                .iter()
                .zip(left)
                .skip(2)
                .filter(|_| !excluded.is_empty())
            {
                assert_eq!(line[format!("remaining_{key}")], left, "{line}");
            }
        }
        given
    }
}
