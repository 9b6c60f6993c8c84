//! Reads a master file (RFC 1035 section 5) into records.

use crate::record::{Name, Record};

/// Why a master file could not be read. Says line and column, both from 1.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {}

/// Reads the records of a master file, in the order of the file.
///
/// `origin` completes relative names until the first `$ORIGIN`.
pub fn read(text: &[u8], origin: Option<&Name>) -> Result<Vec<Record>, ReadError> {
    let _ = (text, origin);
    todo!()
}
