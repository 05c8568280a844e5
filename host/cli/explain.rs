//! `stepwise plan --explain`: for each value of a plan, where it comes from.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;

use crate::engine::RULES;
use crate::plan::{Plan, PlannedStep, Retry};
use crate::spec::{Layer, Spec, Way};

/// One value.
struct Explained {
    path: String,
    value: String,
    from: String,
}

/// Writes each value with its layer, in the order of the spec.
pub(super) fn explain(spec: &Spec, plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let mut all = Vec::new();
    let root = Way::root();
    for (key, value) in spec.value().as_object().into_iter().flatten() {
        match value {
            Value::Object(params) if key == "params" => {
                for (name, param) in params {
                    let way = root.to(key).to(name).to("default");
                    leaves(
                        spec,
                        &way,
                        format!("params.{name}"),
                        param.get("default").unwrap_or(&Value::Null),
                        &mut all,
                    );
                }
            }
            Value::Array(_) if key == "steps" => {}
            _ => leaves(spec, &root.to(key), key.clone(), value, &mut all),
        }
    }
    let written = spec.value().get("steps").and_then(Value::as_array).into_iter().flatten();
    for (n, (value, step)) in written.zip(plan.all_steps()).enumerate() {
        let path = format!("steps.{}", step.id);
        let value = said(value);
        leaves(spec, &root.to("steps").to(n), path.clone(), &value, &mut all);
        built_in(step, &value, &path, &mut all);
    }
    let widths = [width(&all, |one| &one.path), width(&all, |one| &one.value)];
    for Explained { path, value, from } in &all {
        writeln!(out, "{path:0$}  {value:1$}  {from}", widths[0], widths[1])?;
    }
    Ok(())
}

fn leaves(spec: &Spec, way: &Way, path: String, value: &Value, all: &mut Vec<Explained>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, member) in members {
                leaves(spec, &way.to(key), format!("{path}.{key}"), member, all);
            }
        }
        _ => {
            let (layer, place) = spec.origin(way);
            let from = match (&layer, place) {
                (Layer::Set(_), _) | (_, None) => layer.to_string(),
                (_, Some(place)) => format!("{layer}, line {}", place.line),
            };
            all.push(Explained { path, value: value.to_string(), from });
        }
    }
}

/// A step without what is `null`: that says nothing, but in its inputs.
fn said(value: &Value) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let said = members.iter().filter(|(_, member)| !member.is_null()).map(|(key, member)| {
        let member = if key == "inputs" { member.clone() } else { said(member) };
        (key.clone(), member)
    });
    Value::Object(said.collect())
}

/// A time as the spec would say it.
fn time(time: Duration) -> Value {
    let text =
        if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) };
    text.into()
}

/// What the spec leaves to the host, and to the step itself.
fn built_in(step: &PlannedStep, written: &Value, path: &str, all: &mut Vec<Explained>) {
    let mut add = |key: &str, value: Value, from: &str| {
        if written.pointer(&format!("/{}", key.replace('.', "/"))).is_none() {
            all.push(Explained { path: format!("{path}.{key}"), value: value.to_string(), from: from.to_owned() });
        }
    };
    for (name, property) in step.component.info.inputs.properties() {
        if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
            add(&format!("inputs.{name}"), default.clone(), "the step's default");
        }
    }
    let Retry { attempts, on, backoff } = &step.retry;
    let on: Value = on.iter().map(|category| category.name()).collect();
    for (key, value) in [
        ("when", step.when.name().into()),
        // There is one thing to go on after, and without it none.
        ("continue_on", Value::Null),
        ("timeout", time(step.limits.time)),
        ("retry.attempts", (*attempts).into()),
        ("retry.on", on),
        ("retry.backoff.first", time(backoff.first)),
        ("retry.backoff.factor", backoff.factor.into()),
        ("retry.backoff.longest", time(backoff.longest)),
        ("retry.backoff.jitter", backoff.jitter.into()),
    ] {
        add(key, value, "built in");
    }
    for rule in &RULES {
        let most = step.limits.most(rule.limit);
        let value = if rule.most.is_some() { most.into() } else { rule.text(most).into() };
        add(&format!("limits.{}", rule.key), value, "built in");
    }
}

fn width(all: &[Explained], text: impl Fn(&Explained) -> &String) -> usize {
    all.iter().map(|one| text(one).chars().count()).max().unwrap_or(0).min(60)
}
