//! SIP messages (RFC 3261): the start line, and the header fields that pair requests with responses and
//! describe the body.
//!
//! Values borrow from the payload. Parsing is one pass, bounded by `MAX_FIELDS`. Values may contain the
//! line breaks of header folding (§7.3.1), which count as white space. A truncated message is parsed up
//! to its end. A payload without a start line is refused.

use super::fields::{folded, lines, number, split};

/// Most header fields parsed in a message. Each proxy adds a few (RFC 3261 §16.6).
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

/// A message. Fields that are missing, or that the capture truncated, are `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// The first line.
    pub start: Start<'a>,
    /// Call-ID.
    pub call_id: Option<&'a [u8]>,
    /// The tag of From (RFC 3261 §19.3): who sent the request.
    pub from_tag: Option<&'a [u8]>,
    /// The tag of To: who answers it; none in the first request.
    pub to_tag: Option<&'a [u8]>,
    /// CSeq.
    pub cseq: Option<CSeq<'a>>,
    /// The branch of the top Via: with the CSeq method it identifies the transaction (§17.1.3).
    pub branch: Option<&'a [u8]>,
    /// Content-Type with its parameters.
    pub content_type: Option<&'a [u8]>,
    /// Content-Length.
    pub content_length: Option<u32>,
    /// The body, no longer than Content-Length; shorter if it was truncated.
    pub body: &'a [u8],
    /// The octets after the body: over TCP, the next message.
    pub rest: &'a [u8],
}

/// Whether a payload starts with a SIP start line.
#[inline]
pub fn is_sip(payload: &[u8]) -> bool {
    // The first octet of a token is a letter: a cheap check that RTP fails.
    payload.first().is_some_and(u8::is_ascii_alphabetic) && start(lines(payload).0).is_some()
}

/// Parses a message; skips line breaks before it (RFC 3261 §7.5). `None` without a start line.
pub fn parse(payload: &[u8]) -> Option<Message<'_>> {
    let blank = payload
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    let (line, mut rest) = lines(payload.get(blank..)?);
    let mut message = Message {
        start: start(line)?,
        call_id: None,
        from_tag: None,
        to_tag: None,
        cseq: None,
        branch: None,
        content_type: None,
        content_length: None,
        body: &[],
        rest: &[],
    };
    for _ in 0..MAX_FIELDS {
        if rest.is_empty() {
            return Some(message); // truncated before the empty line
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
            message.set_field(name.trim_ascii(), value.trim_ascii());
        }
    }
    Some(message)
}

impl<'a> Message<'a> {
    /// The session description: the body, or a part of it.
    pub fn description(&self) -> Option<&'a [u8]> {
        super::multipart::find(self.content_type?, self.body)
    }

    /// Keeps the first value of each field that is used. Short names are the compact form (RFC 3261
    /// §7.3.3, §20).
    fn set_field(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |long: &str, short: &str| {
            name.eq_ignore_ascii_case(long.as_bytes())
                || name.eq_ignore_ascii_case(short.as_bytes())
        };
        if is("Call-ID", "i") {
            self.call_id = self.call_id.or(Some(value));
        } else if is("From", "f") {
            self.from_tag = self.from_tag.or_else(|| tag(value));
        } else if is("To", "t") {
            self.to_tag = self.to_tag.or_else(|| tag(value));
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
    parameter(via.split(|octet| *octet == b',').next()?, b"branch")
}

/// The tag of a From or To field: a parameter of the field, not of the URI in brackets (§20.10).
fn tag(value: &[u8]) -> Option<&[u8]> {
    let bracket = value.iter().rposition(|octet| *octet == b'>');
    parameter(value.get(bracket.unwrap_or(0)..)?, b"tag")
}

fn parameter<'a>(value: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut parameters = value.split(|octet| *octet == b';').skip(1);
    parameters.find_map(|parameter| {
        let (name, value) = split(parameter, b'=')?;
        let is_wanted = name.trim_ascii().eq_ignore_ascii_case(wanted);
        is_wanted.then(|| value.trim_ascii())
    })
}

#[cfg(test)]
mod tests;
