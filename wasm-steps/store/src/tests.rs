//! Store against a fake host.

use std::io::{Cursor, Read};

use serde_json::{Value, json};
use step_sdk::fake::{Fake, FakeModel};
use step_sdk::ledger::State;
use step_sdk::scoring::Element;
use step_sdk::services::Error;
use step_sdk::{Failure, FailureCategory};

mod kinds;

const SPACE: &str = "5d3b0a2e-6f0c-4a3e-9a54-0c4f4f1d7c11";
const MODELS: &str = "POST /ml/v4/models";
const CONTENT: &str = "PUT /ml/v4/models/m/content";

/// A host with a model of two inputs and its training data, a space and a software specification.
fn host() -> Fake {
    let host = Fake::new();
    let model = FakeModel::new().input("features", Element::Float32, 2).output("label", Element::Int64, None).output(
        "probabilities",
        Element::Float32,
        Some(2),
    );
    host.model("m/model.onnx", model);
    host.file("m/model.onnx", "onnx bytes");
    host.file("readme.md", "text");
    host.file("training", "a,malignant,b\n1,0,2.5\n3,1,4\n");
    host.always("GET /v2/software_specifications", |_| {
        (200, json!({"total_results": 1, "resources": [{"metadata": {"asset_id": "spec"}}]}))
    });
    host.always(&format!("GET /v2/spaces/{SPACE}"), |_| (200, json!({"metadata": {"id": SPACE}})));
    host
}

fn inputs() -> Value {
    json!({
        "name": "screening", "description": "d", "tags": ["mine"], "model": "m/model.onnx",
        "type": "onnxruntime_1.17", "software_spec": "onnxruntime_opset_21", "space": SPACE,
        "training_data": "training", "label_column": "malignant",
    })
}

fn with(changes: &Value) -> Value {
    let mut inputs = inputs();
    for (name, value) in changes.as_object().unwrap() {
        inputs[name] = value.clone();
    }
    inputs
}

fn stored() -> Value {
    let fields = json!([{"name": "a", "type": "double"}, {"name": "b", "type": "double"}]);
    json!({
        "metadata": {"id": "m", "name": "screening", "tags": ["mine", "run-1"]},
        "entity": {
            "type": "onnxruntime_1.17", "software_spec": {"id": "spec", "name": "onnxruntime_opset_21"},
            "label_column": "malignant", "schemas": {"input": [{"fields": fields}]},
        },
    })
}

fn run(host: &Fake, inputs: &Value) -> Result<Value, Failure> {
    crate::run_json(host, &inputs.to_string()).map(|outputs| serde_json::from_str(&outputs).unwrap())
}

fn refused_before_anything_is_sent(host: &Fake, inputs: &Value) -> String {
    let failure = run(host, inputs).unwrap_err();
    assert_eq!(failure.category, FailureCategory::InvalidInput);
    assert_eq!(host.routes(), Vec::<String>::new());
    failure.message
}

#[test]
fn the_model_is_stored_uploaded_and_read_back() {
    let host = host();
    host.answer(MODELS, 201, stored());
    host.answer(CONTENT, 201, json!({}));
    host.answer("GET /ml/v4/models/m", 200, stored());

    let outputs = run(&host, &with(&json!({"training_data_reference": {"type": "fs"}}))).unwrap();

    let fields = json!([{"name": "a", "type": "double"}, {"name": "b", "type": "double"}]);
    let output_fields = json!([{"name": "label", "type": "integer"}, {"name": "probabilities", "type": "array"}]);
    assert_eq!(
        outputs,
        json!({
            "model_id": "m", "model_href": "/ml/v4/models/m", "model_sha256": "5".repeat(64), "space_id": SPACE,
            "input_fields": fields, "output_fields": output_fields, "label_column": "malignant",
        })
    );
    let sent = &host.requests_to(MODELS)[0];
    assert_eq!(sent.query("version"), Some("2021-06-24"));
    let training = json!([
        {"name": "a", "type": "double"}, {"name": "b", "type": "double"},
        {"name": "malignant", "type": "integer", "metadata": {"modeling_role": "target"}},
    ]);
    assert_eq!(
        sent.json(),
        json!({
            "name": "screening", "type": "onnxruntime_1.17", "space_id": SPACE, "software_spec": {"id": "spec"},
            "tags": ["mine", "run-1"], "description": "d", "label_column": "malignant",
            "schemas": {
                "input": [{"id": "1", "type": "struct", "fields": fields}],
                "output": [{"id": "1", "type": "struct", "fields": output_fields}],
            },
            "training_data_references":
                [{"type": "fs", "schema": {"id": "1", "type": "struct", "fields": training}}],
        })
    );
    assert_eq!(host.ledger()[0].state, State::Confirmed);
    assert_eq!(host.ledger()[0].announcement.remove_path, "/v2/assets/{id}");
}

#[test]
fn the_upload_is_a_zip_with_the_model_at_its_top_level_and_always_the_same() {
    let uploads: Vec<_> = [(); 2]
        .iter()
        .map(|()| {
            let host = host();
            host.answer(MODELS, 201, stored());
            host.answer(CONTENT, 201, json!({}));
            host.answer("GET /ml/v4/models/m", 200, stored());
            run(&host, &inputs()).unwrap();
            assert_eq!(host.requests_to(CONTENT)[0].query("content_format"), Some("native"));
            host.requests_to(CONTENT)[0].body.clone()
        })
        .collect();
    assert_eq!(uploads[0], uploads[1]);
    let mut archive = zip::ZipArchive::new(Cursor::new(&uploads[0])).unwrap();
    let mut content = String::new();
    archive.by_name("model.onnx").unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "onnx bytes");
}

#[test]
fn a_space_is_found_by_its_name_on_any_page() {
    let host = host();
    let next = json!({"href": "https://cpd/v2/spaces?start=2"});
    host.answer("GET /v2/spaces", 200, json!({"resources": [{"entity": {"name": "other"}}], "next": next}));
    let space = json!({"metadata": {"id": "s"}, "entity": {"name": "screening space"}});
    host.answer("GET /v2/spaces", 200, json!({"resources": [space]}));
    host.answer(MODELS, 201, stored());
    host.answer(CONTENT, 201, json!({}));
    host.answer("GET /ml/v4/models/m", 200, stored());
    assert_eq!(run(&host, &with(&json!({"space": "screening space"}))).unwrap()["space_id"], "s");
}

#[test]
fn a_space_that_is_unknown_or_named_twice_is_refused() {
    for (spaces, message) in [
        (json!([]), "no space is called `s`"),
        (json!([{"entity": {"name": "s"}}, {"entity": {"name": "s"}}]), "2 spaces are called `s`"),
    ] {
        let host = host();
        host.answer("GET /v2/spaces", 200, json!({"resources": spaces}));
        let failure = run(&host, &with(&json!({"space": "s"}))).unwrap_err();
        assert_eq!((failure.category, failure.message.as_str()), (FailureCategory::Refused, message));
    }
}

#[test]
fn an_unknown_software_specification_is_refused() {
    let host = host();
    host.answer("GET /v2/software_specifications", 200, json!({"total_results": 0, "resources": []}));
    let failure = run(&host, &inputs()).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Refused);
    assert_eq!(failure.message, "there is no software specification `onnxruntime_opset_21`");
}

#[test]
fn a_wrong_commit_is_refused_before_anything_is_sent() {
    let host = host();
    let wrong = |changes: Value| refused_before_anything_is_sent(&host, &with(&changes));
    assert_eq!(wrong(json!({"model": "readme.md"})), "`readme.md` is not an ONNX file");
    assert_eq!(wrong(json!({"label_column": "benign"})), "`training` lacks the label column `benign`");
    assert_eq!(
        wrong(json!({"label_column": null})),
        "model `m/model.onnx` takes 2 columns, but the data has 3 beside the label"
    );
    assert!(wrong(json!({"training_data": "missing"})).starts_with("data set `missing` cannot be read"));
    host.file("training", "a,malignant,b\n1,0,2.5\n3,1,much\n");
    assert_eq!(wrong(json!({})), "`training` line 3: column `b`: `much` is not a finite number");
    host.file("training", "");
    assert_eq!(wrong(json!({})), "`training` is empty");
    assert_eq!(wrong(json!({"modle": 1})).split(',').next(), Some("input `modle`: unknown field `modle`"));
}

#[test]
fn a_lost_answer_does_not_make_a_second_model() {
    let host = host();
    host.fail(MODELS, Error::NoAnswer("connection reset".into()));
    host.answer("GET /ml/v4/models", 200, json!({"resources": [stored()]}));
    host.answer(CONTENT, 201, json!({}));
    host.answer("GET /ml/v4/models/m", 200, stored());
    assert_eq!(run(&host, &inputs()).unwrap()["model_id"], "m");
    assert_eq!(host.requests_to(MODELS).len(), 1);
}

#[test]
fn a_refused_model_is_told_in_the_services_words() {
    let host = host();
    host.answer(MODELS, 400, json!({"errors": [{"code": "invalid_request_entity", "message": "type not supported"}]}));
    let failure = run(&host, &inputs()).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Refused);
    assert_eq!(failure.message, "`POST /ml/v4/models` answered 400: type not supported");
}

#[test]
fn a_failed_upload_leaves_the_model_to_cleanup() {
    let host = host();
    host.answer(MODELS, 201, stored());
    host.answer(CONTENT, 503, json!({}));
    assert_eq!(run(&host, &inputs()).unwrap_err().category, FailureCategory::Unavailable);
    assert_eq!(host.ledger()[0].id.as_deref(), Some("m"));
}

#[test]
fn a_model_that_reads_back_otherwise_is_not_passed_on() {
    let host = host();
    host.answer(MODELS, 201, stored());
    host.answer(CONTENT, 201, json!({}));
    let mut other = stored();
    other["entity"]["type"] = json!("pytorch-onnx_2.1");
    host.answer("GET /ml/v4/models/m", 200, other);
    let failure = run(&host, &inputs()).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Internal);
    let stored = "stored with the type `\"pytorch-onnx_2.1\"` instead of `\"onnxruntime_1.17\"`";
    assert_eq!(failure.message, format!("model `screening` was {stored}"));
}

#[test]
fn the_schemas_name_the_files_and_what_is_reported() {
    let info = crate::describe();
    let inputs: Value = serde_json::from_str(&info.inputs).unwrap();
    assert_eq!(inputs["properties"]["model"]["format"], "model");
    assert_eq!(inputs["properties"]["api_version"]["default"], "2021-06-24");
    assert_eq!(inputs["additionalProperties"], false);
    assert!(!info.inputs.contains("$ref") && !info.outputs.contains("$ref"));
    let outputs: Value = serde_json::from_str(&info.outputs).unwrap();
    assert_eq!(outputs["properties"]["model_id"]["x-report"], true);
    assert_eq!((info.name.as_str(), info.version.as_str()), ("store", "0.1.0"));
}
