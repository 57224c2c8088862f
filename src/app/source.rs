//! The sources of the daemon as one type. The dispatch is per burst of frames, not per frame.

use crate::capture::pnet::PnetSource;
use crate::capture::ring::{MergedRings, RingSource};
use crate::capture::synthetic::Synthetic;
use crate::capture::{BurstSink, CaptureError, Event, FrameSource};

/// A source that a worker thread owns.
pub(super) enum LiveSource {
    Ring(Box<RingSource>),
    /// The same queue of every interface: `capture.deduplicate`.
    Merged(Box<MergedRings>),
    Pnet(Box<PnetSource>),
    Synthetic(Box<Synthetic>),
}

impl FrameSource for LiveSource {
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        match self {
            Self::Ring(source) => source.next(),
            Self::Merged(source) => source.next(),
            Self::Pnet(source) => source.next(),
            Self::Synthetic(source) => source.next(),
        }
    }

    fn burst(&mut self, sink: &mut impl BurstSink) {
        match self {
            Self::Ring(source) => source.burst(sink),
            Self::Merged(source) => source.burst(sink),
            Self::Pnet(source) => source.burst(sink),
            Self::Synthetic(source) => source.burst(sink),
        }
    }
}
