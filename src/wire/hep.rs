//! HEP, version 3: what a SIP server mirrors of its signalling (HEP3/EEP specification of the Homer project).
//!
//! Only what is used: the addresses between which a message went, when, and the message. A packet is read
//! whole or refused.

use crate::units::{Address, Endpoint, NANOS_PER_SECOND, Timestamp};

/// The first four octets.
const MAGIC: &[u8; 4] = b"HEP3";

/// Octets of the header of a packet, and of each chunk.
const HEADER: usize = 6;

/// Most chunks that are read: a packet of Kamailio has some 14.
const MAX_CHUNKS: usize = 64;

/// The protocol type of SIP.
const SIP: u8 = 1;

/// A mirrored message.
///
/// ```text
/// | "HEP3" | length (16) | chunks …                                            |
/// chunk: | vendor (16) | type (16) | length (16), with these six octets | value |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HepPacket<'a> {
    /// Who sent the message.
    pub src: Endpoint,
    /// Whom to.
    pub dst: Endpoint,
    /// When that was, by the clock of who mirrors it; none if it does not say.
    pub time: Option<Timestamp>,
    /// The message.
    pub payload: &'a [u8],
}

/// Why a packet tells nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HepError {
    /// It is no packet of version 3, or ends within a chunk, or has no addresses.
    Malformed,
    /// It holds no SIP, or packed SIP.
    NotSip,
}

/// Parses a packet.
///
/// # Errors
/// [`HepError`].
pub fn parse(packet: &[u8]) -> Result<HepPacket<'_>, HepError> {
    let (magic, rest) = packet.split_first_chunk().ok_or(HepError::Malformed)?;
    let (length, _) = rest.split_first_chunk().ok_or(HepError::Malformed)?;
    let whole = packet.get(..usize::from(u16::from_be_bytes(*length)));
    let mut chunks = whole
        .and_then(|whole| whole.get(HEADER..))
        .filter(|_| magic == MAGIC)
        .ok_or(HepError::Malformed)?;
    let mut read = Chunks::default();
    for _ in 0..MAX_CHUNKS {
        if chunks.is_empty() {
            return read.packet();
        }
        chunks = read.take(chunks).ok_or(HepError::Malformed)?;
    }
    Err(HepError::Malformed)
}

/// The values of the chunks that are used.
#[derive(Default)]
struct Chunks<'a> {
    src: Option<Address>,
    dst: Option<Address>,
    ports: (u16, u16),
    seconds: Option<u32>,
    micros: u32,
    is_sip: bool,
    payload: Option<&'a [u8]>,
}

impl<'a> Chunks<'a> {
    /// Takes the first chunk; what is behind it.
    fn take(&mut self, octets: &'a [u8]) -> Option<&'a [u8]> {
        let ([v1, v0, t1, t0, l1, l0], _) = octets.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_be_bytes([*l1, *l0]));
        let (chunk, rest) = octets.split_at_checked(length)?;
        let value = chunk.get(HEADER..)?;
        if u16::from_be_bytes([*v1, *v0]) != 0 {
            // A vendor's own.
            return Some(rest);
        }
        match u16::from_be_bytes([*t1, *t0]) {
            3 => self.src = Some(Address::v4(fixed(value)?)),
            4 => self.dst = Some(Address::v4(fixed(value)?)),
            5 => self.src = Some(Address::v6(fixed(value)?)),
            6 => self.dst = Some(Address::v6(fixed(value)?)),
            7 => self.ports.0 = u16::from_be_bytes(fixed(value)?),
            8 => self.ports.1 = u16::from_be_bytes(fixed(value)?),
            9 => self.seconds = Some(u32::from_be_bytes(fixed(value)?)),
            10 => self.micros = u32::from_be_bytes(fixed(value)?),
            11 => self.is_sip = *value == [SIP],
            15 => self.payload = Some(value),
            _ => {}
        }
        Some(rest)
    }

    fn packet(self) -> Result<HepPacket<'a>, HepError> {
        let (src_port, dst_port) = self.ports;
        let end = |address: Option<Address>, port| {
            let address = address.ok_or(HepError::Malformed)?;
            Ok(Endpoint { address, port })
        };
        let (src, dst) = (end(self.src, src_port)?, end(self.dst, dst_port)?);
        let payload = self.payload.filter(|_| self.is_sip);
        let nanos = |seconds: u32| {
            let micros = u64::from(self.micros.min(999_999));
            Timestamp::from_nanos(u64::from(seconds) * NANOS_PER_SECOND + micros * 1000)
        };
        Ok(HepPacket {
            src,
            dst,
            time: self.seconds.map(nanos),
            payload: payload.ok_or(HepError::NotSip)?,
        })
    }
}

/// A value of just so many octets.
fn fixed<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    value.try_into().ok()
}

#[cfg(test)]
mod tests;
