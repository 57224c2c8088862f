//! Missing numbers, duplicates and reordering of one stream from its sequence numbers alone (RFC
//! 3550 §A.1, §A.3, made exact): every number of the last [`WINDOW`] is remembered, so duplicates
//! cannot hide loss and reordering is not loss.
//!
//! One [`Sequence`] lives in each stream. It reads no time: whether a large jump is an outage or
//! a new start is for the caller to say ([`Jump`]), and so is how long a missing number is waited for.

/// Numbers that may still arrive: one bit each. 64 packets are 1.3 s at 20 ms a packet and
/// 160 ms at 2.5 ms, the shortest that Opus has (RFC 6716 §2.1.4).
pub const WINDOW: u64 = 64;

/// How near to each other the first two packets of a new numbering come: a chance of 1 in 2000 that
/// two strays do.
const NEAR: u16 = 16;

/// Where the first number stands, so that numbers before it have a place too.
const FIRST_CYCLE: u64 = 1 << 16;

/// The sequence numbers of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// Extended highest number received (RFC 3550 §6.4.1), from [`FIRST_CYCLE`].
    highest: u64,
    /// Bit i: number `highest − i` has arrived, or stands before the stream's start.
    window: u64,
    /// The lowest number that belongs to this numbering, modulo 2^32: only while it is inside the
    /// window does it matter.
    base: u32,
    doubt: Doubt,
}

/// Why the number that was expected is not all that there is to say of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doubt {
    None,
    /// An out-of-place packet that may have been a new start.
    Suspect(u16),
    /// The caller is not sure that this numbering goes on.
    Restart,
}

/// What a jump beyond the window is, told by the time that has gone by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Jump {
    /// The same numbering, so many numbers on: an outage, however long.
    Forward(u64),
    /// A packet of long ago.
    Old,
    /// Nothing bears it out: the sender started anew, or the packet is a stray.
    Unexplained,
}

/// What a packet's number turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// The next one, or one further on.
    InOrder,
    /// Out of order, in time.
    Reordered,
    /// It had come already.
    Duplicate,
    /// The very same packet had come already: a mirror port's copy. Never given here, where
    /// numbers are all that is known.
    Mirrored,
    /// Its number was waited for long enough; what was said of it stands.
    Late,
    /// Out of place; the next packet tells.
    Suspect,
    /// The sender has started a new numbering, with the suspect before this packet.
    Restarted {
        /// Its first two packets came in the wrong order.
        swapped: bool,
    },
}

/// What one packet brought, beside what is booked as missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SequenceStep {
    /// Of this packet.
    pub arrival: Arrival,
    /// Numbers that are now missing, or one fewer than before.
    pub missing: i64,
    /// Earlier suspects that turned out to be late.
    pub late: u32,
    /// Earlier suspects that turned out to have come twice.
    pub duplicates: u32,
}

impl SequenceStep {
    /// A packet that changes nothing else.
    pub const fn of(arrival: Arrival) -> Self {
        Self {
            arrival,
            missing: 0,
            late: 0,
            duplicates: 0,
        }
    }

    /// A packet that skips so many numbers.
    const fn skipping(numbers: u64, arrival: Arrival) -> Self {
        Self {
            missing: numbers.cast_signed(),
            ..Self::of(arrival)
        }
    }

    /// What this step and then another one brought; the packet is that of the other.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            arrival: next.arrival,
            missing: self.missing + next.missing,
            late: self.late + next.late,
            duplicates: self.duplicates + next.duplicates,
        }
    }
}

impl Sequence {
    /// Starts with the first packet.
    pub const fn new(first: u16) -> Self {
        let first = FIRST_CYCLE + first as u64;
        Self {
            highest: first,
            window: u64::MAX,
            base: low(first),
            doubt: Doubt::None,
        }
    }

    /// Starts so that the first packet is the next to [`Self::advance`] with.
    pub const fn before(first: u16) -> Self {
        let first = FIRST_CYCLE + first as u64;
        Self {
            highest: first - 1,
            window: u64::MAX,
            base: low(first),
            doubt: Doubt::None,
        }
    }

    /// Takes the number that was expected; if it is another, nothing has changed.
    #[inline]
    pub fn advance_expected(&mut self, number: u16) -> bool {
        let is_next = number.wrapping_sub(self.last_number()) == 1;
        let follows = is_next && self.doubt == Doubt::None;
        if follows {
            self.window = self.window << 1 | 1;
            self.highest += 1;
        }
        follows
    }

    /// Whether this numbering goes on is open: [`Self::advance_expected`] takes nothing until that is settled.
    pub fn set_restart_pending(&mut self, pending: bool) {
        self.doubt = match (self.doubt, pending) {
            (Doubt::None, true) => Doubt::Restart,
            (Doubt::Restart, false) => Doubt::None,
            (doubt, _) => doubt,
        };
    }

    /// Takes the next packet's number. `explain` is asked only for a jump of [`WINDOW`] or more;
    /// its argument is the distance forward, modulo 2^16.
    pub fn advance(&mut self, number: u16, explain: impl FnOnce(u16) -> Jump) -> SequenceStep {
        if self.advance_expected(number) {
            return SequenceStep::of(Arrival::InOrder);
        }
        let forward = number.wrapping_sub(self.last_number());
        let backward = forward.wrapping_neg();
        let step = if u64::from(forward) < WINDOW && forward > 0 {
            SequenceStep::skipping(self.shift(u64::from(forward)), Arrival::InOrder)
        } else if u64::from(backward) < WINDOW {
            self.fill(u64::from(backward))
        } else {
            match explain(forward) {
                Jump::Forward(distance) => {
                    SequenceStep::skipping(self.shift(distance), Arrival::InOrder)
                }
                Jump::Old => SequenceStep::of(Arrival::Late),
                Jump::Unexplained => return self.suspect(number),
            }
        };
        SequenceStep {
            late: self.pass_suspect(),
            ..step
        }
    }

    /// Takes a packet whose number is not waited for any more.
    pub fn advance_late(&mut self) -> SequenceStep {
        SequenceStep {
            late: self.pass_suspect(),
            ..SequenceStep::of(Arrival::Late)
        }
    }

    /// Whatever was suspected, this numbering goes on.
    fn pass_suspect(&mut self) -> u32 {
        self.replace_suspect(None).is_some().into()
    }

    /// A packet that nothing explains: the start of a new numbering if the next one that nothing
    /// explains is near it (two in sequence, as RFC 3550 §A.1 wants, or nearly: a new numbering
    /// may lose or swap its first packets too), a stray otherwise.
    fn suspect(&mut self, number: u16) -> SequenceStep {
        let earlier = self.replace_suspect(Some(number));
        let Some(first) = earlier else {
            return SequenceStep::of(Arrival::Suspect);
        };
        let ahead = number.wrapping_sub(first);
        let behind = ahead.wrapping_neg();
        if ahead == 0 {
            return SequenceStep::of(Arrival::Duplicate);
        }
        if ahead.min(behind) > NEAR {
            return SequenceStep {
                late: 1,
                ..SequenceStep::of(Arrival::Suspect)
            };
        }
        let swapped = behind < ahead;
        *self = Self::new(if swapped { number } else { first });
        let skipped = self.shift(u64::from(ahead.min(behind)));
        SequenceStep::skipping(skipped, Arrival::Restarted { swapped })
    }

    /// The number of an out-of-place packet that may have been a new start.
    pub const fn suspected(&self) -> Option<u16> {
        match self.doubt {
            Doubt::Suspect(number) => Some(number),
            Doubt::None | Doubt::Restart => None,
        }
    }

    /// Has another suspect, or none; the one before it.
    fn replace_suspect(&mut self, number: Option<u16>) -> Option<u16> {
        match std::mem::replace(&mut self.doubt, number.map_or(Doubt::None, Doubt::Suspect)) {
            Doubt::Suspect(earlier) => Some(earlier),
            Doubt::None | Doubt::Restart => None,
        }
    }

    /// Moves the window forward; the numbers skipped by it.
    fn shift(&mut self, distance: u64) -> u64 {
        self.highest = self.highest.saturating_add(distance);
        let distance_here = u32::try_from(distance).unwrap_or(u32::MAX);
        self.window = self.window.checked_shl(distance_here).unwrap_or(0) | 1;
        distance.saturating_sub(1)
    }

    /// Fills a place inside the window, or one just before the stream's start.
    fn fill(&mut self, backward: u64) -> SequenceStep {
        let place = self.highest - backward;
        let before = self.base.wrapping_sub(low(place));
        if (1..64).contains(&before) {
            // The stream began earlier than we knew: what lies between may still come.
            for missing in place + 1..place + u64::from(before) {
                self.window &= !(1 << (self.highest - missing));
            }
            self.base = low(place);
            return SequenceStep::skipping(u64::from(before) - 1, Arrival::Reordered);
        }
        let bit = 1 << backward;
        if self.window & bit != 0 {
            return SequenceStep::of(Arrival::Duplicate);
        }
        self.window |= bit;
        SequenceStep {
            missing: -1,
            ..SequenceStep::of(Arrival::Reordered)
        }
    }

    /// Numbers inside the window whose packets have not come (yet).
    pub const fn missing(&self) -> u64 {
        self.window.count_zeros() as u64
    }

    /// A number that is missing inside the window, extended.
    pub fn missing_number(&self, number: u16) -> Option<u64> {
        let behind = self.last_number().wrapping_sub(number);
        let older = self.window.checked_shr(behind.into());
        let is_missing = older.is_some_and(|older| older & 1 == 0);
        is_missing.then(|| self.highest - u64::from(behind))
    }

    /// Of [`Self::missing`], those up to a number given modulo 2^16; none if that number has
    /// left the window or has not come yet.
    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^16 is meant")]
    pub fn missing_up_to(&self, number: u32) -> Option<u64> {
        let behind = self.last_number().wrapping_sub(number as u16);
        let older = self.window.checked_shr(u32::from(behind))?;
        Some(u64::from(older.count_zeros()) - u64::from(behind))
    }

    /// The highest number so far, modulo 2^16.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number on the wire is 16 bits"
    )]
    pub const fn last_number(&self) -> u16 {
        self.highest as u16
    }

    /// Whether a number has come already and can still be told: it is inside the window, or that
    /// of a suspect.
    pub fn has(&self, number: u16) -> bool {
        let behind = self.last_number().wrapping_sub(number);
        let older = self.window.checked_shr(u32::from(behind));
        older.is_some_and(|older| older & 1 == 1) || self.doubt == Doubt::Suspect(number)
    }

    /// Whether a number lies ahead.
    pub fn is_ahead(&self, number: u16) -> bool {
        (1..1 << 15).contains(&number.wrapping_sub(self.last_number()))
    }

    /// Whether a number is the highest so far, or that of what may be a new start.
    pub fn is_newest(&self, number: u16) -> bool {
        number == self.last_number() || self.doubt == Doubt::Suspect(number)
    }

    /// Extended highest number, counted from the cycle of the first packet.
    pub const fn extended(&self) -> u64 {
        self.highest
    }
}

/// The low bits of a number.
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
const fn low(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests;
