//! Whom to trust: the TLS configuration of a session, made once and shared by all its clients.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// Which versions of HTTP a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Versions {
    /// What client and server agree on over TLS; HTTP/1.1 without it.
    #[default]
    Negotiated,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only, also without TLS.
    Http2,
}

/// Whom a session trusts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    pub(crate) roots: Vec<CertificateDer<'static>>,
    pub(crate) anybody: bool,
}

/// The certificates of a PEM file.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("there is no certificate in the PEM text".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("not a certificate in PEM: {error}")),
    }
}

/// The configuration for these versions and this trust.
pub(crate) fn config(versions: Versions, trust: &Trust) -> ClientConfig {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = if trust.anybody {
        Arc::new(Unchecked::TakeAll)
    } else {
        Arc::new(Deferred { roots: trust.roots.clone(), verifier: OnceLock::new() })
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the suites that the default versions need")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = match versions {
        Versions::Negotiated => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Versions::Http1 => vec![b"http/1.1".to_vec()],
        Versions::Http2 => vec![b"h2".to_vec()],
    };
    config
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()));
    Arc::clone(provider)
}

/// The platform's verifier, made once per process: reading its certificates takes milliseconds.
fn of_the_platform() -> Arc<dyn ServerCertVerifier> {
    static VERIFIER: OnceLock<Arc<dyn ServerCertVerifier>> = OnceLock::new();
    Arc::clone(VERIFIER.get_or_init(|| or_nobody(Verifier::new(provider()))))
}

/// Without any authority to trust plain HTTP still works, and HTTPS says what is missing.
fn or_nobody(verifier: Result<Verifier, rustls::Error>) -> Arc<dyn ServerCertVerifier> {
    match verifier {
        Ok(verifier) => Arc::new(verifier),
        Err(error) => Arc::new(Unchecked::TakeNone(error.to_string())),
    }
}

/// Checks certificates against the authorities of the platform and these roots. They are read when
/// the first certificate is checked, so that plain HTTP does not pay for them.
#[derive(Debug)]
struct Deferred {
    roots: Vec<CertificateDer<'static>>,
    verifier: OnceLock<Arc<dyn ServerCertVerifier>>,
}

impl Deferred {
    fn verifier(&self) -> &dyn ServerCertVerifier {
        &**self.verifier.get_or_init(|| {
            if self.roots.is_empty() {
                return of_the_platform();
            }
            let roots = self.roots.iter().cloned();
            or_nobody(Verifier::new_with_extra_roots(roots, provider()))
        })
    }
}

impl ServerCertVerifier for Deferred {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier().verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier().verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier().verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // As the platform's verifier answers, but known before it is made.
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Checks no certificate against an authority: takes every one, or none.
#[derive(Debug)]
enum Unchecked {
    /// Whoever holds the certificate's key is taken for the server.
    TakeAll,
    /// There is nothing to check against, for this reason.
    TakeNone(String),
}

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self {
            Unchecked::TakeAll => Ok(ServerCertVerified::assertion()),
            Unchecked::TakeNone(why) => Err(rustls::Error::General(format!(
                "no certificate can be checked on this machine, because its trusted authorities \
                 could not be loaded ({why}); is the package ca-certificates installed?"
            ))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
