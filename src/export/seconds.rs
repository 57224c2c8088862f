//! `replay --seconds`: one JSON line per judged second, commitment, ASN and direction, with all
//! that was known when it was judged.
//!
//! `bytes`, `expected` and `lost` are those of the second itself; `window_*` are the sums that
//! the verdict rests on; `amendments` are counts that came, since the line before, for seconds
//! already judged. A window is therefore the sum of its seconds and of the amendments to them in
//! lines up to its own. What comes later than any window reaches is in the totals only, and in no
//! line. In a line `from`, expected and lost are those of the packets that the ASN
//! sent; in a line `to`, those that its end reports. Round trips stand in `from`.
//!
//! `transit` are the transit ASNs on the ASN's paths in the window. Where the contract judges
//! transit there are more keys: `paths` is what of a second was counted over each path, so that the
//! window of every path is a sum like that of the ASN; lines with `"role":"transit"` are what goes
//! through an ASN; `excluded` are those out of SLA by these lines that the ASN's packets crossed,
//! and `remaining_*` the window without such packets, on which the verdicts then rest. A void
//! verdict that is not for the ASN's own traffic has a `reason`.

use crate::sla::{Role, Verdict};
use crate::snapshot::evidence::{
    self, Evidence, Judgement, Losses, OnPath, RoundTrips, WindowCounts,
};
use crate::units::Asn;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A file of judged seconds.
#[derive(Debug)]
pub struct SecondsFile {
    out: BufWriter<File>,
    failed: Option<io::Error>,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of the line")]
struct Line<'a> {
    second: String,
    commitment: &'a str,
    asn: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    direction: &'static str,
    #[serde(flatten)]
    counted: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<OverPath>,
    window_bytes: u64,
    window_expected: u64,
    window_lost: u64,
    window_round_trips: u64,
    window_over_limit: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amendments: Vec<Amendment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transit: Vec<u32>,
    exceeds: bool,
    out_of_sla: bool,
    tainted: bool,
    seen_whole: bool,
    loss: Option<&'static str>,
    latency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    rest: Option<Rest>,
}

/// What the verdicts rest on where packets crossed a transit ASN out of SLA.
#[derive(Serialize)]
struct Rest {
    excluded: Vec<u32>,
    remaining_packets: u64,
    remaining_expected: u64,
    remaining_lost: u64,
    remaining_round_trips: u64,
    remaining_over_limit: u64,
}

/// What was counted over one path.
#[derive(Serialize)]
struct OverPath {
    transit: Vec<u32>,
    #[serde(flatten)]
    counted: Counts,
}

#[derive(Serialize, PartialEq, Eq, Default)]
struct Counts {
    bytes: u64,
    both_bytes: u64,
    packets: u64,
    expected: u64,
    lost: u64,
    round_trips: u64,
    over_limit: u64,
}

#[derive(Serialize)]
struct Amendment {
    second: String,
    #[serde(flatten)]
    counted: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<OverPath>,
}

/// Which half of a cell a line is about.
#[derive(Clone, Copy)]
enum Direction {
    From,
    To,
}

impl Direction {
    fn of(self, counts: &WindowCounts) -> Counts {
        let (bytes, Losses { expected, lost }, RoundTrips { samples, over }) = match self {
            Self::From => (counts.from, counts.sent, counts.round_trips),
            Self::To => (counts.to, counts.reported, RoundTrips::default()),
        };
        Counts {
            bytes,
            both_bytes: counts.both,
            packets: counts.packets,
            expected,
            lost,
            round_trips: samples,
            over_limit: over,
        }
    }

    fn paths(self, paths: &[OnPath]) -> Vec<OverPath> {
        let paths = paths.iter().map(|path| OverPath {
            transit: numbers(&path.transit),
            counted: self.of(&path.counted),
        });
        let counted = paths.filter(|path| path.counted != Counts::default());
        counted.collect()
    }

    fn rest(self, verdicts: &evidence::Verdicts) -> Option<Rest> {
        let remaining = self.of(&verdicts.remaining);
        (!verdicts.excluded.is_empty()).then(|| Rest {
            excluded: numbers(&verdicts.excluded),
            remaining_packets: remaining.packets,
            remaining_expected: remaining.expected,
            remaining_lost: remaining.lost,
            remaining_round_trips: remaining.round_trips,
            remaining_over_limit: remaining.over_limit,
        })
    }
}

fn numbers(asns: &[Asn]) -> Vec<u32> {
    asns.iter().map(|asn| asn.0).collect()
}

impl SecondsFile {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// What the system says of the path.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            out: BufWriter::new(File::create(path)?),
            failed: None,
        })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The first error of any line.
    pub fn finish(mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.failed.map_or(flushed, Err)
    }

    fn write(&mut self, judgement: &Judgement, direction: Direction) -> io::Result<()> {
        let window = direction.of(&judgement.window);
        let (name, exceeds) = match direction {
            Direction::From => ("from", judgement.over.0),
            Direction::To => ("to", judgement.over.1),
        };
        let amendments = judgement.amendments.iter().map(|amendment| Amendment {
            second: amendment.second.to_string(),
            counted: direction.of(&amendment.counted),
            paths: direction.paths(&amendment.paths),
        });
        let verdicts = &judgement.verdicts;
        let reason = verdicts.void_by_transit;
        let line = Line {
            second: judgement.second.to_string(),
            commitment: &judgement.commitment,
            asn: judgement.asn.0,
            role: match judgement.role {
                Role::Origin => None,
                Role::Transit => Some("transit"),
            },
            direction: name,
            counted: direction.of(&judgement.counted),
            paths: direction.paths(&judgement.paths),
            window_bytes: window.bytes,
            window_expected: window.expected,
            window_lost: window.lost,
            window_round_trips: window.round_trips,
            window_over_limit: window.over_limit,
            amendments: amendments
                .filter(|one| one.counted != Counts::default())
                .collect(),
            transit: numbers(&judgement.transit),
            exceeds,
            out_of_sla: judgement.over.0 || judgement.over.1,
            tainted: judgement.incomplete,
            seen_whole: judgement.seen_whole,
            loss: verdicts.loss.map(Verdict::as_str),
            latency: verdicts.latency.map(Verdict::as_str),
            reason: reason.map(|asn| format!("transit AS{asn}")),
            rest: direction.rest(verdicts),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }
}

impl Evidence for SecondsFile {
    fn judged(&mut self, judgement: &Judgement) {
        for direction in [Direction::From, Direction::To] {
            if self.failed.is_none()
                && let Err(error) = self.write(judgement, direction)
            {
                self.failed = Some(error);
            }
        }
    }
}
