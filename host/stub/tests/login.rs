//! Login and tokens.

use std::time::Duration;

use serde_json::json;
use stepwise_stub::{Dialect, Options};

use crate::client::{Answer, BX, Client, GRANT};

const LOGIN: &str = "/icp4d-api/v1/authorize";

#[test]
fn a_password_or_an_api_key_gets_a_token() {
    let client = Client::new();
    for body in [
        json!({"username": "stepwise", "password": "stepwise-password"}),
        json!({"username": "stepwise", "password": null, "api_key": "stepwise-api-key"}),
    ] {
        let answer = client.post(LOGIN, &body);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["token"].as_str().unwrap().split('.').count(), 3);
    }
}

#[test]
fn wrong_credentials_are_refused() {
    let client = Client::new();
    for body in [
        json!({"username": "stepwise", "password": "wrong"}),
        json!({"username": "other", "password": "stepwise-password"}),
        json!({"username": "stepwise", "api_key": "wrong", "password": "stepwise-password"}),
    ] {
        assert_eq!(client.post(LOGIN, &body).status, 401);
    }
    assert_eq!(client.post(LOGIN, &json!({"username": "stepwise"})).status, 400);
    assert_eq!(client.post(LOGIN, &json!({"username": "stepwise", "pass": "x"})).status, 400);
    assert_eq!(client.send("POST", LOGIN, "application/json", b"{").status, 400);
}

#[test]
fn every_service_wants_a_token() {
    let mut client = Client::new();
    let paths = ["/v2/spaces".to_owned(), client.wml("models"), client.ai("data_marts")];
    client.token = "never.given.out".into();
    assert_eq!(client.get(&paths[0]).refusal(), (401, "authorization_rejected", "the token is not valid"));
    client.token.clear();
    assert_eq!(
        client.get(&paths[1]).refusal(),
        (401, "authorization_rejected", "there is no bearer token in `Authorization`")
    );
    assert_eq!(client.get(&paths[2]).refusal().1, "AIQST0401E");
}

#[test]
fn a_token_expires() {
    let client = Client::with(Options { token_lifetime: Duration::ZERO, ..Options::default() });
    assert_eq!(client.get("/v2/spaces").refusal(), (401, "authentication_token_expired", "the token has expired"));
    let mut client = Client::new();
    assert_eq!(client.get("/v2/spaces").status, 200);
    client.stub.expire_tokens();
    assert_eq!(client.get("/v2/spaces").status, 401);
    client.token = client.log_in();
    assert_eq!(client.get("/v2/spaces").status, 200);
}

#[test]
fn without_an_iam_integration_its_login_does_not_exist() {
    let client = Client::new();
    assert_eq!(client.post("/idprovider/v1/auth/identitytoken", &json!({})).status, 404);
    assert_eq!(client.get("/ml/wml_services/v2/version").body, json!({"version": "5.1.0"}));
}

#[test]
fn the_login_of_3_5_wants_name_and_password_in_basic() {
    let mut client = Client::of(Dialect::Cp4d35);
    client.token.clear();
    assert_eq!(client.get("/v1/preauth/validateAuth").status, 401);
    for (header, status) in [
        ("Basic c3RlcHdpc2U6c3RlcHdpc2UtcGFzc3dvcmQ=", 200),
        ("Basic c3RlcHdpc2U6c3RlcHdpc2UtYXBpLWtleQ==", 401),
        ("Bearer c3RlcHdpc2U6c3RlcHdpc2UtcGFzc3dvcmQ=", 401),
    ] {
        assert_eq!(client.log_in_with(header).status, status, "{header}");
    }
    client.token = client.log_in();
    assert_eq!(client.get("/v2/spaces").status, 200);
}

#[test]
fn iam_exchanges_an_api_key_and_nothing_else() {
    let mut client = Client::of(Dialect::IbmCloud);
    let good = format!("{GRANT}&apikey=stepwise-api-key");
    for path in ["/identity/token", "/oidc/token"] {
        let Answer { status, body, .. } = client.exchange(path, Some(BX), &good);
        assert_eq!((status, &body["token_type"], &body["expires_in"]), (200, &json!("Bearer"), &json!(3600)));
    }
    let refused = client.exchange("/identity/token", Some(BX), &format!("{GRANT}&apikey=wrong"));
    assert_eq!(
        (refused.status, refused.body),
        (400, json!({"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}))
    );
    for (bx, form) in [
        (None, good.as_str()),
        (Some(BX), "apikey=stepwise-api-key"),
        (Some(BX), "grant_type=password&apikey=stepwise-api-key"),
        (Some(BX), &format!("{good}&username=stepwise")),
        (None, &format!("{good}&response_type=other")),
        (Some("Basic eDp4"), &format!("{good}&response_type=cloud_iam")),
    ] {
        assert_eq!(client.exchange("/identity/token", bx, form).status, 400, "{form}");
    }
    assert_eq!(client.send("POST", "/identity/token", "application/json", b"{}").status, 415);
    // As the clients of OpenScale ask.
    let token = client.exchange("/identity/token", None, &format!("{good}&response_type=cloud_iam"));
    client.token = token.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/v2/spaces").status, 200);
}
