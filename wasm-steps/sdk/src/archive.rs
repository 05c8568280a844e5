//! The archive that WML takes a model in: a bare `.onnx` file is refused by every official client.
//!
//! One stored entry is all that is needed; the `zip` crate would be a tenth of the component.

use crate::{Failure, ModelFile};

/// 1980-01-01, the format's first day: the same file makes the same bytes, so no clock.
const NO_DATE: u16 = 1 << 5 | 1;
/// The version that every reader knows.
const VERSION: u16 = 10;

/// A zip with the model's content at its top level, stored as it is: trained numbers hardly compress.
pub fn zip(model: &ModelFile, content: &[u8]) -> Result<Vec<u8>, Failure> {
    let too_large = |_| Failure::invalid_input(format!("model `{}` is too large for an archive", model.0));
    let size = u32::try_from(content.len()).map_err(too_large)?;
    // A model of the spec's `models` is called as that does, and WML knows an archive's model by its ending.
    let file_name = model.file_name();
    let has_ending = std::path::Path::new(file_name).extension().is_some_and(|ending| ending == "onnx");
    let ending = if has_ending { "" } else { ".onnx" };
    let name = &[file_name.as_bytes(), ending.as_bytes()].concat();
    let name_length = u16::try_from(name.len()).map_err(too_large)?;

    // Flags and method are none; the time is midnight.
    let mut about = Vec::new();
    shorts(&mut about, &[VERSION, 0, 0, 0, NO_DATE]);
    longs(&mut about, &[crc32fast::hash(content), size, size]);
    shorts(&mut about, &[name_length, 0]);

    let mut archive = Vec::with_capacity(content.len() + 2 * name.len() + 98);
    archive.extend(b"PK\x03\x04");
    archive.extend(&about);
    archive.extend(name);
    archive.extend(content);

    let directory = archive.len();
    archive.extend(b"PK\x01\x02");
    shorts(&mut archive, &[VERSION]);
    archive.extend(&about);
    shorts(&mut archive, &[0; 3]);
    longs(&mut archive, &[0; 2]);
    archive.extend(name);

    let end = archive.len();
    archive.extend(b"PK\x05\x06");
    shorts(&mut archive, &[0, 0, 1, 1]);
    let positions = [end - directory, directory].map(u32::try_from);
    for position in positions {
        longs(&mut archive, &[position.map_err(too_large)?]);
    }
    shorts(&mut archive, &[0]);
    Ok(archive)
}

fn shorts(bytes: &mut Vec<u8>, numbers: &[u16]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn longs(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}
