//! Models of other kinds than ONNX: they go up as they are, and a twin takes their place wherever one has to be run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use stepwise_stub::{Dialect, Options, Recorded};

use crate::harness::{Bench, ROOT, each};

const UPLOAD: &str = "/content";

fn twin() -> PathBuf {
    Path::new(ROOT).join("model/scikit-learn/twin.onnx")
}

/// The files of `model/scikit-learn`, and a stub in which this file answers for what it cannot run.
fn scikit_learn(twin: Option<PathBuf>) -> Bench {
    scikit_learn_on(Dialect::Cp4d5, twin)
}

fn scikit_learn_on(dialect: Dialect, twin: Option<PathBuf>) -> Bench {
    let options = Options { dialect, settle: Duration::from_millis(20), twin, ..Options::default() };
    let files = ["pipeline.yaml", "model.tar.gz", "twin.onnx"];
    Bench::with(options).model().copies("model/scikit-learn", &files).spec("../data/", "data/")
}

/// The same, but with a model of another kind, whose software the fourth release has.
fn of_kind(file: &str, content: &[u8], kind: &str, software: &str) -> Bench {
    scikit_learn_on(Dialect::Cp4d4, Some(twin()))
        .file(file, content)
        .spec("model: model.tar.gz", &format!("model: {file}"))
        .spec("scikit-learn_1.3", kind)
        .spec("runtime-24.1-py3.11", software)
}

fn committed(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(ROOT).join("model/scikit-learn").join(file)).unwrap()
}

/// The request that brought the model's file.
fn upload(bench: &Bench) -> Recorded {
    let requests = bench.stub.requests();
    let is_upload = |request: &&Recorded| request.method == "PUT" && request.path.ends_with(UPLOAD);
    requests.iter().find(is_upload).unwrap_or_else(|| panic!("nothing was uploaded: {:?}", bench.requests())).clone()
}

fn header<'a>(request: &'a Recorded, name: &str) -> &'a str {
    request.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

#[test]
fn a_scikit_learn_pipeline_is_deployed_and_compared_with_its_twin() {
    let bench = scikit_learn(Some(twin()));

    bench.run().succeeds();

    bench.predictions_are("scikit-learn");
    bench.metrics_are("scikit-learn");
    let comparison = &bench.outputs("evaluate")["comparison"];
    assert_eq!(
        (&comparison["with"], &comparison["rows"], &comparison["same"]),
        (&json!("twin"), &json!(171), &json!(true))
    );
    assert_eq!(bench.outputs("evaluate").get("not_compared"), None);
    let upload = upload(&bench);
    let query: Vec<_> = upload.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let space = bench.stub.space_id();
    assert_eq!(query, [("version", "2021-06-24"), ("space_id", space), ("content_format", "native")]);
    assert_eq!(header(&upload, "content-type"), "application/octet-stream");
    assert_eq!(upload.body, json!({"bytes": committed("model.tar.gz").len()}));
    bench.leaves_nothing();
}

#[test]
fn without_a_twin_nothing_answers_for_the_deployment_and_cleanup_removes_it() {
    let reason =
        "the stub cannot run a model of type `scikit-learn_1.3`, and has no ONNX file to answer for it (`--twin`)";
    let bench = scikit_learn(None);

    bench.stepwise(&["run", "--dry-run", "pipeline.yaml", "--run", "r"]).exits_with(3).fails_in(
        "deploy",
        "refused",
        &format!("deployment `tumour-screening` is `failed`: {reason}"),
    );

    assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
    assert_eq!(bench.outputs("cleanup")["removed"].as_array().map(Vec::len), Some(2));
}

#[test]
fn every_kind_goes_up_as_the_official_clients_send_it() {
    struct Case {
        file: &'static str,
        content: Vec<u8>,
        kind: &'static str,
        software: &'static str,
        media_type: &'static str,
    }
    let case = |file, kind, software| {
        let (content, media_type) = (committed("model.tar.gz"), "application/octet-stream");
        Case { file, content, kind, software, media_type }
    };
    let pmml = "<?xml version=\"1.0\"?>\n<PMML version=\"4.2\" xmlns=\"http://www.dmg.org/PMML-4_2\"/>\n";
    let cases = [
        case("model.tgz", "xgboost_1.6", "runtime-23.1-py3.10"),
        case("model.tar.gz", "tensorflow_rt23.1", "runtime-23.1-py3.10"),
        case("stream.str", "spss-modeler_18.2", "spss-modeler_18.2"),
        case("spark.tar.gz", "mllib_3.3", "spark-mllib_3.3"),
        Case {
            content: pmml.into(),
            media_type: "application/json",
            ..case("model.xml", "pmml_4.2.1", "pmml-3.0_4.3")
        },
    ];

    each(
        &cases,
        |case| case.kind,
        |case| {
            let bench = of_kind(case.file, &case.content, case.kind, case.software);

            bench.run().succeeds();

            let upload = upload(&bench);
            let query: Vec<_> = upload.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let space = bench.stub.space_id();
            assert_eq!(query, [("version", "2021-06-24"), ("space_id", space), ("content_format", "native")]);
            assert_eq!(header(&upload, "content-type"), case.media_type);
            assert_eq!(upload.body, json!({"bytes": case.content.len()}));
            assert_eq!(bench.outputs("evaluate")["comparison"]["same"], true);
            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_file_that_is_not_of_its_type_is_refused_before_anything_is_sent() {
    let pickle: &[u8] = b"\x80\x04N.";
    let archive = committed("model.tar.gz");
    for (bench, message) in [
        (
            of_kind("model.joblib", pickle, "scikit-learn_1.3", "runtime-24.1-py3.11"),
            "`model.joblib` is a bare pickle; WML takes a model of type `scikit-learn_1.3` in a tar.gz",
        ),
        (
            of_kind("packed.tar.gz", &archive, "onnxruntime_1.17", "onnxruntime_opset_21"),
            "`packed.tar.gz` holds no `.onnx` file at its top level, as a model of type `onnxruntime_1.17` must, but \
             `model.joblib`",
        ),
        (
            of_kind("model.onnx", &committed("twin.onnx"), "scikit-learn_1.3", "runtime-24.1-py3.11"),
            "`model.onnx` is an ONNX model, which `scikit-learn_1.3` is no type of",
        ),
        (
            of_kind("cut.tar.gz", &archive[..archive.len() / 2], "scikit-learn_1.3", "runtime-24.1-py3.11"),
            "`cut.tar.gz` cannot be read as an archive: it is damaged",
        ),
    ] {
        bench.run().exits_with(3).fails_in("store", "invalid-input", message);
        assert_eq!(bench.requests(), Vec::<String>::new());
    }
}

#[test]
fn answers_that_are_compared_with_nothing_are_told_as_such() {
    let bench = scikit_learn(Some(twin())).spec("      twin: twin.onnx\n", "");
    let why = "the deployment's answers were not compared: neither `model`, which must be ONNX, nor `twin` is given";

    bench.run().succeeds().has_line(&format!("not_compared   {why}")).has_line(&format!("evaluate   {why}"));

    assert_eq!(bench.outputs("evaluate")["not_compared"], why);
    assert_eq!(bench.outputs("evaluate").get("comparison"), None);
    bench.leaves_nothing();
}

#[test]
fn a_deployment_that_is_not_its_twin_misses_the_gate() {
    let bench = scikit_learn(Some(Path::new(ROOT).join("model/model.onnx")));

    bench.run().exits_with(4);

    let outputs = bench.outputs("evaluate");
    assert_eq!((&outputs["comparison"]["with"], &outputs["comparison"]["same"]), (&json!("twin"), &json!(false)));
    let message = bench.step("evaluate")["failure"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the deployment's answers differ from the twin's by 0.0003"), "{message}");
    bench.leaves_nothing();
}

#[test]
fn a_twin_must_be_an_onnx_file_and_belongs_to_a_dry_run() {
    let bench = scikit_learn(None);
    bench.stepwise(&["run", "--dry-run", "--twin", "model.tar.gz", "pipeline.yaml"]).exits_with(2).says(
        "error: the stub cannot use `model.tar.gz` as a twin: not an ONNX model: failed to decode Protobuf message: \
         invalid wire type value: 7\n",
    );
    bench
        .stepwise(&["stub", "--twin", "no.onnx"])
        .exits_with(2)
        .says("error: the stub cannot use `no.onnx` as a twin: No such file or directory (os error 2)\n");
    bench.stepwise(&["run", "--twin", "twin.onnx", "pipeline.yaml"]).exits_with(2);
    assert_eq!(bench.requests(), Vec::<String>::new());
}
