//! The kinds of resources that a pipeline's steps create: where one carries its tag, and what it is called.

use serde_json::Value;
use step_sdk::{openscale, wml};

use crate::tag::Tag;

/// A kind of resource, in the order of removal: what hangs on another comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    MonitorInstance,
    Subscription,
    Deployment,
    Model,
    ServiceProvider,
    DataMart,
}

impl Kind {
    /// All of them, in the order of removal.
    pub(crate) const ALL: [Self; 6] = [
        Self::MonitorInstance,
        Self::Subscription,
        Self::Deployment,
        Self::Model,
        Self::ServiceProvider,
        Self::DataMart,
    ];

    /// The service's own word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MonitorInstance => "monitor instance",
            Self::Subscription => "subscription",
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::ServiceProvider => "service provider",
            Self::DataMart => "data mart",
        }
    }

    /// The service that has it.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Deployment | Self::Model => wml::SERVICE,
            Self::MonitorInstance | Self::Subscription | Self::ServiceProvider | Self::DataMart => openscale::SERVICE,
        }
    }

    /// Whether others may have come to use it, of which the service knows.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::ServiceProvider | Self::DataMart)
    }

    /// The tag of a resource, where the steps put it. A monitor instance has none: its subscription has.
    pub(crate) fn tag(self, prefix: &str, resource: &Value) -> Option<Tag> {
        let entity = &resource["entity"];
        match self {
            Self::Deployment | Self::Model => {
                let tags = resource["metadata"]["tags"].as_array()?;
                tags.iter().filter_map(Value::as_str).find_map(|tag| Tag::parse(prefix, tag))
            }
            Self::Subscription => Tag::parse(prefix, apart(entity["deployment"]["name"].as_str()?)?.1),
            Self::ServiceProvider | Self::DataMart => {
                Tag::parse(prefix, openscale::tag_in(entity["description"].as_str()?)?)
            }
            Self::MonitorInstance => None,
        }
    }

    /// What people call a resource.
    pub(crate) fn title(self, resource: &Value) -> String {
        let (metadata, entity) = (&resource["metadata"], &resource["entity"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::Deployment | Self::Model => text(&metadata["name"]),
            Self::Subscription => {
                let name = text(&entity["deployment"]["name"]);
                apart(&name).map_or(name.clone(), |(name, _)| name.to_owned())
            }
            Self::MonitorInstance => format!("quality of {}", text(&entity["target"]["target_id"])),
            Self::ServiceProvider => format!("space {}", text(&entity["deployment_space_id"])),
            Self::DataMart => text(&entity["name"]),
        }
    }
}

/// The name of a deployment as its subscription has it, and the tag behind it in parentheses.
fn apart(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(')')?.rsplit_once(" (")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TAG: &str = "stepwise_1_a_r_0f9a3c_1";

    fn is_tagged(kind: Kind, resource: &Value) -> bool {
        kind.tag("stepwise_1_a_", resource).is_some()
    }

    #[test]
    fn a_tag_counts_only_where_a_step_puts_it() {
        let tags = json!({"metadata": {"name": TAG, "tags": ["x", TAG]}});
        assert!(is_tagged(Kind::Model, &tags) && is_tagged(Kind::Deployment, &tags));
        assert!(!is_tagged(
            Kind::Model,
            &json!({"metadata": {"name": TAG, "description": TAG}, "entity": {"tags": [TAG]}})
        ));
        assert!(!is_tagged(Kind::Model, &json!({"metadata": {"tags": TAG}})));

        let named = |name: String| json!({"entity": {"deployment": {"name": name}, "description": TAG}});
        assert!(is_tagged(Kind::Subscription, &named(format!("a (b) ({TAG})"))));
        for name in
            [TAG.to_owned(), format!("x ({TAG}) "), format!("x({TAG})"), format!("({TAG}"), format!("x ({TAG}) (1)")]
        {
            assert!(!is_tagged(Kind::Subscription, &named(name.clone())), "{name}");
        }

        let described = |text: String| json!({"entity": {"name": TAG, "description": text}});
        for kind in [Kind::ServiceProvider, Kind::DataMart] {
            assert!(is_tagged(kind, &described(format!("created by stepwise, {TAG}"))));
            assert!(!is_tagged(kind, &described(TAG.to_owned())));
            assert!(!is_tagged(kind, &described(format!("not created by stepwise, {TAG}"))));
            assert!(!is_tagged(kind, &json!({"entity": {}})));
        }
    }

    #[test]
    fn a_subscription_is_called_as_its_deployment() {
        let resource = json!({"entity": {"deployment": {"name": format!("churn (2) ({TAG})")}}});
        assert_eq!(Kind::Subscription.title(&resource), "churn (2)");
        assert_eq!(Kind::Subscription.title(&json!({"entity": {"deployment": {"name": "churn"}}})), "churn");
    }
}
