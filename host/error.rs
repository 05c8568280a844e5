//! Everything that a command can fail with, and its exit code.

use std::path::PathBuf;

use crate::console::Style;
use crate::engine::ComponentError;
use crate::exit;
use crate::run::{FolderError, LedgerError, RunError};
use crate::spec::Problems;

/// Why a command failed. That a step failed is no such error: it is a run's outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// What is kept of a run is damaged; the tags of what it has left are not.
    #[error("{error}")]
    Damaged {
        /// What is damaged, and how.
        error: Box<Error>,
        /// The command that removes what the run has left, by its tags.
        by_tags: String,
    },
    /// A run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The spec has these errors.
    #[error(transparent)]
    Spec(Problems),
    /// The spec that a run's record names has gone.
    #[error("the spec of run `{run}`, `{spec}`, is not there any more", spec = spec.display())]
    NoSpec {
        /// The run.
        run: String,
        /// Where its spec was.
        spec: PathBuf,
        /// The command that cleans up with the spec where it is now.
        command: String,
    },
    /// A file cannot be written.
    #[error("failed to write `{file}`: {source}", file = file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The arguments.
    #[error("{0}")]
    Usage(String),
    /// The file that tells the stub how to fail.
    #[error("the faults of `{file}` cannot be used: {why}", file = file.display())]
    Faults {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The stub.
    #[error(transparent)]
    Stub(#[from] stepwise_stub::StubError),
    /// There are no components.
    #[error("there are no components in `{folder}`", folder = .0.display())]
    NoSteps(PathBuf),
    /// Nothing in the spec removes what a run created.
    #[error("`{spec}` has no step that removes what a run created", spec = .0.display())]
    NoCleanup(PathBuf),
    /// Nothing in the spec removes what lost runs have left.
    #[error("`{spec}` has no step that removes what lost runs have left", spec = .0.display())]
    NoStale(PathBuf),
    /// What is left may be there on purpose.
    #[error(
        "the runs of `{spec}` may keep what they create, as no step that removes it is `when: always`: what lost runs have \
         left cannot be told from that",
        spec = .0.display()
    )]
    Keeps(PathBuf),
    /// The result cannot be written.
    #[error("failed to write the result: {0}")]
    Output(#[from] std::io::Error),
    /// Signals cannot be watched.
    #[error("failed to watch for signals: {0}")]
    Signals(std::io::Error),
}

impl Error {
    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Damaged { error, .. } => error.exit_code(),
            Self::Run(RunError::Folder(error)) | Self::Folder(error) => folder_code(error),
            // The first two: another process is in the way, and will not be for long.
            Self::Run(RunError::Alive { .. } | RunError::Busy { .. } | RunError::Ledger(_))
            | Self::Output(_)
            | Self::Write { .. }
            | Self::Signals(_) => exit::UNEXPECTED,
            Self::Run(RunError::Data { error, .. }) if error.is_passing() => exit::UNEXPECTED,
            Self::Component(_)
            | Self::Spec(_)
            | Self::Usage(_)
            | Self::NoSpec { .. }
            | Self::NoSteps(_)
            | Self::NoCleanup(_)
            | Self::NoStale(_)
            | Self::Keeps(_)
            | Self::Faults { .. }
            | Self::Stub(_)
            | Self::Run(_) => exit::USAGE,
        }
    }

    /// The whole text for a terminal, with or without colour.
    pub fn render(&self, colour: bool) -> String {
        if let Self::Spec(problems) = self {
            return problems.render(colour);
        }
        let style = Style::new(colour);
        let hint = self.hint().map(|hint| format!("\n{} {hint}", style.hint("hint:"))).unwrap_or_default();
        format!("{} {self}{hint}", style.error("error:"))
    }

    /// The one action that mends it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Component(error) => error.hint(),
            Self::NoSteps(_) => Some("build them with `make steps`, or name their folder with `--steps`".to_owned()),
            Self::Run(RunError::Data { error, .. }) => error.hint(),
            Self::Run(RunError::Exists(run)) => {
                Some(format!("take another name, go on with it by `--resume {run}`, or choose steps with `--only`"))
            }
            Self::Run(RunError::Alive { can_wait: true, .. }) => Some("`--wait 15m` waits for it".to_owned()),
            Self::Run(RunError::Split { step, begun, .. }) => {
                let shards = if *begun == 0 { "null".to_owned() } else { begun.to_string() };
                Some(format!("go on as it was begun, with `--set steps.{step}.shards={shards}`"))
            }
            Self::NoSpec { command, .. } => Some(format!("name where it is now: {command}")),
            Self::Run(RunError::DryRun(_)) => {
                Some("serve the stub on its own with `stepwise stub`, and run against that".to_owned())
            }
            Self::Run(RunError::Step { nearest: Some(nearest), .. }) => Some(format!("is `{nearest}` meant?")),
            Self::Run(RunError::Before { step, .. }) => Some(format!("go on from `{step}`")),
            Self::Run(RunError::Gone { .. }) => {
                Some("start a new run; with `--keep` it leaves what it creates".to_owned())
            }
            Self::Damaged { by_tags, .. } => Some(format!("what the run has left is found by its tags: {by_tags}")),
            Self::NoCleanup(_) => Some("add the step `cleanup` with `when: always`".to_owned()),
            Self::NoStale(_) => Some("add the step `sweep` with `when: stale`, and the space as its input".to_owned()),
            Self::Keeps(_) => Some(
                "`--dry-run` lists it; if none of it is to stay, `--set` that step's `when` to `always`".to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether what is kept of a run is damaged.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Run(
                RunError::Ledger(LedgerError::Line { .. } | LedgerError::Short { .. })
                    | RunError::Folder(FolderError::Record { .. }),
            ) | Self::Folder(FolderError::Record { .. })
        )
    }

    /// Whether the reader of the result went away, which is its own choice.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

fn folder_code(error: &FolderError) -> u8 {
    match error {
        FolderError::Name(_) | FolderError::Unknown { .. } => exit::USAGE,
        FolderError::File { .. } | FolderError::Record { .. } => exit::UNEXPECTED,
    }
}
