//! SIP messages (RFC 3261): the start line and the few header fields that pair requests with
//! responses and lead to a session description.
//!
//! Borrowed slices of one payload, read in one pass, bounded by `MAX_FIELDS`. Values may still
//! contain the line breaks of header folding (§7.3.1), which count as white space. A message that
//! is cut is read as far as it goes; what does not begin with a start line is refused.

use super::fields::{folded, lines, number, split};

/// Header fields of one message that are looked at. Proxies add a handful each (RFC 3261 §16.6).
const MAX_FIELDS: usize = 256;

const VERSION: &[u8] = b"SIP/2.0";

/// The first line of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start<'a> {
    /// A request (RFC 3261 §7.1).
    Request {
        /// INVITE, ACK, BYE… as written.
        method: &'a [u8],
        /// The Request-URI.
        uri: &'a [u8],
    },
    /// A response (RFC 3261 §7.2).
    Response {
        /// The status code, 100 to 699.
        code: u16,
    },
}

/// The sequence number of a request, repeated in its responses (RFC 3261 §8.1.1.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq<'a> {
    /// The number.
    pub number: u32,
    /// The method.
    pub method: &'a [u8],
}

/// A message. Fields that are not there, or that the capture cut, are `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// The first line.
    pub start: Start<'a>,
    /// Call-ID.
    pub call_id: Option<&'a [u8]>,
    /// CSeq.
    pub cseq: Option<CSeq<'a>>,
    /// The branch of the top Via: with the CSeq method it names the transaction (§17.1.3).
    pub branch: Option<&'a [u8]>,
    /// Content-Type with its parameters.
    pub content_type: Option<&'a [u8]>,
    /// Content-Length.
    pub content_length: Option<u32>,
    /// The body, no longer than Content-Length; shorter if it was cut.
    pub body: &'a [u8],
    /// What follows the body: over TCP, the next message.
    pub rest: &'a [u8],
}

/// Whether a payload begins with a start line of SIP, as far as it was captured.
#[inline]
pub fn is_sip(payload: &[u8]) -> bool {
    // A token's first octet: the cheap test that RTP does not pass.
    payload.first().is_some_and(u8::is_ascii_alphabetic) && start(lines(payload).0).is_some()
}

/// Whether a payload is a keep-alive: line breaks (RFC 5626 §3.5.1, §4.4.1) or, from many
/// devices, zeroes.
pub fn is_keep_alive(payload: &[u8]) -> bool {
    let blank = |octet: &u8| matches!(octet, b'\r' | b'\n');
    let zero = |octet: &u8| *octet == 0;
    (1..=4).contains(&payload.len()) && (payload.iter().all(blank) || payload.iter().all(zero))
}

/// Reads a message; line breaks in front of it are skipped (RFC 3261 §7.5). `None` where it does
/// not begin with a start line.
pub fn parse(payload: &[u8]) -> Option<Message<'_>> {
    let blank = payload
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    let (line, mut rest) = lines(payload.get(blank..)?);
    let mut message = Message {
        start: start(line)?,
        call_id: None,
        cseq: None,
        branch: None,
        content_type: None,
        content_length: None,
        body: &[],
        rest: &[],
    };
    for _ in 0..MAX_FIELDS {
        if rest.is_empty() {
            return Some(message); // cut before the empty line
        }
        let (field, after) = folded(rest);
        rest = after;
        if field.is_empty() {
            let length = message
                .content_length
                .map_or(rest.len(), |length| length as usize);
            (message.body, message.rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            return Some(message);
        }
        if let Some((name, value)) = split(field, b':') {
            message.note(name.trim_ascii(), value.trim_ascii());
        }
    }
    Some(message)
}

impl<'a> Message<'a> {
    /// The session description that the message carries, alone or as a part of its body.
    pub fn description(&self) -> Option<&'a [u8]> {
        super::multipart::find(self.content_type?, self.body)
    }

    /// Keeps a field if it is one of those that are used, the first of its name. Short names are
    /// the compact form (RFC 3261 §7.3.3, §20).
    fn note(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |long: &str, short: &str| {
            name.eq_ignore_ascii_case(long.as_bytes())
                || name.eq_ignore_ascii_case(short.as_bytes())
        };
        if is("Call-ID", "i") {
            self.call_id = self.call_id.or(Some(value));
        } else if is("CSeq", "CSeq") {
            self.cseq = self.cseq.or_else(|| cseq(value));
        } else if is("Via", "v") {
            self.branch = self.branch.or_else(|| branch(value));
        } else if is("Content-Type", "c") {
            self.content_type = self.content_type.or(Some(value));
        } else if is("Content-Length", "l") {
            self.content_length = self.content_length.or_else(|| number(value));
        }
    }
}

fn start(line: &[u8]) -> Option<Start<'_>> {
    let (first, rest) = split(line, b' ')?;
    if first.eq_ignore_ascii_case(VERSION) {
        let code = number(rest.get(..3)?)?;
        let ended = rest.get(3).is_none_or(|octet| *octet == b' ');
        return (ended && (100..700).contains(&code)).then_some(Start::Response {
            code: u16::try_from(code).ok()?,
        });
    }
    let (uri, version) = split(rest, b' ')?;
    let token = |octet: &u8| octet.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(octet);
    let is_method = !first.is_empty() && first.iter().all(token);
    (is_method && !uri.is_empty() && version.trim_ascii().eq_ignore_ascii_case(VERSION))
        .then_some(Start::Request { method: first, uri })
}

fn cseq(value: &[u8]) -> Option<CSeq<'_>> {
    let end = value.iter().position(u8::is_ascii_whitespace)?;
    let (digits, method) = value.split_at_checked(end)?;
    Some(CSeq {
        number: number(digits)?,
        method: method.trim_ascii(),
    })
}

/// The branch parameter of the first of the values that a Via field may list (§20.42).
fn branch(via: &[u8]) -> Option<&[u8]> {
    let top = via.split(|octet| *octet == b',').next()?;
    top.split(|octet| *octet == b';')
        .skip(1)
        .find_map(|parameter| {
            let (name, value) = split(parameter, b'=')?;
            name.trim_ascii()
                .eq_ignore_ascii_case(b"branch")
                .then(|| value.trim_ascii())
        })
}

#[cfg(test)]
mod tests;
