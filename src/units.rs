//! The quantities of the crate. Each unit is a type, so that bits and octets,
//! nanoseconds and seconds, addresses and numbers cannot be mixed up; conversions live in this
//! file only.
//!
//! Imports nothing of the project. Values are plain copies that live as long as their user.

pub mod occupancy;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// An autonomous system number (RFC 6793: 32 bits). 0 is reserved (RFC 7607) and stands for
/// "no origin announces this address".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Asn(pub u32);

impl Asn {
    /// No origin announces the address.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for Asn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// A rate in bits per second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct BitRate(pub u64);

impl BitRate {
    /// The same rate in octets per second, for export (Prometheus base units).
    #[expect(
        clippy::cast_precision_loss,
        reason = "for display; verdicts never use it"
    )]
    pub fn bytes_per_second(self) -> f64 {
        self.0 as f64 / 8.0
    }
}

/// A ratio in parts per million: 10 % is 100 000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Ratio {
    ppm: u32,
}

impl Ratio {
    /// From parts per million.
    pub const fn from_ppm(ppm: u32) -> Self {
        Self { ppm }
    }

    /// Parts per million.
    pub const fn ppm(self) -> u32 {
        self.ppm
    }

    /// As a fraction of 1, for display.
    pub fn as_f64(self) -> f64 {
        f64::from(self.ppm) / 1e6
    }
}

/// A point of packet time: nanoseconds since 1970-01-01 00:00 UTC, up to the year 2554.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The UTC second this point lies in.
    pub const fn second(self) -> Second {
        Second(self.0 / NANOS_PER_SECOND)
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Adds a duration; saturates at the end of the range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// Subtracts a duration; saturates at the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// RFC 3339 in UTC with nanoseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = std::time::UNIX_EPOCH + Duration::from_nanos(self.0);
        write!(out, "{}", humantime::format_rfc3339_nanos(time))
    }
}

/// One UTC second of packet time, as seconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Second(pub u64);

impl Second {
    /// The first nanosecond of this second.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(NANOS_PER_SECOND))
    }

    /// The first nanosecond after this second.
    pub const fn end(self) -> Timestamp {
        Timestamp(self.0.saturating_add(1).saturating_mul(NANOS_PER_SECOND))
    }

    /// The second after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The second before this one.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Reads what [`fmt::Display`] writes; none for anything else.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let time = humantime::parse_rfc3339(text).ok()?;
        let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
        let second = Self(since.as_secs());
        (second.to_string() == text).then_some(second)
    }

    /// Its UTC day, as `2026-11-25`.
    pub fn day(self) -> String {
        self.to_string().chars().take("2026-11-25".len()).collect()
    }
}

/// RFC 3339 in UTC, whole seconds.
impl fmt::Display for Second {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = std::time::UNIX_EPOCH + Duration::from_nanos(self.start().0);
        write!(out, "{}", humantime::format_rfc3339_seconds(time))
    }
}

/// An IP address as one 128-bit number; IPv4 in its v4-mapped form (RFC 4291 §2.5.5.2), so that
/// both families compare and hash without a branch. Two words, not a `u128`, whose alignment
/// would make every key that holds an address a third larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Address {
    high: u64,
    low: u64,
}

/// The fixed bits of a v4-mapped address, in its lower half.
const V4_MAPPED: u64 = 0xffff_0000_0000;

impl Address {
    /// From the four octets of an IPv4 header field, in network order.
    pub const fn v4(octets: [u8; 4]) -> Self {
        Self {
            high: 0,
            low: V4_MAPPED | u32::from_be_bytes(octets) as u64,
        }
    }

    /// From the sixteen octets of an IPv6 header field, in network order.
    pub const fn v6(octets: [u8; 16]) -> Self {
        Self::from_number(u128::from_be_bytes(octets))
    }

    /// From the number that [`Self::number`] returns.
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    pub const fn from_number(number: u128) -> Self {
        Self {
            high: (number >> 64) as u64,
            low: number as u64,
        }
    }

    /// The address as a number, network order first; IPv4 is `::ffff:a.b.c.d`.
    pub const fn number(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// The upper and the lower half of that number.
    #[inline]
    pub const fn halves(self) -> [u64; 2] {
        [self.high, self.low]
    }

    /// Whether this is an IPv4 address.
    pub const fn is_v4(self) -> bool {
        self.high == 0 && self.low >> 32 == V4_MAPPED >> 32
    }

    /// The standard library's form; v4-mapped becomes IPv4.
    pub const fn ip(self) -> IpAddr {
        Ipv6Addr::from_bits(self.number()).to_canonical()
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::v4(v4.octets()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(out)
    }
}

/// A transport address: IP address and UDP or TCP port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Endpoint {
    /// The IP address.
    pub address: Address,
    /// The port, host order.
    pub port: u16,
}

impl Endpoint {
    /// The next lower port: that of the media beside RTCP (RFC 3550 §11).
    #[must_use]
    pub const fn below(self) -> Self {
        Self {
            port: self.port.wrapping_sub(1),
            ..self
        }
    }
}

/// `ip:port`, IPv6 as `[ip]:port`.
impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.ip() {
            IpAddr::V4(ip) => write!(out, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(out, "[{ip}]:{}", self.port),
        }
    }
}

/// An address prefix in the number space of [`Address`]: IPv4 prefixes are 96 bits longer here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prefix {
    first: u128,
    length: u8,
}

impl Prefix {
    /// The prefix of `length` bits (0 to 128, IPv4: 96 + its own length) that `address` lies in.
    pub const fn new(address: Address, length: u8) -> Self {
        let length = if length > 128 { 128 } else { length };
        Self {
            first: address.number() & Self::mask(length),
            length,
        }
    }

    const fn mask(length: u8) -> u128 {
        match u128::MAX.checked_shl(128 - length as u32) {
            Some(mask) => mask,
            None => 0,
        }
    }

    /// Whether the address lies in the prefix. A short IPv6 prefix such as `::/0` holds no IPv4
    /// address, although v4-mapped addresses lie inside it as numbers.
    pub const fn contains(self, address: Address) -> bool {
        address.number() & Self::mask(self.length) == self.first
            && (self.length >= 96 || !address.is_v4())
    }

    /// First and last address.
    pub const fn range(self) -> (Address, Address) {
        (
            Address::from_number(self.first),
            Address::from_number(self.first | !Self::mask(self.length)),
        )
    }

    /// Bits of the prefix in the 128-bit space.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether every address is in it, of one family or of both: a default route.
    pub const fn is_default(self) -> bool {
        self.length == 0 || (self.length == 96 && self.first == V4_MAPPED as u128)
    }
}

/// `address/length` with the family's own length.
impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Address::from_number(self.first);
        let length = if address.is_v4() && self.length >= 96 {
            self.length - 96
        } else {
            self.length
        };
        write!(out, "{address}/{length}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v4_and_its_mapped_form_are_one_address() {
        let v4 = Address::from("192.0.2.1".parse::<IpAddr>().unwrap());
        let mapped = Address::from("::ffff:192.0.2.1".parse::<IpAddr>().unwrap());
        assert_eq!(v4, mapped);
        assert_eq!(v4.to_string(), "192.0.2.1");
        assert!(v4.is_v4() && !Address::v6([0x20; 16]).is_v4());
    }

    #[test]
    fn a_prefix_has_a_range_and_a_text() {
        let prefix = Prefix::new(Address::v4([192, 0, 2, 77]), 96 + 24);
        assert_eq!(prefix.to_string(), "192.0.2.0/24");
        assert!(prefix.contains(Address::v4([192, 0, 2, 255])));
        assert!(!prefix.contains(Address::v4([192, 0, 3, 0])));
        assert_eq!(prefix.range().1.to_string(), "192.0.2.255");
        assert!(Prefix::new(Address::v4([0; 4]), 96).is_default());
        assert!(Prefix::new(Address::v6([0; 16]), 0).is_default());
        assert!(!prefix.is_default());
    }

    #[test]
    fn time_is_written_as_rfc_3339() {
        let time = Timestamp::from_nanos(1_767_225_600_000_000_001);
        assert_eq!(time.to_string(), "2026-01-01T00:00:00.000000001Z");
        assert_eq!(time.second().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(time.second().day(), "2026-01-01");
        let read = Second::from_rfc3339;
        assert_eq!(read("2026-01-01T00:00:00Z"), Some(time.second()));
        for wrong in [
            "",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00.5Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(
            time.second().end().since(time),
            Duration::from_nanos(999_999_999)
        );
    }
}
