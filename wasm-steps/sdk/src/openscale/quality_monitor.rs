//! The quality monitor of the subscription.

use serde_json::{Value, json};

use super::{InstanceId, SERVICE, wait_for};
use crate::ledger::Lookup;
use crate::{Deadline, Failure, Gates, Host, Limit, Request, Resource, create, segment};

/// Enables the monitor with the gates as its thresholds, and waits until it is active. Answers its id.
pub fn enable(
    host: &dyn Host,
    instance: &InstanceId,
    data_mart_id: &str,
    subscription_id: &str,
    min_feedback_size: u32,
    gates: &Gates,
    deadline: &Deadline,
) -> Result<String, Failure> {
    let path = instance.path("monitor_instances");
    // The subscription is this run's own, and it has one quality monitor.
    let find = Lookup::list(&path, "/monitor_instances")
        .query("monitor_definition_id", "quality")
        .query("target.target_id", subscription_id)
        .query("target.target_type", "subscription")
        .matching("/entity/target/target_id", subscription_id);
    let resource = Resource::new(SERVICE, "monitor instance", format!("quality of {subscription_id}"), find)
        .removed_by(format!("{path}/{{id}}"))
        .remove_query("force", "true");
    let body = json!({
        "data_mart_id": data_mart_id,
        "monitor_definition_id": "quality",
        "target": {"target_type": "subscription", "target_id": subscription_id},
        "parameters": {"min_feedback_data_size": min_feedback_size},
        "thresholds": thresholds(gates),
    });
    let created = create(host, &resource, |_tag| Request::post(SERVICE, &path).json(&body))?;
    wait_for(host, "the quality monitor", deadline, &format!("{path}/{}", segment(&created.id)), &["active"])?;
    Ok(created.id)
}

fn thresholds(gates: &Gates) -> Vec<Value> {
    let limits = gates.iter().flat_map(|(metric, gate)| gate.limits().map(move |limit| (metric, limit)));
    limits
        .map(|(metric, limit)| match limit {
            Limit::AtLeast(value) => json!({"metric_id": metric, "type": "lower_limit", "value": value}),
            Limit::AtMost(value) => json!({"metric_id": metric, "type": "upper_limit", "value": value}),
        })
        .collect()
}
