//! Headers of the operator's own, of those that exporter-toolkit lets be set.

use super::SecurityError;
use super::file::FileLocation;
use hyper::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use serde_saphyr::Spanned;

/// Which there are, and which values they may have; none: any.
const KNOWN: [(&str, HeaderName, &[&str]); 5] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY, &[]),
    ("X-Frame-Options", X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    (
        "X-Content-Type-Options",
        X_CONTENT_TYPE_OPTIONS,
        &["nosniff"],
    ),
    ("X-XSS-Protection", X_XSS_PROTECTION, &[]),
    ("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY, &[]),
];

/// The headers that a file sets; a blank one is not set.
pub(super) fn read<'a>(
    written: impl Iterator<Item = (&'a str, &'a Spanned<String>)>,
    location: &FileLocation<'_>,
) -> Result<HeaderMap, SecurityError> {
    let mut headers = HeaderMap::new();
    for (name, value) in written {
        let wrong = |reason: &str| {
            location.invalid(
                value,
                &format!("http_server_config.headers: {name}: {reason}"),
            )
        };
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        let Some((_, header, values)) = known else {
            let known = KNOWN.map(|(name, ..)| name).join(", ");
            return Err(wrong(&format!("is not one of {known}")));
        };
        let text = value.value.as_str();
        if text.is_empty() {
            continue;
        }
        let is_known = |known: &&str| known.eq_ignore_ascii_case(text);
        if !values.is_empty() && !values.iter().any(is_known) {
            return Err(wrong(&format!(
                "{text:?} is not one of {}",
                values.join(", ")
            )));
        }
        let value = HeaderValue::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        headers.insert(header.clone(), value);
    }
    Ok(headers)
}
