//! What the steps that call Watson Machine Learning share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::table_text::TableText;
use crate::wait::States;
use crate::{BatchRow, Failure, Host, Request, pages, segment};

/// The service's name in the spec.
pub const SERVICE: &str = "wml";

/// How an online deployment comes up. What is neither coming up nor ready is a failure, by the official clients too.
pub const DEPLOYMENT: States = States { done: &["ready"], failed: &["failed"], waiting: Some(&["initializing"]) };

/// Date of the WML API that is asked for
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = r"^\d{4}-\d{2}-\d{2}$"))]
pub struct ApiVersion(pub String);

impl Default for ApiVersion {
    fn default() -> Self {
        Self("2021-06-24".to_owned())
    }
}

impl ApiVersion {
    /// Adds the version to a request.
    pub fn of(&self, request: Request) -> Request {
        request.query("version", &self.0)
    }

    /// Adds version and space to a request.
    pub fn in_space(&self, space_id: &str, request: Request) -> Request {
        self.of(request).query("space_id", space_id)
    }
}

/// The body of `POST /ml/v4/deployments/*/predictions`.
pub fn scoring_body(features: &[String], rows: &[BatchRow]) -> Vec<u8> {
    let mut table = TableText::new(features);
    for row in rows {
        table.row(&row.features, &[]);
    }
    [&b"{\"input_data\":["[..], &table.end(), b"]}"].concat()
}

/// The space's id, given id or name.
pub fn space_id(host: &dyn Host, space: &str) -> Result<String, Failure> {
    if is_id(space) {
        Request::get(SERVICE, format!("/v2/spaces/{}", segment(space))).send(host)?.expect(&[200])?;
        return Ok(space.to_owned());
    }
    let request = Request::get(SERVICE, "/v2/spaces").query("limit", "200");
    let spaces = pages::list(host, &request, "/resources")?;
    let named: Vec<_> = spaces.iter().filter(|listed| listed["entity"]["name"] == space).collect();
    match named.as_slice() {
        [one] => match one["metadata"]["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(Failure::internal(format!("space `{space}` is listed without an id"))),
        },
        [] => Err(Failure::refused(format!("no space is called `{space}`"))
            .hint("check the name, and that the user is a member of the space")),
        _ => Err(Failure::refused(format!("{} spaces are called `{space}`", named.len())).hint("give the space's id")),
    }
}

/// The id of a software specification, given its name.
pub fn software_spec_id(host: &dyn Host, version: &ApiVersion, space_id: &str, name: &str) -> Result<String, Failure> {
    let request = Request::get(SERVICE, "/v2/software_specifications");
    let answer = version.in_space(space_id, request).query("name", name).send(host)?.expect(&[200])?;
    let found = answer.value()?;
    match found.pointer("/resources/0/metadata/asset_id").and_then(Value::as_str) {
        Some(id) => Ok(id.to_owned()),
        None => Err(Failure::refused(format!("there is no software specification `{name}`")).hint(
            "each release has its own: 3.5 `default_py3.7`, 4.8 `runtime-23.1-py3.10`, 5.1 `runtime-24.1-py3.11`",
        )),
    }
}

/// Ids are UUIDs; a name that looks like one is not to be expected.
fn is_id(space: &str) -> bool {
    let groups: Vec<_> = space.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && space.chars().all(|digit| digit == '-' || digit.is_ascii_hexdigit())
}
