//! The subscription of the deployment, with the schemas and the roles of its columns.

use serde_json::{Value, json};
use step_sdk::ledger::Lookup;
use step_sdk::openscale::deployment::Deployment;
use step_sdk::openscale::{SERVICE, wait_for};
use step_sdk::{Deadline, Failure, FieldType, Host, Request, Resource, segment};

use crate::{Input, ProblemType};

pub(crate) fn create(
    host: &dyn Host,
    input: &Input,
    data_mart_id: &str,
    provider_id: &str,
    deployment: &Deployment,
    deadline: &Deadline,
) -> Result<String, Failure> {
    let path = input.instance_id.path("subscriptions");
    // Subscriptions have no tags, and the deployment may have one that somebody else made: the name tells them apart.
    let find = Lookup::list(&path, "/subscriptions")
        .query("deployment.deployment_id", &input.deployment_id)
        .matching("/entity/deployment/name", &format!("{} ({{tag}})", deployment.name));
    let resource = Resource::new(SERVICE, "subscription", &deployment.name, find)
        .removed_by(format!("{path}/{{id}}"))
        .remove_query("force", "true");
    let created = step_sdk::create(host, &resource, |tag| {
        let mut body = body(input, deployment, tag);
        body["data_mart_id"] = json!(data_mart_id);
        body["service_provider_id"] = json!(provider_id);
        Request::post(SERVICE, &path).json(&body)
    })?;
    let what = format!("subscription `{}`", deployment.name);
    wait_for(host, &what, deadline, &format!("{path}/{}", segment(&created.id)), &["active"])?;
    Ok(created.id)
}

fn body(input: &Input, deployment: &Deployment, tag: &str) -> Value {
    let asset = &deployment.asset;
    let endpoint = &deployment.scoring_endpoint;
    without_nulls(json!({
        "asset": without_nulls(json!({
            "asset_id": asset.asset_id, "name": asset.name, "url": asset.url, "asset_type": "model",
            "input_data_type": "structured", "problem_type": input.problem_type,
        })),
        "deployment": without_nulls(json!({
            "deployment_id": input.deployment_id, "name": format!("{} ({tag})", deployment.name),
            "deployment_type": "online", "url": endpoint.as_ref().map(|endpoint| &endpoint.url),
            "scoring_endpoint": endpoint.as_ref().map(|endpoint| json!({"url": endpoint.url})),
        })),
        "asset_properties": without_nulls(asset_properties(input)),
    }))
}

fn asset_properties(input: &Input) -> Value {
    let classes = input.problem_type != ProblemType::Regression;
    let names: Vec<_> = input.input_fields.iter().map(|field| &field.name).collect();
    let features: Vec<_> =
        input.input_fields.iter().map(|one| field(&one.name, &json!(one.r#type), "feature")).collect();
    let with = |more: Vec<Value>| {
        let fields = [features.clone(), more].concat();
        json!({"type": "struct", "fields": fields})
    };

    let label_type = input.label_type.unwrap_or(if classes { FieldType::Integer } else { FieldType::Double });
    let array = json!({"type": "array", "elementType": "double", "containsNull": true});
    let mut answers = vec![field(&input.prediction_field, &json!(label_type), "prediction")];
    if classes {
        answers.push(field(&input.probability_field, &array, "probability"));
    }
    json!({
        "label_column": input.label_column,
        "prediction_field": input.prediction_field,
        "probability_fields": classes.then_some([&input.probability_field]),
        "feature_fields": names,
        "categorical_fields": input.categorical_fields,
        "training_data_reference": input.training_data_reference,
        "input_data_schema": with(Vec::new()),
        "training_data_schema": with(vec![field(&input.label_column, &json!(label_type), "target")]),
        "output_data_schema": with(answers),
    })
}

fn field(name: &str, kind: &Value, role: &str) -> Value {
    json!({"name": name, "type": kind, "nullable": true, "metadata": {"modeling_role": role}})
}

fn without_nulls(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    object
}
