//! STUN (RFC 8489, and RFC 3489 before it) and TURN's ChannelData (RFC 8656).
//!
//! Pairs a request with its response, and finds the media that a relay carries. Message integrity is not
//! checked, because the meter has no keys.

/// The magic cookie before the transaction ID (RFC 8489 §5).
const MAGIC_COOKIE: u32 = 0x2112_a442;

/// Octets of the header.
const HEADER: usize = 20;

/// The methods Send and Data of TURN, and the attribute DATA that carries media (RFC 8656 §17, §18.4).
const SEND: u16 = 0x006;
const DATA: u16 = 0x007;
const DATA_ATTRIBUTE: u16 = 0x0013;

/// The message class (RFC 8489 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StunClass {
    /// A request, answered under the same transaction.
    Request,
    /// A message without an answer.
    Indication,
    /// A success response.
    Success,
    /// An error response.
    Error,
}

/// The header of a STUN message.
///
/// ```text
/// |0 0|     STUN Message Type     |         Message Length        |
/// |                         Magic Cookie                          |
/// |                     Transaction ID (96 bits) …                |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StunHeader {
    /// The message class.
    pub class: StunClass,
    /// The method; 1 is Binding.
    pub method: u16,
    /// The 128 bits that a response repeats: cookie and transaction ID of RFC 8489, or the
    /// longer transaction ID of RFC 3489.
    pub transaction: u128,
}

/// Parses the header of a payload of `wire_length` octets. `None` if it is not STUN: another first octet,
/// a length that differs from the payload's, or neither the cookie nor a well-formed message of
/// RFC 3489.
pub fn parse(payload: &[u8], wire_length: u16) -> Option<StunHeader> {
    let [t1, t0, l1, l0, transaction @ ..] = *payload.first_chunk::<HEADER>()?;
    let kind = u16::from_be_bytes([t1, t0]);
    let length = u16::from_be_bytes([l1, l0]);
    if kind >> 14 != 0
        || length % 4 != 0
        || usize::from(length) + HEADER != usize::from(wire_length)
    {
        return None;
    }
    let transaction = u128::from_be_bytes(transaction);
    if transaction >> 96 != u128::from(MAGIC_COOKIE) && !is_classic(kind, payload, wire_length) {
        return None;
    }
    // RFC 8489 §5: the two class bits are between the method bits.
    let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
        (false, false) => StunClass::Request,
        (false, true) => StunClass::Indication,
        (true, false) => StunClass::Success,
        (true, true) => StunClass::Error,
    };
    Some(StunHeader {
        class,
        method: (kind & 0x3e00) >> 2 | (kind & 0x00e0) >> 1 | (kind & 0x000f),
        transaction,
    })
}

/// A message of RFC 3489 has no cookie: all of it must have been captured, have one of the
/// six types (§11.1), and consist of attributes (§11.2) up to the last octet.
fn is_classic(kind: u16, payload: &[u8], wire_length: u16) -> bool {
    if !matches!(kind, 0x0001 | 0x0101 | 0x0111 | 0x0002 | 0x0102 | 0x0112)
        || payload.len() != usize::from(wire_length)
    {
        return false;
    }
    let mut attributes = attributes(payload);
    // Attributes from 0x8000 on are optional, so any is allowed.
    attributes.all(|(kind, _)| matches!(kind, 0x0001..=0x000b | 0x8000..))
        && attributes.0.is_empty()
}

/// The attributes of a message, type and value, up to the first truncated one.
#[derive(Clone, Debug)]
struct Attributes<'a>(&'a [u8]);

fn attributes(message: &[u8]) -> Attributes<'_> {
    Attributes(message.get(HEADER..).unwrap_or_default())
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let ([t1, t0, l1, l0], rest) = self.0.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([*l1, *l0]));
        let value = rest.get(..length)?;
        // RFC 8489 §14: values are padded to words.
        self.0 = rest.get(length.next_multiple_of(4)..)?;
        Some((u16::from_be_bytes([*t1, *t0]), value))
    }
}

/// The media in a Send or Data indication of TURN (RFC 8656 §11); `None` without one, or if
/// the capture truncated it.
pub fn relayed<'a>(header: &StunHeader, payload: &'a [u8]) -> Option<&'a [u8]> {
    if header.class != StunClass::Indication || !matches!(header.method, SEND | DATA) {
        return None;
    }
    attributes(payload).find_map(|(kind, value)| (kind == DATA_ATTRIBUTE).then_some(value))
}

/// ChannelData of a relay (RFC 8656 §12.4).
///
/// ```text
/// |         Channel Number        |            Length             |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channel<'a> {
    /// 0x4000 to 0x4FFF.
    pub number: u16,
    /// Octets of application data.
    pub length: u16,
    /// The captured ones of them.
    pub payload: &'a [u8],
}

/// Parses ChannelData from a UDP payload of `wire_length` octets. The length must match the payload,
/// except for padding to a word (§12.5).
#[inline]
pub fn channel(payload: &[u8], wire_length: u16) -> Option<Channel<'_>> {
    let ([c1, c0, l1, l0], rest) = payload.split_first_chunk()?;
    let number = u16::from_be_bytes([*c1, *c0]);
    let length = u16::from_be_bytes([*l1, *l0]);
    let padding = wire_length.checked_sub(4)?.checked_sub(length)?;
    if !matches!(number, 0x4000..=0x4fff) || padding > 3 {
        return None;
    }
    Some(Channel {
        number,
        length,
        payload: rest.get(..length.into()).unwrap_or(rest),
    })
}

#[cfg(test)]
mod tests;
