//! Login and tokens.

use std::time::Duration;

use serde_json::json;
use stepwise_stub::Options;

use crate::client::Client;

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
fn the_older_login_wants_name_and_password_in_basic() {
    let mut client = Client::new();
    let path = "/v1/preauth/validateAuth";
    client.token.clear();
    assert_eq!(client.get(path).status, 401);
    for (header, status) in [
        ("Basic c3RlcHdpc2U6c3RlcHdpc2UtcGFzc3dvcmQ=", 200),
        ("Basic c3RlcHdpc2U6c3RlcHdpc2UtYXBpLWtleQ==", 401),
        ("Bearer c3RlcHdpc2U6c3RlcHdpc2UtcGFzc3dvcmQ=", 401),
    ] {
        let request = client.agent.get(format!("{}{path}", client.stub.url())).header("authorization", header);
        let mut answer = request.call().unwrap();
        assert_eq!(answer.status(), status, "{header}");
        if status == 200 {
            let body: serde_json::Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
            client.token = body["accessToken"].as_str().unwrap().to_owned();
        }
    }
    assert_eq!(client.get("/v2/spaces").status, 200);
}

#[test]
fn iam_exchanges_an_api_key_and_nothing_else() {
    const GRANT: &str = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";
    let mut client = Client::new();
    let ask = |path: &str, client_of: Option<&str>, form: &str| {
        let mut request = client.agent.post(format!("{}{path}", client.stub.url()));
        if let Some(client_of) = client_of {
            request = request.header("authorization", client_of);
        }
        let mut answer = request.content_type("application/x-www-form-urlencoded").send(form).unwrap();
        let body: serde_json::Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        (answer.status().as_u16(), body)
    };
    let (bx, good) = (Some("Basic Yng6Yng="), format!("{GRANT}&apikey=stepwise-api-key"));
    for path in ["/identity/token", "/oidc/token"] {
        let (status, body) = ask(path, bx, &good);
        assert_eq!((status, &body["token_type"], &body["expires_in"]), (200, &json!("Bearer"), &json!(3600)));
    }
    let (status, body) = ask("/identity/token", bx, &format!("{GRANT}&apikey=wrong"));
    assert_eq!(
        (status, body),
        (400, json!({"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}))
    );
    for (client_of, form) in [
        (None, good.as_str()),
        (bx, "apikey=stepwise-api-key"),
        (bx, "grant_type=password&apikey=stepwise-api-key"),
        (bx, &format!("{good}&username=stepwise")),
    ] {
        assert_eq!(ask("/identity/token", client_of, form).0, 400, "{form}");
    }
    assert_eq!(client.send("POST", "/identity/token", "application/json", b"{}").status, 415);
    let (_, body) = ask("/identity/token", bx, &good);
    client.token = body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/v2/spaces").status, 200);
}
