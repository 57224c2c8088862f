//! Recognises voice: whether a datagram may be voice, and of which class, by its own octets. Probation
//! (`stream`) then decides by several packets of one SSRC, and [`kind`] decides between audio and video.
//!
//! The rules live as long as a configuration. Everything that is not voice is a [`Discard`] with its
//! reason.

pub mod class;
pub mod kind;
pub mod payload_type;
pub mod rtp_summary;
pub mod signalling;
pub mod stream_key;

use crate::discard::Discard;
use crate::frame::{Frame, InterfaceId};
use crate::units::{Endpoint, Prefix, Timestamp};
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::stream_key::StreamKey;
use crate::wire::plain::{Ip, PlainUdp};
use crate::wire::rtcp::{self, Protection};
use crate::wire::rtp::{self, FirstOctet, RtpHeader};
use crate::wire::stun::{self, StunHeader};
use crate::wire::{Datagram, DedupKey, Transport, Vlans, sip};

/// The capture point of a packet: where it was captured.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct CapturePoint {
    /// The interface.
    pub interface: InterfaceId,
    /// VLAN tags of the frame.
    pub vlans: Vlans,
}

impl CapturePoint {
    /// The same as `==`, without a branch per field.
    #[inline]
    pub const fn is(self, other: Self) -> bool {
        let (InterfaceId(mine), [outer, inner]) = (self.interface, self.vlans.ids());
        let (InterfaceId(theirs), [other_outer, other_inner]) =
            (other.interface, other.vlans.ids());
        (mine ^ theirs) | (outer ^ other_outer) | (inner ^ other_inner) == 0
    }
}

/// A datagram that may be voice, by its own octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Capture time.
    pub time: Timestamp,
    /// Capture point.
    pub capture_point: CapturePoint,
    /// Source address and port.
    pub src: Endpoint,
    /// Destination address and port.
    pub dst: Endpoint,
    /// IP total length in octets.
    pub ip_bytes: u32,
    /// Identifies copies of the packet.
    pub dedup_key: DedupKey,
    /// The content.
    pub content: Content<'a>,
}

/// The content of a voice packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// An RTP packet.
    Rtp {
        /// The RTP header.
        header: RtpHeader,
        /// Octets on the wire after the RTP header, including padding.
        payload_bytes: u16,
    },
    /// A compound RTCP packet.
    Rtcp {
        /// The captured octets.
        payload: &'a [u8],
        /// Whether they are encrypted.
        protection: Protection,
    },
    /// A SIP message in a datagram.
    Sip(&'a [u8]),
    /// A TCP segment on a SIP port.
    SipSegment(Segment<'a>),
    /// A STUN message, and its captured octets: not voice, but used for round trips.
    Stun(StunHeader, &'a [u8]),
}

/// A TCP segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment<'a> {
    /// Sequence number of its first octet.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: u8,
    /// Captured payload octets.
    pub payload: &'a [u8],
}

/// A plain RTP packet, independent of its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RtpPacket {
    /// Source, destination and SSRC.
    pub key: StreamKey,
    /// Octets of its frame on the wire.
    pub length: u32,
    /// The other values.
    pub summary: RtpSummary,
}

/// Rules that recognise voice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Port ranges (first, last); an RTP or RTCP packet must use one of these ports. Empty: any port.
    pub ports: Vec<(u16, u16)>,
    /// Prefixes; source or destination must lie in one of them. Empty: any address.
    pub prefixes: Vec<Prefix>,
    /// Ports of SIP.
    pub sip_ports: Vec<u16>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ports: Vec::new(),
            prefixes: Vec::new(),
            sip_ports: vec![5060, 5061],
        }
    }
}

impl Rules {
    /// Recognises an RTP packet in a plain frame. The result is that of [`Self::recognise`]; `None`: use
    /// that function.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the result is built in place")]
    pub fn recognise_plain(
        &self,
        frame: &Frame<'_>,
        plain: &PlainUdp<'_, impl Ip>,
    ) -> Option<RtpPacket> {
        let media = plain.rtp(frame.offload)?;
        if self.is_restricted() && !self.allow([media.src, media.dst]) {
            return None;
        }
        let capture_point = CapturePoint {
            interface: frame.interface,
            vlans: media.vlans,
        };
        let header_len = u16::try_from(media.header.header_len).unwrap_or(u16::MAX);
        let payload_bytes = media.length.saturating_sub(header_len);
        Some(RtpPacket {
            key: StreamKey::new(media.src, media.dst, media.header.ssrc),
            length: frame.length,
            summary: RtpSummary::new(
                frame.time,
                capture_point,
                media.ip_bytes,
                (&media.header, payload_bytes),
                media.identification,
            ),
        })
    }

    /// Classifies a datagram.
    ///
    /// # Errors
    /// The [`Discard`] reason if it is not voice.
    #[inline]
    pub fn recognise<'a>(&self, datagram: &Datagram<'a>) -> Result<Packet<'a>, Discard> {
        if !self.in_prefixes(datagram.src, datagram.dst) {
            return Err(Discard::Restricted);
        }
        let content = match datagram.transport {
            Transport::Udp {
                payload, length, ..
            } => self.recognise_udp(datagram, payload, length),
            Transport::Tcp {
                sequence,
                acknowledgment,
                flags,
                payload,
            } if self.is_sip_port([datagram.src, datagram.dst]) => {
                Ok(Content::SipSegment(Segment {
                    sequence,
                    acknowledgment,
                    flags,
                    payload,
                }))
            }
            Transport::Tcp { .. } => Err(Discard::Tcp),
        }?;
        Ok(Packet {
            time: datagram.time,
            capture_point: CapturePoint {
                interface: datagram.interface,
                vlans: datagram.vlans,
            },
            src: datagram.src,
            dst: datagram.dst,
            ip_bytes: datagram.ip_bytes,
            dedup_key: datagram.dedup_key,
            content,
        })
    }

    #[inline]
    fn recognise_udp<'a>(
        &self,
        datagram: &Datagram<'a>,
        payload: &'a [u8],
        length: u16,
    ) -> Result<Content<'a>, Discard> {
        match FirstOctet::of(payload) {
            FirstOctet::RtpOrRtcp => self.recognise_media(datagram, payload, length),
            FirstOctet::Stun => {
                let message = stun::parse(payload, length).ok_or(Discard::NotVoice)?;
                // TURN indications carry media too (RFC 8656 §11); the octets of the outer packet count.
                match stun::relayed(&message, payload) {
                    Some(media) => self.recognise_relayed(datagram, media, captured_length(media)),
                    None => Ok(Content::Stun(message, payload)),
                }
            }
            FirstOctet::TurnChannel => match stun::channel(payload, length) {
                Some(channel) => self.recognise_relayed(datagram, channel.payload, channel.length),
                None => self.recognise_sip(datagram, payload),
            },
            FirstOctet::Dtls if rtp::is_dtls(payload, length) => Err(Discard::Dtls),
            FirstOctet::Dtls | FirstOctet::Zrtp | FirstOctet::Quic | FirstOctet::Other => {
                self.recognise_sip(datagram, payload)
            }
        }
    }

    /// Classifies the payload of a TURN relay. Anything but media is `Discard::Stun`.
    fn recognise_relayed<'a>(
        &self,
        datagram: &Datagram<'a>,
        media: &'a [u8],
        length: u16,
    ) -> Result<Content<'a>, Discard> {
        match FirstOctet::of(media) {
            FirstOctet::RtpOrRtcp => self.recognise_media(datagram, media, length),
            FirstOctet::Dtls => Err(Discard::Dtls),
            FirstOctet::Stun
            | FirstOctet::Zrtp
            | FirstOctet::TurnChannel
            | FirstOctet::Quic
            | FirstOctet::Other => Err(Discard::Stun),
        }
    }

    #[inline]
    fn recognise_media<'a>(
        &self,
        datagram: &Datagram<'a>,
        payload: &'a [u8],
        length: u16,
    ) -> Result<Content<'a>, Discard> {
        if !self.in_ports(datagram.src, datagram.dst) {
            return Err(Discard::Restricted);
        }
        // By its whole form, not by one octet (RFC 5761 §4). What has the octet and not the form is media,
        // if a dialog names its payload type.
        if rtp::is_rtcp(payload)
            && let Some(protection) = rtcp::assess(payload, length)
        {
            return Ok(Content::Rtcp {
                payload,
                protection,
            });
        }
        let header = rtp::parse_any(payload, length).ok_or(Discard::NotVoice)?;
        let header_len = u16::try_from(header.header_len).unwrap_or(u16::MAX);
        Ok(Content::Rtp {
            header,
            payload_bytes: length.saturating_sub(header_len),
        })
    }

    fn recognise_sip<'a>(
        &self,
        datagram: &Datagram<'a>,
        payload: &'a [u8],
    ) -> Result<Content<'a>, Discard> {
        let is_sip = self.is_sip_port([datagram.src, datagram.dst]) && sip::is_sip(payload);
        if is_sip {
            Ok(Content::Sip(payload))
        } else {
            Err(Discard::NotVoice)
        }
    }

    #[inline]
    fn is_restricted(&self) -> bool {
        !self.prefixes.is_empty() || !self.ports.is_empty()
    }

    #[inline(never)]
    fn allow(&self, [src, dst]: [Endpoint; 2]) -> bool {
        self.in_prefixes(src, dst) && self.in_ports(src, dst)
    }

    #[inline]
    fn in_ports(&self, src: Endpoint, dst: Endpoint) -> bool {
        self.ports.is_empty()
            || self.ports.iter().any(|(first, last)| {
                (*first..=*last).contains(&src.port) || (*first..=*last).contains(&dst.port)
            })
    }

    #[inline]
    fn in_prefixes(&self, src: Endpoint, dst: Endpoint) -> bool {
        self.prefixes.is_empty()
            || self
                .prefixes
                .iter()
                .any(|prefix| prefix.contains(src.address) || prefix.contains(dst.address))
    }

    /// Whether one of the two ports is a SIP port.
    #[inline]
    pub fn is_sip_port(&self, [src, dst]: [Endpoint; 2]) -> bool {
        self.sip_ports
            .iter()
            .any(|port| *port == src.port || *port == dst.port)
    }
}

fn captured_length(octets: &[u8]) -> u16 {
    u16::try_from(octets.len()).unwrap_or(u16::MAX)
}
