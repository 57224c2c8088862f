//! Why a frame is not voice: one closed list for the whole crate, so that every frame is counted
//! exactly once (conservation, MODEL §14.1).
//!
//! Imports nothing of the project. A new reason is a new row of [`Discard::ALL`].

/// Why a frame is not counted as voice. Small and `Copy`: it travels on the hot path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Discard {
    /// The capture truncated the frame inside its headers.
    Truncated,
    /// Lengths or versions in the headers contradict each other.
    Malformed,
    /// The link type is not decoded.
    LinkType,
    /// Not IP: ARP, LLDP, spanning tree…
    NotIp,
    /// Tags or tunnels nested deeper than the bound.
    TooDeep,
    /// A later fragment of an IP packet: it carries no ports.
    Fragment,
    /// IP with a transport that carries no voice here: ICMP, ESP, SCTP…
    Transport,
    /// TCP that is not SIP.
    Tcp,
    /// STUN or TURN signalling (RFC 8489).
    Stun,
    /// DTLS (RFC 9147), key exchange of DTLS-SRTP included.
    Dtls,
    /// RTCP whose transport pair carries no audio (yet).
    Rtcp,
    /// RTP of video.
    Video,
    /// Excluded by the configured restriction to ports or prefixes.
    Restricted,
    /// UDP that is not voice.
    NotVoice,
    /// Looked like RTP, but did not pass probation.
    Probation,
    /// A copy of a frame from a mirror port, removed by `deduplicate`.
    MirrorCopy,
}

impl Discard {
    /// Every reason, in the order of the enum.
    pub const ALL: [Self; 16] = [
        Self::Truncated,
        Self::Malformed,
        Self::LinkType,
        Self::NotIp,
        Self::TooDeep,
        Self::Fragment,
        Self::Transport,
        Self::Tcp,
        Self::Stun,
        Self::Dtls,
        Self::Rtcp,
        Self::Video,
        Self::Restricted,
        Self::NotVoice,
        Self::Probation,
        Self::MirrorCopy,
    ];

    /// The label value in metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::LinkType => "link_type",
            Self::NotIp => "not_ip",
            Self::TooDeep => "too_deep",
            Self::Fragment => "fragment",
            Self::Transport => "transport",
            Self::Tcp => "tcp",
            Self::Stun => "stun",
            Self::Dtls => "dtls",
            Self::Rtcp => "rtcp",
            Self::Video => "video",
            Self::Restricted => "restricted",
            Self::NotVoice => "not_voice",
            Self::Probation => "probation",
            Self::MirrorCopy => "mirror_copy",
        }
    }
}

/// A count per reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiscardCounts([u64; Discard::ALL.len()]);

impl DiscardCounts {
    /// Counts `frames` more under a reason.
    pub fn add(&mut self, reason: Discard, frames: u64) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += frames;
        }
    }

    /// Adds another set of counts.
    pub fn merge(&mut self, other: &Self) {
        for (own, other_count) in self.0.iter_mut().zip(other.0) {
            *own += other_count;
        }
    }

    /// Frames under one reason.
    pub fn of(&self, reason: Discard) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// Reason and count, every reason, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u64)> + '_ {
        Discard::ALL.into_iter().zip(self.0)
    }

    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_index_and_name() {
        for (index, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
        let names: std::collections::BTreeSet<_> = Discard::ALL.map(Discard::as_str).into();
        assert_eq!(names.len(), Discard::ALL.len());
    }
}
