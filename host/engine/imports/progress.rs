//! `progress`: how far the step is.

use crate::engine::bindings::stepwise::step::progress::Host;
use crate::engine::state::StepState;

impl Host for StepState {
    fn report(&mut self, done: u64, total: Option<u64>, unit: String) -> wasmtime::Result<()> {
        let context = self.context()?;
        context.line(&unit)?;
        context.events.progress(&context.step, done, total, &unit);
        Ok(())
    }
}
