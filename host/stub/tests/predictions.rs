//! Scoring.

use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::{Dialect, Options};

use crate::client::{Client, archive, model_file, zipped};

fn ready(client: &Client, model_type: &str, specification: &str, file: &str) -> String {
    let mut request = client.model(model_type, specification);
    if file == "columns.onnx" {
        request.as_object_mut().unwrap().remove("schemas");
    }
    client.deploy(&client.store_as(&request, &archive(file)), "ready")
}

fn rows(values: &Value) -> Value {
    json!({"input_data": [{"fields": ["x1", "x2"], "values": values}]})
}

#[test]
fn every_type_answers_in_its_shape() {
    let client = Client::new();
    let answer = |model_type: &str, specification: &str, file: &str| {
        let id = ready(&client, model_type, specification, file);
        let scored = client.predict(&id, &rows(&json!([[1.0, 1.0], [-2, 1]])));
        assert_eq!(scored.status, 200, "{scored:?}");
        scored.body["predictions"].clone()
    };
    let onnx = answer("onnxruntime_1.17", "onnxruntime_opset_21", "binary.onnx");
    assert_eq!(onnx[0], json!({"id": "label", "values": [1, 0]}));
    assert_eq!(onnx[1]["id"], "probabilities");
    let probability = onnx[1]["values"][0][1].as_f64().unwrap();
    assert!((probability - 1.0 / (1.0 + (-2.0f64).exp())).abs() < 1e-6);
    let probabilities = &onnx[1]["values"];
    let pytorch = answer("pytorch-onnx_2.1", "runtime-24.1-py3.11", "binary.onnx");
    assert_eq!(pytorch, json!([{"values": [[1, probabilities[0]], [0, probabilities[1]]]}]));
    let regression = answer("pytorch-onnx_2.1", "runtime-24.1-py3.11", "regression.onnx");
    assert_eq!(regression, json!([{"values": [[3.0], [-3.0]]}]));
}

#[test]
fn a_twin_answers_for_models_that_the_stub_cannot_run() {
    let probability = 1.0 / (1.0 + (-2.0f64).exp());
    for (dialect, model_type, specification, content) in [
        (Dialect::Cp4d5, "scikit-learn_1.3", "runtime-24.1-py3.11", zipped("model.pkl", b"\x80\x04N.")),
        (Dialect::Cp4d4, "xgboost_1.6", "runtime-23.1-py3.10", zipped("model.json", b"{}")),
        (Dialect::Cp4d4, "tensorflow_rt23.1", "runtime-23.1-py3.10", zipped("saved_model.pb", b"x")),
        (Dialect::Cp4d5, "spss-modeler_18.2", "spss-modeler_18.2", zipped("stream.xml", b"x")),
        (Dialect::Cp4d5, "mllib_3.3", "spark-mllib_3.3", zipped("metadata/part-00000", b"x")),
        (Dialect::Cp4d5, "pmml_4.2.1", "pmml-3.0_4.3", b"<PMML/>".to_vec()),
    ] {
        let client = Client::with(Options {
            dialect,
            settle: Duration::ZERO,
            twin: Some(model_file("binary.onnx")),
            ..Options::default()
        });
        let id = client.deploy(&client.store_as(&client.model(model_type, specification), &content), "ready");
        let scored = client.predict(&id, &rows(&json!([[1.0, 1.0], [-2, 1]]))).body["predictions"].clone();
        let values = scored[0]["values"].clone();
        assert_eq!(scored, json!([{"fields": ["prediction", "probability"], "values": values}]), "{model_type}");
        assert_eq!((&values[0][0], &values[1][0]), (&json!(1), &json!(0)));
        assert!((values[0][1][1].as_f64().unwrap() - probability).abs() < 1e-6);
    }
    let client = Client::with(Options {
        settle: Duration::ZERO,
        twin: Some(model_file("regression.onnx")),
        ..Options::default()
    });
    let request = client.model("scikit-learn_1.3", "runtime-24.1-py3.11");
    let id = client.deploy(&client.store_as(&request, &zipped("model.pkl", b"\x80\x04N.")), "ready");
    let scored = client.predict(&id, &rows(&json!([[1.0, 1.0], [-2, 1]])));
    assert_eq!(scored.body["predictions"], json!([{"fields": ["prediction"], "values": [[3.0], [-3.0]]}]));
}

#[test]
fn several_inputs_are_matched_by_name() {
    let client = Client::new();
    let id = ready(&client, "onnxruntime_1.17", "onnxruntime_opset_21", "columns.onnx");
    let body = json!({"input_data": [{"fields": ["x2", "x1"], "values": [[1.0, 5.0]]}]});
    assert_eq!(client.predict(&id, &body).body["predictions"], json!([{"id": "difference", "values": [[4.0]]}]));
    assert_eq!(client.predict(&id, &json!({"input_data": [{"values": [[1.0, 5.0]]}]})).status, 400);
}

#[test]
fn fields_are_optional_and_other_members_are_ignored() {
    let client = Client::new();
    let id = ready(&client, "onnxruntime_1.17", "onnxruntime_opset_21", "binary.onnx");
    let body = json!({"input_data": [{"values": [[1, 1]]}, {"values": [[-1, 0]]}], "extra": 1});
    let scored = client.predict(&id, &body);
    assert_eq!(scored.body["predictions"].as_array().unwrap().len(), 4);
}

#[test]
fn a_scoring_request_is_read_strictly() {
    let client = Client::new();
    let id = ready(&client, "onnxruntime_1.17", "onnxruntime_opset_21", "binary.onnx");
    for body in [
        json!({}),
        json!({"input_data": []}),
        json!({"input_data": [{"values": []}]}),
        json!({"input_data": [{"feilds": [], "values": [[1, 1]]}]}),
        rows(&json!([[1]])),
        rows(&json!([[1, 1], [1]])),
        rows(&json!([[1, "one"]])),
        json!({"input_data": [{"values": [[1, 2, 3]]}]}),
        json!({"input_data": [{"fields": ["x2", "x1"], "values": [[1, 1]]}]}),
    ] {
        assert_eq!(client.predict(&id, &body).refusal().0, 400, "{body}");
    }
    let path = format!("/ml/v4/deployments/{id}/predictions?version=2021-06-24");
    let body = rows(&json!([[1, 1]]));
    assert_eq!(client.post(&path, &body).status, 200);
    let space = format!("{path}&space_id={}", client.space);
    assert_eq!(
        client.post(&space, &body).refusal(),
        (400, "invalid_input_argument", "unknown query parameter `space_id`")
    );
    assert_eq!(
        client.send("POST", &path, "application/json", b"{\"input_data\":[{\"values\":[[NaN,1]]}]}").status,
        400
    );
    assert_eq!(client.predict("none", &body).status, 404);
}
