//! Logins and tokens, and that no secret is ever written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::{Dialect, Fault, FaultKind, Nth, Options};

use crate::custom::rogue;
use crate::harness::{Bench, Ran, always, each, status};
use crate::server::Server;

const LOGIN: &str = "/icp4d-api/v1/authorize";
const API_KEY: &str = "api_key: \"${{ secrets.CPD_API_KEY }}\"";
const SPACE: &str = "/v2/spaces/*";

/// What every token of the stub begins with: `{"alg":"RS256"` in base64.
const TOKEN: &str = "eyJhbGciOi";

fn logins(bench: &Bench) -> usize {
    bench.requests().iter().filter(|request| **request == format!("POST {LOGIN}")).count()
}

/// The sample, logging in with a password.
fn with_password() -> Bench {
    let bench = Bench::sample().spec(API_KEY, "password: \"${{ secrets.CPD_PASSWORD }}\"").without("CPD_API_KEY");
    let password = bench.stub.password().to_owned();
    bench.variable("CPD_PASSWORD", &password)
}

/// The sample, with a token of its own.
fn with_token(token: &str) -> Bench {
    Bench::sample()
        .spec("kind: cp4d\n", "kind: token\n")
        .spec("      username: \"${{ env.CPD_USERNAME }}\"\n", "")
        .spec(API_KEY, "token: \"${{ secrets.CPD_TOKEN }}\"")
        .without("CPD_API_KEY")
        .without("CPD_USERNAME")
        .variable("CPD_TOKEN", token)
}

fn token_of(bench: &Bench) -> String {
    let body = json!({"username": bench.stub.username(), "password": bench.stub.password()}).to_string();
    let request = ureq::post(format!("{}{LOGIN}", bench.stub.url())).header("content-type", "application/json");
    let answer = request.send(body).unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str::<Value>(&answer).unwrap()["token"].as_str().unwrap().to_owned()
}

/// No secret and no token is in any file of the run, on stdout or on stderr.
fn tells_nothing(bench: &Bench, ran: &Ran<'_>, secrets: &[&str]) {
    let mut texts =
        vec![("stdout".to_owned(), ran.stdout().into_bytes()), ("stderr".to_owned(), ran.stderr().into_bytes())];
    files(&bench.folder.path().join(".stepwise"), &mut texts);
    assert!(texts.len() > 8, "the run left only {} files", texts.len() - 2);
    for (name, text) in &texts {
        for secret in secrets.iter().chain(&[TOKEN]) {
            let found = text.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "`{secret}` is in {name}:\n{}", String::from_utf8_lossy(text));
        }
    }
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn an_api_key_a_password_and_a_token_log_in_and_are_written_nowhere() {
    let bench = Bench::sample();
    let ran = bench.run().succeeds();
    assert_eq!(logins(&bench), 1);
    tells_nothing(&bench, &ran, &[bench.stub.api_key()]);

    let bench = with_password();
    let ran = bench.run().succeeds();
    assert_eq!(logins(&bench), 1);
    tells_nothing(&bench, &ran, &[bench.stub.password()]);

    let bench = with_token("");
    let token = token_of(&bench);
    let bench = bench.variable("CPD_TOKEN", &token);
    let ran = bench.run().succeeds();
    assert_eq!(logins(&bench), 1, "only the test's own");
    tells_nothing(&bench, &ran, &[&token]);
}

#[test]
fn a_token_that_is_withdrawn_is_replaced() {
    let anywhere = [
        ("store", "GET", SPACE),
        ("store", "POST", "/ml/v4/models"),
        ("store", "PUT", "/ml/v4/models/*/content"),
        ("deploy", "GET", "/ml/v4/deployments/*"),
        ("subscribe", "POST", "/openscale/*/v2/subscriptions"),
        ("score", "POST", "/ml/v4/deployments/*/predictions"),
        ("score", "POST", "/openscale/*/v2/data_sets/*/records"),
        ("evaluate", "GET", "/openscale/*/v2/monitor_instances/*/runs/*"),
        ("cleanup", "DELETE", "/v2/assets/*"),
    ];

    each(
        &anywhere,
        |(_, _, path)| path,
        |(step, method, path)| {
            for fault in [Fault::new(method, path, FaultKind::ExpireTokens), status(method, path, 401)] {
                let kind = fault.kind.clone();
                let bench = Bench::sample().fails(fault);

                bench.run().succeeds();

                assert_eq!(logins(&bench), 2, "{kind:?}");
                assert_eq!(bench.step(step)["attempts"], 1, "{kind:?}");
                assert_eq!(bench.outputs("score")["feedback_records"], 171, "{kind:?}");
                bench.leaves_nothing();
            }
        },
    );
}

#[test]
fn a_token_is_replaced_before_it_expires() {
    // The stub lets no expired token pass: a run without a 401 has replaced each in time.
    let short =
        Options { token_lifetime: Duration::from_secs(3), settle: Duration::from_millis(700), ..Options::default() };
    let bench = Bench::with(short).model();

    bench.run().succeeds();

    assert!(logins(&bench) > 1);
    assert!(bench.stub.requests().iter().all(|request| request.status != Some(401)));
}

#[test]
fn a_login_that_is_refused_says_what_to_check() {
    struct Case {
        name: &'static str,
        bench: fn() -> Bench,
        category: &'static str,
        message: &'static str,
        logins: usize,
    }
    let cases = [
        Case {
            name: "a wrong API key",
            bench: || Bench::sample().variable("CPD_API_KEY", "wrong-api-key"),
            category: "refused",
            message: "`GET /v2/spaces/ID` could not log in: `wml` refused the login with 401; check user name and API key",
            logins: 1,
        },
        Case {
            name: "a wrong password",
            bench: || with_password().variable("CPD_PASSWORD", "wrong-password"),
            category: "refused",
            message: "`GET /v2/spaces/ID` could not log in: `wml` refused the login with 401; check user name and password",
            logins: 1,
        },
        Case {
            name: "an unknown user",
            bench: || Bench::sample().variable("CPD_USERNAME", "nobody"),
            category: "refused",
            message: "`GET /v2/spaces/ID` could not log in: `wml` refused the login with 401; check user name and API key",
            logins: 1,
        },
        Case {
            name: "a wrong token",
            bench: || with_token("wrong.token.altogether"),
            category: "refused",
            message: "`GET /v2/spaces/ID` answered 401: the token is not valid",
            logins: 0,
        },
        Case {
            name: "401 for good",
            bench: || Bench::sample().fails(always("GET", SPACE, 401)),
            category: "refused",
            message: "`GET /v2/spaces/ID` answered 401: a fault answers 401",
            logins: 2,
        },
        Case {
            name: "a login that answers no token",
            bench: || {
                let body = FaultKind::Body { status: 200, json: json!({"_messageCode_": "200"}) };
                Bench::sample().fails(Fault::new("POST", LOGIN, body).on(Nth::Every))
            },
            category: "refused",
            message: "`GET /v2/spaces/ID` could not log in: `wml` answered the login without a token",
            logins: 1,
        },
        Case {
            name: "an address that is no cluster's",
            bench: || Bench::sample().fails(always("POST", LOGIN, 404)),
            category: "refused",
            message: "`GET /v2/spaces/ID` could not log in: `wml` answered 404 to the login at `/icp4d-api/v1/authorize`; \
                      check that its `url` is that of a Cloud Pak for Data cluster",
            logins: 1,
        },
        Case {
            name: "a login that is away",
            bench: || Bench::sample().fails(always("POST", LOGIN, 503)),
            category: "unavailable",
            message: "`GET /v2/spaces/ID` found no service: `wml` cannot log in for now, it answered 503",
            logins: 4,
        },
    ];

    each(
        &cases,
        |case| case.name,
        |case| {
            let bench = (case.bench)();

            let ran = bench.run().exits_with(3).fails_in("store", case.category, case.message);

            assert_eq!(logins(&bench), case.logins);
            assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
            bench.leaves_nothing();
            tells_nothing(&bench, &ran, &["wrong-api-key", "wrong-password", "wrong.token.altogether"]);
        },
    );
}

#[test]
fn a_secret_that_a_service_repeats_is_masked() {
    let key = Options::default().api_key;
    let echo = |path: &str| {
        let body = json!({"errors": [{"message": format!("bad key {key}, {}", key.replace('-', "%2D"))}]});
        let kind = FaultKind::Status { code: 400, body: Some(body), headers: vec![("x-key".into(), key.clone())] };
        Fault::new("*", path, kind).on(Nth::Every)
    };

    let bench = Bench::sample().fails(echo("/ml/v4/models"));
    let ran =
        bench.run().exits_with(3).fails_in("store", "refused", "`POST /ml/v4/models` answered 400: bad key ***, ***");
    tells_nothing(&bench, &ran, &[&key]);

    // What a failed step found out all the same quotes the service too.
    let bench = Bench::sample().fails(echo("/v2/assets/*"));
    let ran = bench.run().exits_with(3);
    tells_nothing(&bench, &ran, &[&key]);
    assert_eq!(
        bench.outputs("cleanup")["failed"][0]["why"],
        "removing model `tumour-screening` answered 400: bad key ***, ***"
    );
}

/// The sample with the login of another product.
fn with_auth(dialect: Dialect, auth: &str) -> Bench {
    let bench = Bench::with(Options { dialect, ..Options::default() }).model();
    let platform = bench.stub.platform_url().to_owned();
    bench
        .variable("PLATFORM_URL", &platform)
        .spec(
            "auth: &login\n      kind: cp4d\n      username: \"${{ env.CPD_USERNAME }}\"\n      ",
            "auth: &login\n      ",
        )
        .spec(API_KEY, auth)
}

#[test]
fn a_wrong_password_or_key_is_refused_by_each_of_them() {
    for (dialect, auth, message) in [
        (
            Dialect::Cp4d35,
            "{kind: cp4d_legacy, username: stepwise, password: wrong-password}",
            "`wml` refused the login with 401; check user name and password",
        ),
        (
            Dialect::IbmCloud,
            "{kind: ibm_cloud, api_key: wrong-api-key, iam_url: \"${{ env.PLATFORM_URL }}\"}\n    \
             platform_url: \"${{ env.PLATFORM_URL }}\"",
            "`wml` refused the login with 400; check the API key",
        ),
    ] {
        let message = format!("`GET /v2/spaces/ID` could not log in: {message}");
        let bench = with_auth(dialect, auth);
        let ran = bench.run().exits_with(3).fails_in("store", "refused", &message);
        tells_nothing(&bench, &ran, &["wrong-password", "wrong-api-key"]);
    }
}

#[test]
fn a_token_file_that_changes_during_the_run_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first.token.x\n").unwrap();
    let (next, path) = (folder.path().join("next"), file.clone());
    let server = Server::start(move |request| {
        if request.header("authorization") == "Bearer second.token.x" {
            return (200, Vec::new(), "{}".to_owned());
        }
        // As Kubernetes does for its service accounts, when the old one is about to end.
        fs::write(&next, "second.token.x\n").unwrap();
        fs::rename(&next, &path).unwrap();
        (401, Vec::new(), "{}".to_owned())
    });
    let bench = rogue("{do: send, request: wml GET /v2/spaces}", "    grant: {wml: [\"GET /v2/spaces\"]}\n")
        .spec(
            "{kind: cp4d, username: \"${{ env.CPD_USERNAME }}\", ",
            "{kind: token_file, file: \"${{ env.TOKEN_FILE }}\"}}\n# {",
        )
        .variable("TOKEN_FILE", file.to_str().unwrap())
        .variable("CPD_URL", &server.url());

    let ran = bench.run().succeeds();

    assert_eq!(server.lines(), ["GET /v2/spaces", "GET /v2/spaces"]);
    assert_eq!(bench.outputs("rogue")["found"]["status"], "200");
    for secret in ["first.token.x", "second.token.x"] {
        assert!(!ran.stderr().contains(secret) && !bench.record().to_string().contains(secret));
    }
}

#[test]
fn a_token_file_that_is_none_is_a_wrong_spec() {
    for (content, what) in [("", "is empty"), ("a b", "has a character that no header may have")] {
        let bench = with_auth(Dialect::Cp4d5, "{kind: token_file, file: token}").file("token", content);
        let message = format!("service `openscale`: the token file `token` {what}\n");
        let other = message.replace("openscale", "wml");
        bench.run().exits_with(2).finds_in_spec(&format!("pipeline.yaml:12:32: {other}pipeline.yaml:15:11: {message}"));
    }
}
