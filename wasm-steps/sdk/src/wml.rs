//! What the steps that call Watson Machine Learning share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Request;
use crate::wait::States;

/// The service's name in the spec.
pub const SERVICE: &str = "wml";

/// How an online deployment comes up. What is neither coming up nor ready is a failure, by the official clients too.
pub const DEPLOYMENT: States = States {
    done: &["ready"],
    failed: &["failed"],
    waiting: Some(&["initializing"]),
};

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
