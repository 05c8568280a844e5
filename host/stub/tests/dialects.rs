//! What differs between the products.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stepwise_stub::Dialect::{self, Cp4d4, Cp4d5, Cp4d35, IbmCloud};
use stepwise_stub::{Options, Stub};

use crate::client::{Client, MART};

/// What a model of each product is stored with.
const MODELS: [(Dialect, &str, &str); 4] = [
    (Cp4d35, "pytorch-onnx_1.3", "default_py3.7"),
    (Cp4d4, "pytorch-onnx_2.0", "runtime-23.1-py3.10"),
    (Cp4d5, "pytorch-onnx_2.1", "runtime-24.1-py3.11"),
    (IbmCloud, "onnxruntime_1.16", "onnxruntime_opset_19"),
];

fn store(client: &Client, model_type: &str, specification: &str) -> String {
    client.store_as(&client.model(model_type, specification), &crate::client::archive("binary.onnx"))
}

#[test]
fn each_product_has_its_own_login_and_version_and_no_other() {
    for (dialect, login, old, new) in [
        (Cp4d35, ["GET /v1/preauth/validateAuth"].as_slice(), Value::Null, Value::Null),
        (Cp4d4, &["POST /icp4d-api/v1/authorize"], json!("4.8.0"), json!("4.8.0")),
        (Cp4d5, &["POST /icp4d-api/v1/authorize"], Value::Null, json!("5.1.0")),
        (IbmCloud, &["POST /identity/token", "POST /oidc/token"], Value::Null, Value::Null),
    ] {
        let client = Client::of(dialect);
        for route in [
            "GET /v1/preauth/validateAuth",
            "POST /icp4d-api/v1/authorize",
            "POST /identity/token",
            "POST /oidc/token",
            "POST /idprovider/v1/auth/identitytoken",
        ] {
            let (method, path) = route.split_once(' ').unwrap();
            let is_there = client.send(method, path, "text/plain", b"").status != 404;
            assert_eq!(is_there, login.contains(&route), "{route} of {}", dialect.name());
        }
        assert_eq!(client.get("/ml/wml_services/version").body["version"], old, "{}", dialect.name());
        assert_eq!(client.get("/ml/wml_services/v2/version").body["version"], new, "{}", dialect.name());
    }
}

#[test]
fn a_model_of_one_product_is_not_served_by_the_others() {
    for (n, (dialect, ..)) in MODELS.iter().enumerate() {
        let client = Client::of(*dialect);
        for (m, (_, model_type, specification)) in MODELS.iter().enumerate() {
            let path = format!("/v2/software_specifications?version=2021-06-24&name={specification}");
            let listed = client.get(&path).body["total_results"] == 1;
            let stored = client.post(&client.wml("models"), &client.model(model_type, specification)).status == 201;
            // IBM Cloud has what Cloud Pak for Data 5 has.
            let is_known = n == m || (n, m) == (3, 2);
            assert_eq!((listed, stored), (is_known, is_known), "{specification} of {}", dialect.name());
        }
    }
}

#[test]
fn deployments_tell_their_address_in_the_product_s_ways() {
    for (dialect, model_type, specification) in MODELS {
        let client = Client::of(dialect);
        let id = client.deploy(&store(&client, model_type, specification), "ready");
        let body = client.get(&client.wml(&format!("deployments/{id}"))).body;
        let status: BTreeSet<&str> = body["entity"]["status"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut wanted = BTreeSet::from(["online_url", "state"]);
        if dialect != Cp4d35 {
            wanted.insert("serving_urls");
        }
        if dialect == IbmCloud {
            wanted.insert("inference");
            assert_eq!(body["entity"]["status"]["inference"][0]["url"], body["entity"]["status"]["online_url"]["url"]);
        }
        assert_eq!(status, wanted);
        let warning = &body["system"]["warnings"][0]["id"];
        assert_eq!(*warning, if dialect == Cp4d35 { Value::Null } else { json!("Deprecated") });
        let scored = client.predict(&id, &json!({"input_data": [{"values": [[1, 1]]}]}));
        assert_eq!(scored.status, 200, "{scored:?}");
    }
}

#[test]
fn models_of_ibm_cloud_have_more_to_tell() {
    for (dialect, model_type, specification) in MODELS {
        let client = Client::of(dialect);
        let id = store(&client, model_type, specification);
        let body = client.get(&client.wml(&format!("models/{id}"))).body;
        let (metadata, entity) = (&body["metadata"], &body["entity"]);
        let found = [&metadata["resource_key"], &metadata["commit_info"], &entity["hybrid_pipeline_software_specs"]];
        assert_eq!(found.map(Value::is_null), [dialect != IbmCloud; 3]);
    }
}

#[test]
fn on_ibm_cloud_wml_and_the_platform_are_two_places() {
    let client = Client::of(IbmCloud);
    let (wml, platform) = (client.stub.url().to_owned(), client.stub.platform_url().to_owned());
    assert_ne!(wml, platform);
    let status = |base: &str, path: &str| {
        let request = client.agent.get(format!("{base}{path}"));
        let authorization = format!("Bearer {}", client.token);
        request.header("authorization", authorization).call().unwrap().status().as_u16()
    };
    let version = "version=2021-06-24";
    let scoped = format!("{version}&space_id={}", client.space);
    let openscale = format!("/openscale/{}/v2/data_marts", client.stub.data_mart_id());
    for (path, is_platform) in [
        (format!("/v2/spaces/{}", client.space), true),
        (format!("/v2/software_specifications?{version}"), true),
        (format!("/v2/hardware_specifications?{version}"), true),
        (openscale, true),
        ("/v1/entitlements?nocache=true".to_owned(), true),
        (format!("/ml/v4/models?{scoped}"), false),
        (format!("/ml/v4/deployments?{scoped}"), false),
        (format!("/ml/v4/list/software_specifications?{scoped}"), false),
    ] {
        let (there, elsewhere) = if is_platform { (&platform, &wml) } else { (&wml, &platform) };
        assert_eq!((status(there, &path), status(elsewhere, &path)), (200, 404), "{path}");
    }
    let next = client.get("/v2/spaces?limit=1").body["first"]["href"].as_str().unwrap().to_owned();
    assert!(next.starts_with(&platform), "{next}");
}

#[test]
fn a_space_of_ibm_cloud_computes_with_an_instance_of_wml() {
    let client = Client::of(IbmCloud);
    let space = client.get(&format!("/v2/spaces/{}", client.space));
    let guid = space.body["entity"]["compute"][0]["guid"].as_str().unwrap();
    let instance = client.get(&client.wml(&format!("instances/{guid}")));
    assert_eq!((instance.status, instance.id().as_str()), (200, guid));
    assert_eq!(client.get(&client.wml("instances/other")).status, 404);
    assert_eq!(client.get(&format!("/ml/v4/instances/{guid}?version=2021-06-24")).status, 400);
    let cluster = Client::new();
    assert_eq!(cluster.get(&format!("/v2/spaces/{}", cluster.space)).body["entity"].get("compute"), None);
    assert_eq!(cluster.get(&cluster.wml(&format!("instances/{guid}"))).status, 404);
}

#[test]
fn openscale_of_ibm_cloud_is_an_instance_of_its_own_and_set_up() {
    let client = Client::of(IbmCloud);
    let id = client.stub.data_mart_id().to_owned();
    assert_ne!(id, MART);
    let entitlements = client.get("/v1/entitlements?nocache=true");
    assert_eq!(entitlements.body["entitlements"]["ai_openscale"][0]["id"], json!(id));
    assert_eq!(client.get(&format!("/openscale/{MART}/v2/data_marts")).status, 404);
    assert_eq!(client.get(&client.ai("data_marts")).body["data_marts"][0]["metadata"]["id"], json!(id));
    let providers = client.get(&client.ai("service_providers")).body;
    assert_eq!(providers["service_providers"][0]["entity"]["deployment_space_id"], json!(client.space));
    assert_eq!(client.stub.leftovers(), []);
    assert_eq!(Client::new().get("/v1/entitlements").status, 404);
}

#[test]
fn a_provider_of_ibm_cloud_needs_credentials_of_wml() {
    let client = Client::of(IbmCloud);
    let there = client.get(&client.ai("service_providers")).body["service_providers"][0]["metadata"]["id"].clone();
    let path = client.ai(&format!("service_providers/{}", there.as_str().unwrap()));
    client.delete(&path);
    client.until(&path, |answer| answer.status == 404);
    let add = |credentials: Value| {
        let request = json!({
            "name": "provider", "service_type": "watson_machine_learning", "credentials": credentials,
            "operational_space_id": "production", "deployment_space_id": client.space,
        });
        client.post(&client.ai("service_providers"), &request).status
    };
    assert_eq!(add(json!({})), 400);
    assert_eq!(add(json!({"apikey": "key"})), 400);
    assert_eq!(add(json!({"apikey": "key", "token": "token", "url": "https://us-south.ml.cloud.ibm.com"})), 400);
    assert_eq!(add(json!({"apikey": "key", "url": "https://us-south.ml.cloud.ibm.com"})), 202);
}

#[test]
fn the_ready_line_of_ibm_cloud_tells_every_address() {
    let stub = Stub::start(Options { dialect: IbmCloud, tls: true, ..Options::default() }).unwrap();
    let line: Value = serde_json::from_str(&stub.ready_line()).unwrap();
    let platform = stub.platform_url();
    let wanted = json!({
        "dialect": "ibm_cloud", "url": stub.url(), "platform_url": platform, "openscale_url": platform,
        "iam_url": platform, "space_id": stub.space_id(), "data_mart_id": stub.data_mart_id(), "username": "stepwise",
    });
    assert_eq!(line, wanted);
    assert!(platform.starts_with("https://127.0.0.1:"));
}

#[test]
fn the_certificate_of_ibm_cloud_is_for_the_hosts_that_clients_insist_on() {
    for (dialect, is_for_cloud) in [(IbmCloud, true), (Cp4d5, false)] {
        let stub = Stub::start(Options { dialect, tls: true, ..Options::default() }).unwrap();
        let certificate = ureq::tls::Certificate::from_pem(stub.certificate_pem().unwrap().as_bytes()).unwrap();
        for host in [
            "us-south.ml.cloud.ibm.com",
            "api.dataplatform.cloud.ibm.com",
            "iam.cloud.ibm.com",
            "api.aiopenscale.cloud.ibm.com",
        ] {
            // Names stand in a certificate as plain text.
            let found = certificate.der().windows(host.len()).any(|window| window == host.as_bytes());
            assert_eq!(found, is_for_cloud, "{host}");
        }
    }
}

#[test]
fn names_are_those_of_a_spec() {
    assert_eq!(Dialect::ALL.map(Dialect::name), ["cp4d_3.5", "cp4d_4", "cp4d_5", "ibm_cloud"]);
    assert_eq!(Dialect::ALL.map(|one| Dialect::named(one.name())), Dialect::ALL.map(Some));
    assert_eq!(Dialect::named("cp4d_3.0"), None);
}
