//! Lists that come in pages: a page names the next one in `next.href` (WML) or `next.url` (OpenScale).

use serde_json::Value;

use crate::{Failure, Host, Request, Response};

/// A list that never ends is the service's mistake; no list of a run's space is near this long.
const MOST_PAGES: usize = 1000;

/// All items of a list; `items` is the JSON pointer to a page's array.
pub fn list(host: &dyn Host, request: &Request, items: &str) -> Result<Vec<Value>, Failure> {
    collect(items, |next| match next {
        None => request.send(host),
        Some(next) => request.clone().following(next).send(host),
    })
}

/// All items of the pages that `page` gets; its argument is the path and query of a following page.
pub fn collect(
    items: &str,
    mut page: impl FnMut(Option<&str>) -> Result<Response, Failure>,
) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let answer = page(next.as_deref())?.expect(&[200])?;
        let mut body = answer.value()?;
        match body.pointer_mut(items).map(Value::take) {
            Some(Value::Array(found)) => all.extend(found),
            _ => {
                return Err(Failure::internal(format!("{} answered no list at `{items}`", answer.title())));
            }
        }
        let following = next_link(&body);
        if following.is_none() {
            return Ok(all);
        }
        if following == next {
            return Err(Failure::internal(format!("{} names itself as the next page", answer.title())));
        }
        next = following;
    }
    Err(Failure::internal(format!("a list has more than {MOST_PAGES} pages")))
}

/// Path and query of the next page.
fn next_link(body: &Value) -> Option<String> {
    let link = body["next"]["href"].as_str().or_else(|| body["next"]["url"].as_str())?;
    let rest = match link.split_once("://") {
        // An absolute link: the host knows the origin, only what follows it is of use.
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => link,
    };
    // Clients that join origin, `/` and link get two slashes; some services answer so too.
    Some(format!("/{}", rest.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    #[test]
    fn relative_and_absolute_links_are_followed() {
        let host = Fake::new();
        host.answer(
            "GET /v2/spaces",
            200,
            json!({"resources": [1], "next": {"href": "https://cpd/v2/spaces?start=a"}}),
        );
        host.answer("GET /v2/spaces", 200, json!({"resources": [2], "next": {"href": "/v2/spaces?start=b"}}));
        host.answer("GET /v2/spaces", 200, json!({"resources": [3]}));
        let request = Request::get("wml", "/v2/spaces").query("limit", "200");
        assert_eq!(list(&host, &request, "/resources").unwrap(), [json!(1), json!(2), json!(3)]);
        let asked: Vec<_> = host.requests().iter().map(|sent| sent.query("start").map(str::to_owned)).collect();
        assert_eq!(asked, [None, Some("a".to_owned()), Some("b".to_owned())]);
    }

    #[test]
    fn a_page_that_names_itself_ends_in_a_failure() {
        let host = Fake::new();
        host.always("GET /x", |_| (200, json!({"resources": [], "next": {"url": "/x?start=1"}})));
        let failure = list(&host, &Request::get("wml", "/x"), "/resources").unwrap_err();
        assert_eq!(failure.message, "`GET /x` names itself as the next page");
    }

    #[test]
    fn an_answer_without_the_list_is_a_failure() {
        let host = Fake::new();
        host.answer("GET /x", 200, json!({}));
        let failure = list(&host, &Request::get("wml", "/x"), "/resources").unwrap_err();
        assert_eq!(failure.message, "`GET /x` answered no list at `/resources`");
    }
}
