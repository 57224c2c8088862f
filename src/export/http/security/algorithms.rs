//! Cipher suites and curves under the names that Go, and so exporter-toolkit, gives them.
//!
//! What is named and not offered is left out and remarked: less is offered then, never more.

use super::SecurityError;
use super::file::{FileLocation, Tls};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::{NamedGroup, SupportedCipherSuite};

/// Curves, and what rustls calls them; none where it has none.
const CURVES: [(&str, Option<NamedGroup>); 5] = [
    ("CurveP256", Some(NamedGroup::secp256r1)),
    ("CurveP384", Some(NamedGroup::secp384r1)),
    ("CurveP521", None),
    ("X25519", Some(NamedGroup::X25519)),
    ("X25519MLKEM768", None),
];

/// ring, with the suites and curves that a file names, in its order; all where it names none.
pub(super) fn provider(
    written: &Tls,
    location: &FileLocation<'_>,
    remarks: &mut Vec<String>,
) -> Result<CryptoProvider, SecurityError> {
    let mut provider = ring::default_provider();
    if let Some(names) = &written.cipher_suites
        && !names.is_empty()
    {
        let mut chosen = Vec::new();
        for name in names {
            let of_name = |suite: &&SupportedCipherSuite| {
                let known = format!("{:?}", suite.suite());
                // Go leaves the hash out of the older name of two
                known == name.value || known == format!("{}_SHA256", name.value)
            };
            let suite = provider.cipher_suites.iter().find(of_name);
            if let Some(suite) = suite.filter(|suite| suite.tls13().is_none()) {
                chosen.push(*suite);
            } else if name.value.starts_with("TLS_") {
                let what = format!("cipher_suites: {} is not offered by name", name.value);
                remarks.push(location.remark(name, &what));
            } else {
                let reason = format!("cipher_suites: {:?} is not a cipher suite", name.value);
                return Err(location.invalid(name, &reason));
            }
        }
        // those of TLS 1.3 are not chosen by name in Go either
        let of_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        provider.cipher_suites.retain(of_13);
        provider.cipher_suites.extend(chosen);
    }
    if let Some(names) = &written.curve_preferences
        && !names.is_empty()
    {
        let mut chosen = Vec::new();
        for name in names {
            let curve = CURVES.iter().find(|(known, _)| *known == name.value);
            let Some((_, group)) = curve else {
                let reason = format!("curve_preferences: {:?} is not a curve", name.value);
                return Err(location.invalid(name, &reason));
            };
            let mut groups = provider.kx_groups.iter();
            if let Some(group) = groups.find(|it| Some(it.name()) == *group) {
                chosen.push(*group);
            } else {
                let what = format!("curve_preferences: {} is not offered", name.value);
                remarks.push(location.remark(name, &what));
            }
        }
        if chosen.is_empty() {
            return Err(location.missing("curve_preferences: none of them is offered"));
        }
        provider.kx_groups = chosen;
    }
    Ok(provider)
}
