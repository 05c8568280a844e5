//! Commands that a user is told to run, as a shell takes them.

use std::borrow::Cow;
use std::path::Path;

use crate::plan::Plan;
use crate::run::RunId;
use crate::services::{Masks, is_masked};

use super::{RunsFolder, SecretsFolder, StepsFolder};

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

/// The command that removes what lost runs have left. A value that is a secret stands in it as its mask.
pub(super) fn stale(plan: &Plan, older_than: &str, folders: &Folders<'_>) -> String {
    let spec = quoted_path(&plan.spec);
    let mut command = format!("stepwise cleanup --stale --older-than {} {spec}", quoted(older_than));
    command.extend(plan.overrides.profile.iter().map(|profile| format!(" --profile {}", quoted(profile))));
    let masks = Masks::of(&plan.secrets);
    with(command, folders, plan.overrides.set.iter().map(|set| masks.mask(set)))
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
