//! From the start of the process to its first request.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::dry_run::stepwise;
use crate::target::sample;

/// What is compiled already when the process starts.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Compiled {
    Nothing,
    /// By an earlier run.
    Cached,
    /// By `stepwise compile`, as in an image.
    Beside,
}

/// How long it takes until a service is called for the first time.
pub(crate) fn first_request(compiled: Compiled, times: usize) -> Result<Vec<f64>> {
    let folder = TempDir::new()?;
    let steps = folder.path().join("steps");
    if compiled == Compiled::Beside {
        copy_components(&steps)?;
        let ended = stepwise(folder.path()).arg("compile").env("STEPWISE_STEPS", &steps).status()?;
        ensure!(ended.success(), "`stepwise compile` ended with {ended}");
    }
    let run = |number: usize| {
        let mut command = stepwise(folder.path());
        command.arg("run").arg(sample("pipeline.yaml")).args(["--run", &number.to_string()]);
        match compiled {
            Compiled::Nothing => command.env("STEPWISE_CACHE", folder.path().join(format!("cache-{number}"))),
            Compiled::Beside => command.env("STEPWISE_STEPS", &steps),
            Compiled::Cached => &mut command,
        };
        once(command).map(|time| time.as_secs_f64())
    };
    if compiled != Compiled::Nothing {
        // Fills the cache, and has the disk done with what was written for this.
        run(times)?;
    }
    (0..times).map(run).collect()
}

/// The service is a bare listener: the call that it sees is not answered, the process is ended.
fn once(mut command: Command) -> Result<Duration> {
    let service = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", service.local_addr()?);
    let variables = [("CPD_URL", url.as_str()), ("CPD_USERNAME", "ci"), ("CPD_API_KEY", "key"), ("CPD_SPACE", "space")];
    let start = Instant::now();
    let mut child = command.envs(variables).spawn()?;
    service.accept()?;
    let time = start.elapsed();
    child.kill()?;
    child.wait()?;
    Ok(time)
}

fn copy_components(to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(components()?)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            fs::copy(&file, to.join(file.file_name().context("a file without a name")?))?;
        }
    }
    Ok(())
}

/// The folder of the built components.
pub(crate) fn components() -> Result<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_stepwise"));
    let target = program.parent().and_then(Path::parent).context("a program outside of its target folder")?;
    let folder = target.join("steps");
    ensure!(folder.join("store.wasm").is_file(), "there are no components in `{}`: run `make steps`", folder.display());
    Ok(folder)
}
