//! Outputs that reports draw: what a schema says with `x-chart`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::Schema;

/// An output that is drawn.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Chart {
    /// As what.
    pub kind: ChartKind,
    /// What it shows: the output's description.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<String>,
}

/// What can be drawn. The contract says which form an output of each kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChartKind {
    /// Metrics against their limits.
    Gates,
    /// How often which label was predicted as which.
    ConfusionMatrix,
    /// True positives against false ones, threshold by threshold.
    Roc,
    /// How often which score was given, class by class.
    ScoreDistribution,
}

/// The outputs of a schema that are drawn, by their names. A kind that this version does not know is passed over: a newer
/// component is still run.
pub(super) fn charts(outputs: &Schema) -> BTreeMap<String, Chart> {
    let chart = |schema: &Value| {
        let kind = ChartKind::deserialize(schema.get("x-chart")?).ok()?;
        let about = schema.get("description").and_then(Value::as_str).map(str::to_owned);
        Some(Chart { kind, about })
    };
    outputs.properties().filter_map(|(name, schema)| Some((name.clone(), chart(schema)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_kinds_are_found_and_others_passed_over() {
        let schema = json!({"type": "object", "properties": {
            "curve": {"type": "object", "x-chart": "roc", "description": "how well"},
            "odd": {"type": "object", "x-chart": "pie"},
            "plain": {"type": "object"},
        }});

        let charts = charts(&Schema::parse(&schema.to_string()).unwrap());

        assert_eq!(charts.len(), 1);
        assert_eq!((charts["curve"].kind, charts["curve"].about.as_deref()), (ChartKind::Roc, Some("how well")));
    }
}
