//! Where a secret comes from: the spec's own entry, else the folder of secrets, else the environment.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::services::Secret;
use crate::spec::Way;

use super::Environment;

/// Longest secret; what is longer is another file than was meant.
const MAX_BYTES: u64 = 64 << 10;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    #[error("the secret `{name}` is not set")]
    Unset { name: String, variable: String, folder: Option<PathBuf> },
    #[error("the secret `{name}`: there is no folder of secrets `{folder}`", folder = folder.display())]
    NoFolder { name: String, folder: PathBuf },
    #[error("the secret `{name}`: failed to read `{file}`: {source}", file = file.display())]
    Read { name: String, file: PathBuf, source: std::io::Error },
    #[error("the secret `{name}`: `{file}` is {what}", file = file.display())]
    Unfit { name: String, file: PathBuf, what: String },
}

impl SecretError {
    /// The one action that mends it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Unset { variable, folder: None, .. } => Some(format!("set the environment variable `{variable}`")),
            Self::Unset { name, folder: Some(folder), .. } => {
                Some(format!("put it in the file `{}`", folder.join(name).display()))
            }
            Self::NoFolder { .. } => Some("mount it, or name another one with `--secrets`".to_owned()),
            Self::Read { .. } | Self::Unfit { .. } => None,
        }
    }
}

/// What the spec says of a secret.
pub(super) enum Source {
    /// Nothing.
    Unnamed,
    /// A file.
    File(PathBuf),
    /// A variable.
    Variable(String),
}

impl Environment {
    /// Reads a secret.
    pub(super) fn secret(&self, name: &str, source: &Source) -> Result<Secret, SecretError> {
        let variable = match source {
            Source::File(file) => return of_file(name, file),
            Source::Variable(variable) => variable,
            Source::Unnamed => {
                if let Some(folder) = self.secrets_folder() {
                    if !folder.is_dir() {
                        return Err(SecretError::NoFolder { name: name.to_owned(), folder: folder.to_owned() });
                    }
                    let file = folder.join(name);
                    // A name without a file there may still be a variable.
                    if !file.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
                        return of_file(name, &file);
                    }
                }
                name
            }
        };
        let folder = matches!(source, Source::Unnamed).then(|| self.secrets_folder().map(Path::to_owned)).flatten();
        let unset = || SecretError::Unset { name: name.to_owned(), variable: variable.to_owned(), folder };
        self.variable(variable).filter(|value| !value.is_empty()).map(Secret::new).ok_or_else(unset)
    }
}

/// What a file holds, without the line break that most editors and `echo` put at its end.
fn of_file(name: &str, file: &Path) -> Result<Secret, SecretError> {
    let failed = |source| SecretError::Read { name: name.to_owned(), file: file.to_owned(), source };
    let unfit = |what: &str| SecretError::Unfit { name: name.to_owned(), file: file.to_owned(), what: what.to_owned() };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(unfit("a folder"));
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let opened = File::open(file).map_err(failed)?;
    match opened.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
        Ok(length) if length as u64 > MAX_BYTES => return Err(unfit(&format!("longer than {MAX_BYTES} bytes"))),
        Ok(_) => {}
        Err(error) => return Err(failed(error)),
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| unfit("not UTF-8"))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(unfit("empty"));
    }
    Ok(Secret::new(text))
}

/// Where a spec's entry for a secret stands.
pub(super) fn way(name: &str) -> Way {
    Way::root().to("secrets").to(name)
}
