//! The certificate that the stub makes for itself.

use std::net::IpAddr;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::dialect::Dialect;
use crate::stub::StubError;

/// The hosts that IBM's own clients insist on: a proxy can lead them to the stub.
const CLOUD_HOSTS: [&str; 4] = [
    "us-south.ml.cloud.ibm.com",
    "api.dataplatform.cloud.ibm.com",
    "iam.cloud.ibm.com",
    "api.aiopenscale.cloud.ibm.com",
];

/// A self-signed certificate for `localhost` and the address, and for the hosts of IBM Cloud if the stub is that; and
/// what accepts connections with it.
pub(crate) fn self_signed(address: IpAddr, dialect: Dialect) -> Result<(String, TlsAcceptor), StubError> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), address.to_string()];
    if dialect.is_cloud() {
        names.extend(CLOUD_HOSTS.map(str::to_owned));
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| StubError::Certificate(error.to_string()))?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| StubError::Certificate(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(|error| StubError::Certificate(error.to_string()))?;
    Ok((made.cert.pem(), TlsAcceptor::from(Arc::new(config))))
}
