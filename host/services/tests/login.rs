//! Logging in, and tokens that end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use serde_json::json;

use super::server::{LOGIN, Reply, Server};
use super::*;
use crate::services::token::jwt;

fn cp4d(server: &Server) -> ServiceConfig {
    ServiceConfig { auth: user(Credential::ApiKey(Secret::new("key-\"of-the\\user"))), ..config(&server.url()) }
}

#[test]
fn a_password_and_a_key_are_sent_as_they_are() {
    for (credential, field) in [
        (Credential::Password(Secret::new("p\"w\\ \n")), "password"),
        (Credential::ApiKey(Secret::new("p\"w\\ \n")), "api_key"),
    ] {
        let server = Server::with_login(|_| Reply::ok(""));
        let prefixed = format!("{}/zen", server.url());
        let services = open(ServiceConfig { auth: user(credential), ..config(&prefixed) });

        call(&services, "GET", "/a").unwrap();

        let received = server.received();
        assert_eq!(received[0].line, format!("POST {LOGIN}"));
        assert_eq!(received[0].header("authorization"), None);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&received[0].body).unwrap(),
            json!({"username": "data \"scientist\"", field: "p\"w\\ \n"})
        );
        assert_eq!(received[1].line, "GET /zen/a");
        let authorization = received[1].header("authorization").unwrap();
        assert!(authorization.starts_with("Bearer ey"), "{authorization}");
    }
}

#[test]
fn a_token_is_used_again_and_shared_by_services_with_the_same_login() {
    let server = Server::with_login(|_| Reply::ok(""));
    let openscale = ServiceConfig { name: "openscale".to_owned(), ..cp4d(&server) };
    let configs = vec![cp4d(&server), openscale];
    let services = Services::open(configs, USER_AGENT, &Masks::new()).unwrap();

    for service in ["wml", "openscale", "wml"] {
        let request = request("GET", "/a", Repeat::ByMethod);
        services.call(service, &request, &limits(LONG), &()).unwrap();
    }

    assert_eq!(server.logins(), 1);
}

#[test]
fn many_calls_at_once_wait_for_one_login() {
    const CALLS: usize = 8;
    let server = Server::with_login(|_| Reply::ok(""));
    let services = Arc::new(open(cp4d(&server)));
    let barrier = Arc::new(Barrier::new(CALLS));
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let (services, barrier) = (Arc::clone(&services), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                call(&services, "GET", "/a").unwrap();
            })
        })
        .collect();
    for call in calls {
        call.join().unwrap();
    }
    assert_eq!(server.logins(), 1);
}

#[test]
fn a_token_that_is_about_to_expire_is_replaced_before_it_is_sent() {
    let server = Server::start(|received| {
        if received.is_login() {
            let claims = json!({"iat": 1_800_000_000, "exp": 1_800_000_000});
            Reply::ok(&json!({"token": jwt(&claims)}).to_string())
        } else {
            Reply::ok("")
        }
    });
    let services = open(cp4d(&server));
    call(&services, "GET", "/a").unwrap();
    call(&services, "GET", "/b").unwrap();
    let login = format!("POST {LOGIN}");
    assert_eq!(server.lines(), [&login, "GET /a", &login, "GET /b"]);
}

#[test]
fn a_withdrawn_token_is_replaced_and_the_request_sent_once_more() {
    let calls = AtomicUsize::new(0);
    let server = Server::with_login(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        1 => Reply::status(401),
        _ => Reply::ok("there"),
    });
    let services = open(cp4d(&server));
    let notes = Notes::default();
    let request = request("POST", "/a", Repeat::ByMethod);

    call(&services, "POST", "/first").unwrap();
    let answer = services.call("wml", &request, &limits(LONG), &notes);

    assert_eq!(answer.unwrap().body, b"there");
    assert_eq!(
        notes.lines(),
        ["POST /a #1 401".to_owned(), format!("POST {LOGIN} #1 200"), "POST /a #2 200".to_owned()]
    );
    assert_eq!(notes.transaction_ids().len(), 1);
    let received = server.received();
    let sent = |at: usize| received[at].header("authorization").unwrap();
    assert_ne!(sent(2), sent(4));
}

#[test]
fn a_second_401_is_the_answer() {
    let server = Server::with_login(|_| Reply::status(401));
    assert_eq!(call(&open(cp4d(&server)), "GET", "/a").unwrap().status, 401);
    let login = format!("POST {LOGIN}");
    assert_eq!(server.lines(), [&login, "GET /a", &login, "GET /a"]);
}

#[test]
fn a_request_that_is_to_be_sent_once_gets_its_401_and_the_next_one_a_new_token() {
    let calls = AtomicUsize::new(0);
    let server = Server::with_login(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::status(401),
        _ => Reply::ok(""),
    });
    let services = open(cp4d(&server));
    let once = request("POST", "/a", Repeat::Never);
    assert_eq!(services.call("wml", &once, &limits(LONG), &()).unwrap().status, 401);
    assert_eq!(call(&services, "GET", "/b").unwrap().status, 200);
    assert_eq!(server.logins(), 2);
}

#[test]
fn a_ready_token_is_used_as_it_is_and_its_401_is_the_answer() {
    let server = Server::start(|_| Reply::status(401));
    assert_eq!(call(&open(config(&server.url())), "GET", "/a").unwrap().status, 401);
    assert_eq!(server.lines(), ["GET /a"]);
}

#[test]
fn a_token_without_dots_travels_as_basic() {
    let server = Server::start(|received| {
        if received.is_login() {
            Reply::ok(r#"{"token": "b3BhcXVl", "_messageCode_": "success"}"#)
        } else {
            Reply::ok("")
        }
    });
    call(&open(cp4d(&server)), "GET", "/a").unwrap();
    assert_eq!(server.received()[1].header("authorization"), Some("Basic b3BhcXVl"));
}

#[test]
fn wrong_credentials_are_said_in_plain_words_and_the_request_is_not_sent() {
    let server = Server::start(|_| Reply::status(401));
    assert_eq!(
        call(&open(cp4d(&server)), "GET", "/a"),
        Err(CallError::Login("`wml` refused the login with 401; check user name and API key".to_owned()))
    );
    assert_eq!(server.lines(), [format!("POST {LOGIN}")]);
}

#[test]
fn a_login_that_makes_no_sense_is_no_login() {
    let no_cluster = |status| {
        format!(
            "`wml` answered {status} to the login at `/icp4d-api/v1/authorize`; check that its `url` is that of a \
             Cloud Pak for Data cluster"
        )
    };
    let no_token = "`wml` answered the login without a token".to_owned();
    for (status, body, text) in [
        (200, "{}", no_token.clone()),
        (200, "<html>", no_token.clone()),
        (200, r#"{"token": ""}"#, no_token.clone()),
        (200, r#"{"token": "a\r\nb.c.d"}"#, no_token),
        (302, "", no_cluster(302)),
    ] {
        let server = Server::start(move |_| Reply::Answer(status, Vec::new(), body.to_owned()));
        assert_eq!(call(&open(cp4d(&server)), "GET", "/a"), Err(CallError::Login(text)));
    }
}

#[test]
fn a_login_is_repeated_when_the_service_cannot_just_now() {
    let Reply::Answer(_, _, token) = Reply::token(1) else {
        panic!("a token is an answer");
    };
    let server = Server::script(vec![Reply::status(502), Reply::Drop, Reply::ok(&token), Reply::ok("there")]);
    assert_eq!(call(&open(cp4d(&server)), "POST", "/a").unwrap().body, b"there");
}

#[test]
fn a_login_that_stays_away_is_unreachable() {
    let server = Server::start(|_| Reply::status(503));
    assert_eq!(
        call(&open(cp4d(&server)), "POST", "/a"),
        Err(CallError::Unreachable("`wml` cannot log in for now, it answered 503".to_owned()))
    );
}

#[test]
fn credentials_and_tokens_are_masked() {
    let server = Server::with_login(|_| Reply::ok(""));
    let masks = Masks::new();
    let services = Services::open(vec![cp4d(&server)], USER_AGENT, &masks).unwrap();
    call(&services, "GET", "/a").unwrap();
    let received = server.received();
    assert_eq!(masks.mask(&received[0].body), r#"{"api_key":"***","username":"data \"scientist\""}"#);
    assert_eq!(masks.mask(received[1].header("authorization").unwrap()), "Bearer ***");
}

#[test]
fn a_configuration_that_cannot_work_is_refused_before_anything_is_sent() {
    let refusal = |auth| {
        let config = ServiceConfig { auth, ..config("https://cpd.example.com") };
        Services::open(vec![config], USER_AGENT, &Masks::new()).unwrap_err().to_string()
    };
    assert_eq!(refusal(user(Credential::Password(Secret::new("")))), "service `wml`: the password is empty");
    assert_eq!(
        refusal(Auth::Token(Secret::new("a\r\nb"))),
        "service `wml`: the token has a character that no header may have"
    );
    let twice = vec![config("https://a.example"), config("https://b.example")];
    assert_eq!(
        Services::open(twice, USER_AGENT, &Masks::new()).unwrap_err().to_string(),
        "two services are called `wml`"
    );
}

#[test]
fn an_old_cluster_gets_name_and_password_in_basic() {
    let server = Server::start(|received| {
        let is_login = received.line == "GET /v1/preauth/validateAuth";
        Reply::ok(if is_login { r#"{"accessToken": "a.token.x", "message": "success"}"# } else { "" })
    });
    let auth = Auth::Cp4dLegacy { username: "me".to_owned(), password: Secret::new("pass word") };
    let masks = Masks::new();
    let config = ServiceConfig { auth, ..config(&format!("{}/zen", server.url())) };
    let services = Services::open(vec![config], USER_AGENT, &masks).unwrap();

    call(&services, "POST", "/a").unwrap();

    let received = server.received();
    assert_eq!(received[0].line, "GET /v1/preauth/validateAuth");
    assert_eq!(received[0].header("authorization"), Some("Basic bWU6cGFzcyB3b3Jk"));
    assert_eq!(received[1].header("authorization"), Some("Bearer a.token.x"));
    assert_eq!(masks.mask("bWU6cGFzcyB3b3Jk a.token.x pass%20word"), "*** *** ***");
}

#[test]
fn ibm_cloud_exchanges_the_key_at_iam_once_for_all_its_services() {
    let iam = Server::start(|_| Reply::ok(r#"{"access_token": "opaque", "expires_in": 3600, "token_type": "Bearer"}"#));
    let services: Vec<_> = (0..2).map(|_| Server::start(|_| Reply::ok(""))).collect();
    let auth = || Auth::IbmCloud { api_key: Secret::new("k+y &="), iam_url: Some(iam.url()) };
    let configs = ["wml", "platform"].iter().zip(&services);
    let configs =
        configs.map(|(name, server)| ServiceConfig { name: (*name).to_owned(), auth: auth(), ..config(&server.url()) });
    let open = Services::open(configs.collect(), USER_AGENT, &Masks::new()).unwrap();

    for name in ["wml", "platform", "wml"] {
        open.call(name, &request("GET", "/a", Repeat::ByMethod), &limits(LONG), &()).unwrap();
    }

    let received = iam.received();
    assert_eq!(iam.lines(), ["POST /identity/token"]);
    assert_eq!(received[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(received[0].header("authorization"), Some("Basic Yng6Yng="));
    assert_eq!(received[0].body, "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k%2By%20%26%3D");
    for server in &services {
        assert_eq!(server.received()[0].header("authorization"), Some("Bearer opaque"));
    }
}

#[test]
fn the_end_that_an_answer_tells_is_kept() {
    let iam = Server::start(|_| Reply::ok(r#"{"access_token": "a.token.x", "expires_in": 0}"#));
    let server = Server::start(|_| Reply::ok(""));
    let auth = Auth::IbmCloud { api_key: Secret::new("key"), iam_url: Some(iam.url()) };
    let services = open(ServiceConfig { auth, ..config(&server.url()) });
    call(&services, "GET", "/a").unwrap();
    call(&services, "GET", "/a").unwrap();
    assert_eq!(iam.lines().len(), 2);
}

#[test]
fn a_wrong_key_or_address_at_iam_is_said_in_plain_words() {
    for (status, text) in [
        (400, "`wml` refused the login with 400; check the API key"),
        (
            404,
            "`wml` answered 404 to the login at `/identity/token`; check that its `iam_url` is that of IBM Cloud's IAM",
        ),
    ] {
        let iam = Server::start(move |_| Reply::status(status));
        let auth = Auth::IbmCloud { api_key: Secret::new("key"), iam_url: Some(iam.url()) };
        let services = open(ServiceConfig { auth, ..config("https://cpd.example.com") });
        assert_eq!(call(&services, "GET", "/a"), Err(CallError::Login(text.to_owned())));
    }
}

#[test]
fn a_token_file_is_read_again_when_it_changes_and_when_its_token_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    std::fs::write(&path, "first.token.x\n").unwrap();
    let next = path.clone();
    let server = Server::start(move |received| match received.header("authorization") {
        Some("Bearer ended.token.x") => {
            std::fs::write(&next, "third.token.x\n").unwrap();
            Reply::status(401)
        }
        _ => Reply::ok(""),
    });
    let services = open(ServiceConfig { auth: Auth::TokenFile(path.clone()), ..config(&server.url()) });

    assert_eq!(call(&services, "GET", "/a").unwrap().status, 200);
    std::fs::write(&path, "ended.token.x and then some").unwrap();
    let unfit = format!("`wml`: the token file `{}` has a character that no header may have", path.display());
    assert_eq!(call(&services, "GET", "/a"), Err(CallError::Login(unfit)));
    std::fs::write(&path, "ended.token.x").unwrap();
    assert_eq!(call(&services, "GET", "/a").unwrap().status, 200);

    let received = server.received();
    let sent: Vec<_> = received.iter().map(|received| received.header("authorization").unwrap()).collect();
    assert_eq!(sent, ["Bearer first.token.x", "Bearer ended.token.x", "Bearer third.token.x"]);
}

#[test]
fn an_answer_that_repeats_a_credential_is_masked_on_its_way_to_the_caller() {
    let server = Server::with_login(|received| {
        let token = received.header("authorization").unwrap().to_owned();
        Reply::Answer(200, vec![format!("x-echo: {token}")], format!("{{\"you sent\": \"{token}\"}}"))
    });
    let answer = call(&open(cp4d(&server)), "GET", "/a").unwrap();
    assert_eq!(answer.header("x-echo"), Some("Bearer ***"));
    assert_eq!(answer.body, b"{\"you sent\": \"Bearer ***\"}");
}
