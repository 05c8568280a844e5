//! Every product that the pipeline speaks with: Cloud Pak for Data 3.5, 4 and 5, and IBM Cloud; and those that it does not.

use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::Dialect::{self, Cp4d4, Cp4d5, Cp4d35, IbmCloud};
use stepwise_stub::{Fault, FaultKind, Options};

use crate::harness::{Bench, always, answers, each};
use crate::server::{Relay, Server};

const API_KEY: &str = "api_key: \"${{ secrets.CPD_API_KEY }}\"";

/// How the sample logs in.
const LOGIN: &str =
    "kind: cp4d\n      username: \"${{ env.CPD_USERNAME }}\"\n      api_key: \"${{ secrets.CPD_API_KEY }}\"\n";

/// What each product has for an ONNX model.
fn served_by(dialect: Dialect) -> (&'static str, &'static str) {
    match dialect {
        Cp4d35 => ("pytorch-onnx_1.3", "default_py3.7"),
        Cp4d4 => ("pytorch-onnx_2.0", "runtime-23.1-py3.10"),
        Cp4d5 => ("pytorch-onnx_2.1", "runtime-24.1-py3.11"),
        IbmCloud => ("onnxruntime_1.17", "onnxruntime_opset_21"),
    }
}

/// The sample for a product, against a stub of that product. The dialect itself is not said.
pub(crate) fn sample(dialect: Dialect) -> Bench {
    sample_with(Options { dialect, settle: Duration::from_millis(20), ..Options::default() })
}

fn sample_with(options: Options) -> Bench {
    let (bench, password) = (without_login(options), "password: \"${{ secrets.CPD_PASSWORD }}\"");
    match bench.stub.dialect() {
        Cp4d35 => bench.spec("kind: cp4d\n", "kind: cp4d_legacy\n").spec(API_KEY, password),
        Cp4d4 | Cp4d5 => bench,
        IbmCloud => {
            bench.spec(LOGIN, &format!("kind: ibm_cloud\n      {API_KEY}\n      iam_url: \"${{{{ env.IAM_URL }}}}\"\n"))
        }
    }
}

/// The same with the login still that of a cluster of 4 or 5.
pub(crate) fn without_login(options: Options) -> Bench {
    let bench = Bench::with(options);
    let stub = &bench.stub;
    let (model_type, software_spec) = served_by(stub.dialect());
    let is_cloud = stub.dialect() == IbmCloud;
    let texts = [
        ("PLATFORM_URL", stub.platform_url()),
        ("OPENSCALE_URL", stub.openscale_url()),
        ("IAM_URL", stub.iam_url().unwrap_or_default()),
        ("OPENSCALE_INSTANCE", stub.data_mart_id()),
        ("CPD_PASSWORD", stub.password()),
    ]
    .map(|(name, text)| (name, text.to_owned()));
    let bench = texts.iter().fold(bench, |bench, (name, text)| bench.variable(name, text)).model();
    let bench = bench.spec("onnxruntime_1.17", model_type).spec("onnxruntime_opset_21", software_spec);
    if !is_cloud {
        return bench;
    }
    let instance = "instance_id: \"${{ env.OPENSCALE_INSTANCE }}\"";
    let openscale = "  openscale:\n    url: \"${{ env.";
    bench
        .spec("    auth: &login", "    platform_url: \"${{ env.PLATFORM_URL }}\"\n    auth: &login")
        .spec(&format!("{openscale}CPD_URL"), &format!("{openscale}OPENSCALE_URL"))
        .spec("      problem_type: binary\n", &format!("      problem_type: binary\n      {instance}\n"))
        .spec(
            "      data: target\n      scoring_path",
            &format!("      data: target\n      {instance}\n      scoring_path"),
        )
        .spec("      monitor_instance_id:", &format!("      {instance}\n      monitor_instance_id:"))
        .spec("    inputs: {space:", &format!("    inputs: {{{instance}, space:"))
}

fn said(bench: Bench, dialect: Dialect) -> Bench {
    bench.spec("    auth: &login", &format!("    dialect: {}\n    auth: &login", dialect.name()))
}

fn is_the_sample(bench: &Bench) {
    bench.metrics_are("tumour-screening");
    bench.predictions_are("tumour-screening");
    assert_eq!(bench.outputs("evaluate")["comparison"]["same"], true);
    assert_eq!(bench.outputs("cleanup")["failed"], json!([]));
    let ledger = std::fs::read_to_string(bench.folder.path().join(".stepwise/r/ledger.jsonl")).unwrap();
    assert!(ledger.contains("removed"), "{ledger}");
}

fn name(dialect: &Dialect) -> &str {
    dialect.name()
}

#[test]
fn the_sample_runs_on_every_product_and_leaves_nothing() {
    each(&Dialect::ALL, name, |&dialect| {
        let bench = sample(dialect);

        bench.run().succeeds();

        is_the_sample(&bench);
        bench.leaves_nothing();
        // Who is on a product that works is not asked for its version.
        let probed = bench.requests().iter().any(|request| request.contains("version"));
        assert!(!probed, "{:?}", bench.requests());
        let logins = bench.requests().iter().filter(|request| request.ends_with(login(dialect))).count();
        assert_eq!(logins, 1);
    });
}

fn login(dialect: Dialect) -> &'static str {
    match dialect {
        Cp4d35 => "GET /v1/preauth/validateAuth",
        Cp4d4 | Cp4d5 => "POST /icp4d-api/v1/authorize",
        IbmCloud => "POST /identity/token",
    }
}

#[test]
fn the_sample_runs_dry_as_every_product() {
    each(&Dialect::ALL, name, |&dialect| {
        let variables = ["CPD_URL", "CPD_USERNAME", "CPD_API_KEY", "CPD_SPACE", "OPENSCALE_INSTANCE"];
        let bench = variables.into_iter().fold(said(sample(dialect), dialect), Bench::without);

        bench.stepwise(&["run", "--dry-run", "pipeline.yaml", "--run", "r"]).succeeds();

        is_the_sample(&bench);
        assert_eq!(bench.requests(), Vec::<String>::new(), "the services of the spec were asked");
        let events = std::fs::read_to_string(bench.folder.path().join(".stepwise/r/events.jsonl")).unwrap();
        assert!(events.contains(login(dialect).split_once(' ').unwrap().1), "another login:\n{events}");
    });
}

#[test]
fn on_ibm_cloud_each_request_goes_to_its_own_host() {
    let bench = sample(IbmCloud);
    let host = |url: &str| url.split_once("://").unwrap().1.to_owned();
    let (wml, platform) = (host(bench.stub.url()), host(bench.stub.platform_url()));

    bench.run().succeeds();

    for request in bench.stub.requests() {
        let asked = request.headers.iter().find(|(name, _)| name == "host").map(|(_, host)| host.as_str());
        let is_wml = request.path.starts_with("/ml/");
        assert_eq!(asked, Some(if is_wml { wml.as_str() } else { platform.as_str() }), "{}", request.path);
    }
    let record = bench.record();
    assert_eq!(record["services"]["wml"], bench.stub.url());
    assert_eq!(record["platforms"], json!({"wml": bench.stub.platform_url()}));
}

#[test]
fn on_ibm_cloud_each_host_is_connected_to_once() {
    let options = Options { dialect: IbmCloud, tls: true, settle: Duration::from_millis(20), ..Options::default() };
    let bench = sample_with(options);
    let certificate = bench.stub.certificate_pem().unwrap().to_owned();
    let relay = |url: &str| Relay::to(url.split_once("://").unwrap().1.parse().unwrap());
    let (wml, platform) = (relay(bench.stub.url()), relay(bench.stub.platform_url()));
    let platform_url = format!("https://{}", platform.address());
    let bench = bench
        .file("ca.pem", certificate)
        .spec("    auth: &login", "    ca_file: ca.pem\n    auth: &login")
        .spec("    auth: *login", "    ca_file: ca.pem\n    auth: *login")
        .variable("CPD_URL", &format!("https://{}", wml.address()))
        .variable("PLATFORM_URL", &platform_url)
        .variable("IAM_URL", &platform_url)
        .variable("OPENSCALE_URL", &platform_url);

    bench.run().succeeds();

    for connections in [wml.connections().len(), platform.connections().len()] {
        // A second one is opened where two requests are in flight.
        assert!((1..=2).contains(&connections), "{connections} connections");
    }
    bench.leaves_nothing();
}

#[test]
fn a_run_goes_on_only_with_the_platform_that_it_began_with() {
    let bench = sample(IbmCloud);
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let (url, elsewhere) = (bench.stub.platform_url().to_owned(), crate::harness::nobody());

    let bench = bench.variable("PLATFORM_URL", &elsewhere);
    let ran = bench.stepwise(&["cleanup", "--run", "r"]).exits_with(2);

    let text = format!("run `r` has the platform of `wml` at `{url}`, not at `{elsewhere}`");
    assert!(ran.stderr().contains(&text), "{}", ran.stderr());
    let bench = bench.variable("PLATFORM_URL", &url);
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}

#[test]
fn a_platform_that_is_away_is_told_from_wml() {
    let bench = sample(IbmCloud).variable("PLATFORM_URL", &crate::harness::nobody());
    let ran = bench.run().exits_with(3).fails_in(
        "store",
        "unavailable",
        "`GET /v2/spaces/ID` found no service: no connection to the platform of `wml`: Connection refused (os error 111)",
    );
    drop(ran);

    // What the request was stands in the failure, whichever host it went to.
    let bench = sample(IbmCloud).fails(always("GET", "/v2/software_specifications", 500));
    let ran = bench.run().exits_with(3);
    assert!(ran.stderr().contains("GET /v2/software_specifications"), "{}", ran.stderr());
}

/// The last lines of stdout: the failure with its hint.
fn told(bench: &Bench) -> String {
    let stdout = bench.run().exits_with(3).stdout();
    let verdict = stdout.rsplit("\n\n").next().unwrap_or_default().to_owned();
    crate::harness::hide_ids(&verdict).replace("run r of tumour-screening: failed\n", "")
}

#[test]
fn a_login_of_another_product_says_which_one_it_is() {
    // A spec for 4 or 5, and a cluster of 3.5.
    let old = sample(Cp4d35);
    let bench = sample(Cp4d5).variable("CPD_URL", old.stub.url());
    assert_eq!(
        told(&bench),
        "step `store` failed: `GET /v2/spaces/ID` could not log in: `wml` answered 404 to the login at \
         `/icp4d-api/v1/authorize`; check that its `url` is that of a Cloud Pak for Data cluster\n\
         hint: a cluster of version 3.5 has the login `kind: cp4d_legacy`\n"
    );

    // The other way round; the cluster tells its version.
    for (dialect, version) in [(Cp4d4, "4.8.0"), (Cp4d5, "5.1.0")] {
        let new = sample(dialect);
        let bench = sample(Cp4d35).variable("CPD_URL", new.stub.url());
        assert_eq!(
            told(&bench),
            format!(
                "step `store` failed: `GET /v2/spaces/ID` could not log in: `wml` is Cloud Pak for Data {version}, which \
                 has no login at `/v1/preauth/validateAuth`\n\
                 hint: use the login `kind: cp4d`\n"
            )
        );
    }

    // IAM that is none.
    let cluster = sample(Cp4d5);
    let bench = sample(IbmCloud).variable("IAM_URL", cluster.stub.url());
    assert_eq!(
        told(&bench),
        "step `store` failed: `GET /v2/spaces/ID` could not log in: `wml` answered 404 to the login at \
         `/identity/token`; check that its `iam_url` is that of IBM Cloud's IAM\n"
    );
}

#[test]
fn wml_in_place_of_the_platform_has_no_spaces() {
    let bench = sample(IbmCloud);
    let url = bench.stub.url().to_owned();
    let bench = bench.variable("PLATFORM_URL", &url);
    bench.run().exits_with(3).fails_in(
        "store",
        "refused",
        "`GET /v2/spaces/ID` answered 404: path `/v2/spaces/ID` does not exist",
    );
}

/// A cluster that is too old: one login, and WML under `/v4`.
fn cluster_of_3_0(version: Option<&'static str>) -> Server {
    Server::start(move |request| {
        let path = request.line.split([' ', '?']).nth(1).unwrap_or_default();
        let body = match (path, version) {
            ("/v1/preauth/validateAuth", _) => json!({"accessToken": "a.token.x"}),
            ("/v4/spaces", _) => json!({"resources": []}),
            ("/ml/wml_services/version", Some(version)) => json!({"version": version}),
            _ => return (404, Vec::new(), "<html>not found</html>".to_owned()),
        };
        (200, Vec::new(), body.to_string())
    })
}

#[test]
fn a_cluster_before_3_5_is_told_in_one_sentence() {
    for (version, shown) in [(None, "3.0 or before"), (Some("3.0.1"), "3.0.1"), (Some("2.5.0"), "2.5.0")] {
        let cluster = cluster_of_3_0(version);
        let bench = sample(Cp4d35).variable("CPD_URL", &cluster.url());
        let ran = bench.run().exits_with(3);
        let text =
            format!("`GET /v2/spaces/ID` is not allowed: `wml` is Cloud Pak for Data {shown}, which is not supported");
        let ran = ran.fails_in("store", "refused", &text);
        assert!(ran.stdout().contains("\nhint: upgrade the cluster to 3.5 or later\n"), "{}", ran.stdout());
    }
}

#[test]
fn what_is_not_there_on_a_known_product_is_asked_about_once() {
    let space = "c9a1f2d4-0000-4000-8000-000000000000";
    for dialect in [Cp4d35, Cp4d4, Cp4d5] {
        let bench = sample(dialect).variable("CPD_SPACE", space);
        bench.run().exits_with(3).fails_in(
            "store",
            "refused",
            "`GET /v2/spaces/ID` answered 404: space `ID` does not exist",
        );
        let lines: Vec<_> = bench.requests().into_iter().filter(|line| line.contains("/v2/spaces")).collect();
        assert_eq!(lines, [format!("GET /v2/spaces/{space}"), "GET /v2/spaces".to_owned()]);
    }
    // IBM Cloud is never old.
    let bench = sample(IbmCloud).variable("CPD_SPACE", space);
    bench.run().exits_with(3).fails_in(
        "store",
        "refused",
        "`GET /v2/spaces/ID` answered 404: space `ID` does not exist",
    );
    assert_eq!(bench.requests().len(), 2);
}

#[test]
fn a_specification_of_another_product_is_told_with_those_that_there_are() {
    for (dialect, other) in [(Cp4d35, Cp4d5), (Cp4d4, Cp4d35), (Cp4d5, Cp4d4), (IbmCloud, Cp4d35)] {
        let ((_, own), (_, foreign)) = (served_by(dialect), served_by(other));
        let bench = sample(dialect).spec(own, foreign);
        assert_eq!(
            told(&bench),
            format!(
                "step `store` failed: there is no software specification `{foreign}`\n\
                 hint: each release has its own: 3.5 `default_py3.7`, 4.8 `runtime-23.1-py3.10`, 5.1 \
                 `runtime-24.1-py3.11`\n"
            )
        );
    }
    // The type alone.
    let bench = sample(Cp4d35).spec("pytorch-onnx_1.3", "pytorch-onnx_2.1");
    bench.run().exits_with(3).fails_in(
        "store",
        "refused",
        "`POST /ml/v4/models` answered 400: model type `pytorch-onnx_2.1` is not supported with software specification \
         `default_py3.7`",
    );
}

#[test]
fn openscale_of_ibm_cloud_needs_an_instance_and_a_provider() {
    let bench = sample(IbmCloud).without("OPENSCALE_INSTANCE");
    let bench = bench.variable("OPENSCALE_INSTANCE", "00000000-0000-0000-0000-000000000000");
    assert_eq!(
        told(&bench),
        "step `subscribe` failed: `GET /openscale/ID/v2/data_marts` answered 404: service instance `ID` does not exist\n\
         hint: if OpenScale's instance is not the default one of a cluster, name it as `instance_id`\n"
    );
    bench.leaves_nothing();

    let none = json!({"service_providers": []});
    let bench = sample(IbmCloud).fails(answers("GET", "/openscale/*/v2/service_providers", none));
    assert_eq!(
        told(&bench),
        "step `subscribe` failed: `POST /openscale/ID/v2/service_providers` answered 400: `credentials` of WML are its \
         `url` and one of `apikey` and `token`\n\
         hint: on IBM Cloud a service provider holds an API key, which no step has: make one for the space beforehand\n"
    );
}

#[test]
fn a_withdrawn_token_is_replaced_on_either_host() {
    for path in ["/v2/software_specifications", "/ml/v4/models", "/v2/assets/*"] {
        let method = if path.contains("models") {
            "POST"
        } else if path.contains('*') {
            "DELETE"
        } else {
            "GET"
        };
        let bench = sample(IbmCloud).fails(Fault::new(method, path, FaultKind::ExpireTokens));

        bench.run().succeeds();

        let logins = bench.requests().iter().filter(|line| *line == login(IbmCloud)).count();
        assert_eq!(logins, 2, "{path}");
        bench.leaves_nothing();
    }
}

#[test]
fn a_plan_tells_what_is_known_of_each_service() {
    let bench = sample(IbmCloud);
    let stdout = bench.stepwise(&["plan", "pipeline.yaml"]).succeeds().stdout();
    let (wml, platform) = (bench.stub.url(), bench.stub.platform_url());
    let lines: Vec<_> = stdout.lines().filter(|line| line.starts_with("service ")).collect();
    assert_eq!(
        lines,
        [
            format!("service openscale at {platform} (ibm_cloud)"),
            format!("service wml at {wml} (ibm_cloud), its platform at {platform}"),
        ]
    );
    let plan = bench.stepwise(&["plan", "pipeline.yaml", "--format", "json"]).succeeds().stdout();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(
        plan["services"][1],
        json!({"name": "wml", "url": wml, "dialect": "ibm_cloud", "platform_url": platform})
    );
}

#[test]
fn the_platform_follows_from_the_region_and_a_token_is_enough_to_know_it() {
    let bench = Bench::sample()
        .spec(&format!("&login\n      {LOGIN}"), "&login {kind: token, token: a.token.x}\n")
        .variable("CPD_URL", "https://eu-de.ml.cloud.ibm.com");
    let stdout = bench.stepwise(&["plan", "pipeline.yaml"]).succeeds().stdout();
    let wanted = "service wml at https://eu-de.ml.cloud.ibm.com (ibm_cloud), its platform at \
                  https://api.eu-de.dataplatform.cloud.ibm.com";
    assert!(stdout.lines().any(|line| line == wanted), "{stdout}");
}

#[test]
fn the_stub_serves_other_processes_as_any_product() {
    use std::io::BufRead as _;
    let bench = sample(Cp4d5);
    for dialect in Dialect::ALL {
        let mut stub =
            bench.command(&["stub", "--dialect", dialect.name()]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(stub.stdout.take().unwrap()).read_line(&mut line).unwrap();
        stub.kill().unwrap();
        stub.wait().unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["dialect"], dialect.name());
        assert_eq!(line["platform_url"] == line["url"], dialect != IbmCloud, "{line}");
    }
    bench.stepwise(&["stub", "--dialect", "cp4d_3.0"]).exits_with(2);
}
