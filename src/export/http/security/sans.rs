//! Which of the clients with a good certificate may ask: those whose certificate has one of some names
//! (subject alternative names: DNS names, IP addresses, URIs), compared octet by octet. A wildcard in a
//! certificate is no other name's.

use super::SecurityError;
use super::file::FileLocation;
use serde_saphyr::Spanned;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};
use webpki::EndEntityCert;

/// A verifier, and the names of which a certificate needs one.
pub(super) struct AllowedNames {
    verifier: Arc<dyn ClientCertVerifier>,
    texts: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl AllowedNames {
    /// Certificates that another verifier takes, and that have one of these names.
    pub(super) fn new(
        verifier: Arc<dyn ClientCertVerifier>,
        names: &[Spanned<String>],
        location: &FileLocation<'_>,
    ) -> Result<Self, SecurityError> {
        let (mut texts, mut addresses) = (Vec::new(), Vec::new());
        for name in names {
            let text = name.value.as_str();
            if let Ok(address) = text.parse() {
                addresses.push(address);
            } else if text.contains("://") || !text.contains('@') {
                texts.push(text.to_owned());
            } else {
                let reason = "client_allowed_sans: e-mail addresses are not compared here";
                return Err(location.invalid(name, reason));
            }
        }
        Ok(Self {
            verifier,
            texts,
            addresses,
        })
    }

    fn allows(&self, certificate: &CertificateDer<'_>) -> bool {
        let Ok(certificate) = EndEntityCert::try_from(certificate) else {
            return false;
        };
        let is_allowed = |name: &str| self.texts.iter().any(|text| text == name);
        let mut addresses = self.addresses.iter().copied().map(ServerName::from);
        certificate.valid_dns_names().any(is_allowed)
            || certificate.valid_uri_names().any(is_allowed)
            || addresses.any(|it| certificate.verify_is_valid_for_subject_name(&it).is_ok())
    }
}

impl fmt::Debug for AllowedNames {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            texts, addresses, ..
        } = self;
        write!(out, "AllowedNames({texts:?}, {addresses:?})")
    }
}

impl ClientCertVerifier for AllowedNames {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .verifier
            .verify_client_cert(end_entity, intermediates, now)?;
        if self.allows(end_entity) {
            Ok(verified)
        } else {
            let error = CertificateError::ApplicationVerificationFailure;
            Err(Error::InvalidCertificate(error))
        }
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
