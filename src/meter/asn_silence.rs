//! The streams of one ASN that are quiet at the end of a second, as one commitment counts them.

use crate::stream::silence::SilenceCounts;
use crate::units::Second;

/// Of the streams that an ASN sends, those that are quiet. Stands for itself: it is no sum over a window.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AsnSilence {
    /// Active streams: with a packet in the second, in the ten seconds before, or silent.
    pub active: u64,
    /// What is quiet; its own count of quiet streams is in `active` too.
    pub counts: SilenceCounts,
}

impl AsnSilence {
    /// Adds what streams of a pair do, of which some had a packet in the second.
    pub fn add(&mut self, with_packets: u64, quiet: Option<&SilenceCounts>) {
        self.active += with_packets;
        if let Some(quiet) = quiet {
            self.active += quiet.quiet;
            self.counts.add(quiet);
        }
    }

    /// Whether anything is silent, or was until now.
    pub fn is_silent(&self) -> bool {
        self.counts.ended > 0 || !self.counts.stopped.is_empty()
    }

    /// As the ledger has it: without the counts of quiet streams where none is silent. How many streams are
    /// active it has in any case: a fleet needs the sum over all meters for the share of silent ones.
    #[must_use]
    pub fn recorded(&self) -> Self {
        let mut recorded = Self {
            active: self.active,
            ..Self::default()
        };
        if self.is_silent() {
            recorded.counts = self.counts.clone();
            recorded.counts.quiet = 0;
        }
        recorded
    }

    /// The most streams that fell silent within a second: the second of the first, and how many.
    pub fn stopped_together(&self) -> Option<(Second, u64)> {
        let stopped = &self.counts.stopped;
        let both = stopped
            .iter()
            .enumerate()
            .map(|(place, (second, streams))| {
                let next = stopped.get(place + 1);
                let next = next.filter(|(later, _)| *later == second.next());
                (*second, streams + next.map_or(0, |(_, streams)| *streams))
            });
        both.max_by_key(|(second, streams)| (*streams, std::cmp::Reverse(*second)))
    }
}
