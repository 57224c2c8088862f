//! Where a ledger begins, and where each of its days does: the start, the day and the stop of a meter.

use super::times::second;
use crate::units::Second;
use serde::{Deserialize, Serialize};

/// How the meter that writes runs.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// `asnmeter run`.
    Live,
    /// `asnmeter replay`.
    Replay,
    /// `asnmeter demo`.
    Demo,
    /// `asnmeter fleet`.
    Fleet,
}

/// The meter starts.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct StartLeaf {
    /// When; the first second of a replay.
    #[serde(with = "second")]
    pub time: Second,
    /// How it runs.
    pub mode: Mode,
    /// Of the program.
    pub version: String,
    /// The commit it was built from.
    pub revision: String,
    /// By which rules it judges: [`RULES`].
    pub rules: u32,
    /// What it can judge, in the order of the verdict leaves.
    pub measures: Vec<String>,
    /// Interfaces, or capture files.
    pub sources: Vec<SourceTerms>,
}

/// Where frames come from.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SourceTerms {
    /// An interface's name or a file's.
    pub name: String,
    /// A file's SHA-256 in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The first leaf of a day's file: whoever has this day needs none before it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DayLeaf {
    /// The UTC day, `2026-11-25`.
    pub day: String,
    /// Leaves before this one.
    pub size: u64,
    /// The compact range over these, the largest subtree first, in hexadecimal.
    pub hashes: Vec<String>,
}

/// The meter stops.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct StopLeaf {
    /// The last second judged.
    #[serde(with = "second")]
    pub time: Second,
}
