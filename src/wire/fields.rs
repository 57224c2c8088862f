//! Lines, header fields and numbers of text protocols: SIP (RFC 3261 §7.3), the parts of
//! its bodies (RFC 2046), SDP (RFC 8866). Pure functions over borrowed octets.

/// The octets before and after the first `separator`.
pub(super) fn split(octets: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = octets.iter().position(|octet| *octet == separator)?;
    Some((octets.get(..at)?, octets.get(at + 1..)?))
}

/// The first line without its end (CRLF, or LF alone), and what follows.
pub(super) fn lines(octets: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = split(octets, b'\n').unwrap_or((octets, &[]));
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

/// The first field, with the lines that continue it (RFC 3261 §7.3.1), and what follows.
pub(super) fn folded(octets: &[u8]) -> (&[u8], &[u8]) {
    let (line, mut rest) = lines(octets);
    if line.is_empty() {
        return (line, rest);
    }
    while let [b' ' | b'\t', ..] = rest {
        rest = lines(rest).1;
    }
    let field = octets.get(..octets.len() - rest.len()).unwrap_or(line);
    (field.trim_ascii_end(), rest)
}

/// A decimal number; `None` if it does not fit.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
