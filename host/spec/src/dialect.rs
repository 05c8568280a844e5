//! `dialect` of a service: which product's protocol it speaks.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which product's protocol a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Dialect {
    /// Cloud Pak for Data 3.5.
    #[serde(rename = "cp4d_3.5")]
    Cp4d35,
    /// Cloud Pak for Data 4.0 to 4.8.
    #[serde(rename = "cp4d_4")]
    Cp4d4,
    /// Cloud Pak for Data 5.
    #[serde(rename = "cp4d_5")]
    Cp4d5,
    /// IBM Cloud.
    #[serde(rename = "ibm_cloud")]
    IbmCloud,
}

impl Dialect {
    /// The dialect as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cp4d35 => "cp4d_3.5",
            Self::Cp4d4 => "cp4d_4",
            Self::Cp4d5 => "cp4d_5",
            Self::IbmCloud => "ibm_cloud",
        }
    }

    /// Whether what was typed means a product that is too old for any of them.
    pub(crate) fn is_before_all(typed: &str) -> bool {
        let Some(version) = typed.strip_prefix("cp4d").map(|rest| rest.trim_start_matches(['_', '-'])) else {
            return false;
        };
        let mut numbers = version.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (3, 5),
            (Some(Ok(major)), None) => major <= 3,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_3_5_is_told_from_a_mistyped_name() {
        for (typed, is_older) in [
            ("cp4d_3.0", true),
            ("cp4d_3.0.1", true),
            ("cp4d_3", true),
            ("cp4d-2.5", true),
            ("cp4d3.0", true),
            ("cp4d_3.5", false),
            ("cp4d_4.8", false),
            ("cp4d_6", false),
            ("cp4d", false),
            ("cp4d_x", false),
            ("cloud", false),
        ] {
            assert_eq!(Dialect::is_before_all(typed), is_older, "{typed}");
        }
    }
}
