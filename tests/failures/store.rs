//! How `store` fails.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use stepwise_stub::{Fault, FaultKind, Nth};

use super::{Case, fails};
use crate::harness::{Bench, ROOT, always, answers, nobody};

const ANY_SPACE: &str = "/v2/spaces/*";
const MODELS: &str = "/ml/v4/models";
const ANY_MODEL: &str = "/ml/v4/models/*";

fn store_only(from: &str, to: &str) -> Bench {
    Bench::sample().spec(from, to)
}

#[test]
fn store_refuses_a_commit_that_does_not_fit_before_anything_is_sent() {
    let cases = [
        Case {
            name: "a model file that is garbage",
            bench: || Bench::sample().file("model.onnx", "this is no model"),
            category: "invalid-input",
            message: "cannot run the model `model.onnx`: not an ONNX model: failed to decode Protobuf message: \
                      ModelProto.metadata_props: invalid wire type: EndGroup (expected LengthDelimited)",
            hint: None,
        },
        Case {
            name: "a model file that is empty",
            bench: || Bench::sample().file("model.onnx", ""),
            category: "invalid-input",
            message: "cannot run the model `model.onnx`: not an ONNX model: it has no graph",
            hint: None,
        },
        Case {
            name: "a model file that is cut short",
            bench: || {
                let model = fs::read(Path::new(ROOT).join("model/model.onnx")).unwrap();
                Bench::sample().file("model.onnx", &model[..model.len() / 2])
            },
            category: "invalid-input",
            message: "cannot run the model `model.onnx`: not an ONNX model: failed to decode Protobuf message: \
                      ModelProto.graph: buffer underflow",
            hint: None,
        },
        Case {
            name: "a model with another number of inputs",
            bench: || Bench::sample().copies("tests/models/iris", &["model.onnx"]),
            category: "invalid-input",
            message: "model `model.onnx` takes 4 columns, but the data has 30 beside the label",
            hint: None,
        },
        Case {
            name: "training data without the label column",
            bench: || {
                store_only(
                    "training_data: training\n      label_column: malignant",
                    "training_data: training\n      label_column: malign",
                )
            },
            category: "invalid-input",
            message: "`training` lacks the label column `malign`",
            hint: None,
        },
        Case {
            name: "training data with a cell that is no number",
            bench: || Bench::sample().change("data/training.csv", "\n11.31,", "\nlarge,"),
            category: "invalid-input",
            message: "`training` line 2: column `mean_radius`: `large` is not a finite number",
            hint: None,
        },
    ];

    fails("store", &cases);
}

#[test]
fn nothing_is_sent_for_a_model_that_is_garbage() {
    let bench = Bench::sample().file("model.onnx", "this is no model");

    bench.run().exits_with(3);

    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn store_says_what_the_service_refuses() {
    let cases = [
        Case {
            name: "an unknown space, by name",
            bench: || Bench::sample().variable("CPD_SPACE", "nowhere"),
            category: "refused",
            message: "no space is called `nowhere`",
            hint: Some("check the name, and that the user is a member of the space"),
        },
        Case {
            name: "an unknown space, by id",
            bench: || Bench::sample().variable("CPD_SPACE", "11111111-2222-3333-4444-555555555555"),
            category: "refused",
            message: "`GET /v2/spaces/ID` answered 404: space `ID` does not exist",
            hint: None,
        },
        Case {
            name: "an unknown software specification",
            bench: || store_only("onnxruntime_opset_21", "onnxruntime_opset_99"),
            category: "refused",
            message: "there is no software specification `onnxruntime_opset_99`",
            hint: Some(
                "each release has its own: 3.5 `default_py3.7`, 4.8 `runtime-23.1-py3.10`, 5.1 `runtime-24.1-py3.11`",
            ),
        },
        Case {
            name: "a model type that the software specification does not serve",
            bench: || store_only("onnxruntime_1.17", "onnxruntime_1.16"),
            category: "refused",
            message: "`POST /ml/v4/models` answered 400: model type `onnxruntime_1.16` is not supported with software \
                      specification `onnxruntime_opset_21`",
            hint: None,
        },
        Case {
            name: "the content is forbidden",
            bench: || Bench::sample().fails(always("PUT", "/ml/v4/models/*/content", 403)),
            category: "refused",
            message: "`PUT /ml/v4/models/ID/content` answered 403: a fault answers 403",
            hint: None,
        },
    ];

    fails("store", &cases);
}

#[test]
fn store_says_that_the_service_is_away() {
    let cases = [
        Case {
            name: "nobody listens",
            bench: || Bench::sample().variable("CPD_URL", &nobody()),
            category: "unavailable",
            message: "`GET /v2/spaces/ID` found no service: no connection to `wml`: Connection refused (os error 111)",
            hint: None,
        },
        Case {
            name: "503 to every create request",
            bench: || Bench::sample().fails(always("POST", MODELS, 503)),
            category: "unavailable",
            message: "`POST /ml/v4/models` answered 503: a fault answers 503",
            hint: None,
        },
        Case {
            name: "500 to every create request",
            bench: || Bench::sample().fails(always("POST", MODELS, 500)),
            category: "unavailable",
            message: "`POST /ml/v4/models` answered 500: a fault answers 500",
            hint: None,
        },
        Case {
            name: "every connection is dropped",
            bench: || Bench::sample().fails(Fault::new("GET", ANY_SPACE, FaultKind::DropConnection).on(Nth::Every)),
            category: "unavailable",
            message: "`GET /v2/spaces/ID` was sent, but its answer is lost: no answer from `wml`: the \
                      connection was closed",
            hint: None,
        },
        Case {
            name: "every answer is cut short",
            bench: || Bench::sample().fails(Fault::new("GET", ANY_MODEL, FaultKind::Truncate).on(Nth::Every)),
            category: "unavailable",
            message: "`GET /ml/v4/models/ID` was sent, but its answer is lost: no answer from `wml`: the answer broke off: the connection was closed",
            hint: None,
        },
        Case {
            name: "the answer takes longer than the step may",
            bench: || {
                let late = Fault::new("GET", ANY_SPACE, FaultKind::Delay(Duration::from_mins(1))).on(Nth::Every);
                store_only("  - step: deploy\n", "    timeout: 500ms\n\n  - step: deploy\n").fails(late)
            },
            category: "unavailable",
            message: "not done within 500 ms",
            hint: Some("give the step a longer `timeout`"),
        },
    ];

    fails("store", &cases);
}

#[test]
fn store_says_what_it_does_not_understand() {
    let cases = [
        Case {
            name: "the model that is read back is another",
            bench: || {
                let other = json!({"metadata": {"name": "another"}, "entity": {}});
                Bench::sample().fails(answers("GET", ANY_MODEL, other))
            },
            category: "internal",
            message: "model `tumour-screening` was stored with the name `\"another\"` instead of `\"tumour-screening\"`",
            hint: None,
        },
        Case {
            name: "spaces are not listed",
            bench: || {
                let bench = Bench::sample().fails(answers("GET", "/v2/spaces", json!([])));
                let name = bench.stub.space_name().to_owned();
                bench.variable("CPD_SPACE", &name)
            },
            category: "internal",
            message: "`GET /v2/spaces` answered no list at `/resources`",
            hint: None,
        },
    ];

    fails("store", &cases);
}
