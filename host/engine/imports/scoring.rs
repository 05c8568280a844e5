//! `scoring`: the committed model, run in the host.

use std::sync::Arc;

use stepwise_scoring::{Element as HostElement, Model, ScoringError, Tensor as HostTensor, Values as HostValues};
use wasmtime::component::Resource;

use crate::engine::bindings::stepwise::step::scoring::{Element, Host, HostModel, Port, Tensor, Values};
use crate::engine::contract::{Failure, FailureCategory};
use crate::engine::state::StepState;

/// A model that a step has opened.
#[expect(unreachable_pub, reason = "generated code exports it")]
pub struct LocalModel(Arc<Model>);

impl Host for StepState {
    fn open(&mut self, file: String) -> wasmtime::Result<Result<Resource<LocalModel>, Failure>> {
        let context = self.context()?;
        if !context.scoring {
            return Ok(Err(failure(
                FailureCategory::Refused,
                "the component does not declare that it uses `scoring`".into(),
            )));
        }
        let Some(path) = context.models.get(&file) else {
            let message = format!("`{file}` is not the value of an input of format `model`");
            return Ok(Err(failure(FailureCategory::Refused, message)));
        };
        let loaded = std::fs::read(path)
            .map_err(|error| format!("failed to read the model `{file}`: {error}"))
            .and_then(|bytes| Model::load(&bytes).map_err(|error| format!("cannot run the model `{file}`: {error}")));
        match loaded {
            Ok(model) => Ok(Ok(self.table.push(LocalModel(Arc::new(model)))?)),
            Err(message) => Ok(Err(failure(FailureCategory::InvalidInput, message))),
        }
    }
}

impl HostModel for StepState {
    fn inputs(&mut self, model: Resource<LocalModel>) -> wasmtime::Result<Vec<Port>> {
        Ok(self.table.get(&model)?.0.inputs().iter().map(port).collect())
    }

    fn outputs(&mut self, model: Resource<LocalModel>) -> wasmtime::Result<Vec<Port>> {
        Ok(self.table.get(&model)?.0.outputs().iter().map(port).collect())
    }

    fn sha256(&mut self, model: Resource<LocalModel>) -> wasmtime::Result<String> {
        Ok(self.table.get(&model)?.0.sha256().to_owned())
    }

    fn run(
        &mut self,
        model: Resource<LocalModel>,
        inputs: Vec<Tensor>,
    ) -> wasmtime::Result<Result<Vec<Tensor>, Failure>> {
        let model = Arc::clone(&self.table.get(&model)?.0);
        let inputs: Vec<HostTensor> = inputs.into_iter().map(to_host).collect();
        Ok(match model.run(&inputs) {
            Ok(outputs) => Ok(outputs.into_iter().map(from_host).collect()),
            Err(error) => Err(run_failure(&error)),
        })
    }

    fn drop(&mut self, model: Resource<LocalModel>) -> wasmtime::Result<()> {
        self.table.delete(model)?;
        Ok(())
    }
}

fn failure(category: FailureCategory, message: String) -> Failure {
    Failure { category, message, hint: None, outputs: None }
}

fn run_failure(error: &ScoringError) -> Failure {
    failure(FailureCategory::InvalidInput, format!("cannot run the model: {error}"))
}

fn port(port: &stepwise_scoring::Port) -> Port {
    Port {
        name: port.name.clone(),
        element: match port.element {
            HostElement::Float32 => Element::Float32,
            HostElement::Float64 => Element::Float64,
            HostElement::Int32 => Element::Int32,
            HostElement::Int64 => Element::Int64,
            HostElement::Boolean => Element::Boolean,
            HostElement::Text => Element::Text,
            HostElement::Other => Element::Other,
        },
        shape: port.shape.iter().map(|axis| axis.map(|length| u32::try_from(length).unwrap_or(u32::MAX))).collect(),
    }
}

fn to_host(tensor: Tensor) -> HostTensor {
    HostTensor {
        shape: tensor.shape.into_iter().map(|length| length as usize).collect(),
        values: match tensor.values {
            Values::Floats(values) => HostValues::Floats(values),
            Values::Integers(values) => HostValues::Integers(values),
            Values::Booleans(values) => HostValues::Booleans(values),
            Values::Texts(values) => HostValues::Texts(values),
        },
    }
}

fn from_host(tensor: HostTensor) -> Tensor {
    Tensor {
        shape: tensor.shape.into_iter().map(|length| u32::try_from(length).unwrap_or(u32::MAX)).collect(),
        values: match tensor.values {
            HostValues::Floats(values) => Values::Floats(values),
            HostValues::Integers(values) => Values::Integers(values),
            HostValues::Booleans(values) => Values::Booleans(values),
            HostValues::Texts(values) => Values::Texts(values),
        },
    }
}
