//! TLS of the committer's connection to Postgres, with the meaning that sqlx gives `sslmode` and its certificates.

use std::{fs, io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use sqlx::postgres::PgSslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// No TLS.
    None,
    /// TLS if the server offers it.
    Perhaps,
    /// TLS with anyone.
    Anyone,
    /// A certificate of a trusted root, whatever name it bears.
    Root,
    /// A certificate of a trusted root for this very host.
    Host,
}

impl From<PgSslMode> for Demand {
    fn from(mode: PgSslMode) -> Self {
        match mode {
            PgSslMode::Disable | PgSslMode::Allow => Self::None,
            PgSslMode::Prefer => Self::Perhaps,
            PgSslMode::Require => Self::Anyone,
            PgSslMode::VerifyCa => Self::Root,
            PgSslMode::VerifyFull => Self::Host,
        }
    }
}

/// PEM that the address names: trusted roots, and our own certificate with its key.
pub(super) struct Papers {
    pub(super) roots: Option<Vec<u8>>,
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) key: Option<Vec<u8>>,
}

/// Reads what sqlx shows of a certificate in an address: where the file is, or its very text.
pub(super) fn paper(shown: &str) -> io::Result<Vec<u8>> {
    shown.strip_prefix("file: ").map_or_else(|| Ok(shown.into()), fs::read)
}

impl Demand {
    /// What makes connections that meet the demand; `None` when there is none.
    pub(super) fn connector(self, papers: &Papers) -> io::Result<Option<MakeRustlsConnect>> {
        if self == Self::None {
            return Ok(None);
        }
        let provider = Arc::new(ring::default_provider());
        let chain = match self {
            Self::None | Self::Perhaps | Self::Anyone => None,
            Self::Root | Self::Host => {
                let roots = Arc::new(roots(papers.roots.as_deref())?);
                Some(WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build().map_err(io::Error::other)?)
            }
        };
        let verifier = Verifier { chain, any_name: self != Self::Host, provider: provider.clone() };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match (&papers.certificate, &papers.key) {
            (Some(certificate), Some(key)) => {
                let certificates = CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>().map_err(io::Error::other)?;
                let key = PrivateKeyDer::from_pem_slice(key).map_err(io::Error::other)?;
                config.with_client_auth_cert(certificates, key).map_err(io::Error::other)?
            }
            _ => config.with_no_client_auth(),
        };
        Ok(Some(MakeRustlsConnect::new(config)))
    }
}

/// The roots that browsers trust, and these.
fn roots(own: Option<&[u8]>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in own.into_iter().flat_map(CertificateDer::pem_slice_iter) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    Ok(roots)
}

#[derive(Debug)]
struct Verifier {
    /// Absent where any certificate will do.
    chain: Option<Arc<WebPkiServerVerifier>>,
    any_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, between, name, status, now) {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
                if self.any_name =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
