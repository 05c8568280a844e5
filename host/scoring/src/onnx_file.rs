//! A model file as it is typed: decoded, its operators known, its ports declared.

use std::collections::{BTreeSet, HashMap, HashSet};

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto, tensor_proto::DataLocation};
use tract_onnx::prelude::{Framework, InferenceModel};

use crate::{Port, ScoringError, guard, ops, zip_map};

/// The domains whose operators tract means by its names.
const DOMAINS: [&str; 3] = ["", "ai.onnx", "ai.onnx.ml"];

pub(crate) struct OnnxFile {
    onnx: tract_onnx::Onnx,
    proto: ModelProto,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<String>,
    /// The classes of outputs that are maps, by their names.
    pub(crate) classes: HashMap<String, Vec<String>>,
}

impl OnnxFile {
    pub(crate) fn read(mut bytes: &[u8]) -> Result<Self, ScoringError> {
        let not_onnx = |reason: String| ScoringError::NotOnnx { reason };
        let mut onnx = tract_onnx::onnx();
        ops::register(&mut onnx);
        let mut proto = onnx.proto_model_for_read(&mut bytes).map_err(|error| not_onnx(format!("{error:#}")))?;
        let graph = proto.graph.as_mut().ok_or_else(|| not_onnx("it has no graph".to_owned()))?;
        if graph.output.is_empty() {
            return Err(not_onnx("its graph has no outputs".to_owned()));
        }
        let classes = zip_map::unzip(graph)?;
        check_operators(&onnx, graph)?;
        check_weights(graph)?;
        check_wiring(graph)?;
        name_outputs(graph);
        let initialized: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        let fed = graph.input.iter().filter(|input| !initialized.contains(input.name.as_str()));
        let port = |info: &ValueInfoProto| {
            Port::declared(info).ok_or_else(|| ScoringError::Unusable {
                reason: format!("`{}` is not declared as a tensor with its shape", info.name),
            })
        };
        let inputs = fed.map(port).collect::<Result<_, _>>()?;
        let outputs = graph.output.iter().map(|output| output.name.clone()).collect();
        Ok(Self { onnx, proto, inputs, outputs, classes })
    }

    /// The graph as tract reads it.
    pub(crate) fn graph(&self) -> Result<InferenceModel, ScoringError> {
        match guard::catch(|| self.onnx.model_for_proto_model(&self.proto)) {
            Ok(Ok(model)) => Ok(model),
            Ok(Err(error)) => Err(self.refusal().unwrap_or_else(|| ScoringError::Unusable { reason: brief(&error) })),
            Err(panic) => Err(self.refusal().unwrap_or(ScoringError::Unusable { reason: panic })),
        }
    }

    /// The first operator that tract knows but refuses, found by building each alone: tract's own error names it
    /// only in its text.
    fn refusal(&self) -> Option<ScoringError> {
        let opset = self.proto.opset_import.iter().find(|import| ["", "ai.onnx"].contains(&import.domain.as_str()));
        let context = ParsingContext {
            onnx_operator_set_version: opset.map_or(0, |import| import.version),
            framework: &self.onnx,
            model: &self.proto,
            parent_graphs: vec![],
            model_dir: None,
            template: InferenceModel::default(),
        };
        self.proto.graph.iter().flat_map(|graph| &graph.node).find_map(|node| {
            let build = self.onnx.op_register.0.get(&node.op_type)?;
            let reason = match guard::catch(|| build(&context, node)) {
                Ok(Ok(_)) => return None,
                Ok(Err(error)) => brief(&error),
                Err(panic) => panic,
            };
            Some(ScoringError::Operator { operators: vec![operator(node)], reason })
        })
    }
}

/// The outermost and the innermost of tract's words; between them it prints whole nodes.
pub(crate) fn brief(error: &tract_onnx::prelude::TractError) -> String {
    let (outer, inner) = (error.to_string(), error.root_cause().to_string());
    if outer == inner { outer } else { format!("{outer}: {inner}") }
}

fn operator(node: &NodeProto) -> String {
    if node.domain.is_empty() { node.op_type.clone() } else { format!("{}.{}", node.domain, node.op_type) }
}

/// All operators that tract lacks at once, those of nested graphs too.
fn check_operators(onnx: &tract_onnx::Onnx, graph: &GraphProto) -> Result<(), ScoringError> {
    let mut missing = BTreeSet::new();
    let mut graphs = vec![graph];
    while let Some(graph) = graphs.pop() {
        for node in &graph.node {
            if !DOMAINS.contains(&node.domain.as_str()) || !onnx.op_register.0.contains_key(&node.op_type) {
                missing.insert(operator(node));
            }
            for attribute in &node.attribute {
                graphs.extend(attribute.g.iter().chain(&attribute.graphs));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(ScoringError::Operator {
        operators: missing.into_iter().collect(),
        reason: "tract has no such operator".to_owned(),
    })
}

fn check_weights(graph: &GraphProto) -> Result<(), ScoringError> {
    match graph.initializer.iter().find(|tensor| tensor.data_location == Some(DataLocation::External as i32)) {
        None => Ok(()),
        Some(tensor) => Err(ScoringError::Unusable {
            reason: format!("the weights `{}` are in another file; save the model as one file", tensor.name),
        }),
    }
}

/// tract takes for granted that whatever an output or a node reads is there.
fn check_wiring(graph: &GraphProto) -> Result<(), ScoringError> {
    let made: HashSet<&str> = (graph.input.iter().map(|input| input.name.as_str()))
        .chain(graph.initializer.iter().map(|tensor| tensor.name.as_str()))
        .chain(graph.node.iter().flat_map(|node| &node.output).map(String::as_str))
        .collect();
    let read = graph.node.iter().flat_map(|node| &node.input).filter(|name| !name.is_empty());
    match read.chain(graph.output.iter().map(|output| &output.name)).find(|name| !made.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => Err(ScoringError::NotOnnx { reason: format!("nothing in its graph makes `{name}`") }),
    }
}

/// tract counts the outputs that have names, and a classifier has two, whether or not both are read.
fn name_outputs(graph: &mut GraphProto) {
    for (at, node) in graph.node.iter_mut().enumerate() {
        if ["LinearClassifier", "TreeEnsembleClassifier"].contains(&node.op_type.as_str()) {
            node.output.resize(2, String::new());
            for (number, output) in node.output.iter_mut().enumerate().filter(|(_, output)| output.is_empty()) {
                *output = format!("unread/{at}/{number}");
            }
        }
        for attribute in &mut node.attribute {
            attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(name_outputs);
        }
    }
}
