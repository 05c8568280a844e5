//! What is tried again, and that nothing is made twice.

use serde_json::json;
use stepwise_stub::{Fault, FaultKind, Nth};

use crate::harness::{Bench, always, each};

/// What the run creates, and where.
pub(crate) const CREATED: [(&str, &str); 6] = [
    ("model", "/ml/v4/models"),
    ("deployment", "/ml/v4/deployments"),
    ("data mart", "/openscale/00000000-0000-0000-0000-000000000000/v2/data_marts"),
    ("service provider", "/openscale/00000000-0000-0000-0000-000000000000/v2/service_providers"),
    ("subscription", "/openscale/00000000-0000-0000-0000-000000000000/v2/subscriptions"),
    ("monitor instance", "/openscale/00000000-0000-0000-0000-000000000000/v2/monitor_instances"),
];

fn posts(bench: &Bench, path: &str) -> usize {
    bench.requests().iter().filter(|request| **request == format!("POST {path}")).count()
}

fn posts_like(bench: &Bench, end: &str) -> usize {
    bench.requests().iter().filter(|request| request.starts_with("POST ") && request.ends_with(end)).count()
}

fn lost_answers_make_no_second_resource(kind: &FaultKind) {
    each(
        &CREATED,
        |(name, _)| name,
        |(_, path)| {
            let bench = Bench::sample().fails(Fault::new("POST", path, kind.clone()));

            bench.run().succeeds();

            for (name, path) in CREATED {
                assert_eq!(posts(&bench, path), 1, "requests that make a {name}");
            }
            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_create_request_whose_connection_is_dropped_makes_no_second_resource() {
    lost_answers_make_no_second_resource(&FaultKind::DropAfter);
}

#[test]
fn a_create_request_whose_answer_is_cut_short_makes_no_second_resource() {
    lost_answers_make_no_second_resource(&FaultKind::Truncate);
}

#[test]
fn a_create_request_that_a_gateway_gives_up_on_makes_no_second_resource() {
    lost_answers_make_no_second_resource(&FaultKind::Body { status: 504, json: json!({"message": "gateway timeout"}) });
}

#[test]
fn a_create_request_whose_answer_names_no_id_makes_no_second_resource() {
    lost_answers_make_no_second_resource(&FaultKind::Body { status: 201, json: json!({}) });
}

#[test]
fn a_create_request_that_was_not_acted_on_is_sent_again() {
    each(
        &CREATED,
        |(name, _)| name,
        |(_, path)| {
            let bench = Bench::sample().fails(Fault::new("POST", path, FaultKind::DropConnection));

            bench.run().succeeds();

            assert_eq!(posts(&bench, path), 2);
            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_step_is_tried_as_often_as_its_spec_says_and_makes_nothing_twice() {
    struct Case {
        step: &'static str,
        /// Where in the spec `retry` goes.
        before: &'static str,
        path: &'static str,
    }
    let cases = [
        Case { step: "store", before: "\n  - step: deploy", path: "/ml/v4/models/*" },
        Case { step: "deploy", before: "\n  - step: subscribe", path: "/ml/v4/deployments/*" },
        Case { step: "subscribe", before: "\n  - step: score", path: "/openscale/*/v2/subscriptions/*" },
    ];

    each(
        &cases,
        |case| case.step,
        |case| {
            // 500 is no "again later": the host does not repeat the request by itself.
            let away = |call| Fault::status("GET", case.path, 500).on(Nth::Nth(call));
            let bench = Bench::sample()
                .spec(case.before, &format!("    retry: {{attempts: 3}}\n{}", case.before))
                .fails(away(1))
                .fails(away(2));

            bench.run().succeeds();

            assert_eq!(bench.step(case.step)["attempts"], 3);
            for (name, path) in CREATED {
                assert_eq!(posts(&bench, path), 1, "requests that make a {name}");
            }
            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_step_that_stays_unavailable_fails_after_its_last_try() {
    let bench = Bench::sample().fails(always("POST", "/ml/v4/deployments/*/predictions", 500));

    bench.run().exits_with(3).fails_in(
        "score",
        "unavailable",
        "`POST /ml/v4/deployments/ID/predictions` answered 500: a fault answers 500",
    );

    assert_eq!(bench.step("score")["attempts"], 3);
    bench.leaves_nothing();
}

#[test]
fn what_is_refused_is_not_tried_again() {
    let bench = Bench::sample().fails(always("POST", "/ml/v4/deployments/*/predictions", 400));

    bench.run().exits_with(3).fails_in(
        "score",
        "refused",
        "`POST /ml/v4/deployments/ID/predictions` answered 400: a fault answers 400",
    );

    assert_eq!(bench.step("score")["attempts"], 1);
}

#[test]
fn a_service_that_is_away_for_a_moment_goes_unnoticed() {
    let bench = Bench::sample().fails(Fault::status("*", "/**", 503).on(Nth::Nth(2))).fails(Fault::new(
        "GET",
        "/openscale/**",
        FaultKind::DropConnection,
    ));

    bench.run().succeeds();

    for step in ["store", "deploy", "subscribe", "score", "evaluate", "cleanup"] {
        assert_eq!(bench.step(step)["attempts"], 1, "{step}");
    }
    bench.leaves_nothing();
}

#[test]
fn feedback_that_is_in_is_not_sent_by_a_second_try() {
    // Both data sets are counted before, the payload's once the first batch is scored, and both when all is in: the fifth
    // count is the last thing that the step does.
    let records = "/openscale/*/v2/data_sets/*/records";
    let bench = Bench::sample().fails(Fault::status("GET", records, 500).on(Nth::Nth(5)));

    bench.run().succeeds();

    assert_eq!(bench.step("score")["attempts"], 2);
    assert_eq!(bench.outputs("score")["feedback_records"], 171);
    // Payload and feedback, each in one request.
    assert_eq!(posts_like(&bench, "/records"), 2);
    bench.metrics_are("tumour-screening");
    bench.leaves_nothing();
}

#[test]
fn a_step_that_scores_something_else_than_a_try_before_is_not_taken_for_it() {
    const ROWS: &str = "steps.score.inputs.batch_rows=";
    for last in ["50", "500"] {
        let bench = Bench::sample().fails(always("POST", "/ml/v4/deployments/*/predictions", 400));
        let (first, second, last) = (format!("{ROWS}500"), format!("{ROWS}50"), format!("{ROWS}{last}"));
        bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep", "--set", &first]).exits_with(3);
        bench.stub.mend();
        let third = Fault::new("POST", "/openscale/*/v2/data_sets/*/records", FaultKind::Stall).on(Nth::Nth(3));
        bench.stub.fail(third);
        let resume = ["run", "pipeline.yaml", "--resume", "r", "--keep", "--set"];
        bench.start(&[resume.as_slice(), &[&second]].concat()).kill_when(|| bench.stub.held() > 0);
        bench.stub.mend();

        let ran = bench.stepwise(&[resume.as_slice(), &[&last]].concat());

        if last == second {
            ran.succeeds();
            assert_eq!(bench.outputs("score")["feedback_records"], 171);
            assert_eq!(bench.outputs("score")["payload_logged_by"], "step");
            assert_eq!(bench.stub.records("payload_logging"), 171);
            bench.metrics_are("tumour-screening");
        } else {
            ran.exits_with(3).has_line("hint: start a new run").fails_in(
                "score",
                "refused",
                "the payload data set `ID` has records of an earlier try that scored something else",
            );
        }
        bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
        bench.leaves_nothing();
    }
}

#[test]
fn a_second_try_where_the_service_logs_by_itself_goes_on() {
    let space = "problem_type: binary\n      operational_space: production";
    let bench = Bench::sample()
        .spec("problem_type: binary", space)
        .spec("      data: target\n      scoring_path", "      data: target\n      batch_rows: 50\n      scoring_path");
    let bench = bench.fails(Fault::status("POST", "/ml/v4/deployments/*/predictions", 500).on(Nth::Nth(3)));
    let kept = ["run", "pipeline.yaml", "--run", "r", "--keep"];
    bench.stepwise(&kept).succeeds();

    assert_eq!(bench.step("score")["attempts"], 2);
    let outputs = bench.outputs("score");
    assert_eq!(outputs["payload_logged_by"], "service");
    // What it has logged of the first try does not count.
    assert_eq!(outputs["payload_records"], 171);
    assert_eq!(outputs["feedback_records"], 171);
    bench.metrics_are("tumour-screening");
}
