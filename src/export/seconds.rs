//! `replay --seconds`: one JSON line per judged second, commitment, ASN and direction, with all
//! that was known when it was judged.
//!
//! `confirmed_bytes` are those of `bytes` that somebody answered (MODEL §3.4).
//!
//! `bytes`, `expected` and `lost` are those of the second itself; `window_*` are the sums that
//! the verdict rests on; `amendments` are counts that came, since the line before, for seconds
//! already judged. A window is therefore the sum of its seconds and of the amendments to them in
//! lines up to its own. What comes later than any window reaches is in the totals only, and in no
//! line. In a line `from`, expected and lost are those of the packets that the ASN
//! sent; in a line `to`, those that its end reports. Round trips and stream-seconds stand in
//! `from`.
//!
//! `transit` are the transit ASNs on the ASN's paths in the window. Where the contract judges
//! transit there are more keys: `paths` is what of a second was counted over each path, so that the
//! window of every path is a sum like that of the ASN; lines with `"role":"transit"` are what goes
//! through an ASN; `excluded` are those out of SLA by these lines that the ASN's packets crossed,
//! and `remaining_*` the window without such packets, on which the verdicts then rest. A void
//! verdict that is not for the ASN's own traffic has a `reason`; where verdicts are indeterminate,
//! `indeterminate_reason` says why, by measure. `unseen_frames` is how many frames of a second were not
//! seen at most, null where nobody knows, and missing where it was seen whole; `window_unseen_frames` the
//! same of its window. `silence` are the streams that the ASN sends, at the end of a second with which any
//! of them is silent, or ends to be: `ended` and `open` packets are maybe lost besides where they are judged
//! (MODEL §11.5); `stopped` says how many seconds ago the last packet was of how many of them.

use crate::export::measures::{ByMeasure, ByPresentMeasure, words};
use crate::sla::measure::{Column, Measure};
use crate::sla::unseen::Unseen;
use crate::sla::{IndeterminateReason, Role};
use crate::snapshot::evidence::{
    self, AsnCounts, AsnSilence, Judgement, JudgementObserver, OnPath,
};
use crate::units::{Asn, Second};
use serde::{Serialize, Serializer};
use std::fmt;
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
    counted: Counts<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence: Option<Silence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<OverPath<'a>>,
    window_bytes: u64,
    window_confirmed_bytes: u64,
    #[serde(flatten)]
    window: Numbers<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amendments: Vec<Amendment<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transit: Vec<u32>,
    exceeds: bool,
    out_of_sla: bool,
    tainted: bool,
    #[serde(skip_serializing_if = "UnseenFrames::is_none")]
    unseen_frames: UnseenFrames,
    seen_whole: bool,
    #[serde(skip_serializing_if = "UnseenFrames::is_none")]
    window_unseen_frames: UnseenFrames,
    #[serde(flatten)]
    verdicts: ByMeasure<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indeterminate_reason: Option<ByPresentMeasure<&'static str>>,
    #[serde(flatten)]
    rest: Option<Rest<'a>>,
}

/// Frames not seen at most, null if nobody knows how many.
struct UnseenFrames(Unseen);

impl UnseenFrames {
    fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Serialize for UnseenFrames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.bound().serialize(to)
    }
}

/// What the verdicts rest on where packets crossed a transit ASN out of SLA.
#[derive(Serialize)]
struct Rest<'a> {
    excluded: Vec<u32>,
    remaining_packets: u64,
    #[serde(flatten)]
    remaining: Numbers<'a>,
}

/// Streams of the ASN that are silent.
#[derive(Serialize)]
struct Silence {
    active_streams: u64,
    silent_streams: u64,
    recent_streams: u64,
    open: u64,
    ended: u64,
    stopped: Vec<(u64, u64)>,
}

impl Silence {
    fn of(second: Second, silence: &AsnSilence) -> Option<Self> {
        let counts = &silence.counts;
        let stopped = counts.stopped.iter();
        silence.is_silent().then(|| Self {
            active_streams: silence.active,
            silent_streams: counts.silent,
            recent_streams: counts.recent,
            open: counts.open,
            ended: counts.ended,
            stopped: stopped
                .map(|(last, streams)| (second.0.saturating_sub(last.0), *streams))
                .collect(),
        })
    }
}

/// What was counted over one path.
#[derive(Serialize)]
struct OverPath<'a> {
    transit: Vec<u32>,
    #[serde(flatten)]
    counted: Counts<'a>,
}

#[derive(Serialize)]
struct Counts<'a> {
    bytes: u64,
    confirmed_bytes: u64,
    both_bytes: u64,
    confirmed_both_bytes: u64,
    packets: u64,
    #[serde(flatten)]
    numbers: Numbers<'a>,
}

impl Counts<'_> {
    fn is_empty(&self) -> bool {
        let Self {
            bytes,
            confirmed_bytes,
            both_bytes,
            confirmed_both_bytes: _,
            packets,
            numbers,
        } = self;
        [*bytes, *confirmed_bytes, *both_bytes, *packets] == [0; 4]
            && numbers.each().all(|(_, number)| number == 0)
    }
}

#[derive(Serialize)]
struct Amendment<'a> {
    second: String,
    #[serde(flatten)]
    counted: Counts<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<OverPath<'a>>,
}

/// What each measure counts, by key.
struct Numbers<'a> {
    counts: &'a AsnCounts,
    direction: Direction,
    /// What stands before each key.
    prefix: &'static str,
}

impl Numbers<'_> {
    fn each(&self) -> impl Iterator<Item = (&'static str, i64)> + '_ {
        let columns = Measure::ALL.into_iter();
        let columns = columns.flat_map(|measure| measure.properties().columns);
        columns.map(|column| (column.key, self.direction.number(column, self.counts)))
    }
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(
            self.each()
                .map(|(key, number)| (Key(self.prefix, key), number)),
        )
    }
}

struct Key(&'static str, &'static str);

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)?;
        out.write_str(self.1)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            to.serialize_str(self.1)
        } else {
            to.collect_str(self)
        }
    }
}

/// Which half of the counts a line is about.
#[derive(Clone, Copy)]
enum Direction {
    From,
    To,
}

impl Direction {
    fn number(self, column: &Column, counts: &AsnCounts) -> i64 {
        match self {
            Self::From => (column.from)(counts),
            Self::To => column.to.map_or(0, |to| to(counts)),
        }
    }

    fn numbers<'a>(self, counts: &'a AsnCounts, prefix: &'static str) -> Numbers<'a> {
        Numbers {
            counts,
            direction: self,
            prefix,
        }
    }

    fn bytes(self, counts: &AsnCounts) -> u64 {
        match self {
            Self::From => counts.from,
            Self::To => counts.to,
        }
    }

    fn confirmed_bytes(self, counts: &AsnCounts) -> u64 {
        match self {
            Self::From => counts.confirmed.from,
            Self::To => counts.confirmed.to,
        }
    }

    fn of(self, counts: &AsnCounts) -> Counts<'_> {
        Counts {
            bytes: self.bytes(counts),
            confirmed_bytes: self.confirmed_bytes(counts),
            both_bytes: counts.both,
            confirmed_both_bytes: counts.confirmed.both,
            packets: counts.packets,
            numbers: self.numbers(counts, ""),
        }
    }

    fn paths(self, paths: &[OnPath]) -> Vec<OverPath<'_>> {
        let paths = paths.iter().map(|path| OverPath {
            transit: numbers(&path.transit),
            counted: self.of(&path.counted),
        });
        paths.filter(|path| !path.counted.is_empty()).collect()
    }

    fn rest(self, verdicts: &evidence::Verdicts) -> Option<Rest<'_>> {
        (!verdicts.excluded.is_empty()).then(|| Rest {
            excluded: numbers(&verdicts.excluded),
            remaining_packets: verdicts.remaining.packets,
            remaining: self.numbers(&verdicts.remaining, "remaining_"),
        })
    }
}

/// Why verdicts are indeterminate, of the measures of which they are.
fn reasons(verdicts: &evidence::Verdicts) -> Option<ByPresentMeasure<&'static str>> {
    let reasons = verdicts.reasons;
    let is_any = reasons.iter().any(|(_, reason)| reason.is_some());
    is_any.then(|| ByPresentMeasure(reasons.map(|one| one.map(IndeterminateReason::as_str))))
}

fn numbers(asns: &[Asn]) -> Vec<u32> {
    asns.iter().map(|asn| asn.0).collect()
}

impl SecondsFile {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// The system's error for the path.
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
        let (name, exceeds) = match direction {
            // The sum stands there, too.
            Direction::From => ("from", judgement.over.from || judgement.over.sum),
            Direction::To => ("to", judgement.over.to),
        };
        let amendments = judgement.amendments.iter().map(|amendment| Amendment {
            second: amendment.second.to_string(),
            counted: direction.of(&amendment.counts.counted),
            paths: direction.paths(&amendment.counts.paths),
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
            counted: direction.of(&judgement.counts.counted),
            silence: match direction {
                Direction::From => Silence::of(judgement.second, &judgement.counts.silence),
                Direction::To => None,
            },
            paths: direction.paths(&judgement.counts.paths),
            window_bytes: direction.bytes(&judgement.window),
            window_confirmed_bytes: direction.confirmed_bytes(&judgement.window),
            window: direction.numbers(&judgement.window, "window_"),
            amendments: amendments.filter(|one| !one.counted.is_empty()).collect(),
            transit: numbers(&judgement.transit),
            exceeds,
            out_of_sla: judgement.over.any(),
            tainted: judgement.incomplete,
            unseen_frames: UnseenFrames(judgement.unseen),
            seen_whole: judgement.seen_whole,
            window_unseen_frames: UnseenFrames(judgement.window_unseen),
            verdicts: words(verdicts.given),
            reason: reason.map(|asn| format!("transit AS{asn}")),
            indeterminate_reason: reasons(verdicts),
            rest: direction.rest(verdicts),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }
}

impl JudgementObserver for SecondsFile {
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
