//! Frames with known content, made here octet by octet and not by the program's own writer, and
//! the frames of the library's synthetic calls.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use asnmeter::capture::synthetic::scenario::Scenario;
use asnmeter::capture::synthetic::{SendPace, Synthetic};
use asnmeter::capture::{BurstSink, CaptureError, Event, FrameSource};
use asnmeter::frame::{Frame, InterfaceId, LinkType, Offload};
use asnmeter::units::{NANOS_PER_SECOND, Second, Timestamp};
use std::collections::BTreeMap;
use std::net::SocketAddrV4;

/// One captured frame.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Shot {
    /// Capture time since the epoch.
    pub(crate) nanos: u64,
    /// All of it, Ethernet header first.
    pub(crate) octets: Vec<u8>,
}

impl Shot {
    pub(crate) fn second(&self) -> u64 {
        self.nanos / NANOS_PER_SECOND
    }
}

/// A stream of audio that is written packet by packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Media {
    pub(crate) src: SocketAddrV4,
    pub(crate) dst: SocketAddrV4,
    pub(crate) ssrc: u32,
    /// Octets after the RTP header; PCMA (payload type 8).
    pub(crate) payload: usize,
}

impl Media {
    /// G.711: 160 octets, so 200 with the headers of RTP, UDP and IPv4.
    pub(crate) fn g711(src: &str, dst: &str, ssrc: u32) -> Self {
        let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
        Self {
            src,
            dst,
            ssrc,
            payload: 160,
        }
    }

    /// Its packet with this number; timestamps go in steps of 20 ms.
    pub(crate) fn packet(&self, number: u32) -> Vec<u8> {
        let mut rtp = vec![0x80, 8];
        rtp.extend(u16::try_from(number % 65_536).unwrap().to_be_bytes());
        rtp.extend(number.wrapping_mul(160).to_be_bytes());
        rtp.extend(self.ssrc.to_be_bytes());
        rtp.resize(12 + self.payload, 0xd5);
        udp(self.src, self.dst, &rtp)
    }

    /// Its packets at these times, numbered in their order.
    pub(crate) fn shots(&self, times: impl IntoIterator<Item = u64>) -> Vec<Shot> {
        let numbered = (0..).zip(times);
        numbered
            .map(|(number, nanos)| Shot {
                nanos,
                octets: self.packet(number),
            })
            .collect()
    }
}

/// An Ethernet frame with IPv4 and UDP around a payload.
pub(crate) fn udp(src: SocketAddrV4, dst: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
    let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0];
    let length = u16::try_from(28 + payload.len()).unwrap();
    ip[2..4].copy_from_slice(&length.to_be_bytes());
    ip.extend(src.ip().octets());
    ip.extend(dst.ip().octets());
    let pairs = ip
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = pairs.sum();
    // twice: the first carry may carry again (RFC 1071)
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(ip);
    frame.extend(src.port().to_be_bytes());
    frame.extend(dst.port().to_be_bytes());
    frame.extend((length - 20).to_be_bytes());
    // No checksum: RFC 768 allows it over IPv4.
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// The frame with an 802.1Q tag of this VLAN.
pub(crate) fn tagged(mut octets: Vec<u8>, vlan: u16) -> Vec<u8> {
    let [high, low] = vlan.to_be_bytes();
    octets.splice(12..12, [0x81, 0x00, high, low]);
    octets
}

/// Every other packet of RTP from some addresses comes later, in some seconds: the streams' jitter goes
/// to as much.
pub(crate) fn jitter(
    shots: &mut [Shot],
    from: impl Fn(&[u8]) -> bool,
    seconds: std::ops::Range<u64>,
    late: u64,
) {
    for shot in shots.iter_mut() {
        let is_tagged = shot.octets[12..14] == [0x81, 0x00];
        let packet = &shot.octets[if is_tagged { 18 } else { 14 }..];
        // UDP, version 2, no RTCP (RFC 5761 §4), an odd sequence number.
        let is_odd =
            packet[9] == 17 && packet[28] == 0x80 && packet[29] & 0x7f < 64 && packet[31] % 2 == 1;
        if is_odd && from(&packet[12..16]) && seconds.contains(&shot.second()) {
            shot.nanos += late;
        }
    }
    shots.sort_by_key(|shot| shot.nanos);
}

/// Every frame of some synthetic calls, beginning with a second.
pub(crate) fn of_scenario(scenario: &Scenario, start: u64) -> Vec<Shot> {
    let pace = SendPace::AsFastAsPossible {
        start: Second(start).start(),
    };
    let mut source = Synthetic::new(scenario, pace, std::sync::Arc::default());
    let mut shots = Vec::new();
    loop {
        match source.next().unwrap() {
            Event::Frame(frame) => {
                shots.push(Shot {
                    nanos: frame.time.as_nanos(),
                    octets: frame.octets.to_vec(),
                });
            }
            Event::End => return shots,
            Event::Interface(..) | Event::Idle(_) | Event::CaptureGap(_) | Event::Unknown(..) => {}
        }
    }
}

/// A capture file (draft-ietf-opsawg-pcap): little-endian, nanoseconds, Ethernet.
pub(crate) fn pcap(shots: &[Shot]) -> Vec<u8> {
    let mut file = Vec::new();
    for field in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(field.to_le_bytes());
    }
    for shot in shots {
        let length = shot.octets.len() as u64;
        let (seconds, nanos) = (shot.second(), shot.nanos % NANOS_PER_SECOND);
        for field in [seconds, nanos, length, length] {
            file.extend(u32::try_from(field).unwrap().to_le_bytes());
        }
        file.extend(&shot.octets);
    }
    file
}

/// A capture file (draft-ietf-opsawg-pcapng): little-endian, nanoseconds, Ethernet. The second frame of a
/// second tells how many were dropped before it, of that second.
pub(crate) fn pcapng(shots: &[Shot], drops: &BTreeMap<u64, u64>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
        file.extend([&kind.to_le_bytes(), &length, body, &length].concat());
    };
    let unknown_length = u64::MAX.to_le_bytes();
    block(
        0x0a0d_0d0a,
        &[
            &0x1a2b_3c4d_u32.to_le_bytes()[..],
            &[1, 0, 0, 0],
            &unknown_length,
        ]
        .concat(),
    );
    // Link type 1, no limit, if_tsresol 9.
    block(
        1,
        &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0],
    );
    let mut last = [0; 2];
    for shot in shots {
        let mut body = Vec::new();
        let (high, low) = (shot.nanos >> 32, shot.nanos & 0xffff_ffff);
        let length = shot.octets.len() as u64;
        for field in [0, high, low, length, length] {
            body.extend(u32::try_from(field).unwrap().to_le_bytes());
        }
        body.extend(&shot.octets);
        body.resize(body.len().next_multiple_of(4), 0);
        let [before, newest] = last;
        let is_second = newest == shot.second() && before < newest;
        last = [newest, shot.second()];
        if let Some(drops) = drops.get(&shot.second()).filter(|_| is_second) {
            // epb_dropcount
            body.extend([4, 0, 8, 0]);
            body.extend(drops.to_le_bytes());
            body.extend([0; 4]);
        }
        block(6, &body);
    }
    file
}

/// Frames in memory as a source.
pub(crate) struct Roll<'a> {
    shots: std::slice::Iter<'a, Shot>,
}

impl<'a> Roll<'a> {
    pub(crate) fn new(shots: &'a [Shot]) -> Self {
        Self {
            shots: shots.iter(),
        }
    }
}

impl FrameSource for Roll<'_> {
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        Ok(self
            .shots
            .next()
            .map_or(Event::End, |shot| Event::Frame(shot.frame())))
    }

    fn burst(&mut self, taker: &mut impl BurstSink) {
        while let Some(shot) = self.shots.as_slice().first()
            && taker.offer(&shot.frame())
        {
            self.shots.next();
        }
    }
}

impl Shot {
    fn frame(&self) -> Frame<'_> {
        Frame {
            time: Timestamp::from_nanos(self.nanos),
            link: LinkType::Ethernet,
            octets: &self.octets,
            length: u32::try_from(self.octets.len()).unwrap(),
            interface: InterfaceId(0),
            vlan: None,
            offload: Offload::Unknown,
        }
    }
}
