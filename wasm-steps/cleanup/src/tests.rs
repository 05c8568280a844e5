//! Cleanup against a fake host.

use serde_json::{Value, json};
use step_sdk::fake::Fake;
use step_sdk::ledger::{Announcement, Lookup, State};
use step_sdk::services::Error;
use step_sdk::{Failure, FailureCategory};

fn announcement(kind: &str) -> Announcement {
    let path = format!("/{kind}s");
    Announcement {
        kind: kind.to_owned(),
        service: "wml".to_owned(),
        name: "screening".to_owned(),
        find: Lookup::list(path.clone(), "/resources").matching("/metadata/tags", "{tag}"),
        remove_path: format!("{path}/{{id}}"),
        remove_query: Vec::new(),
        users: None,
        shared: false,
        basis: String::new(),
    }
}

fn shared(kind: &str) -> Announcement {
    let users = Lookup::list("/users", "/resources").query("of", "{id}").matching("/entity/of", "{id}");
    Announcement { users: Some(users), shared: true, ..announcement(kind) }
}

fn listed(ids: &[(&str, &str)]) -> Value {
    let resources: Vec<_> = ids.iter().map(|(id, tag)| json!({"metadata": {"id": id, "tags": ["x", tag]}})).collect();
    json!({ "resources": resources })
}

fn run(host: &Fake) -> Result<Value, Failure> {
    crate::run_json(host, "{}").map(|outputs| serde_json::from_str(&outputs).unwrap())
}

fn states(host: &Fake) -> Vec<State> {
    host.ledger().iter().map(|entry| entry.state).collect()
}

#[test]
fn the_newest_is_removed_first_and_proved_gone() {
    let host = Fake::new();
    host.announced("store", announcement("model"), Some("m"));
    host.announced("deploy", announcement("deployment"), Some("d"));
    host.answer("DELETE /deployments/d", 204, ());
    host.answer("GET /deployments", 200, listed(&[("d", "run-2")]));
    host.answer("GET /deployments", 200, listed(&[]));
    host.answer("DELETE /models/m", 204, ());
    host.answer("GET /models", 200, listed(&[("other", "run-9")]));

    let outputs = run(&host).unwrap();

    let things = [
        json!({"kind": "deployment", "name": "screening", "id": "d"}),
        json!({"kind": "model", "name": "screening", "id": "m"}),
    ];
    assert_eq!(outputs, json!({"removed": things, "already_gone": [], "kept": [], "failed": []}));
    assert_eq!(
        host.routes(),
        ["DELETE /deployments/d", "GET /deployments", "GET /deployments", "DELETE /models/m", "GET /models"]
    );
    assert_eq!(states(&host), [State::Removed, State::Removed]);
}

#[test]
fn what_is_gone_already_is_no_failure() {
    let host = Fake::new();
    host.announced("store", announcement("model"), Some("m"));
    host.answer("DELETE /models/m", 404, json!({"errors": [{"message": "unknown"}]}));
    host.answer("GET /models", 200, listed(&[]));
    assert_eq!(run(&host).unwrap()["already_gone"][0]["id"], "m");
    assert_eq!(states(&host), [State::Removed]);
}

#[test]
fn a_resource_whose_answer_was_lost_is_found_by_its_tag() {
    let host = Fake::new();
    host.announced("store", announcement("model"), None);
    host.answer("GET /models", 200, listed(&[]));
    host.answer("GET /models", 200, listed(&[("other", "run-9"), ("m", "run-1")]));
    host.answer("DELETE /models/m", 204, ());
    host.answer("GET /models", 200, listed(&[("other", "run-9")]));
    assert_eq!(run(&host).unwrap()["removed"][0]["id"], "m");
}

#[test]
fn a_resource_that_was_never_created_is_gone() {
    let host = Fake::new();
    host.announced("store", announcement("model"), None);
    host.answer("GET /models", 200, listed(&[]));
    host.answer("GET /models", 200, listed(&[]));
    assert_eq!(run(&host).unwrap()["already_gone"], json!([{"kind": "model", "name": "screening"}]));
    assert_eq!(states(&host), [State::Removed]);
}

#[test]
fn a_resource_that_is_created_after_all_is_removed_by_the_next_cleanup() {
    let host = Fake::new();
    host.announced("store", announcement("model"), None);
    host.answer("GET /models", 200, listed(&[]));
    host.answer("GET /models", 200, listed(&[]));
    run(&host).unwrap();
    host.answer("GET /models", 200, listed(&[]));
    assert_eq!(run(&host).unwrap()["already_gone"], json!([]));

    host.answer("GET /models", 200, listed(&[("m", "run-1")]));
    host.answer("DELETE /models/m", 204, ());
    host.answer("GET /models", 200, listed(&[]));
    assert_eq!(run(&host).unwrap()["removed"], json!([{"kind": "model", "name": "screening", "id": "m"}]));
    assert_eq!(states(&host), [State::Removed]);
    run(&host).unwrap();
    assert_eq!(host.routes().len(), 6, "once it was seen and removed, it is gone for good");
}

#[test]
fn a_second_cleanup_removes_nothing_twice() {
    let host = Fake::new();
    host.announced("store", announcement("model"), Some("m"));
    host.answer("DELETE /models/m", 204, ());
    host.answer("GET /models", 200, listed(&[]));
    run(&host).unwrap();
    assert_eq!(run(&host).unwrap()["removed"], json!([]));
    assert_eq!(host.requests().len(), 2);
}

#[test]
fn a_shared_resource_that_others_use_is_kept() {
    let host = Fake::new();
    host.announced("subscribe", shared("provider"), Some("p"));
    host.answer("GET /users", 200, json!({"resources": [{"metadata": {"id": "u"}, "entity": {"of": "p"}}]}));
    let kept = json!([{"kind": "provider", "name": "screening", "id": "p", "why": "used by `u`"}]);
    assert_eq!(run(&host).unwrap()["kept"], kept);
    assert_eq!(states(&host), [State::Kept]);
    assert_eq!(host.requests()[0].query("of"), Some("p"));
}

#[test]
fn a_kept_resource_goes_once_its_users_are_gone() {
    let host = Fake::new();
    host.announced("subscribe", shared("provider"), Some("p"));
    host.answer("GET /users", 200, json!({"resources": [{"metadata": {"id": "u"}, "entity": {"of": "p"}}]}));
    run(&host).unwrap();
    host.answer("GET /users", 200, listed(&[]));
    host.answer("DELETE /providers/p", 202, ());
    host.answer("GET /providers", 200, listed(&[]));
    assert_eq!(run(&host).unwrap()["removed"][0]["id"], "p");
}

#[test]
fn after_a_refusal_the_rest_is_removed() {
    let host = Fake::new();
    host.announced("store", announcement("model"), Some("m"));
    host.announced("deploy", announcement("deployment"), Some("d"));
    host.answer("DELETE /deployments/d", 409, json!({"errors": [{"message": "it is locked"}]}));
    host.answer("DELETE /models/m", 204, ());
    host.answer("GET /models", 200, listed(&[]));

    let failure = run(&host).unwrap_err();

    assert_eq!(failure.category, FailureCategory::Refused);
    let why = "removing deployment `screening` answered 409: it is locked";
    assert_eq!(failure.message, format!("not everything is removed: deployment `screening` ({why})"));
    let outputs: Value = serde_json::from_str(&failure.outputs.unwrap()).unwrap();
    assert_eq!(outputs["removed"][0]["id"], "m");
    assert_eq!(outputs["failed"], json!([{"kind": "deployment", "name": "screening", "id": "d", "why": why}]));
    assert_eq!(states(&host), [State::Removed, State::Confirmed]);
}

#[test]
fn a_service_that_is_away_is_worth_another_try() {
    let host = Fake::new();
    host.announced("store", announcement("model"), Some("m"));
    host.fail("DELETE /models/m", Error::Unreachable("connection refused".into()));
    assert_eq!(run(&host).unwrap_err().category, FailureCategory::Unavailable);
}

#[test]
fn what_stays_listed_is_not_called_removed() {
    let host = Fake::new();
    host.announced("store", announcement("model"), Some("m"));
    host.answer("DELETE /models/m", 204, ());
    host.always("GET /models", |_| (200, listed(&[("m", "run-1")])));
    let failure = run(&host).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Unavailable);
    assert!(failure.message.ends_with("(removing model `screening` took longer than 300 s: still listed)"));
    assert_eq!(states(&host), [State::Confirmed]);
}

#[test]
fn a_twin_with_the_same_tag_is_reported() {
    let host = Fake::new();
    host.announced("store", announcement("model"), Some("m"));
    host.answer("DELETE /models/m", 204, ());
    host.answer("GET /models", 200, listed(&[("twin", "run-1")]));
    let failure = run(&host).unwrap_err();
    assert!(failure.message.ends_with("(another model has its tag: `twin`)"));
}

#[test]
fn an_unknown_input_is_refused() {
    let failure = crate::run_json(&Fake::new(), r#"{"timeout": 1}"#).unwrap_err();
    assert_eq!(failure.category, FailureCategory::InvalidInput);
}
