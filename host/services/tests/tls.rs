//! Whose certificate is trusted.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::server::Server;
use super::*;

/// An authority of one's own, and a server with a certificate from it for `127.0.0.1`.
struct Site {
    server: Server,
    ca: tempfile::NamedTempFile,
    issuer: Issuer<'static, KeyPair>,
}

impl Site {
    fn start() -> Self {
        Self::with_clients(false)
    }

    /// A server that, if `known`, asks its clients for a certificate of the same authority.
    fn with_clients(known: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let ca = file(&authority.pem());
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = if known {
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let tls = builder.with_single_cert(chain, key).unwrap();
        Self { server: Server::start_tls(Arc::new(tls)), ca, issuer }
    }

    /// A client's certificate and its key, as PEM.
    fn client(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["ci".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn config(&self, host: &str) -> ServiceConfig {
        config(&format!("https://{host}:{}", self.server.port()))
    }

    fn call(config: ServiceConfig) -> Result<String, CallError> {
        let answer = call(&open(config), "POST", "/a")?;
        Ok(String::from_utf8(answer.body).unwrap())
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

fn refusal(ca_file: PathBuf) -> String {
    let config = ServiceConfig { ca_file: Some(ca_file), ..config("https://cpd.example.com") };
    Services::open(vec![config], USER_AGENT, &Masks::new()).unwrap_err().to_string()
}

#[test]
fn a_certificate_of_an_authority_in_the_ca_file_is_trusted() {
    let site = Site::start();
    let config = ServiceConfig { ca_file: Some(site.ca.path().to_owned()), ..site.config("127.0.0.1") };
    assert_eq!(Site::call(config), Ok("secure".to_owned()));
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_and_nothing_is_sent() {
    let site = Site::start();
    assert_eq!(
        Site::call(site.config("127.0.0.1")),
        Err(CallError::Unreachable(
            "no secure connection to `wml`: invalid peer certificate: UnknownIssuer\n\
             hint: if its certificate is from an authority of your own, name that one's file as `ca_file`"
                .to_owned()
        ))
    );
    assert!(site.server.lines().is_empty());
    assert_eq!(site.server.connections(), 1);
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let site = Site::start();
    let config = ServiceConfig { ca_file: Some(site.ca.path().to_owned()), ..site.config("localhost") };
    let error = Site::call(config).unwrap_err();
    assert!(matches!(error, CallError::Unreachable(_)), "{error:?}");
    assert!(site.server.lines().is_empty());
}

#[test]
fn any_certificate_is_trusted_when_that_is_asked_for() {
    let site = Site::start();
    let config = ServiceConfig { insecure: true, ..site.config("localhost") };
    assert_eq!(Site::call(config), Ok("secure".to_owned()));
}

#[test]
fn a_ca_file_that_cannot_be_used_is_refused_by_name() {
    let missing = PathBuf::from("/nowhere/ca.pem");
    assert_eq!(
        refusal(missing),
        "service `wml`: cannot read the CA file `/nowhere/ca.pem`: No such file or directory (os error 2)"
    );
    let empty = file("");
    assert_eq!(
        refusal(empty.path().to_owned()),
        format!("service `wml`: the CA file `{}` has no certificate in it", empty.path().display())
    );
    let key = file(&KeyPair::generate().unwrap().serialize_pem());
    assert_eq!(
        refusal(key.path().to_owned()),
        format!("service `wml`: the CA file `{}` has no certificate in it", key.path().display())
    );
    let broken = file("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let text = refusal(broken.path().to_owned());
    assert!(text.contains("is not PEM"), "{text}");
}

#[test]
fn a_ca_file_beside_insecure_is_refused() {
    let ca = file("");
    let config =
        ServiceConfig { ca_file: Some(ca.path().to_owned()), insecure: true, ..config("https://cpd.example.com") };
    assert_eq!(
        Services::open(vec![config], USER_AGENT, &Masks::new()).unwrap_err().to_string(),
        "service `wml`: `ca_file` has no effect beside `insecure: true`; remove one of them"
    );
}

#[test]
fn a_client_certificate_is_shown_to_a_service_that_asks_for_one() {
    let site = Site::with_clients(true);
    let (certificate, key) = site.client();
    let (certificate, key) = (file(&certificate), file(&key));
    let files = ClientCertificate { certificate: certificate.path().to_owned(), key: key.path().to_owned() };
    let anonymous = ServiceConfig { ca_file: Some(site.ca.path().to_owned()), ..site.config("127.0.0.1") };
    let known = ServiceConfig { client_certificate: Some(files), ..anonymous.clone() };

    assert_eq!(Site::call(known), Ok("secure".to_owned()));
    assert!(Site::call(anonymous).is_err());
    assert_eq!(site.server.lines(), ["POST /a"]);
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_refused_by_name() {
    let site = Site::start();
    let (certificate, key) = site.client();
    let (certificate, key) = (file(&certificate), file(&key));
    let refusal = |certificate: &std::path::Path, key: &std::path::Path| {
        let files = ClientCertificate { certificate: certificate.to_owned(), key: key.to_owned() };
        let config = ServiceConfig { client_certificate: Some(files), ..config("https://cpd.example.com") };
        Services::open(vec![config], USER_AGENT, &Masks::new()).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(key.path(), key.path()),
        format!("service `wml`: the client certificate `{}` has no certificate in it", key.path().display())
    );
    assert_eq!(
        refusal(certificate.path(), certificate.path()),
        format!(
            "service `wml`: the key of the client certificate `{}` has no private key in it",
            certificate.path().display()
        )
    );
    assert_eq!(
        refusal(certificate.path(), std::path::Path::new("/nowhere/key.pem")),
        "service `wml`: cannot read the key of the client certificate `/nowhere/key.pem`: No such file or directory (os \
         error 2)"
    );
}
