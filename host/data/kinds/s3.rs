//! `s3`: an object in an S3-compatible store, asked for with a signed address.

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::source::{optional_secret, secret};
use crate::data::{Location, Refusal, Source, Wrong};
use crate::services::Secret;

/// How long a signature is good for: it is made for one request, whose clock may differ from ours.
const LIFETIME: Duration = Duration::from_mins(15);

/// An object in an S3-compatible store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct S3 {
    /// The store's address. Without it, that of AWS in the region.
    endpoint: Option<String>,
    /// The region that requests are signed for; stores of one's own often take any. Without it, `us-east-1`.
    region: Option<String>,
    /// The bucket.
    bucket: String,
    /// The object's key.
    key: String,
    /// Who asks.
    #[serde(deserialize_with = "secret")]
    #[schemars(with = "String", extend("x-secret" = "may"))]
    access_key_id: Secret,
    /// What proves it, from `secrets`.
    #[serde(deserialize_with = "secret")]
    #[schemars(with = "String", extend("x-secret" = "must"))]
    secret_access_key: Secret,
    /// Beside keys that are lent for a while, from `secrets`.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schemars(with = "Option<String>", extend("x-secret" = "must"))]
    session_token: Option<Secret>,
    /// Whether the bucket stands in the path (`true`) or before the host (`false`). Without it, in the path where an
    /// `endpoint` is given.
    path_style: Option<bool>,
}

impl S3 {
    fn bucket(&self) -> Result<Bucket, Wrong> {
        let region = self.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = self.endpoint.clone().unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let wrong = |key, message| Wrong { key: Some(key), message };
        let parsed = endpoint.parse();
        let url = parsed.map_err(|error| wrong("endpoint", format!("`{endpoint}` is not an address: {error}")))?;
        let in_path = self.path_style.unwrap_or(self.endpoint.is_some());
        let style = if in_path { UrlStyle::Path } else { UrlStyle::VirtualHost };
        Bucket::new(url, style, self.bucket.clone(), region)
            .map_err(|error| wrong("bucket", format!("`{endpoint}` can have no bucket `{}`: {error}", self.bucket)))
    }
}

impl Source for S3 {
    fn check(&self) -> Result<(), Wrong> {
        let strange = |part: &str| matches!(part, "." | "..");
        if self.key.is_empty() || self.key.split('/').any(strange) {
            let message = format!("`{}` is not an object's key that an address can hold", self.key);
            return Err(Wrong { key: Some("key"), message });
        }
        if self.bucket.is_empty() {
            return Err(Wrong { key: Some("bucket"), message: "the bucket's name is empty".to_owned() });
        }
        self.bucket().map(|_| ())
    }

    fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    fn location(&self) -> Location {
        // `check` has made the same bucket before.
        let Ok(bucket) = self.bucket() else { return Location::Address(String::new()) };
        let (key, secret) = (self.access_key_id.expose(), self.secret_access_key.expose());
        let credentials = match &self.session_token {
            Some(token) => Credentials::new_with_token(key, secret, token.expose()),
            None => Credentials::new(key, secret),
        };
        Location::Address(bucket.get_object(Some(&credentials), &self.key).sign(LIFETIME).to_string())
    }

    fn identity(&self) -> String {
        format!("{} at {}", self.name(), self.endpoint.as_deref().or(self.region.as_deref()).unwrap_or_default())
    }

    fn secrets(&self) -> Vec<&Secret> {
        let keys = [&self.access_key_id, &self.secret_access_key];
        keys.into_iter().chain(&self.session_token).collect()
    }

    fn refusal(&self, status: u16, body: &str) -> Option<Refusal> {
        let code = body.split_once("<Code>")?.1.split_once("</Code>")?.0;
        let (why, hint) = match code {
            "NoSuchKey" => (format!("the bucket `{}` has no object `{}`", self.bucket, self.key), None),
            "NoSuchBucket" => (format!("there is no bucket `{}`", self.bucket), None),
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AccessDenied" | "NotSignedUp" => {
                let why = format!("the store refuses these keys for `{}`: {code}", self.name());
                (why, Some("check `access_key_id`, `secret_access_key` and `region`"))
            }
            "ExpiredToken" | "InvalidToken" => {
                (format!("the store refuses the session token for `{}`: {code}", self.name()), Some("take new keys"))
            }
            "RequestTimeTooSkewed" => (
                format!("the store refuses the request for `{}`: {code}", self.name()),
                Some("set this machine's clock"),
            ),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                let why = format!("the bucket `{}` is not in this region: {code}", self.bucket);
                (why, Some("give the bucket's `region`"))
            }
            "SlowDown" | "InternalError" | "ServiceUnavailable" => return None,
            code => (format!("the store answers {status} to the request for `{}`: {code}", self.name()), None),
        };
        Some(Refusal { why, hint })
    }
}
