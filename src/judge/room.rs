//! Which ASNs have a window, where there is no room for all (MODEL §11.8).
//!
//! Belongs to the judge; filled anew for each second. Who has a window keeps it. Of those that are
//! new in a second, who sends and receives most comes first, so that it does not matter in what order
//! workers told of them.

use crate::judge::asn_state::AsnState;
use crate::sla::Role;
use crate::sla::commitment::Commitment;
use crate::sla::verdict::excess;
use crate::units::occupancy::Occupancy;
use crate::units::{Asn, Second};
use std::cmp::Reverse;

/// Seconds in all windows, some 180 octets each, from which on no window begins: 1.5 GB. Those that
/// stand go on.
pub(super) const MAX_SECONDS: usize = 1 << 23;

/// The room for windows, of all commitments together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WindowRoom {
    /// Windows at most; twice as many with those of ASNs that are over the threshold as they come.
    most: usize,
    taken: usize,
    /// Seconds in them.
    seconds: usize,
    refused: u64,
}

impl WindowRoom {
    /// Room for so many, without a bound where there is none, beside those that stand, with the seconds in
    /// them.
    pub(super) fn new(most: Option<usize>, standing: impl Iterator<Item = usize>) -> Self {
        let (taken, seconds) = standing.fold((0, 0), |(all, sum), more| (all + 1, sum + more));
        Self {
            most: most.unwrap_or(usize::MAX),
            taken,
            seconds,
            refused: 0,
        }
    }

    /// Whether it is for this judge to say who has room: one that judges leaves again reads it there.
    pub(super) const fn is_bounded(self) -> bool {
        self.most < usize::MAX
    }

    /// How full it is.
    pub(super) fn occupancy(self, refused_before: u64) -> Occupancy {
        Occupancy::new(self.taken, self.most, refused_before + self.refused)
    }

    fn has_place(&self, is_over: bool) -> bool {
        let twice = if is_over { 2 } else { 1 };
        self.taken < self.most.saturating_mul(twice) && self.seconds < MAX_SECONDS * twice
    }
}

/// The last second in which an ASN found no room, as an origin and as transit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct RefusedWindows {
    origin: Option<Second>,
    transit: Option<Second>,
}

impl RefusedWindows {
    /// Whether there was one in a role in the window that begins with this second.
    pub(super) fn touches(self, role: Role, first: Second) -> bool {
        let last = match role {
            Role::Origin => self.origin,
            Role::Transit => self.transit,
        };
        last.is_some_and(|last| last >= first)
    }

    fn note(&mut self, role: Role, second: Second) {
        match role {
            Role::Origin => self.origin = Some(second),
            Role::Transit => self.transit = Some(second),
        }
    }
}

/// Gives room to those whose window begins in a second, or refuses it. What says of an ASN that it was refused
/// is believed. Windows have slid on to this second.
pub(super) fn give_room<'a>(
    commitment: &Commitment,
    (first, second): (Second, Second),
    new: impl Iterator<Item = (&'a (Role, Asn), &'a mut Box<AsnState>)>,
    room: &mut WindowRoom,
    last_refused: &mut RefusedWindows,
) {
    let before = *last_refused;
    let mut new: Vec<_> = new
        .map(|(subject, state)| {
            let window = state.window.sum();
            let is_over = excess(commitment, window).any();
            let octets = window.from.saturating_add(window.to);
            ((Reverse((is_over, octets)), *subject), state)
        })
        .collect();
    new.sort_unstable_by_key(|(order, _)| *order);
    for ((Reverse((is_over, _)), (role, _)), state) in new {
        if state.says_refused(second) || !room.has_place(is_over) {
            state.refuse(second);
            room.refused += 1;
            last_refused.note(role, second);
            continue;
        }
        if before.touches(role, first) {
            state.begin_late(second);
        }
        room.taken += 1;
        room.seconds += state.window.len();
    }
}

#[cfg(test)]
mod tests;
