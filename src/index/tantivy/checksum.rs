//! Compares a file of an index with its checksum, which tantivy writes into the file's footer.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tantivy::TantivyError;
use tantivy::directory::ManagedDirectory;
use tantivy::directory::error::OpenReadError;

use super::failure;

/// Number of bytes that are read from a file at once.
const CHUNK: usize = 1 << 20;

/// Minimum size of a file in bytes: it ends with the size of its footer and a magic number, 4 bytes each. Tantivy
/// panics on files of 4 to 7 bytes.
const MIN_FILE_BYTES: u64 = 8;

/// Returns the problem with the file, if any. `opened` is the same file. Returns an error if the check is impossible.
///
/// It reads the file to its end before tantivy does: a disk error is an error here, but in a mapped file it would kill
/// the process.
pub(super) fn damage(
    directory: &ManagedDirectory,
    name: &Path,
    opened: &File,
    bytes: u64,
) -> Result<Option<String>, OpenReadError> {
    if bytes < MIN_FILE_BYTES {
        return Ok(Some(format!("its footer is damaged: it has {bytes} bytes")));
    }
    if let Err(error) = read_through(opened) {
        return Ok(Some(format!("it cannot be read: {error}")));
    }
    match directory.validate_checksum(name) {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some("its checksum does not match its contents".to_owned())),
        Err(error) => damage_of(error).map(Some),
    }
}

/// Returns the problem with a file that cannot be opened, or the error if it says nothing about the file.
pub(super) fn damage_of(error: OpenReadError) -> Result<String, OpenReadError> {
    if let OpenReadError::FileDoesNotExist(_) = error {
        return Ok("it is missing".to_owned());
    }
    if failure::is_damage(&TantivyError::from(error.clone())) {
        Ok(format!("its footer is damaged: {error}"))
    } else {
        Err(error)
    }
}

fn read_through(mut file: &File) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    while file.read(&mut chunk)? > 0 {}
    Ok(())
}
