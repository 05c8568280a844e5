//! Failures on demand.

use std::time::{Duration, Instant};

use serde_json::json;
use stepwise_stub::{Fault, FaultKind, Nth, Recorded};

use crate::client::Client;

#[test]
fn a_status_is_answered_without_acting() {
    let client = Client::new();
    let headers = vec![("Retry-After".to_owned(), "1".to_owned())];
    client.stub.fail(Fault::new("POST", "/ml/v4/models", FaultKind::Status { code: 503, body: None, headers }));
    let request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
    let refused = client.post(&client.wml("models"), &request);
    assert_eq!(refused.refusal(), (503, "fault", "a fault answers 503"));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(client.stub.leftovers(), []);
    assert_eq!(client.post(&client.wml("models"), &request).status, 201);
}

#[test]
fn a_dropped_connection_acts_or_does_not() {
    let client = Client::new();
    let request = client.model("onnxruntime_1.17", "onnxruntime_opset_21").to_string();
    let store = || client.try_send("POST", &client.wml("models"), "application/json", request.as_bytes());
    client.stub.fail(Fault::new("POST", "/ml/**", FaultKind::DropConnection));
    assert!(store().is_err());
    assert_eq!(client.stub.leftovers().len(), 0);
    client.stub.mend();
    client.stub.fail(Fault::new("POST", "/ml/**", FaultKind::DropAfter));
    assert!(store().is_err());
    assert_eq!(client.stub.leftovers().len(), 1);
    assert_eq!(client.stub.requests().iter().filter(|request| request.status.is_none()).count(), 2);
}

#[test]
fn half_a_body_is_a_broken_answer() {
    let client = Client::new();
    client.stub.fail(Fault::new("GET", "/v2/spaces", FaultKind::Truncate).on(Nth::Nth(2)));
    assert_eq!(client.get("/v2/spaces").status, 200);
    assert!(client.try_send("GET", "/v2/spaces", "", b"").is_err());
    assert_eq!(client.get("/v2/spaces").status, 200);
}

#[test]
fn a_delay_comes_before_the_answer() {
    let client = Client::new();
    client.stub.fail(Fault::new("GET", "/v2/spaces/*", FaultKind::Delay(Duration::from_millis(50))).on(Nth::Every));
    let start = Instant::now();
    assert_eq!(client.get(&format!("/v2/spaces/{}", client.space)).status, 200);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[test]
fn a_call_whose_client_is_gone_is_acted_on_and_recorded() {
    let client = Client::new();
    let request = client.model("onnxruntime_1.17", "onnxruntime_opset_21").to_string();
    for (calls, kind) in (1..).zip([FaultKind::Delay(Duration::from_hours(1)), FaultKind::Stall]) {
        client.stub.fail(Fault::new("POST", "/ml/v4/models", kind));
        let connection = client.begin("POST", &client.wml("models"), &request);
        until(|| client.stub.held() == calls);
        drop(connection);
        client.stub.release();
        until(|| client.stub.leftovers().len() == calls);
    }
    let of_models = |requests: Vec<Recorded>| requests.into_iter().filter(|one| one.path == "/ml/v4/models").collect();
    let recorded: Vec<_> = of_models(client.stub.requests());
    assert_eq!(recorded.iter().map(|one| one.status).collect::<Vec<_>>(), [Some(201), None]);
}

/// Waits for what happens on another thread.
fn until(happened: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !happened() {
        assert!(Instant::now() < end, "it does not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn tokens_expire_on_demand() {
    let client = Client::new();
    client.stub.fail(Fault::new("GET", "/v2/spaces", FaultKind::ExpireTokens));
    assert_eq!(client.get("/v2/spaces").refusal().1, "authentication_token_expired");
    client.log_in();
    assert_eq!(client.get("/v2/spaces").status, 401);
}

#[test]
fn an_answer_is_replaced_after_acting() {
    let client = Client::new();
    let kind = FaultKind::Body { status: 200, json: json!({"half": true}) };
    client.stub.fail(Fault::new("*", "/ml/v4/models", kind).on(Nth::From(1)));
    let answer = client.post(&client.wml("models"), &client.model("onnxruntime_1.17", "onnxruntime_opset_21"));
    assert_eq!((answer.status, answer.body), (200, json!({"half": true})));
    assert_eq!(client.stub.leftovers().len(), 1);
}
