//! `run.json` for other programs: its schema, and the requests that it counts.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use stepwise_stub::{Fault, FaultKind};

use crate::custom::rogue;
use crate::harness::{Bench, status};

use super::of_model;

/// Every member that a schema does not have.
fn unknown(schema: &Value, root: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let alternative = alternatives.iter().find(|alternative| alternative["type"] != "null").unwrap();
        return unknown(alternative, root, value, at, found);
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        let known = [&schema["properties"][key], &schema["additionalProperties"]];
        match known.into_iter().find(|known| !known.is_null()) {
            Some(known) => unknown(known, root, member, &format!("{at}/{key}"), found),
            // Any value at all.
            None if schema["properties"].is_null() => {}
            None => found.push(format!("{at}/{key}")),
        }
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        unknown(&schema["items"], root, item, &format!("{at}/{n}"), found);
    }
}

/// The schema as the program prints it, and whether a record is what it says.
fn published(bench: &Bench) -> (Value, impl Fn(&Value) -> Result<(), String>) {
    let printed = bench.stepwise(&["schema", "--of", "run"]).succeeds().stdout();
    let schema: Value = serde_json::from_str(&printed).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("mem:///run.json", schema.clone()).unwrap();
    let compiled = compiler.compile("mem:///run.json", &mut schemas).unwrap();
    (schema, move |record| schemas.validate(record, compiled).map_err(|error| error.to_string()))
}

fn is_as_published(bench: &Bench) {
    let (schema, check) = published(bench);
    let record = bench.record();

    assert_eq!(check(&record), Ok(()));
    let mut found = Vec::new();
    unknown(&schema, &schema, &record, "", &mut found);
    assert_eq!(found, [""; 0]);
    let described = schema["properties"].as_object().unwrap().values().all(|member| member["description"].is_string());
    assert!(described, "{schema:#}");
}

#[test]
fn the_record_is_what_its_schema_says() {
    let sample = Bench::sample();
    sample.run().succeeds();
    is_as_published(&sample);

    let missed = of_model("iris").spec("gates: *gates", "gates: {accuracy: {at_least: 0.99}}");
    missed.run().exits_with(4);
    is_as_published(&missed);

    let failed = rogue("{do: fail, text: no}", "    id: rogue\n");
    failed.stepwise(&["run", "pipeline.yaml", "--run", "r", "--set", "steps.rogue.timeout=1m"]).exits_with(4);
    is_as_published(&failed);
}

#[test]
fn a_record_with_another_outcome_is_not_what_its_schema_says() {
    let bench = Bench::sample();
    bench.run().succeeds();
    let mut record = bench.record();
    record["outcome"] = json!("so so");

    assert!(published(&bench).1(&record).is_err());
}

#[test]
fn every_request_is_counted_by_service_and_status() {
    let bench = Bench::sample()
        .fails(status("POST", "/ml/v4/deployments/*/predictions", 503))
        .fails(status("GET", "/openscale/*/v2/monitor_instances/*/measurements", 503))
        .fails(Fault::new("GET", "/v2/software_specifications", FaultKind::DropConnection));

    bench.run().succeeds();

    let mut sent = BTreeMap::<String, u64>::new();
    for request in bench.stub.requests() {
        *sent.entry(request.status.map_or("unanswered".into(), |status| format!("{}xx", status / 100))).or_default() +=
            1;
    }
    let record = bench.record();
    let steps = record["steps"].as_array().unwrap().iter();
    let services = steps.flat_map(|step| step["requests"].as_object().unwrap().values());
    let mut counted = BTreeMap::<String, u64>::new();
    for (class, count) in services.flat_map(|classes| classes.as_object().unwrap()) {
        *counted.entry(class.clone()).or_default() += count.as_u64().unwrap();
    }
    assert_eq!(counted, sent);
    assert_eq!(counted["5xx"], 2);
    assert_eq!(bench.step("score")["requests"]["wml"]["5xx"], 1);
    assert_eq!(bench.step("store")["requests"]["wml"]["unanswered"], 1);
}

#[test]
fn the_curve_and_the_distribution_are_those_of_the_predictions() {
    let bench = Bench::sample();
    bench.run().succeeds();
    let column = |file: &str, column: usize| -> Vec<f64> {
        let text = fs::read_to_string(bench.folder.path().join(file)).unwrap();
        let cells = text.lines().skip(1).map(|line| line.split(',').nth(column).unwrap().parse().unwrap());
        cells.collect()
    };
    let labels = column("data/target.csv", 30);
    let scores = column(".stepwise/r/artifacts/score/predictions.csv", 3);
    let of = |label: f64| {
        labels.iter().zip(&scores).filter(move |(known, _)| (**known - label).abs() < 0.5).map(|(_, score)| *score)
    };

    // The area is how often a positive row has a higher score than a negative one.
    let pairs = of(1.0).flat_map(|positive| of(0.0).map(move |negative| positive.partial_cmp(&negative).unwrap()));
    let (wins, all) = pairs.fold((0.0, 0.0), |(wins, all), order| (wins + f64::from(order as i8 + 1) / 2.0, all + 1.0));
    let outputs = bench.outputs("score");
    let area = outputs["roc_curve"]["area"].as_f64().unwrap();
    assert!((area - wins / all).abs() < 1e-3, "{area} is not {}", wins / all);
    for (class, label) in [(0, 0.0), (1, 1.0)] {
        let mut counts = [0; 20];
        of(label).for_each(|score| counts[(1..20u8).filter(|bar| score * 20.0 >= f64::from(*bar)).count()] += 1);
        assert_eq!(outputs["score_distribution"]["classes"][class]["counts"], json!(counts));
    }
    // What the monitor says of the one point that the predicted labels make.
    let chosen = &outputs["roc_curve"]["chosen"];
    let monitors = bench.outputs("evaluate")["metrics"]["area_under_roc"].as_f64().unwrap();
    let own = f64::midpoint(1.0 - chosen[0].as_f64().unwrap(), chosen[1].as_f64().unwrap());
    assert!((own - monitors).abs() < 1e-9, "{own} is not {monitors}");
}
