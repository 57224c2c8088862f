//! The lines of `replay --seconds`, as they are read by somebody who knows only what they say.

use serde_json::Value;
use std::time::UNIX_EPOCH;

/// The measures, in the order of the lines; each with the keys of its numbers: all, those of them
/// that were lost or over a limit, and those that may have been, where a line has them.
pub(crate) const MEASURES: [(&str, &[&str]); 3] = [
    ("loss", &["expected", "lost", "maybe_lost"]),
    (
        "latency",
        &["round_trips", "over_limit", "maybe_over_limit"],
    ),
    ("jitter", &["stream_seconds", "over_jitter"]),
];

/// Three numbers for each measure, none where a line has none. Less than none in an amendment that gives back what was booked.
pub(crate) type Numbers = [[i64; 3]; MEASURES.len()];

fn signed(object: &Value, key: &str) -> i64 {
    let number = object[key].as_i64();
    number.unwrap_or_else(|| panic!("{key}: {object}"))
}

fn number(object: &Value, key: &str) -> u64 {
    let number = object[key].as_u64();
    number.unwrap_or_else(|| panic!("{key}: {object}"))
}

fn numbers(object: &Value, prefix: &str) -> Numbers {
    MEASURES.map(|(_, keys)| {
        let mut numbers = [0; 3];
        for (number, key) in numbers.iter_mut().zip(keys) {
            *number = signed(object, &format!("{prefix}{key}"));
        }
        numbers
    })
}

/// What a line says was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) bytes: u64,
    pub(crate) both_bytes: u64,
    pub(crate) packets: u64,
    pub(crate) numbers: Numbers,
}

impl Counts {
    fn parse(object: &Value) -> Self {
        Self {
            bytes: number(object, "bytes"),
            both_bytes: number(object, "both_bytes"),
            packets: number(object, "packets"),
            numbers: numbers(object, ""),
        }
    }

    /// Adds more.
    pub(crate) fn add(&mut self, more: &Self) {
        self.bytes += more.bytes;
        self.both_bytes += more.both_bytes;
        self.packets += more.packets;
        let sums = self.numbers.as_flattened_mut().iter_mut();
        for (sum, number) in sums.zip(more.numbers.as_flattened()) {
            *sum += number;
        }
    }
}

/// Frames that were not seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UnseenFrames {
    /// All were.
    None,
    /// So many at most.
    AtMost(u64),
    /// Nobody knows how many.
    Unknown,
}

impl UnseenFrames {
    fn parse(written: Option<&Value>) -> Self {
        match written {
            None => Self::None,
            Some(Value::Null) => Self::Unknown,
            Some(frames) => Self::AtMost(frames.as_u64().unwrap()),
        }
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
    pub(crate) window: (u64, Numbers),
    pub(crate) exceeds: bool,
    pub(crate) out_of_sla: bool,
    pub(crate) tainted: bool,
    /// Of the second and of its window.
    pub(crate) unseen: [UnseenFrames; 2],
    pub(crate) seen_whole: bool,
    pub(crate) verdicts: [Option<String>; MEASURES.len()],
    pub(crate) reasons: [Option<String>; MEASURES.len()],
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
        Self {
            second: second(&line),
            commitment: text("commitment").unwrap(),
            asn: line["asn"].as_u64().unwrap(),
            direction: text("direction").unwrap(),
            counted: Counts::parse(&line),
            amendments: amended,
            window: (number(&line, "window_bytes"), numbers(&line, "window_")),
            exceeds: flag("exceeds"),
            out_of_sla: flag("out_of_sla"),
            tainted: flag("tainted"),
            unseen: ["unseen_frames", "window_unseen_frames"]
                .map(|key| UnseenFrames::parse(line.get(key))),
            seen_whole: flag("seen_whole"),
            verdicts: MEASURES.map(|(label, _)| text(label)),
            reasons: MEASURES.map(|(label, _)| {
                let reason = line["indeterminate_reason"][label].as_str();
                reason.map(str::to_owned)
            }),
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
