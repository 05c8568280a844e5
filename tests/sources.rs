//! Where data sets and models come from, and in which form: every way leads to the metrics of the plain run.

mod kept;
mod server;
mod trust;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rustix::process::Signal;

use self::server::{Mishap, Server, Store};
use crate::harness::{Bench, ROOT, compiled_components, each, nobody};

const TARGET: &str = "target: {file: data/target.csv}";

fn target() -> Vec<u8> {
    fs::read(Path::new(ROOT).join("model/data/target.csv")).unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// The same table: the label is a whole number, all else is not.
fn parquet(csv: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(csv).unwrap();
    let names: Vec<_> = text.lines().next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> =
        text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    let kind = |name: &str| if name == "malignant" { "int64" } else { "double" };
    let columns: String =
        names.iter().map(|name| format!("required {} {name}; ", kind(name))).collect::<Vec<_>>().concat();
    let schema = parse_message_type(&format!("message table {{ {columns} }}")).unwrap();
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, Arc::new(schema), Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (n, name) in names.iter().enumerate() {
        let values: Vec<f64> = rows.iter().map(|row| row[n]).collect();
        let mut column = group.next_column().unwrap().unwrap();
        if *name == "malignant" {
            #[expect(clippy::cast_possible_truncation, reason = "it is 0 or 1")]
            let values: Vec<i64> = values.iter().map(|value| *value as i64).collect();
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
        } else {
            column.typed::<DoubleType>().write_batch(&values, None, None).unwrap();
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    out
}

fn sha256(bytes: &[u8]) -> String {
    stepwise::data::digest_of(bytes)
}

/// The sample with another target, and nothing in the cache.
fn sample(entry: &str) -> Bench {
    let bench = Bench::sample().spec(TARGET, entry);
    let cache = bench.folder.path().join("cache").display().to_string();
    bench.variable("STEPWISE_CACHE", &cache).variable("STEPWISE_STEPS", compiled_components().to_str().unwrap())
}

/// How the run fails before it has begun: nothing was asked of a service, and nothing is left.
fn fails(bench: &Bench, code: u8, said: &str) {
    let ran = bench.run().exits_with(code);
    assert_eq!(
        ran.stderr()
            .lines()
            .filter(|line| line.starts_with("error: ") || line.starts_with("hint: "))
            .collect::<Vec<_>>()
            .join("\n"),
        said,
        "{}",
        ran.stderr()
    );
    assert_eq!(bench.requests(), Vec::<String>::new());
    assert!(!bench.folder.path().join(".stepwise/r").exists());
}

#[test]
fn a_table_arrives_at_a_step_in_one_way_whatever_its_form() {
    struct Case {
        name: &'static str,
        file: &'static str,
        entry: &'static str,
        bytes: fn(&[u8]) -> Vec<u8>,
    }
    let cases = [
        Case { name: "gzip", file: "t.csv.gz", entry: "target: {file: t.csv.gz}", bytes: gzip },
        Case { name: "zstd", file: "t.csv.zst", entry: "target: {file: t.csv.zst}", bytes: zstd },
        Case { name: "Parquet", file: "t.parquet", entry: "target: {file: t.parquet}", bytes: parquet },
        Case { name: "gzip by another name", file: "t.csv", entry: "target: {file: t.csv}", bytes: gzip },
    ];
    each(
        &cases,
        |case| case.name,
        |case| {
            let bytes = (case.bytes)(&target());
            let bench = sample(case.entry).file(case.file, &bytes);

            bench.run().succeeds();

            bench.metrics_are("tumour-screening");
            bench.predictions_are("tumour-screening");
            let lent = &bench.step("score")["files"][0];
            assert_eq!((lent["value"].as_str(), lent["format"].as_str()), (Some("target"), Some("data-set")));
            assert_eq!(lent["made_of"]["sha256"].as_str(), Some(sha256(&bytes).as_str()));
            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_data_set_and_a_model_come_over_https() {
    let model = fs::read(Path::new(ROOT).join("model/model.onnx")).unwrap();
    let data = Server::start_tls(&gzip(&target()));
    let models = Server::start_tls(&model);
    let entry = format!(
        "target: {{url: \"{}\", sha256: {}, ca_file: data.pem}}\nmodels:\n  champion: {{url: \"{}\", sha256: {}, ca_file: models.pem}}",
        data.url("/target.csv.gz"),
        sha256(&gzip(&target())),
        models.url("/model.onnx"),
        sha256(&model),
    );
    let bench = sample(&entry)
        .spec("model: model.onnx", "model: champion")
        .file("data.pem", data.certificate.as_ref().unwrap())
        .file("models.pem", models.certificate.as_ref().unwrap());
    fs::remove_file(bench.folder.path().join("model.onnx")).unwrap();

    bench.stepwise(&["check", "pipeline.yaml"]).succeeds();
    assert_eq!(data.received(), Vec::<String>::new(), "a check asks nobody");
    bench.run().succeeds();

    bench.metrics_are("tumour-screening");
    bench.leaves_nothing();
    assert_eq!(data.received(), ["GET /target.csv.gz"]);
    assert_eq!(models.received(), ["GET /model.onnx"]);

    // With its digest known, what is in the cache needs no request.
    bench.stepwise(&["run", "pipeline.yaml", "--run", "again"]).succeeds();
    assert_eq!(data.received().len() + models.received().len(), 2);
}

#[test]
fn a_data_set_comes_from_an_s3_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("models/a b")).unwrap();
    fs::write(folder.path().join("models/a b/target.parquet"), parquet(&target())).unwrap();
    let store = Store::start(folder.path(), "an-access-key", "a-secret-key");
    let s3 = |bucket: &str, key: &str| {
        format!(
            "target:\n    s3:\n      endpoint: {}\n      bucket: {bucket}\n      key: {key}\n      \
             access_key_id: an-access-key\n      secret_access_key: \"${{{{ secrets.S3_SECRET }}}}\"",
            store.url
        )
    };
    let with = |entry: &str, secret: &str| sample(entry).variable("S3_SECRET", secret);

    let bench = with(&s3("models", "a b/target.parquet"), "a-secret-key");
    bench.run().succeeds();
    bench.metrics_are("tumour-screening");
    bench.leaves_nothing();

    fails(
        &with(&s3("models", "a b/target.parquet"), "another-secret-key"),
        2,
        "error: data set `target`: the store refuses these keys for `s3://models/a b/target.parquet`: SignatureDoesNotMatch\n\
         hint: check `access_key_id`, `secret_access_key` and `region`",
    );
    fails(
        &with(&s3("models", "gone.csv"), "a-secret-key"),
        2,
        "error: data set `target`: the bucket `models` has no object `gone.csv`",
    );
    fails(
        &with(&s3("nowhere", "target.csv"), "a-secret-key"),
        2,
        // This store does not tell the one from the other.
        "error: data set `target`: the bucket `nowhere` has no object `target.csv`",
    );
}

#[test]
fn a_broken_transfer_goes_on_where_it_ended() {
    let bytes = target();
    let server = Server::start(&bytes).fails([Mishap::Drops(1000), Mishap::Status(503), Mishap::Drops(500)]);
    let bench = sample(&format!("target: {{url: \"{}\", sha256: {}}}", server.url("/t.csv"), sha256(&bytes)));

    bench.run().succeeds();

    bench.metrics_are("tumour-screening");
    let rest = |from: u32| format!("GET /t.csv, range: bytes={from}-, if-range: \"one\"");
    assert_eq!(server.received(), ["GET /t.csv".to_owned(), rest(1000), rest(1000), rest(1500)]);
}

#[test]
fn a_later_run_goes_on_where_an_earlier_one_gave_up() {
    let bytes = target();
    let server = Server::start(&bytes).fails(vec![Mishap::Drops(100); 5]);
    let bench = sample(&format!("target: {{url: \"{}\"}}", server.url("/t.csv")));

    let name = server.url("/t.csv");
    let why = "the connection was closed";
    let said = format!("error: data set `target`: `{name}` broke off after 500 bytes: {why}");
    let ran = bench.run().exits_with(1);
    let stderr = ran.stderr();
    assert_eq!(stderr.lines().last(), Some(said.as_str()), "{stderr}");
    bench.run().succeeds();

    bench.metrics_are("tumour-screening");
    assert_eq!(server.received().last().map(String::as_str), Some("GET /t.csv, range: bytes=500-, if-range: \"one\""));
}

#[test]
fn pieces_of_different_files_are_not_put_together() {
    let bytes = target();
    // Nothing tells the versions apart but the digest.
    let server = Server::start(&vec![b'x'; 4000]).without_etag().fails(vec![Mishap::Drops(100); 5]);
    let bench = sample(&format!("target: {{url: \"{}\", sha256: {}}}", server.url("/t.csv"), sha256(&bytes)));
    bench.run().exits_with(1);
    server.changes(&bytes, "\"two\"");

    bench.run().succeeds();

    bench.metrics_are("tumour-screening");
    assert_eq!(server.received().last().map(String::as_str), Some("GET /t.csv"));
}

#[test]
fn without_a_digest_the_server_is_asked_whether_it_has_other_bytes() {
    let server = Server::start(&target());
    let bench = sample(&format!("target: {{url: \"{}\"}}", server.url("/t.csv")));
    let run = |id: &str| bench.stepwise(&["run", "pipeline.yaml", "--run", id]);

    run("a").succeeds();
    run("b").succeeds();
    server.changes(&[target(), b"\n".to_vec()].concat(), "\"two\"");
    run("c").succeeds();
    run("d").succeeds();

    let again = |etag: &str| format!("GET /t.csv, if-none-match: \"{etag}\"");
    assert_eq!(server.received(), ["GET /t.csv".to_owned(), again("one"), again("one"), again("two")]);
}

#[test]
fn two_runs_at_once_fetch_once() {
    let bytes = target();
    let server = Server::start(&bytes);
    let bench = sample(&format!("target: {{url: \"{}\", sha256: {}}}", server.url("/t.csv"), sha256(&bytes)));

    std::thread::scope(|scope| {
        for run in ["a", "b", "c"] {
            let bench = &bench;
            scope.spawn(move || {
                bench.stepwise(&["run", "pipeline.yaml", "--dry-run", "--run", run]).succeeds();
            });
        }
    });

    assert_eq!(server.received(), ["GET /t.csv"]);
}

#[test]
fn what_cannot_be_had_is_said_before_anything_is_created() {
    struct Case {
        name: &'static str,
        entry: fn(&Server) -> String,
        bytes: fn() -> Vec<u8>,
        mishaps: Vec<Mishap>,
        code: u8,
        said: fn(&Server) -> String,
    }
    let plain = |server: &Server| format!("target: {{url: \"{}\"}}", server.url("/t.csv"));
    let case = |name, mishaps, code, said| Case { name, entry: plain, bytes: target, mishaps, code, said };
    let cases = [
        case("404", vec![Mishap::Status(404)], 2, |server: &Server| {
            format!("error: data set `target`: `{}` is not there: the server answers 404", server.url("/t.csv"))
        }),
        case("403", vec![Mishap::Status(403)], 2, |server: &Server| {
            let url = server.url("/t.csv");
            format!("error: data set `target`: the server does not give `{url}` to us: it answers 403")
        }),
        case("503 for good", vec![Mishap::Status(503); 9], 1, |server: &Server| {
            let url = server.url("/t.csv");
            format!("error: data set `target`: `{url}` cannot be had for now: the server answers 503")
        }),
        case(
            "a redirect out of this machine",
            vec![Mishap::Redirect("http://example.com/t.csv".into())],
            2,
            |server| {
                let url = server.url("/t.csv");
                format!("error: data set `target`: `{url}` leads from this machine to `http://example.com/t.csv`")
            },
        ),
        Case {
            name: "another digest",
            entry: |server| format!("target: {{url: \"{}\", sha256: {}}}", server.url("/t.csv"), "0".repeat(64)),
            said: |server| {
                let (found, wanted) = (sha256(&target()), "0".repeat(64));
                let url = server.url("/t.csv");
                format!("error: data set `target`: `{url}` has the SHA-256 {found}, the spec wants {wanted}")
            },
            ..case("", vec![], 2, |_| String::new())
        },
        Case {
            name: "too large",
            entry: |server| format!("target: {{url: \"{}\", max_size: 1KiB}}", server.url("/t.csv")),
            said: |server| {
                let url = server.url("/t.csv");
                format!(
                    "error: data set `target`: `{url}` has more than the 1024 bytes that it may have\nhint: raise its `max_size`"
                )
            },
            ..case("", vec![], 2, |_| String::new())
        },
        Case {
            name: "a bomb",
            bytes: || gzip(&vec![b'0'; 10 << 20]),
            entry: |server| format!("target: {{url: \"{}\", max_size: 1MiB}}", server.url("/t.csv")),
            said: |server| {
                let url = server.url("/t.csv");
                format!(
                    "error: data set `target`: `{url}` has more than the 1048576 bytes that it may have once it is unpacked\nhint: raise its `max_size`"
                )
            },
            ..case("", vec![], 2, |_| String::new())
        },
        Case {
            name: "gzip that ends too early",
            bytes: || gzip(&target())[..2000].to_vec(),
            said: |server| {
                let url = server.url("/t.csv");
                format!("error: data set `target`: `{url}` cannot be read as gzip: it ends too early")
            },
            ..case("", vec![], 2, |_| String::new())
        },
        Case {
            name: "no gzip at all",
            entry: |server| format!("target: {{url: \"{}\", format: gzip}}", server.url("/t.csv")),
            said: |server| {
                let url = server.url("/t.csv");
                format!(
                    "error: data set `target`: `{url}` cannot be read as gzip: invalid gzip header\nhint: say in which form it comes: `format: csv`, `gzip`, `zstd` or `parquet`"
                )
            },
            ..case("", vec![], 2, |_| String::new())
        },
    ];
    for case in cases {
        let server = Server::start(&(case.bytes)()).fails(case.mishaps);
        let bench = sample(&(case.entry)(&server));
        let said = (case.said)(&server);
        eprintln!("{}", case.name);
        fails(&bench, case.code, &said);
    }
}

#[test]
fn an_address_where_nobody_is_is_said_before_anything_is_created() {
    let nobody = nobody();
    let bench = sample(&format!("target: {{url: \"{nobody}/t.csv\"}}"));

    let said =
        format!("error: data set `target`: `{nobody}/t.csv` cannot be reached: Connection refused (os error 111)");
    fails(&bench, 1, &said);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start_tls(&target());
    let bench = sample(&format!("target: {{url: \"{}\"}}", server.url("/t.csv")));

    fails(
        &bench,
        2,
        &format!(
            "error: data set `target`: no secure connection for `{}`: invalid peer certificate: UnknownIssuer\n\
             hint: if its certificate is from an authority of your own, name that one's file as `ca_file`",
            server.url("/t.csv")
        ),
    );
}

#[test]
fn a_redirect_is_followed() {
    let bytes = target();
    let content = Server::start_tls(&bytes);
    let server = Server::start(&[]).fails([Mishap::Redirect(content.url("/cdn/t.csv"))]);
    let entry = format!("target: {{url: \"{}\", sha256: {}, ca_file: ca.pem}}", server.url("/t.csv"), sha256(&bytes));
    let bench = sample(&entry).file("ca.pem", content.certificate.as_ref().unwrap());

    bench.run().succeeds();

    assert_eq!(content.received(), ["GET /cdn/t.csv"]);
}

#[test]
fn a_secret_key_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("bucket")).unwrap();
    fs::write(folder.path().join("bucket/t.csv"), target()).unwrap();
    let store = Store::start(folder.path(), "an-access-key", "planted-secret-key");
    let entry = format!(
        "target: {{s3: {{endpoint: \"{}\", bucket: bucket, key: t.csv, access_key_id: an-access-key, \
         secret_access_key: \"${{{{ secrets.S3_SECRET }}}}\"}}}}",
        store.url
    );
    let bench = sample(&entry).variable("S3_SECRET", "planted-secret-key");

    let ran = bench.run().succeeds();

    for text in [ran.stdout(), ran.stderr()] {
        assert!(!text.contains("planted-secret-key") && !text.contains("X-Amz-Signature"), "{text}");
    }
    let mut folders = vec![bench.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = fs::read(entry.path()).unwrap();
            for secret in ["planted-secret-key", "X-Amz-Signature"] {
                let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!found, "{} has `{secret}`", entry.path().display());
            }
        }
    }
}

#[test]
fn a_signal_ends_a_fetch() {
    let bytes = target();
    let server = Server::start(&bytes).fails(vec![Mishap::Status(503); 9]);
    let bench = sample(&format!("target: {{url: \"{}\"}}", server.url("/t.csv")));

    let said = "what must follow still runs, a second signal ends it";
    let ran = bench.start(&["run", "pipeline.yaml", "--run", "r"]);
    // The first try has failed when it says so.
    let ran = ran.says_part("; again in ").signal(Signal::INT).ends().exits_with(130);

    assert!(ran.stderr().contains(said), "{}", ran.stderr());
    assert!(!bench.folder.path().join(".stepwise/r").exists());
}
