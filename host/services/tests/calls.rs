//! A call and what can become of it.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::server::{Reply, Server};
use super::*;

#[test]
fn a_request_reaches_the_service_as_the_step_made_it_with_what_the_host_adds() {
    let server = Server::start(|_| Reply::ok("{}"));
    let services = open(config(&format!("{}/zen/", server.url())));
    let request = Request::new(
        "POST",
        "/ml/v4/mod%65ls",
        &[("version".to_owned(), "2021 06".to_owned())],
        vec![("Content-Type".to_owned(), "application/json".to_owned())],
        Some(b"{\"a\":1}".to_vec()),
        Repeat::ByMethod,
    );

    let answer = services.call("wml", &request.unwrap(), &limits(LONG), &());

    assert_eq!(answer.unwrap().status, 200);
    let received = server.received().remove(0);
    assert_eq!(received.line, "POST /zen/ml/v4/models?version=2021%2006");
    assert_eq!(received.body, "{\"a\":1}");
    for (name, value) in [
        ("authorization", "Bearer ready.made.token"),
        ("content-type", "application/json"),
        ("content-length", "7"),
        ("user-agent", USER_AGENT),
    ] {
        assert_eq!(received.header(name), Some(value));
    }
    let id = received.header("x-global-transaction-id").unwrap();
    assert_eq!(id.parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
}

#[test]
fn a_post_without_a_body_says_so() {
    let server = Server::start(|_| Reply::status(204));
    let request = Request::new("POST", "/a", &[], Vec::new(), None, Repeat::ByMethod).unwrap();

    let answer = open(config(&server.url())).call("wml", &request, &limits(LONG), &());

    assert_eq!(answer.unwrap().status, 204);
    assert_eq!(server.received()[0].header("content-length"), Some("0"));
}

#[test]
fn a_delete_may_have_a_body_and_need_not() {
    let server = Server::start(|_| Reply::status(204));
    let services = open(config(&server.url()));
    for (body, length) in [(Some(b"{}".to_vec()), Some("2")), (None, None)] {
        let request = Request::new("DELETE", "/a", &[], Vec::new(), body, Repeat::ByMethod);
        let answer = services.call("wml", &request.unwrap(), &limits(LONG), &());
        assert_eq!(answer.unwrap().status, 204);
        let received = server.received();
        assert_eq!(received.last().unwrap().header("content-length"), length);
    }
}

#[test]
fn a_refusal_is_an_answer_and_cookies_are_kept_from_the_step() {
    let headers = ["Set-Cookie: session=1", "X-Trace: Abc"].map(str::to_owned);
    let server = Server::start(move |_| Reply::Answer(404, headers.to_vec(), "{\"errors\":[]}".to_owned()));

    let answer = call(&open(config(&server.url())), "GET", "/a").unwrap();

    assert_eq!(answer.status, 404);
    assert_eq!(answer.body, b"{\"errors\":[]}");
    assert_eq!(answer.header("x-trace"), Some("Abc"));
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn a_service_that_the_spec_does_not_have_is_denied() {
    let services = Services::open(Vec::new(), USER_AGENT, &Masks::new()).unwrap();
    assert_eq!(call(&services, "GET", "/a"), Err(CallError::Denied("the spec has no service `wml`".to_owned())));
}

#[test]
fn a_get_is_repeated_after_a_503_under_the_same_transaction_id() {
    let server = Server::script(vec![Reply::status(503), Reply::ok("there")]);
    let notes = Notes::default();
    let request = request("GET", "/a", Repeat::ByMethod);

    let answer = open(config(&server.url())).call("wml", &request, &limits(LONG), &notes);

    assert_eq!(answer.unwrap().body, b"there");
    assert_eq!(notes.lines(), ["GET /a #1 503", "GET /a #2 200"]);
    assert_eq!(notes.transaction_ids().len(), 1);
}

#[test]
fn a_post_is_not_repeated_after_a_502() {
    let server = Server::script(vec![Reply::status(502)]);
    assert_eq!(call(&open(config(&server.url())), "POST", "/a").unwrap().status, 502);
    assert_eq!(server.lines(), ["POST /a"]);
}

#[test]
fn a_service_that_stays_away_is_asked_four_times() {
    let server = Server::start(|_| Reply::status(503));
    assert_eq!(call(&open(config(&server.url())), "POST", "/a").unwrap().status, 503);
    assert_eq!(server.lines(), ["POST /a"; 4]);
}

#[test]
fn a_longer_pause_than_is_left_is_not_begun() {
    let headers = vec!["Retry-After: 3600".to_owned()];
    let server = Server::start(move |_| Reply::Answer(429, headers.clone(), String::new()));
    assert_eq!(call(&open(config(&server.url())), "GET", "/a").unwrap().status, 429);
    assert_eq!(server.lines(), ["GET /a"]);
}

#[test]
fn a_get_whose_answer_is_lost_is_repeated() {
    let server = Server::script(vec![Reply::Drop, Reply::Truncate, Reply::ok("there")]);
    assert_eq!(call(&open(config(&server.url())), "GET", "/a").unwrap().body, b"there");
}

#[test]
fn a_post_whose_answer_is_lost_is_not_repeated() {
    let server = Server::script(vec![Reply::Drop]);
    assert_eq!(
        call(&open(config(&server.url())), "POST", "/a"),
        Err(CallError::NoAnswer("no answer from `wml`: the connection was closed".to_owned()))
    );
    assert_eq!(server.lines(), ["POST /a"]);
}

#[test]
fn half_an_answer_is_no_answer() {
    let server = Server::script(vec![Reply::Truncate]);
    assert_eq!(
        call(&open(config(&server.url())), "POST", "/a"),
        Err(CallError::NoAnswer("no answer from `wml`: the answer broke off: the connection was closed".to_owned()))
    );
}

#[test]
fn a_request_that_is_to_be_sent_once_is_sent_once() {
    let server = Server::script(vec![Reply::status(503)]);
    let request = request("GET", "/a", Repeat::Never);
    let answer = open(config(&server.url())).call("wml", &request, &limits(LONG), &());
    assert_eq!(answer.unwrap().status, 503);
    assert_eq!(server.lines(), ["GET /a"]);
}

#[test]
fn a_service_that_nobody_serves_is_unreachable_and_nothing_was_acted_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let notes = Notes::default();
    let request = request("POST", "/a", Repeat::ByMethod);

    let answer = open(config(&url)).call("wml", &request, &limits(LONG), &notes);

    let text = "no connection to `wml`: Connection refused (os error 111)";
    assert_eq!(answer, Err(CallError::Unreachable(text.to_owned())));
    assert_eq!(notes.lines().len(), 4);
}

#[test]
fn an_answer_as_large_as_the_limit_passes_and_a_larger_one_does_not() {
    for (size, passes) in [(1024, true), (1025, false)] {
        let server = Server::start(move |_| Reply::ok(&"x".repeat(size)));
        let answer = call(&open(config(&server.url())), "GET", "/a");
        if passes {
            assert_eq!(answer.unwrap().body.len(), size);
        } else {
            let text = "the answer of `wml` passes the step's limit of 1 KiB\n\
                 hint: give the step more under `limits: {response: …}`"
                .to_owned();
            assert_eq!(answer, Err(CallError::TooLarge(text)));
        }
        assert_eq!(server.lines(), ["GET /a"]);
    }
}

#[test]
fn a_request_that_is_too_large_is_not_sent() {
    let server = Server::start(|_| Reply::ok(""));
    let body = Some(vec![b'x'; 1025]);
    let request = Request::new("POST", "/a", &[], Vec::new(), body, Repeat::ByMethod).unwrap();

    let answer = open(config(&server.url())).call("wml", &request, &limits(LONG), &());

    let text = "the request to `wml` has 1025 bytes, the step's limit is 1 KiB\n\
                hint: give the step more under `limits: {request: …}`";
    assert_eq!(answer, Err(CallError::TooLarge(text.to_owned())));
    assert!(server.lines().is_empty());
}

#[test]
fn a_service_that_is_silent_takes_no_more_than_the_time_that_is_left() {
    let server = Server::start(|_| Reply::Silence);
    let request = request("GET", "/a", Repeat::ByMethod);
    let limits = limits(Duration::from_millis(50));

    let answer = open(config(&server.url())).call("wml", &request, &limits, &());

    assert_eq!(answer, Err(CallError::OutOfTime("no time is left for `wml`".to_owned())));
    assert!(limits.deadline.remaining().is_none());
}

#[test]
fn nothing_is_sent_when_no_time_is_left() {
    let server = Server::start(|_| Reply::ok(""));
    let request = request("GET", "/a", Repeat::ByMethod);
    let answer = open(config(&server.url())).call("wml", &request, &limits(Duration::ZERO), &());
    assert!(matches!(answer, Err(CallError::OutOfTime(_))));
    assert!(server.lines().is_empty());
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let other = Server::start(|_| Reply::ok("stolen"));
    let location = vec![format!("Location: {}/b", other.url())];
    let server = Server::start(move |_| Reply::Answer(307, location.clone(), String::new()));

    let services = open(config(&server.url()));
    for method in ["GET", "POST"] {
        assert_eq!(call(&services, method, "/a").unwrap().status, 307);
    }

    assert_eq!(server.lines(), ["GET /a", "POST /a"]);
    assert!(other.lines().is_empty());
}

#[test]
fn connections_are_kept() {
    let server = Server::start(|_| Reply::ok("there"));
    let services = open(config(&server.url()));
    for _ in 0..5 {
        call(&services, "POST", "/a").unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_interrupted_call_ends_at_once_and_later_ones_work() {
    let (reached, is_reached) = mpsc::channel();
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        if calls.fetch_add(1, Ordering::SeqCst) == 0 {
            reached.send(()).unwrap();
            Reply::Silence
        } else {
            Reply::ok("there")
        }
    });
    let services = Arc::new(open(config(&server.url())));
    let limits = limits(LONG);
    let calling = {
        let (services, limits) = (Arc::clone(&services), limits.clone());
        let request = request("GET", "/a", Repeat::ByMethod);
        thread::spawn(move || services.call("wml", &request, &limits, &()))
    };

    is_reached.recv().unwrap();
    limits.stop.stop();
    services.interrupt();

    let text = "the call of `wml` was interrupted".to_owned();
    assert_eq!(calling.join().unwrap(), Err(CallError::OutOfTime(text)));
    assert!(limits.deadline.remaining() > Some(LONG / 2));
    assert_eq!(call(&services, "GET", "/a").unwrap().body, b"there");
}
