//! The way to the services: proxies, certificates, redirects, connections, addresses.

use std::net::SocketAddr;

use serde_json::json;
use stepwise_stub::{Fault, FaultKind, Options};

use crate::custom::{rogue, spec};
use crate::harness::{Bench, guest};
use crate::server::{Relay, Server};

const GRANT: &str = "    grant: {wml: [\"GET /**\"]}\n";
const SEND: &str = "{do: send, request: wml GET /v2/spaces}";

fn tls() -> Options {
    Options { tls: true, settle: std::time::Duration::from_millis(20), ..Options::default() }
}

fn address(bench: &Bench) -> SocketAddr {
    bench.stub.url().split_once("://").unwrap().1.parse().unwrap()
}

/// The sample with the stub's certificate as CA file.
fn trusting(bench: Bench) -> Bench {
    let certificate = bench.stub.certificate_pem().unwrap().to_owned();
    bench
        .file("ca.pem", certificate)
        .spec("    auth: &login", "    ca_file: ca.pem\n    auth: &login")
        .spec("    auth: *login", "    ca_file: ca.pem\n    auth: *login")
}

/// A custom step that asks for the spaces.
fn asking(url: &str, lines: &str) -> Bench {
    let service = format!("wml: {{{lines}url:");
    rogue(SEND, GRANT).spec("wml: {url:", &service).variable("CPD_URL", url)
}

#[test]
fn a_sample_run_needs_no_more_tls_handshakes_than_it_has_services() {
    let bench = trusting(Bench::with(tls()).model());
    let relay = Relay::to(address(&bench));
    let bench = bench.variable("CPD_URL", &format!("https://{}", relay.address()));

    bench.run().succeeds();

    assert!(bench.stub.requests().len() > 30);
    // Both services are at one address and share connections; a second one is opened where two requests are in flight.
    let connections = relay.connections().len();
    assert!((1..=2).contains(&connections), "{connections} connections");
    // Each of them is one handshake: nothing else ever passed, and within TLS there is no second one.
    assert_eq!(relay.handshakes(), connections);
    bench.leaves_nothing();
}

#[test]
fn a_sample_run_goes_over_ipv6() {
    let listen = "[::1]:0".parse().unwrap();
    if std::net::TcpListener::bind(listen).is_err() {
        eprintln!("skipped: this machine has no IPv6 loopback");
        return;
    }
    let bench = trusting(Bench::with(Options { listen, ..tls() }).model());
    assert!(bench.stub.url().starts_with("https://[::1]:"));

    bench.run().succeeds();

    bench.leaves_nothing();
}

#[test]
fn the_environment_names_the_proxy_and_who_is_reached_without() {
    let stub = Bench::with(tls());
    let proxy = Relay::proxy(address(&stub));
    let url = format!("http://user:pass%2Fword@{}", proxy.address());
    let bench = asking("https://cpd.example.com", "insecure: true, ");

    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let bench = asking("https://cpd.example.com", "insecure: true, ").variable(variable, &url);
        bench.run().succeeds();
    }
    let connections = proxy.connections();
    assert_eq!(connections.len(), 4);
    for connection in connections {
        assert_eq!(connection.line, "CONNECT cpd.example.com:443");
        assert_eq!(connection.header("proxy-authorization"), "Basic dXNlcjpwYXNzL3dvcmQ=");
    }

    // Without the proxy nobody knows that name; a proxy for other addresses changes nothing.
    for (variables, named) in [
        (&[("HTTPS_PROXY", url.as_str()), ("NO_PROXY", "other.com,.example.com")][..], ""),
        (&[("HTTPS_PROXY", &url), ("no_proxy", "*")], ""),
        (&[("HTTP_PROXY", &url)], ""),
    ] {
        let mut bench = asking("https://cpd.example.com", "insecure: true, ");
        for (name, value) in variables {
            bench = bench.variable(name, value);
        }
        bench.run().exits_with(3).fails_in(
            "rogue",
            "unavailable",
            &format!("`GET /v2/spaces` found no service: no connection to `wml`{named}: the host's name is unknown"),
        );
    }
    assert_eq!(proxy.connections().len(), 4);
    drop(bench);
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    let proxy = Relay::proxy("127.0.0.1:9".parse().unwrap());
    let bench = rogue(SEND, GRANT).variable("ALL_PROXY", &format!("http://{}", proxy.address()));

    bench.run().succeeds();

    assert_eq!(proxy.connections().len(), 0);
}

#[test]
fn a_proxy_that_says_no_is_told_by_its_variable() {
    let proxy = Server::start(|_| (407, Vec::new(), String::new()));
    let bench = asking("https://cpd.example.com", "").variable("HTTPS_PROXY", &proxy.url());

    bench.run().exits_with(3).fails_in(
        "rogue",
        "unavailable",
        "`GET /v2/spaces` found no service: no connection to `wml` through the proxy of `HTTPS_PROXY`: \
         proxy server responded 407/407",
    );

    let bench = asking("https://cpd.example.com", "").variable("HTTPS_PROXY", "socks5://127.0.0.1:1080");
    bench.run().exits_with(2).finds_in_spec(
        "pipeline.yaml:4:3: service `wml`: the proxy of `HTTPS_PROXY`: only `http` and `https` proxies can be used\n",
    );
}

#[test]
fn insecure_is_warned_of_wherever_the_run_is_reported() {
    let stub = Bench::with(tls());
    let bench = asking(stub.stub.url(), "insecure: true, ");
    let text = "service `wml` is `insecure`; it is called whatever its certificate says: somebody on the way can read the \
                credentials";

    let ran = bench.run().succeeds().verdict("run r of custom: succeeded\n");

    assert_eq!(ran.stdout().lines().next(), Some(format!("warning: {text}").as_str()));
    assert_eq!(ran.stderr().lines().next(), Some(format!("warning: {text}").as_str()));
    assert_eq!(bench.record()["warnings"], json!([text]));

    // What is not insecure is not warned of, and not trusted either.
    let bench = asking(stub.stub.url(), "");
    bench.run().exits_with(3).verdict(
        "step `rogue` failed: `GET /v2/spaces` found no service: no secure connection to `wml`: invalid peer certificate: \
         UnknownIssuer\n\
         hint: if its certificate is from an authority of your own, name that one's file as `ca_file`\n\
         run r of custom: failed\n",
    );
    assert_eq!(bench.record().get("warnings"), None);
}

#[test]
fn a_redirect_out_of_the_service_is_refused_and_no_token_goes_there() {
    for status in [301, 302, 303, 307, 308] {
        let other = Server::start(|_| (200, Vec::new(), "{}".to_owned()));
        let location = format!("location: {}/v2/spaces?a=b", other.url());
        let server = Server::with_login("a.token.x", move |_| (status, vec![location.clone()], String::new()));
        let bench = rogue(SEND, GRANT).variable("CPD_URL", &server.url());

        bench.run().exits_with(3).verdict(&format!(
            "step `rogue` failed: `GET /v2/spaces` is not allowed: `wml` redirects `GET /v2/spaces` to `{}`, where its \
             token must not go\n\
             hint: if the service has moved there, name that address as its `url`\n\
             run r of custom: failed\n",
            other.url()
        ));

        assert_eq!(server.lines(), ["POST /icp4d-api/v1/authorize", "GET /v2/spaces"]);
        assert_eq!(other.lines(), [""; 0]);
    }
}

#[test]
fn a_redirect_within_the_service_is_followed_as_far_as_the_grants_reach() {
    let server = Server::with_login("a.token.x", |request| match request.line.as_str() {
        "GET /v2/spaces" => (302, vec!["location: /v2/spaces?page=1".to_owned()], String::new()),
        _ => (200, Vec::new(), "{}".to_owned()),
    });
    let bench = rogue(SEND, GRANT).variable("CPD_URL", &server.url());
    bench.run().succeeds();
    assert_eq!(server.lines(), ["POST /icp4d-api/v1/authorize", "GET /v2/spaces", "GET /v2/spaces?page=1"]);
    assert_eq!(server.received()[2].header("authorization"), "Bearer a.token.x");
    assert_eq!(bench.outputs("rogue"), json!({"found": {"status": "200"}}));

    let server = Server::with_login("a.token.x", |_| (307, vec!["location: /admin".to_owned()], String::new()));
    let bench = rogue(SEND, GRANT).variable("CPD_URL", &server.url());
    bench.run().exits_with(3).fails_in(
        "rogue",
        "refused",
        "`GET /v2/spaces` is not allowed: `wml` redirects `GET /v2/spaces`: step `rogue` may not send `GET /admin` to `wml`: \
         its component does not declare that need",
    );
    assert_eq!(server.lines().len(), 2);

    let server = Server::with_login("a.token.x", |_| (307, vec!["location: /v2/spaces".to_owned()], String::new()));
    let bench = rogue(SEND, GRANT).variable("CPD_URL", &server.url());
    bench.run().exits_with(3).fails_in(
        "rogue",
        "refused",
        "`GET /v2/spaces` is not allowed: `wml` redirects more than 5 times, at last to `GET /v2/spaces`",
    );
    assert_eq!(server.lines().len(), 7);
}

#[test]
fn what_a_service_asks_for_is_waited_out() {
    let date = "Fri, 15 Jan 2027 08:00:00 GMT".to_owned();
    let then = "Fri, 15 Jan 2027 08:00:02 GMT".to_owned();
    for headers in [
        vec![("retry-after".to_owned(), "2".to_owned())],
        vec![("date".to_owned(), date), ("retry-after".to_owned(), then)],
    ] {
        let fault = FaultKind::Status { code: 503, body: None, headers };
        let bench = rogue(SEND, GRANT).fails(Fault::new("GET", "/v2/spaces", fault));

        bench.run().succeeds();

        assert_eq!(bench.outputs("rogue"), json!({"found": {"status": "200"}}));
        assert_eq!(bench.requests(), ["POST /icp4d-api/v1/authorize", "GET /v2/spaces", "GET /v2/spaces"]);
        // Without being asked the host waits for a fifth of a second at the most.
        let waited = bench.step("rogue")["waiting_ms"].as_f64().unwrap();
        assert!((2000.0..30_000.0).contains(&waited), "{waited} ms");
    }
}

#[test]
fn a_ca_file_that_is_none_is_told_at_once() {
    let why = "it is not a file";
    let sparse = |bench: &Bench| {
        std::fs::File::create(bench.folder.path().join("ca.pem")).unwrap().set_len(5 << 30).unwrap();
    };
    let large = "it has 5368709120 bytes, more than the 4194304 that are read";
    for (file, why) in [("/dev/zero", why), (".", why), ("ca.pem", large)] {
        let bench = asking("https://cpd.example.com", &format!("ca_file: \"{file}\", "));
        sparse(&bench);
        let shown = if file == "ca.pem" { "ca.pem" } else { file };
        bench
            .run()
            .exits_with(2)
            .finds_in_spec(&format!("pipeline.yaml:4:18: service `wml`: cannot read the CA file `{shown}`: {why}\n"));
        let data = format!("data:\n  d: {{url: \"https://example.com/a.csv\", ca_file: \"{file}\"}}\nservices:\n");
        let bench = asking("https://cpd.example.com", "").spec("services:\n", &data);
        sparse(&bench);
        bench
            .stepwise(&["check", "pipeline.yaml"])
            .exits_with(2)
            .finds_in_spec(&format!("pipeline.yaml:4:50: data set `d`: cannot read the CA file `{shown}`: {why}\n"));
    }
}

#[test]
fn a_service_says_when_to_come_back_in_seconds_or_as_a_date() {
    let hour = "Fri, 15 Jan 2027 09:00:00 GMT";
    for headers in [
        vec![("retry-after".to_owned(), "3600".to_owned())],
        vec![
            ("date".to_owned(), "Fri, 15 Jan 2027 08:00:00 GMT".to_owned()),
            ("retry-after".to_owned(), hour.to_owned()),
        ],
    ] {
        let fault = FaultKind::Status { code: 503, body: None, headers };
        let steps = format!("  - module: rogue.wasm\n    inputs: {SEND}\n    timeout: 1m\n{GRANT}");
        let bench = Bench::new()
            .file("rogue.wasm", guest("rogue"))
            .file("pipeline.yaml", spec(&steps))
            .fails(Fault::new("GET", "/v2/spaces", fault));

        // An hour is more than is left: the answer is told at once, though the next try would have been good.
        bench.run().succeeds();

        assert_eq!(bench.outputs("rogue"), json!({"found": {"status": "503"}}));
        assert_eq!(bench.requests(), ["POST /icp4d-api/v1/authorize", "GET /v2/spaces"]);
    }
}
