//! Software and hardware specifications: fixed tables.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal};
use crate::call::Call;
use crate::dialect::Dialect::{self, Cp4d4, Cp4d5, Cp4d35, IbmCloud};
use crate::site::Site;

/// A software specification and the model types that it serves.
#[derive(Debug)]
pub(crate) struct Specification {
    pub(crate) name: &'static str,
    pub(crate) id: &'static str,
    types: &'static [&'static str],
    dialects: &'static [Dialect],
}

/// The table of wml.md 8, by the products that have them, and the other kinds of models that the official client 1.0.370
/// tests itself with; the ids of those, and three others, are the real ones. What a cluster keeps of the product that it was
/// upgraded from differs from cluster to cluster, so the stub keeps nothing.
const SOFTWARE: [Specification; 14] = [
    Specification {
        name: "default_py3.7",
        id: "e4429883-c883-42b6-87a8-f419d64088cd",
        types: &["pytorch-onnx_1.3", "scikit-learn_0.23"],
        dialects: &[Cp4d35],
    },
    Specification {
        name: "pytorch-onnx_1.3-py3.7",
        id: "8d5d8a87-a912-54cf-81ec-3914adaa988d",
        types: &["pytorch-onnx_1.3"],
        dialects: &[Cp4d35],
    },
    Specification {
        name: "runtime-22.1-py3.9",
        id: "12b83a17-24d8-5082-900f-0ab31fbfd3cb",
        types: &["pytorch-onnx_1.10", "scikit-learn_1.0"],
        dialects: &[Cp4d4],
    },
    Specification {
        name: "pytorch-onnx_rt22.1-py3.9",
        id: "1d362186-7ad5-5b59-8b6c-9d0880bde37f",
        types: &["pytorch-onnx_1.10"],
        dialects: &[Cp4d4],
    },
    Specification {
        name: "runtime-22.2-py3.10",
        id: "b56101f1-309d-549b-a849-eaa63f77b2fb",
        types: &[
            "pytorch-onnx_1.10",
            "pytorch-onnx_1.12",
            "pytorch-onnx_rt22.2",
            "scikit-learn_1.1",
            "tensorflow_2.9",
            "tensorflow_rt22.2",
            "xgboost_1.6",
        ],
        dialects: &[Cp4d4],
    },
    Specification {
        name: "runtime-23.1-py3.10",
        id: "3ca0e1c5-5b0a-5a5f-8b61-1a6f5b0c7b01",
        types: &[
            "pytorch-onnx_2.0",
            "pytorch-onnx_rt23.1",
            "scikit-learn_1.1",
            "tensorflow_2.12",
            "tensorflow_rt23.1",
            "xgboost_1.6",
        ],
        dialects: &[Cp4d4],
    },
    Specification {
        name: "runtime-24.1-py3.11",
        id: "45f12dfe-aa78-5b8d-9f38-0ee223c47309",
        types: &["pytorch-onnx_2.1", "pytorch-onnx_rt24.1", "scikit-learn_1.3"],
        dialects: &[Cp4d5, IbmCloud],
    },
    Specification {
        name: "onnxruntime_opset_19",
        id: "c6da2ba0-5a1c-5c3d-8a39-3f6c2a0b1e19",
        types: &["onnxruntime_1.16"],
        dialects: &[IbmCloud],
    },
    Specification {
        name: "onnxruntime_opset_21",
        id: "d0b5361f-0810-554e-8d7b-874b5ff799b1",
        types: &["onnxruntime_1.17"],
        dialects: &[Cp4d5, IbmCloud],
    },
    Specification {
        name: "runtime-25.1-py3.12",
        id: "f47ae1c3-198e-5718-b59d-2ea471561e9e",
        types: &["scikit-learn_1.6"],
        dialects: &[Cp4d5, IbmCloud],
    },
    Specification {
        name: "pmml-3.0_4.3",
        id: "493bcb95-16f1-5bc5-bee8-81b8af80e9c7",
        types: &["pmml_4.2.1"],
        dialects: &[Cp4d4, Cp4d5, IbmCloud],
    },
    Specification {
        name: "spss-modeler_18.1",
        id: "5c3cad7e-507f-4b2a-a9a3-ab53a21dee8b",
        types: &["spss-modeler_18.1"],
        dialects: &[Cp4d4, Cp4d5, IbmCloud],
    },
    Specification {
        name: "spss-modeler_18.2",
        id: "687eddc9-028a-4117-b9dd-e57b36f1efa5",
        types: &["spss-modeler_18.2"],
        dialects: &[Cp4d4, Cp4d5, IbmCloud],
    },
    Specification {
        name: "spark-mllib_3.3",
        id: "d11f2434-4fc7-58b7-8a62-755da64fdaf8",
        types: &["mllib_3.3"],
        dialects: &[Cp4d4, Cp4d5, IbmCloud],
    },
];

const HARDWARE: [(&str, &str); 5] = [
    ("XS", "f3ebac7d-0a75-410c-8b48-a931428cc4c5"),
    ("S", "e7ed1d6c-2e89-42d7-aed5-863b972c1d2b"),
    ("M", "cf70c5d1-6b0c-4b8f-9d0a-5c9a4c1b7a3e"),
    ("L", "5e2b6c1a-8f0d-4a57-9c3e-2d7f1b9e6a41"),
    ("XL", "0a9d3c7b-4e58-4f6e-8b1a-7c2e5d9f3b62"),
];

/// A specification in a body, by id, by name, or by both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    id: Option<String>,
    name: Option<String>,
    num_nodes: Option<u32>,
}

impl Reference {
    fn picks(&self, id: &str, name: &str) -> bool {
        self.id.as_deref().is_none_or(|wanted| wanted == id) && self.name.as_deref().is_none_or(|wanted| wanted == name)
    }

    fn check(&self, member: &str) -> Result<(), Refusal> {
        if self.id.is_none() && self.name.is_none() {
            return Err(Refusal::schema(format!("`{member}` has neither `id` nor `name`")));
        }
        Ok(())
    }

    fn unknown(&self, kind: &str) -> Refusal {
        let wanted = self.id.as_deref().or(self.name.as_deref()).unwrap_or_default();
        Refusal::entity(format!("{kind} specification `{wanted}` does not exist"))
    }

    /// The software specification, which must serve the model type.
    pub(crate) fn software(&self, dialect: Dialect, model_type: &str) -> Result<&'static Specification, Refusal> {
        if self.num_nodes.is_some() {
            return Err(Refusal::schema("unknown field `num_nodes` in `software_spec`"));
        }
        self.check("software_spec")?;
        let mut known = known(dialect);
        let found = known.find(|one| self.picks(one.id, one.name)).ok_or_else(|| self.unknown("software"))?;
        if found.types.contains(&model_type) {
            return Ok(found);
        }
        Err(Refusal::entity(format!(
            "model type `{model_type}` is not supported with software specification `{}`",
            found.name
        )))
    }

    /// The hardware specification as a deployment shows it.
    pub(crate) fn hardware(&self) -> Result<Value, Refusal> {
        self.check("hardware_spec")?;
        let (name, id) =
            HARDWARE.iter().find(|(name, id)| self.picks(id, name)).ok_or_else(|| self.unknown("hardware"))?;
        Ok(json!({"id": id, "name": name, "num_nodes": self.num_nodes.unwrap_or(1)}))
    }
}

fn known(dialect: Dialect) -> impl Iterator<Item = &'static Specification> {
    SOFTWARE.iter().filter(move |one| one.dialects.contains(&dialect))
}

/// The hardware specification of a deployment that asks for none.
pub(crate) fn default_hardware() -> Value {
    let (name, id) = HARDWARE[1];
    json!({"id": id, "name": name, "num_nodes": 1})
}

/// `GET /v2/software_specifications`; a name that does not exist is an empty list.
pub(crate) fn software(site: &Site, call: &Call) -> Outcome {
    list(call, "software_specification", known(site.options.dialect).map(|one| (one.name, one.id)))
}

/// `GET /v2/hardware_specifications`.
pub(crate) fn hardware(_: &Site, call: &Call) -> Outcome {
    list(call, "hardware_specification", HARDWARE.into_iter())
}

fn list(call: &Call, kind: &str, all: impl Iterator<Item = (&'static str, &'static str)>) -> Outcome {
    call.allow(&["version", "space_id", "name", "limit"])?;
    let present = |(name, id): (&str, &str)| {
        json!({
            "metadata": {"name": name, "asset_id": id, "href": format!("/v2/{kind}s/{id}"), "asset_type": kind,
                "created_at": "2024-01-01T00:00:00.000Z"},
            "entity": {kind: {"type": "base"}},
        })
    };
    let resources: Vec<Value> = all.filter(|(name, _)| call.lets("name", name)).map(present).collect();
    Ok(Answer::ok(&json!({"total_results": resources.len(), "resources": resources})))
}

/// `GET /ml/v4/list/software_specifications`.
pub(crate) fn life_cycles(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let present = |one: &Specification| json!({"id": one.id, "name": one.name, "state": "supported"});
    let results: Vec<Value> = known(site.options.dialect).map(present).collect();
    Ok(Answer::ok(&json!({"results": results})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(dialect: Dialect, name: &str, model_type: &str) -> Option<&'static str> {
        let reference = Reference { id: None, name: Some(name.into()), num_nodes: None };
        reference.software(dialect, model_type).ok().map(|one| one.id)
    }

    #[test]
    fn a_specification_serves_only_its_own_model_types() {
        let opset_21 = serves(Cp4d5, "onnxruntime_opset_21", "onnxruntime_1.17");
        assert_eq!(opset_21, Some("d0b5361f-0810-554e-8d7b-874b5ff799b1"));
        assert_eq!(serves(Cp4d5, "onnxruntime_opset_21", "onnxruntime_1.16"), None);
        let nameless = Reference { id: None, name: None, num_nodes: None };
        assert!(nameless.software(Cp4d5, "onnxruntime_1.17").is_err());
    }

    #[test]
    fn each_product_has_its_own_specifications() {
        for (dialect, name, model_type) in [
            (Cp4d35, "default_py3.7", "pytorch-onnx_1.3"),
            (Cp4d4, "runtime-23.1-py3.10", "pytorch-onnx_2.0"),
            (Cp4d5, "runtime-24.1-py3.11", "pytorch-onnx_2.1"),
            (IbmCloud, "onnxruntime_opset_19", "onnxruntime_1.16"),
        ] {
            for other in Dialect::ALL {
                let found = serves(other, name, model_type).is_some();
                let shared = name == "runtime-24.1-py3.11" && other == IbmCloud;
                assert_eq!(found, other == dialect || shared, "{name} in {}", other.name());
            }
        }
    }
}
