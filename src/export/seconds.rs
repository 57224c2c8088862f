//! `replay --seconds`: one JSON line per judged second, commitment, ASN and direction, with all
//! that was known when it was judged.
//!
//! `bytes`, `expected` and `lost` are those of the second itself; `window_*` are the sums that
//! the verdict rests on; `amendments` are counts that came, since the line before, for seconds
//! already judged. A window is therefore the sum of its seconds and of the amendments to them in
//! lines up to its own. What comes later than any window reaches is in the totals only, and in no
//! line. In a line `from`, expected and lost are those of the packets that the ASN
//! sent; in a line `to`, those that its end reports. Round trips stand in `from`.

use crate::snapshot::evidence::{Cell, Evidence, Judgement, Losses, RoundTrips};
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
    direction: &'static str,
    #[serde(flatten)]
    counted: Counts,
    window_bytes: u64,
    window_expected: u64,
    window_lost: u64,
    window_round_trips: u64,
    window_over_limit: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amendments: Vec<Amendment>,
    exceeds: bool,
    out_of_sla: bool,
    tainted: bool,
    seen_whole: bool,
    loss: Option<&'static str>,
    latency: Option<&'static str>,
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
}

/// Which half of a cell a line is about.
#[derive(Clone, Copy)]
enum Direction {
    From,
    To,
}

impl Direction {
    fn of(self, cell: &Cell) -> Counts {
        let (bytes, Losses { expected, lost }, RoundTrips { samples, over }) = match self {
            Self::From => (cell.from, cell.sent, cell.round_trips),
            Self::To => (cell.to, cell.reported, RoundTrips::default()),
        };
        Counts {
            bytes,
            both_bytes: cell.both,
            packets: cell.packets,
            expected,
            lost,
            round_trips: samples,
            over_limit: over,
        }
    }
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
        let amendments = judgement.amendments.iter().map(|(second, cell)| Amendment {
            second: second.to_string(),
            counted: direction.of(cell),
        });
        let line = Line {
            second: judgement.second.to_string(),
            commitment: &judgement.commitment,
            asn: judgement.asn.0,
            direction: name,
            counted: direction.of(&judgement.counted),
            window_bytes: window.bytes,
            window_expected: window.expected,
            window_lost: window.lost,
            window_round_trips: window.round_trips,
            window_over_limit: window.over_limit,
            amendments: amendments
                .filter(|one| one.counted != Counts::default())
                .collect(),
            exceeds,
            out_of_sla: judgement.over.0 || judgement.over.1,
            tainted: judgement.tainted,
            seen_whole: judgement.seen_whole,
            loss: judgement.loss.map(crate::sla::Verdict::as_str),
            latency: judgement.latency.map(crate::sla::Verdict::as_str),
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
