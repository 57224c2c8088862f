//! TLS 1.2 and 1.3 by rustls, with or without certificates of the clients.

use super::algorithms::provider;
use super::file::{FileLocation, Tls};
use super::sans::AllowedNames;
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

/// Names of clients say nothing of those who do not have to show a certificate.
const NAMES_NEED: &str =
    "client_allowed_sans: needs the client_auth_type RequireAndVerifyClientCert";

/// The acceptor of a `tls_server_config`; adds unsupported settings to `remarks`.
pub(super) fn acceptor(
    written: &Tls,
    location: &FileLocation<'_>,
    remarks: &mut Vec<String>,
) -> Result<TlsAcceptor, SecurityError> {
    let (Some(cert), Some(key)) = (
        Pem::one(
            written.cert.as_ref(),
            written.cert_file.as_ref(),
            "cert",
            location,
        )?,
        Pem::one(
            written.key.as_ref(),
            written.key_file.as_ref(),
            "key",
            location,
        )?,
    ) else {
        let reason = "tls_server_config: needs cert_file and key_file, or cert and key";
        return Err(location.missing(reason));
    };
    let chain = cert.certificates(location)?;
    let secret = PrivateKeyDer::from_pem_slice(&key.octets)
        .map_err(|error| key.invalid(location, &error.to_string()))?;
    let provider = Arc::new(provider(written, location, remarks)?);
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(written, location, remarks)?)
        .map_err(|error| location.missing(&format!("tls_server_config: {error}")))?;
    let builder = match clients(written, location)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, secret)
        .map_err(|error| location.invalid(cert.written, &format!("{}: {error}", cert.key)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let prefers = written.prefer_server_cipher_suites.as_ref();
    config.ignore_client_order = prefers.is_some_and(|prefers| prefers.value);
    for path in written.client_auth_excluded_paths.iter().flatten() {
        let what = "client_auth_excluded_paths: every path needs a certificate here";
        remarks.push(location.remark(path, what));
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// PEM text, from the file itself or from one that it names.
struct Pem<'a> {
    /// The key, with the path of the file.
    key: String,
    written: &'a Spanned<String>,
    octets: Vec<u8>,
}

impl<'a> Pem<'a> {
    /// The value of `key`, or the content of the file that `key_file` names; not both.
    fn one(
        text: Option<&'a Spanned<String>>,
        file: Option<&'a Spanned<String>>,
        key: &str,
        location: &FileLocation<'_>,
    ) -> Result<Option<Self>, SecurityError> {
        match (text, file) {
            (Some(_), Some(file)) => {
                let reason = format!("{key}_file: stands beside {key}: one of them");
                Err(location.invalid(file, &reason))
            }
            (Some(text), None) => Ok(Some(Self {
                key: key.into(),
                written: text,
                octets: text.value.clone().into_bytes(),
            })),
            (None, Some(file)) => {
                let path = location.resolve(&file.value);
                Ok(Some(Self {
                    key: format!("{key}_file: {}", path.display()),
                    written: file,
                    octets: read(&path)?,
                }))
            }
            (None, None) => Ok(None),
        }
    }

    fn invalid(&self, location: &FileLocation<'_>, reason: &str) -> SecurityError {
        location.invalid(self.written, &format!("{}: {reason}", self.key))
    }

    fn certificates(
        &self,
        location: &FileLocation<'_>,
    ) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.octets).collect();
        let found = found.map_err(|error| self.invalid(location, &error.to_string()))?;
        if found.is_empty() {
            return Err(self.invalid(location, "has no certificate in PEM"));
        }
        Ok(found)
    }
}

/// The versions between `min_version` (default TLS12) and `max_version` (default TLS13).
fn versions(
    written: &Tls,
    location: &FileLocation<'_>,
    remarks: &mut Vec<String>,
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
    let first = match &written.min_version {
        // less is offered than asked for
        Some(old) if ["TLS10", "TLS11"].contains(&old.value.as_str()) => {
            let what = format!(
                "min_version: {} is not offered: TLS12 is the least",
                old.value
            );
            remarks.push(location.remark(old, &what));
            0
        }
        written => nth("min_version", written, 0)?,
    };
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
    let ca = Pem::one(
        written.client_ca.as_ref(),
        written.client_ca_file.as_ref(),
        "client_ca",
        location,
    )?;
    let names = written.client_allowed_sans.as_deref().unwrap_or_default();
    let first_name = names.first();
    let is_required = match wanted.map_or("NoClientCert", |wanted| &wanted.value) {
        "" | "NoClientCert" => {
            return match (ca, first_name) {
                // A named authority, or names, suggest that clients are verified: without that it is an error.
                (Some(ca), _) => Err(ca.invalid(location, "needs a client_auth_type")),
                (None, Some(name)) => Err(location.invalid(name, NAMES_NEED)),
                (None, None) => Ok(None),
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
    let Some(ca) = ca else {
        return Err(location.missing("tls_server_config: client_auth_type needs client_ca_file"));
    };
    let mut roots = RootCertStore::empty();
    for certificate in ca.certificates(location)? {
        roots
            .add(certificate)
            .map_err(|error| ca.invalid(location, &error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if !is_required {
        verifier = verifier.allow_unauthenticated();
    }
    let verifier = verifier
        .build()
        .map_err(|error| ca.invalid(location, &error.to_string()))?;
    match first_name {
        None => Ok(Some(verifier)),
        // who sends no certificate has no name
        Some(name) if !is_required => Err(location.invalid(name, NAMES_NEED)),
        Some(_) => Ok(Some(Arc::new(AllowedNames::new(
            verifier, names, location,
        )?))),
    }
}
