//! The command line: one file per command.

mod advice;
mod check;
mod cleanup;
mod compile;
mod completions;
mod explain;
mod man;
mod output;
mod plan;
mod plan_json;
mod run;
mod run_id;
mod schema;
mod steps;
mod stub;
pub mod usage;
pub mod version;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::console::Console;
use crate::engine::{Cache, Engine};
use crate::error::Error;
use crate::plan::{DryRun, Environment, Plan};
use crate::report::Look;
use crate::services::{is_masked, platform_url};
use crate::spec::{Dialect, Overrides, Spec};

/// Takes a machine-learning model from a commit to a verified deployment on IBM Cloud Pak for Data
#[derive(Debug, Parser)]
#[command(version, help_expected = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    output: output::Output,
    #[command(flatten)]
    verbose: version::Verbose,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Plan(plan::PlanCommand),
    Steps(steps::Steps),
    Schema(schema::SchemaCommand),
    Compile(compile::Compile),
    Stub(stub::StubCommand),
    Cleanup(cleanup::Cleanup),
    RunId(run_id::RunIdCommand),
    Completions(completions::Completions),
    Man(man::ManCommand),
}

impl Cli {
    /// Reads the arguments of this process. A variable that is empty, as a CI system may leave one, is not set.
    pub fn read() -> Result<Self, clap::Error> {
        let mut command = without_empty_variables(Self::command());
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// The way to stderr that the user wants.
    pub fn console(&self) -> Console {
        self.output.console()
    }

    /// Executes the command. Answers the exit code; the result goes to `out`, all else to the console.
    pub fn execute(self, console: &Console, out: &mut impl Write) -> Result<u8, Error> {
        let look = Look::of_stdout(self.output.colour());
        match self.command {
            Command::Run(command) => command.execute(console, look, out),
            Command::Check(command) => command.execute(console, out),
            Command::Plan(command) => command.execute(console, out),
            Command::Steps(command) => command.execute(out),
            Command::Schema(command) => command.execute(out),
            Command::Compile(command) => command.execute(out),
            Command::Stub(command) => command.execute(out),
            Command::Cleanup(command) => command.execute(console, look, out),
            Command::RunId(command) => command.execute(out),
            Command::Completions(command) => command.execute(out),
            Command::Man(command) => command.execute(out),
        }
    }
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| {
        let is_empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if is_empty { arg.env(None::<&'static str>) } else { arg }
    });
    command.mut_subcommands(without_empty_variables)
}

/// A variable of this process, if it is there and not empty.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Where the components are.
#[derive(Debug, Args)]
struct StepsFolder {
    /// Folder of components, one `<step>.wasm` each; give it when they are not beside the binary
    #[arg(long, value_name = "DIR", env = "STEPWISE_STEPS")]
    steps: Option<PathBuf>,
}

/// The folder, if it was typed: what the environment says will be said there again.
fn typed<'a>(folder: Option<&'a Path>, variable: &str) -> Option<&'a Path> {
    let environment = std::env::var_os(variable);
    folder.filter(|folder| Some(folder.as_os_str()) != environment.as_deref())
}

impl StepsFolder {
    /// The folder where no argument can name it.
    fn of_environment() -> Self {
        Self { steps: variable("STEPWISE_STEPS").map(PathBuf::from) }
    }

    fn typed(&self) -> Option<&Path> {
        typed(self.steps.as_deref(), "STEPWISE_STEPS")
    }

    /// The folder given, or `steps` beside the folder of this binary.
    fn path(&self) -> PathBuf {
        self.steps.clone().unwrap_or_else(|| {
            let binary = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
            let installation = binary.parent().and_then(|folder| folder.parent());
            installation.map_or_else(|| PathBuf::from("steps"), |folder| folder.join("steps"))
        })
    }
}

/// Where runs are kept.
#[derive(Debug, Args)]
struct RunsFolder {
    /// Folder in which runs are kept; give it when the working directory does not last
    #[arg(long, value_name = "DIR", env = "STEPWISE_RUNS", default_value = ".stepwise")]
    runs: PathBuf,
}

/// The engine with the user's cache.
fn engine() -> Result<Engine, Error> {
    Ok(Engine::new(Cache::of_user())?)
}

/// Reads a spec.
fn read(spec: &Path, overrides: &Overrides) -> Result<Spec, Error> {
    Spec::read(spec, overrides).map_err(Error::Spec)
}

/// Makes the plan of a spec.
fn plan(spec: &Spec, steps: &StepsFolder, environment: &Environment, console: &Console) -> Result<Plan, Error> {
    let engine = engine()?;
    let plan = Plan::new(spec, &engine, &steps.path(), environment).map_err(Error::Spec)?;
    warn(&engine, console);
    Ok(plan)
}

/// Which product the stub of a dry run is: that of the spec's `wml`, as far as the spec tells it.
fn dialect(spec: &Spec) -> Dialect {
    let Some(Some(wml)) = spec.services.get("wml") else { return Dialect::Cp4d5 };
    let is_cloud = || platform_url(wml.url.as_deref()?).map(|_| Dialect::IbmCloud);
    wml.known_dialect().or_else(is_cloud).unwrap_or(Dialect::Cp4d5)
}

/// What is changed of a spec for this call.
#[derive(Debug, Args)]
struct OverrideArguments {
    /// Profile of the spec to apply, for example the one of the cluster that this is run against
    #[arg(long, value_name = "NAME", env = "STEPWISE_PROFILE")]
    profile: Option<String>,
    /// Value to use instead of the spec's, for example `params.threshold=0.9` or `steps.score.timeout=5m`; repeat it for
    /// several, or put them into `STEPWISE_SET`, one a line
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl OverrideArguments {
    fn overrides(&self) -> Overrides {
        let lines = std::env::var("STEPWISE_SET").unwrap_or_default();
        let around = lines.lines().filter(|line| !line.is_empty()).map(str::to_owned);
        Overrides { profile: self.profile.clone(), set: around.chain(self.set.iter().cloned()).collect() }
    }
}

/// What was laid over the spec when a run began, and over that what is now. What the record has masked, nobody knows any more.
fn on_top_of(known: &Overrides, now: Overrides) -> Overrides {
    let set = known.set.iter().filter(|set| !is_masked(set)).cloned().chain(now.set);
    Overrides { profile: now.profile.or_else(|| known.profile.clone()), set: set.collect() }
}

/// Says that components are compiled at every start, if they are.
fn warn(engine: &Engine, console: &Console) {
    if let Some(trouble) = engine.trouble() {
        let message = format!("components are compiled at every start: {trouble}");
        let hint = "set STEPWISE_CACHE to a folder of yours, or run `stepwise compile` once";
        console.note("warning", &message, Some(hint));
    }
}

/// Where the secrets are.
#[derive(Debug, Args)]
struct SecretsFolder {
    /// Folder of secrets, a file of its name for each, as Kubernetes mounts them; give it to keep them out of the environment
    #[arg(long, value_name = "DIR", env = "STEPWISE_SECRETS")]
    secrets: Option<PathBuf>,
}

impl SecretsFolder {
    fn typed(&self) -> Option<&Path> {
        typed(self.secrets.as_deref(), "STEPWISE_SECRETS")
    }

    /// The variables of this process, and these secrets.
    fn environment(&self) -> Environment {
        Environment::of_process().with_secrets(self.secrets.clone())
    }
}

/// Plans without services: for `check` and `plan`.
#[derive(Debug, Args)]
struct Offline {
    /// Plan a dry run: no variable of the services need be set
    #[arg(long)]
    dry_run: bool,
    /// Accept that variables, secrets and params are not set: for a check where the pipeline does not run
    #[arg(long)]
    allow_unset: bool,
    #[command(flatten)]
    secrets: SecretsFolder,
}

impl Offline {
    /// The variables of this process, or of a dry run whose stub is not started.
    fn environment(&self, spec: &Spec) -> Environment {
        let environment = self.secrets.environment();
        let environment =
            if self.dry_run { environment.with_dry_run(DryRun::planned(dialect(spec))) } else { environment };
        if self.allow_unset { environment.allowing_unset() } else { environment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
