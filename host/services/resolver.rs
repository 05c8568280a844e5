//! The way from a host to its addresses.

use std::net::{IpAddr, SocketAddr};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Asks the system for a name's addresses, and nobody for those of a number: the library would start a thread for
/// either, which takes longer than a whole exchange with this machine.
#[derive(Debug, Default)]
pub(super) struct NumbersFirst(DefaultResolver);

impl Resolver for NumbersFirst {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let Some(address) = number(uri) else {
            return self.0.resolve(uri, config, timeout);
        };
        let mut addresses = self.empty();
        addresses.push(address);
        Ok(addresses)
    }
}

/// The address of a URI whose host is a number.
fn number(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = host.parse().ok()?;
    let usual = match uri.scheme_str()? {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    Some(SocketAddr::new(address, uri.port_u16().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_no_lookup() {
        for (uri, address) in [
            ("http://127.0.0.1:8080/a", Some("127.0.0.1:8080")),
            ("https://10.1.2.3", Some("10.1.2.3:443")),
            ("http://[::1]/a", Some("[::1]:80")),
            ("https://[fd00::1]:9443/a", Some("[fd00::1]:9443")),
            ("https://cpd.example.com", None),
            ("http://localhost:80", None),
        ] {
            let expected = address.map(|text| text.parse().unwrap());
            assert_eq!(number(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
