//! The sweep against a fake host.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use step_sdk::fake::Fake;
use step_sdk::host::timestamp;
use step_sdk::{Failure, FailureCategory, Host as _};

const SPACE: &str = "11111111-2222-4333-8444-555555555555";
const OPENSCALE: &str = "/openscale/00000000-0000-0000-0000-000000000000/v2";

fn tag(number: u32) -> String {
    format!("stepwise_1_a_lost_0f9a3c_{number}")
}

fn input(services: &[&str], more: &Value) -> String {
    let mut stale = json!({
        "tag_prefix": "stepwise_1_a_", "older_than_seconds": 0, "alive": [], "list_only": false, "services": services,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        stale[name] = value.clone();
    }
    json!({"space": SPACE, "stale": stale}).to_string()
}

fn run(host: &Fake, services: &[&str], more: &Value) -> Result<Value, Failure> {
    crate::run_json(host, &input(services, more)).map(|outputs| serde_json::from_str(&outputs).unwrap())
}

fn model(id: &str, created_at: &str, tags: &[String]) -> Value {
    json!({"metadata": {"id": id, "name": "churn", "created_at": created_at, "tags": tags}})
}

/// A host whose space has these models, and no deployments.
fn with_models(models: &[Value]) -> Fake {
    let host = Fake::new();
    host.always(&format!("GET /v2/spaces/{SPACE}"), |_| (200, json!({})));
    host.always("GET /ml/v4/deployments", |_| (200, json!({"resources": []})));
    host.answer("GET /ml/v4/models", 200, json!({ "resources": models }));
    host
}

fn outcomes(outputs: &Value) -> Vec<(&str, &str)> {
    let leftovers = outputs["leftovers"].as_array().unwrap().iter();
    leftovers.map(|one| (one["id"].as_str().unwrap(), one["outcome"].as_str().unwrap())).collect()
}

fn resource(id: &str, entity: Value) -> Value {
    let mut resource = json!({"metadata": {"id": id, "created_at": "2020-01-01T00:00:00.000Z"}});
    resource["entity"] = entity;
    resource
}

/// A host where a lost run has left one of each; what is removed is listed no more.
fn with_all() -> Fake {
    let host = Fake::new();
    host.always(&format!("GET /v2/spaces/{SPACE}"), |_| (200, json!({})));
    let subscription = json!({
        "deployment": {"deployment_id": "d", "name": format!("churn ({})", tag(5))}, "service_provider_id": "p",
    });
    let described = |number| json!({"description": format!("created by stepwise, {}", tag(number)), "name": "x"});
    let mut deployment = model("d", "2020-01-01T00:00:00.000Z", &[tag(2)]);
    deployment["entity"] = json!({"asset": {"id": "m"}});
    let monitor = json!({"target": {"target_type": "subscription", "target_id": "s"}});
    for (path, items, one, removed) in [
        (
            "/ml/v4/models".to_owned(),
            "resources",
            model("m", "2020-01-01T00:00:00.000Z", &[tag(1)]),
            "/v2/assets".to_owned(),
        ),
        ("/ml/v4/deployments".to_owned(), "resources", deployment, "/ml/v4/deployments".to_owned()),
        (
            format!("{OPENSCALE}/data_marts"),
            "data_marts",
            resource("i", described(3)),
            format!("{OPENSCALE}/data_marts"),
        ),
        (
            format!("{OPENSCALE}/service_providers"),
            "service_providers",
            resource("p", described(4)),
            format!("{OPENSCALE}/service_providers"),
        ),
        (
            format!("{OPENSCALE}/subscriptions"),
            "subscriptions",
            resource("s", subscription),
            format!("{OPENSCALE}/subscriptions"),
        ),
        (
            format!("{OPENSCALE}/monitor_instances"),
            "monitor_instances",
            resource("q", monitor),
            format!("{OPENSCALE}/monitor_instances"),
        ),
    ] {
        let id = one["metadata"]["id"].as_str().unwrap().to_owned();
        let is_there = std::rc::Rc::new(std::cell::Cell::new(true));
        let (listed, there) = (json!({ items: [one.clone()] }), is_there.clone());
        let none = json!({ items: [] });
        host.always(&format!("GET {path}"), move |_| (200, if there.get() { listed.clone() } else { none.clone() }));
        host.always(&format!("GET {path}/{id}"), move |_| (200, one.clone()));
        host.always(&format!("DELETE {removed}/{id}"), move |_| {
            is_there.set(false);
            (204, Value::Null)
        });
    }
    host
}

fn removals(host: &Fake) -> Vec<String> {
    host.routes().into_iter().filter(|route| route.starts_with("DELETE")).collect()
}

#[test]
fn what_hangs_on_another_is_removed_before_it() {
    let host = with_all();

    let outputs = run(&host, &["wml", "openscale"], &json!({})).unwrap();

    let ids = ["q", "s", "d", "m", "p", "i"];
    assert_eq!(outcomes(&outputs), ids.map(|id| (id, "removed")));
    assert_eq!(outputs["summary"], "6 found: 6 removed");
    let removed: Vec<_> = removals(&host).iter().map(|route| route.rsplit_once('/').unwrap().1.to_owned()).collect();
    assert_eq!(removed, ids);
    let asset = &host.requests_to("DELETE /v2/assets/m")[0];
    assert_eq!((asset.query("space_id"), asset.query("purge_on_delete")), (Some(SPACE), Some("true")));
}

#[test]
fn one_run_may_be_meant_alone() {
    let of = |run: &str, number| format!("stepwise_1_a_{run}_0f9a3c_{number}");
    let models = [
        model("m", "2020-01-01T00:00:00.000Z", &[of("lost", 1)]),
        model("n", "2020-01-01T00:00:00.000Z", &[of("lost_2", 1)]),
    ];
    let host = with_models(&models);

    let outputs = run(&host, &["wml"], &json!({"list_only": true, "run": "lost"})).unwrap();

    assert_eq!(outcomes(&outputs), [("m", "stale")]);
}

#[test]
fn a_list_removes_nothing_and_foresees_all() {
    let host = with_all();

    let outputs = run(&host, &["wml", "openscale"], &json!({"list_only": true})).unwrap();

    assert_eq!(outcomes(&outputs), ["q", "s", "d", "m", "p", "i"].map(|id| (id, "stale")));
    assert_eq!(removals(&host), [] as [String; 0]);
}

#[test]
fn only_services_of_the_pipeline_are_asked() {
    let host = with_models(&[]);
    assert_eq!(run(&host, &["wml"], &json!({})).unwrap(), json!({"summary": "nothing was found", "leftovers": []}));
    let host = Fake::new();
    for kind in ["data_marts", "service_providers", "subscriptions"] {
        host.answer(&format!("GET {OPENSCALE}/{kind}"), 200, json!({ kind: [] }));
    }
    run(&host, &["openscale"], &json!({})).unwrap();
    assert_eq!(host.requests().len(), 3);
}

#[test]
fn an_age_is_told_by_the_clock_of_the_service_if_it_has_one() {
    let host = with_models(&[]);
    let old = timestamp(host.now() - Duration::from_hours(2));
    for (date, outcome) in [(None, "stale"), (Some(httpdate(&host, 1)), "fresh")] {
        let host = Fake::new();
        host.always(&format!("GET /v2/spaces/{SPACE}"), |_| (200, json!({})));
        host.always("GET /ml/v4/deployments", |_| (200, json!({"resources": []})));
        let headers: Vec<_> = date.iter().map(|date| ("date", date.as_str())).collect();
        let list = json!({"resources": [model("m", &old, &[tag(1)])]});
        host.answer_with("GET /ml/v4/models", 200, &headers, list);

        let outputs = run(&host, &["wml"], &json!({"older_than_seconds": 7200, "list_only": true})).unwrap();

        assert_eq!(outcomes(&outputs), [("m", outcome)]);
    }
}

/// The time of so many hours ago as HTTP has it.
fn httpdate(host: &Fake, hours: u64) -> String {
    let time = host.now() - Duration::from_hours(hours);
    let text = timestamp(time);
    let (day, time_of_day) = text.split_once('T').unwrap();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months[day[5..7].parse::<usize>().unwrap() - 1];
    // Time began on a Thursday.
    let days = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).unwrap()];
    format!("{weekday}, {} {month} {} {} GMT", &day[8..10], &day[..4], &time_of_day[..8])
}

#[test]
fn runs_that_are_alive_fresh_or_of_unknown_age_are_left_alone_and_told() {
    let host = with_models(&[]);
    let (old, new) = (timestamp(host.now() - Duration::from_hours(50)), timestamp(host.now()));
    let tag = |run: &str, number: u32| format!("stepwise_1_a_{run}_0f9a3c_{number}");
    let host = with_models(&[
        model("1", &old, &[tag("fresh", 1)]),
        model("2", &new, &[tag("fresh", 2)]),
        model("3", &old, &[tag("alive", 1)]),
        json!({"metadata": {"id": "4", "name": "churn", "tags": [tag("undated", 1)]}}),
        model("5", &old, &["stepwise_3_a_b_r_0f9a3c_1".to_owned()]),
        model("6", &old, &[]),
    ]);

    let outputs = run(&host, &["wml"], &json!({"older_than_seconds": 3600, "alive": ["alive"]})).unwrap();

    assert_eq!(outcomes(&outputs), [("3", "alive"), ("1", "fresh"), ("2", "fresh"), ("4", "undated")]);
    assert_eq!(outputs["leftovers"][0]["age"], "2d");
    let summary = "4 found: 2 not old enough, 1 of a run that is under way, 1 of unknown age";
    assert_eq!(outputs["summary"], summary);
    assert_eq!(removals(&host), [] as [String; 0]);
}

#[test]
fn a_tag_that_is_gone_when_its_turn_comes_protects() {
    let host =
        with_models(&[model("m", "2020-01-01T00:00:00Z", &[tag(1)]), model("n", "2020-01-01T00:00:00Z", &[tag(2)])]);
    host.answer("GET /ml/v4/models/m", 200, model("m", "2020-01-01T00:00:00Z", &["ours now".to_owned()]));
    host.answer("GET /ml/v4/models/n", 404, json!({}));
    host.answer("GET /ml/v4/models", 200, json!({"resources": []}));

    let outputs = run(&host, &["wml"], &json!({})).unwrap();

    assert_eq!(outcomes(&outputs), [("m", "kept"), ("n", "already_gone")]);
    assert_eq!(outputs["leftovers"][0]["why"], "its tag is not there any more");
    assert_eq!(removals(&host), [] as [String; 0]);
}

#[test]
fn what_is_taken_up_between_look_and_removal_is_kept() {
    let host = Fake::new();
    for kind in ["data_marts", "subscriptions"] {
        host.always(&format!("GET {OPENSCALE}/{kind}"), move |_| (200, json!({ kind: [] })));
    }
    let described = json!({"description": format!("created by stepwise, {}", tag(1))});
    let (provider, one) = (resource("p", described.clone()), resource("p", described));
    host.always(&format!("GET {OPENSCALE}/service_providers"), move |_| {
        (200, json!({"service_providers": [provider]}))
    });
    host.always(&format!("GET {OPENSCALE}/service_providers/p"), move |_| (200, one.clone()));
    host.answer(
        &format!("DELETE {OPENSCALE}/service_providers/p"),
        409,
        json!({"errors": [{"message": "it is used"}]}),
    );

    let outputs = run(&host, &["openscale"], &json!({})).unwrap();

    assert_eq!(outcomes(&outputs), [("p", "kept")]);
    assert!(outputs["leftovers"][0]["why"].as_str().unwrap().ends_with("answered 409: it is used"));
}

#[test]
fn what_is_being_removed_already_is_not_found() {
    let host = Fake::new();
    let described = json!({"description": format!("created by stepwise, {}", tag(1)), "status": {"state": "deleting"}});
    host.answer(&format!("GET {OPENSCALE}/data_marts"), 200, json!({"data_marts": [resource("i", described)]}));
    for kind in ["service_providers", "subscriptions"] {
        host.answer(&format!("GET {OPENSCALE}/{kind}"), 200, json!({ kind: [] }));
    }
    assert_eq!(run(&host, &["openscale"], &json!({})).unwrap()["summary"], "nothing was found");
}

#[test]
fn what_stays_listed_is_not_called_removed() {
    let models = [model("m", "2020-01-01T00:00:00Z", &[tag(1)])];
    let host = with_models(&models);
    let listed = json!({ "resources": models });
    host.always("GET /ml/v4/models", move |_| (200, listed.clone()));
    host.always("GET /ml/v4/models/m", |_| (200, model("m", "2020-01-01T00:00:00Z", &[tag(1)])));
    host.answer("DELETE /v2/assets/m", 204, ());

    let failure = run(&host, &["wml"], &json!({})).unwrap_err();

    assert_eq!(failure.category, FailureCategory::Unavailable);
    let why = "removing each model took longer than 300 s: still listed";
    assert_eq!(failure.message, format!("not everything is removed: model `churn` of run `lost` ({why})"));
    let outputs: Value = serde_json::from_str(&failure.outputs.unwrap()).unwrap();
    assert_eq!((outcomes(&outputs), &outputs["summary"]), (vec![("m", "failed")], &json!("1 found: 1 not removed")));
}

#[test]
fn another_instance_of_openscale_is_asked_for_by_its_name() {
    let host = Fake::new();
    host.answer(&format!("GET {OPENSCALE}/data_marts"), 404, json!({}));
    let failure = run(&host, &["openscale"], &json!({})).unwrap_err();
    let hint = "if OpenScale's instance is not the default one of a cluster, name it as `instance_id`";
    assert_eq!(failure.hint.as_deref(), Some(hint));
}
