//! A step that is split into shards: a planned step for each, and one that puts together what they have answered.

use serde_json::json;

use super::{Inputs, PlannedStep};
use crate::data::Shard;

/// What of its work a planned step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    All,
    /// A shard of it.
    Shard(Shard),
    /// Putting together what so many shards have answered.
    Whole(u32),
}

/// What the spec calls the step of this id, which may be a shard's.
pub fn spec_id(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

impl PlannedStep {
    /// What the spec calls it; a shard has that in common with the others, and `.` is in no id of a spec.
    pub fn spec_id(&self) -> &str {
        spec_id(&self.id)
    }

    /// The shard, if it is one.
    pub fn shard(&self) -> Option<Shard> {
        if let Share::Shard(shard) = self.share { Some(shard) } else { None }
    }

    /// How many shards it is put together of, if it is.
    pub fn shards(&self) -> Option<u32> {
        if let Share::Whole(of) = self.share { Some(of) } else { None }
    }

    /// The step as it runs: itself, or its shards and after them the whole. Each has what the step has, and beside it the
    /// inputs that the host gives.
    pub(super) fn split(self) -> Vec<Self> {
        let Some(of) = self.shards() else { return vec![self] };
        let Some(inputs) = self.component.info.inputs.shards() else { return vec![self] };
        let (which, answers) = (inputs.which.map(str::to_owned), inputs.answers.to_owned());
        let ids: Vec<String> = (0..of).map(|index| format!("{}.{index}", self.id)).collect();
        let shards = ids.iter().zip(0..).map(|(id, index)| {
            let shard = Shard { index, of };
            let mut step = Self { id: id.clone(), share: Share::Shard(shard), ..self.clone() };
            if let Some(which) = &which {
                step.inputs.give(which, Inputs::Known(json!(shard)));
            }
            step
        });
        let mut whole = self.clone();
        whole.inputs.give(&answers, Inputs::Array(ids.iter().cloned().map(Inputs::Outputs).collect()));
        shards.chain([whole]).collect()
    }
}
