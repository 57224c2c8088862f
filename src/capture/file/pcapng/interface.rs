//! The interfaces of a pcapng section: link type, clock, and the drops that their counters report (draft-ietf-opsawg-pcapng §4.2 and §4.6).

use super::super::byte_order::ByteOrder;
use super::super::names::InterfaceNames;
use super::options::Options;
use crate::capture::{CaptureGap, GapCause};
use crate::frame::{InterfaceId, LinkType};
use crate::units::{NANOS_PER_SECOND, Timestamp};

const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// Resolution of an interface's timestamps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resolution {
    /// Nanoseconds per tick.
    NanosPerTick(u64),
    /// Ticks per nanosecond.
    TicksPerNano(u64),
    /// A tick is 2^-n seconds, n up to 127.
    Binary(u8),
}

impl Resolution {
    /// From if_tsresol: the upper bit selects a negative power of 2, else a negative power of 10.
    fn from_option(value: u8) -> Self {
        if value & 0x80 != 0 {
            return Self::Binary(value & 0x7f);
        }
        match u32::from(value) {
            exponent @ 0..=9 => Self::NanosPerTick(10_u64.pow(9 - exponent)),
            // 10^19 is the largest power that fits. There any tick count is 0 or 1 ns.
            exponent => Self::TicksPerNano(10_u64.pow((exponent - 9).min(19))),
        }
    }

    #[inline]
    fn nanos(self, ticks: u64) -> u64 {
        match self {
            Self::NanosPerTick(nanos) => ticks.saturating_mul(nanos),
            Self::TicksPerNano(ticks_per_nano) => ticks / ticks_per_nano,
            Self::Binary(bits) => {
                let nanos = (u128::from(ticks) * u128::from(NANOS_PER_SECOND)) >> bits;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        }
    }
}

/// One interface of the current section. Lives until the next section header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) id: InterfaceId,
    pub(super) link: LinkType,
    /// Most octets captured of a frame; 0 = no limit.
    pub(super) snaplen: u32,
    resolution: Resolution,
    /// if_tsoffset in nanoseconds.
    offset: i64,
    /// Time of its last frame.
    pub(super) last: Option<Timestamp>,
    /// Time and total drops of its last statistics block.
    statistics: Option<(Timestamp, u64)>,
    /// Drops that frames have reported since that block.
    reported: u64,
}

impl Interface {
    /// Parses the body of an Interface Description Block; `None` if it is too short. The second value
    /// is `false` if the table of names is full and the interface got the empty name.
    pub(super) fn parse(
        order: ByteOrder,
        body: &[u8],
        names: &mut InterfaceNames,
    ) -> Option<(Self, bool)> {
        let (&[l0, l1, _, _, s0, s1, s2, s3], options) = body.split_first_chunk()?;
        let mut name = &[][..];
        // The default is microseconds (§4.2).
        let mut resolution = Resolution::NanosPerTick(1000);
        let mut offset = 0;
        for (code, value) in Options::new(order, options) {
            match (code, value) {
                (IF_NAME, value) => name = value,
                (IF_TSRESOL, &[value]) => resolution = Resolution::from_option(value),
                (IF_TSOFFSET, value) => {
                    if let Ok(octets) = value.try_into() {
                        let seconds = order.u64(octets).cast_signed();
                        offset = seconds.saturating_mul(NANOS_PER_SECOND.cast_signed());
                    }
                }
                _ => {}
            }
        }
        let id = names.id(name);
        let interface = Self {
            id: id.unwrap_or_default(),
            link: LinkType::from_registry(u32::from(order.u16([l0, l1]))),
            snaplen: order.u32([s0, s1, s2, s3]),
            resolution,
            offset,
            last: None,
            statistics: None,
            reported: 0,
        };
        Some((interface, id.is_some()))
    }

    /// Converts a timestamp of the interface, in ticks.
    #[inline]
    pub(super) fn time(&self, high: u32, low: u32) -> Timestamp {
        let ticks = u64::from(high) << 32 | u64::from(low);
        Timestamp::from_nanos(
            self.resolution
                .nanos(ticks)
                .saturating_add_signed(self.offset),
        )
    }

    /// The gap of the drops between the previous frame and this one.
    pub(super) fn dropped_before(&mut self, frames: u64, time: Timestamp) -> CaptureGap {
        self.reported = self.reported.saturating_add(frames);
        self.dropped(frames, self.last.unwrap_or(time), time)
    }

    /// The gap of the drops since the last statistics block. `first` is the time of the section's first
    /// frame. The counters run from the start of the capture (§4.6); one that decreased was reset.
    pub(super) fn statistics(
        &mut self,
        time: Timestamp,
        options: &Options<'_>,
        first: Option<Timestamp>,
    ) -> Option<CaptureGap> {
        let by_interface = options.number(ISB_IFDROP);
        let by_system = options.number(ISB_OSDROP);
        by_interface.or(by_system)?;
        let total = by_interface
            .unwrap_or(0)
            .saturating_add(by_system.unwrap_or(0));
        let (from, before) = match self.statistics {
            Some((from, before)) => (from, before),
            None => (first.unwrap_or(time), 0),
        };
        let new_drops = total.checked_sub(before).unwrap_or(total);
        let new_drops = new_drops.saturating_sub(std::mem::take(&mut self.reported));
        self.statistics = Some((time, total));
        (new_drops > 0).then(|| self.dropped(new_drops, from, time))
    }

    fn dropped(&self, frames: u64, from: Timestamp, until: Timestamp) -> CaptureGap {
        CaptureGap {
            from: from.min(until),
            until: until.max(from),
            frames,
            at_most: Some(frames),
            interface: self.id,
            cause: GapCause::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_any_resolution_convert_to_nanoseconds() {
        let second_in = |resolution, ticks| Resolution::from_option(resolution).nanos(ticks);
        assert_eq!(second_in(0, 3), 3 * NANOS_PER_SECOND);
        assert_eq!(second_in(6, 1_500_000), 1_500_000_000);
        assert_eq!(second_in(9, 7), 7);
        assert_eq!(second_in(12, 7999), 7);
        assert_eq!(second_in(127, u64::MAX), 1);
        assert_eq!(second_in(0x80, 2), 2 * NANOS_PER_SECOND);
        assert_eq!(second_in(0x80 | 32, 3 << 31), 1_500_000_000);
        assert_eq!(second_in(0xff, u64::MAX), 0);
        assert_eq!(second_in(0, u64::MAX), u64::MAX);
        assert_eq!(second_in(0x80, u64::MAX), u64::MAX);
    }
}
