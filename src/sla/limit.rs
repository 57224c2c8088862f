//! The limit of a contract as it stood when octets were held against it, whatever the contract says by
//! now.

use crate::sla::commitment::Commitment;
use crate::stream::tally::Layer;
use crate::units::{BitRate, Ratio};
use std::num::NonZeroU32;

/// Above a share of a committed rate over a window there is no guarantee.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// The committed data rate; above 0.
    pub committed_rate: BitRate,
    /// The share above which no guarantee is given.
    pub threshold: Ratio,
    /// Seconds in the window, 1 to 3600.
    pub window: NonZeroU32,
    /// Which octets of a packet count.
    pub layer: Layer,
}

impl From<&Commitment> for Limit {
    fn from(of: &Commitment) -> Self {
        Self {
            committed_rate: of.committed_rate,
            threshold: of.threshold,
            window: of.window,
            layer: of.layer,
        }
    }
}

impl Limit {
    /// Whether octets in a window exceed it: 8·10⁶·bytes > bps·ppm·W, strictly (MODEL §6.2).
    pub fn is_exceeded(&self, bytes: u64) -> bool {
        8_000_000 * u128::from(bytes) > self.allowed()
    }

    /// The share of the committed rate that octets in a window are: 1.0 is all of it. For display.
    #[expect(
        clippy::cast_precision_loss,
        reason = "for display; verdicts use is_exceeded()"
    )]
    pub fn share(&self, bytes: u64) -> f64 {
        (bytes as f64 * 8.0) / (self.committed_rate.0 as f64 * f64::from(self.window.get()))
    }

    /// What octets in a window are of the limit itself, in thousandths. For display.
    pub fn thousandths(&self, bytes: u64) -> u32 {
        let part = (8_000_000_000 * u128::from(bytes)).checked_div(self.allowed());
        u32::try_from(part.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// What a window may carry, in millionths of a bit.
    fn allowed(&self) -> u128 {
        u128::from(self.committed_rate.0)
            * u128::from(self.threshold.ppm())
            * u128::from(self.window.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sla::commitment::example;

    fn limit(committed_rate: u64, ppm: u32, window: u32) -> Limit {
        Limit {
            committed_rate: BitRate(committed_rate),
            threshold: Ratio::from_ppm(ppm),
            window: NonZeroU32::new(window).unwrap(),
            layer: Layer::Ip,
        }
    }

    #[test]
    fn exactly_the_threshold_is_in_and_one_octet_more_is_out() {
        // 10 % of 100 Mbps over 60 s are 75 000 000 octets.
        let limit = Limit::from(&example("c"));
        assert!(!limit.is_exceeded(75_000_000));
        assert!(limit.is_exceeded(75_000_001));
        assert!((limit.share(75_000_000) - 0.1).abs() < 1e-12);
        assert_eq!(limit.thousandths(75_000_000), 1000);
        assert_eq!(limit.thousandths(37_499_999), 499);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        assert!(limit(u64::MAX / 3600, 1, 3600).is_exceeded(u64::MAX));
        assert!(!limit(u64::MAX, u32::MAX, 3600).is_exceeded(u64::MAX));
        assert_eq!(limit(1, 1, 1).thousandths(u64::MAX), u32::MAX);
        assert_eq!(limit(1, 0, 1).thousandths(1), 0, "no limit to be a part of");
    }
}
