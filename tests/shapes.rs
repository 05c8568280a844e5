//! The same pipeline with other models: every type of answer, every problem type, both kinds of operational space.

use crate::harness::{Bench, each};

#[test]
fn every_type_of_onnx_models_gives_the_same_predictions_and_metrics() {
    let types = [("onnxruntime_1.17", "onnxruntime_opset_21"), ("pytorch-onnx_2.1", "runtime-24.1-py3.11")];

    each(
        &types,
        |(kind, _)| kind,
        |(kind, software)| {
            let bench = Bench::sample().spec("onnxruntime_1.17", kind).spec("onnxruntime_opset_21", software);

            bench.run().succeeds();

            bench.predictions_are("tumour-screening");
            bench.metrics_are("tumour-screening");
            assert_eq!(bench.outputs("evaluate")["comparison"]["same"], true);
            bench.leaves_nothing();
        },
    );
}

#[test]
fn every_problem_type_gives_the_predictions_and_metrics_that_scikit_learn_computes() {
    each(
        &["iris", "diabetes"],
        |name| name,
        |name| {
            let files = ["pipeline.yaml", "model.onnx", "training.csv", "target.csv"];
            let bench = Bench::new().copies(&format!("tests/models/{name}"), &files);

            bench.run().succeeds();

            bench.predictions_are(name);
            bench.metrics_are(name);
            assert_eq!(bench.outputs("evaluate")["comparison"]["same"], true);
            bench.leaves_nothing();
        },
    );
}

#[test]
fn payload_is_logged_by_the_service_in_production_and_by_the_step_elsewhere() {
    let spaces = [("production", "service"), ("pre_production", "step"), ("development", "step")];

    each(
        &spaces,
        |(space, _)| space,
        |(space, logged_by)| {
            let bench = Bench::sample()
                .spec("problem_type: binary", &format!("problem_type: binary\n      operational_space: {space}"));

            bench.run().succeeds();

            assert_eq!(bench.outputs("subscribe")["operational_space"], *space);
            let outputs = bench.outputs("score");
            assert_eq!(
                (&outputs["payload_logged_by"], &outputs["payload_records"]),
                (&(*logged_by).into(), &171.into())
            );
            assert_eq!(outputs["feedback_records"], 171);
            bench.leaves_nothing();
        },
    );
}
