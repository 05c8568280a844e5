//! Every number of the page is that of the record.

use roxmltree::Node;
use serde_json::Value;

use crate::harness::Bench;

use super::page::{Page, all, number, rows, same, text};

/// Compares all of them; answers how many gates, metrics, charts and bars that were.
pub(crate) fn agree(bench: &Bench) -> [usize; 4] {
    let (page, record) = (Page::of(bench), bench.record());
    let document = page.document();
    let root = document.root();
    let steps = record["steps"].as_array().unwrap();
    agree_in_time(root, steps);
    agree_in_requests(root, steps);
    let charts = agree_in_charts(root, steps);
    [agree_in_gates(root, steps), agree_in_outputs(root, steps), charts.0, charts.1]
}

fn section<'a>(root: Node<'a, 'a>, class: &str) -> Option<Node<'a, 'a>> {
    all(root, "section", class).into_iter().next()
}

fn agree_in_time(root: Node<'_, '_>, steps: &[Value]) {
    let rows = rows(section(root, "steps").unwrap());
    assert_eq!(rows.len(), steps.len());
    for (row, step) in rows.iter().zip(steps) {
        assert_eq!(text(row[0]), step["id"].as_str().unwrap());
        assert_eq!(
            text(row[1]).replace(' ', "_"),
            step["outcome"].as_str().unwrap().replace("gate_missed", "missed_a_gate")
        );
        same(number(row[2]), step["duration_ms"].as_f64().unwrap() / 1000.0);
        same(number(row[3]), step["attempts"].as_f64().unwrap());
    }
}

fn agree_in_requests(root: Node<'_, '_>, steps: &[Value]) {
    let count = |service: &str, class: Option<&str>| -> f64 {
        let of = |step: &Value| match class {
            Some(class) => step["requests"][service][class].as_f64().unwrap_or(0.0),
            None => step["requests"][service].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_f64()).sum(),
        };
        steps.iter().map(of).sum()
    };
    let all_of_them: f64 = ["wml", "openscale"].iter().map(|service| count(service, None)).sum();
    let Some(section) = section(root, "requests") else {
        same(all_of_them, 0.0);
        return;
    };
    let header: Vec<String> =
        all(section, "th", "").iter().filter(|th| th.attribute("scope") == Some("col")).map(|th| text(*th)).collect();
    let mut sum = 0.0;
    for row in rows(section) {
        let service = text(row[0]);
        same(number(row[1]), count(&service, None));
        for (class, cell) in header[2..].iter().zip(&row[2..]) {
            same(number(*cell), count(&service, Some(class)));
            sum += number(*cell);
        }
    }
    same(sum, all_of_them);
}

/// Outputs that are drawn so, with the step's.
fn drawn<'a>(steps: &'a [Value], kind: &str) -> Vec<(&'a Value, &'a Value)> {
    let of = |step: &'a Value| {
        let charts = step["charts"].as_object().unwrap().iter();
        let names = charts.filter(|(_, chart)| chart["kind"] == kind).map(|(name, _)| name).collect::<Vec<_>>();
        names.into_iter().filter_map(move |name| Some((step, step["outputs"].get(name)?)))
    };
    steps.iter().flat_map(of).collect()
}

fn agree_in_gates(root: Node<'_, '_>, steps: &[Value]) -> usize {
    let mut gates: Vec<_> =
        drawn(steps, "gates").into_iter().flat_map(|(_, gates)| gates.as_array().unwrap()).collect();
    gates.sort_by_key(|gate| gate["passed"].as_bool());
    let rows = section(root, "gates").map(rows).unwrap_or_default();
    assert_eq!(rows.len(), gates.len());
    for (row, gate) in rows.iter().zip(&gates) {
        assert_eq!(
            (text(row[0]).as_str(), text(row[2]).as_str()),
            (gate["metric"].as_str().unwrap(), gate["wanted"].as_str().unwrap())
        );
        match gate["value"].as_f64() {
            Some(value) => same(number(row[1]), value),
            None => assert_eq!(text(row[1]), "-"),
        }
        assert_eq!(text(row[3]).starts_with("passed"), gate["passed"].as_bool().unwrap());
    }
    gates.len()
}

fn agree_in_outputs(root: Node<'_, '_>, steps: &[Value]) -> usize {
    let tables = section(root, "outputs");
    let find = |title: &str| {
        let tables = tables.iter().flat_map(|tables| all(*tables, "h3", ""));
        let heading = tables.into_iter().find(|heading| text(*heading) == title);
        rows(heading.unwrap_or_else(|| panic!("no table `{title}`")).parent().unwrap())
    };
    let mut numbers = 0;
    let mut agree = |cell: Node<'_, '_>, value: &Value| match value {
        Value::Number(wanted) => {
            same(number(cell), wanted.as_f64().unwrap());
            numbers += 1;
        }
        Value::String(wanted) => assert_eq!(text(cell), *wanted),
        Value::Bool(wanted) => assert_eq!(text(cell), if *wanted { "yes" } else { "no" }),
        Value::Null => assert_eq!(text(cell), "-"),
        other => panic!("{other} is not compared"),
    };
    for step in steps {
        let id = step["id"].as_str().unwrap();
        for name in step["report"].as_array().unwrap().iter().filter_map(Value::as_str) {
            match &step["outputs"][name] {
                _ if step["charts"].get(name).is_some() => {}
                Value::Object(members) if !members.is_empty() => {
                    let rows = find(&format!("{id}: {name}"));
                    assert_eq!(rows.len(), members.len());
                    for (row, (key, value)) in rows.iter().zip(members) {
                        assert_eq!(text(row[0]), *key);
                        agree(row[1], value);
                    }
                }
                Value::Array(items) if !items.is_empty() => {
                    let rows = find(&format!("{id}: {name}"));
                    assert_eq!(rows.len(), items.len());
                    for (row, item) in rows.iter().zip(items) {
                        row.iter()
                            .zip(item.as_object().unwrap().values())
                            .for_each(|(cell, value)| agree(*cell, value));
                    }
                }
                Value::Null | Value::Object(_) | Value::Array(_) => {}
                value => {
                    let rows = find(id);
                    agree(rows.iter().find(|row| text(row[0]) == name).unwrap()[1], value);
                }
            }
        }
    }
    numbers
}

/// How many charts, and how many of their shapes.
fn agree_in_charts(root: Node<'_, '_>, steps: &[Value]) -> (usize, usize) {
    let figures = all(root, "figure", "");
    let titled =
        |title: &str| figures.iter().filter(|figure| text(**figure).starts_with(title)).copied().collect::<Vec<_>>();
    let titles = |node: Node<'_, '_>| {
        all(node, "title", "").iter().map(|title| title.text().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let (mut charts, mut shapes) = (0, 0);

    let matrices = drawn(steps, "confusion-matrix");
    assert_eq!(titled("Confusion matrix").len(), matrices.len());
    for (figure, (_, matrix)) in titled("Confusion matrix").into_iter().zip(&matrices) {
        let titles = titles(figure);
        let labels = matrix["labels"].as_array().unwrap();
        for (actual, row) in labels.iter().zip(matrix["values"].as_array().unwrap()) {
            for (predicted, count) in labels.iter().zip(row.as_array().unwrap()) {
                let [actual, predicted] = [actual, predicted].map(|label| label.to_string().replace('"', ""));
                let title = format!("actual {actual}, predicted {predicted}: {}", count.as_f64().unwrap());
                assert!(titles.contains(&title), "no `{title}` in {titles:?}");
                shapes += 1;
            }
        }
        charts += 1;
    }

    // What does not have the form of a curve is a table.
    let curves: Vec<_> = drawn(steps, "roc").into_iter().filter(|(_, curve)| curve["points"].is_array()).collect();
    assert_eq!(titled("ROC curve").len(), curves.len());
    for (figure, (_, curve)) in titled("ROC curve").into_iter().zip(&curves) {
        let told: Vec<f64> =
            all(figure, "data", "").iter().map(|data| data.attribute("value").unwrap().parse().unwrap()).collect();
        let known = |value: &Value| value.as_f64().unwrap();
        assert_eq!(told, [known(&curve["area"]), known(&curve["chosen"][1]), known(&curve["chosen"][0])]);
        let frame = all(figure, "rect", "frame")[0];
        let [x, y, width, height] =
            ["x", "y", "width", "height"].map(|name| frame.attribute(name).unwrap().parse::<f64>().unwrap());
        let path = all(figure, "path", "curve")[0].attribute("d").unwrap().replace(['M', 'L'], "\n");
        let points: Vec<Vec<f64>> =
            path.lines().skip(1).map(|line| line.split(' ').map(|number| number.parse().unwrap()).collect()).collect();
        let wanted = curve["points"].as_array().unwrap();
        assert_eq!(points.len(), wanted.len());
        for (point, wanted) in points.iter().zip(wanted) {
            assert!(((point[0] - x) / width - known(&wanted[0])).abs() < 1e-4, "{point:?} is not {wanted}");
            assert!((1.0 - (point[1] - y) / height - known(&wanted[1])).abs() < 1e-4, "{point:?} is not {wanted}");
            shapes += 1;
        }
        charts += 1;
    }

    let distributions = drawn(steps, "score-distribution");
    assert_eq!(titled("Score distribution").len(), distributions.len());
    for (figure, (_, distribution)) in titled("Score distribution").into_iter().zip(&distributions) {
        let bars: Vec<String> = titles(figure)
            .iter()
            .filter_map(|title| Some(title.split_once(" to ")?.1.split_once(": ")?.1.to_owned()))
            .collect();
        let classes = distribution["classes"].as_array().unwrap();
        let counts = classes
            .iter()
            .flat_map(|class| class["counts"].as_array().unwrap())
            .filter_map(Value::as_u64)
            .filter(|count| *count > 0);
        let wanted: Vec<String> =
            counts.map(|count| if count == 1 { "1 row".into() } else { format!("{count} rows") }).collect();
        assert_eq!(bars, wanted);
        shapes += bars.len();
        charts += 1;
    }
    (charts, shapes)
}
