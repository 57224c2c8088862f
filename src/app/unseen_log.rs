//! Logs what the meter itself does not see: drops, interfaces that go and come back, seconds not seen
//! whole and why, full tables, steps of the clock.
//!
//! Compares the snapshot of each judged second with the one before; one line when something begins, and
//! one when it has not happened for [`QUIET`] seconds. Owned by the judge's thread. Reads no clock.

use crate::events;
use crate::snapshot::Snapshot;
use crate::units::Second;
use crate::units::occupancy::BoundedTable;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Judged seconds without a further case after which it is over: drops come in bursts, and a table that
/// is full refuses again as soon as there is traffic.
const QUIET: u64 = 10;

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum UnseenNotice {
    DropsBegan(Arc<str>, Second, u64),
    DropsEnded(Arc<str>, (Second, Second), u64),
    InterfaceGone(Arc<str>, Second),
    InterfaceBack(Arc<str>, (Second, Second)),
    UnseenBegan(Second, String),
    UnseenEnded((Second, Second), String, u64),
    TableFull(&'static str, Second, u64, &'static str),
    TableHasRoom(&'static str, (Second, Second), u64),
    ClockStepped(Second, u64),
    PacketsDoubled(u64),
}

impl UnseenNotice {
    /// Writes the line.
    pub(super) fn log(&self) {
        match self {
            Self::DropsBegan(name, second, frames) => events::drops_began(name, *second, *frames),
            Self::DropsEnded(name, ends, frames) => events::drops_ended(name, *ends, *frames),
            Self::InterfaceGone(name, second) => events::interface_gone(name, *second),
            Self::InterfaceBack(name, ends) => events::interface_back(name, *ends),
            Self::UnseenBegan(second, why) => events::unseen_began(*second, why),
            Self::UnseenEnded(ends, why, seconds) => events::unseen_ended(*ends, why, *seconds),
            Self::TableFull(table, second, refused, consequence) => {
                events::table_full(table, *second, *refused, consequence);
            }
            Self::TableHasRoom(table, ends, refused) => {
                events::table_has_room(table, *ends, *refused);
            }
            Self::ClockStepped(second, steps) => events::clock_stepped(*second, *steps),
            Self::PacketsDoubled(packets) => events::packets_doubled(*packets),
        }
    }
}

/// A counter that rises for a while.
#[derive(Clone, Copy, Debug, Default)]
struct Episode {
    /// What the counter was when last looked at.
    count: u64,
    /// While it lasts: what it was before, and the first and the last second in which it rose.
    since: Option<(u64, Second, Second)>,
}

/// An episode has begun or ended.
enum EpisodeChange {
    /// It rises, by so much.
    Began(u64),
    /// It has not risen for a while: from when until when it did, and by how much.
    Ended((Second, Second), u64),
}

impl Episode {
    fn update(&mut self, second: Second, count: u64) -> Option<EpisodeChange> {
        let more = count.saturating_sub(std::mem::replace(&mut self.count, count));
        match (&mut self.since, more) {
            (None, 0) => None,
            (None, more) => {
                self.since = Some((count - more, second, second));
                Some(EpisodeChange::Began(more))
            }
            (Some((_, first, last)), 0) => {
                // a clock that steps back ends what lasted before it
                let is_over = second < *first || second.0.saturating_sub(last.0) >= QUIET;
                let (before, first, last) = self.since.take_if(|_| is_over)?;
                Some(EpisodeChange::Ended((first, last), count - before))
            }
            (Some((_, _, last)), _) => {
                *last = second;
                None
            }
        }
    }
}

/// The episodes that last, and what was logged of the rest.
#[derive(Debug, Default)]
pub(super) struct UnseenLog {
    drops: BTreeMap<Arc<str>, Episode>,
    down: BTreeMap<Arc<str>, Episode>,
    unseen: Episode,
    why: String,
    unsplit: u64,
    clock_steps: u64,
    tables: [Episode; BoundedTable::ALL.len()],
    transit: Episode,
    announcements: Episode,
    was_doubled: bool,
    has_begun: bool,
}

impl UnseenLog {
    /// What has begun or ended with this snapshot.
    pub(super) fn update(&mut self, snapshot: &Snapshot) -> Vec<UnseenNotice> {
        let Some(second) = snapshot.judged else {
            return Vec::new();
        };
        if !self.has_begun {
            // a capture begins inside a second: `started` tells that
            self.has_begun = true;
            self.unseen.count = snapshot.incomplete_seconds.min(1);
        }
        let mut notices = Vec::new();
        let mut reasons = Vec::new();
        for row in &snapshot.capture.interfaces {
            let name = &row.name;
            let drops = self.drops.entry(name.clone()).or_default();
            match drops.update(second, row.dropped) {
                Some(EpisodeChange::Began(frames)) => {
                    notices.push(UnseenNotice::DropsBegan(name.clone(), second, frames));
                }
                Some(EpisodeChange::Ended(ends, frames)) => {
                    notices.push(UnseenNotice::DropsEnded(name.clone(), ends, frames));
                }
                None => {}
            }
            reasons.extend(drops.since.map(|_| "frames were dropped"));
            let down = self.down.entry(name.clone()).or_default();
            match down.update(second, row.down) {
                Some(EpisodeChange::Began(_)) => {
                    notices.push(UnseenNotice::InterfaceGone(name.clone(), second));
                }
                Some(EpisodeChange::Ended(ends, _)) => {
                    notices.push(UnseenNotice::InterfaceBack(name.clone(), ends));
                }
                None => {}
            }
            reasons.extend(down.since.map(|_| "an interface was gone or down"));
        }
        if snapshot.clock_steps > self.clock_steps {
            notices.push(UnseenNotice::ClockStepped(second, snapshot.clock_steps));
            reasons.push("the clock stepped");
        }
        self.clock_steps = snapshot.clock_steps;
        if snapshot.unsplit_frames > self.unsplit {
            reasons.push("frames of several packets were cut");
        }
        self.unsplit = snapshot.unsplit_frames;
        self.look_at_unseen(second, snapshot.incomplete_seconds, reasons, &mut notices);
        for ((table, state), episode) in BoundedTable::ALL
            .iter()
            .zip(&snapshot.tables)
            .zip(&mut self.tables)
        {
            let words = (table.as_str(), table.consequence());
            notices.extend(full(episode.update(second, state.refused), second, words));
        }
        let transit = self.transit.update(second, snapshot.transit_left_out);
        let words = ("transit", "some transit ASNs are not noted");
        notices.extend(full(transit, second, words));
        let missed = (self.announcements).update(second, snapshot.announcements_missed);
        let words = (
            "announcements",
            "another queue is not told what calls agree on: its streams have to prove themselves",
        );
        notices.extend(full(missed, second, words));
        let is_doubled = snapshot.doubled_packets > 0;
        if is_doubled && !self.was_doubled {
            notices.push(UnseenNotice::PacketsDoubled(snapshot.doubled_packets));
        }
        self.was_doubled = is_doubled;
        notices
    }

    fn look_at_unseen(
        &mut self,
        second: Second,
        seconds: u64,
        mut reasons: Vec<&'static str>,
        notices: &mut Vec<UnseenNotice>,
    ) {
        let edge = self.unseen.update(second, seconds);
        reasons.dedup();
        if let Some(EpisodeChange::Ended(ends, seconds)) = edge {
            let why = std::mem::take(&mut self.why);
            notices.push(UnseenNotice::UnseenEnded(ends, why, seconds));
            return;
        }
        let is_new = matches!(edge, Some(EpisodeChange::Began(_)));
        if is_new {
            self.why.clear();
        }
        if self.unseen.since.is_some() {
            for reason in reasons {
                if !self.why.contains(reason) {
                    let between = if self.why.is_empty() { "" } else { ", " };
                    self.why = format!("{}{between}{reason}", self.why);
                }
            }
            if self.why.is_empty() {
                "a queue began later, or the ledger has a gap".clone_into(&mut self.why);
            }
        }
        if is_new {
            notices.push(UnseenNotice::UnseenBegan(second, self.why.clone()));
        }
    }
}

/// The notice of a full table, with its name and what follows.
fn full(
    edge: Option<EpisodeChange>,
    second: Second,
    (table, consequence): (&'static str, &'static str),
) -> Option<UnseenNotice> {
    Some(match edge? {
        EpisodeChange::Began(refused) => {
            UnseenNotice::TableFull(table, second, refused, consequence)
        }
        EpisodeChange::Ended(ends, refused) => UnseenNotice::TableHasRoom(table, ends, refused),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::InterfaceRow;
    use UnseenNotice::*;

    /// The notices of each second from 100 on, of what `change` makes of the state.
    fn notices(seconds: u64, change: impl Fn(u64, &mut Snapshot)) -> Vec<(u64, UnseenNotice)> {
        let (mut log, mut snapshot) = (UnseenLog::default(), Snapshot::default());
        snapshot.capture.interfaces = vec![InterfaceRow {
            name: "eth1".into(),
            ..InterfaceRow::default()
        }];
        let mut all = Vec::new();
        for second in 100..100 + seconds {
            snapshot.judged = Some(Second(second));
            change(second, &mut snapshot);
            let said = log.update(&snapshot);
            all.extend(said.into_iter().map(|notice| (second, notice)));
        }
        all
    }

    #[test]
    fn a_hundred_thousand_drops_leave_a_line_and_one_at_the_end() {
        let said = notices(60, |second, snapshot| {
            if (110..125).contains(&second) {
                snapshot.capture.interfaces[0].dropped += 10_267;
                snapshot.incomplete_seconds += 1;
            }
        });
        let (first, last) = (Second(110), Second(124));
        let why = String::from("frames were dropped");
        assert_eq!(
            said,
            [
                (110, DropsBegan("eth1".into(), first, 10_267)),
                (110, UnseenBegan(first, why.clone())),
                (134, DropsEnded("eth1".into(), (first, last), 154_005)),
                (134, UnseenEnded((first, last), why, 15)),
            ]
        );
    }

    #[test]
    fn an_interface_that_goes_and_comes_back_is_told_with_both_ends() {
        let said = notices(40, |second, snapshot| {
            if (105..=108).contains(&second) {
                snapshot.capture.interfaces[0].down += 10;
                snapshot.incomplete_seconds += 1;
            }
        });
        let ends = (Second(105), Second(108));
        let why = String::from("an interface was gone or down");
        assert_eq!(
            said,
            [
                (105, InterfaceGone("eth1".into(), ends.0)),
                (105, UnseenBegan(ends.0, why.clone())),
                (118, InterfaceBack("eth1".into(), ends)),
                (118, UnseenEnded(ends, why, 4)),
            ]
        );
    }

    #[test]
    fn the_second_in_which_the_capture_begins_is_not_told_again() {
        let said = notices(20, |_, snapshot| snapshot.incomplete_seconds = 1);
        assert_eq!(said, []);
    }

    #[test]
    fn each_full_table_is_told_once_however_often_it_refuses() {
        for table in BoundedTable::ALL {
            let said = notices(40, |second, snapshot| {
                if second % 2 == 0 && second < 120 {
                    snapshot.tables[table as usize].refused += 7;
                }
            });
            let (name, ends) = (table.as_str(), (Second(100), Second(118)));
            let full = TableFull(name, ends.0, 7, table.consequence());
            assert_eq!(
                said,
                [(100, full), (128, TableHasRoom(name, ends, 70))],
                "{name}"
            );
        }
    }

    #[test]
    fn each_step_of_the_clock_is_told() {
        let said = notices(20, |second, snapshot| {
            snapshot.clock_steps += u64::from(second == 105 || second == 110);
        });
        let stepped = |second, steps| (second, ClockStepped(Second(second), steps));
        assert_eq!(said, [stepped(105, 1), stepped(110, 2)]);
    }

    #[test]
    fn what_goes_on_forever_has_one_line() {
        let said = notices(1000, |_, snapshot| {
            snapshot.capture.interfaces[0].dropped += 1;
            snapshot.transit_left_out += 1;
            snapshot.announcements_missed += 1;
            snapshot.doubled_packets = 3;
        });
        assert_eq!(said.len(), 4, "{said:?}");
    }
}
