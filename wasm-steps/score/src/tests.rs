//! The step against a recorded deployment and recorded data sets.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Value, json};
use step_sdk::fake::{Fake, Sent};
use step_sdk::services::Error;
use step_sdk::{Failure, FailureCategory, Level};

const SCORE: &str = "POST /ml/v4/deployments/d/predictions";
const SETS: &str = "/openscale/00000000-0000-0000-0000-000000000000/v2/data_sets";
/// The id of a first request.
const FIRST: &str = "00000000-0000-4000-8000-000000000000";
const CSV: &str = "id,x,y,label\n7,1,a,0\n8,2,b,1\n9,3,,1\n";

fn inputs(more: Value) -> String {
    let mut inputs = json!({
        "data": "target",
        "scoring_path": "/ml/v4/deployments/d/predictions",
        "input_fields": [{"name": "x", "type": "double"}, {"name": "y", "type": "string"}],
        "label_column": "label",
    });
    let Value::Object(more) = more else { panic!("inputs are an object") };
    inputs.as_object_mut().unwrap().extend(more);
    inputs.to_string()
}

fn both_sets() -> Value {
    json!({"payload_data_set_id": "p", "feedback_data_set_id": "f"})
}

fn run(host: &Fake, more: Value) -> Result<Value, Failure> {
    super::run_json(host, &inputs(more)).map(|outputs| serde_json::from_str(&outputs).unwrap())
}

/// A deployment whose answer to a row is whether its `x` is above 1.5.
fn deployment(host: &Fake) {
    host.always(SCORE, |sent| {
        let body = sent.json();
        let x = body["input_data"][0]["values"].as_array().unwrap().iter().map(|row| row[0].as_f64().unwrap());
        let rows: Vec<Value> =
            x.map(|x| if x > 1.5 { json!([1, [0.25, 0.75]]) } else { json!([0, [0.5, 0.5]]) }).collect();
        (200, json!({"predictions": [{"fields": ["prediction", "probability"], "values": rows}]}))
    });
}

/// A data set whose count is `counts`, one after the other, the last one for ever.
fn counts(host: &Fake, id: &str, counts: &'static [u64]) {
    let asked = Rc::new(Cell::new(0));
    host.always(&format!("GET {SETS}/{id}/records"), move |_| {
        let count = counts[asked.get().min(counts.len() - 1)];
        asked.set(asked.get() + 1);
        (200, json!({"records": [], "total_count": count}))
    });
}

/// Takes so many requests of records.
fn takes(host: &Fake, id: &str, requests: usize) {
    for _ in 0..requests {
        let location = format!("/v2/data_sets/{id}/requests/r");
        host.answer_with(&format!("POST {SETS}/{id}/records"), 202, &[("location", &location)], json!({}));
    }
    host.always(&format!("GET {SETS}/{id}/requests/r"), |_| (200, json!({"state": "active"})));
}

fn sent(host: &Fake, route: &str) -> Vec<Value> {
    host.requests_to(route).iter().map(Sent::json).collect()
}

#[test]
fn rows_are_scored_kept_and_sent_as_payload_and_feedback() {
    let host = Fake::new();
    host.file("target", CSV);
    deployment(&host);
    counts(&host, "p", &[5, 5, 8]);
    counts(&host, "f", &[0, 3]);
    takes(&host, "p", 1);
    takes(&host, "f", 1);
    let outputs = run(&host, both_sets()).unwrap();
    let bars = |filled: usize, rows: u64| {
        let mut counts = [0; 20];
        counts[filled] = rows;
        counts
    };
    let classes = [json!({"label": "0", "counts": bars(10, 1)}), json!({"label": "1", "counts": bars(15, 2)})];
    assert_eq!(
        outputs,
        json!({
            "rows": 3,
            "predictions": "predictions.csv",
            "payload_records": 3,
            "payload_logged_by": "step",
            "feedback_records": 3,
            "roc_curve": {"positive": "1", "points": [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]], "chosen": [0.0, 1.0], "area": 1.0},
            "score_distribution": {"score": "probability of 1", "from": 0.0, "to": 1.0, "classes": classes},
        })
    );
    assert_eq!(
        host.artifact("predictions.csv"),
        "row,prediction,probability_0,probability_1\n1,0,0.5,0.5\n2,1,0.25,0.75\n3,1,0.25,0.75\n"
    );
    let table = json!({"fields": ["x", "y"], "values": [[1.0, "a"], [2.0, "b"], [3.0, null]]});
    assert_eq!(sent(&host, SCORE), [json!({"input_data": [table]})]);
    assert_eq!(host.requests_to(SCORE)[0].query, [("version".to_owned(), "2021-06-24".to_owned())]);
    assert_eq!(
        sent(&host, &format!("POST {SETS}/f/records")),
        [json!([{
            "fields": ["x", "y", "label", "_original_prediction", "_original_probability", "transaction_id"],
            "values": [
                [1.0, "a", 0, 0, [0.5, 0.5], FIRST],
                [2.0, "b", 1, 1, [0.25, 0.75], FIRST],
                [3.0, null, 1, 1, [0.25, 0.75], FIRST],
            ],
        }])]
    );
    let payload = &sent(&host, &format!("POST {SETS}/p/records"))[0][0];
    assert_eq!(payload["request"], table);
    let answers = json!([[0, [0.5, 0.5]], [1, [0.25, 0.75]], [1, [0.25, 0.75]]]);
    assert_eq!(payload["response"], json!({"fields": ["prediction", "probability"], "values": answers}));
    assert_eq!(payload["scoring_timestamp"], "2027-01-15T08:00:00.000Z");
    assert_eq!(payload["scoring_id"], FIRST);
    assert_eq!(host.logged(Level::Info), ["not scored of `target`: `id`"]);
}

#[test]
fn batches_are_answered_in_the_order_of_the_rows() {
    let host = Fake::new();
    host.file("target", CSV);
    deployment(&host);
    let outputs = run(&host, json!({"batch_rows": 1, "in_flight": 3})).unwrap();
    assert_eq!(outputs["rows"], 3);
    assert_eq!((&outputs["payload_logged_by"], &outputs["feedback_records"]), (&json!("nobody"), &json!(0)));
    assert_eq!(host.requests_to(SCORE).len(), 3);
    assert!(host.artifact("predictions.csv").ends_with("\n1,0,0.5,0.5\n2,1,0.25,0.75\n3,1,0.25,0.75\n"));
}

#[test]
fn payload_that_the_service_logs_is_not_logged_twice() {
    let host = Fake::new();
    host.file("target", CSV);
    deployment(&host);
    counts(&host, "p", &[5, 5, 5, 8]);
    let more = json!({"payload_data_set_id": "p", "operational_space": "production"});
    let outputs = run(&host, more).unwrap();
    assert_eq!((&outputs["payload_logged_by"], &outputs["payload_records"]), (&json!("service"), &json!(3)));
}

#[test]
fn a_production_service_that_does_not_log_is_helped_after_some_seconds() {
    let host = Fake::new();
    host.file("target", CSV);
    deployment(&host);
    // Counted before, then at 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3 and 11.3 s.
    counts(&host, "p", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    takes(&host, "p", 1);
    let more = json!({"payload_data_set_id": "p", "operational_space": "production"});
    assert_eq!(run(&host, more).unwrap()["payload_logged_by"], "step");
}

#[test]
fn every_batch_is_logged_and_sent_as_feedback() {
    let host = Fake::new();
    host.file("target", CSV);
    deployment(&host);
    counts(&host, "p", &[0, 0, 3]);
    counts(&host, "f", &[0, 3]);
    takes(&host, "p", 3);
    takes(&host, "f", 3);
    let mut more = both_sets();
    more["batch_rows"] = json!(1);
    let outputs = run(&host, more).unwrap();
    assert_eq!((&outputs["payload_records"], &outputs["feedback_records"]), (&json!(3), &json!(3)));
}

#[test]
fn a_later_try_sends_only_the_batches_that_are_missing() {
    let host = Fake::new();
    host.file("target", CSV);
    deployment(&host);
    counts(&host, "f", &[0]);
    for _ in 0..3 {
        host.fail(&format!("POST {SETS}/f/records"), Error::NoAnswer("connection reset".into()));
    }
    let more = json!({"feedback_data_set_id": "f", "batch_rows": 1});
    run(&host, more.clone()).unwrap_err();

    // One of the requests whose answers were lost got in.
    host.always(&format!("GET {SETS}/f/records"), |sent| {
        let filter = sent.query("filter").unwrap_or_default().to_owned();
        let first = filter.contains(&format!("{}%", &FIRST[..28])) || filter.contains(FIRST);
        let counted = if filter.is_empty() { 3 } else { u64::from(first) };
        (200, json!({"total_count": counted}))
    });
    takes(&host, "f", 2);
    assert_eq!(run(&host, more).unwrap()["feedback_records"], 3);
    let sent = sent(&host, &format!("POST {SETS}/f/records"));
    let ids: Vec<_> = sent[3..].iter().map(|sent| sent[0]["values"][0][5].clone()).collect();
    assert_eq!(ids, [json!(format!("{}00000001", &FIRST[..28])), json!(format!("{}00000002", &FIRST[..28]))]);
}

#[test]
fn rows_without_a_label_are_no_feedback() {
    let host = Fake::new();
    host.file("target", "x,y,label\n1,a,\n2,b,1.0\n");
    deployment(&host);
    counts(&host, "f", &[0, 1]);
    takes(&host, "f", 1);
    assert_eq!(run(&host, json!({"feedback_data_set_id": "f"})).unwrap()["feedback_records"], 1);
    assert_eq!(
        sent(&host, &format!("POST {SETS}/f/records"))[0][0]["values"],
        json!([[2.0, "b", 1, 1, [0.25, 0.75], FIRST]])
    );
}

#[test]
fn unlabelled_data_is_scored_where_no_feedback_is_wanted() {
    let host = Fake::new();
    host.file("target", "x,y\n1,a\n");
    deployment(&host);
    assert_eq!(run(&host, json!({})).unwrap()["rows"], 1);
}

#[test]
fn wrong_data_is_refused_before_anything_is_sent() {
    for (csv, message) in [
        ("x,label\n1,0\n", "`target` lacks the column `y`"),
        ("x,y\n1,a\n", "`target` lacks the column `label`"),
        ("x,y,label\n1,a,0\n2,b\n", "`target` line 3: 2 cells under a header of 3"),
        ("x,y,label\nNaN,a,0\n", "`target` line 2: column `x`: `NaN` is not a finite number"),
        ("x,y,label\n", "`target` has a header and no rows"),
        ("", "`target` is empty"),
    ] {
        let host = Fake::new();
        host.file("target", csv);
        let failure = run(&host, both_sets()).unwrap_err();
        assert_eq!((failure.category, failure.message.as_str()), (FailureCategory::InvalidInput, message));
        assert!(host.requests().is_empty());
    }
}

#[test]
fn a_label_of_another_type_than_the_predictions_is_refused() {
    let host = Fake::new();
    host.file("target", "x,y,label\n1,a,benign\n");
    deployment(&host);
    counts(&host, "f", &[0]);
    let failure = run(&host, json!({"feedback_data_set_id": "f"})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::InvalidInput);
    assert_eq!(failure.message, "`target` line 2: the label `label` is `benign`, but the deployment answers `0`");
}

#[test]
fn inputs_with_an_unknown_key_are_refused() {
    let failure = run(&Fake::new(), json!({"bach_rows": 5})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::InvalidInput);
    assert!(failure.message.contains("unknown field `bach_rows`"), "{}", failure.message);
}

#[test]
fn what_the_deployment_or_the_network_says_picks_the_category() {
    let refused =
        json!({"trace": "t", "errors": [{"code": "invalid_input_argument", "message": "15 columns, not 30"}]});
    let short = json!({"predictions": [{"id": "label", "values": [1]}]});
    for (status, body, category, message) in [
        (
            400,
            refused,
            FailureCategory::Refused,
            "`POST /ml/v4/deployments/d/predictions` answered 400: 15 columns, not 30",
        ),
        (503, json!({}), FailureCategory::Unavailable, "`POST /ml/v4/deployments/d/predictions` answered 503: {}"),
        (200, short, FailureCategory::Internal, "the deployment answered 1 row to 3"),
    ] {
        let host = Fake::new();
        host.file("target", CSV);
        host.answer(SCORE, status, body);
        let failure = run(&host, json!({})).unwrap_err();
        assert_eq!((failure.category, failure.message.as_str()), (category, message));
    }
    let host = Fake::new();
    host.file("target", CSV);
    host.fail(SCORE, Error::Denied("no grant".into()));
    assert_eq!(run(&host, json!({})).unwrap_err().category, FailureCategory::Refused);
}

#[test]
fn the_description_names_the_files_and_what_is_reported() {
    let about = super::describe();
    assert_eq!((about.name.as_str(), about.needs.artifacts, about.needs.scoring), ("score", true, false));
    let inputs: Value = serde_json::from_str(&about.inputs).unwrap();
    assert_eq!(inputs["properties"]["data"]["format"], "data-set");
    assert_eq!(inputs["properties"]["batch_rows"]["default"], 500);
    assert_eq!(inputs["additionalProperties"], false);
    let outputs: Value = serde_json::from_str(&about.outputs).unwrap();
    assert_eq!(outputs["properties"]["predictions"]["format"], "artifact");
    assert!(!about.inputs.contains("$ref") && !about.outputs.contains("$ref"), "{}", about.inputs);
}
