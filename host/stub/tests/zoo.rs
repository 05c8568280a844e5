//! Models as exporters write them: stored, deployed and scored over HTTP, against what onnxruntime answers.

use serde_json::{Value, json};

use crate::client::{Client, zipped};
use crate::exported::{assert_same, exported};

/// What an answer of the onnxruntime says about each row, column by column.
fn columns(predictions: &Value) -> Vec<Vec<String>> {
    let mut columns = Vec::new();
    for output in predictions.as_array().unwrap() {
        let rows: Vec<Vec<String>> = output["values"].as_array().unwrap().iter().map(cells).collect();
        columns.extend((0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].clone()).collect()));
    }
    columns
}

fn cells(row: &Value) -> Vec<String> {
    match row {
        Value::Array(cells) => cells.iter().flat_map(cells_of).collect(),
        Value::Object(map) => map.values().flat_map(cells_of).collect(),
        other => cells_of(other),
    }
}

fn cells_of(cell: &Value) -> Vec<String> {
    vec![cell.as_str().map_or_else(|| cell.to_string(), str::to_owned)]
}

#[test]
fn exported_models_answer_over_http_as_in_onnxruntime() {
    let client = Client::new();
    for exported in exported() {
        let mut request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
        request.as_object_mut().unwrap().remove("schemas");
        let model = client.store_as(&request, &zipped("model.onnx", &exported.content));
        let deployment = client.deploy(&model, "ready");
        // JSON has no NaN; a missing value is null.
        let answer = client.predict(&deployment, &json!({"input_data": [{"values": exported.rows}]}));
        assert_eq!(answer.status, 200, "{}: {}", exported.name, answer.body);
        assert_same(&exported.name, &columns(&answer.body["predictions"]), &exported.answers);
    }
}

#[test]
fn a_zip_map_answers_an_object_per_row() {
    let client = Client::new();
    let answer = |name: &str, model_type: &str, specification: &str| {
        let exported = exported().into_iter().find(|exported| exported.name == name).unwrap();
        let mut request = client.model(model_type, specification);
        request.as_object_mut().unwrap().remove("schemas");
        let model = client.store_as(&request, &zipped("model.onnx", &exported.content));
        let deployment = client.deploy(&model, "ready");
        let answer = client.predict(&deployment, &json!({"input_data": [{"values": exported.rows[..1]}]}));
        answer.body["predictions"].clone()
    };
    let keys = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let onnx = answer("forest_text", "onnxruntime_1.17", "onnxruntime_opset_21");
    assert_eq!(onnx[0], json!({"id": "output_label", "values": ["setosa"]}));
    assert_eq!(onnx[1]["id"], "output_probability");
    assert_eq!(keys(&onnx[1]["values"][0]), ["setosa", "versicolor", "virginica"]);
    let onnx = answer("forest", "onnxruntime_1.17", "onnxruntime_opset_21");
    assert_eq!(keys(&onnx[1]["values"][0]), ["0", "1"]);
    let pytorch = answer("forest", "pytorch-onnx_2.1", "runtime-24.1-py3.11");
    assert_eq!(keys(&pytorch[0]["values"][0][1]), ["0", "1"]);
    let plain = answer("forest_plain", "onnxruntime_1.17", "onnxruntime_opset_21");
    assert_eq!(plain[1]["values"][0].as_array().unwrap().len(), 2);
}
