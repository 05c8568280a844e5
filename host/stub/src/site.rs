//! `Site`: all that the handlers share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepwise_scoring::Model;
use uuid::Uuid;

use crate::faults::Faults;
use crate::login::Tokens;
use crate::options::Options;
use crate::request_log::RequestLog;
use crate::world::World;

/// All that the handlers share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) options: Options,
    /// Scheme, host and port of WML.
    pub(crate) url: String,
    /// The same of spaces and assets, which are elsewhere on IBM Cloud.
    pub(crate) platform_url: String,
    /// The WML instance that the spaces of IBM Cloud compute with.
    pub(crate) wml_instance: String,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    /// What answers for models that the stub does not run.
    pub(crate) twin: Option<Model>,
    settle: Mutex<Duration>,
    world: Mutex<World>,
}

impl Site {
    pub(crate) fn new(
        options: Options,
        url: String,
        platform_url: String,
        log: RequestLog,
        twin: Option<Model>,
    ) -> Self {
        let world = Mutex::new(World::new(&options));
        let settle = Mutex::new(options.settle);
        let wml_instance = Uuid::new_v4().to_string();
        let (tokens, faults) = (Tokens::default(), Faults::default());
        Self { options, url, platform_url, wml_instance, tokens, faults, log, twin, settle, world }
    }

    /// How long what begins now will take.
    pub(crate) fn settle(&self) -> Duration {
        *self.settle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_settle(&self, settle: Duration) {
        *self.settle.lock().unwrap_or_else(PoisonError::into_inner) = settle;
    }

    /// The resources as they are now. The lock is not held while a model is loaded or scores.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance();
        world
    }
}
