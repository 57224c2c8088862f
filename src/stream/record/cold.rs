//! What of a stream only the unexpected, or the end of a second, touches.
//!
//! A hundred thousand streams are in memory for as long as they last: what can be counted in 32
//! bits is, and stays at the largest there is; what many streams have alike is shared.

use crate::attribution::Attributed;
use crate::stream::booking::{Booking, Certainty};
use crate::stream::gaps::MissingNumbers;
use crate::stream::record::clock::{Pace, PayloadType};
use crate::stream::record::restart::SuspectedRestart;
use crate::stream::reports::RemoteReports;
use crate::stream::rtcp_account::TapCounts;
use crate::stream::sequence::{Arrival, SequenceStep};
use crate::stream::tally::SequenceCounts;
use crate::units::Timestamp;
use crate::voice::signalling::CodecFormat;
use std::hint::black_box;
use std::sync::Arc;

/// Different payload types remembered of a stream; a call has codec, events, comfort noise, FEC.
/// Beyond them the rarest is forgotten.
const TYPES: usize = 4;

/// Behind the hot lines of a [`Stream`](super::Stream).
#[derive(Clone, Debug)]
pub(super) struct ColdState {
    pub(super) first: Timestamp,
    /// When the numbers were due that are missing; none before the first gap.
    pub(super) missing: Option<Box<MissingNumbers>>,
    /// None before its first packet is counted.
    pub(super) attributed: Option<Arc<Attributed>>,
    /// Since it was last settled.
    pub(super) odd: AnomalyCounts,
    /// All settled: packets, and their IP total lengths.
    pub(super) packets: u64,
    pub(super) ip_bytes: u64,
    pub(super) continuity: AnomalyCounts,
    /// All booked.
    lost: i32,
    maybe_lost: i32,
    /// Numbers that did not come past us, whoever lost them.
    pub(super) absent: i32,
    pub(super) far_end: RemoteReports,
    /// A new numbering that may have begun.
    pub(super) restart: Option<Box<SuspectedRestart>>,
    pub(super) restarts: u32,
    /// The second in which RTCP said last that its sender sends no more; 0: never.
    pub(super) sends_no_more: u32,
    /// What its sender reports to have sent, less its highest number, modulo 2^16.
    pub(super) sent_beyond: Option<u16>,
    /// The longest pause of its own, in milliseconds; 0: none.
    pub(super) longest_pause: u16,
    /// It is not sure to be a stream: a session description named its transport address, and too few
    /// packets of this SSRC have come.
    pub(super) is_unproven: bool,
    /// Its octets were confirmed in the last second with any.
    pub(super) is_confirmed: bool,
    /// The last packet that was out of place: its arrival, and the numbers that it skipped if its
    /// timestamp ran on with them.
    pub(super) suspect: Timestamp,
    pub(super) suspect_skipped: u32,
    /// Arrival in milliseconds, modulo 2^32, and RTP timestamp of the last packet before another payload type
    /// came, of a type whose timestamps go on; 0: none.
    pub(super) turn: (u32, u32),
    pub(super) format: Option<Arc<CodecFormat>>,
    pub(super) pace: Pace,
    /// The payload types; what is known of the one that came last stands in the hot lines.
    types: [PayloadType; TYPES],
}

impl ColdState {
    /// Touches each cache line.
    pub(super) fn prefetch(&self) {
        black_box((self.first, self.packets, self.suspect, self.types));
    }

    /// Of a stream that begins now.
    pub(super) fn new(first: Timestamp, format: Option<Arc<CodecFormat>>) -> Self {
        Self {
            first,
            missing: None,
            attributed: None,
            odd: AnomalyCounts::default(),
            packets: 0,
            ip_bytes: 0,
            continuity: AnomalyCounts::default(),
            lost: 0,
            maybe_lost: 0,
            absent: 0,
            far_end: RemoteReports::default(),
            restart: None,
            restarts: 0,
            sends_no_more: 0,
            sent_beyond: None,
            longest_pause: 0,
            is_unproven: false,
            is_confirmed: false,
            suspect: first,
            suspect_skipped: 0,
            turn: (0, 0),
            format,
            pace: Pace::new(),
            types: [PayloadType::default(); TYPES],
        }
    }

    /// Puts a payload type away and takes out another one.
    pub(super) fn exchange_type(&mut self, of: PayloadType, number: u8) -> PayloadType {
        let of_type = |known: &PayloadType| known.number == of.number && known.packets > 0;
        let known = self.types.iter().position(of_type);
        let rarest = (0..).zip(&self.types).min_by_key(|(_, of)| of.packets);
        let place = known.or(rarest.map(|(place, _)| place));
        if let Some(known) = place.and_then(|place| self.types.get_mut(place)) {
            *known = of;
        }
        let known = self.types.iter();
        let mut known = known.filter(|known| known.number == number && known.packets > 0);
        known
            .next()
            .copied()
            .unwrap_or_else(|| PayloadType::new(number))
    }

    /// The most frequent payload type, beside the one that came last.
    pub(super) fn usual_type(&self, last: PayloadType) -> PayloadType {
        let others = self.types.iter().filter(|of| of.number != last.number);
        let usual = others.max_by_key(|of| of.packets).copied();
        usual
            .filter(|usual| usual.packets > last.packets)
            .unwrap_or(last)
    }

    /// Takes what is booked of it into its own sums.
    pub(super) fn note_booking(&mut self, booking: &Booking) {
        if let Some(account) = self.far_end.account() {
            account.note(booking);
        }
        self.sum_booking(booking);
    }

    /// The same of what is booked as something else.
    pub(super) fn sum_booking(&mut self, booking: &Booking) {
        let count = i32::try_from(booking.count).unwrap_or(i32::MAX);
        let sum = match booking.certainty {
            Certainty::Lost => &mut self.lost,
            Certainty::MaybeLost(_) => &mut self.maybe_lost,
            Certainty::Excused(_) => return,
        };
        *sum = sum.saturating_add(count);
    }

    /// Numbers are missing at the tap, or fewer than before.
    pub(super) fn note_missing(&mut self, missing: i64) {
        let missing = i32::try_from(missing).unwrap_or(i32::MAX);
        self.absent = self.absent.saturating_add(missing);
    }

    /// Moves what was odd since the last time to all that was.
    pub(super) fn take_anomalies(&mut self) -> SequenceCounts {
        let odd = std::mem::take(&mut self.odd);
        self.continuity.add(&odd);
        odd.continuity()
    }

    /// Packets that came twice, and those that came late.
    fn repeated(&self) -> [u32; 2] {
        let all = [&self.continuity, &self.odd];
        let sum = |of: fn(&AnomalyCounts) -> u32| {
            let each = all.into_iter().map(of);
            each.fold(0, u32::saturating_add)
        };
        [sum(|odd| odd.duplicates), sum(|odd| odd.late)]
    }

    /// How far it has come, with so many packets that are not settled.
    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
    pub(super) fn passed(&self, tallied: u32) -> TapCounts {
        let [duplicates, late] = self.repeated();
        let packets = self.packets + u64::from(tallied);
        TapCounts {
            packets: (packets as u32).wrapping_sub(duplicates),
            // A late one has come, and its number is still booked.
            missing: self.absent.wrapping_sub(late.cast_signed()),
        }
    }

    /// Packets that a receiver takes off its losses: they came twice, or late.
    pub(super) fn taken_off(&self) -> u32 {
        let [duplicates, late] = self.repeated();
        duplicates.saturating_add(late)
    }

    /// All that was settled and booked.
    pub(super) fn all(&self) -> SequenceCounts {
        SequenceCounts {
            lost: self.lost.into(),
            maybe_lost: self.maybe_lost.into(),
            ..self.continuity.continuity()
        }
    }
}

/// What a [`SequenceCounts`] counts by packets, of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct AnomalyCounts {
    late: u32,
    duplicates: u32,
    reordered: u32,
}

impl AnomalyCounts {
    /// Counts what a step says beside that there was a packet.
    pub(super) fn tally(&mut self, step: &SequenceStep) {
        let late = u32::from(step.arrival == Arrival::Late) + step.late;
        let again = matches!(step.arrival, Arrival::Duplicate | Arrival::Mirrored);
        let swapped = Arrival::Restarted { swapped: true };
        let reordered = step.arrival == Arrival::Reordered || step.arrival == swapped;
        self.add(&Self {
            late,
            duplicates: u32::from(again) + step.duplicates,
            reordered: u32::from(reordered),
        });
    }

    /// Counts packets out of order.
    pub(super) fn reorder(&mut self, reordered: u32) {
        self.reordered = self.reordered.saturating_add(reordered);
    }

    fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.late, other.late),
            (&mut self.duplicates, other.duplicates),
            (&mut self.reordered, other.reordered),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The same in the form that is summed over streams.
    pub(super) fn continuity(&self) -> SequenceCounts {
        SequenceCounts {
            late: self.late.into(),
            duplicates: self.duplicates.into(),
            reordered: self.reordered.into(),
            ..SequenceCounts::default()
        }
    }
}
