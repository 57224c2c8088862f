//! How round trips are measured.

/// How a round trip was measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RttMethod {
    /// RTCP sender report and the report block that answers it (RFC 3550 §6.4.1, RFC 3611).
    Rtcp,
    /// STUN request and response (RFC 8489, RFC 7675).
    Stun,
    /// SIP request and first response: includes processing time.
    Sip,
    /// TCP handshake of SIP.
    Tcp,
}

impl RttMethod {
    /// Every method, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::Rtcp, Self::Stun, Self::Sip, Self::Tcp];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtcp => "rtcp",
            Self::Stun => "stun",
            Self::Sip => "sip",
            Self::Tcp => "tcp",
        }
    }
}

/// A set of methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RttMethods(u8);

impl RttMethods {
    /// No method.
    pub const NONE: Self = Self(0);
    /// RTCP and STUN: the default.
    pub const DEFAULT: Self = Self::NONE.with(RttMethod::Rtcp).with(RttMethod::Stun);

    /// This set and one method more.
    #[must_use]
    pub const fn with(self, method: RttMethod) -> Self {
        Self(self.0 | 1 << method as u8)
    }

    /// Whether the method is in the set.
    pub const fn contains(self, method: RttMethod) -> bool {
        self.0 & 1 << method as u8 != 0
    }
}
