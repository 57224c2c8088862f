//! The lines of `replay --seconds`, as they are read by somebody who knows only what they say.

use serde_json::Value;
use std::time::UNIX_EPOCH;

/// What a line says was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) bytes: u64,
    pub(crate) both_bytes: u64,
    pub(crate) packets: u64,
    pub(crate) expected: u64,
    pub(crate) lost: u64,
    pub(crate) round_trips: u64,
    pub(crate) over_limit: u64,
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

    /// Adds more.
    pub(crate) fn add(&mut self, more: &Self) {
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "a line says so many yes and no"
)]
pub(crate) struct Line {
    pub(crate) second: u64,
    pub(crate) commitment: String,
    pub(crate) asn: u64,
    pub(crate) direction: String,
    pub(crate) counted: Counts,
    pub(crate) amendments: Vec<(u64, Counts)>,
    /// Bytes, expected, lost, round trips, over the limit.
    pub(crate) window: [u64; 5],
    pub(crate) exceeds: bool,
    pub(crate) out_of_sla: bool,
    pub(crate) tainted: bool,
    pub(crate) seen_whole: bool,
    pub(crate) loss: Option<String>,
    pub(crate) latency: Option<String>,
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
            amendments: amended,
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
        self.counted.bytes
            + self
                .amendments
                .iter()
                .map(|(_, one)| one.bytes)
                .sum::<u64>()
    }
}
