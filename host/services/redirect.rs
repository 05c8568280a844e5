//! Where an answer redirects to: within the service a GET may follow, to another origin nothing does.

use ureq::http::Uri;
use ureq::http::uri::Authority;

use super::config::Base;
use super::{CallError, Method, Request, RequestPath, Response};

/// The request that an answer redirects to, if it does and the request may be sent again in another place. The token
/// belongs to the service's origin: a redirect to another one is an error.
pub(super) fn next(
    service: &str,
    base: &Base,
    request: &Request,
    answer: &Response,
) -> Result<Option<Request>, CallError> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.header("location") else { return Ok(None) };
    let title = format!("{} {}", request.method(), request.path());
    let Some(target) = within(base, request.path(), location) else {
        let is_path = location.starts_with('/') && !location.starts_with("//");
        let elsewhere = if is_path { Some("a path that is not below its `url`".to_owned()) } else { origin(location) };
        let elsewhere = elsewhere.unwrap_or_else(|| "a place that has no address".to_owned());
        let message = format!(
            "`{service}` redirects `{title}` to {elsewhere}, where its token must not go\n\
             hint: if the service has moved there, name that address as its `url`"
        );
        // Who answers so to a POST may have acted before.
        let may_have_acted = !is_read(request.method()) && matches!(answer.status, 301..=303);
        return Err(if may_have_acted { CallError::NoAnswer(message) } else { CallError::Denied(message) });
    };
    if !is_read(request.method()) {
        return Ok(None);
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let refused =
        |why: &str| CallError::Denied(format!("`{service}` redirects `{title}` to a path that is none: {why}"));
    let path = RequestPath::parse(path).map_err(|error| refused(&error.to_string()))?;
    request.moved(path, query).map(Some).map_err(|error| refused(&error.to_string()))
}

fn is_read(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head)
}

/// Path and query of a location, without the service's prefix, if it is within the service.
fn within(base: &Base, from: &RequestPath, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    let absolute = if let Some(rest) = location.strip_prefix("//") {
        of_origin(base, &format!("{}://{rest}", base.origin.split("://").next()?))?
    } else if location.starts_with('/') {
        location.to_owned()
    } else if location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        of_origin(base, location)?
    } else {
        let (folder, _) = from.as_str().rsplit_once('/')?;
        format!("{}{folder}/{location}", base.prefix)
    };
    let rest = absolute.strip_prefix(&base.prefix)?;
    (rest.starts_with('/')).then(|| rest.to_owned())
}

/// What follows the origin of a URL, if that is the service's.
fn of_origin(base: &Base, url: &str) -> Option<String> {
    let (uri, own): (Uri, Uri) = (url.parse().ok()?, base.origin.parse().ok()?);
    let same = uri.scheme() == own.scheme() && place(&uri) == place(&own) && !uri.authority()?.as_str().contains('@');
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    same.then(|| if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

/// Host and port; the usual port need not be written.
fn place(uri: &Uri) -> Option<(String, u16)> {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some((uri.host()?.to_lowercase(), uri.port_u16().unwrap_or(usual)))
}

/// What of a location is shown: its query may be a credential.
fn origin(location: &str) -> Option<String> {
    let is_relative = location.starts_with("//");
    let uri: Uri = if is_relative { format!("https:{location}").parse().ok()? } else { location.parse().ok()? };
    let authority: &Authority = uri.authority()?;
    let host = authority.as_str().rsplit('@').next()?;
    match uri.scheme_str().filter(|_| !is_relative) {
        Some(scheme) => Some(format!("`{scheme}://{host}`")),
        None => is_relative.then(|| format!("`{host}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Repeat;

    fn redirected(method: &str, status: u16, location: &str) -> Result<Option<String>, String> {
        let base = Base { origin: "https://cpd.example.com".to_owned(), prefix: "/zen".to_owned() };
        let request = Request::new(method, "/v2/spaces", &[], Vec::new(), None, Repeat::ByMethod).unwrap();
        let headers = vec![("location".to_owned(), location.to_owned())];
        let next = next("wml", &base, &request, &Response { status, headers, body: Vec::new() });
        let shown = |request: Request| format!("{} {}?{}", request.method(), request.path(), request.query());
        next.map(|next| next.map(shown)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_get_follows_within_the_service() {
        for (location, target) in [
            ("/zen/v2/spaces/", "/v2/spaces/?"),
            ("/zen/v3/spaces?limit=1#top", "/v3/spaces?limit=1"),
            ("https://cpd.example.com/zen/v3", "/v3?"),
            ("https://CPD.example.com:443/zen/v3?a=b", "/v3?a=b"),
            ("//cpd.example.com/zen/v3", "/v3?"),
            ("assets?x=https://a", "/v2/assets?x=https://a"),
        ] {
            for status in [301, 302, 303, 307, 308] {
                assert_eq!(redirected("GET", status, location), Ok(Some(format!("GET {target}"))), "{location}");
            }
        }
        assert_eq!(redirected("HEAD", 307, "/zen/v3"), Ok(Some("HEAD /v3?".to_owned())));
    }

    #[test]
    fn what_is_no_get_gets_the_redirect_as_its_answer() {
        assert_eq!(redirected("POST", 307, "/zen/v3"), Ok(None));
        assert_eq!(redirected("GET", 304, "/zen/v3"), Ok(None));
        assert_eq!(redirected("GET", 200, "https://other.example.com"), Ok(None));
    }

    #[test]
    fn another_origin_is_refused() {
        for (location, shown) in [
            ("https://other.example.com/zen/v2?token=abc", "`https://other.example.com`"),
            ("http://cpd.example.com/zen/v2", "`http://cpd.example.com`"),
            ("https://cpd.example.com:8443/zen/v2", "`https://cpd.example.com:8443`"),
            ("https://cpd.example.com@evil.example/zen", "`https://evil.example`"),
            ("https://me@cpd.example.com/zen/v2", "`https://cpd.example.com`"),
            ("//other.example.com/zen", "`other.example.com`"),
            ("/elsewhere", "a path that is not below its `url`"),
            ("javascript:alert(1)", "a place that has no address"),
        ] {
            for method in ["GET", "POST"] {
                assert_eq!(
                    redirected(method, 307, location),
                    Err(format!(
                        "`wml` redirects `{method} /v2/spaces` to {shown}, where its token must not go\n\
                         hint: if the service has moved there, name that address as its `url`"
                    )),
                    "{location}"
                );
            }
        }
    }

    #[test]
    fn a_path_that_servers_read_differently_is_refused() {
        assert_eq!(
            redirected("GET", 302, "/zen/v2/../admin"),
            Err("`wml` redirects `GET /v2/spaces` to a path that is none: the path has a dot segment at byte 4"
                .to_owned())
        );
    }
}
