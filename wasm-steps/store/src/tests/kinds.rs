//! Models of other kinds than ONNX.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::GzEncoder;
use step_sdk::Level;
use step_sdk::fake::Sent;

use super::*;

const PICKLE: &[u8] = b"\x80\x04N.";

/// A tar with these files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zipped(names: &[&str]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for name in names {
        zip.start_file(*name, options).unwrap();
        zip.write_all(b"content").unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn media_type(sent: &Sent) -> &str {
    sent.headers.iter().find(|(name, _)| name == "Content-Type").map_or("", |(_, value)| value)
}

/// The inputs of a model of another kind, and a service that stores it as it is told to.
fn other_kind(host: &Fake, file: &str, content: &[u8], kind: &str) -> Value {
    host.file(file, content);
    let stored = Rc::new(RefCell::new(Value::Null));
    let kept = Rc::clone(&stored);
    host.always(MODELS, move |sent| {
        let body = sent.json();
        let mut entity = body.clone();
        entity["software_spec"]["name"] = json!("s");
        *kept.borrow_mut() = json!({"metadata": {"id": "m", "name": body["name"]}, "entity": entity});
        (201, kept.borrow().clone())
    });
    host.always(CONTENT, |_| (201, json!({})));
    host.always("GET /ml/v4/models/m", move |_| (200, stored.borrow().clone()));
    with(&json!({"model": file, "type": kind}))
}

#[test]
fn a_model_of_another_kind_goes_up_as_it_is_with_the_columns_of_its_training_data() {
    let archive = gzipped(&tar(&[("./model.joblib", PICKLE), ("./about/readme.txt", b"x")]));
    let host = host();
    let inputs = other_kind(&host, "m/model.tar.gz", &archive, "scikit-learn_1.3");
    let mut sent = inputs.clone();
    sent["training_data_reference"] = json!({"type": "fs"});
    host.file("training", "a,malignant,b,c,d\n1,0,2.5,x,\n3,1,,1,\n");

    let outputs = run(&host, &sent).unwrap();

    let fields = json!([
        {"name": "a", "type": "integer"}, {"name": "b", "type": "double"}, {"name": "c", "type": "string"},
        {"name": "d", "type": "integer"},
    ]);
    assert_eq!((&outputs["input_fields"], &outputs["output_fields"]), (&fields, &json!([])));
    assert_eq!(outputs["model_sha256"].as_str().map(str::len), Some(64));
    let body = host.requests_to(MODELS)[0].json();
    assert_eq!(body["type"], "scikit-learn_1.3");
    assert_eq!(body["schemas"], json!({"input": [{"id": "1", "type": "struct", "fields": fields}], "output": []}));
    let label = json!({"name": "malignant", "type": "integer", "metadata": {"modeling_role": "target"}});
    assert_eq!(body["training_data_references"][0]["schema"]["fields"][4], label);
    let upload = &host.requests_to(CONTENT)[0];
    assert_eq!(upload.query("content_format"), Some("native"));
    assert_eq!(media_type(upload), "application/octet-stream");
    assert_eq!(upload.body, archive);
    assert_eq!(host.logged(Level::Info), ["`m/model.tar.gz` goes up as it is: only an ONNX file can be checked here"]);
}

#[test]
fn every_kind_of_archive_goes_up() {
    let one: &[(&str, &[u8])] = &[("saved_model.pb", b"x")];
    for (file, content, kind) in [
        ("model.tgz", gzipped(&tar(&[("model.pkl", PICKLE)])), "scikit-learn_1.3"),
        ("model.zip", zipped(&["model.pickle", "deep/other.pkl"]), "scikit-learn_1.3"),
        ("model.tar", tar(&[("model.pkl", PICKLE)]), "xgboost_1.6"),
        ("stream.str", zipped(&["stream.xml"]), "spss-modeler_18.2"),
        ("saved.tar.gz", gzipped(&tar(one)), "tensorflow_rt23.1"),
        ("mnist.tar.gz", gzipped(&tar(&[("mnist.onnx", b"x")])), "pytorch-onnx_rt23.1"),
        ("cut.tar", tar(one)[..1024].to_vec(), "mllib_3.3"),
    ] {
        let host = host();
        let inputs = other_kind(&host, file, &content, kind);
        run(&host, &inputs).unwrap_or_else(|failure| panic!("{file}: {failure:?}"));
        assert_eq!(host.requests_to(CONTENT)[0].body, content, "{file}");
    }
}

#[test]
fn pmml_goes_up_as_the_official_clients_send_it() {
    let host = host();
    let pmml = b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<PMML version=\"4.2\"/>";
    let inputs = other_kind(&host, "model.xml", pmml, "pmml_4.2.1");
    run(&host, &inputs).unwrap();
    let upload = &host.requests_to(CONTENT)[0];
    assert_eq!(upload.query("content_format"), Some("native"));
    assert_eq!(media_type(upload), "application/json");
    assert_eq!(upload.body, pmml);
}

#[test]
fn a_file_that_is_not_of_its_type_is_refused_with_what_to_do() {
    let refused = |file: &str, content: &[u8], kind: &str| {
        let host = host();
        host.file(file, content);
        let failure = run(&host, &with(&json!({"model": file, "type": kind}))).unwrap_err();
        assert_eq!((failure.category, host.routes()), (FailureCategory::InvalidInput, Vec::<String>::new()));
        format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
    };
    assert_eq!(
        refused("model.pkl", PICKLE, "scikit-learn_1.3"),
        "`model.pkl` is a bare pickle; WML takes a model of type `scikit-learn_1.3` in a tar.gz\n\
         `tar -czf model.tar.gz model.pkl` packs it"
    );
    assert_eq!(
        refused("model.joblib", &gzipped(PICKLE), "scikit-learn_1.3"),
        "`model.joblib` is a bare pickle; WML takes a model of type `scikit-learn_1.3` in a tar.gz\n\
         `tar -czf model.tar.gz model.joblib` packs it"
    );
    assert_eq!(
        refused("m/model", PICKLE, "xgboost_1.6"),
        "`m/model` is a bare pickle; WML takes a model of type `xgboost_1.6` in a tar.gz\n\
         `tar -czf model.tar.gz model` packs it"
    );
    assert_eq!(
        refused("model.h5", b"x", "tensorflow_rt23.1"),
        "`model.h5` is no archive; WML takes a model of type `tensorflow_rt23.1` in a tar.gz\n\
         `tar -czf model.tar.gz model.h5` packs it"
    );
    assert_eq!(
        refused("model.pkl", PICKLE, "onnxruntime_1.17"),
        "`model.pkl` is a bare pickle, and `onnxruntime_1.17` is a type of ONNX models\n\
         give an ONNX file, or pack the pickle and give its own `type`"
    );
    let types = "the types of ONNX models are `onnxruntime_…` and `pytorch-onnx_…`";
    assert_eq!(
        refused("model.onnx", b"x", "scikit-learn_1.3"),
        format!("`model.onnx` is an ONNX model, which `scikit-learn_1.3` is no type of\n{types}")
    );
    assert_eq!(
        refused("model.tar", &tar(&[("model.onnx", b"x")]), "xgboost_1.6"),
        format!("`model.tar` is an ONNX model, which `xgboost_1.6` is no type of\n{types}")
    );
    assert_eq!(
        refused("model.tar", &tar(&[("model.pkl", PICKLE)]), "pmml_4.2.1"),
        "`model.tar` is no XML, as a model of type `pmml_4.2.1` must be\n"
    );
    assert_eq!(
        refused("model.pmml", b"<PMML/>", "pmml_4.2.1"),
        "`model.pmml` is not called `.xml`, as WML wants a model of type `pmml_4.2.1`\nrename the file"
    );
}

#[test]
fn an_archive_that_does_not_hold_what_its_type_wants_is_refused() {
    let refused = |file: &str, content: &[u8], kind: &str| {
        let host = host();
        host.file(file, content);
        refused_before_anything_is_sent(&host, &with(&json!({"model": file, "type": kind})))
    };
    assert_eq!(
        refused("model.tar.gz", &gzipped(&tar(&[("model.pkl", PICKLE)])), "onnxruntime_1.17"),
        "`model.tar.gz` holds no `.onnx` file at its top level, as a model of type `onnxruntime_1.17` must, but `model.pkl`"
    );
    assert_eq!(
        refused("model.tar", &tar(&[("deep/model.pkl", PICKLE)]), "scikit-learn_1.3"),
        "`model.tar` holds no `.joblib` or `.pickle` or `.pkl` file at its top level, as a model of type `scikit-learn_1.3` \
         must, but `deep/model.pkl`"
    );
    assert_eq!(
        refused("model.tar", &tar(&[("a.pkl", PICKLE), ("b.joblib", PICKLE)]), "scikit-learn_1.3"),
        "`model.tar` holds 2 files `.joblib` or `.pickle` or `.pkl` at its top level, not one"
    );
    let long: Vec<u8> = (0..9000u32).flat_map(|number| (number * number).to_le_bytes()).collect();
    let whole = gzipped(&tar(&[("model.pkl", &long)]));
    for (content, why) in [
        (&whole[..whole.len() / 2], "it is damaged"),
        (&gzipped(&[1; 600]), "what is compressed is no tar"),
        (b"PK\x03\x04", "it is damaged"),
    ] {
        let message = format!("`model` cannot be read as an archive: {why}");
        assert_eq!(refused("model", content, "scikit-learn_1.3"), message);
    }
    for empty in [zipped(&[]), gzipped(&tar(&[]))] {
        assert_eq!(refused("model", &empty, "spss-modeler_18.2"), "`model` holds no file");
    }
}

#[test]
fn a_model_that_cannot_be_asked_for_its_columns_needs_its_training_data() {
    let host = host();
    host.file("model.zip", zipped(&["model.pkl"]));
    let changes =
        json!({"model": "model.zip", "type": "scikit-learn_1.3", "training_data": null, "label_column": null});
    let failure = run(&host, &with(&changes)).unwrap_err();
    assert_eq!(failure.message, "`model.zip` does not tell its columns; only an ONNX file does");
    assert_eq!(failure.hint.as_deref(), Some("give `training_data` and `label_column`"));
}
