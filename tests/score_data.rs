//! Data sets as they come: what is wrong with a file is said with line and column, what is merely unusual is read.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Bench, ROOT, each};

const HEADER: &str = "sepal_length,sepal_width,petal_length,petal_width,species";

fn iris() -> Bench {
    Bench::new().copies("tests/models/iris", &["pipeline.yaml", "model.onnx", "training.csv", "target.csv"])
}

fn target() -> String {
    fs::read_to_string(Path::new(ROOT).join("tests/models/iris/target.csv")).unwrap()
}

/// A name for the case, the file's content, and the message.
type Case = (&'static str, Vec<u8>, &'static str);

fn below_the_header(rows: &str) -> Vec<u8> {
    format!("{HEADER}\n{rows}").into_bytes()
}

fn refused(cases: &[Case]) {
    each(
        cases,
        |(name, _, _)| name,
        |(_, content, message)| {
            let bench = iris()
                .file("target.csv", content)
                .spec("data: target\n      scoring_path", "data: target\n      batch_rows: 10\n      scoring_path");

            bench.run().exits_with(3).fails_in("score", "invalid-input", message);

            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_data_set_that_is_no_table_of_the_model_is_refused() {
    let with = below_the_header;
    refused(&[
        ("no file content", b"".to_vec(), "`target` is empty"),
        ("blank lines only", b"\n\r\n\n".to_vec(), "`target` is empty"),
        ("a header only", with(""), "`target` has a header and no rows"),
        ("a header without a line feed", HEADER.into(), "`target` has a header and no rows"),
        (
            "a missing column",
            b"sepal_length,petal_length,petal_width,species\n1,2,3,0\n".to_vec(),
            "`target` lacks the column `sepal_width`",
        ),
        (
            "columns in another spelling",
            b"Sepal_length,sepal_width,petal length,petal_width,species\n1,2,3,4,0\n".to_vec(),
            "`target` lacks the columns `sepal_length`, `petal_length`",
        ),
        (
            "no label",
            b"sepal_length,sepal_width,petal_length,petal_width\n1,2,3,4\n".to_vec(),
            "`target` lacks the column `species`",
        ),
        (
            "a column twice",
            b"sepal_length,sepal_width,petal_length,petal_width,petal_width,species\n1,2,3,4,4,0\n".to_vec(),
            "`target` has several columns `petal_width`",
        ),
        ("a row that is too short", with("1,2,3,4,0\n1,2,3,4\n"), "`target` line 3: 4 cells under a header of 5"),
        ("a row that is too long", with("1,2,3,4,0,\n"), "`target` line 2: 6 cells under a header of 5"),
        (
            "a quote that is never closed",
            with("1,2,3,4,0\n1,2,3,4,\"0\n1,2,3,4,0\n"),
            "`target` line 3: a quote is never closed",
        ),
        ("another encoding", [&with("1,2,3,4,0\n")[..], b"1,2,3,4,\xe4\n"].concat(), "`target` line 3: not UTF-8"),
        (
            "semicolons",
            HEADER.replace(',', ";").into_bytes(),
            "`target` lacks the columns `sepal_length`, `sepal_width`, `petal_length`, `petal_width`, `species`",
        ),
    ]);
}

#[test]
fn a_cell_that_does_not_fit_is_named_with_its_line_and_column() {
    let with = below_the_header;
    refused(&[
        (
            "no number",
            with("1,2,3,4,0\n1,2,three,4,0\n"),
            "`target` line 3: column `petal_length`: `three` is not a finite number",
        ),
        ("nan", with("nan,2,3,4,0\n"), "`target` line 2: column `sepal_length`: `nan` is not a finite number"),
        ("inf", with("1,inf,3,4,0\n"), "`target` line 2: column `sepal_width`: `inf` is not a finite number"),
        (
            "-Infinity",
            with("1,-Infinity,3,4,0\n"),
            "`target` line 2: column `sepal_width`: `-Infinity` is not a finite number",
        ),
        (
            "a number too large",
            with("1,2,3,1e999,0\n"),
            "`target` line 2: column `petal_width`: `1e999` is not a finite number",
        ),
        (
            "a decimal comma",
            with("\"1,5\",2,3,4,0\n"),
            "`target` line 2: column `sepal_length`: `1,5` is not a finite number",
        ),
        ("a blank cell", with("1, ,3,4,0\n"), "`target` line 2: column `sepal_width`: ` ` is not a finite number"),
        (
            "after a line feed in quotes",
            format!("note,{HEADER}\n\"a\nb\nc\",1,2,3,4,0\n\"d\n\",1,2,3,x,0\n").into_bytes(),
            "`target` line 6: column `petal_width`: `x` is not a finite number",
        ),
        (
            "after blank lines and carriage returns",
            format!("{HEADER}\r\n\r\n1,2,3,4,0\r\n\r\n1,2,3,x,0\r\n").into_bytes(),
            "`target` line 5: column `petal_width`: `x` is not a finite number",
        ),
        (
            "after a byte order mark",
            format!("\u{feff}{HEADER}\n1,2,3,x,0\n").into_bytes(),
            "`target` line 2: column `petal_width`: `x` is not a finite number",
        ),
        (
            "a label of another type than the predictions",
            with("5.9,3.0,5.1,1.8,virginica\n"),
            "`target` line 2: the label `species` is `virginica`, but the deployment answers `2`",
        ),
        (
            "a wrong cell far below, after batches were sent",
            target().into_bytes().into_iter().chain(*b"1,2,3,x,0\n").collect(),
            "`target` line 47: column `petal_width`: `x` is not a finite number",
        ),
    ]);
}

type Rewrite = fn(&str) -> String;

#[test]
fn a_data_set_may_be_written_in_many_ways() {
    let cases: [(&str, Rewrite); 8] = [
        ("as it is", str::to_owned),
        ("carriage returns", |text| text.replace('\n', "\r\n")),
        ("a byte order mark", |text| format!("\u{feff}{text}")),
        ("no line feed at the end", |text| text.trim_end().to_owned()),
        ("blank lines", |text| text.replace('\n', "\n\n")),
        ("every cell in quotes", |text| {
            text.lines().map(|line| ["\"", &line.replace(',', "\",\""), "\"\n"].concat()).collect()
        }),
        ("the columns in another order", |text| {
            text.lines().map(|line| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n").collect()
        }),
        ("labels with a decimal point", |text| {
            let (header, rows) = text.split_once('\n').unwrap();
            format!("{header}\n{}", rows.replace('\n', ".0\n"))
        }),
    ];

    each(
        &cases,
        |(name, _)| name,
        |(_, write)| {
            let bench = iris().file("target.csv", write(&target()));

            bench.run().succeeds();

            bench.predictions_are("iris");
            bench.metrics_are("iris");
            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_column_that_the_model_does_not_take_is_left_out_and_named_once() {
    let with_notes: String = target()
        .lines()
        .enumerate()
        .map(
            |(line, row)| {
                if line == 0 { format!("note,{row},seen at\n") } else { format!("\"a, \"\"b\"\"\nc\",{row},x\n") }
            },
        )
        .collect();
    let bench = iris().file("target.csv", with_notes);

    let ran = bench.run().succeeds();

    let told: Vec<_> = ran.stderr().lines().filter(|line| line.contains("note")).map(str::to_owned).collect();
    assert_eq!(told, ["score      not scored of `target`: `note`, `seen at`"]);
    bench.predictions_are("iris");
    bench.metrics_are("iris");
}

#[test]
fn an_empty_cell_is_sent_as_null() {
    let bench = iris().file("target.csv", format!("{HEADER}\n5.9,3.0,5.1,1.8,2\n5.4,,4.5,\"\",1\n"));

    // This model has no answer to a missing value, which is for the model's author to mend.
    bench.run().exits_with(3).fails_in(
        "score",
        "internal",
        "the deployment's answer to line 3 is not understood: the probability `null` is not a number",
    );

    assert_eq!(scored(&bench), [json!([[5.9, 3.0, 5.1, 1.8], [5.4, null, 4.5, null]])]);
    bench.leaves_nothing();
}

#[test]
fn a_row_without_a_label_is_scored_but_no_feedback() {
    let (header, rows) = target().split_once('\n').map(|(header, rows)| (header.to_owned(), rows.to_owned())).unwrap();
    let bench = iris().file("target.csv", format!("{header}\n{rows}5.9,3.0,5.1,1.8,\n"));

    bench.run().succeeds();

    let outputs = bench.outputs("score");
    assert_eq!((&outputs["rows"], &outputs["feedback_records"]), (&json!(46), &json!(45)));
    bench.metrics_are("iris");
}

#[test]
fn batches_end_at_their_rows() {
    let bench =
        iris().spec("data: target\n      scoring_path", "data: target\n      batch_rows: 20\n      scoring_path");

    bench.run().succeeds();

    let mut sizes: Vec<usize> = scored(&bench).iter().map(|rows| rows.as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 20, 20]);
    bench.predictions_are("iris");
}

/// The rows of every scoring request, a request each.
fn scored(bench: &Bench) -> Vec<Value> {
    let requests = bench.stub.requests();
    let scoring = requests.into_iter().filter(|request| request.path.ends_with("/predictions"));
    scoring.map(|request| request.body["input_data"][0]["values"].clone()).collect()
}

#[test]
fn training_data_is_read_in_the_same_way() {
    let cases: [(&str, &[u8], &str); 4] = [
        ("no file content", b"", "`training` is empty"),
        (
            "a missing column",
            b"sepal_length,sepal_width,petal_length,species\n1,2,3,0\n",
            "model `model.onnx` takes 4 columns, but the data has 3 beside the label",
        ),
        (
            "no number",
            b"sepal_length,sepal_width,petal_length,petal_width,species\n1,2,3,4,0\n1,2,?,4,0\n",
            "`training` line 3: column `petal_length`: `?` is not a finite number",
        ),
        (
            "a row that is too short",
            b"sepal_length,sepal_width,petal_length,petal_width,species\n1,2,3,4,0\n1,2,3\n",
            "`training` line 3: 3 cells under a header of 5",
        ),
    ];

    each(
        &cases,
        |(name, _, _)| name,
        |(_, content, message)| {
            let bench = iris().file("training.csv", content);

            bench.run().exits_with(3).fails_in("store", "invalid-input", message);

            assert_eq!(bench.requests(), [""; 0]);
        },
    );
}
