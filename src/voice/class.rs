//! The classes of voice packets (media, its control, signalling) and the kinds of media.

/// What a voice packet is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// Audio media (RFC 3550).
    Rtp,
    /// RTP control protocol (RFC 3550 §6).
    Rtcp,
    /// Signalling (RFC 3261).
    Sip,
}

impl Class {
    /// Every class, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::Rtp, Self::Rtcp, Self::Sip];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtp => "rtp",
            Self::Rtcp => "rtcp",
            Self::Sip => "sip",
        }
    }
}

/// A set of classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Classes(u8);

impl Classes {
    /// No class.
    pub const NONE: Self = Self(0);
    /// All three: the default.
    pub const ALL: Self = Self(0b111);

    /// This set and one class more.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// Whether the class is in the set.
    pub const fn contains(self, class: Class) -> bool {
        self.0 & 1 << class as u8 != 0
    }
}

/// The kind of media of a stream; decided once, before its first packet is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StreamKind {
    /// Audio: counted.
    Audio,
    /// Video: listed, not counted.
    Video,
}

impl StreamKind {
    /// The value in JSON and text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}
