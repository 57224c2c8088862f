//! Seconds that were not seen whole.

use super::times::{optional_second, second};
use crate::units::Second;
use serde::{Deserialize, Serialize};

/// Why something was not seen whole.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "lowercase")]
pub enum GapReason {
    /// The meter has just begun to see.
    Start,
    /// It did not run: windows go on behind it.
    Stop,
    /// Frames were lost, an interface was away, a file was cut, a table was full.
    Capture,
    /// The clock jumped back: windows begin anew.
    Clock,
    /// A new contract's packets were not counted yet: its windows begin anew.
    Policy,
    /// It could not be written.
    Disk,
    /// A probe of the fleet did not come in time, or its leaves cannot be added.
    Probe,
}

/// Seconds that were not seen whole.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct GapLeaf {
    /// The second that was judged next.
    #[serde(with = "second")]
    pub second: Second,
    /// The contract under which it is one; without it, under all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<String>,
    /// The first of them.
    #[serde(with = "second")]
    pub from: Second,
    /// The last of them.
    #[serde(with = "second")]
    pub until: Second,
    /// Why.
    pub why: GapReason,
    /// Frames that were not seen in it at most, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// Where the clock jumped back: the last second judged before.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_second"
    )]
    pub judged: Option<Second>,
    /// The probe of the fleet that is missing in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
}

impl GapLeaf {
    /// Of seconds that could not be written.
    pub fn unwritten(second: Second, from: Second, until: Second) -> Self {
        Self {
            second,
            commitment: None,
            from,
            until,
            why: GapReason::Disk,
            frames: None,
            judged: None,
            probe: None,
        }
    }

    /// Whether all windows begin anew behind it.
    pub fn begins_anew(&self) -> bool {
        matches!(self.why, GapReason::Start | GapReason::Clock)
    }
}
