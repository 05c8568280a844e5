//! Paged lists: `first`, `next`, `limit`, `resources`.

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal};
use crate::call::Call;

const DEFAULT_LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 200;

/// How many resources a client asks for.
pub(crate) fn limit(call: &Call) -> Result<usize, Refusal> {
    call.number("limit", DEFAULT_LIMIT, 1..=LARGEST_LIMIT)
}

/// One page of a list. The links keep the query parameters named in `keep`, never the version, and begin with `base`.
pub(crate) fn answer(call: &Call, mut resources: Vec<Value>, keep: &[&str], base: &str) -> Outcome {
    let limit = limit(call)?;
    let start = match call.query("start") {
        None => 0,
        // Opaque to clients; the prefix keeps them from counting.
        Some(token) => {
            token.strip_prefix("page-").and_then(|number| usize::from_str_radix(number, 16).ok()).ok_or_else(|| {
                Refusal::argument(format!("query parameter `start` is `{token}`, not a token of this list"))
            })?
        }
    };
    let link = |start: Option<usize>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(start) = start {
            query.append_pair("start", &format!("page-{start:x}"));
        }
        query.append_pair("limit", &limit.to_string());
        for name in keep {
            if let Some(value) = call.query(name) {
                query.append_pair(name, value);
            }
        }
        json!({"href": format!("{base}{}?{}", call.path, query.finish())})
    };
    let total = resources.len();
    let mut page = json!({"first": link(None), "limit": limit, "total_count": total});
    if start + limit < total {
        page["next"] = link(Some(start + limit));
    }
    page["resources"] = resources.drain(start.min(total)..(start + limit).min(total)).collect();
    Ok(Answer::ok(&page))
}
