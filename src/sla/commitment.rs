//! What a contract says, as parameters of the arithmetic: built by `config`, used by the meter
//! (which packets count) and by the verdicts.

use crate::units::{Address, BitRate, Prefix, Ratio};
use crate::wire::Vlans;
use std::num::NonZeroU32;
use std::time::Duration;

/// A contract's committed data rate with its scope, threshold, window and guarantees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commitment {
    /// Its name: unique, the `commitment` label.
    pub name: String,
    /// The committed data rate; above 0.
    pub committed_rate: BitRate,
    /// The share above which no guarantee is given.
    pub threshold: Ratio,
    /// Seconds in the window, 1 to 3600.
    pub window: NonZeroU32,
    /// Which traffic is held against the threshold.
    pub direction: DirectionRule,
    /// Which octets of a packet count.
    pub layer: Layer,
    /// Which classes of voice count.
    pub classes: Classes,
    /// Which packets the commitment is about.
    pub scope: Scope,
    /// What is guaranteed below the threshold.
    pub guarantee: Guarantee,
}

/// Which traffic is held against the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DirectionRule {
    /// From and to are judged apart; out of SLA is the union.
    #[default]
    Either,
    /// Only what comes from the ASN.
    From,
    /// Only what goes to the ASN.
    To,
    /// Both together; a packet counts once even when both its ends are in the ASN.
    Sum,
}

/// Which octets of a packet count towards the share; computed from the IP length, tags ignored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Layer {
    /// IP total length.
    #[default]
    Ip,
    /// The Ethernet frame with FCS: max(64, ip + 18) (IEEE 802.3 §3.1).
    Ethernet,
    /// Ethernet and preamble and inter-packet gap: 20 more.
    Wire,
}

/// What a voice packet is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// Audio media (RFC 3550).
    Rtp,
    /// Its control protocol.
    Rtcp,
    /// Signalling (RFC 3261).
    Sip,
}

impl Class {
    /// Every class, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::Rtp, Self::Rtcp, Self::Sip];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtp => "rtp",
            Self::Rtcp => "rtcp",
            Self::Sip => "sip",
        }
    }
}

/// A set of classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Classes(u8);

impl Classes {
    /// No class.
    pub const NONE: Self = Self(0);
    /// All three: the default.
    pub const ALL: Self = Self(0b111);

    /// This set and one class more.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// Whether the class is in the set.
    pub const fn contains(self, class: Class) -> bool {
        self.0 & 1 << class as u8 != 0
    }
}

/// Which packets a commitment is about: the keys are ANDed, the values of one key ORed, an empty
/// key lets everything pass.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scope {
    /// One end of the packet lies in one of these.
    pub local_prefixes: Vec<Prefix>,
    /// Captured on one of these interfaces, by name.
    pub interfaces: Vec<String>,
    /// One of the frame's tags is one of these.
    pub vlans: Vec<u16>,
}

/// What is guaranteed below the threshold. `None`: not guaranteed, so never judged.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guarantee {
    /// Packet loss.
    pub loss: Option<LossGuarantee>,
    /// Round-trip latency.
    pub latency: Option<LatencyGuarantee>,
}

/// Guaranteed packet loss: missed if lost ÷ expected is strictly above the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LossGuarantee {
    /// The limit.
    pub limit: Ratio,
    /// Whose loss is judged.
    pub direction: LossDirection,
    /// Fewer expected packets than this in the window: indeterminate. Default 100.
    pub min_packets: u64,
}

/// Whose loss is judged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum LossDirection {
    /// Gaps at the tap in what the ASN sent.
    #[default]
    From,
    /// What the far end's RTCP reports lost of what we sent.
    To,
    /// Either of them worse than the limit.
    Both,
}

/// Guaranteed latency: missed if 100·(samples over the limit) > (100 − percentile)·samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LatencyGuarantee {
    /// The limit of a round trip.
    pub limit: Duration,
    /// Percentile, 1 to 100.
    pub percentile: u8,
    /// Which measurements count; pooled.
    pub methods: Methods,
    /// Fewer round trips than this in the window: indeterminate. Default 20.
    pub min_round_trips: u64,
}

/// How a round trip was measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Method {
    /// RTCP sender report and the report block that answers it (RFC 3550 §6.4.1, RFC 3611).
    Rtcp,
    /// STUN request and response (RFC 8489, RFC 7675).
    Stun,
    /// SIP request and first response: includes processing time.
    Sip,
    /// TCP handshake of SIP.
    Tcp,
}

impl Method {
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
pub struct Methods(u8);

impl Methods {
    /// No method.
    pub const NONE: Self = Self(0);
    /// RTCP and STUN: the default.
    pub const DEFAULT: Self = Self::NONE.with(Method::Rtcp).with(Method::Stun);

    /// This set and one method more.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | 1 << method as u8)
    }

    /// Whether the method is in the set.
    pub const fn contains(self, method: Method) -> bool {
        self.0 & 1 << method as u8 != 0
    }
}

impl Scope {
    /// Whether a packet is in scope. `interface` is the name behind its interface ID.
    pub fn matches(&self, src: Address, dst: Address, interface: &str, vlans: Vlans) -> bool {
        let prefixes = self.local_prefixes.is_empty()
            || self
                .local_prefixes
                .iter()
                .any(|prefix| prefix.contains(src) || prefix.contains(dst));
        let interfaces =
            self.interfaces.is_empty() || self.interfaces.iter().any(|name| name == interface);
        let tags = self.vlans.is_empty()
            || [vlans.outer, vlans.inner]
                .into_iter()
                .flatten()
                .any(|id| self.vlans.contains(&id));
        prefixes && interfaces && tags
    }
}

/// The clause with its defaults: 100 Mbps, 10 %, 60 s, 0.5 % loss, 150 ms at the 95th percentile.
#[cfg(test)]
pub(crate) fn example(name: &str) -> Commitment {
    Commitment {
        name: name.into(),
        committed_rate: BitRate(100_000_000),
        threshold: Ratio::from_ppm(100_000),
        window: NonZeroU32::new(60).unwrap(),
        direction: DirectionRule::Either,
        layer: Layer::Ip,
        classes: Classes::ALL,
        scope: Scope::default(),
        guarantee: Guarantee {
            loss: Some(LossGuarantee {
                limit: Ratio::from_ppm(5_000),
                direction: LossDirection::From,
                min_packets: 100,
            }),
            latency: Some(LatencyGuarantee {
                limit: Duration::from_millis(150),
                percentile: 95,
                methods: Methods::DEFAULT,
                min_round_trips: 20,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_scope_are_anded_and_their_values_ored() {
        let local = Address::v4([198, 51, 100, 7]);
        let far = Address::v4([203, 0, 113, 7]);
        let tagged = Vlans {
            outer: Some(100),
            inner: Some(7),
        };
        let all = Scope::default();
        assert!(all.matches(far, far, "eth9", Vlans::default()));
        let scope = Scope {
            local_prefixes: vec![Prefix::new(Address::v4([198, 51, 100, 0]), 96 + 24)],
            interfaces: vec!["eth0".into(), "eth1".into()],
            vlans: vec![7, 8],
        };
        assert!(scope.matches(local, far, "eth1", tagged));
        assert!(scope.matches(far, local, "eth0", tagged));
        assert!(!scope.matches(far, far, "eth0", tagged), "prefix");
        assert!(!scope.matches(local, far, "eth2", tagged), "interface");
        assert!(!scope.matches(local, far, "eth1", Vlans::default()), "vlan");
    }
}
