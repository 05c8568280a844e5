//! Commands that a user is told to run, as a shell takes them.

use std::borrow::Cow;
use std::path::Path;

use crate::error::Error;
use crate::plan::{Overrides, Plan};
use crate::run::RunId;
use crate::services::{Masks, is_masked};

use super::{RunsFolder, SecretsFolder, StepsFolder};

/// The age of whom nobody need wait for, as its run is known.
pub(super) const ANY_AGE: &str = "0s";

/// Where a command finds what is no part of the spec.
pub(super) struct Folders<'a> {
    pub(super) secrets: &'a SecretsFolder,
    pub(super) steps: &'a StepsFolder,
    pub(super) runs: &'a RunsFolder,
}

/// The command that removes what a run has left. A value that was set and is a secret stands in it as its mask: the
/// record has no more of it, so it must be set again.
pub(super) fn removal(plan: &Plan, run: &RunId, folders: &Folders<'_>) -> String {
    let command = format!("stepwise cleanup {} --run {}", quoted_path(&plan.spec), run.as_str());
    let masks = Masks::of(&plan.secrets);
    let secret = plan.overrides.set.iter().map(|set| masks.mask(set)).filter(|set| is_masked(set));
    with(command, folders, secret)
}

/// The command that removes what a run has left, for who knows where its spec is.
pub(super) fn cleanup(run: &RunId, folders: &Folders<'_>) -> String {
    with(format!("stepwise cleanup SPEC --run {}", run.as_str()), folders, std::iter::empty())
}

/// The command that removes what lost runs have left, or one of them. A value that is a secret stands in it as its mask.
pub(super) fn stale(plan: &Plan, run: Option<&RunId>, older_than: &str, folders: &Folders<'_>) -> String {
    let masks = Masks::of(&plan.secrets);
    let set = plan.overrides.set.iter().map(|set| masks.mask(set));
    sweep(&plan.spec, run, older_than, plan.overrides.profile.as_deref(), folders, set)
}

/// The error with the command that removes what the run has left by its tags, if what is kept of it is damaged. Without the
/// record nobody knows the spec's secrets, so each value that was set stands in the command as a mask.
pub(super) fn or_by_tags(
    error: Error,
    spec: Option<&Path>,
    run: &RunId,
    overrides: &Overrides,
    folders: &Folders<'_>,
) -> Error {
    if !error.is_damage() {
        return error;
    }
    let masked = |set: &'_ String| Cow::from(format!("{}=***", set.split_once('=').map_or("", |(path, _)| path)));
    let set = overrides.set.iter().map(masked);
    let spec = spec.unwrap_or(Path::new("SPEC"));
    let by_tags = sweep(spec, Some(run), ANY_AGE, overrides.profile.as_deref(), folders, set);
    Error::Damaged { error: Box::new(error), by_tags }
}

fn sweep<'a>(
    spec: &Path,
    run: Option<&RunId>,
    older_than: &str,
    profile: Option<&str>,
    folders: &Folders<'_>,
    set: impl Iterator<Item = Cow<'a, str>>,
) -> String {
    let mut command = "stepwise cleanup --stale".to_owned();
    command.extend(run.map(|run| format!(" --run {}", run.as_str())));
    command.extend([format!(" --older-than {} {}", quoted(older_than), quoted_path(spec))]);
    command.extend(profile.map(|profile| format!(" --profile {}", quoted(profile))));
    with(command, folders, set)
}

fn with<'a>(mut command: String, folders: &Folders<'_>, set: impl Iterator<Item = Cow<'a, str>>) -> String {
    for (flag, folder) in [
        ("--runs", Some(folders.runs.runs.as_path())),
        ("--secrets", folders.secrets.typed()),
        ("--steps", folders.steps.typed()),
    ] {
        command.extend(folder.map(|folder| format!(" {flag} {}", quoted_path(folder))));
    }
    for set in set {
        command.extend([" --set ".to_owned(), quoted(&set)]);
    }
    command
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// A word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    // A leading dash would make it a flag.
    let text = if text.starts_with('-') { &format!("./{text}") } else { text };
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("model/pipeline.yaml"), "model/pipeline.yaml");
        assert_eq!(quoted("my pipeline.yaml"), "'my pipeline.yaml'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("-f"), "./-f");
    }
}
