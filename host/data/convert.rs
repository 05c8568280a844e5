//! CSV of what comes in another form: made once, kept in the cache under the digest of what it was made of.

mod out;
mod parquet;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use self::out::{Halt, Hashed, Limited, Made};
use super::cache::{Cache, create};
use super::fetch::{DataSet, Local};
use super::part::{read, write};
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
    /// The source ends where it should go on.
    Cut,
    /// Its compression is not read.
    Codec(String),
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
pub(super) fn to_csv(set: &DataSet, path: PathBuf, stop: &Stop, say: &dyn Fn(&str)) -> Result<Local, DataError> {
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
    let _lock = cache.lock(&key, &name, stop, say)?;
    let max = set.max_fetched();
    let note = cache.path(&format!("{made}.json"));
    if let Some((found, bytes)) = sound(&cache, &made, &note)? {
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
        let mut out = Limited { out: Hashed::new(BufWriter::with_capacity(1 << 16, &file)), left: max, stop };
        match form {
            FormatSpec::Csv => Ok(()),
            FormatSpec::Gzip => copy(flate2::read::MultiGzDecoder::new(BufReader::new(source)), &mut out),
            FormatSpec::Zstd => {
                zstd::stream::read::Decoder::new(source).map_err(unreadable).and_then(|it| copy(it, &mut out))
            }
            FormatSpec::Parquet => parquet::write(source, max, &mut out),
        }?;
        out.flush().map_err(Trouble::of_writing)?;
        Ok(out.out.made())
    });
    let unpacked = unpacked.map_err(|trouble| {
        let _ = std::fs::remove_file(&draft);
        match trouble {
            Trouble::Source(why) => DataError::Form { name: name.clone(), form: form_name, why },
            Trouble::Cut => DataError::Cut { name: name.clone(), form: form_name },
            Trouble::Codec(codec) => DataError::Codec { name: name.clone(), codec },
            Trouble::Column { column, why } => DataError::Column { name: name.clone(), column, why },
            Trouble::Write(source) => DataError::Write { path: draft.clone(), source },
            Trouble::TooLarge => DataError::TooLargeUnpacked { name: name.clone(), max },
            Trouble::Interrupted => DataError::Interrupted { name: name.clone() },
        }
    })?;
    // First the note, so that no table is ever without one.
    write(&note, &unpacked)?;
    let path = cache.keep(&draft, &file, &made)?;
    Ok(Local { path, made_of: Some((name, sha256)) })
}

/// The table that the cache has, if it is as it was made, and its length: a disk can lie.
fn sound(cache: &Cache, made: &str, note: &Path) -> Result<Option<(PathBuf, u64)>, DataError> {
    let (Some(path), Some(known)) = (cache.find(made), read::<Made>(note)) else { return Ok(None) };
    let (sha256, bytes) = digest_once(&path)?;
    Ok((sha256 == known.sha256 && bytes == known.bytes).then_some((path, bytes)))
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
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Trouble::Cut,
        _ => Trouble::Source(error.to_string()),
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
