//! CSV of what comes in another form: made once, kept in the cache under the digest of what it was made of.

mod parquet;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::cache::{Cache, create};
use super::fetch::{DataSet, Local};
use super::{DataError, digest_once};
use crate::deadline::Stop;
use crate::spec::FormatSpec;

/// Part of the names in the cache: whoever changes what is made of a file counts it up.
const VERSION: u32 = 1;

/// Why there is no CSV.
#[derive(Debug)]
enum Trouble {
    /// The source is not what it should be.
    Source(String),
    /// A column has no place in CSV.
    Column { column: String, why: String },
    /// It cannot be written.
    Write(io::Error),
    /// It is too large.
    TooLarge,
    /// The run is to stop.
    Interrupted,
}

/// The data set as CSV: the file itself if it is that already.
pub(super) fn to_csv(set: &DataSet, path: PathBuf, stop: &Stop) -> Result<Local, DataError> {
    let name = set.source.name();
    let failed = |source| DataError::Read { path: path.clone(), source };
    let form = set.form.map_or_else(|| detect(&path, &name), Ok).map_err(failed)?;
    let form_name = match form {
        FormatSpec::Csv => return Ok(Local::file(path)),
        FormatSpec::Gzip => "gzip",
        FormatSpec::Zstd => "zstd",
        FormatSpec::Parquet => "parquet",
    };
    let (sha256, _) = digest_once(&path)?;
    let cache = Cache::of_user()?;
    let key = format!("{sha256}.{form_name}-{VERSION}");
    let made = format!("{key}.csv");
    let _lock = cache.lock(&key, &name, stop)?;
    let max = set.max_fetched();
    if let Some(found) = cache.find(&made) {
        let bytes = std::fs::metadata(&found).map_err(failed)?.len();
        return if bytes > max {
            Err(DataError::TooLargeUnpacked { name, max })
        } else {
            Ok(Local { path: found, made_of: Some((name, sha256)) })
        };
    }
    let source = File::open(&path).map_err(failed)?;
    let draft = cache.path(&format!("{key}.draft"));
    let file = create(&draft)?;
    let unpacked = file.set_len(0).map_err(Trouble::Write).and_then(|()| {
        let mut out = Limited { out: BufWriter::with_capacity(1 << 16, &file), left: max, stop };
        match form {
            FormatSpec::Csv => Ok(()),
            FormatSpec::Gzip => copy(flate2::read::MultiGzDecoder::new(BufReader::new(source)), &mut out),
            FormatSpec::Zstd => {
                zstd::stream::read::Decoder::new(source).map_err(unreadable).and_then(|it| copy(it, &mut out))
            }
            FormatSpec::Parquet => parquet::write(source, max, &mut out),
        }?;
        out.flush().map_err(Trouble::of_writing)
    });
    if let Err(trouble) = unpacked {
        let _ = std::fs::remove_file(&draft);
        return Err(match trouble {
            Trouble::Source(why) => DataError::Form { name, form: form_name, why },
            Trouble::Column { column, why } => DataError::Column { name, column, why },
            Trouble::Write(source) => DataError::Write { path: draft, source },
            Trouble::TooLarge => DataError::TooLargeUnpacked { name, max },
            Trouble::Interrupted => DataError::Interrupted { name },
        });
    }
    let path = cache.keep(&draft, &file, &made)?;
    Ok(Local { path, made_of: Some((name, sha256)) })
}

/// The form of a file: its first bytes tell, or else its name.
fn detect(path: &Path, name: &str) -> io::Result<FormatSpec> {
    let mut first = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut first)?;
    let ends = |ending: &str| name.to_ascii_lowercase().ends_with(ending);
    Ok(match first.as_slice() {
        [0x1f, 0x8b, ..] => FormatSpec::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => FormatSpec::Zstd,
        b"PAR1" => FormatSpec::Parquet,
        _ if ends(".gz") => FormatSpec::Gzip,
        _ if ends(".zst") => FormatSpec::Zstd,
        _ if ends(".parquet") => FormatSpec::Parquet,
        _ => FormatSpec::Csv,
    })
}

fn copy(mut source: impl Read, out: &mut impl Write) -> Result<(), Trouble> {
    let mut chunk = vec![0; 1 << 16];
    loop {
        match source.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => out.write_all(&chunk[..count]).map_err(Trouble::of_writing)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unreadable(error: io::Error) -> Trouble {
    Trouble::Source(match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        _ => error.to_string(),
    })
}

/// Writes no more than it may, and nothing once the run is to stop.
struct Limited<'a, W> {
    out: W,
    left: u64,
    stop: &'a Stop,
}

/// Stands in an `io::Error` for what is no error of writing.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Halt {
    #[error("too large")]
    TooLarge,
    #[error("interrupted")]
    Interrupted,
}

impl<W: Write> Write for Limited<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_stopped() {
            return Err(io::Error::other(Halt::Interrupted));
        }
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| io::Error::other(Halt::TooLarge))?;
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Trouble {
    fn of_writing(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Halt>()) {
            Some(Halt::TooLarge) => Self::TooLarge,
            Some(Halt::Interrupted) => Self::Interrupted,
            None => Self::Write(error),
        }
    }
}
