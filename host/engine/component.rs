//! A step's component: found, compiled once, checked against the contract, described.

use std::fmt;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use wasmtime::Config;
use wasmtime::component::Linker;

use crate::data::digest_of;
use crate::services::Grant;
use crate::spec::{nearest, size_text};

use super::bindings::StepComponentPre;
use super::cache::{self, Cache};
use super::contract::{self, StepInfo};
use super::error::ComponentError;
use super::schema::Schema;
use super::state::StepState;
use super::{execute, imports};

/// How a component starts: the version and the layer follow the magic word.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
/// How a core module starts.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// The largest component that is read: several times one that brings an interpreter along.
const MAX_BYTES: u64 = 64 << 20;

/// Compiles and links components. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    linker: Arc<Linker<StepState>>,
    cache: Option<Arc<Cache>>,
    trouble: Arc<OnceLock<ComponentError>>,
}

/// A component that is ready to run.
#[derive(Clone)]
pub struct Component {
    /// What it says of itself.
    pub info: Arc<Info>,
    /// SHA-256 of the file, 64 hex digits.
    pub sha256: String,
    pub(super) engine: Engine,
    pub(super) pre: StepComponentPre<StepState>,
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("info", &self.info).field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// What a component says of itself, read.
#[derive(Debug)]
pub struct Info {
    /// The step's name.
    pub name: String,
    /// The component's version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// The inputs.
    pub inputs: Schema,
    /// The outputs.
    pub outputs: Schema,
    /// What it wants to send.
    pub needs: Vec<Grant>,
    /// Whether it runs models.
    pub scoring: bool,
    /// Whether it writes artifacts.
    pub artifacts: bool,
    /// Whether it removes what the run created.
    pub removes: bool,
}

impl Engine {
    /// An engine that keeps compiled components in `cache`.
    pub fn new(cache: Option<Cache>) -> Result<Self, ComponentError> {
        let failed = |error: wasmtime::Error| ComponentError::Engine(format!("{error:#}"));
        let mut config = Config::new();
        // Named, though it is this machine's own: what is compiled is then for every processor of its kind, not for the
        // one at hand, and an image that was built on one runs on another without compiling anew.
        config.target(&target()).map_err(failed)?.epoch_interruption(true);
        // Nobody is shown a backtrace: what only serves one is a seventh of a compiled component.
        config.wasm_backtrace_max_frames(None).generate_address_map(false).native_unwind_info(false);
        let wasmtime = wasmtime::Engine::new(&config).map_err(failed)?;
        let linker = imports::linker(&wasmtime).map_err(failed)?;
        Ok(Self { wasmtime, linker: Arc::new(linker), cache: cache.map(Arc::new), trouble: Arc::default() })
    }

    /// Why what was compiled could not be kept, if so: it is compiled anew at every start.
    pub fn trouble(&self) -> Option<&ComponentError> {
        self.trouble.get()
    }

    /// The component `<name>.wasm` of a folder.
    pub fn named(&self, folder: &Path, name: &str) -> Result<Component, ComponentError> {
        let file = folder.join(format!("{name}.wasm"));
        if !file.is_file() {
            let known = names(folder);
            let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(ComponentError::Unknown { name: name.to_owned(), folder: folder.to_owned(), nearest });
        }
        self.read(&file, None, Some(folder))
    }

    /// The component in a file, if it has the wanted SHA-256.
    pub fn load(&self, file: &Path, wanted: Option<&str>) -> Result<Component, ComponentError> {
        self.read(file, wanted, None)
    }

    /// `trusted` is the steps folder, where `stepwise compile` puts compiled components. Anywhere else such a file may
    /// have come with a commit, and compiled code is run as it is.
    fn read(&self, file: &Path, wanted: Option<&str>, trusted: Option<&Path>) -> Result<Component, ComponentError> {
        let bytes = bytes_of(file)?;
        let sha256 = digest_of(&bytes);
        if let Some(wanted) = wanted
            && !wanted.eq_ignore_ascii_case(&sha256)
        {
            return Err(ComponentError::Digest { file: file.to_owned(), found: sha256, wanted: wanted.to_owned() });
        }
        let compiled = self.compiled(file, &bytes, &sha256, trusted)?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let version = contract::check(&name, &compiled)?;
        let pre = self.linker.instantiate_pre(&compiled).and_then(StepComponentPre::new);
        let pre = pre.map_err(|_| contract::misfit(&name, &version))?;
        let described = execute::describe(self, &pre, &name, &version)?;
        let info = Info::read(&name, described)?;
        Ok(Component { info: Arc::new(info), sha256, engine: self.clone(), pre })
    }

    /// Compiles a component and writes it beside its source, for an image. Answers the new file.
    pub fn compile(&self, file: &Path) -> Result<PathBuf, ComponentError> {
        let bytes = bytes_of(file)?;
        let target = cache::beside(file, &self.key(&digest_of(&bytes)));
        let compiled = self.precompile(file, &bytes)?;
        // Whoever runs the image reads it; only its owner may write it.
        let written = cache::write(&target, &compiled, 0o644);
        written.map_err(|source| ComponentError::Write { file: target.clone(), source })?;
        Ok(target)
    }

    fn compiled(
        &self,
        file: &Path,
        bytes: &[u8],
        sha256: &str,
        trusted: Option<&Path>,
    ) -> Result<wasmtime::component::Component, ComponentError> {
        let key = self.key(sha256);
        let beside = trusted.map(|folder| cache::in_folder(folder, &key)).transpose()?.flatten();
        let kept = match (beside, &self.cache) {
            (None, Some(cache)) => cache.find(&key)?,
            (beside, _) => beside,
        };
        if let Some(kept) = kept {
            // SAFETY: the file is named after the component and the engine, and only this user or root can have
            // written it (`check_private`), so it is what `precompile` made.
            let component = unsafe { wasmtime::component::Component::deserialize_file(&self.wasmtime, &kept) };
            // A file that is cut short or of another build is compiled again, not trusted.
            if let Ok(component) = component {
                return Ok(component);
            }
        }
        let compiled = self.precompile(file, bytes)?;
        if let Some(Err(error)) = self.cache.as_ref().map(|cache| cache.keep(&key, &compiled)) {
            // Slower, but right.
            let _ = self.trouble.set(error);
        }
        // SAFETY: these bytes come from `precompile`, just now.
        unsafe { wasmtime::component::Component::deserialize(&self.wasmtime, &compiled) }
            .map_err(|error| ComponentError::Engine(format!("{error:#}")))
    }

    fn precompile(&self, file: &Path, bytes: &[u8]) -> Result<Vec<u8>, ComponentError> {
        self.wasmtime.precompile_component(bytes).map_err(|error| ComponentError::NotAComponent {
            file: file.to_owned(),
            reason: error.root_cause().to_string(),
        })
    }

    /// What a compiled component's file is named after: the component, and all of the engine that matters to the code.
    fn key(&self, sha256: &str) -> String {
        let mut hasher = std::hash::DefaultHasher::new();
        self.wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        format!("{sha256}-{:016x}", hasher.finish())
    }
}

/// The SHA-256 of a component, without a look into it.
pub fn digest(file: &Path) -> Result<String, ComponentError> {
    Ok(digest_of(&bytes_of(file)?))
}

/// What components are compiled for, for example `x86_64-unknown-linux-gnu`.
pub fn target() -> String {
    target_lexicon::HOST.to_string()
}

/// What is in a component's file. A look at its beginning comes first: whatever else may be there need not be read.
fn bytes_of(file: &Path) -> Result<Vec<u8>, ComponentError> {
    let failed = |source| ComponentError::Read { file: file.to_owned(), source };
    let refused = |reason: String| ComponentError::NotAComponent { file: file.to_owned(), reason };
    let metadata = fs::metadata(file).map_err(failed)?;
    if !metadata.is_file() {
        return Err(refused(if metadata.is_dir() { "it is a folder" } else { "it is no file" }.to_owned()));
    }
    let mut opened = File::open(file).map_err(failed)?;
    let mut bytes = Vec::new();
    opened.by_ref().take(HEADER.len() as u64).read_to_end(&mut bytes).map_err(failed)?;
    if bytes == CORE_MODULE {
        return Err(ComponentError::CoreModule { file: file.to_owned() });
    }
    if !bytes.starts_with(&HEADER[..4]) {
        return Err(refused("it does not start as WebAssembly does".to_owned()));
    }
    opened.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(format!("it is larger than the {} that are read", size_text(MAX_BYTES))));
    }
    Ok(bytes)
}

/// The names of the components in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

impl Info {
    fn read(component: &str, info: StepInfo) -> Result<Self, ComponentError> {
        let refuse = |reason: String| ComponentError::Describe { component: component.to_owned(), reason };
        let schema = |what: &str, text: &str| {
            Schema::parse(text).map_err(|reason| refuse(format!("its {what} schema {reason}")))
        };
        let needs = info.needs.services.into_iter().map(|need| {
            Grant::new(&need.service, &need.method, &need.path, &need.reason)
                .map_err(|error| refuse(format!("its need `{} {}`: {error}", need.method, need.path)))
        });
        Ok(Self {
            inputs: schema("inputs", &info.inputs)?,
            outputs: schema("outputs", &info.outputs)?,
            needs: needs.collect::<Result<_, _>>()?,
            name: info.name,
            version: info.version,
            summary: info.summary,
            scoring: info.needs.scoring,
            artifacts: info.needs.artifacts,
            removes: info.needs.removes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the processor's features compiled code may use: `wasmtime` writes each name, then 2 for a choice of yes
    /// or no, then which.
    fn features(engine: &wasmtime::Engine) -> Vec<String> {
        let compiled = engine.precompile_component(HEADER).expect("an empty component compiles");
        let mut used = Vec::new();
        for start in 0..compiled.len() {
            let Some(name) = compiled[start..].strip_prefix(b"has_") else { continue };
            let length = name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            if let [2, 1, ..] = name[length..] {
                used.push(String::from_utf8_lossy(&name[..length]).into_owned());
            }
        }
        used
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn code_is_compiled_for_every_processor_of_a_kind() {
        let here = wasmtime::Engine::default();
        assert!(
            features(&here).contains(&"sse42".to_owned()),
            "this test reads what `wasmtime` writes: {:?}",
            features(&here)
        );

        assert_eq!(features(&Engine::new(None).expect("an engine").wasmtime), [] as [String; 0]);
    }
}
