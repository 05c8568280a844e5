//! A token that somebody else keeps fresh in a file, such as Kubernetes the one of a service account.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::token::authorization;
use super::{Masks, Secret};

/// Longest file; a token has a few KiB.
const MAX_BYTES: u64 = 64 << 10;

/// A file with a token, read anew when it has changed.
#[derive(Debug)]
pub(super) struct TokenFile {
    file: PathBuf,
    last: Mutex<Option<(Stamp, Secret)>>,
}

/// By what a change is known: such files are replaced, or written in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenFileError {
    #[error("cannot read the token file `{}`: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("the token file `{}` {what}", file.display())]
    Unfit { file: PathBuf, what: &'static str },
}

impl TokenFile {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, last: Mutex::default() }
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self, masks: &Masks) -> Result<Secret, TokenFileError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let metadata = fs::metadata(&self.file);
        let metadata = metadata.map_err(|source| TokenFileError::Read { file: self.file.clone(), source })?;
        let stamp = Stamp {
            inode: metadata.ino(),
            bytes: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        };
        if let Some((known, authorization)) = &*last
            && *known == stamp
        {
            return Ok(authorization.clone());
        }
        let token = read(&self.file)?;
        masks.add(&token);
        let authorization = authorization(token.expose());
        *last = Some((stamp, authorization.clone()));
        Ok(authorization)
    }

    /// Reads the file whatever its stamp says; answers whether it has another token than the refused one.
    pub(super) fn renew(&self, refused: &Secret, masks: &Masks) -> bool {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.authorization(masks).is_ok_and(|authorization| authorization != *refused)
    }
}

/// Reads a token, without the space around it.
pub(super) fn read(file: &Path) -> Result<Secret, TokenFileError> {
    let failed = |source| TokenFileError::Read { file: file.to_owned(), source };
    let unfit = |what| TokenFileError::Unfit { file: file.to_owned(), what };
    let mut text = zeroize::Zeroizing::new(String::new());
    let opened = File::open(file).map_err(failed)?;
    match opened.take(MAX_BYTES + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 > MAX_BYTES => return Err(unfit("is longer than any token")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(unfit("is not UTF-8")),
        Err(error) => return Err(failed(error)),
    }
    match text.trim() {
        "" => Err(unfit("is empty")),
        token if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(unfit("has a character that no header may have"))
        }
        token => Ok(Secret::new(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_token_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for (content, what) in [
            (&b" \n"[..], "is empty"),
            (b"a b", "has a character that no header may have"),
            (b"\xff", "is not UTF-8"),
            ("a".repeat(70_000).as_bytes(), "is longer than any token"),
        ] {
            fs::write(&file, content).unwrap();
            let text = read(&file).unwrap_err().to_string();
            assert_eq!(text, format!("the token file `{}` {what}", file.display()));
        }
        let text = read(folder.path()).unwrap_err().to_string();
        assert_eq!(
            text,
            format!("cannot read the token file `{}`: Is a directory (os error 21)", folder.path().display())
        );
    }

    #[test]
    fn a_change_is_seen_even_at_the_same_length() {
        let folder = tempfile::tempdir().unwrap();
        let (file, masks) = (folder.path().join("token"), Masks::new());
        fs::write(&file, "first.token.x\n").unwrap();
        let token = TokenFile::new(file.clone());
        assert_eq!(token.authorization(&masks).unwrap().expose(), "Bearer first.token.x");

        fs::write(folder.path().join("next"), "other.token.x\n").unwrap();
        fs::rename(folder.path().join("next"), &file).unwrap();
        assert_eq!(token.authorization(&masks).unwrap().expose(), "Bearer other.token.x");
        assert_eq!(masks.mask("first.token.x other.token.x"), "*** ***");
    }

    #[test]
    fn a_refused_token_is_no_better_for_being_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let masks = Masks::new();
        fs::write(file.path(), "first.token.x").unwrap();
        let token = TokenFile::new(file.path().to_owned());
        let refused = token.authorization(&masks).unwrap();
        assert!(!token.renew(&refused, &masks));
        fs::write(file.path(), "other.token.x").unwrap();
        assert!(token.renew(&refused, &masks));
    }
}
