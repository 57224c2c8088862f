//! The session description in the body of a SIP message, which may be one part of several
//! (RFC 2046 §5.1, RFC 5621).
//!
//! Pure functions over the borrowed body, bounded by [`MAX_PARTS`]. Nested multipart bodies are ignored.

use super::fields::{folded, lines, split};

/// Most parts read of a multipart body.
const MAX_PARTS: usize = 16;

/// Finds the description in the body of a SIP message: the whole body for `application/sdp`,
/// the first such part for `multipart/…` (RFC 2046 §5.1). `None` without one.
pub(super) fn find<'a>(content_type: &[u8], body: &'a [u8]) -> Option<&'a [u8]> {
    let (kind, parameters) = split(content_type, b';').unwrap_or((content_type, &[]));
    let kind = kind.trim_ascii();
    if kind.eq_ignore_ascii_case(b"application/sdp") {
        return Some(body);
    }
    if !kind.get(..10)?.eq_ignore_ascii_case(b"multipart/") {
        return None;
    }
    let boundary = parameters
        .split(|octet| *octet == b';')
        .find_map(|parameter| {
            let (name, value) = split(parameter, b'=')?;
            name.trim_ascii()
                .eq_ignore_ascii_case(b"boundary")
                .then(|| value.trim_ascii())
        })?;
    let boundary = boundary.strip_prefix(b"\"").unwrap_or(boundary);
    let boundary = boundary.strip_suffix(b"\"").unwrap_or(boundary);
    let mut rest = part(boundary, body)?.1;
    for _ in 0..MAX_PARTS {
        let (inside, next) = part(boundary, rest).unwrap_or((rest, &[]));
        if let Some(description) = described(inside) {
            return Some(description);
        }
        rest = next;
    }
    None
}

/// The octets before and after the next line that starts with `--boundary`.
fn part<'a>(boundary: &[u8], body: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut rest = body;
    while !rest.is_empty() {
        let (line, next) = lines(rest);
        if line
            .strip_prefix(b"--")
            .is_some_and(|line| line.starts_with(boundary))
        {
            return Some((body.get(..body.len() - rest.len())?, next));
        }
        rest = next;
    }
    None
}

/// The body of a part, if its header fields mark it as a description.
fn described(part: &[u8]) -> Option<&[u8]> {
    let mut rest = part;
    let mut is_description = false;
    loop {
        let (field, next) = folded(rest);
        rest = next;
        if field.is_empty() {
            return is_description.then_some(rest);
        }
        if let Some((name, value)) = split(field, b':')
            && name.trim_ascii().eq_ignore_ascii_case(b"content-type")
        {
            let kind = value
                .split(|octet| *octet == b';')
                .next()
                .unwrap_or_default();
            is_description = kind.trim_ascii().eq_ignore_ascii_case(b"application/sdp");
        }
    }
}
