//! What RTCP says of a stream: its receivers' reports (MODEL §7.6), and the sender's own count of packets
//! (MODEL §7.12).

use super::Stream;
use crate::stream::booking::Booking;
use crate::stream::capture_gaps::CaptureGaps;
use crate::stream::record::clock::tolerance;
use crate::stream::reports::{ReportContext, ReportedLoss};
use crate::stream::rtcp_account::SenderCount;
use crate::units::{Second, Timestamp};
use crate::wire::rtcp::ReportBlock;
use std::time::Duration;

/// A stream without a packet for so long may be silent: what its sender counts then has not come.
const GOES_ON: Duration = Duration::from_secs(1);

impl Stream {
    /// Takes what a reporter says of this stream; what follows from it goes to `booked`, and what is to be
    /// booked as something else to `changed`. False where there are too many reporters.
    pub fn report(
        &mut self,
        (reporter, second): (u32, Second),
        block: &ReportBlock,
        booked: &mut Vec<ReportedLoss>,
        changed: &mut Vec<Booking>,
    ) -> bool {
        let absent = u64::try_from(self.cold.absent).unwrap_or(0);
        let context = ReportContext {
            reporter,
            second,
            sequence: &self.sequence,
            lost_here: absent.saturating_sub(self.sequence.missing()),
        };
        let Some(interval) = self.cold.far_end.report(&context, block, booked) else {
            return false;
        };
        let repeated = self.cold.taken_off();
        let account = self.cold.far_end.open_account();
        if let Some((surplus, from)) = interval {
            account.count_received(surplus, repeated, [from, second], changed);
        }
        for booking in changed.iter() {
            self.cold.sum_booking(booking);
        }
        true
    }

    /// Its numbers show that so many are missing between two of its packets: what its sender counted meanwhile is
    /// among them.
    pub(super) fn show_silence(
        &mut self,
        numbers: u64,
        [from, until]: [Timestamp; 2],
        bookings: &mut Vec<Booking>,
    ) {
        if until.since(from) > GOES_ON
            && let Some(account) = self.cold.far_end.account()
        {
            account.show(numbers, [from.second(), until.second()], bookings);
        }
    }

    /// Takes how many packets its sender says that it has sent, and whether it is the only stream of its SSRC
    /// between the two hosts. What is to be booked, or booked as something else, goes to `changed`; false where the
    /// count contradicts the numbers.
    pub(in crate::stream) fn count_sent(
        &mut self,
        (sent, is_only): (u32, bool),
        now: Timestamp,
        unseen: &CaptureGaps,
        changed: &mut Vec<Booking>,
    ) -> bool {
        if self.is_numbering_open() {
            return true;
        }
        let passed = self.cold.passed(self.tally.packets);
        let (silent_for, interval) = (now.since(self.last), self.interval());
        let account = self.cold.far_end.open_account();
        if account
            .counted(now.second())
            .is_some_and(|since| !unseen.is_whole(since.start(), now))
        {
            account.restart();
        }
        let said = if silent_for <= GOES_ON {
            account.count_sent(sent, passed, now.second(), changed)
        } else {
            if is_only {
                let longest = silent_for + tolerance(silent_for);
                let most = longest.as_nanos() / interval.as_nanos().max(1);
                let most = i32::try_from(most).unwrap_or(i32::MAX);
                account.count_sent_in_silence(sent, passed, most, now.second(), changed);
            }
            SenderCount::Agrees
        };
        for booking in changed.iter() {
            self.cold.sum_booking(booking);
        }
        said != SenderCount::Contradicts
    }
}
