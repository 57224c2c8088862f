//! Ends a second: settles what streams tallied in it, samples them, and takes the second out.

use super::confirmation::StreamOctets;
use super::second::{PairCounts, SecondCounts};
use super::stream_sample::StreamSample;
use super::{Meter, NEAR};
use crate::stream::Streams;
use crate::stream::record::Stream;
use crate::stream::tally::TrafficCounts;
use crate::units::Second;
use crate::voice::class::Class;
use crate::voice::kind::StreamKind;
use std::collections::btree_map::Entry;

/// What [`Meter::close`] takes out.
#[derive(Debug, Default)]
pub struct DueSeconds {
    /// Seconds now closed.
    pub open: Vec<(Second, SecondCounts)>,
    /// Counts for seconds closed before.
    pub amendments: Vec<(Second, SecondCounts)>,
}

impl Meter {
    /// A newer second begins: what the streams tallied goes to the counts of the old one.
    pub fn begin_second(&mut self, second: Second, streams: &mut Streams) {
        let touched = std::mem::take(&mut self.touched);
        for some in touched.chunks(NEAR) {
            streams.prefetch_whole(some);
            for index in some {
                if let Some(stream) = streams.stream_mut(*index) {
                    self.flush_stream(*index, stream);
                }
            }
        }
        match self.active.entry(self.newest) {
            Entry::Vacant(place) => drop(place.insert(touched)),
            Entry::Occupied(mut active) => active.get_mut().extend(touched),
        }
        let counts = std::mem::take(&mut self.counts);
        self.seconds.entry(self.newest).or_default().merge(counts);
        self.newest = second;
    }

    /// Counts every stream with a packet in a second up to and with `through`, and samples its
    /// jitter. Not when the next second begins: that is at another packet for each worker, while
    /// the close of a second is at the same place of a capture for all of them.
    pub fn sample_streams(&mut self, through: Second, streams: &mut Streams) {
        if self.newest <= through {
            for index in std::mem::take(&mut self.touched) {
                if let Some(stream) = streams.stream_mut(index) {
                    self.flush_stream(index, stream);
                }
                self.active.entry(self.newest).or_default().push(index);
            }
        }
        if let Some(sample) = &mut self.sample {
            *sample = StreamSample::default();
        }
        let later = self.active.split_off(&through.next());
        for (second, mut active) in std::mem::replace(&mut self.active, later) {
            active.sort_unstable();
            active.dedup();
            for some in active.chunks(NEAR) {
                streams.prefetch_whole(some);
                for index in some {
                    streams.apply_announcement(*index);
                    self.sample(second, streams.get(*index));
                    if let Some(pair) = streams.one_way(*index, second) {
                        let calls = &mut self.counts_of(second).calls;
                        calls.entry(pair).or_default().one_way += 1;
                    }
                    streams.note_quiet(*index, second);
                }
            }
        }
        self.confirm(through, streams);
        let counts = self.counts_of(through);
        streams.sample_silence(through, |pair, silence| {
            let usage = PairCounts {
                silence: Some(silence.into()),
                ..PairCounts::default()
            };
            counts.add(pair, &usage);
        });
        (counts.begun, counts.stopped) = streams.take_edges();
    }

    pub(super) fn sample(&mut self, second: Second, stream: Option<&Stream>) {
        let Some(stream) = stream.filter(|stream| stream.kind == StreamKind::Audio) else {
            return;
        };
        if let Some(sample) = &mut self.sample {
            sample.add(stream);
        }
        let jitter = stream.jitter().current();
        self.counts_of(second).add_stream(stream.pair(), jitter);
    }

    pub(super) fn flush_stream(&mut self, index: u32, stream: &mut Stream) {
        self.flush_stream_into(self.newest, index, stream);
    }

    pub(super) fn flush_stream_into(&mut self, second: Second, index: u32, stream: &mut Stream) {
        if let Some(octets) = self.settle_stream(second, stream) {
            let settled = StreamOctets::new(index, stream, &octets);
            self.settled.entry(second).or_default().push(settled);
        }
    }

    /// What a stream that is over had of the newest second: nobody will confirm it.
    pub(super) fn flush_ended(&mut self, stream: &mut Stream) {
        self.settle_stream(self.newest, stream);
    }

    pub(super) fn settle_stream(
        &mut self,
        second: Second,
        stream: &mut Stream,
    ) -> Option<TrafficCounts> {
        let (Some((octets, continuity)), StreamKind::Audio) = (stream.take_tally(), stream.kind)
        else {
            return None;
        };
        self.disputed.add(stream.disagreeing(), octets.ip);
        let mut usage = PairCounts {
            continuity,
            ..PairCounts::default()
        };
        *usage.class_mut(Class::Rtp) = octets;
        let counts = self.counts_of(second);
        counts.frames.voice.add(&octets);
        counts.add(stream.pair(), &usage);
        (octets.packets > 0).then_some(octets)
    }

    /// Takes out the seconds up to and with `through`: those that were open, and amendments to
    /// those that were not; each oldest first.
    pub fn close(&mut self, through: Second, streams: &mut Streams) -> DueSeconds {
        if self.newest <= through {
            self.begin_second(through.next(), streams);
        }
        let later = self.seconds.split_off(&through.next());
        let due = std::mem::replace(&mut self.seconds, later);
        let closed = self.closed.replace(through);
        let (amendments, open) = due
            .into_iter()
            .partition(|(second, _)| closed.is_some_and(|closed| *second <= closed));
        DueSeconds { open, amendments }
    }

    /// Packet time has jumped back into a second, or begins there: nothing before it is open.
    pub fn restart(&mut self, second: Second) {
        self.newest = second;
        self.closed = Some(second.previous());
        // Sampled already; time will reach seconds of these numbers again.
        self.active.clear();
        self.settled.clear();
    }
}
