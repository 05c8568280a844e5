//! Steps for tools: all that a component says of itself.

use serde_json::{Value, json};

use crate::engine::Component;

pub(super) fn list(components: &[Component]) -> Value {
    components.iter().map(document).collect()
}

pub(super) fn document(component: &Component) -> Value {
    let info = &component.info;
    let services: Vec<_> = info
        .needs
        .iter()
        .map(|need| {
            json!({
                "service": need.service,
                "method": need.method.as_str(),
                "path": need.pattern.to_string(),
                "reason": need.reason,
            })
        })
        .collect();
    json!({
        "name": info.name,
        "version": info.version,
        "summary": info.summary,
        "sha256": component.sha256,
        "inputs": info.inputs.value,
        "outputs": info.outputs.value,
        "needs": {
            "services": services,
            "scoring": info.scoring,
            "artifacts": info.artifacts,
            "removes": info.removes,
        },
    })
}
