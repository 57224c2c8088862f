//! One direction of a call: its RTP stream and the RTCP reports about it.

use super::super::Truth;
use super::super::scenario::Codec;
use super::{endpoint, high};
use crate::units::{NANOS_PER_SECOND, Timestamp};
use std::net::SocketAddr;

/// Seconds from the NTP epoch (1900) to the Unix epoch (RFC 5905 §6).
const NTP_TO_UNIX_SECONDS: u64 = 2_208_988_800;

/// SDES item CNAME of every compound packet (RFC 3550 §6.5), after the SSRC: type 1, 8 octets.
const CNAME: [u8; 12] = *b"\x01\x08asnmeter\0\0";

/// One direction of a call.
pub(super) struct CallLeg {
    pub(super) src: SocketAddr,
    pub(super) dst: SocketAddr,
    /// Packets sent or withheld in this repetition.
    pub(super) sent: u64,
    pub(super) truth: Truth,
    pub(super) ssrc: u32,
    /// Extended sequence number: cycles in the upper 16 bits.
    sequence: u32,
    timestamp: u32,
    octets: u32,
    /// Highest sequence number that arrived at the other end.
    highest: u32,
    withheld: u32,
    /// Withheld packets before `highest`: the losses that the other end can detect.
    detected: u32,
    /// Highest sequence number and detected losses at the last receiver report.
    replied: (u32, u32),
    /// Middle 32 bits of the NTP time in the last report.
    last_report: u32,
}

impl CallLeg {
    /// A leg before its start.
    pub(super) fn new(src: SocketAddr, dst: SocketAddr, ssrc: u32) -> Self {
        Self {
            src,
            dst,
            sent: 0,
            truth: Truth {
                src: endpoint(src),
                dst: endpoint(dst),
                ssrc,
                ..Truth::default()
            },
            ssrc,
            sequence: 0,
            timestamp: 0,
            octets: 0,
            highest: 0,
            withheld: 0,
            detected: 0,
            replied: (0, 0),
            last_report: 0,
        }
    }

    /// Starts a new stream; `random` gives its first sequence number and timestamp.
    pub(super) fn begin(&mut self, (src, dst): (SocketAddr, SocketAddr), ssrc: u32, random: u64) {
        let sequence = high(random << 32) & 0xffff;
        *self = Self {
            truth: self.truth,
            ssrc,
            sequence,
            timestamp: high(random),
            highest: sequence,
            replied: (sequence.wrapping_sub(1), 0),
            ..Self::new(src, dst, ssrc)
        };
    }

    pub(super) fn write_rtp(&self, codec: Codec, out: &mut Vec<u8>) {
        let marker = if self.sent == 0 { 0x80 } else { 0 };
        out.extend_from_slice(&[0x80, marker | codec.payload_type()]);
        out.extend_from_slice(&self.number().to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        let [_, seed] = self.number().to_be_bytes();
        out.extend(
            (0..=u8::MAX)
                .take(codec.payload_octets())
                .map(|i| i.wrapping_mul(29) ^ seed),
        );
    }

    /// The sequence number of the next packet.
    fn number(&self) -> u16 {
        let [_, _, high, low] = self.sequence.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// Advances after a packet was sent or withheld.
    pub(super) fn advance(&mut self, codec: Codec, withheld: bool) {
        self.sent += 1;
        if withheld {
            self.withheld += 1;
            self.truth.lost += 1;
        } else {
            self.truth.packets += 1;
            self.highest = self.sequence;
            self.detected = self.withheld;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(codec.timestamp_step());
        let octets = u32::try_from(codec.payload_octets()).unwrap_or(0);
        self.octets = self.octets.wrapping_add(octets);
    }

    /// Sender report (RFC 3550 §6.4.1) with the sender's wall clock.
    pub(super) fn write_report(&mut self, clock: Timestamp, out: &mut Vec<u8>) {
        let nanos = clock.as_nanos();
        let seconds = nanos / NANOS_PER_SECOND + NTP_TO_UNIX_SECONDS;
        let fraction = ((nanos % NANOS_PER_SECOND) << 32) / NANOS_PER_SECOND;
        let ntp = (seconds << 32) | fraction;
        let [_, _, a, b, c, d, _, _] = ntp.to_be_bytes();
        self.last_report = u32::from_be_bytes([a, b, c, d]);
        out.extend_from_slice(&[0x80, 200, 0, 6]);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&ntp.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        let packets = u32::try_from(self.sent & u64::from(u32::MAX)).unwrap_or(0);
        out.extend_from_slice(&packets.to_be_bytes());
        out.extend_from_slice(&self.octets.to_be_bytes());
        write_cname(self.ssrc, out);
    }

    /// A final sender report and BYE (RFC 3550 §6.6).
    pub(super) fn write_goodbye(&mut self, clock: Timestamp, out: &mut Vec<u8>) {
        self.write_report(clock, out);
        out.extend_from_slice(&[0x81, 203, 0, 1]);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
    }

    /// Receiver report (RFC 3550 §6.4.2) of the other end about this leg; `delay` in 1/65536 s.
    pub(super) fn write_reply(&mut self, delay: u32, out: &mut Vec<u8>) {
        let (replied, withheld_before) = self.replied;
        let expected = self.highest.wrapping_sub(replied).max(1);
        let lost = self.detected.saturating_sub(withheld_before);
        let fraction = u8::try_from((lost << 8) / expected).unwrap_or(u8::MAX);
        self.replied = (self.highest, self.detected);
        let [_, lost @ ..] = self.detected.to_be_bytes();
        let reporter = !self.ssrc;
        out.extend_from_slice(&[0x81, 201, 0, 7]);
        out.extend_from_slice(&reporter.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.push(fraction);
        out.extend_from_slice(&lost);
        out.extend_from_slice(&self.highest.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.last_report.to_be_bytes());
        out.extend_from_slice(&delay.to_be_bytes());
        write_cname(reporter, out);
    }
}

fn write_cname(ssrc: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x81, 202, 0, 4]);
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.extend_from_slice(&CNAME);
}
