//! A model of the fake host: its ports are given, its answers computed by the test.

use std::rc::Rc;

use crate::scoring::{Element, Port, Tensor};
use crate::{Failure, LocalModel};

type Compute = Rc<dyn Fn(&[Tensor]) -> Result<Vec<Tensor>, Failure>>;

/// A model that the test makes up.
#[derive(Clone)]
pub struct FakeModel {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    compute: Compute,
}

impl FakeModel {
    /// A model that takes and gives nothing, and fails to run.
    pub fn new() -> Self {
        let compute = |_: &[Tensor]| Err(Failure::internal("this fake model computes nothing"));
        Self { inputs: Vec::new(), outputs: Vec::new(), compute: Rc::new(compute) }
    }

    /// Adds an input; the first axis, the rows, is free, `columns` is the length of the second.
    #[must_use]
    pub fn input(mut self, name: &str, element: Element, columns: u32) -> Self {
        self.inputs.push(Port { name: name.to_owned(), element, shape: vec![None, Some(columns)] });
        self
    }

    /// Adds an output with one value per row, or with several.
    #[must_use]
    pub fn output(mut self, name: &str, element: Element, columns: Option<u32>) -> Self {
        let shape = std::iter::once(None).chain(columns.map(Some)).collect();
        self.outputs.push(Port { name: name.to_owned(), element, shape });
        self
    }

    /// Says what it computes.
    #[must_use]
    pub fn computing(mut self, compute: impl Fn(&[Tensor]) -> Result<Vec<Tensor>, Failure> + 'static) -> Self {
        self.compute = Rc::new(compute);
        self
    }
}

impl Default for FakeModel {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalModel for FakeModel {
    fn inputs(&self) -> Vec<Port> {
        self.inputs.clone()
    }
    fn outputs(&self) -> Vec<Port> {
        self.outputs.clone()
    }
    fn sha256(&self) -> String {
        "5".repeat(64)
    }
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        (self.compute)(inputs)
    }
}
