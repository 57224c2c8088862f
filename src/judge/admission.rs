//! How many ASNs may have totals and series of their own. Shared by all who keep some.

/// ASNs with totals of their own, with those that are out of SLA beyond `max_asns`: as many as that key
/// may say. Further ones are judged all the same, and stay in `other`.
pub const MAX_ADMITTED: usize = 65_536;

/// The most that are admitted beside a bound of so many.
pub fn most_admitted(max_asns: usize) -> usize {
    max_asns.max(MAX_ADMITTED)
}
