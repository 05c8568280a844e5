//! Checks the committed model against its training data and stores it in the WML repository. An ONNX model is loaded, of any
//! other kind no more is read than what its archive holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use step_sdk::ledger::Lookup;
use step_sdk::wml::{self, ApiVersion, SERVICE};
use step_sdk::{
    DataSet, Failure, Field, Host, Level, ModelFile, Need, Needs, Request, Resource, Table, create, segment,
};

mod columns;
mod content;
mod entries;
#[cfg(test)]
mod tests;

use columns::Columns;
use content::Content;

step_sdk::step! {
    summary: "checks the model and stores it in the WML repository",
    needs: Needs {
        services: &[
            Need::new(SERVICE, "GET", "/v2/spaces", "finds the space by name"),
            Need::new(SERVICE, "GET", "/v2/spaces/*", "finds the space by id"),
            Need::new(SERVICE, "GET", "/v2/software_specifications", "finds the software specification by name"),
            Need::new(SERVICE, "POST", "/ml/v4/models", "stores the model"),
            Need::new(SERVICE, "PUT", "/ml/v4/models/*/content", "uploads the model file"),
            Need::new(SERVICE, "GET", "/ml/v4/models/*", "reads the stored model back"),
            Need::new(SERVICE, "GET", "/ml/v4/models", "finds the model after a lost answer"),
            Need::new(SERVICE, "DELETE", "/v2/assets/*", "lets cleanup remove the model"),
        ],
        scoring: true,
        ..Needs::NONE
    },
    run: run,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The model's name in the repository
    name: String,
    /// What the model is for
    description: Option<String>,
    /// Tags beside the run's own
    #[serde(default)]
    tags: Vec<String>,
    /// The model's file: ONNX, or in the form that its `type` has: a PMML file, or an archive, for example with a pickle
    model: ModelFile,
    /// WML's model type, for example `onnxruntime_1.17` or `scikit-learn_1.3`
    r#type: String,
    /// Name of the software specification that serves the type
    software_spec: String,
    /// Id or name of the deployment space
    space: String,
    /// The data that the model was trained on; its columns are the model's inputs and the label. Only ONNX does without
    training_data: Option<DataSet>,
    /// The column of the training data that the model predicts
    label_column: Option<String>,
    /// Where WML finds the training data, in WML's own form; passed on as it is
    training_data_reference: Option<Map<String, Value>>,
    #[serde(default)]
    api_version: ApiVersion,
}

#[derive(Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the names are the contract between the steps")]
struct Output {
    /// The stored model's id
    #[schemars(extend("x-report" = true))]
    model_id: String,
    /// Path of the stored model
    model_href: String,
    /// SHA-256 of the model file
    #[schemars(extend("x-report" = true))]
    model_sha256: String,
    /// Id of the space
    space_id: String,
    /// The columns that the model takes, in its order
    input_fields: Vec<Field>,
    /// What the model answers; empty if only its deployment can tell
    output_fields: Vec<Field>,
    /// The column that the model predicts
    #[serde(skip_serializing_if = "Option::is_none")]
    label_column: Option<String>,
}

fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    // Everything that is wrong with the commit itself comes out before anything is sent.
    let content = Content::read(host, &input.model, &input.r#type)?;
    let training = input.training_data.as_ref();
    let training = training.map(|data| Table::open(data.open(host)?, &data.0)).transpose()?;
    let (file, label) = (&input.model.0, input.label_column.as_deref());
    let columns = if let Some(model) = &content.model {
        Columns::check(file, model.as_ref(), training, label)?
    } else {
        host.log(Level::Info, &format!("`{file}` goes up as it is: only an ONNX file can be checked here"));
        Columns::of_data(file, training, label)?
    };

    let space_id = wml::space_id(host, &input.space)?;
    let software_spec = wml::software_spec_id(host, &input.api_version, &space_id, &input.software_spec)?;
    let scoped = |request| input.api_version.in_space(&space_id, request);

    let resource = resource(&input, &space_id).made_of(&content.sha256);
    let created = create(host, &resource, |tag| {
        let body = body(&input, &space_id, &software_spec, &columns, tag);
        scoped(Request::post(SERVICE, "/ml/v4/models")).json(&body)
    })?;

    let href = format!("/ml/v4/models/{}", segment(&created.id));
    let upload = scoped(Request::put(SERVICE, format!("{href}/content"))).query("content_format", "native");
    upload.body(content.media_type, content.bytes).send(host)?.expect(&[200, 201])?;

    let stored = scoped(Request::get(SERVICE, &href)).send(host)?.expect(&[200])?.value()?;
    check_stored(&stored, &input, &software_spec, &columns)?;
    Ok(Output {
        model_id: created.id,
        model_href: href,
        model_sha256: content.sha256,
        space_id,
        input_fields: columns.inputs,
        output_fields: columns.outputs,
        label_column: input.label_column,
    })
}

fn resource(input: &Input, space_id: &str) -> Resource {
    let ApiVersion(version) = &input.api_version;
    let find = Lookup::list("/ml/v4/models", "/resources")
        .query("version", version)
        .query("space_id", space_id)
        .query("limit", "200")
        .matching("/metadata/tags", "{tag}");
    Resource::new(SERVICE, "model", &input.name, find)
        .removed_by("/v2/assets/{id}")
        .remove_query("version", version)
        .remove_query("space_id", space_id)
        .remove_query("purge_on_delete", "true")
}

/// The body of the store request. What is not given is left out: the service refuses nulls.
fn body(input: &Input, space_id: &str, software_spec: &str, columns: &Columns, tag: &str) -> Value {
    let tags: Vec<_> = input.tags.iter().map(String::as_str).chain([tag]).collect();
    let mut body = json!({
        "name": input.name,
        "type": input.r#type,
        "space_id": space_id,
        "software_spec": {"id": software_spec},
        "tags": tags,
        "schemas": {"input": [schema(&json!(columns.inputs))], "output": []},
    });
    if !columns.outputs.is_empty() {
        body["schemas"]["output"] = json!([schema(&json!(columns.outputs))]);
    }
    if let Some(description) = &input.description {
        body["description"] = json!(description);
    }
    if let Some(label) = &input.label_column {
        body["label_column"] = json!(label);
    }
    if let Some(reference) = &input.training_data_reference {
        let mut reference = reference.clone();
        if let Some(fields) = columns.training_fields() {
            reference.entry("schema").or_insert_with(|| schema(&fields));
        }
        body["training_data_references"] = json!([reference]);
    }
    body
}

fn schema(fields: &Value) -> Value {
    json!({"id": "1", "type": "struct", "fields": fields})
}

/// What was read back must be what was sent.
fn check_stored(stored: &Value, input: &Input, software_spec: &str, columns: &Columns) -> Result<(), Failure> {
    let names: Vec<_> = columns.inputs.iter().map(|field| field.name.as_str()).collect();
    let fields = stored.pointer("/entity/schemas/input/0/fields").and_then(Value::as_array);
    let stored_names: Vec<_> = fields.into_iter().flatten().map(|field| &field["name"]).collect();
    for (what, sent, stored) in [
        ("name", json!(input.name), &stored["metadata"]["name"]),
        ("type", json!(input.r#type), &stored["entity"]["type"]),
        ("software specification", json!(software_spec), &stored["entity"]["software_spec"]["id"]),
        ("label column", json!(input.label_column), &stored["entity"]["label_column"]),
        ("input fields", json!(names), &json!(stored_names)),
    ] {
        if sent != *stored {
            let text = format!("model `{}` was stored with the {what} `{stored}` instead of `{sent}`", input.name);
            return Err(Failure::internal(text));
        }
    }
    Ok(())
}
