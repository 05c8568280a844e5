//! Every refusal of `refusals.md`, in its very words, and what holds for every route.

use std::fs;
use std::path::Path;

use stepwise_stub::Dialect;

use crate::client::Client;

mod lines;
mod scene;

use lines::{Document, Line};
use scene::Scene;

#[test]
fn every_refusal_is_told_in_its_own_words() {
    let mut document = Document::read();
    let scene = Scene::new();
    let mut wrong = Vec::new();
    for line in document.lines() {
        let answer = if line.later { scene.send_and_wait(line) } else { scene.send(line) };
        if answer != line.answer {
            wrong.push(format!(
                "{}: {} {}\n  told  {answer:?}\n  lists {:?}",
                line.what, line.request, line.body, line.answer
            ));
        }
        line.answer = answer;
    }
    if std::env::var_os("BLESS").is_some() {
        document.write();
        return;
    }
    assert!(wrong.is_empty(), "BLESS=1 writes them anew:\n{}", wrong.join("\n"));
}

#[test]
fn every_route_is_in_the_table_and_refuses_unknown_query_parameters() {
    let scene = Scene::new();
    let mut document = Document::read();
    let listed: Vec<(String, String)> = document.lines().map(|line| line.route()).collect();
    let routes = routes();
    let is_listed =
        |method: &str, path: &str| listed.iter().any(|(other, listed)| other == method && fits(path, listed));
    let missing: Vec<_> = routes.iter().filter(|(method, path)| !is_listed(method, path)).collect();
    assert!(missing.is_empty(), "`refusals.md` has no line of {missing:#?}");
    for (method, path) in routes {
        let mut line = Line::of(&format!("{method} {}?{{scope}}&wrong=1", path.replace("{instance}", "{mart}")));
        if path == "/ml/v4/instances/{id}" {
            line.product = Dialect::IbmCloud;
        }
        let (status, _, message) = scene.send(&line);
        assert_eq!(status, "400", "{method} {path}: {message}");
        assert!(message.starts_with("unknown query parameter `"), "{method} {path}: {message}");
    }
}

/// All methods and paths that the services of the stub have, read from its sources; logins are not among them.
fn routes() -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for (file, prefix) in [("wml/mod.rs", ""), ("openscale/mod.rs", "/openscale/{instance}/v2/")] {
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap();
        let source = &source[source.find("Router::new()").unwrap()..];
        for route in source.split(".route(").skip(1) {
            let path = route.split('"').nth(1).unwrap();
            let handlers = &route[..route.find("\n        .route(").unwrap_or_else(|| end_of_router(route))];
            for (method, words) in [
                ("GET", ["get(", "MethodFilter::GET"]),
                ("POST", ["post(", "MethodFilter::POST"]),
                ("PUT", ["put(", "MethodFilter::PUT"]),
                ("PATCH", ["patch(", "MethodFilter::PATCH"]),
                ("DELETE", ["delete(", "MethodFilter::DELETE"]),
            ] {
                if words.iter().any(|word| calls(handlers, word)) {
                    routes.push((method.to_owned(), format!("{prefix}{path}")));
                }
            }
        }
    }
    assert!(routes.len() > 50, "{routes:?}");
    routes
}

fn end_of_router(route: &str) -> usize {
    route.find("\n}").unwrap_or(route.len())
}

/// Whether a word stands by itself: `get(` is no part of `models::get)`.
fn calls(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with([':', '_']))
}

fn fits(route: &str, path: &str) -> bool {
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len()
        && route.iter().zip(path).all(|(wanted, given)| wanted.starts_with('{') || *wanted == given)
}

#[test]
fn the_transaction_id_comes_back() {
    let client = Client::new();
    let url = format!("{}/v2/spaces", client.stub.url());
    let request = client.agent.get(&url).header("authorization", format!("Bearer {}", client.token));
    let answer = request.header("x-global-transaction-id", "t-1").call().unwrap();
    assert_eq!(answer.headers()["x-global-transaction-id"], "t-1");
}
