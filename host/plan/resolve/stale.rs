//! Steps that are `when: stale`: what they are told, and that no other step is told it.

use crate::engine::Component;
use crate::plan::inputs::Inputs;
use crate::spec::{StepSpec, Way, When};

use super::Resolver;

impl Resolver<'_> {
    /// Adds the input that says which leftovers are meant.
    pub(super) fn tell_stale(&mut self, step: &StepSpec, component: &Component, inputs: &mut Inputs, way: &Way) {
        let is_stale = step.when == When::Stale;
        let Some(name) = component.info.inputs.stale() else {
            if is_stale {
                let message = format!("`{}` removes nothing that lost runs have left", component.info.name);
                self.problem(&way.to("when"), message);
            }
            return;
        };
        if !is_stale {
            let message = format!("`{}` is a step of `stepwise cleanup --stale`, not of a run", component.info.name);
            self.problem_with(way, message, Some("say `when: stale`"));
        }
        let told = self.stale.input(&self.spec.name, self.spec.services.keys());
        if inputs.has(name) {
            self.problem(&way.to("inputs").to(name), format!("`{name}` is what `stepwise cleanup --stale` says"));
        }
        inputs.give(name, Inputs::Known(told));
    }
}
