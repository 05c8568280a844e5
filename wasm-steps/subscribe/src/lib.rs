//! Subscribes a deployment to OpenScale's quality monitor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use step_sdk::openscale::{
    InstanceId, OperationalSpace, SERVICE, data_mart, data_set, deployment, provider, quality_monitor,
};
use step_sdk::{Deadline, Failure, FailureCategory, Field, FieldType, Gates, Host, Level, Need, Needs};

mod subscription;
#[cfg(test)]
mod tests;

step_sdk::step! {
    summary: "subscribes the deployment to OpenScale and enables its quality monitor",
    needs: Needs {
        services: &[
            Need::new(SERVICE, "GET", "/openscale/*/v2/data_marts", "finds the data mart"),
            Need::new(SERVICE, "POST", "/openscale/*/v2/data_marts", "creates the internal data mart if there is none"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/data_marts/*", "waits for the data mart"),
            Need::new(SERVICE, "DELETE", "/openscale/*/v2/data_marts/*", "lets cleanup remove a created data mart"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/service_providers", "finds the space's service provider"),
            Need::new(SERVICE, "POST", "/openscale/*/v2/service_providers", "creates it if there is none"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/service_providers/*", "waits for the service provider"),
            Need::new(SERVICE, "DELETE", "/openscale/*/v2/service_providers/*", "lets cleanup remove a created one"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/ml_deployments", "lists the space's deployments"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/ml_deployments/*", "reads the deployment's asset"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/subscriptions", "finds subscriptions"),
            Need::new(SERVICE, "POST", "/openscale/*/v2/subscriptions", "subscribes the deployment"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/subscriptions/*", "waits for the subscription"),
            Need::new(SERVICE, "DELETE", "/openscale/*/v2/subscriptions/*", "lets cleanup remove the subscription"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/monitor_instances", "finds the quality monitor"),
            Need::new(SERVICE, "POST", "/openscale/*/v2/monitor_instances", "enables the quality monitor"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/monitor_instances/*", "waits for the quality monitor"),
            Need::new(SERVICE, "DELETE", "/openscale/*/v2/monitor_instances/*", "lets cleanup remove the monitor"),
            Need::new(SERVICE, "GET", "/openscale/*/v2/data_sets", "finds the payload and feedback data sets"),
        ],
        ..Needs::NONE
    },
    run: run,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are the contract between the steps")]
struct Input {
    /// The deployment, which must be ready
    deployment_id: String,
    /// The space that it is in
    space_id: String,
    /// The columns that the model takes
    input_fields: Vec<Field>,
    /// The column that the model predicts
    label_column: String,
    /// What the label holds; when absent, `double` for a regression and `integer` for classes
    label_type: Option<FieldType>,
    /// What kind of prediction it is
    problem_type: ProblemType,
    /// Name of the prediction in the scoring answers
    #[serde(default = "prediction")]
    prediction_field: String,
    /// Name of the probabilities in the scoring answers; a regression has none
    #[serde(default = "probability")]
    probability_field: String,
    /// The columns whose values are categories
    #[serde(default)]
    categorical_fields: Vec<String>,
    /// Where OpenScale finds the training data, in OpenScale's own form; passed on as it is
    training_data_reference: Option<Map<String, Value>>,
    /// What a service provider that has to be created is bound to
    #[serde(default)]
    operational_space: OperationalSpace,
    /// How many feedback rows an evaluation needs at least
    #[serde(default = "min_feedback_size")]
    min_feedback_size: u32,
    /// The limits of the metrics, by metric id; they become the monitor's thresholds
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"enum": step_sdk::METRICS}))]
    gates: Gates,
    /// How long to wait for all of it
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u32,
    #[serde(default)]
    instance_id: InstanceId,
}

fn prediction() -> String {
    "prediction".to_owned()
}

fn probability() -> String {
    "probability".to_owned()
}

fn min_feedback_size() -> u32 {
    50
}

fn timeout_seconds() -> u32 {
    300
}

#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ProblemType {
    Binary,
    Multiclass,
    Regression,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// The data mart's id
    data_mart_id: String,
    /// The service provider's id
    service_provider_id: String,
    /// The subscription's id
    #[schemars(extend("x-report" = true))]
    subscription_id: String,
    /// The quality monitor's id
    monitor_instance_id: String,
    /// The data set of the scoring requests and answers
    payload_data_set_id: String,
    /// The data set of the labelled rows
    feedback_data_set_id: String,
    /// What the service provider is bound to
    operational_space: OperationalSpace,
}

#[expect(clippy::needless_pass_by_value, reason = "every step owns its input")]
fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    let deadline = Deadline::after_seconds(host, input.timeout_seconds);
    let (instance, space_id) = (&input.instance_id, &input.space_id);
    let (data_mart_id, provider, subscription_id) = loop {
        let data_mart_id = data_mart::find_or_create(host, instance, &deadline)?;
        let provider = provider::find_or_create(host, instance, space_id, input.operational_space, &deadline)?;
        let subscribed = deployment::read(host, &data_mart_id, &provider.id, space_id, &input.deployment_id)
            .and_then(|found| subscription::create(host, &input, &data_mart_id, &provider.id, &found, &deadline));
        let failure = match subscribed {
            Ok(id) => break (data_mart_id, provider, id),
            Err(failure) => failure,
        };
        // Until the subscription is there, another run's cleanup may take them for unused.
        let stay = || -> Result<bool, Failure> {
            Ok(data_mart::is_there(host, instance, &data_mart_id)?
                && provider::is_there(host, instance, space_id, &provider.id)?)
        };
        if failure.category != FailureCategory::Refused || stay() != Ok(false) || deadline.pause(host).is_none() {
            return Err(failure);
        }
        host.log(Level::Info, &format!("{}; what it needs was removed by another run, once more", failure.message));
    };
    let (size, gates) = (input.min_feedback_size, &input.gates);
    let monitor_instance_id =
        quality_monitor::enable(host, instance, &data_mart_id, &subscription_id, size, gates, &deadline)?;
    // The feedback data set comes with the monitor, not with the subscription.
    let data_set = |kind| data_set::find(host, instance, &subscription_id, kind, &deadline);
    Ok(Output {
        payload_data_set_id: data_set("payload_logging")?,
        feedback_data_set_id: data_set("feedback")?,
        data_mart_id,
        service_provider_id: provider.id,
        subscription_id,
        monitor_instance_id,
        operational_space: provider.operational_space,
    })
}
