//! The steps' components: each file is loaded once, however many steps run it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::engine::{Component, ComponentError, Engine};
use crate::spec::{Hint, StepSpec, Way, is_name};

use super::Resolver;

/// Components by the file that they are in.
pub(super) struct Components<'a> {
    engine: &'a Engine,
    /// Where those are that have a name.
    folder: &'a Path,
    loaded: HashMap<PathBuf, Loaded>,
}

/// What came of a file.
#[derive(Clone)]
enum Loaded {
    Component(Component),
    /// It is not the one that somebody wanted, and was not looked into.
    Other {
        sha256: String,
    },
    Refused(Refused),
}

/// Why there is no component, and what mends it.
#[derive(Clone)]
pub(super) struct Refused {
    message: String,
    hint: Option<Hint>,
}

impl From<ComponentError> for Refused {
    fn from(error: ComponentError) -> Self {
        Self { message: error.to_string(), hint: error.hint().map(Into::into) }
    }
}

impl<'a> Components<'a> {
    pub(super) fn new(engine: &'a Engine, folder: &'a Path) -> Self {
        Self { engine, folder, loaded: HashMap::new() }
    }

    /// The component with a name, if it has the wanted SHA-256.
    fn named(&mut self, name: &str, wanted: Option<&str>) -> Result<Component, Refused> {
        let (engine, folder) = (self.engine, self.folder);
        self.load(&folder.join(format!("{name}.wasm")), wanted, |_| engine.named(folder, name))
    }

    /// The component in a file, if it has the wanted SHA-256: one that has not is not even asked what it is.
    fn in_file(&mut self, file: &Path, wanted: Option<&str>) -> Result<Component, Refused> {
        let engine = self.engine;
        self.load(file, wanted, |wanted| engine.load(file, wanted))
    }

    fn load(
        &mut self,
        file: &Path,
        wanted: Option<&str>,
        load: impl FnOnce(Option<&str>) -> Result<Component, ComponentError>,
    ) -> Result<Component, Refused> {
        let known = match self.loaded.get(file) {
            Some(Loaded::Other { sha256 }) if wanted.is_none_or(|wanted| wanted == sha256) => None,
            known => known.cloned(),
        };
        let known = known.unwrap_or_else(|| {
            let loaded = match load(wanted) {
                Ok(component) => Loaded::Component(component),
                Err(ComponentError::Digest { found, .. }) => Loaded::Other { sha256: found },
                Err(error) => Loaded::Refused(error.into()),
            };
            self.loaded.insert(file.to_owned(), loaded.clone());
            loaded
        });
        let found = match known {
            Loaded::Refused(refused) => return Err(refused),
            Loaded::Component(component) if wanted.is_none_or(|wanted| wanted == component.sha256) => {
                return Ok(component);
            }
            Loaded::Component(component) => component.sha256,
            Loaded::Other { sha256 } => sha256,
        };
        let (file, wanted) = (file.to_owned(), wanted.unwrap_or_default().to_owned());
        Err(ComponentError::Digest { file, found, wanted }.into())
    }
}

impl Resolver<'_> {
    /// What a step runs.
    pub(super) fn component(&mut self, step: &StepSpec, way: &Way) -> Option<Component> {
        let sha256 = step.sha256.as_deref().and_then(|sha256| self.sha256(sha256, &way.to("sha256")));
        let (way, loaded) = match (&step.step, &step.module) {
            (Some(name), None) if is_name(name) => (way.to("step"), self.components.named(name, sha256.as_deref())),
            (Some(name), None) => {
                self.problem(&way.to("step"), format!("`{name}` is not a step's name; a file goes under `module`"));
                return None;
            }
            (None, Some(module)) => {
                let module = self.fixed(module, &way.to("module"), false)?;
                if self.is_unknown(&way.to("module")) {
                    self.problem(&way.to("module"), "which component runs must be known: what this reads must be set");
                    return None;
                }
                (way.to("module"), self.components.in_file(&self.base.join(module), sha256.as_deref()))
            }
            _ => {
                self.problem(way, "a step has one of `step` and `module`");
                return None;
            }
        };
        loaded.map_err(|Refused { message, hint }| self.problem_with(&way, message, hint)).ok()
    }
}
