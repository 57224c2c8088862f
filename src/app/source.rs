//! Opens the sources of the daemon: one type for all kinds. The dispatch is per burst of frames, not per
//! frame.

use crate::capture::pnet::PnetSource;
use crate::capture::ring::{Group, MergedRings, RingSettings, RingSource};
use crate::capture::synthetic::Synthetic;
use crate::capture::{BurstSink, CaptureError, Event, FrameSource};
use crate::config::checked::{Backend, Config};
use crate::frame::InterfaceId;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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

/// Opens all interfaces with all their queues; one failure fails all. With `capture.deduplicate` one
/// source reads the same queue of every interface.
pub(super) fn open(
    config: &Config,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<LiveSource>, CaptureError> {
    let capture = &config.capture;
    let queues = usize::try_from(capture.queues).unwrap_or(1);
    let is_merged = capture.merges_interfaces();
    let mut sources = Vec::new();
    let mut merged: Vec<Vec<RingSource>> = Vec::new();
    merged.resize_with(queues, Vec::new);
    for (number, name) in (0..).zip(&capture.interfaces) {
        // A worker counts by its own numbers.
        let id = InterfaceId(if is_merged { number } else { 0 });
        if capture.backend == Backend::Pnet {
            let pnet = PnetSource::open(name, id, capture.promiscuous, stop.clone())?;
            sources.push(LiveSource::Pnet(Box::new(pnet)));
            continue;
        }
        let group: Arc<Group> = Arc::default();
        for (queue, together) in merged.iter_mut().enumerate() {
            let settings = RingSettings {
                mib: capture.ring_mib,
                promiscuous: capture.promiscuous,
                cut_for: capture.cut_payload.then(|| config.voice.sip_ports.clone()),
                queue: (queues > 1).then(|| (group.clone(), queue)),
            };
            let source = RingSource::open(name, id, settings, stop.clone())?;
            if is_merged {
                together.push(source);
            } else {
                sources.push(LiveSource::Ring(Box::new(source)));
            }
        }
    }
    if is_merged {
        let merged = merged.into_iter().map(MergedRings::new);
        sources.extend(merged.map(|rings| LiveSource::Merged(Box::new(rings))));
    }
    Ok(sources)
}
