//! What one more step costs: pipelines of steps that do nothing.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::dry_run::stepwise;
use crate::process::measure;
use crate::start::components;

const HEAD: &str = "version: 1\nname: many\nservices:\n  wml: {url: \"http://127.0.0.1:1\", auth: {kind: token, token: \
                    \"${{ secrets.TOKEN }}\"}}\nsteps:\n";

/// How many seconds pipelines of that many steps take.
pub(crate) fn take(counts: &[usize], times: usize) -> Result<Vec<Vec<f64>>> {
    let folder = TempDir::new()?;
    let guest = components()?.with_file_name("guests").join("rogue.wasm");
    fs::copy(&guest, folder.path().join("rogue.wasm"))
        .with_context(|| format!("{}: run `make guests`", guest.display()))?;
    for count in counts {
        let mut spec = HEAD.to_owned();
        for number in 0..*count {
            writeln!(
                spec,
                "  - {{module: rogue.wasm, id: s{number}, inputs: {{do: answer, text: '{{\"found\": {{}}}}'}}}}"
            )?;
        }
        fs::write(folder.path().join(format!("{count}.yaml")), spec)?;
    }
    let run = |count: usize, time: usize| {
        let mut command = stepwise(folder.path());
        command
            .args(["run", &format!("{count}.yaml"), "--run", &format!("{count}-{time}")])
            .env("TOKEN", "none-is-sent");
        measure(command).map(|measured| measured.wall.as_secs_f64())
    };
    // The first one compiles.
    run(counts[0], times)?;
    counts.iter().map(|count| (0..times).map(|time| run(*count, time)).collect()).collect()
}
