//! Whom a fetch trusts, and the way to them.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::server::Server;
use super::{fails, sample, sha256, target};
use crate::harness::ROOT;

#[test]
fn an_insecure_source_is_warned_of_wherever_the_run_is_reported() {
    let server = Server::start_tls(&target());
    let model = fs::read(Path::new(ROOT).join("model/model.onnx")).unwrap();
    let models = Server::start_tls(&model);
    let entry = format!(
        "target: {{url: \"{}\", insecure: true}}\nmodels:\n  champion: {{url: \"{}\", sha256: {}, insecure: true}}",
        server.url("/t.csv"),
        models.url("/model.onnx"),
        sha256(&model)
    );
    let bench = sample(&entry).spec("model: model.onnx", "model: champion");
    let way = "is `insecure`; it is fetched whatever its certificate says: somebody on the way can";
    let warnings = [format!("data set `target` {way} change it"), format!("model `champion` {way} read it")];
    let told: Vec<_> = warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    for arguments in [&["run", "pipeline.yaml", "--run", "r"][..], &["run", "pipeline.yaml", "--run", "r", "--dry-run"]]
    {
        let _ = fs::remove_dir_all(bench.folder.path().join(".stepwise"));
        let ran = bench.stepwise(arguments).succeeds();

        assert_eq!(ran.stderr().lines().take(2).collect::<Vec<_>>(), told);
        assert_eq!(ran.stderr().matches("warning:").count(), 2, "{}", ran.stderr());
        assert_eq!(ran.stdout().lines().take(2).collect::<Vec<_>>(), told);
        assert_eq!(bench.record()["warnings"], json!(warnings));
    }

    let clear = sample("target: {url: \"http://data.invalid/t.csv\", insecure: true}");
    let ran = clear.stepwise(&["run", "pipeline.yaml", "--dry-run"]).exits_with(1);
    let said =
        "warning: data set `target` is `insecure`; it is fetched without TLS: everybody on the way can change it";
    assert_eq!(ran.stderr().lines().next(), Some(said));
}

#[test]
fn what_is_trusted_is_checked_before_anything_is_fetched() {
    for (more, said) in [
        ("insecure: true, ca_file: gone.pem", "`ca_file` has no effect beside `insecure: true`; remove one of them"),
        ("ca_file: gone.pem", "cannot read the CA file `gone.pem`: No such file or directory (os error 2)"),
        ("ca_file: pipeline.yaml", "the CA file `pipeline.yaml` has no certificate in it"),
    ] {
        let bench = sample(&format!("target: {{url: \"https://data.invalid/t.csv\", {more}}}"));
        let ran = bench.stepwise(&["check", "pipeline.yaml"]).exits_with(2);
        assert!(ran.stderr().starts_with(&format!("error: data set `target`: {said}\n")), "{}", ran.stderr());
    }
}

#[test]
fn a_fetch_that_a_proxy_refuses_tells_its_variable_and_no_password() {
    let proxy = crate::server::Server::start(|_| (407, Vec::new(), "a-proxy-password".to_owned()));
    let bench = sample("target: {url: \"https://data.example.com/t.csv\"}");
    let url = proxy.url().replace("http://", "http://user:a-proxy-password@");
    let bench = bench.variable("HTTPS_PROXY", &url);

    fails(
        &bench,
        1,
        "error: data set `target`: `https://data.example.com/t.csv` cannot be reached through the proxy of \
         `HTTPS_PROXY`: proxy server responded 407/407",
    );
}
