//! Later fragments: their octets count for what the first fragment of their packet is.

use super::{Worker, WorkerSink};
use crate::discard::Discard;
use crate::frame::Frame;
use crate::meter::Meter;
use crate::meter::second::IncompleteRange;
use crate::stream::Streams;
use crate::stream::fragments::{FragmentOwner, FragmentStep, LaterFragment};
use crate::units::{Second, Timestamp};
use crate::voice::class::Class;
use crate::voice::kind::StreamKind;
use crate::voice::stream_key::StreamKey;
use crate::voice::{Content, Packet};
use crate::wire::{self, Fragment};

impl<O: WorkerSink> Worker<O> {
    /// Counts a later fragment: its octets for what the first fragment of its packet is.
    #[cold]
    pub(super) fn count_fragment(&mut self, frame: Frame<'_>, fragment: &Fragment<'_>) {
        let is_counted = self.selection.shard.owns_pair([fragment.src, fragment.dst]);
        if fragment.is_whole() {
            let signalling = self.streams.signalling();
            signalling.take_fragment(fragment, is_counted);
            if signalling.has_calls() {
                self.count_calls();
            }
        }
        if !is_counted {
            return;
        }
        let second = self.count_arrival(frame);
        let mut reason = Discard::Fragment;
        match self.fragments.continue_with(fragment) {
            FragmentStep::Owned(owner) => self.give_fragment(owner, LaterFragment::of(fragment)),
            FragmentStep::Copy => {
                if let Err(copy) = self.meter.count_fragment_copy() {
                    reason = copy;
                } else if let Some(owner) = self.fragments.owner(fragment) {
                    self.give_fragment(owner, LaterFragment::of(fragment));
                }
            }
            FragmentStep::Unknown => {}
        }
        self.meter.discard(second, reason);
    }

    /// Counts the octets of a later fragment for its owner, or keeps it until its stream is proven.
    pub(super) fn give_fragment(&mut self, owner: FragmentOwner, fragment: LaterFragment) {
        match owner {
            FragmentOwner::Stream(key) => {
                if !count_fragment_of(&mut self.meter, &self.streams, &key, fragment) {
                    self.fragments.wait(key, fragment);
                }
            }
            FragmentOwner::Signal(class, src, dst, capture_point) => {
                let pair = self
                    .attribution
                    .pair(src.address, dst.address, capture_point);
                self.meter.count_fragment(&pair, class, fragment);
            }
        }
    }

    /// Counts the fragments whose streams have been proven since they came.
    pub(super) fn settle_fragments(&mut self, now: Timestamp) {
        let (meter, streams) = (&mut self.meter, &self.streams);
        self.fragments.settle(now, |key, fragment| {
            count_fragment_of(meter, streams, key, fragment)
        });
    }

    /// Later fragments that found no room may have been anybody's: so many frames of the seconds since
    /// the last call were not seen.
    pub(super) fn note_refused_fragments(&mut self, last: Second) {
        let frames = self.fragments.refused() - self.state.fragments_refused;
        if frames > 0 {
            self.state.fragments_refused += frames;
            self.incomplete.push(IncompleteRange {
                first: self.meter.closed().map_or(last, Second::next).min(last),
                last,
                at_most: Some(frames),
            });
        }
    }

    /// Remembers what the later fragments of a packet belong to. RTCP without a stream is no voice.
    #[cold]
    pub(super) fn begin_fragments(&mut self, frame: Frame<'_>, packet: &Packet<'_>) {
        let is_rtcp = matches!(packet.content, Content::Rtcp { .. });
        if is_rtcp && !self.streams.carry_audio(packet.src, packet.dst) {
            return;
        }
        if let Some(fragment) = wire::fragment(frame)
            && let Some(owner) = FragmentOwner::of(packet)
        {
            for early in self.fragments.begin(&fragment, owner) {
                self.give_fragment(owner, early);
            }
        }
    }
}

/// Counts a later fragment for a stream; `false` if that is not proven. Of video nothing counts.
fn count_fragment_of(
    meter: &mut Meter,
    streams: &Streams,
    key: &StreamKey,
    fragment: LaterFragment,
) -> bool {
    let Some(stream) = streams.find(key).and_then(|index| streams.get(index)) else {
        return false;
    };
    if stream.kind == StreamKind::Audio {
        meter.count_fragment(stream.pair(), Class::Rtp, fragment);
    }
    true
}
