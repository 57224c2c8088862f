//! TLS 1.2 and 1.3 by rustls, with or without certificates of the clients.

use super::file::{FileLocation, Tls};
use super::{SecurityError, read};
use serde_saphyr::Spanned;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// The acceptor of a `tls_server_config`.
pub(super) fn acceptor(
    written: &Tls,
    location: &FileLocation<'_>,
) -> Result<TlsAcceptor, SecurityError> {
    let (Some(cert), Some(key)) = (&written.cert_file, &written.key_file) else {
        return Err(location.missing("tls_server_config: needs cert_file and key_file"));
    };
    let chain = certificates(cert, "cert_file", location)?;
    let (path, octets) = read_named(key, location)?;
    let secret = PrivateKeyDer::from_pem_slice(&octets)
        .map_err(|error| location.invalid(key, &format!("key_file: {path}: {error}")))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&versions(written, location)?)
        .map_err(|error| location.missing(&format!("tls_server_config: {error}")))?;
    let builder = match clients(written, location)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, secret)
        .map_err(|error| location.invalid(cert, &format!("cert_file: {error}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Path and octets of a file that the configuration names.
fn read_named(
    name: &Spanned<String>,
    location: &FileLocation<'_>,
) -> Result<(String, Vec<u8>), SecurityError> {
    let path = location.resolve(&name.value);
    Ok((path.display().to_string(), read(&path)?))
}

fn certificates(
    name: &Spanned<String>,
    key: &str,
    location: &FileLocation<'_>,
) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
    let (path, octets) = read_named(name, location)?;
    let wrong = |reason: &str| location.invalid(name, &format!("{key}: {path}: {reason}"));
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&octets).collect();
    let found = found.map_err(|error| wrong(&error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("has no certificate in PEM"));
    }
    Ok(found)
}

/// The versions between `min_version` (default TLS12) and `max_version` (default TLS13).
fn versions(
    written: &Tls,
    location: &FileLocation<'_>,
) -> Result<Vec<&'static SupportedProtocolVersion>, SecurityError> {
    const ALL: [(&str, &SupportedProtocolVersion); 2] = [("TLS12", &TLS12), ("TLS13", &TLS13)];
    let nth = |key: &str, name: &Option<Spanned<String>>, usual| match name {
        None => Ok(usual),
        Some(name) => ALL
            .iter()
            .position(|(known, _)| *known == name.value)
            .ok_or_else(|| {
                let reason = format!("{key}: {:?} is not one of TLS12, TLS13", name.value);
                location.invalid(name, &reason)
            }),
    };
    let first = nth("min_version", &written.min_version, 0)?;
    let last = nth("max_version", &written.max_version, ALL.len() - 1)?;
    let chosen: Vec<_> = ALL
        .iter()
        .take(last + 1)
        .skip(first)
        .map(|(_, it)| *it)
        .collect();
    if chosen.is_empty() {
        return Err(location.missing("tls_server_config: min_version is above max_version"));
    }
    Ok(chosen)
}

/// The verifier of client certificates; `None` if none are requested.
fn clients(
    written: &Tls,
    location: &FileLocation<'_>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, SecurityError> {
    let wanted = written.client_auth_type.as_ref();
    let is_required = match wanted.map_or("NoClientCert", |wanted| &wanted.value) {
        "" | "NoClientCert" => {
            return match &written.client_ca_file {
                // A named authority suggests that clients are verified: without that it is an error.
                Some(ca) => Err(location.invalid(ca, "client_ca_file: needs a client_auth_type")),
                None => Ok(None),
            };
        }
        "VerifyClientCertIfGiven" => false,
        "RequireAndVerifyClientCert" => true,
        // RequestClientCert and RequireAnyClientCert accept any certificate, so they are not offered.
        other => {
            let known = "NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert";
            let reason = format!("client_auth_type: {other:?} is not one of {known}");
            return Err(wanted.map_or_else(
                || location.missing(&reason),
                |it| location.invalid(it, &reason),
            ));
        }
    };
    let Some(ca) = &written.client_ca_file else {
        return Err(location.missing("tls_server_config: client_auth_type needs client_ca_file"));
    };
    let wrong = |reason: &str| location.invalid(ca, &format!("client_ca_file: {reason}"));
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca, "client_ca_file", location)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(&error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if !is_required {
        verifier = verifier.allow_unauthenticated();
    }
    let verifier = verifier
        .build()
        .map_err(|error| wrong(&error.to_string()))?;
    Ok(Some(verifier))
}
