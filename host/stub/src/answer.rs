//! `Answer` and `Refusal`: what a handler gives back, and the documented error body.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

/// What every handler gives back.
pub(crate) type Outcome = Result<Answer, Refusal>;

/// A success.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    location: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, content_type: "application/json", location: None, body: body.to_string().into_bytes() }
    }

    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) fn created(body: &Value) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    pub(crate) fn accepted(body: &Value) -> Self {
        Self::json(StatusCode::ACCEPTED, body)
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, content_type: "", location: None, body: Vec::new() }
    }

    pub(crate) fn bytes(body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, content_type: "application/octet-stream", location: None, body }
    }

    pub(crate) fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.status);
        if !self.content_type.is_empty() {
            response = response.header(header::CONTENT_TYPE, self.content_type);
        }
        if let Some(location) = self.location {
            response = response.header(header::LOCATION, location);
        }
        response.body(Body::from(self.body)).expect("status and headers are fixed texts or ids")
    }
}

/// Which service's words a refusal is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    Wml,
    OpenScale,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No token, or one that this stub did not give out.
    Unauthorized,
    TokenExpired,
    /// The body is not JSON, or does not fit what the service holds.
    Entity,
    /// The body does not fit its schema.
    Schema,
    /// A query parameter is missing or wrong.
    Argument,
    Unknown,
    Method,
    /// The resource is not in a state for this, or there is one already.
    Conflict,
    TooLarge,
    MediaType,
}

/// A request that is not served.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Problem,
    message: String,
}

impl Refusal {
    pub(crate) fn new(problem: Problem, message: impl Into<String>) -> Self {
        Self { problem, message: message.into() }
    }

    pub(crate) fn entity(message: impl Into<String>) -> Self {
        Self::new(Problem::Entity, message)
    }

    pub(crate) fn schema(message: impl Into<String>) -> Self {
        Self::new(Problem::Schema, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(Problem::Argument, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(Problem::Conflict, message)
    }

    pub(crate) fn unknown(kind: &str, id: &str) -> Self {
        Self::new(Problem::Unknown, format!("{kind} `{id}` does not exist"))
    }

    pub(crate) fn into_response(self, wording: Wording) -> Response {
        let status = self.status();
        let code = match wording {
            Wording::Wml => self.wml_code().to_owned(),
            // The real codes of these cases are not known: `ST` says that they are the stub's own.
            Wording::OpenScale => format!("AIQST0{}E", status.as_u16()),
        };
        Answer::json(status, &error_body(&code, &self.message)).into_response()
    }

    fn status(&self) -> StatusCode {
        match self.problem {
            Problem::Unauthorized | Problem::TokenExpired => StatusCode::UNAUTHORIZED,
            Problem::Entity | Problem::Schema | Problem::Argument => StatusCode::BAD_REQUEST,
            Problem::Unknown => StatusCode::NOT_FOUND,
            Problem::Method => StatusCode::METHOD_NOT_ALLOWED,
            Problem::Conflict => StatusCode::CONFLICT,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    fn wml_code(&self) -> &'static str {
        match self.problem {
            Problem::Unauthorized => "authorization_rejected",
            Problem::TokenExpired => "authentication_token_expired",
            Problem::Entity | Problem::TooLarge => "invalid_request_entity",
            Problem::Schema => "json_validation_error",
            Problem::Argument => "invalid_input_argument",
            Problem::Unknown => "does_not_exist",
            // The codes of these are the stub's guess.
            Problem::Method => "method_not_allowed",
            Problem::Conflict => "conflict",
            Problem::MediaType => "unsupported_media_type",
        }
    }
}

/// The error body of both services, also found under `status.failure`.
pub(crate) fn error_body(code: &str, message: &str) -> Value {
    json!({
        "trace": uuid::Uuid::new_v4().simple().to_string(),
        "errors": [{"code": code, "message": message}],
    })
}

/// An object without the members that are null: the services leave out what is not set.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        }
        other => other,
    }
}
