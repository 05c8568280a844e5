//! The version of a cluster: asked for only to explain a failure, since nothing that steps send depends on it.

use serde::Deserialize;
use std::fmt;

/// Where clusters tell their version, without a login; since 4.8 and before.
pub(super) const PATHS: [&str; 2] = ["/ml/wml_services/v2/version", "/ml/wml_services/version"];

/// What a cluster before 3.5 has instead of `/v2/spaces`.
pub(super) const OLD_SPACES: &str = "/v4/spaces";

/// The version of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    text: String,
    major: u32,
    minor: u32,
}

#[derive(Deserialize)]
struct Answer {
    version: String,
}

impl Version {
    /// Reads the answer of one of [`PATHS`].
    pub(super) fn read(answer: &[u8]) -> Option<Self> {
        let Answer { version } = serde_json::from_slice(answer).ok()?;
        let mut numbers = version.split('.').map(str::parse::<u32>);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or_default());
        // What follows the two numbers is told to people as it is, as far as that can do no harm.
        let text = version.chars().take_while(|c| c.is_ascii_alphanumeric() || ".-+".contains(*c)).take(20).collect();
        Some(Self { text, major, minor })
    }

    /// Whether no dialect is its own.
    pub(super) fn is_too_old(&self) -> bool {
        (self.major, self.minor) < (3, 5)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is said of a cluster that is too old.
pub(super) fn too_old(service: &str, version: &str) -> String {
    format!(
        "`{service}` is Cloud Pak for Data {version}, which is not supported\n\
         hint: upgrade the cluster to 3.5 or later"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_the_version_by_its_first_two_numbers() {
        for (answer, found) in [
            (r#"{"version": "4.8.0"}"#, Some(("4.8.0", false))),
            (r#"{"version": "3.5"}"#, Some(("3.5", false))),
            (r#"{"version": "3.0.1"}"#, Some(("3.0.1", true))),
            (r#"{"version": "2"}"#, Some(("2", true))),
            (r#"{"version": "5.1.0-20241106 and more"}"#, Some(("5.1.0-20241106", false))),
            (r#"{"version": "five"}"#, None),
            (r#"{"release": "5.1"}"#, None),
            ("<!DOCTYPE html>", None),
        ] {
            let version = Version::read(answer.as_bytes());
            let version = version.as_ref().map(|version| (version.text.as_str(), version.is_too_old()));
            assert_eq!(version, found, "{answer}");
        }
    }
}
