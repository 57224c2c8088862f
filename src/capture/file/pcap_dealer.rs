//! Deals a classic pcap: goes along its records, and tells of each who has to know of it.

use super::deal::{Deal, Span, Trail};
use super::dealt::{Dealing, Dealt};
use super::pcap::{HEADER, Pcap, RECORD};
use crate::capture::Frame;
use std::hint::black_box;
use std::time::Duration;

/// All readers are shown the first frame of each such stretch of packet time, by which they know the
/// time: what they do with it begins and ends at whole tenths of a second.
pub const SHOWN_EVERY: Duration = Duration::from_nanos(SHOWN_EVERY_NANOS);
const SHOWN_EVERY_NANOS: u64 = 100_000_000;

/// Records looked ahead, while their headers are waited for one after the other.
const AHEAD: usize = 8;

/// The dealer of one file.
pub(super) struct PcapDealer<F> {
    pcap: Pcap,
    whose: F,
}

impl<F> PcapDealer<F> {
    /// For a file that begins with these octets, and the way along it; `None` for one that can not be
    /// dealt.
    pub(super) fn new(octets: &[u8], whose: F) -> Option<(Self, Trail)> {
        let (order, unit) = Pcap::magic(*octets.first_chunk()?)?;
        let pcap = Pcap::new(order, unit, octets.first_chunk()?).ok()?;
        let trail = Trail {
            ahead: HEADER,
            ..Trail::default()
        };
        pcap.is_plain().then_some((Self { pcap, whose }, trail))
    }

    /// Where the first record begins that does so in a piece.
    fn enter(&self, octets: &[u8], trail: &mut Trail) -> Option<usize> {
        if trail.begun.is_empty() {
            return Some(trail.ahead);
        }
        let missing = RECORD - trail.begun.len();
        trail.begun.extend_from_slice(octets.get(..missing)?);
        let captured = self.pcap.captured(trail.begun.first_chunk()?)?;
        trail.begun.clear();
        trail.records += 1;
        Some(missing + captured)
    }

    /// Remembers what begins at the end of a piece.
    fn leave(&self, rest: &[u8], trail: &mut Trail) -> Option<()> {
        if let Some(header) = rest.first_chunk() {
            let record = RECORD + self.pcap.captured(header)?;
            trail.ahead = record - rest.len();
            trail.records += 1;
        } else {
            trail.ahead = 0;
            trail.begun.extend_from_slice(rest);
        }
        Some(())
    }
}

impl<C, F: Fn(&Frame<'_>, Dealing<'_, C>) + Send + Sync> Deal<C> for PcapDealer<F> {
    fn follow(&self, octets: &[u8], trail: &mut Trail) -> Option<Span> {
        let begin = self.enter(octets, trail)?;
        let Some(mut rest) = octets.get(begin..) else {
            // One record is longer than the piece.
            trail.ahead = begin - octets.len();
            return Some(Span {
                begin: octets.len(),
                end: octets.len(),
                records: trail.records,
            });
        };
        let mut records = trail.records;
        while let Some(header) = rest.first_chunk() {
            let record = RECORD + self.pcap.captured(header)?;
            // Most are as long as the one before: the header of one further on is fetched meanwhile.
            black_box(rest.get(AHEAD * record).copied());
            let Some(behind) = rest.get(record..) else {
                break;
            };
            rest = behind;
            records += 1;
        }
        trail.records = records;
        let end = octets.len() - rest.len();
        self.leave(rest, trail)?;
        Some(Span {
            begin,
            end,
            records,
        })
    }

    fn deal(&self, octets: &[u8], span: Span, dealt: &mut Dealt<C>) {
        let octets = octets.get(..span.end).unwrap_or_default();
        let mut rest = octets.get(span.begin..).unwrap_or_default();
        let mut order = Order::default();
        let mut before = None;
        while let Some((frame, behind)) = self.pcap.record(rest) {
            #[expect(clippy::cast_possible_truncation, reason = "a piece is far smaller")]
            let place = (octets.len() - rest.len()) as u32;
            if order.follows(frame.time.as_nanos()) {
                (self.whose)(&frame, Dealing::new(dealt, place));
            } else {
                // All know the same newest time when they come to it.
                if let Some(before) = before {
                    dealt.show_all(before);
                }
                dealt.show_all(place);
            }
            before = Some(place);
            rest = behind;
        }
        // What lies across comes next, and may be earlier.
        if let Some(before) = before {
            dealt.show_all(before);
        }
        (dealt.tail, dealt.records) = (octets.len(), span.records);
    }
}

/// Whether frames come in order of time.
#[derive(Clone, Copy, Default)]
struct Order {
    /// Time of the one before, and the end of its stretch, in nanoseconds.
    last: u64,
    until: u64,
}

impl Order {
    /// Whether a frame is not earlier than the one before, and of the same stretch.
    #[inline]
    fn follows(&mut self, time: u64) -> bool {
        let follows = time >= self.last && time < self.until;
        self.last = time;
        if !follows {
            self.until = (time / SHOWN_EVERY_NANOS + 1).saturating_mul(SHOWN_EVERY_NANOS);
        }
        follows
    }
}
