//! Session descriptions (RFC 8866): addresses and formats of media.
//!
//! Parses a description into owned values, bounded by [`MAX_MEDIA`] and [`MAX_FORMATS`]. Values beyond the
//! bounds and unknown lines are ignored. Only a text that does not start with `v=` is refused.

use super::fields::{lines, number};
use crate::units::Address;
use std::net::IpAddr;

/// Most media sections read. Descriptions with more are video conferences, and video is not counted.
pub const MAX_MEDIA: usize = 16;
/// Most formats read of a media section.
pub const MAX_FORMATS: usize = 32;
/// Longest encoding name kept, in octets; the longest registered one has 28.
const MAX_NAME: usize = 32;

/// What a media section carries (RFC 8866 §5.14).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MediaType {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `image`: T.38 fax
    Image,
    /// `text`, `application`, `message` and others
    Other,
}

/// Direction of media, from the view of the sender of the description (RFC 8866 §6.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MediaDirection {
    /// `a=sendrecv`, the default
    #[default]
    SendReceive,
    /// `a=sendonly`
    SendOnly,
    /// `a=recvonly`
    ReceiveOnly,
    /// `a=inactive`
    Inactive,
}

/// One format of a media section over RTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SdpFormat {
    /// The RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// The `a=rtpmap` of the format; `None` for a static payload type without one.
    pub map: Option<RtpMap>,
}

/// `a=rtpmap` (RFC 8866 §6.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RtpMap {
    /// The encoding name as written, at most 32 octets.
    pub encoding: String,
    /// The clock rate of the RTP timestamp, in hertz; not 0.
    pub clock_rate: u32,
    /// Audio channels, 1 if not written.
    pub channels: u8,
}

/// Address of RTCP, if it is not the next port (RFC 3605).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtcpPort {
    /// The port.
    pub port: u16,
    /// The address, if it is not that of the media.
    pub address: Option<Address>,
}

/// A media section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaDescription {
    /// The media type.
    pub kind: MediaType,
    /// The port that receives media; 0 = refused (RFC 3264 §6).
    pub port: u16,
    /// Number of ports, every second one, from `port` on.
    pub count: u16,
    /// Whether the transport is a profile of RTP: `RTP/AVP`, `UDP/TLS/RTP/SAVPF`…
    pub rtp: bool,
    /// Whether that profile is a secure one: `…SAVP`, `…SAVPF`.
    pub secure: bool,
    /// The address that receives media: of the section, or of the session. 0.0.0.0 is the old form of
    /// hold (RFC 3264 §8.4).
    pub address: Option<Address>,
    /// The formats, preferred first; empty unless it is RTP.
    pub formats: Vec<SdpFormat>,
    /// `a=ptime`: milliseconds of media in a packet.
    pub packet_ms: Option<u32>,
    /// `a=rtcp`.
    pub rtcp: Option<RtcpPort>,
    /// `a=rtcp-mux` (RFC 5761): RTCP uses the port of the media.
    pub rtcp_mux: bool,
    /// The direction.
    pub direction: MediaDirection,
}

/// A session description: its media sections in order, as answers refer to offers by position.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Description {
    /// At most [`MAX_MEDIA`].
    pub media: Vec<MediaDescription>,
}

/// Parses a description; `None` if it does not start with `v=`.
pub fn parse(text: &[u8]) -> Option<Description> {
    let mut rest = text.trim_ascii_start();
    if !rest.starts_with(b"v=") {
        return None;
    }
    let mut description = Description::default();
    let mut session = Session::default();
    while !rest.is_empty() {
        let (line, next) = lines(rest);
        rest = next;
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        let Some((kind, value)) = line.trim_ascii_end().split_once('=') else {
            continue;
        };
        if kind == "m" {
            match media(value, &session) {
                Some(media) if description.media.len() < MAX_MEDIA => description.media.push(media),
                _ => break,
            }
            continue;
        }
        match (kind, description.media.last_mut()) {
            ("c", Some(media)) => media.address = connection(value),
            ("c", None) => session.address = connection(value),
            ("a", Some(media)) => media.attribute(value),
            ("a", None) => session.direction = direction(value).unwrap_or(session.direction),
            _ => {}
        }
    }
    Some(description)
}

/// Values that media sections inherit.
#[derive(Default)]
struct Session {
    address: Option<Address>,
    direction: MediaDirection,
}

/// `m=<media> <port>[/<number of ports>] <proto> <fmt> …` A malformed line ends
/// the parsing, because the lines after it would be added to the previous section.
fn media(value: &str, session: &Session) -> Option<MediaDescription> {
    let mut words = value.split_ascii_whitespace();
    let kind = match words.next()? {
        "audio" => MediaType::Audio,
        "video" => MediaType::Video,
        "image" => MediaType::Image,
        _ => MediaType::Other,
    };
    let ports = words.next()?;
    let (port, count) = ports.split_once('/').unwrap_or((ports, "1"));
    let protocol = words.next()?;
    let profile = protocol.rsplit('/').next().unwrap_or_default();
    let rtp = protocol.split('/').any(|word| word == "RTP");
    let payload_types = words.filter_map(|word| word.parse().ok().filter(|number| *number < 128));
    let formats = payload_types.map(|payload_type| SdpFormat {
        payload_type,
        map: None,
    });
    Some(MediaDescription {
        kind,
        port: port.parse().ok()?,
        count: count.parse().ok()?,
        rtp,
        secure: profile.starts_with("SAVP"),
        address: session.address,
        formats: formats.take(if rtp { MAX_FORMATS } else { 0 }).collect(),
        packet_ms: None,
        rtcp: None,
        rtcp_mux: false,
        direction: session.direction,
    })
}

impl MediaDescription {
    fn attribute(&mut self, value: &str) {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        match name {
            "rtpmap" => self.map(value),
            "ptime" => self.packet_ms = number(value.trim().as_bytes()),
            "rtcp" => self.rtcp = rtcp(value),
            "rtcp-mux" => self.rtcp_mux = true,
            name => self.direction = direction(name).unwrap_or(self.direction),
        }
    }

    /// `<payload type> <encoding name>/<clock rate>[/<channels>]`
    fn map(&mut self, value: &str) {
        let mut words = value.split_ascii_whitespace();
        let Some(payload_type) = words.next().and_then(|word| word.parse::<u8>().ok()) else {
            return;
        };
        let format = self
            .formats
            .iter_mut()
            .find(|format| format.payload_type == payload_type);
        let Some(format) = format else {
            return;
        };
        let mut encoding = words.next().unwrap_or_default().split('/');
        let name = encoding.next().unwrap_or_default();
        let clock_rate = encoding
            .next()
            .and_then(|rate| number(rate.as_bytes()))
            .unwrap_or(0);
        let channels = encoding
            .next()
            .and_then(|count| count.parse().ok())
            .unwrap_or(1);
        if !name.is_empty() && name.len() <= MAX_NAME && clock_rate != 0 {
            format.map = Some(RtpMap {
                encoding: name.to_owned(),
                clock_rate,
                channels,
            });
        }
    }
}

/// `<nettype> <addrtype> <address>[/<ttl>[/<count>]]`; `None` for a host name, which is not resolved.
fn connection(value: &str) -> Option<Address> {
    let mut words = value.split_ascii_whitespace();
    let (Some("IN"), Some("IP4" | "IP6"), Some(address)) =
        (words.next(), words.next(), words.next())
    else {
        return None;
    };
    let address = address.split('/').next()?;
    address.parse::<IpAddr>().ok().map(Address::from)
}

/// `<port> [<nettype> <addrtype> <address>]`
fn rtcp(value: &str) -> Option<RtcpPort> {
    let (port, address) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    Some(RtcpPort {
        port: port.parse().ok()?,
        address: connection(address),
    })
}

fn direction(attribute: &str) -> Option<MediaDirection> {
    match attribute {
        "sendrecv" => Some(MediaDirection::SendReceive),
        "sendonly" => Some(MediaDirection::SendOnly),
        "recvonly" => Some(MediaDirection::ReceiveOnly),
        "inactive" => Some(MediaDirection::Inactive),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
