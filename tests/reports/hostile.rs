//! A step may say what it likes: in a report it is a text.

use std::fs;
use std::path::Path;

use roxmltree::Document;
use serde_json::{Value, json};

use crate::custom::{rogue, spec};
use crate::harness::{Bench, ROOT};

use super::numbers::agree;
use super::page::{Page, all, rows, text};
use super::{file, headline};

const HOSTILE: &str =
    "</title><script>alert(1)</script> <img src=x onerror=\"alert(1)\"> ]]> & \u{1b}[31m \u{202e} | # *a*\n\n# b\n";

/// A component without any SDK that answers this, and whose outputs have this schema.
fn step(schema: &Value, answer: &Value) -> Vec<u8> {
    let escaped =
        |value: &Value| value.to_string().bytes().map(|byte| format!("\\{byte:02x}")).collect::<Vec<_>>().concat();
    let number =
        |number: usize| u32::try_from(number).unwrap().to_le_bytes().map(|byte| format!("\\{byte:02x}")).concat();
    let place = |at: usize, value: &Value| format!("{}{}", number(at), number(value.to_string().len()));
    let usual = r"\c0\00\00\00\11\00\00\00";
    let text = fs::read_to_string(Path::new(ROOT).join("tests/bare.wat")).unwrap();
    let outputs = format!("\"{usual}\" \"{}\"", place(8192, schema));
    let text = text.replace(&format!("\"{usual}\" \"{usual}\""), &outputs);
    let text = text.replace(r#""\b0\00\00\00\07\00\00\00""#, &format!("\"{}\"", place(32768, answer)));
    let data =
        format!("(data (i32.const 8192) \"{}\") (data (i32.const 32768) \"{}\")", escaped(schema), escaped(answer));
    let run = format!("{data} (func (export \"run\") (param i32 i32) (result i32) (i32.const 160))");
    wat::parse_str(text.replace(";; RUN", &run)).unwrap()
}

/// A run of such a component.
fn of(schema: &Value, answer: &Value) -> Bench {
    let steps = "  - module: step.wasm\n    id: own\n    inputs: {}\n";
    Bench::new().file("step.wasm", step(schema, answer)).file("pipeline.yaml", spec(steps))
}

fn charts(text: &str) -> (Value, Value) {
    let schema = json!({"type": "object", "properties": {
        "checks": {"type": "array", "x-report": true, "x-chart": "gates", "description": text},
        "matrix": {"type": "object", "x-chart": "confusion-matrix"},
        "curve": {"type": "object", "x-chart": "roc", "description": text},
        "scores": {"type": "object", "x-chart": "score-distribution"},
        "odd": {"type": "object", "x-chart": "roc"},
        "more": {"type": "object", "x-report": true},
    }});
    let answer = json!({
        "checks": [
            {"metric": text, "at_least": 0.5, "wanted": "at least 0.5", "value": 0.75, "passed": true},
            {"metric": "b", "at_most": 10, "wanted": "at most 10", "value": null, "passed": false, "reason": text},
        ],
        "matrix": {"labels": [text, "b"], "values": [[3, 1], [0, 6]]},
        "curve": {"positive": text, "points": [[0, 0], [0.25, 0.75], [1, 1]], "chosen": [0.25, 0.75], "area": 0.75},
        "scores": {"score": text, "from": -2, "to": 2, "classes": [{"label": text, "counts": [1, 0, 5]}]},
        "odd": {"points": text},
        "more": {text: text},
    });
    (schema, answer)
}

/// Nothing in the page but what maud's templates have.
fn is_harmless(bench: &Bench) {
    let page = Page::of(bench);
    let document = page.document();
    let allowed = "body header p strong span h1 ul li main dl div dt dd section h2 h3 h4 table thead tbody tr th td data figure \
                   figcaption small code a footer svg rect line path circle text title";
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(allowed.split_whitespace().any(|name| name == node.tag_name().name()), "<{}>", node.tag_name().name());
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on") && attribute.name() != "style", "{}", attribute.name());
            if ["href", "src"].contains(&attribute.name()) {
                assert!(["run.json", "summary.md"].contains(&attribute.value()), "{}", attribute.value());
            }
        }
    }
    for name in ["report.html", "summary.md", "junit.xml"] {
        // In Markdown a backslash makes it a letter.
        let text = file(bench, name).replace("\\<", "");
        assert!(!text.contains("<script") && !text.contains("<img") && !text.contains("<style"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
    let css = file(bench, "report.css");
    assert!(!css.contains("url(") && !css.contains("@import"));
    let junit = file(bench, "junit.xml");
    Document::parse(&junit).unwrap();
}

#[test]
fn the_page_has_no_script_no_style_and_nothing_from_elsewhere() {
    let bench = Bench::sample();

    bench.run().succeeds();

    is_harmless(&bench);
}

#[test]
fn a_step_of_ones_own_has_its_outputs_drawn_as_any_other() {
    let (schema, answer) = charts("a");
    let bench = of(&schema, &answer);

    bench.run().succeeds();

    assert_eq!(agree(&bench)[0], 2);
    let page = Page::of(&bench);
    let document = page.document();
    let titles: Vec<_> = all(document.root(), "h2", "").into_iter().map(text).collect();
    let charts = ["Confusion matrixown: matrix", "ROC curveown: curve", "Score distributionown: scores"];
    assert_eq!(titles, [&["Gates"], &charts[..], &["Steps", "What the steps report"]].concat());
    // What does not have its form is a table.
    let outputs = all(document.root(), "section", "outputs")[0];
    assert_eq!(all(outputs, "h3", "").into_iter().map(text).collect::<Vec<_>>(), ["own: more", "own: odd"]);
    assert_eq!(headline(&bench), "custom: succeeded, 1 of 2 gates missed");
}

#[test]
fn a_matrix_of_many_classes_has_the_whole_width_and_both_ends_of_their_names() {
    let schema = json!({"type": "object", "properties": {"matrix": {"type": "object", "x-chart": "confusion-matrix"}}});
    for (classes, class) in [(6, None), (7, Some("broad"))] {
        let labels: Vec<_> = (0..classes).map(|n| format!("a-very-long-name-of-class-{n}")).collect();
        let answer = json!({"matrix": {"labels": labels, "values": vec![vec![1; classes]; classes]}});
        let bench = of(&schema, &answer);

        bench.run().succeeds();

        let page = Page::of(&bench);
        let document = page.document();
        let figure = all(document.root(), "figure", "")[0];
        assert_eq!(figure.attribute("class"), class);
        assert!(text(figure).contains("a-very-l…class-0"), "{}", text(figure));
    }
}

#[test]
fn what_a_step_answers_is_only_a_text() {
    let (schema, answer) = charts(HOSTILE);
    let bench = of(&schema, &answer);

    bench.run().succeeds();

    is_harmless(&bench);
    let page = Page::of(&bench);
    let document = page.document();
    let gates = rows(all(document.root(), "section", "gates")[0]);
    // The other gate was missed, and so is the first.
    assert_eq!(text(gates[1][0]), HOSTILE.replace(['\u{1b}', '\u{202e}'], "\u{fffd}"));
}

#[test]
fn what_a_step_says_as_it_fails_is_only_a_text() {
    let text = json!(HOSTILE).to_string();
    for times in [1, 2000] {
        let bench = rogue(&format!("{{do: fail, text: {text}, times: {times}}}"), "");

        bench.run().exits_with(4);

        is_harmless(&bench);
        let headline = headline(&bench);
        assert!(headline.starts_with("custom: missed a gate: step `rogue`: </title><script>"), "{headline}");
        assert!(headline.chars().count() < 400, "{headline}");
    }
}
