//! The platform next to WML on IBM Cloud, and clusters that are too old.

use serde_json::json;

use super::server::{Reply, Server};
use super::{LONG, Notes, call, config, limits, open, request, user};
use crate::services::{Auth, CallError, Credential, Request, Response, Secret, ServiceConfig, Services};
use crate::spec::Dialect;

/// A service of IBM Cloud.
fn cloud(wml: &Server, platform: &Server) -> Services {
    let (dialect, platform_url) = (Some(Dialect::IbmCloud), Some(format!("{}/zen", platform.url())));
    open(ServiceConfig { dialect, platform_url, ..config(&wml.url()) })
}

#[test]
fn what_is_below_v2_goes_to_the_platform_with_the_same_token() {
    let (wml, platform) = (Server::start(|_| Reply::ok("wml")), Server::start(|_| Reply::ok("platform")));
    let services = cloud(&wml, &platform);

    for (path, answer) in [
        ("/v2/spaces", "platform"),
        ("/ml/v4/models", "wml"),
        ("/v2/assets/1", "platform"),
        ("/v2x", "wml"),
        ("/v2/spaces", "platform"),
    ] {
        assert_eq!(call(&services, "GET", path).unwrap().body, answer.as_bytes(), "{path}");
    }

    assert_eq!(platform.lines(), ["GET /zen/v2/spaces", "GET /zen/v2/assets/1", "GET /zen/v2/spaces"]);
    for received in platform.received().iter().chain(&wml.received()) {
        assert_eq!(received.header("authorization"), Some("Bearer ready.made.token"));
    }
    assert_eq!((wml.connections(), platform.connections()), (1, 1));
}

#[test]
fn a_platform_that_nobody_has_named_is_asked_for() {
    let wml = Server::start(|_| Reply::ok("wml"));
    let services = open(ServiceConfig { dialect: Some(Dialect::IbmCloud), ..config(&wml.url()) });
    assert_eq!(
        call(&services, "GET", "/v2/spaces"),
        Err(CallError::Denied(
            "where the platform of `wml` is does not follow from its `url`\n\
             hint: name the address of `/v2/spaces` as its `platform_url`"
                .to_owned()
        ))
    );
    assert_eq!(call(&services, "GET", "/ml/v4/models").unwrap().body, b"wml");
    assert_eq!(wml.lines(), ["GET /ml/v4/models"]);
}

fn redirected(services: &Services, path: &str, location: &str) -> Result<Option<String>, String> {
    let request: Request = request("GET", path, crate::services::Repeat::ByMethod);
    let headers = vec![("location".to_owned(), location.to_owned())];
    let answer = Response { status: 302, headers, body: Vec::new() };
    let next = services.redirected("wml", &request, &answer);
    next.map(|next| next.map(|next| next.path().to_string())).map_err(|error| error.to_string())
}

#[test]
fn a_redirect_stays_at_its_own_address_of_the_two() {
    let (wml, platform) = (Server::start(|_| Reply::ok("")), Server::start(|_| Reply::ok("")));
    let services = cloud(&wml, &platform);
    for (path, location) in [
        ("/v2/spaces", "/zen/v2/other".to_owned()),
        ("/v2/spaces", format!("{}/zen/v2/other", platform.url())),
        ("/ml/v4/models", "/ml/v4/other".to_owned()),
        ("/ml/v4/models", format!("{}/ml/v4/other", wml.url())),
    ] {
        let found = redirected(&services, path, &location).unwrap().unwrap();
        assert!(found.ends_with("/other"), "{found}");
    }
    for (path, location) in [("/v2/spaces", "/zen/ml/v4/models"), ("/ml/v4/models", "/v2/spaces")] {
        let target = location.trim_start_matches("/zen");
        assert_eq!(
            redirected(&services, path, location),
            Err(format!("`wml` redirects `GET {path}` to `{target}`, which is served at its other address"))
        );
    }
    for (path, other) in [("/v2/spaces", &wml), ("/ml/v4/models", &platform)] {
        let elsewhere = format!("{}{path}", other.url());
        assert!(redirected(&services, path, &elsewhere).unwrap_err().contains("where its token must not go"));
    }
}

#[test]
fn a_platform_in_the_clear_or_with_a_password_is_refused() {
    let refusal = |platform_url: &str| {
        let (dialect, platform_url) = (Some(Dialect::IbmCloud), Some(platform_url.to_owned()));
        let config = ServiceConfig { dialect, platform_url, ..config("https://us-south.ml.cloud.ibm.com") };
        Services::open(vec![config], super::USER_AGENT, &super::Masks::new()).unwrap_err().to_string()
    };
    assert!(refusal("http://api.example.com").contains("would send the credentials in the clear"));
    assert!(refusal("https://me:secret@api.example.com").contains("`https://***@api.example.com`"));
}

#[test]
fn a_login_that_is_not_there_is_explained_by_the_version() {
    let legacy = || Auth::Cp4dLegacy { username: "me".to_owned(), password: Secret::new("pass word") };
    let cp4d = || user(Credential::Password(Secret::new("pass word")));
    let (old, new) = ("/ml/wml_services/version", "/ml/wml_services/v2/version");
    for (auth, path, version, text) in [
        (cp4d(), "", "", "hint: a cluster of version 3.5 has the login `kind: cp4d_legacy`"),
        (cp4d(), new, "5.1.0", "check that its `url` is that of a Cloud Pak for Data cluster"),
        (
            cp4d(),
            old,
            "3.0.1",
            "`wml` is Cloud Pak for Data 3.0.1, which is not supported\nhint: upgrade the cluster to 3.5 or later",
        ),
        (legacy(), "", "", "check that its `url` is that of a Cloud Pak for Data cluster of version 3.5"),
        (
            legacy(),
            old,
            "4.0.2",
            "`wml` is Cloud Pak for Data 4.0.2, which has no login at `/v1/preauth/validateAuth`\nhint: use the login `kind: cp4d`",
        ),
        (
            legacy(),
            old,
            "2.5",
            "`wml` is Cloud Pak for Data 2.5, which is not supported\nhint: upgrade the cluster to 3.5 or later",
        ),
    ] {
        let server = Server::start(move |received| match received.line.strip_prefix("GET ") {
            Some(line) if line == path => Reply::ok(&json!({"version": version}).to_string()),
            _ => Reply::status(404),
        });
        let error = call(&open(ServiceConfig { auth, ..config(&server.url()) }), "GET", "/v2/spaces").unwrap_err();
        let CallError::Login(found) = error else { panic!("{error:?}") };
        assert!(found.ends_with(text), "{found}");
    }
}

#[test]
fn whether_a_cluster_is_too_old_is_asked_when_the_first_thing_of_wml_is_not_there() {
    let is_old = |received: &super::server::Received| received.line.starts_with("GET /v4/spaces");
    let old = Server::start(move |received| if is_old(received) { Reply::ok("{}") } else { Reply::status(404) });
    let services = open(config(&old.url()));
    let text = "`wml` is Cloud Pak for Data 3.0 or before, which is not supported\n\
                hint: upgrade the cluster to 3.5 or later";
    assert_eq!(call(&services, "POST", "/ml/v4/models"), Err(CallError::Denied(text.to_owned())));
    assert_eq!(
        old.lines(),
        [
            "POST /ml/v4/models",
            "GET /v2/spaces?limit=1",
            "GET /ml/wml_services/v2/version",
            "GET /ml/wml_services/version",
            "GET /v4/spaces",
        ]
    );
    // No version is asked for with the token.
    let tokens: Vec<_> = old.received().iter().map(|received| received.header("authorization").is_some()).collect();
    assert_eq!(tokens, [true, true, false, false, true]);

    // Something else is not there.
    let other =
        Server::start(
            |received| {
                if received.line.starts_with("GET /v2/spaces?") { Reply::ok("{}") } else { Reply::status(404) }
            },
        );
    let services = open(config(&other.url()));
    for path in ["/openscale/1/v2/data_marts", "/ml/v4/models/1", "/ml/v4/models/2"] {
        assert_eq!(call(&services, "GET", path).unwrap().status, 404);
    }
    let lines =
        ["GET /openscale/1/v2/data_marts", "GET /ml/v4/models/1", "GET /v2/spaces?limit=1", "GET /ml/v4/models/2"];
    assert_eq!(other.lines(), lines);

    // Nobody asks where something was there before, nor on IBM Cloud.
    let known =
        Server::start(|received| if received.line.ends_with("/1") { Reply::ok("{}") } else { Reply::status(404) });
    let services = open(config(&known.url()));
    for path in ["/ml/v4/models/1", "/ml/v4/models/2"] {
        call(&services, "GET", path).unwrap();
    }
    assert_eq!(known.lines(), ["GET /ml/v4/models/1", "GET /ml/v4/models/2"]);
    let wml = Server::start(|_| Reply::status(404));
    assert_eq!(call(&cloud(&wml, &wml), "GET", "/ml/v4/models/1").unwrap().status, 404);
    assert_eq!(wml.lines().len(), 1);
}

#[test]
fn the_host_asks_in_the_step_s_own_name() {
    let server = Server::start(|_| Reply::status(404));
    let notes = Notes::default();
    let services = open(config(&server.url()));
    services
        .call("wml", &request("GET", "/v2/spaces/1", crate::services::Repeat::ByMethod), &limits(LONG), &notes)
        .unwrap();
    assert_eq!(notes.lines().len(), 5);
    assert_eq!(notes.transaction_ids().len(), 1);
}
