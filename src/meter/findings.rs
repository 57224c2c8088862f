//! Counts what a packet tells of other packets: round trips, the far end's reports, calls.

use super::Meter;
use super::second::{PairCounts, RoundTrip};
use crate::attribution::{Attribution, PairKey};
use crate::stream::Finding;
use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::tally::{LossCounts, SequenceCounts};
use crate::units::Second;
use crate::voice::signalling::CallNews;
use crate::voice::{CapturePoint, Packet};

impl Meter {
    /// Counts what a packet reveals about others: round trips belong to its sender's origin.
    pub fn count_findings(
        &mut self,
        packet: &Packet<'_>,
        found: Vec<Finding>,
        attribution: &Attribution,
    ) {
        for finding in found {
            match finding {
                Finding::RoundTrip(sample) => {
                    let pair = attribution.pair(
                        packet.src.address,
                        packet.dst.address,
                        packet.capture_point,
                    );
                    let counts = self.counts_of(packet.time.second());
                    counts.round_trips.push(RoundTrip::new(pair, sample));
                }
                Finding::Unmeasured(trip) => {
                    let point = packet.capture_point;
                    let pair = attribution.pair(trip.answerer, trip.asker, point);
                    let counts = self.counts_of(packet.time.second());
                    counts.round_trips.push(RoundTrip::new(pair, trip.sample));
                }
                Finding::Changed(pair, booking) => {
                    for (second, count) in booking.by_second() {
                        let usage = PairCounts {
                            continuity: SequenceCounts::booked(booking.certainty, count),
                            ..PairCounts::default()
                        };
                        self.counts_of(second).add(&pair, &usage);
                    }
                }
                Finding::VoipMetrics(pair, block) => {
                    let usage = PairCounts {
                        voip_metrics: Some(Box::new(VoipCounts::of(&block))),
                        ..PairCounts::default()
                    };
                    self.counts_of(packet.time.second()).add(&pair, &usage);
                }
                Finding::Reported(pair, (second, reports)) => {
                    self.count_reports(second, &pair, reports);
                }
            }
        }
    }

    /// Counts what reporters lost between a pair.
    pub(super) fn count_reports(&mut self, second: Second, pair: &PairKey, reports: LossCounts) {
        let usage = PairCounts {
            reports,
            ..PairCounts::default()
        };
        self.counts_of(second).add(pair, &usage);
    }

    /// Counts what became of calls, each for the origins of its two hosts.
    pub fn count_calls(&mut self, news: Vec<CallNews>, attribution: &Attribution) {
        for one in news {
            let pair = attribution.pair(one.src, one.dst, CapturePoint::default());
            // No second is open beyond the newest.
            let second = one.time.second().min(self.newest);
            let calls = &mut self.counts_of(second).calls;
            let usage = calls.entry((pair.src, pair.dst)).or_default();
            usage.counts.add(&one.counts);
        }
    }
}
