//! Counts the confirmed octets of streams (MODEL §3.4): at the end of a second, never with a packet.

use super::Meter;
use crate::attribution::{Attributed, PairKey};
use crate::meter::second::PairCounts;
use crate::stream::Streams;
use crate::stream::record::Stream;
use crate::stream::tally::TrafficCounts;
use crate::units::Second;
use crate::voice::class::Class;
use std::sync::Arc;

/// What a stream had in a second, or in a part of it under one attribution.
#[derive(Clone, Debug)]
pub(super) struct StreamOctets {
    index: u32,
    packets: u32,
    ip: u32,
    ethernet: u32,
    attributed: Option<Arc<Attributed>>,
}

impl StreamOctets {
    /// What was counted of a stream.
    pub(super) fn new(index: u32, stream: &Stream, octets: &TrafficCounts) -> Self {
        let short = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            index,
            packets: short(octets.packets),
            ip: short(octets.ip),
            ethernet: short(octets.ethernet),
            attributed: stream.attributed().cloned(),
        }
    }

    fn traffic(&self) -> TrafficCounts {
        TrafficCounts {
            packets: self.packets.into(),
            ip: self.ip.into(),
            ethernet: self.ethernet.into(),
            fragments: 0,
        }
    }

    fn pair(&self) -> Option<&PairKey> {
        self.attributed.as_ref().map(|attributed| &attributed.pair)
    }
}

impl Meter {
    /// Counts which octets of streams up to and with `through` are confirmed, as it stands now.
    pub(super) fn confirm(&mut self, through: Second, streams: &mut Streams) {
        let later = self.settled.split_off(&through.next());
        for (second, settled) in std::mem::replace(&mut self.settled, later) {
            let numbers: Vec<u32> = settled.iter().map(|octets| octets.index).collect();
            streams.confirm(&numbers, through);
            let counts = self.counts_of(second);
            for octets in settled {
                let stream = streams.get(octets.index);
                if stream.is_some_and(Stream::is_confirmed)
                    && let Some(pair) = octets.pair()
                {
                    let traffic = octets.traffic();
                    counts.add(pair, &PairCounts::confirmed(Class::Rtp, traffic));
                }
            }
        }
    }
}
