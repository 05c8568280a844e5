//! The step against a recorded monitor and a model of the test's own.

use serde_json::{Value, json};
use step_sdk::fake::{Fake, FakeModel};
use step_sdk::scoring::{Element, Tensor, Values};
use step_sdk::{Failure, FailureCategory, Level};

const MONITOR: &str = "/openscale/00000000-0000-0000-0000-000000000000/v2/monitor_instances/m";

fn run(host: &Fake, more: Value) -> Result<Value, Failure> {
    let mut inputs =
        json!({"monitor_instance_id": "m", "gates": {"accuracy": {"at_least": 0.9}, "log_loss": {"at_most": 0.5}}});
    let Value::Object(more) = more else { panic!("inputs are an object") };
    inputs.as_object_mut().unwrap().extend(more);
    super::run_json(host, &inputs.to_string()).map(|outputs| serde_json::from_str(&outputs).unwrap())
}

fn files() -> Value {
    let fields = json!([{"name": "x", "type": "double"}, {"name": "y", "type": "double"}]);
    json!({"model": "model.onnx", "data": "target", "predictions": "score/predictions.csv", "input_fields": fields})
}

/// A monitor whose run ends with this status and is measured so.
fn monitor(host: &Fake, status: &Value, values: &Value) {
    let state = |status: &Value| json!({"metadata": {"id": "r"}, "entity": {"status": status}});
    host.answer(&format!("POST {MONITOR}/runs"), 201, state(&json!({"state": "running", "operators": []})));
    host.answer(&format!("GET {MONITOR}/runs/r"), 200, state(&json!({"state": "running"})));
    host.answer(&format!("GET {MONITOR}/runs/r"), 200, state(status));
    let entry =
        |run: &str, values: &Value| json!({"metadata": {"id": run}, "entity": {"run_id": run, "values": values}});
    let before = entry("before", &json!([{"metrics": [{"id": "accuracy", "value": 0.1}], "tags": []}]));
    let mut measurements = vec![before];
    measurements.extend(values.as_array().unwrap().iter().map(|values| entry("r", values)));
    host.always(&format!("GET {MONITOR}/measurements"), move |_| (200, json!({"measurements": measurements})));
}

fn matrix() -> Value {
    json!({"labels": [0, 1], "values": [[3.0, 1.0], [0.0, 4.0]]})
}

fn finished(metrics: &Value) -> Value {
    let result = json!({"metrics": metrics, "confusion_matrix": matrix()});
    json!({"state": "finished", "operators": [
        {"id": "original", "status": {"state": "finished"}, "result": result},
        {"id": "original", "status": {"state": "queued"}},
    ]})
}

/// One measurement.
fn measured(accuracy: f64) -> Value {
    json!([[
        {"metrics": [{"id": "accuracy", "value": accuracy, "lower_limit": 0.9}], "tags": [{"id": "model_type", "value": "original"}]},
        {"metrics": [{"id": "accuracy", "value": 0.0}], "tags": [{"id": "model_type", "value": "debiased"}]},
    ]])
}

/// A model that says 1 where `x` is above `y`, and the data and predictions that go with it.
fn compared(host: &Fake, predictions: &str) {
    let model = FakeModel::new()
        .input("features", Element::Float32, 2)
        .output("label", Element::Int64, None)
        .output("probabilities", Element::Float32, Some(2))
        .computing(|tensors| {
            let Values::Floats(cells) = &tensors[0].values else { panic!("floats are fed to floats") };
            let labels: Vec<i64> = cells.chunks(2).map(|row| i64::from(row[0] > row[1])).collect();
            let probabilities = labels.iter().flat_map(|label| if *label == 1 { [0.25, 0.75] } else { [0.5, 0.5] });
            Ok(vec![
                Tensor { shape: vec![tensors[0].shape[0]], values: Values::Integers(labels.clone()) },
                Tensor { shape: vec![tensors[0].shape[0], 2], values: Values::Floats(probabilities.collect()) },
            ])
        });
    host.model("model.onnx", model);
    host.file("target", "y,x\n1,2\n2,1\n");
    host.file("score/predictions.csv", predictions);
}

const SAME: &str = "row,prediction,probability_0,probability_1\n1,1,0.25,0.75\n2,0,0.5,0.5\n";

#[test]
fn metrics_gates_and_the_comparison_are_told() {
    let host = Fake::new();
    monitor(&host, &finished(&json!({"accuracy": 0.95, "log_loss": 0.25, "brier_score": null})), &measured(0.95));
    compared(&host, SAME);
    let outputs = run(&host, files()).unwrap();
    assert_eq!(
        outputs,
        json!({
            "metrics": {"accuracy": 0.95, "log_loss": 0.25, "brier_score": null},
            "gates": [
                {"metric": "accuracy", "wanted": "at least 0.9", "at_least": 0.9, "value": 0.95, "passed": true},
                {"metric": "log_loss", "wanted": "at most 0.5", "at_most": 0.5, "value": 0.25, "passed": true},
            ],
            "confusion_matrix": matrix(),
            "comparison": {"with": "model", "rows": 2, "largest_difference": 0.0, "tolerance": 1e-5, "same": true},
        })
    );
    let asked = &host.requests_to(&format!("GET {MONITOR}/measurements"))[0];
    assert_eq!(asked.query("run_id"), Some("r"));
    assert_eq!(asked.query("start"), Some("2027-01-15T07:00:00.000Z"));
    assert_eq!(asked.query("end"), Some("2027-01-15T09:00:00.100Z"));
    assert_eq!(host.requests_to(&format!("POST {MONITOR}/runs"))[0].json(), json!({"triggered_by": "user"}));
}

#[test]
fn a_missed_gate_is_told_with_all_that_was_found() {
    let host = Fake::new();
    monitor(&host, &finished(&json!({"log_loss": null})), &measured(0.5));
    let failure = run(&host, json!({})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Gate);
    assert_eq!(
        failure.message,
        "`accuracy` is 0.5, not at least 0.9; `log_loss` should be at most 0.5, but the monitor could not compute it"
    );
    let outputs: Value = serde_json::from_str(&failure.outputs.unwrap()).unwrap();
    assert_eq!(outputs["metrics"], json!({"accuracy": 0.5, "log_loss": null}));
    assert_eq!(outputs["gates"][1]["reason"], "the monitor could not compute it");
}

#[test]
fn answers_that_are_compared_with_nothing_are_told_as_such() {
    for more in [json!({}), json!({"data": "target", "predictions": "score/predictions.csv"})] {
        let host = Fake::new();
        monitor(&host, &finished(&json!({"accuracy": 0.95, "log_loss": 0.25})), &measured(0.95));
        let outputs = run(&host, more).unwrap();
        assert_eq!(outputs.get("comparison"), None);
        let why =
            "the deployment's answers were not compared: neither `model`, which must be ONNX, nor `twin` is given";
        assert_eq!(outputs["not_compared"], why);
        assert_eq!(host.logged(Level::Info), [why]);
    }
}

/// As `files`, but with a twin for the model.
fn twin() -> Value {
    let mut more = files();
    let model = more.as_object_mut().unwrap().remove("model").unwrap();
    more["twin"] = model;
    more["gates"] = json!({});
    more
}

#[test]
fn a_twin_is_compared_as_the_model_itself_and_named_as_what_it_is() {
    let host = Fake::new();
    monitor(&host, &finished(&json!({})), &measured(0.95));
    compared(&host, SAME);
    let wanted = json!({"with": "twin", "rows": 2, "largest_difference": 0.0, "tolerance": 1e-5, "same": true});
    assert_eq!(run(&host, twin()).unwrap()["comparison"], wanted);

    let host = Fake::new();
    monitor(&host, &finished(&json!({})), &measured(0.95));
    compared(&host, "row,prediction\n1,1\n2,1\n");
    let failure = run(&host, twin()).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Gate);
    assert_eq!(failure.message, "the deployment's answers differ from the twin's by 1, not at most 0.00001");
}

#[test]
fn a_model_that_is_not_onnx_is_told_of_its_twin() {
    let host = Fake::new();
    let mut more = files();
    more["model"] = json!("model.tar.gz");
    let failure = run(&host, more).unwrap_err();
    assert_eq!(failure.message, "`model.tar.gz` is not an ONNX file");
    let hint = "a model of another kind than ONNX has a `twin` instead, or nothing to compare with";
    assert_eq!(failure.hint.as_deref(), Some(hint));
}

#[test]
fn a_metric_that_the_monitor_does_not_know_misses_its_gate() {
    let host = Fake::new();
    monitor(&host, &finished(&json!({})), &measured(0.95));
    let failure = run(&host, json!({"gates": {"acuracy": {"at_least": 0.5}}})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Gate);
    assert_eq!(failure.message, "`acuracy` should be at least 0.5, but the monitor reported only `accuracy`");
}

#[test]
fn a_finished_run_that_carries_a_failure_is_quoted_and_no_failure() {
    let host = Fake::new();
    let failure = json!({"errors": [{"code": "AIQ1", "message": "too few records"}]});
    monitor(&host, &json!({"state": "finished", "failure": failure}), &json!([]));
    let failure = run(&host, json!({"gates": {"accuracy": {"at_least": 0.5}}})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Gate);
    let message = "`accuracy` should be at least 0.5, but the monitor reported no metrics (too few records)";
    assert_eq!(failure.message, message);
    assert_eq!(host.logged(Level::Warn), ["the monitor's run finished, but says: too few records"]);
}

#[test]
fn the_confusion_matrix_is_read_of_the_measurement_where_the_run_has_none() {
    let host = Fake::new();
    monitor(&host, &json!({"state": "finished"}), &measured(0.95));
    let sources = json!([{"id": "confusion_matrix_1", "type": "confusion_matrix", "data": matrix()}]);
    host.answer(&format!("GET {MONITOR}/measurements/r"), 200, json!({"entity": {"sources": sources}}));
    let outputs = run(&host, json!({"gates": {}})).unwrap();
    assert_eq!(outputs["confusion_matrix"], matrix());
}

#[test]
fn answers_of_another_model_miss_the_gate() {
    for (predictions, difference) in [
        ("row,prediction,probability_0,probability_1\n1,1,0.25,0.75\n2,0,0.5,0.375\n", "0.125"),
        ("row,prediction,probability_0,probability_1\n1,1,0.25,0.75\n2,1,0.5,0.5\n", "1"),
        ("row,prediction\n1,1\n2,no\n", "1"),
        ("row,prediction,probability_0\n1,1,0.25\n2,0,0.5\n", "more than any number"),
    ] {
        let host = Fake::new();
        monitor(&host, &finished(&json!({})), &measured(0.95));
        compared(&host, predictions);
        let mut more = files();
        more["gates"] = json!({});
        let failure = run(&host, more).unwrap_err();
        assert_eq!(failure.category, FailureCategory::Gate);
        let message = format!("the deployment's answers differ from the model's by {difference}, not at most 0.00001");
        assert_eq!(failure.message, message);
    }
}

#[test]
fn predictions_alone_can_be_compared() {
    let host = Fake::new();
    monitor(&host, &finished(&json!({"log_loss": 0.25})), &measured(0.95));
    compared(&host, "row,prediction\n1,1\n2,0\n");
    assert_eq!(run(&host, files()).unwrap()["comparison"]["same"], true);
}

#[test]
fn files_that_do_not_belong_together_leave_no_run_behind() {
    let all = files();
    let without = |key: &str| {
        let mut some = all.clone();
        some.as_object_mut().unwrap().remove(key);
        some
    };
    let incomplete = "the comparison needs all of `model`, `data`, `predictions` and `input_fields`";
    let mut both = files();
    both["twin"] = json!("model.onnx");
    for (more, predictions, message) in [
        (both, SAME, "both `model` and `twin` are given"),
        (without("data"), SAME, incomplete),
        (without("input_fields"), SAME, incomplete),
        (files(), "row,prediction\n1,1\n", "`predictions` and `data` do not have the same number of rows"),
        (files(), "row,prediction\n2,1\n1,0\n", "`score/predictions.csv` line 2: this should be row 1"),
        (files(), "row,answer\n1,1\n2,0\n", "`score/predictions.csv` lacks the column `prediction`"),
    ] {
        let host = Fake::new();
        compared(&host, predictions);
        let failure = run(&host, more).unwrap_err();
        assert_eq!((failure.category, failure.message.as_str()), (FailureCategory::InvalidInput, message));
        assert!(host.requests().is_empty());
    }
}

#[test]
fn what_the_service_says_picks_the_category() {
    let host = Fake::new();
    let failure = json!({"trace": "t", "errors": [{"code": "AIQES8021E", "message": "no feedback"}]});
    monitor(&host, &json!({"state": "error", "failure": failure}), &json!([]));
    let failure = run(&host, json!({})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Refused);
    assert_eq!(failure.message, "run `r` of monitor instance `m` is `error`: no feedback");

    let host = Fake::new();
    host.answer(
        &format!("POST {MONITOR}/runs"),
        500,
        json!({"errors": [{"code": "AIQMM0002E", "message": "try later"}]}),
    );
    assert_eq!(run(&host, json!({})).unwrap_err().category, FailureCategory::Unavailable);

    let host = Fake::new();
    host.answer(&format!("POST {MONITOR}/runs"), 201, json!({"metadata": {}}));
    assert_eq!(run(&host, json!({})).unwrap_err().category, FailureCategory::Internal);
}

#[test]
fn a_run_that_does_not_end_is_given_up_at_the_deadline() {
    let host = Fake::new();
    let running = json!({"metadata": {"id": "r"}, "entity": {"status": {"state": "running"}}});
    host.answer(&format!("POST {MONITOR}/runs"), 201, running.clone());
    host.always(&format!("GET {MONITOR}/runs/r"), move |_| (200, running.clone()));
    let failure = run(&host, json!({"timeout_seconds": 20})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::Unavailable);
    assert_eq!(failure.message, "run `r` of monitor instance `m` took longer than 20 s: still `running`");
}

#[test]
fn the_description_names_the_files_and_what_is_reported() {
    let about = super::describe();
    assert!(about.needs.scoring && !about.needs.artifacts);
    let inputs: Value = serde_json::from_str(&about.inputs).unwrap();
    assert_eq!(inputs["required"], json!(["monitor_instance_id", "gates"]));
    for (input, format) in [("model", "model"), ("twin", "model"), ("data", "data-set"), ("predictions", "artifact")] {
        assert!(inputs["properties"][input].to_string().contains(&format!("\"{format}\"")), "{inputs}");
    }
    let outputs: Value = serde_json::from_str(&about.outputs).unwrap();
    assert_eq!(outputs["properties"]["metrics"]["additionalProperties"], json!({"type": ["number", "null"]}));
    for shown in ["metrics", "gates", "comparison", "not_compared"] {
        assert_eq!(outputs["properties"][shown]["x-report"], true);
    }
    for (drawn, chart) in [("gates", "gates"), ("confusion_matrix", "confusion-matrix")] {
        assert_eq!(outputs["properties"][drawn]["x-chart"], chart);
    }
    assert!(!about.inputs.contains("$ref") && !about.outputs.contains("$ref"), "{}", about.outputs);
}
