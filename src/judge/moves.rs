//! Media that moves to another transport address is one stream (MODEL §7.10). The address it leaves and
//! the one it goes to may be of different workers, so the judge looks for both ends.
//!
//! Holds what began in the last seconds and what stopped in the last half minute: no more than the workers'
//! tables of streams do.

use crate::asn::Origin;
use crate::attribution::scopes::ScopePlan;
use crate::meter::second::{PairCounts, SecondCounts};
use crate::stream::booking::Booking;
use crate::stream::edge::{LONGEST_MOVE, StreamEdge};
use crate::stream::tally::SequenceCounts;
use crate::units::Second;
use std::collections::HashMap;
use std::sync::Arc;

/// Seconds from a stream's first packet until it is decided whether it has moved here. A stream that stopped
/// before it is told by then, for it is told after so many seconds without a packet.
const WAIT: u64 = 3;

/// An SSRC between two origins.
type Source = (u32, Origin, Origin);

/// What began and what stopped lately.
#[derive(Debug, Default)]
pub(super) struct Moves {
    begun: Vec<(StreamEdge, Arc<ScopePlan>)>,
    stopped: HashMap<Source, Vec<StreamEdge>>,
}

fn source(edge: &StreamEdge) -> Source {
    (edge.key.ssrc(), edge.pair.src, edge.pair.dst)
}

impl Moves {
    /// Takes what a worker tells of a second.
    pub(super) fn note(&mut self, counts: &mut SecondCounts, scopes: &Arc<ScopePlan>) {
        let begun = counts.begun.drain(..).map(|edge| (edge, scopes.clone()));
        self.begun.extend(begun);
        for edge in counts.stopped.drain(..) {
            let stopped = self.stopped.entry(source(&edge)).or_default();
            stopped.retain(|known| known.key != edge.key);
            stopped.push(edge);
        }
    }

    /// Decides on the streams that began [`WAIT`] seconds ago and before: what is to be booked of moves, by
    /// second.
    pub(super) fn settle(&mut self, now: Second) -> Vec<(Second, SecondCounts, Arc<ScopePlan>)> {
        let is_due = |edge: &StreamEdge| edge.time.second().0 + WAIT <= now.0;
        let mut booked = Vec::new();
        for (first, scopes) in self.begun.iter().filter(|(first, _)| is_due(first)) {
            let Some(booking) = self.moved(first) else {
                continue;
            };
            for (second, count) in booking.by_second() {
                let usage = PairCounts {
                    continuity: SequenceCounts::booked(booking.certainty, count),
                    ..PairCounts::default()
                };
                let mut counts = SecondCounts::default();
                counts.add(&first.pair, &usage);
                booked.push((second, counts, scopes.clone()));
            }
        }
        self.begun.retain(|(first, _)| !is_due(first));
        let oldest = now.0.saturating_sub(LONGEST_MOVE.as_secs() + WAIT);
        self.stopped.retain(|_, edges| {
            edges.retain(|edge| edge.time.second().0 >= oldest);
            !edges.is_empty()
        });
        booked
    }

    /// What is to be booked of a move that ends with this first packet: if exactly one stopped stream fits
    /// it, and that one fits no other first packet.
    fn moved(&self, first: &StreamEdge) -> Option<Booking> {
        let stopped = self.stopped.get(&source(first))?;
        let mut fits = stopped
            .iter()
            .filter_map(|last| Some((last, last.moved_to(first)?)));
        let ((last, booking), None) = (fits.next()?, fits.next()) else {
            return None;
        };
        let mut others = self
            .begun
            .iter()
            .filter(|(other, _)| other.key != first.key);
        let is_alone = !others.any(|(other, _)| last.moved_to(other).is_some());
        is_alone.then_some(booking)
    }
}
