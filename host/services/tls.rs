//! Whose certificates are trusted.

use std::fs;
use std::path::PathBuf;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::{ServiceConfig, ServiceError};

/// Whose certificates a service's connections trust; services with the same trust share connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The public certificate authorities that browsers trust.
    Public,
    /// These too, and those in the file.
    PublicAnd(PathBuf),
    /// Anybody.
    Anybody,
}

impl Trust {
    pub(super) fn of(config: &ServiceConfig) -> Result<Self, ServiceError> {
        match (&config.ca_file, config.insecure) {
            (Some(_), true) => Err(ServiceError::CaFileUnused { name: config.name.clone() }),
            (Some(file), false) => Ok(Self::PublicAnd(file.clone())),
            (None, true) => Ok(Self::Anybody),
            (None, false) => Ok(Self::Public),
        }
    }

    /// The settings for it; `service` is named when the CA file cannot be used.
    pub(super) fn settings(&self, service: &str) -> Result<TlsConfig, ServiceError> {
        let settings = TlsConfig::builder();
        Ok(match self {
            Self::Public => settings.build(),
            Self::PublicAnd(file) => {
                let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root));
                let roots: RootCerts = public.chain(read(file.clone(), service)?).into();
                settings.root_certs(roots).build()
            }
            Self::Anybody => settings.disable_verification(true).build(),
        })
    }
}

fn read(file: PathBuf, service: &str) -> Result<Vec<Certificate<'static>>, ServiceError> {
    let name = service.to_owned();
    let pem = match fs::read(&file) {
        Ok(pem) => pem,
        Err(source) => return Err(ServiceError::CaFile { name, file, source }),
    };
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => {
                return Err(ServiceError::CaFilePem { name, file, why: error.to_string() });
            }
        }
    }
    if certificates.is_empty() { Err(ServiceError::CaFileEmpty { name, file }) } else { Ok(certificates) }
}
