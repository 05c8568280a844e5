//! `log`: lines in the run's log.

use crate::engine::bindings::stepwise::step::log::{Host, Level};
use crate::engine::state::StepState;
use crate::run::LogLevel;

impl Host for StepState {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let context = self.context()?;
        context.line(&message)?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        context.events.log(&context.step, level, &message);
        Ok(())
    }
}
