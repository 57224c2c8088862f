//! Streams that have stopped while their opposite ones go on (MODEL §7.9): what they would have sent, and
//! whether anything explains it.
//!
//! Looked at once a second, never with a packet. A stream is on the list from the second of its last
//! packet until it goes on, another SSRC takes its place, its dialog ends, or the opposite one
//! stops too.

use super::Streams;
use super::edge::StreamEdge;
use super::record::Stream;
use crate::attribution::PairKey;
use crate::units::{Second, Timestamp};
use crate::voice::kind::StreamKind;
use crate::voice::payload_type::announces_silence;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::stream_key::StreamKey;
use std::time::Duration;

/// A stream is active for so long after its last packet (MODEL §11.5).
pub(super) const ACTIVE: Duration = Duration::from_secs(10);

/// A stream is silent once nothing has come for so much longer than usually passes between its packets.
pub(super) const AFTER: Duration = Duration::from_secs(1);

/// A stream without a packet for so long is reported to the judge: it may have moved (MODEL §7.10).
const STOPPED: Duration = Duration::from_secs(3);

/// A reason may come so long before the last packet.
const SLACK: Duration = Duration::from_secs(2);

/// The streams of a pair that are quiet, as they stand at the end of a second.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SilenceCounts {
    /// Packets that those silent without a reason would have sent so far, of each for the limit of a
    /// silence at most.
    pub open: u64,
    /// Streams silent without a reason.
    pub silent: u64,
    /// Those of them that have not been so for longer than that limit.
    pub recent: u64,
    /// Streams that are active and had no packet in the second.
    pub quiet: u64,
    /// Packets that were open, of silences that have ended without the stream's going on.
    pub ended: u64,
    /// Streams that are silent, with a reason or without, by the second of their last packet.
    pub stopped: Vec<(Second, u64)>,
}

impl SilenceCounts {
    /// Adds those of other streams.
    pub fn add(&mut self, other: &Self) {
        self.open += other.open;
        self.silent += other.silent;
        self.recent += other.recent;
        self.quiet += other.quiet;
        self.ended += other.ended;
        for (second, streams) in &other.stopped {
            match self
                .stopped
                .binary_search_by_key(second, |(known, _)| *known)
            {
                Ok(place) => {
                    if let Some((_, known)) = self.stopped.get_mut(place) {
                        *known += streams;
                    }
                }
                Err(place) => self.stopped.insert(place, (*second, *streams)),
            }
        }
    }
}

/// A stream without a packet since its last one.
#[derive(Clone, Copy, Debug)]
struct QuietStream {
    index: u32,
    key: StreamKey,
    last: Timestamp,
    /// Packets of the opposite stream when it was first looked at, and when that was.
    opposite: Option<(u64, Timestamp)>,
    /// The open packets that were reported of it last.
    open: u64,
    /// Numberings that it had begun until then.
    restarts: u64,
    /// Its silence says nothing any more.
    is_over: bool,
}

/// A stream that was found, with its first packet.
#[derive(Clone, Copy, Debug)]
struct BegunStream {
    index: u32,
    key: StreamKey,
    first: RtpSummary,
}

/// The lists of one worker; no longer than the table of streams.
#[derive(Debug, Default)]
pub(super) struct QuietStreams {
    quiet: Vec<QuietStream>,
    /// Those that are not reported yet.
    begun: Vec<BegunStream>,
    /// The last packets of those that stopped, to be reported.
    stopped: Vec<StreamEdge>,
}

impl QuietStreams {
    /// Packet time has jumped: how long anything was quiet is not known.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A stream was found.
    pub(super) fn note_begun(&mut self, index: u32, key: StreamKey, first: &RtpSummary) {
        let first = *first;
        self.begun.push(BegunStream { index, key, first });
    }
}

impl QuietStream {
    /// Silent as it was reported last, and soon decided.
    fn still_open(&self) -> SilenceCounts {
        SilenceCounts {
            open: self.open,
            silent: u64::from(self.open > 0),
            ..SilenceCounts::default()
        }
    }
}

/// What becomes of a quiet stream.
enum Quiet {
    /// It is no longer quiet, or no longer a call; with what was open.
    Over(u64),
    /// It stays on the list.
    Stays(QuietStream, SilenceCounts),
}

impl Streams {
    /// A second's end: puts a stream on the list that had its last packet in it.
    pub fn note_quiet(&mut self, index: u32, second: Second) {
        let stream = self.table.get(index);
        let stopped = stream.filter(|stream| {
            stream.last.second() == second && stream.kind == StreamKind::Audio && stream.is_proven()
        });
        if let Some(stream) = stopped {
            self.quiet.quiet.push(QuietStream {
                index,
                key: stream.key,
                last: stream.last,
                opposite: None,
                open: 0,
                restarts: stream.restarts(),
                is_over: false,
            });
        }
    }

    /// Looks at all quiet streams at the end of a second, and reports the counts of each.
    pub fn sample_silence(
        &mut self,
        second: Second,
        mut report: impl FnMut(&PairKey, SilenceCounts),
    ) {
        let mut quiet = std::mem::take(&mut self.quiet.quiet);
        let mut stopped = Vec::new();
        quiet.retain_mut(|known| {
            let stream = self.table.get(known.index);
            let Some(stream) = stream.filter(|stream| stream.key == known.key) else {
                return false;
            };
            let goes_on = stream.last > known.last;
            let stops = second.end().since(known.last) >= STOPPED;
            if stops && !goes_on && second.start().since(known.last) < STOPPED {
                stopped.push(stream.edge());
            }
            if known.is_over {
                return !stops && !goes_on;
            }
            match self.look(*known, stream, second) {
                Quiet::Over(ended) => {
                    if ended > 0 {
                        let counts = SilenceCounts {
                            ended,
                            ..SilenceCounts::default()
                        };
                        report(stream.pair(), counts);
                    }
                    known.is_over = true;
                    !stops && !goes_on
                }
                Quiet::Stays(next, counts) => {
                    *known = next;
                    if counts != SilenceCounts::default() {
                        report(stream.pair(), counts);
                    }
                    true
                }
            }
        });
        self.quiet.quiet = quiet;
        self.quiet.stopped.append(&mut stopped);
    }

    /// Where streams began and where others stopped, since the last call.
    pub fn take_edges(&mut self) -> (Vec<StreamEdge>, Vec<StreamEdge>) {
        let (mut begun, mut unproven) = (Vec::new(), Vec::new());
        for known in std::mem::take(&mut self.quiet.begun) {
            let stream = self.table.get(known.index);
            match stream.filter(|stream| stream.key == known.key) {
                Some(stream) if stream.is_proven() => begun.push(StreamEdge {
                    number: known.first.sequence,
                    timestamp: known.first.timestamp,
                    time: known.first.time,
                    ..stream.edge()
                }),
                Some(_) => unproven.push(known),
                None => {}
            }
        }
        self.quiet.begun = unproven;
        (begun, std::mem::take(&mut self.quiet.stopped))
    }

    fn look(&self, mut known: QuietStream, stream: &Stream, second: Second) -> Quiet {
        let now = second.end();
        let silent_for = now.since(known.last);
        if stream.last > known.last {
            let is_open = stream.is_numbering_open();
            return if is_open && now.since(stream.last) < SLACK {
                let counts = known.still_open();
                let recent = counts.silent;
                Quiet::Stays(known, SilenceCounts { recent, ..counts })
            } else if is_open || stream.restarts() > known.restarts {
                // Nobody can tell what it sent before it began anew.
                Quiet::Over(known.open)
            } else {
                // Its numbers say what was lost.
                Quiet::Over(0)
            };
        }
        let mut counts = SilenceCounts {
            quiet: u64::from(known.last.second() < second),
            ..SilenceCounts::default()
        };
        if silent_for < stream.longest_pause() + AFTER {
            return Quiet::Stays(known, counts);
        }
        let latest = self
            .flows
            .latest(&known.key)
            .and_then(|latest| self.table.get(latest));
        let latest = latest
            .filter(|latest| latest.key != known.key && latest.first() > known.last.minus(SLACK));
        let goes_on = |other: &Stream| now.since(other.last) < other.longest_pause() + AFTER;
        if latest.is_some_and(|latest| !latest.is_call() && goes_on(latest)) {
            // Whether it takes the place of this one shows soon.
            return Quiet::Stays(known, known.still_open());
        }
        let is_replaced = latest.is_some_and(Stream::is_call);
        let (src, dst) = (known.key.src(), known.key.dst());
        let settled = self.signalling.settled(src, dst);
        let Some(opposite) = self.opposite(&known.key).filter(|_| !is_replaced) else {
            return Quiet::Over(known.open);
        };
        if !goes_on(opposite) {
            return Quiet::Over(known.open);
        }
        let over = settled.map(|settled| settled.over);
        if let Some(over) = over.filter(|over| *over >= known.last.minus(SLACK)) {
            if now <= over.plus(SLACK) {
                // Whether the call is over shows soon.
                return Quiet::Stays(known, known.still_open());
            }
            if opposite.last <= over.plus(SLACK) {
                return Quiet::Over(known.open);
            }
        }
        counts.quiet = counts.quiet.min(u64::from(silent_for <= ACTIVE));
        let (before, since) = *known.opposite.get_or_insert((opposite.all_packets(), now));
        let sent = opposite.all_packets() - before;
        let usual = now.since(since).as_nanos() / opposite.interval().as_nanos().max(1);
        if u128::from(sent) * 2 < usual || !stream.is_call() {
            return Quiet::Stays(known, counts);
        }
        counts.quiet = 1;
        counts.stopped = vec![(known.last.second(), 1)];
        let has_reason = self.ends_in_silence_descriptor(stream)
            || stream.sends_no_more() >= known.last.minus(SLACK).second()
            || settled.is_some_and(|settled| settled.agreed >= known.last.minus(SLACK))
            || self
                .signalling
                .holds(src, dst)
                .any(|hold| hold.until > known.last);
        if has_reason {
            // One that comes later ends what is open.
            counts.ended = std::mem::take(&mut known.open);
        } else {
            let limit = self.limits.silence_limit;
            // Whatever its sender has counted: that stands in the seconds of its reports, which leave the window.
            known.open = stream.sent_in(silent_for.min(limit)).unwrap_or(0);
            (counts.open, counts.silent) = (known.open, 1);
            let since = stream.longest_pause() + AFTER;
            counts.recent = u64::from(silent_for <= since + limit);
        }
        Quiet::Stays(known, counts)
    }

    /// Whether the last packet of a stream said that silence follows. A codec that only signalling names
    /// is that of an answered dialog, or of an offer of ours.
    pub(super) fn ends_in_silence_descriptor(&self, stream: &Stream) -> bool {
        let (payload_type, octets) = stream.last_payload();
        let (src, dst) = (stream.key.src(), stream.key.dst());
        let named = self.signalling.about(src, dst, payload_type);
        let codec = named.map(|fact| fact.format.codec.clone());
        announces_silence(payload_type, codec.as_deref().unwrap_or_default(), octets)
    }

    /// The stream that goes the opposite way now.
    pub(super) fn opposite(&self, key: &StreamKey) -> Option<&Stream> {
        let opposite = StreamKey::new(key.dst(), key.src(), 0);
        self.table.get(self.flows.latest(&opposite)?)
    }
}
