//! The payload types that RFC 3551 §6 assigns once and for all, and what the others may be.

use crate::voice::class::StreamKind;
use std::num::NonZeroU32;

/// An assigned payload type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assigned {
    /// The encoding's name.
    pub codec: &'static str,
    /// What it encodes.
    pub kind: StreamKind,
    /// Its RTP clock rate in Hz.
    pub clock: NonZeroU32,
}

/// The first dynamic payload type (RFC 3551 §6).
pub const FIRST_DYNAMIC: u8 = 96;

/// Whether a payload type, without SDP, can be media at all. Those below 64 that RFC 3551 §6 leaves
/// unassigned are bound by who has run out of dynamic ones (RFC 3551 §3; browsers send 35 to 63), or by
/// old use (2 is G.726-32, RFC 1890). 64 to 95 look like RTCP where their marker is set (RFC 5761 §4).
pub const fn is_possible(payload_type: u8) -> bool {
    payload_type < 64 || payload_type >= FIRST_DYNAMIC
}

/// Whether it is assigned or dynamic, as nearly all are.
pub const fn is_usual(payload_type: u8) -> bool {
    payload_type >= FIRST_DYNAMIC || assigned(payload_type).is_some()
}

/// What a payload type stands for, if it is assigned (RFC 3551 tables 4 and 5).
pub const fn assigned(payload_type: u8) -> Option<Assigned> {
    use StreamKind::{Audio, Video};
    let (codec, kind, hz) = match payload_type {
        0 => ("PCMU", Audio, 8_000),
        3 => ("GSM", Audio, 8_000),
        4 => ("G723", Audio, 8_000),
        5 => ("DVI4", Audio, 8_000),
        6 => ("DVI4", Audio, 16_000),
        7 => ("LPC", Audio, 8_000),
        8 => ("PCMA", Audio, 8_000),
        // 16 kHz of sound on a clock of 8 kHz: RFC 3551 §4.5.2.
        9 => ("G722", Audio, 8_000),
        10 | 11 => ("L16", Audio, 44_100),
        12 => ("QCELP", Audio, 8_000),
        // 19 was comfort noise before RFC 3551 and still is in old gateways.
        13 | 19 => ("CN", Audio, 8_000),
        14 => ("MPA", Audio, 90_000),
        15 => ("G728", Audio, 8_000),
        16 => ("DVI4", Audio, 11_025),
        17 => ("DVI4", Audio, 22_050),
        18 => ("G729", Audio, 8_000),
        25 => ("CelB", Video, 90_000),
        26 => ("JPEG", Video, 90_000),
        28 => ("nv", Video, 90_000),
        31 => ("H261", Video, 90_000),
        32 => ("MPV", Video, 90_000),
        33 => ("MP2T", Video, 90_000),
        34 => ("H263", Video, 90_000),
        _ => return None,
    };
    match NonZeroU32::new(hz) {
        Some(clock) => Some(Assigned { codec, kind, clock }),
        None => None,
    }
}

/// Whether a packet says that silence follows: comfort noise (RFC 3389; type 19 before it was assigned),
/// or a silence descriptor, which is shorter than any speech of its codec. `announced` is the encoding's
/// name where signalling tells it, `octets` those of a payload that is not encrypted.
pub fn announces_silence(payload_type: u8, announced: &str, octets: u16) -> bool {
    let codec = assigned(payload_type).map_or(announced, |known| known.codec);
    let is = |name: &str| codec.eq_ignore_ascii_case(name);
    is("CN")
        // Frames of 10 octets, then one of 2 (RFC 3551 §4.5.6).
        || (is("G729") && octets % 10 == 2)
        // Speech has 20 or 24 (RFC 3551 §4.5.3).
        || (is("G723") && octets == 4)
        // Speech has 14 at least, in either form (RFC 4867 §4.3, §4.4; 3GPP TS 26.101).
        || ((is("AMR") || is("AMR-WB")) && (1..=7).contains(&octets))
        // Speech has 7 at least (3GPP TS 26.445 A.2.1).
        || (is("EVS") && (1..=6).contains(&octets))
        // DTX (RFC 6716 §3.1; RFC 7587 §3.1.3).
        || (is("opus") && (1..=2).contains(&octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_descriptor_is_told_by_its_length_and_comfort_noise_by_its_type() {
        let silent = [
            (13, "", 1),
            (19, "", 9),
            (97, "CN", 4),
            (18, "", 2),
            (18, "", 12),
            (4, "", 4),
            (96, "AMR", 7),
            (96, "amr-wb", 6),
            (96, "EVS", 6),
            (111, "opus", 1),
        ];
        for (payload_type, codec, octets) in silent {
            assert!(
                announces_silence(payload_type, codec, octets),
                "{payload_type} {codec}"
            );
        }
        let speech = [
            (0, "CN", 2),
            (8, "", 2),
            (18, "", 20),
            (18, "", 10),
            (4, "", 24),
            (96, "AMR", 14),
            (96, "AMR", 0),
            (96, "EVS", 7),
            (111, "opus", 3),
            (96, "", 2),
        ];
        for (payload_type, codec, octets) in speech {
            assert!(
                !announces_silence(payload_type, codec, octets),
                "{payload_type} {codec}"
            );
        }
    }
}
