//! Commands that a user is told to run, as a shell takes them.

use std::path::Path;

use crate::plan::Plan;
use crate::run::RunId;

use super::{RunsFolder, StepsFolder};

/// The command that removes what a run has left.
pub(super) fn removal(plan: &Plan, run: &RunId, runs: &RunsFolder, steps: &StepsFolder) -> String {
    let (spec, run) = (quoted_path(&plan.spec), run.as_str());
    let steps = steps.typed().map(|steps| format!(" --steps {}", quoted_path(steps))).unwrap_or_default();
    format!("stepwise cleanup {spec} --run {run} --runs {}{steps}", quoted_path(&runs.runs))
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
