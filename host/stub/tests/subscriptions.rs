//! Subscriptions.

use serde_json::{Value, json};

use crate::client::{Client, MART, quality, zipped};

#[test]
fn schemas_and_roles_are_discovered() {
    let client = Client::new();
    let (id, deployment) = client.subscribe("binary.onnx", "binary", "pre_production");
    let read = client.get(&client.ai(&format!("subscriptions/{id}")));
    let fields = &read.body["entity"]["asset_properties"]["input_data_schema"]["fields"];
    assert_eq!(
        fields[0],
        json!({"name": "x1", "type": "double", "nullable": true, "metadata": {"modeling_role": "feature"}})
    );
    let listed =
        client.get(&client.ai(&format!("subscriptions?deployment.deployment_id={deployment}&data_mart_id={MART}")));
    assert_eq!(listed.body["subscriptions"][0], read.body);
    let count = |filter: &str| {
        client.get(&client.ai(&format!("subscriptions?{filter}"))).body["subscriptions"].as_array().unwrap().len()
    };
    assert_eq!(count("deployment.deployment_id=none"), 0);
    assert_eq!(count("service_provider.operational_space_id=pre_production"), 1);
    assert_eq!(count("asset.asset_type=model,function"), 1);
}

#[test]
fn given_schemas_get_roles() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let deployment = client.deploy(&model, "ready");
    let provider = client.provider("pre_production");
    let mut request = client.subscription(&provider, &model, &deployment, "binary");
    let field = |name: &str, kind: Value| json!({"name": name, "type": kind});
    let array = json!({"type": "array", "elementType": "double", "containsNull": true});
    let properties = &mut request["asset_properties"];
    properties["categorical_fields"] = json!(["x2"]);
    properties["training_data_reference"] = json!({"type": "cos", "connection": {"api_key": "k"}, "location": {}});
    properties["training_data_schema"] =
        json!({"type": "struct", "fields": [field("x2", json!("double")), field("y", json!("integer"))]});
    properties["output_data_schema"] =
        json!({"type": "struct", "fields": [field("prediction", json!("integer")), field("probability", array)]});
    let created = client.post(&client.ai("subscriptions"), &request);
    let properties = &created.body["entity"]["asset_properties"];
    let metadata = |schema: &str, at: usize| properties[schema]["fields"][at]["metadata"].clone();
    assert_eq!(metadata("training_data_schema", 0), json!({"modeling_role": "feature", "measure": "discrete"}));
    assert_eq!(metadata("training_data_schema", 1), json!({"modeling_role": "target"}));
    assert_eq!(metadata("output_data_schema", 0), json!({"modeling_role": "prediction"}));
    assert_eq!(metadata("output_data_schema", 1), json!({"modeling_role": "probability"}));
    let reference = properties["training_data_reference"].as_object().unwrap();
    assert_eq!(reference.keys().collect::<Vec<_>>(), ["secret_id"]);
}

#[test]
fn what_cannot_be_monitored_settles_as_an_error() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let broken = client.store_as(&client.model("onnxruntime_1.17", "onnxruntime_opset_21"), &zipped("m.onnx", b"x"));
    let (good, failed) = (client.deploy(&model, "ready"), client.deploy(&broken, "failed"));
    let provider = client.provider("pre_production");
    for (asset, deployment, reason) in [
        (&model, "none", "deployment `none` is not in the service provider's space".to_owned()),
        (&broken, good.as_str(), format!("deployment `{good}` is not of asset `{broken}`")),
        (&broken, failed.as_str(), format!("deployment `{failed}` is not ready")),
    ] {
        let created =
            client.post(&client.ai("subscriptions"), &client.subscription(&provider, asset, deployment, "binary"));
        assert_eq!(created.status, 202);
        let path = client.ai(&format!("subscriptions/{}", created.id()));
        let read = client.until(&path, |answer| answer.state() == "error");
        assert_eq!(
            read.body["entity"]["status"]["failure"]["errors"][0],
            json!({"code": "AIQST1001E", "message": reason})
        );
        let data_sets = client.ai(&format!("data_sets?target.target_id={}", created.id()));
        assert_eq!(client.get(&data_sets).body["data_sets"], json!([]));
        assert_eq!(client.delete(&format!("{path}?force=true")).status, 202);
        assert_eq!(client.get(&path).status, 404);
    }
}

#[test]
fn a_subscription_request_is_read_strictly() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let deployment = client.deploy(&model, "ready");
    let provider = client.provider("pre_production");
    let request = client.subscription(&provider, &model, &deployment, "binary");
    let status = |path: &str, value: Value| {
        let mut changed = request.clone();
        let (parent, key) = path.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[key] = value;
        client.post(&client.ai("subscriptions"), &changed).refusal().0
    };
    assert_eq!(status("/asset_properties/feature_columns", json!([])), 400);
    assert_eq!(status("/asset/problem_type", json!("binary_classification")), 400);
    assert_eq!(status("/asset/asset_id", json!(null)), 400);
    assert_eq!(status("/deployment/deployment_type", json!("live")), 400);
    assert_eq!(status("/data_mart_id", json!("none")), 404);
    assert_eq!(status("/service_provider_id", json!("none")), 404);
    assert_eq!(client.post(&client.ai("subscriptions"), &request).status, 202);
    assert_eq!(client.post(&client.ai("subscriptions"), &request).refusal().0, 409);
}

#[test]
fn a_subscription_is_patched_and_its_schemas_inferred() {
    let client = Client::new();
    let (id, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let path = client.ai(&format!("subscriptions/{id}"));
    let changes = json!([{"op": "replace", "path": "/asset_properties/prediction_field", "value": "scored"}]);
    let patched = client.patch(&path, &changes);
    assert_eq!(
        (patched.status, &patched.body["entity"]["asset_properties"]["prediction_field"]),
        (200, &json!("scored"))
    );
    assert_eq!(client.patch(&path, &json!([{"op": "add", "path": "/wrong", "value": 1}])).status, 400);
    assert_eq!(client.send("PATCH", &path, "application/json-patch+json", changes.to_string().as_bytes()).status, 415);
    let sample = json!({"input_data": [{"fields": ["x1", "x2"], "values": [[1, "a"]]}]});
    let inferred = client.post(&client.ai(&format!("subscriptions/{id}/schemas")), &sample);
    let schema = &inferred.body["subscription"]["entity"]["asset_properties"]["input_data_schema"];
    assert_eq!(schema["fields"][1]["type"], "string");
}

#[test]
fn data_sets_come_with_the_subscription_and_go_with_it_but_monitors_stay() {
    let client = Client::new();
    let (id, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let types = || -> Vec<Value> {
        let listed =
            client.get(&client.ai(&format!("data_sets?target.target_id={id}&target.target_type=subscription")));
        listed.body["data_sets"].as_array().unwrap().iter().map(|one| one["entity"]["type"].clone()).collect()
    };
    assert_eq!(types(), ["payload_logging", "payload_logging_error", "manual_labeling", "model_health"]);
    let monitor = client.monitor(&id);
    assert_eq!(types().last().unwrap(), "feedback");
    let provider = client.get(&client.ai("service_providers")).body["service_providers"][0]["metadata"]["id"].clone();
    let provider = client.ai(&format!("service_providers/{}", provider.as_str().unwrap()));
    assert_eq!(client.delete(&provider).refusal().0, 409);
    assert_eq!(client.delete(&client.ai(&format!("data_marts/{MART}"))).refusal().0, 409);
    client.delete(&client.ai(&format!("subscriptions/{id}")));
    assert_eq!(client.get(&client.ai(&format!("subscriptions/{id}"))).status, 404);
    assert_eq!(types(), Vec::<Value>::new());
    let kinds: Vec<String> = client.stub.leftovers().into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(kinds, ["model", "deployment", "data mart", "service provider", "monitor instance"]);
    assert_eq!(client.delete(&client.ai(&format!("monitor_instances/{monitor}?force=false"))).status, 202);
    assert_eq!(client.delete(&provider).status, 202);
    assert_eq!(client.delete(&client.ai(&format!("data_marts/{MART}"))).status, 202);
    assert_eq!(client.get(&client.ai("monitor_instances")).body["monitor_instances"], json!([]));
    client.stub.take_inventory();
    assert_eq!(client.stub.leftovers(), []);
}

#[test]
fn a_quality_monitor_is_read_strictly() {
    let client = Client::new();
    let (id, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let status = |path: &str, value: Value| {
        let mut changed = quality(&id);
        let (parent, key) = path.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[key] = value;
        client.post(&client.ai("monitor_instances"), &changed).refusal().0
    };
    assert_eq!(status("/monitor_definition_id", json!("qality")), 400);
    assert_eq!(status("/target/target_id", json!("none")), 404);
    assert_eq!(status("/target/target_type", json!("deployment")), 400);
    assert_eq!(status("/parameters", json!(null)), 400);
    assert_eq!(status("/parameters/min_feedback_data_size", json!("50")), 400);
    assert_eq!(status("/parameters/min_size", json!(50)), 400);
    assert_eq!(status("/thresholds", json!([{"metric_id": "auc", "type": "lower_limit", "value": 0.8}])), 400);
    assert_eq!(
        status("/thresholds", json!([{"metric_id": "area_under_roc", "type": "upper_limit", "value": 0.8}])),
        400
    );
    assert_eq!(status("/threshold", json!([])), 400);
    let monitor = client.monitor(&id);
    assert_eq!(client.post(&client.ai("monitor_instances"), &quality(&id)).refusal().0, 409);
    let path = client.ai(&format!("monitor_instances/{monitor}"));
    assert!(client.get(&path).body["entity"]["schedule_id"].is_string());
    let changes = json!([{"op": "replace", "path": "/parameters/min_feedback_data_size", "value": 5}]);
    assert_eq!(client.patch(&path, &changes).body["entity"]["parameters"]["min_feedback_data_size"], 5);
}

#[test]
fn the_first_payload_gives_the_output_schema() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let deployment = client.deploy(&model, "ready");
    let provider = client.provider("production");
    let mut request = client.subscription(&provider, &model, &deployment, "binary");
    request["asset_properties"].as_object_mut().unwrap().remove("output_data_schema");
    let id = client.post(&client.ai("subscriptions"), &request).id();
    client.predict(&deployment, &json!({"input_data": [{"values": [[1, 1]]}]}));
    let path = client.ai(&format!("subscriptions/{id}"));
    let read = client.get(&path);
    let fields = &read.body["entity"]["asset_properties"]["output_data_schema"]["fields"];
    assert_eq!((&fields[0]["name"], &fields[0]["type"]), (&json!("prediction"), &json!("integer")));
    assert_eq!(fields[1]["metadata"]["modeling_role"], "probability");
    client.monitor(&id);
}

#[test]
fn a_monitor_of_a_subscription_that_lacks_something_settles_as_an_error() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let deployment = client.deploy(&model, "ready");
    let provider = client.provider("pre_production");
    let mut request = client.subscription(&provider, &model, &deployment, "binary");
    request["asset_properties"] = json!({"label_column": "y"});
    let id = client.post(&client.ai("subscriptions"), &request).id();
    let created = client.post(&client.ai("monitor_instances"), &quality(&id));
    assert_eq!(created.status, 202);
    let read = client.get(&client.ai(&format!("monitor_instances/{}", created.id())));
    assert_eq!(read.state(), "error");
    let message = &read.body["entity"]["status"]["failure"]["errors"][0]["message"];
    assert_eq!(message, "the subscription lacks prediction_field, probability_fields, output_data_schema");
}
