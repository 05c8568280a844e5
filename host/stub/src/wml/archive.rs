//! Opening an uploaded archive: the `.onnx` file at its top level. Of other models only the form is looked at.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::GzDecoder;

/// A larger model is refused, so that a small archive cannot fill the memory.
const LARGEST_MODEL: u64 = 1 << 30;
const NO_ARCHIVE: &str = "the content is not a zip, tar or tar.gz archive";

/// The only `.onnx` file at the top level of a zip, tar or tar.gz archive, or why there is none.
pub(crate) fn onnx(content: &[u8]) -> Result<Vec<u8>, String> {
    match content {
        [b'P', b'K', 3, 4, ..] => from_zip(content),
        [0x1f, 0x8b, ..] => from_tar(GzDecoder::new(content)),
        _ if content.get(257..262) == Some(b"ustar") => from_tar(content),
        _ => Err(NO_ARCHIVE.into()),
    }
}

/// Whether the content is in the form of its type: PMML is XML, all else an archive that holds a file. How the service tells
/// is not known; that a bad archive shows up in the deployment is (wml.md 7).
pub(crate) fn check(content: &[u8], model_type: &str) -> Result<(), String> {
    if model_type.starts_with("pmml_") {
        let begin = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
        return if begin.starts_with(b"<") { Ok(()) } else { Err("the content is not XML".into()) };
    }
    let is_empty = match content {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => {
            zip::ZipArchive::new(Cursor::new(content)).map_err(|error| broken("zip", error))?.is_empty()
        }
        [0x1f, 0x8b, ..] => is_empty_tar(GzDecoder::new(content))?,
        _ if content.get(257..262) == Some(b"ustar") => is_empty_tar(content)?,
        _ => return Err(NO_ARCHIVE.into()),
    };
    if is_empty { Err("the archive is empty".into()) } else { Ok(()) }
}

fn is_empty_tar(content: impl Read) -> Result<bool, String> {
    let mut files = 0;
    for entry in tar::Archive::new(content).entries().map_err(|error| broken("tar", error))? {
        files += usize::from(entry.map_err(|error| broken("tar", error))?.header().entry_type().is_file());
    }
    Ok(files == 0)
}

fn broken(kind: &str, error: impl std::fmt::Display) -> String {
    format!("the {kind} archive cannot be read: {error}")
}

fn from_zip(content: &[u8]) -> Result<Vec<u8>, String> {
    let broken = |error: zip::result::ZipError| broken("zip", error);
    let mut archive = zip::ZipArchive::new(Cursor::new(content)).map_err(broken)?;
    let names =
        archive.file_names().map(|name| name.map(Cow::into_owned)).collect::<Result<Vec<_>, _>>().map_err(broken)?;
    let names: Vec<String> = names.into_iter().filter(|name| is_model(Path::new(name))).collect();
    let mut file = archive.by_name(only(&names)?).map_err(broken)?;
    read(&mut file)
}

fn from_tar(content: impl Read) -> Result<Vec<u8>, String> {
    let broken = |error: std::io::Error| broken("tar", error);
    let mut archive = tar::Archive::new(content);
    let (mut names, mut model) = (Vec::new(), Vec::new());
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        if entry.header().entry_type().is_file() && is_model(&path) {
            names.push(path.display().to_string());
            model = read(&mut entry)?;
        }
    }
    only(&names).map(|_| model)
}

fn is_model(path: &Path) -> bool {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.components().count() == 1 && path.extension().is_some_and(|extension| extension == "onnx")
}

fn only(names: &[String]) -> Result<&str, String> {
    match names {
        [name] => Ok(name),
        [] => Err("the archive has no `.onnx` file at its top level".into()),
        _ => Err(format!("the archive has {} `.onnx` files at its top level", names.len())),
    }
}

fn read(file: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.take(LARGEST_MODEL + 1).read_to_end(&mut bytes).map_err(|error| format!("the archive is damaged: {error}"))?;
    if bytes.len() as u64 > LARGEST_MODEL {
        return Err("the model is larger than 1 GiB".into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append_data(&mut header, name, *content).unwrap();
        }
        archive.into_inner().unwrap()
    }

    #[test]
    fn the_model_is_found_in_zip_tar_and_gzipped_tar() {
        let files: [(&str, &[u8]); 2] = [("readme.txt", b"r"), ("m.onnx", b"model")];
        assert_eq!(onnx(&zipped(&files)).unwrap(), b"model");
        assert_eq!(onnx(&tarred(&files)).unwrap(), b"model");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&tarred(&files)).unwrap();
        assert_eq!(onnx(&gzip.finish().unwrap()).unwrap(), b"model");
    }

    #[test]
    fn an_archive_needs_exactly_one_model_at_its_top_level() {
        assert_eq!(
            onnx(&zipped(&[("deep/m.onnx", b"x")])).unwrap_err(),
            "the archive has no `.onnx` file at its top level"
        );
        let two: [(&str, &[u8]); 2] = [("a.onnx", b"x"), ("b.onnx", b"x")];
        assert_eq!(onnx(&tarred(&two)).unwrap_err(), "the archive has 2 `.onnx` files at its top level");
        assert_eq!(onnx(b"a bare file").unwrap_err(), "the content is not a zip, tar or tar.gz archive");
        let cut = zipped(&[("m.onnx", b"model")]);
        assert!(onnx(&cut[..cut.len() - 10]).unwrap_err().starts_with("the zip archive cannot be read"));
    }
    #[test]
    fn of_other_models_only_the_form_is_looked_at() {
        let pickle: [(&str, &[u8]); 1] = [("model.pkl", b"\x80\x04N.")];
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&tarred(&pickle)).unwrap();
        for content in [zipped(&pickle), tarred(&pickle), gzip.finish().unwrap()] {
            assert_eq!(check(&content, "scikit-learn_1.3"), Ok(()));
            assert_eq!(check(&content, "pmml_4.2.1"), Err("the content is not XML".into()));
        }
        assert_eq!(check(b"\n<PMML/>", "pmml_4.2.1"), Ok(()));
        assert_eq!(check(b"<PMML/>", "xgboost_1.6"), Err(NO_ARCHIVE.into()));
        assert_eq!(check(&zipped(&[]), "xgboost_1.6"), Err("the archive is empty".into()));
    }
}
