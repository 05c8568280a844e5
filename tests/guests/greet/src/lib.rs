//! Counts the deployment spaces.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use step_sdk::{Failure, Host, Need, Needs, Request};

step_sdk::step! {
    summary: "counts the deployment spaces",
    needs: Needs { services: &[Need::new("wml", "GET", "/v2/spaces", "lists the spaces")], ..Needs::NONE },
    run: run,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// How many to ask for at most
    limit: u32,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// How many there are
    #[schemars(extend("x-report" = true))]
    spaces: usize,
}

#[derive(Deserialize)]
struct Spaces {
    resources: Vec<serde_json::Value>,
}

fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    let request = Request::get("wml", "/v2/spaces").query("limit", input.limit.to_string());
    let spaces: Spaces = request.send(host)?.expect(&[200])?.json()?;
    Ok(Output { spaces: spaces.resources.len() })
}
