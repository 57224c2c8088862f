//! Frames that the meter did not see, of a second or of a window (MODEL §8).

/// How many frames were not seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unseen {
    /// None: it was seen whole.
    #[default]
    None,
    /// So many at most.
    AtMost(u64),
    /// Nobody knows how many.
    Unknown,
}

impl Unseen {
    /// Whether it was seen whole.
    pub fn is_none(self) -> bool {
        self == Self::None
    }

    /// The most that there may be; none if nobody knows.
    pub const fn bound(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::AtMost(frames) => Some(frames),
            Self::Unknown => None,
        }
    }
}
