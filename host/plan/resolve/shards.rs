//! Steps that are split into shards: whether they can be, and that nobody else says what the host says.

use crate::engine::Component;
use crate::plan::{Inputs, Share};
use crate::spec::{StepSpec, Way};

use super::Resolver;

impl Resolver<'_> {
    /// What of its work a step does: all, or putting together what its shards answer.
    pub(super) fn share(&mut self, step: &StepSpec, component: &Component, inputs: &Inputs, way: &Way) -> Share {
        let names = component.info.inputs.shards();
        let given = names.into_iter().flat_map(|names| [names.which, Some(names.answers)]).flatten();
        for name in given.filter(|name| inputs.has(name)) {
            let message = format!("`{name}` is what `stepwise` says to a step that is split into shards");
            self.problem_with(&way.to("inputs").to(name), message, Some("say `shards` beside `inputs`"));
        }
        match step.shards {
            None => Share::All,
            Some(of) => {
                if names.is_none() {
                    let message = format!("`{}` cannot be split into shards", component.info.name);
                    self.problem(&way.to("shards"), message);
                }
                Share::Whole(of)
            }
        }
    }
}
