//! Whose certificates are trusted, and with which one we show ourselves.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use zeroize::Zeroizing;

use super::{ClientCertificate, ServiceConfig, ServiceError};

/// Longest PEM file; all public authorities together have a quarter of a MiB.
const MAX_BYTES: u64 = 4 << 20;

/// Whose certificates a service's connections trust and which they show; services with the same share connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    authorities: Authorities,
    own: Option<ClientCertificate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Authorities {
    /// The public certificate authorities that browsers trust.
    Public,
    /// These too, and those in the file.
    PublicAnd(PathBuf),
    /// Anybody.
    Anybody,
}

impl Authorities {
    fn of(ca_file: Option<&Path>, insecure: bool, name: &str) -> Result<Self, ServiceError> {
        match (ca_file, insecure) {
            (Some(_), true) => Err(ServiceError::CaFileUnused { name: name.to_owned() }),
            (Some(file), false) => Ok(Self::PublicAnd(file.to_owned())),
            (None, true) => Ok(Self::Anybody),
            (None, false) => Ok(Self::Public),
        }
    }
}

impl Trust {
    pub(super) fn of(config: &ServiceConfig) -> Result<Self, ServiceError> {
        let authorities = Authorities::of(config.ca_file.as_deref(), config.insecure, &config.name)?;
        Ok(Self { authorities, own: config.client_certificate.clone() })
    }

    /// The trust in a login that is not at the service itself: our certificate is none of its business, and that anybody
    /// may be the service does not mean that anybody may have the key, unless the spec names the place.
    pub(super) fn of_login(config: &ServiceConfig, is_named: bool) -> Self {
        let authorities = match &config.ca_file {
            Some(file) => Authorities::PublicAnd(file.clone()),
            None if config.insecure && is_named => Authorities::Anybody,
            None => Authorities::Public,
        };
        Self { authorities, own: None }
    }

    /// The trust in a place that is no service.
    pub(super) fn of_fetch(ca_file: Option<&Path>, insecure: bool) -> Result<Self, ServiceError> {
        Ok(Self { authorities: Authorities::of(ca_file, insecure, "")?, own: None })
    }

    /// The settings for it; `service` is named when a file cannot be used.
    pub(super) fn settings(&self, service: &str) -> Result<TlsConfig, ServiceError> {
        let own = self.own.as_ref().map(|own| identity(own, service)).transpose()?;
        let settings = TlsConfig::builder().client_cert(own);
        Ok(match &self.authorities {
            Authorities::Public => settings.build(),
            Authorities::PublicAnd(file) => {
                let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root));
                let roots: RootCerts = public.chain(certificates(file, "CA file", service)?).into();
                settings.root_certs(roots).build()
            }
            Authorities::Anybody => settings.disable_verification(true).build(),
        })
    }
}

fn identity(own: &ClientCertificate, service: &str) -> Result<ClientCert, ServiceError> {
    let chain = certificates(&own.certificate, "client certificate", service)?;
    let (file, what) = (&own.key, "key of the client certificate");
    let key = items(file, what, service)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    let key: PrivateKey<'static> = key.ok_or_else(|| ServiceError::PemEmpty {
        name: service.to_owned(),
        what,
        file: file.clone(),
        wanted: "private key",
    })?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn certificates(file: &Path, what: &'static str, service: &str) -> Result<Vec<Certificate<'static>>, ServiceError> {
    let found: Vec<_> = items(file, what, service)?
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        let (name, file) = (service.to_owned(), file.to_owned());
        return Err(ServiceError::PemEmpty { name, what, file, wanted: "certificate" });
    }
    Ok(found)
}

fn items(file: &Path, what: &'static str, service: &str) -> Result<Vec<PemItem<'static>>, ServiceError> {
    let (name, file) = (service.to_owned(), file.to_owned());
    let pem = match read(&file) {
        Ok(pem) => pem,
        Err(source) => return Err(ServiceError::PemFile { name, what, file, source }),
    };
    let items: Result<Vec<_>, _> = parse_pem(&pem).collect();
    items.map_err(|error| ServiceError::Pem { name, what, file, why: error.to_string() })
}

/// What a file holds, if it is one: a device gives bytes without end, and a pipe may never give any.
fn read(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    let metadata = fs::metadata(file)?;
    if !metadata.is_file() {
        return refused("it is not a file".to_owned());
    }
    let mut pem = Zeroizing::new(Vec::new());
    File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > MAX_BYTES {
        let bytes = metadata.len().max(pem.len() as u64);
        return refused(format!("it has {bytes} bytes, more than the {MAX_BYTES} that are read"));
    }
    Ok(pem)
}
