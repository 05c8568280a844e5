//! The archive that WML takes a model in: a bare `.onnx` file is refused by every official client.

use std::fs::File;
use std::io::{Cursor, copy};

use step_sdk::{Failure, Host, ModelFile};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A zip with the model at its top level. The same file makes the same bytes, so no clock; trained numbers hardly
/// compress, so no compression.
pub(crate) fn zip(host: &dyn Host, model: &ModelFile) -> Result<Vec<u8>, Failure> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    let pack = || -> zip::result::ZipResult<Vec<u8>> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file(model.file_name(), options)?;
        copy(&mut File::open(model.path(host))?, &mut archive)?;
        Ok(archive.finish()?.into_inner())
    };
    pack().map_err(|error| Failure::invalid_input(format!("model `{}` cannot be archived: {error}", model.0)))
}
