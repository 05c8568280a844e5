//! What files an archive holds, by their names. Nothing of them is unpacked, and a pickle is never read: reading one runs it.

use std::io::{self, ErrorKind, Read};

use flate2::read::MultiGzDecoder;

/// A tar's header and its unit.
const BLOCK: usize = 512;
/// A zip's directory: the end of it, and an entry of it.
const ZIP_END: [u8; 4] = *b"PK\x05\x06";
const ZIP_ENTRY: [u8; 4] = *b"PK\x01\x02";
const ZIP_END_LENGTH: usize = 22;
const ZIP_ENTRY_LENGTH: usize = 46;

/// The files of a zip, tar or tar.gz; none if the bytes are no such archive. The error says what is wrong with it.
pub(crate) fn files(bytes: &[u8]) -> Option<Result<Vec<String>, String>> {
    let names = match bytes {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => of_zip(bytes).ok_or_else(|| "it is damaged".to_owned()),
        [0x1f, 0x8b, ..] => of_tar(MultiGzDecoder::new(bytes)).map_err(|error| match error.kind() {
            ErrorKind::Unsupported => "what is compressed is no tar".to_owned(),
            _ => "it is damaged".to_owned(),
        }),
        _ if is_header(bytes) => of_tar(bytes).map_err(|_| "it is damaged".to_owned()),
        _ => return None,
    };
    // A tar made with `.` begins its names so, and ends those of folders with a slash.
    let name = |name: String| name.trim_start_matches("./").to_owned();
    Some(names.map(|names| names.into_iter().map(name).filter(|name| !name.ends_with('/')).collect()))
}

fn of_zip(bytes: &[u8]) -> Option<Vec<String>> {
    let short = |at: usize| Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let long = |at: usize| usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok();
    // A comment of up to 64 KiB may follow the end.
    let first = bytes.len().saturating_sub(ZIP_END_LENGTH + usize::from(u16::MAX));
    let end = (first..=bytes.len().checked_sub(ZIP_END_LENGTH)?).rev().find(|at| bytes[*at..].starts_with(&ZIP_END))?;
    let (count, mut at) = (short(end + 10)?, long(end + 16)?);
    let mut names = Vec::new();
    for _ in 0..count {
        if bytes.get(at..at + 4)? != ZIP_ENTRY {
            return None;
        }
        let name = at + ZIP_ENTRY_LENGTH;
        let after = name + short(at + 28)?;
        names.push(String::from_utf8_lossy(bytes.get(name..after)?).into_owned());
        at = after + short(at + 30)? + short(at + 32)?;
    }
    Some(names)
}

fn of_tar(mut tar: impl Read) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut header = [0; BLOCK];
    loop {
        match tar.read_exact(&mut header) {
            // Some tars lack the two empty blocks at their end.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !names.is_empty() => return Ok(names),
            read => read?,
        }
        if header == [0; BLOCK] {
            return Ok(names);
        }
        if !is_header(&header) {
            return Err(ErrorKind::Unsupported.into());
        }
        let size = number(&header[124..136]).ok_or(ErrorKind::InvalidData)?;
        // Others are folders, links, and what belongs to the entry after them.
        if matches!(header[156], b'0' | 0) {
            let (prefix, name) = (text(&header[345..500]), text(&header[..100]));
            let is_ustar = header[257..262] == *b"ustar" && !prefix.is_empty();
            names.push(if is_ustar { format!("{prefix}/{name}") } else { name });
        }
        let padded = size.checked_next_multiple_of(BLOCK as u64).ok_or(ErrorKind::InvalidData)?;
        if io::copy(&mut tar.by_ref().take(padded), &mut io::sink())? < size {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A header of a tar has the sum of its own bytes in it, its own place counted as spaces.
fn is_header(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..BLOCK) else { return false };
    let sum = header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    number(&header[148..156]) == Some(sum.map(u64::from).sum())
}

/// A number of a tar: octal digits, or binary behind a set bit where those do not suffice.
fn number(bytes: &[u8]) -> Option<u64> {
    if bytes[0] & 0x80 != 0 {
        let (high, low) = bytes.split_at(bytes.len() - 8);
        let is_small = high[0] == 0x80 && high[1..].iter().all(|byte| *byte == 0);
        return is_small.then(|| low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    u64::from_str_radix(text(bytes).trim(), 8).ok()
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
