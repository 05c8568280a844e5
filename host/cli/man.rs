//! `stepwise man`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use crate::error::Error;
use crate::exit;

use super::Cli;

/// Print the main man page, or write one page per command to a folder
#[derive(Debug, Args)]
pub(super) struct ManCommand {
    /// Folder to write all pages to, for an image or a package, for example `/usr/local/share/man/man1`
    folder: Option<PathBuf>,
}

impl ManCommand {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        if let Some(folder) = self.folder {
            std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), &folder))
                .map_err(|source| Error::Write { file: folder, source })?;
        } else {
            Man::new(Cli::command()).render(out)?;
        }
        Ok(exit::DONE)
    }
}
