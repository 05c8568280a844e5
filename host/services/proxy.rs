//! The proxies that the environment names, and who is reached without one.

use std::fmt;
use std::net::IpAddr;

use ureq::Proxy;
use ureq::http::Uri;

use super::config::is_loopback;
use super::{Secret, ServiceError};

/// The variables of the environment that say which proxy leads where: `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` by the
/// scheme of the address, and `NO_PROXY`; the spelling in lower case counts first.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    https: Option<Named>,
    http: Option<Named>,
    /// Patterns of hosts that are reached directly.
    direct: Vec<String>,
}

/// A proxy, and the variable that names it.
#[derive(Clone, PartialEq, Eq)]
struct Named {
    variable: &'static str,
    url: Secret,
}

/// The way to an address.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) proxy: Option<Proxy>,
    /// The variable that names the proxy.
    pub(super) variable: Option<&'static str>,
}

impl Proxies {
    /// Reads the variables; one that is empty is not set.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 4]| {
            names.into_iter().find_map(|name| {
                let url = variable(name).filter(|url| !url.trim().is_empty())?;
                Some(Named { variable: name, url: Secret::new(url.trim()) })
            })
        };
        let direct = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
        Self {
            https: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            http: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            direct: direct.split([',', ' ']).filter(|one| !one.is_empty()).map(str::to_lowercase).collect(),
        }
    }

    /// The way to an origin, for the service of that name. This machine is always reached directly: no proxy can.
    pub(super) fn way(&self, service: &str, origin: &str) -> Result<Way, ServiceError> {
        let direct = Way { proxy: None, variable: None };
        let Ok(uri) = origin.parse::<Uri>() else { return Ok(direct) };
        let (host, is_https) = (uri.host().unwrap_or_default().to_lowercase(), uri.scheme_str() == Some("https"));
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let named = if is_https { &self.https } else { &self.http };
        let Some(Named { variable, url }) = named else { return Ok(direct) };
        if is_loopback(&host) || self.direct.iter().any(|pattern| matches(pattern, &host, port)) {
            return Ok(direct);
        }
        let refused = |why| ServiceError::Proxy { name: service.to_owned(), variable, why };
        if let Some((scheme, _)) = url.expose().split_once("://")
            && !["http", "https"].contains(&scheme)
        {
            return Err(refused("only `http` and `https` proxies can be used"));
        }
        let proxy = Proxy::new(url.expose()).map_err(|_| refused("it is not of the form `http://host:port`"))?;
        Ok(Way { proxy: Some(proxy), variable: Some(variable) })
    }
}

impl Way {
    /// What must be masked.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let Some(proxy) = &self.proxy else { return Vec::new() };
        let Some(password) = proxy.password() else { return Vec::new() };
        let pair = format!("{}:{password}", proxy.username().unwrap_or_default());
        vec![Secret::new(password), Secret::new(pair)]
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Way").field(&self.variable).finish()
    }
}

/// What it names may have a password in it.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = |named: &Option<Named>| named.as_ref().map(|named| named.variable);
        f.debug_tuple("Proxies").field(&variable(&self.https)).field(&variable(&self.http)).field(&self.direct).finish()
    }
}

/// Whether an entry of `NO_PROXY` means a host: `*`, a host and all below it, with or without a dot or `*.` before it,
/// an address, a network such as `10.0.0.0/8`; each may have a port.
fn matches(pattern: &str, host: &str, port: u16) -> bool {
    if pattern == "*" {
        return true;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        if let Some((network, bits)) = pattern.split_once('/') {
            let network = network.parse::<IpAddr>();
            return network.is_ok_and(|network| bits.parse().is_ok_and(|bits| is_in(address, network, bits)));
        }
        let (pattern, wanted) = match pattern.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map_or((rest, ""), |(address, port)| (address, port)),
            None if pattern.parse::<IpAddr>().is_ok() => (pattern, ""),
            None => pattern.split_once(':').map_or((pattern, ""), |(address, port)| (address, port)),
        };
        return pattern.parse() == Ok(address) && is_port(wanted.trim_start_matches(':'), port);
    }
    let (pattern, wanted) = pattern.split_once(':').unwrap_or((pattern, ""));
    let only_below = pattern.starts_with("*.");
    let domain = pattern.trim_start_matches('*').trim_start_matches('.');
    let is_host = (host == domain && !only_below)
        || host.strip_suffix(domain).is_some_and(|before| before.ends_with('.') && !domain.is_empty());
    is_host && is_port(wanted, port)
}

fn is_port(wanted: &str, port: u16) -> bool {
    wanted.is_empty() || wanted.parse() == Ok(port)
}

fn is_in(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (address.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let differing: u128 = address ^ network;
    bits <= width && (bits == 0 || differing >> (width - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn variable(variables: &[(&str, &str)], origin: &str) -> Option<&'static str> {
        proxies(variables).way("wml", origin).unwrap().variable
    }

    #[test]
    fn the_scheme_of_the_address_chooses_the_proxy() {
        let all = [("HTTPS_PROXY", "http://a:1"), ("HTTP_PROXY", "http://b:1"), ("ALL_PROXY", "http://c:1")];
        assert_eq!(variable(&all, "https://cpd.example.com"), Some("HTTPS_PROXY"));
        assert_eq!(variable(&all, "http://cpd.example.com"), Some("HTTP_PROXY"));
        assert_eq!(variable(&all[1..], "https://cpd.example.com"), Some("ALL_PROXY"));
        assert_eq!(variable(&all[1..2], "https://cpd.example.com"), None);
        assert_eq!(variable(&[("https_proxy", "c:1"), all[0]], "https://cpd.example.com"), Some("https_proxy"));
        assert_eq!(variable(&[("HTTPS_PROXY", " ")], "https://cpd.example.com"), None);
    }

    #[test]
    fn this_machine_is_reached_directly() {
        for origin in ["https://localhost:1", "https://127.0.0.1:1", "https://127.8.8.8", "https://[::1]:1"] {
            assert_eq!(variable(&[("ALL_PROXY", "http://a:1")], origin), None, "{origin}");
        }
    }

    #[test]
    fn no_proxy_names_who_is_reached_directly() {
        for (pattern, origin, is_direct) in [
            ("*", "https://cpd.example.com", true),
            ("example.com", "https://example.com", true),
            ("example.com", "https://CPD.Example.com", true),
            ("example.com", "https://badexample.com", false),
            (".example.com", "https://cpd.example.com", true),
            (".example.com", "https://example.com", true),
            ("*.example.com", "https://a.cpd.example.com", true),
            ("*.example.com", "https://example.com", false),
            ("other.com, example.com", "https://example.com", true),
            ("example.com:443", "https://example.com", true),
            ("example.com:8443", "https://example.com", false),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3:443", "https://10.1.2.3", true),
            ("10.1.2.3", "https://10.1.2.30", false),
            ("10.0.0.0/8", "https://10.1.2.3:9443", true),
            ("10.0.0.0/16", "https://10.1.2.3", false),
            ("0.0.0.0/0", "https://10.1.2.3", true),
            ("fd00::/8", "https://[fd12::1]", true),
            ("[fd12::1]:443", "https://[fd12::1]", true),
            ("fd12::1", "https://[fd12::1]:9443", true),
            ("fd00::/8", "https://10.1.2.3", false),
            ("", "https://cpd.example.com", false),
        ] {
            let variables = [("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", pattern)];
            assert_eq!(variable(&variables, origin).is_none(), is_direct, "`{pattern}` and {origin}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_its_password() {
        for (url, why) in [
            ("socks5://user:password@a:1", "only `http` and `https` proxies can be used"),
            ("http://", "it is not of the form `http://host:port`"),
        ] {
            let error = proxies(&[("HTTPS_PROXY", url)]).way("wml", "https://cpd.example.com").unwrap_err();
            assert_eq!(error.to_string(), format!("service `wml`: the proxy of `HTTPS_PROXY`: {why}"));
        }
        let way = proxies(&[("HTTPS_PROXY", "http://user:pass%20word@a:1")]).way("wml", "https://cpd.example.com");
        let secrets: Vec<_> = way.unwrap().secrets().iter().map(|secret| secret.expose().to_owned()).collect();
        assert_eq!(secrets, ["pass word", "user:pass word"]);
    }
}
