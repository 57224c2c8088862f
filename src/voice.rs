//! Is a datagram voice, and of which class? What only its own octets can tell is told here;
//! [`probation`] adds what several packets of one SSRC tell together, [`kind`] whether they are
//! audio or video.
//!
//! The rules live as long as a configuration. Everything that is not voice ends as a
//! [`Discard`] with its reason.

pub mod kind;
pub mod payload_type;
pub mod probation;

use crate::capture::InterfaceId;
use crate::discard::Discard;
use crate::units::{Endpoint, Prefix, Timestamp};
use crate::wire::rtp::{self, Demux, RtpHeader};
use crate::wire::{Datagram, Transport, Vlans, sip, stun};

/// Where a packet was seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tap {
    /// The interface.
    pub interface: InterfaceId,
    /// The frame's tags.
    pub vlans: Vlans,
}

/// A datagram that is voice as far as it can tell by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Capture time.
    pub time: Timestamp,
    /// Where it was seen.
    pub tap: Tap,
    /// Who sent it.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
    /// IP total length in octets.
    pub ip_bytes: u32,
    /// What it carries.
    pub content: Content<'a>,
}

/// What a voice packet carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// Media; `payload_bytes` is what follows the RTP header, in octets on the wire.
    Rtp {
        /// Its header.
        header: RtpHeader,
        /// Octets after the header, padding included.
        payload_bytes: u16,
    },
    /// A compound RTCP packet.
    Rtcp(&'a [u8]),
    /// A SIP message in a datagram.
    Sip(&'a [u8]),
    /// A TCP segment on a SIP port.
    SipSegment,
}

/// What is taken for voice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Ports, first and last, one of which an RTP or RTCP packet must use; empty: any.
    pub ports: Vec<(u16, u16)>,
    /// Prefixes in one of which an end must lie; empty: any.
    pub prefixes: Vec<Prefix>,
    /// Ports on which SIP is looked for.
    pub sip_ports: Vec<u16>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { ports: Vec::new(), prefixes: Vec::new(), sip_ports: vec![5060, 5061] }
    }
}

impl Rules {
    /// Tells what a datagram is.
    ///
    /// # Errors
    /// The [`Discard`] reason where it is not voice.
    #[inline]
    pub fn recognise<'a>(&self, datagram: &Datagram<'a>) -> Result<Packet<'a>, Discard> {
        if !self.prefixes.is_empty() && !self.in_prefixes(datagram) {
            return Err(Discard::Restricted);
        }
        let content = match datagram.transport {
            Transport::Udp { payload, length, .. } => self.recognise_udp(datagram, payload, length),
            Transport::Tcp { .. } if self.is_sip_port(datagram) => Ok(Content::SipSegment),
            Transport::Tcp { .. } => Err(Discard::Tcp),
        }?;
        Ok(Packet {
            time: datagram.time,
            tap: Tap { interface: datagram.interface, vlans: datagram.vlans },
            src: datagram.src,
            dst: datagram.dst,
            ip_bytes: datagram.ip_bytes,
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
        match rtp::demultiplex(payload) {
            Demux::Rtp => self.recognise_rtp(datagram, payload, length),
            Demux::Rtcp if !self.in_ports(datagram) => Err(Discard::Restricted),
            Demux::Rtcp => Ok(Content::Rtcp(payload)),
            Demux::Stun if stun::is_message(payload) => Err(Discard::Stun),
            Demux::Dtls => Err(Discard::Dtls),
            // ChannelData may carry RTP (RFC 8656 §12.4); the packet that counts is the outer one.
            Demux::TurnChannel => match stun::channel_data(payload) {
                Some(inner) => match rtp::demultiplex(inner) {
                    Demux::Rtp => {
                        let length = u16::try_from(inner.len()).unwrap_or(u16::MAX);
                        self.recognise_rtp(datagram, inner, length)
                    }
                    Demux::Rtcp => Ok(Content::Rtcp(inner)),
                    Demux::Dtls => Err(Discard::Dtls),
                    _ => Err(Discard::Stun),
                },
                None => Err(Discard::NotVoice),
            },
            _ if self.is_sip_port(datagram) && sip::is_message(payload) => {
                Ok(Content::Sip(payload))
            }
            _ => Err(Discard::NotVoice),
        }
    }

    #[inline]
    fn recognise_rtp<'a>(
        &self,
        datagram: &Datagram<'a>,
        payload: &'a [u8],
        length: u16,
    ) -> Result<Content<'a>, Discard> {
        if !self.in_ports(datagram) {
            return Err(Discard::Restricted);
        }
        let header = rtp::parse(payload, length).ok_or(Discard::NotVoice)?;
        let header_len = u16::try_from(header.header_len).unwrap_or(u16::MAX);
        Ok(Content::Rtp { header, payload_bytes: length.saturating_sub(header_len) })
    }

    fn in_ports(&self, datagram: &Datagram<'_>) -> bool {
        self.ports.is_empty()
            || self.ports.iter().any(|(first, last)| {
                (*first..=*last).contains(&datagram.src.port)
                    || (*first..=*last).contains(&datagram.dst.port)
            })
    }

    fn in_prefixes(&self, datagram: &Datagram<'_>) -> bool {
        self.prefixes.iter().any(|prefix| {
            prefix.contains(datagram.src.address) || prefix.contains(datagram.dst.address)
        })
    }

    fn is_sip_port(&self, datagram: &Datagram<'_>) -> bool {
        self.sip_ports.iter().any(|port| *port == datagram.src.port || *port == datagram.dst.port)
    }
}
