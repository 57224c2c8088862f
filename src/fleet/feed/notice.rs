//! Notices to the operator about what a probe has sent.

use crate::fleet::head::HeadError;

/// What an operator wants to know of a probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FeedNotice {
    /// A leaf came again, and is another one than before.
    Differs(u64),
    /// The leaves from this number on are not those that the probe signed: they are dropped.
    Forged(u64),
    /// A head is none.
    Head(HeadError),
    /// The probe has signed two histories of so many leaves.
    TwoHistories(u64),
    /// A leaf that the probe signed cannot be read or cannot be true: nothing is taken behind it.
    Fault(u64, String),
}

impl std::fmt::Display for FeedNotice {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Differs(number) => write!(
                out,
                "leaf {number} came again, and is another one: it is not taken"
            ),
            Self::Forged(number) => write!(
                out,
                "leaves from {number} on are not those that it signed: they are not taken"
            ),
            Self::Head(error) => write!(out, "a head {error}"),
            Self::TwoHistories(size) => write!(out, "it has signed two histories of {size} leaves"),
            Self::Fault(number, reason) => {
                write!(out, "leaf {number}: {reason}: nothing is taken from it on")
            }
        }
    }
}
