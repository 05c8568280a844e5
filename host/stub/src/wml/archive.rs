//! Opening an uploaded archive: the `.onnx` file at its top level.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::GzDecoder;

/// A larger model is refused, so that a small archive cannot fill the memory.
const LARGEST_MODEL: u64 = 1 << 30;

/// The only `.onnx` file at the top level of a zip, tar or tar.gz archive, or why there is none.
pub(crate) fn onnx(content: &[u8]) -> Result<Vec<u8>, String> {
    match content {
        [b'P', b'K', 3, 4, ..] => from_zip(content),
        [0x1f, 0x8b, ..] => from_tar(GzDecoder::new(content)),
        _ if content.get(257..262) == Some(b"ustar") => from_tar(content),
        _ => Err("the content is not a zip, tar or tar.gz archive".into()),
    }
}

fn from_zip(content: &[u8]) -> Result<Vec<u8>, String> {
    let broken = |error: zip::result::ZipError| format!("the zip archive cannot be read: {error}");
    let mut archive = zip::ZipArchive::new(Cursor::new(content)).map_err(broken)?;
    let names =
        archive.file_names().map(|name| name.map(Cow::into_owned)).collect::<Result<Vec<_>, _>>().map_err(broken)?;
    let names: Vec<String> = names.into_iter().filter(|name| is_model(Path::new(name))).collect();
    let mut file = archive.by_name(only(&names)?).map_err(broken)?;
    read(&mut file)
}

fn from_tar(content: impl Read) -> Result<Vec<u8>, String> {
    let broken = |error: std::io::Error| format!("the tar archive cannot be read: {error}");
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
}
