//! Starting and stopping.

use std::net::TcpStream;

use serde_json::{Value, json};
use stepwise_stub::{Options, Stub, StubError};

use crate::client::{Client, MART};

#[test]
fn the_ready_line_tells_what_other_programs_need() {
    let stub = Stub::start(Options::default()).unwrap();
    let line: Value = serde_json::from_str(&stub.ready_line()).unwrap();
    let url = stub.url();
    let wanted = json!({
        "dialect": "cp4d_5", "url": url, "platform_url": url, "openscale_url": url,
        "space_id": stub.space_id(), "data_mart_id": MART, "username": "stepwise",
    });
    assert_eq!(line, wanted);
    assert_eq!(stub.space_name(), "stepwise");
    assert_eq!(stub.certificate_pem(), None);
}

#[test]
fn a_dropped_stub_listens_no_more() {
    let stub = Stub::start(Options::default()).unwrap();
    let address = stub.url().trim_start_matches("http://").to_owned();
    drop(stub);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_taken_address_is_an_error() {
    let first = Stub::start(Options::default()).unwrap();
    let listen = first.url().trim_start_matches("http://").parse().unwrap();
    let error = Stub::start(Options { listen, ..Options::default() }).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("the stub cannot listen on `{listen}`: Address already in use")), "{text}");
    assert!(matches!(Stub::start(Options { spaces: Vec::new(), ..Options::default() }), Err(StubError::NoSpace)));
}

#[test]
fn a_twin_that_cannot_be_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, pickle) = (folder.path().join("missing.onnx"), folder.path().join("model.pkl"));
    std::fs::write(&pickle, b"\x80\x04N.").unwrap();
    for (file, reason) in [(missing, "No such file"), (pickle, "not an ONNX model: ")] {
        let error = Stub::start(Options { twin: Some(file.clone()), ..Options::default() }).unwrap_err();
        let text = format!("the stub cannot use `{}` as a twin: {reason}", file.display());
        assert!(error.to_string().starts_with(&text), "{error}");
    }
}

#[test]
fn tls_works_with_the_stub_s_own_certificate() {
    let stub = Stub::start(Options { tls: true, ..Options::default() }).unwrap();
    let certificate = ureq::tls::Certificate::from_pem(stub.certificate_pem().unwrap().as_bytes()).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[certificate.to_owned()]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().tls_config(tls).build());
    let url = format!("{}/ml/wml_services/v2/version", stub.url());
    assert!(url.starts_with("https://"));
    assert_eq!(agent.get(&url).call().unwrap().status(), 200);
    assert!(ureq::get(&url).call().is_err());
}

#[test]
fn requests_are_recorded_and_written_with_secrets_masked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.jsonl");
    let client = Client::with(Options { request_log: Some(file.clone()), ..Options::default() });
    client.get("/v2/spaces?name=stepwise");
    let requests = client.stub.requests();
    let [login, spaces] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(login.body, json!({"username": "stepwise", "password": "***"}));
    assert_eq!((spaces.method.as_str(), spaces.path.as_str(), spaces.status), ("GET", "/v2/spaces", Some(200)));
    assert_eq!(spaces.query, [("name".to_owned(), "stepwise".to_owned())]);
    assert!(spaces.headers.contains(&("authorization".into(), "Bearer ***".into())));
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [json!(login), json!(spaces)]);
    assert!(!text.contains("stepwise-password") && !text.contains(&client.token));
}
