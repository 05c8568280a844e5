//! Models: stored, filled with content, listed, deleted.

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Outcome, Refusal, without_nulls};
use crate::call::{Call, patched};
use crate::moment;
use crate::site::Site;
use crate::world::World;

use super::specifications::{Reference, Specification};
use super::{page, spaces};

/// A stored model.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) request: Request,
    software: &'static Specification,
    pub(crate) created_at: String,
    modified_at: String,
    /// The archive, stored as it is: only a deployment opens it.
    pub(crate) content: Option<Bytes>,
    attachment_id: String,
    /// What IBM Cloud calls the model elsewhere.
    resource_key: String,
}

/// The body of a store request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) model_type: String,
    pub(crate) space_id: String,
    software_spec: Reference,
    description: Option<String>,
    tags: Option<Vec<String>>,
    custom: Option<Map<String, Value>>,
    pub(crate) label_column: Option<String>,
    pub(crate) schemas: Option<Schemas>,
    pub(crate) training_data_references: Option<Vec<DataReference>>,
    hyper_parameters: Option<Value>,
    domain: Option<String>,
    metrics: Option<Vec<Value>>,
    size: Option<Map<String, Value>>,
    transformed_label: Option<String>,
    pipeline: Option<Value>,
    model_definition: Option<Value>,
    hybrid_pipeline_software_specs: Option<Vec<Value>>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schemas {
    #[serde(default)]
    pub(crate) input: Vec<Schema>,
    #[serde(default)]
    output: Vec<Schema>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schema {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    shape: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// A type's name, or an object for arrays.
    #[serde(rename = "type")]
    pub(crate) kind: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    nullable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataReference {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    connection: Map<String, Value>,
    location: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<Schema>,
}

impl Model {
    fn present(&self, site: &Site, id: &str) -> Value {
        let request = &self.request;
        let is_cloud = site.options.dialect.is_cloud();
        let commit = is_cloud.then(|| json!({"committed_at": self.created_at}));
        let hybrid = request.hybrid_pipeline_software_specs.clone().or(is_cloud.then(Vec::new));
        json!({
            "metadata": without_nulls(json!({
                "id": id, "name": request.name, "description": request.description, "tags": request.tags,
                "created_at": self.created_at, "modified_at": self.modified_at, "owner": "1000330999",
                "space_id": request.space_id, "resource_key": is_cloud.then_some(&self.resource_key), "commit_info": commit,
            })),
            "entity": without_nulls(json!({
                "type": request.model_type,
                "software_spec": {"id": self.software.id, "name": self.software.name},
                "custom": request.custom, "label_column": request.label_column, "schemas": request.schemas,
                "training_data_references": request.training_data_references,
                "hyper_parameters": request.hyper_parameters, "domain": request.domain, "metrics": request.metrics,
                "size": request.size, "transformed_label": request.transformed_label, "pipeline": request.pipeline,
                "model_definition": request.model_definition,
                "hybrid_pipeline_software_specs": hybrid,
            })),
            "system": {"warnings": []},
        })
    }

    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.request.tags.iter().flatten().any(|own| own == tag)
    }

    /// The names of the input columns, if the model was stored with an input schema.
    pub(crate) fn input_fields(&self) -> Option<Vec<String>> {
        let schema = self.request.schemas.as_ref()?.input.first()?;
        Some(schema.fields.iter().map(|field| field.name.clone()).collect())
    }
}

/// `POST /ml/v4/models`; the space of the body counts, the query may repeat it.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let request: Request = call.json()?;
    if request.name.is_empty() {
        return Err(Refusal::schema("`name` is empty"));
    }
    let mut world = site.world();
    spaces::of_body(&world, call, &request.space_id)?;
    let software = request.software_spec.software(site.options.dialect, &request.model_type)?;
    let (id, now) = (Uuid::new_v4().to_string(), moment::now());
    let model = Model {
        request,
        software,
        created_at: now.clone(),
        modified_at: now,
        content: None,
        attachment_id: Uuid::new_v4().to_string(),
        resource_key: Uuid::new_v4().to_string(),
    };
    let body = model.present(site, &id);
    world.models.insert(id, model);
    Ok(Answer::created(&body))
}

/// `GET /ml/v4/models`, in pages. The filter `tag.value` is IBM's; that models have it is not proven by a capture.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "limit", "start", "tag.value"])?;
    let world = site.world();
    let space = spaces::of_query(&world, call)?;
    let tag = call.query("tag.value");
    let wanted = |model: &Model| model.request.space_id == space && tag.is_none_or(|tag| model.has_tag(tag));
    let models = world.models.iter().filter(|(_, model)| wanted(model));
    page::answer(call, models.map(|(id, model)| model.present(site, id)).collect(), &["space_id", "tag.value"], "")
}

/// `GET /ml/v4/models/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let world = site.world();
    Ok(Answer::ok(&find(&world, call)?.present(site, call.id())))
}

/// The model that the path names, in the space that the query names.
pub(crate) fn find<'world>(world: &'world World, call: &Call) -> Result<&'world Model, Refusal> {
    let space = spaces::of_query(world, call)?;
    let found = world.models.get(call.id()).filter(|model| model.request.space_id == space);
    found.ok_or_else(|| Refusal::unknown("model", call.id()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    name: String,
    description: Option<String>,
    tags: Option<Vec<String>>,
    custom: Option<Map<String, Value>>,
}

/// `PATCH /ml/v4/models/{id}` of what describes the model.
pub(crate) fn update(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let patch = call.patch("application/json")?;
    let mut world = site.world();
    let request = &find(&world, call)?.request;
    let described = without_nulls(json!({
        "name": request.name, "description": request.description, "tags": request.tags, "custom": request.custom,
    }));
    let described: Described = patched(described, &patch)?;
    let model = world.models.get_mut(call.id()).ok_or_else(|| Refusal::unknown("model", call.id()))?;
    model.request.name = described.name;
    model.request.description = described.description;
    model.request.tags = described.tags;
    model.request.custom = described.custom;
    model.modified_at = moment::now();
    Ok(Answer::ok(&model.present(site, call.id())))
}

/// `DELETE /ml/v4/models/{id}`.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let mut world = site.world();
    find(&world, call)?;
    remove(&mut world, call.id())
}

/// Removes a model, unless it is deployed: whether the service itself refuses that is not known, but a client that
/// leaves its deployments behind should notice.
pub(crate) fn remove(world: &mut World, id: &str) -> Outcome {
    if let Some((deployment, _)) = world.deployments.iter().find(|(_, deployment)| deployment.asset_id() == id) {
        return Err(Refusal::conflict(format!("model `{id}` has the deployment `{deployment}`")));
    }
    world.models.remove(id);
    Ok(Answer::no_content())
}

/// `PUT /ml/v4/models/{id}/content`: raw bytes of any content type; clients disagree about it (wml.md 7b).
pub(crate) fn upload(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "content_format", "name"])?;
    let format = call.required("content_format")?;
    if !["native", "coreML"].contains(&format) {
        return Err(Refusal::argument(format!(
            "query parameter `content_format` is `{format}`, not `native` or `coreML`"
        )));
    }
    let mut world = site.world();
    find(&world, call)?;
    if call.body.is_empty() {
        return Err(Refusal::entity("the content is empty"));
    }
    let model = world.models.get_mut(call.id()).ok_or_else(|| Refusal::unknown("model", call.id()))?;
    model.content = Some(call.body.clone());
    model.modified_at = moment::now();
    Ok(Answer::created(&json!({"attachment_id": model.attachment_id, "content_format": format, "persisted": true})))
}

/// `GET /ml/v4/models/{id}/content`.
pub(crate) fn attachments(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "content_format"])?;
    let world = site.world();
    let model = find(&world, call)?;
    let present = |content: &Bytes| json!({"attachment_id": model.attachment_id, "content_format": "native", "persisted": true, "size": content.len()});
    let attachments: Vec<Value> = model.content.iter().map(present).collect();
    Ok(Answer::ok(&json!({"total_count": attachments.len(), "attachments": attachments})))
}

/// `GET /ml/v4/models/{id}/content/{attachment}`.
pub(crate) fn attachment(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let world = site.world();
    let model = find(&world, call)?;
    let content = model.content.as_ref().filter(|_| call.param("attachment") == model.attachment_id);
    let content = content.ok_or_else(|| Refusal::unknown("attachment", call.param("attachment")))?;
    Ok(Answer::bytes(content.to_vec()))
}

/// `GET /ml/v4/models/{id}/download`.
pub(crate) fn download(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "content_format"])?;
    let world = site.world();
    let content =
        find(&world, call)?.content.as_ref().ok_or_else(|| Refusal::unknown("content of model", call.id()))?;
    Ok(Answer::bytes(content.to_vec()))
}
