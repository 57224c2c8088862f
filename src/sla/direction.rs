//! The directions of an ASN's traffic, and which of them a contract judges: decided here alone.

use crate::sla::commitment::DirectionRule;

/// Direction of traffic, seen from the ASN.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// What it sends.
    From,
    /// What is sent to it.
    To,
    /// Both together; a packet with both ends in the ASN once.
    Sum,
}

impl Direction {
    /// Every direction, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::From, Self::To, Self::Sum];

    /// The value in metrics, JSON and text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Sum => "sum",
        }
    }
}

impl DirectionRule {
    /// The directions that are shown under the rule.
    pub const fn shown(self) -> &'static [Direction] {
        match self {
            Self::Either | Self::From | Self::To => &[Direction::From, Direction::To],
            Self::Sum => &[Direction::Sum],
        }
    }

    /// Those of them that are held against the threshold, each by itself.
    pub const fn judged(self) -> &'static [Direction] {
        match self {
            Self::Either => &[Direction::From, Direction::To],
            Self::From => &[Direction::From],
            Self::To => &[Direction::To],
            Self::Sum => &[Direction::Sum],
        }
    }
}

/// A value for each direction, whatever the rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Directions<T> {
    /// From the ASN.
    pub from: T,
    /// To the ASN.
    pub to: T,
    /// Both together.
    pub sum: T,
}

impl<T> Directions<T> {
    /// The value of a direction.
    pub const fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::From => &self.from,
            Direction::To => &self.to,
            Direction::Sum => &self.sum,
        }
    }

    /// The value of a direction, to be changed.
    pub const fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::From => &mut self.from,
            Direction::To => &mut self.to,
            Direction::Sum => &mut self.sum,
        }
    }

    /// All values, from, to and sum.
    pub fn iter(&self) -> impl Iterator<Item = (Direction, &T)> + '_ {
        self.of(&Direction::ALL)
    }

    /// The values of some directions, in their order.
    pub fn of(&self, directions: &'static [Direction]) -> impl Iterator<Item = (Direction, &T)> {
        let each = directions.iter();
        each.map(|direction| (*direction, self.get(*direction)))
    }

    /// Another value for each.
    pub fn map<'a, U>(&'a self, value: impl Fn(&'a T) -> U) -> Directions<U> {
        Directions {
            from: value(&self.from),
            to: value(&self.to),
            sum: value(&self.sum),
        }
    }
}

impl Directions<bool> {
    /// Whether it is so in any direction: out of SLA is the union.
    pub const fn any(self) -> bool {
        self.from || self.to || self.sum
    }
}
