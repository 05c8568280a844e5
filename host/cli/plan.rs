//! `stepwise plan`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::console::Console;
use crate::error::Error;
use crate::exit;
use crate::plan::{Plan, When};
use crate::run::RunId;
use crate::services::Masks;

use super::explain::explain;
use super::plan_json::plan_json;
use super::{Offline, OverrideArguments, RunsFolder, StepsFolder, cleanup};

/// Show what a spec would run: the steps in order, their inputs, and the requests granted to each
#[derive(Debug, Args)]
pub(super) struct PlanCommand {
    /// Spec to plan
    spec: PathBuf,
    /// Say for each value where it comes from: the spec, its defaults, a profile, `--set`, or built in
    #[arg(long)]
    explain: bool,
    /// Form of the answer; `json` also names the secrets and variables that the spec reads, and with `--allow-unset` which
    /// secrets are not set, for who binds them
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, conflicts_with = "explain")]
    format: Format,
    /// Plan the cleanup of this run instead, with the run's own profile and values
    #[arg(long, value_name = "ID", conflicts_with_all = ["explain", "dry_run"])]
    cleanup: Option<String>,
    #[command(flatten)]
    runs: RunsFolder,
    #[command(flatten)]
    overrides: OverrideArguments,
    #[command(flatten)]
    offline: Offline,
    #[command(flatten)]
    steps: StepsFolder,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For reading
    #[default]
    Text,
    /// For tools
    Json,
}

impl PlanCommand {
    pub(super) fn execute(self, console: &Console, out: &mut impl Write) -> Result<u8, Error> {
        let (spec, plan) = if let Some(run) = &self.cleanup {
            let record = cleanup::record(&self.runs, &RunId::parse(run)?)?;
            let spec = cleanup::spec(&self.spec, &record, self.overrides.set)?;
            let plan = cleanup::plan(&spec, &self.steps, &self.offline.environment(&spec), console)?;
            (spec, plan)
        } else {
            let spec = super::read(&self.spec, &self.overrides.overrides())?;
            let plan = super::plan(&spec, &self.steps, &self.offline.environment(&spec), console)?;
            (spec, plan)
        };
        let mut text = Vec::new();
        match self.format {
            _ if self.explain => explain(&spec, &plan, &mut text)?,
            Format::Json => writeln!(text, "{:#}", plan_json(&spec, &plan, self.offline.dry_run))?,
            Format::Text => show(&plan, &mut text)?,
        }
        // A variable or an argument may say what is a secret elsewhere.
        out.write_all(&Masks::of(&plan.secrets).mask_bytes(&text).unwrap_or(text))?;
        Ok(exit::DONE)
    }
}

/// Every step with its inputs, and what it may do.
fn show(plan: &Plan, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "pipeline {}", plan.name)?;
    for service in &plan.services {
        let dialect = service.dialect.map(|dialect| format!(" ({})", dialect.as_str())).unwrap_or_default();
        let platform = service.platform_url.as_ref().map(|url| format!(", its platform at {url}")).unwrap_or_default();
        writeln!(out, "service {} at {}{dialect}{platform}", service.name, service.url)?;
    }
    for (n, step) in plan.all_steps().into_iter().enumerate() {
        let info = &step.component.info;
        let when = match step.when {
            When::Success => "",
            When::Failure => ", after a failure",
            When::Always => ", always",
            When::Stale => ", by `cleanup --stale` only",
        };
        let shards = step.shards().map(|of| format!(", in {of} shards")).unwrap_or_default();
        writeln!(out, "\n{}. {} ({} {}{when}{shards})", n + 1, step.id, info.name, info.version)?;
        writeln!(out, "   {}", info.summary)?;
        let later = step.inputs.later();
        if let serde_json::Value::Object(inputs) = step.inputs.sketch() {
            let answers = info.inputs.shards().map(|names| names.answers);
            for (name, value) in inputs.into_iter().filter(|(name, _)| answers != Some(name)) {
                let reference = later.iter().find(|(pointer, _)| *pointer == format!("/{name}"));
                let shown = reference.map_or_else(|| value.to_string(), |(_, template)| template.to_string());
                writeln!(out, "   {name}: {shown}")?;
            }
        }
        for grant in step.permit.granted() {
            writeln!(out, "   may send {grant} to {}: {}", grant.service, grant.reason)?;
        }
        for need in step.permit.not_granted() {
            writeln!(out, "   may NOT send {need} to {}: not granted", need.service)?;
        }
        if step.removes {
            writeln!(out, "   may remove what the run created")?;
        }
    }
    Ok(())
}
