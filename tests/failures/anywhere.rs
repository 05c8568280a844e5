//! Every way to fail on every route that the sample calls: it is outlived, or ends in one clear error; nothing is made
//! twice, and nothing stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::{Fault, FaultKind, Nth};

use crate::harness::{Bench, document, without_ids};

/// Runs at once; each mostly waits.
const WORKERS: usize = 32;

/// How long connections are refused: less than a request's tries take together.
const AWAY: Duration = Duration::from_millis(400);

const HEADER: &str = "\
# What becomes of a run when a service fails

Each line is a route that the sample pipeline calls and the ways in which it was made to fail: once, on the first call, or for good.
*done* means that the run ended as if nothing had happened. Else a step fails with a category, the steps after it are skipped, and
`cleanup` runs. Where it runs into the same failure, it says what is left, and `stepwise cleanup --run ID` removes it once the service
is well again. Nothing was ever made twice, and in the end nothing was left.

A test makes this table and checks it: `tests/failures/anywhere.rs`.
";

/// A way to fail.
struct Way {
    name: &'static str,
    kind: FaultKind,
    nth: Nth,
    /// What the spec says instead, for what would take long.
    spec: &'static [(&'static str, &'static str)],
}

const ONCE: Nth = Nth::Nth(1);

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, body: None, headers: Vec::new() }
}

fn asks_to_wait() -> FaultKind {
    FaultKind::Status { code: 429, body: None, headers: vec![("Retry-After".to_owned(), "1".to_owned())] }
}

fn answers(text: &str) -> FaultKind {
    FaultKind::Body { status: 200, json: text.into() }
}

fn ways() -> Vec<Way> {
    let way = |name, kind, nth| Way { name, kind, nth, spec: &[] };
    let short = &[("timeout: 10m", "timeout: 5s"), ("\nsteps:\n", "\ndefaults: {timeout: 5s}\nsteps:\n")];
    let slow = |name, kind, nth| Way { spec: short, ..way(name, kind, nth) };
    // As much of it as can be had; what there is by default only takes longer.
    let small = &[("\nsteps:\n", "\ndefaults: {limits: {response: 1MiB}}\nsteps:\n")];
    let large = |name, kind, nth| Way { spec: small, ..way(name, kind, nth) };
    vec![
        way("400", status(400), Nth::Every),
        way("401 once", status(401), ONCE),
        way("401", status(401), Nth::Every),
        way("403", status(403), Nth::Every),
        way("404", status(404), Nth::Every),
        way("409", status(409), Nth::Every),
        way("413", status(413), Nth::Every),
        way("429 once", status(429), ONCE),
        way("429 once, with `Retry-After`", asks_to_wait(), ONCE),
        way("429", status(429), Nth::Every),
        way("500 once", status(500), ONCE),
        way("500", status(500), Nth::Every),
        way("502 once", status(502), ONCE),
        way("502", status(502), Nth::Every),
        way("503 once", status(503), ONCE),
        way("503", status(503), Nth::Every),
        way("refused for a moment", FaultKind::Refuse(AWAY), ONCE),
        way("reset before it acts, once", FaultKind::DropConnection, ONCE),
        way("reset before it acts", FaultKind::DropConnection, Nth::Every),
        way("reset after it has acted, once", FaultKind::DropAfter, ONCE),
        way("reset after it has acted", FaultKind::DropAfter, Nth::Every),
        way("cut in the body, once", FaultKind::Truncate, ONCE),
        way("cut in the body", FaultKind::Truncate, Nth::Every),
        way("not JSON", answers("{\"metadata\": "), Nth::Every),
        way("an HTML page", answers("<html><body>Please log in</body></html>"), Nth::Every),
        large("a body without end", FaultKind::Endless, Nth::Every),
        slow("silence", FaultKind::Stall, ONCE),
    ]
}

/// The routes that tell how far something is, and where in their answers the state stands.
const STATES: [(&str, &[&str]); 7] = [
    ("GET /ml/v4/deployments/*", &["entity", "status", "state"]),
    ("GET /openscale/*/v2/data_marts/*", &["entity", "status", "state"]),
    ("GET /openscale/*/v2/service_providers/*", &["entity", "status", "state"]),
    ("GET /openscale/*/v2/subscriptions/*", &["entity", "status", "state"]),
    ("GET /openscale/*/v2/monitor_instances/*", &["entity", "status", "state"]),
    ("GET /openscale/*/v2/monitor_instances/*/runs/*", &["entity", "status", "state"]),
    ("GET /openscale/*/v2/data_sets/*/requests/*", &["state"]),
];

/// A state that never changes, one that says that it failed, in either service's word, and one that nobody knows.
fn states(route: &str) -> Vec<Way> {
    let Some((_, at)) = STATES.iter().find(|(known, _)| *known == route) else { return Vec::new() };
    // Each step's first input, and how long it may wait.
    let spec = &[
        ("      model_id:", "      timeout_seconds: 2\n      model_id:"),
        ("      problem_type:", "      timeout_seconds: 2\n      problem_type:"),
        ("      scoring_path:", "      timeout_seconds: 2\n      scoring_path:"),
        ("      monitor_instance_id:", "      timeout_seconds: 2\n      monitor_instance_id:"),
    ];
    let waits = if route.starts_with("GET /ml/") { "initializing" } else { "preparing" };
    let named = [("a state that never comes", waits), ("state `failed`", "failed"), ("state `error`", "error")];
    let unknown = ("an unknown state", "dreaming");
    let way = |(name, state): (&'static str, &str)| {
        let patch = at.iter().rev().fold(json!(state), |inner, member| json!({ *member: inner }));
        Way { name, kind: FaultKind::Merge(patch), nth: Nth::Every, spec }
    };
    named.into_iter().chain([unknown]).map(way).collect()
}

/// The routes that the sample calls, in the order of their first calls.
fn routes() -> Vec<String> {
    let bench = Bench::sample();
    bench.run().succeeds();
    let mut routes = Vec::new();
    for request in bench.requests() {
        let route = without_ids(&request);
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}

/// Runs the sample with a failure. Answers what became of it; the error says what is wrong with that.
fn outcome(route: &str, way: &Way) -> Result<String, String> {
    let (method, path) = route.split_once(' ').unwrap();
    let bench = Bench::sample().fails(Fault::new(method, path, way.kind.clone()).on(way.nth));
    // The pauses between the tries are tested elsewhere.
    let bench = bench.spec("retry: {attempts: 3}", "retry: {attempts: 3, backoff: {first: 20ms}}");
    let bench = way.spec.iter().fold(bench, |bench, (from, to)| bench.spec(from, to));
    let output = bench.command(&["run", "pipeline.yaml", "--run", "r"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let wrong = |what: &str| Err(format!("{what}\n{stderr}"));

    if let Some((kind, count)) = bench.stub.made().into_iter().find(|(_, count)| *count > 1) {
        return wrong(&format!("{count} of kind {kind} were made"));
    }
    if stderr.contains("panicked at") {
        return wrong("a panic");
    }
    let outcome = match output.status.code() {
        Some(0) => {
            bench.metrics_are("tumour-screening");
            if bench.outputs("score")["feedback_records"] != 171 {
                return wrong("not all feedback arrived");
            }
            "done".to_owned()
        }
        Some(3) => failure(&bench)?,
        code => return wrong(&format!("exit code {code:?}")),
    };
    if bench.stub.leftovers().is_empty() {
        return Ok(outcome);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let is_kept = stdout.contains("cleanup: kept\n");
    if !is_kept && !stdout.ends_with("to remove it: stepwise cleanup pipeline.yaml --run r --runs .stepwise\n") {
        return wrong(&format!("left without a word: {:?}", bench.stub.leftovers()));
    }
    bench.stub.mend();
    let mended = bench.command(&["cleanup", "--run", "r"]).output().unwrap();
    if !mended.status.success() || !bench.stub.leftovers().is_empty() {
        return wrong(&format!(
            "still left: {:?}\n{}",
            bench.stub.leftovers(),
            String::from_utf8_lossy(&mended.stderr)
        ));
    }
    Ok(match outcome.as_str() {
        "done" => "done, and kept as in use".to_owned(),
        outcome if outcome.starts_with("`cleanup`") => outcome.to_owned(),
        outcome => format!("{outcome}, `cleanup` too"),
    })
}

/// The step that failed and its category: one clear error, and cleanup has run.
fn failure(bench: &Bench) -> Result<String, String> {
    let record = bench.record();
    let steps = record["steps"].as_array().unwrap();
    let Some(failed) = steps.iter().find(|step| step["outcome"] == "failed") else {
        return Err(format!("no step failed: {record:#}"));
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (category, message) = (text(&failed["failure"]["category"]), text(&failed["failure"]["message"]));
    if !["refused", "unavailable", "internal"].contains(&category.as_str()) || message.trim().is_empty() {
        return Err(format!("no clear error: {failed:#}"));
    }
    let after = steps.iter().skip_while(|step| step["id"] != failed["id"]).skip(1);
    let others: Vec<_> = after.filter(|step| step["id"] != "cleanup" && step["outcome"] != "skipped").collect();
    if !others.is_empty() || bench.step("cleanup")["attempts"] == 0 {
        return Err(format!("what followed is not right: {others:#?}"));
    }
    Ok(format!("`{}` fails as `{category}`", text(&failed["id"])))
}

/// The table: for each route its outcomes, and for each of these the ways that lead to it.
fn table(routes: &[String], outcomes: &BTreeMap<(usize, usize), (&'static str, String)>) -> String {
    let mut text = HEADER.to_owned();
    for (number, route) in routes.iter().enumerate() {
        let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
        for (_, (way, outcome)) in outcomes.range((number, 0)..(number + 1, 0)) {
            match lines.iter_mut().find(|(known, _)| known == outcome) {
                Some((_, ways)) => ways.push(way),
                None => lines.push((outcome, vec![way])),
            }
        }
        write!(text, "\n## `{route}`\n\n| outcome | ways |\n| --- | --- |\n").unwrap();
        for (outcome, ways) in lines {
            writeln!(text, "| {outcome} | {} |", ways.join("; ")).unwrap();
        }
    }
    text
}

#[test]
fn whatever_fails_the_run_outlives_it_or_says_what_it_was_and_leaves_nothing() {
    let routes = routes();
    let cases = routes.iter().enumerate().flat_map(|(number, route)| {
        ways().into_iter().chain(states(route)).enumerate().map(move |(way, what)| (number, way, what))
    });
    let cases: Vec<_> = cases.collect();
    let count = cases.len();
    let (cases, outcomes, wrong) = (Mutex::new(cases), Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((number, place, way)) = cases.lock().unwrap().pop() else { return };
                    match outcome(&routes[number], &way) {
                        Ok(outcome) => drop(outcomes.lock().unwrap().insert((number, place), (way.name, outcome))),
                        Err(what) => wrong.lock().unwrap().push(format!("{}, {}: {what}", routes[number], way.name)),
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    for (route, _) in STATES {
        assert!(routes.iter().any(|known| known == route), "the sample does not call `{route}`");
    }
    document("failures/outcomes.md", &table(&routes, &outcomes.into_inner().unwrap()));
}
