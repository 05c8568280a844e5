//! The deployment as OpenScale sees it through the service provider.

use crate::openscale::{InstanceId, SERVICE};
use crate::pages::list;
use crate::{Failure, Host, Request, segment};
use serde::Deserialize;

/// A list of as many may go on; only a shorter one is known to be whole.
const LISTED: usize = 100;

/// A deployment, of which OpenScale knows the asset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// The model that is deployed.
    pub asset: Asset,
    /// Where OpenScale scores it.
    #[serde(default)]
    pub scoring_endpoint: Option<ScoringEndpoint>,
}

/// The model of a deployment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Asset {
    /// Its id in the repository.
    pub asset_id: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its address.
    #[serde(default)]
    pub url: Option<String>,
}

/// An address to score at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ScoringEndpoint {
    /// The address, often one of inside the cluster.
    pub url: String,
}

#[derive(Deserialize)]
struct Single {
    entity: Deployment,
}

/// The list says whether the provider sees the deployment at all; only the single read has its asset.
pub fn read(
    host: &dyn Host,
    data_mart_id: &str,
    provider_id: &str,
    space_id: &str,
    id: &str,
) -> Result<Deployment, Failure> {
    // Here, and only here, the data mart stands for the instance.
    let path = InstanceId(data_mart_id.to_owned()).path("ml_deployments");
    let ask = |path: String| {
        Request::get(SERVICE, path)
            .query("service_provider_id", provider_id)
            .query("service_type", "watson_machine_learning")
            .query("space_id", space_id)
    };
    let listed = list(host, &ask(path.clone()).query("limit", LISTED.to_string()), "/resources")?;
    if listed.len() < LISTED && !listed.iter().any(|one| one["metadata"]["guid"] == id) {
        return Err(Failure::refused(format!("service provider `{provider_id}` does not see the deployment `{id}`"))
            .hint("the deployment must be online, and in the space that `space_id` names"));
    }
    let single: Single = ask(format!("{path}/{}", segment(id))).send(host)?.expect(&[200])?.json()?;
    Ok(single.entity)
}
