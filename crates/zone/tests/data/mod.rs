//! Finds the folder of real zones, which is not part of the repository.

#![allow(dead_code, reason = "each test program uses a part of this module")]

use imrs_zone::{Name, Record};
use std::path::{Path, PathBuf};

/// The folder of real data; none if it is absent, which the caller's test then says and passes.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("IMRS_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: no data folder; name one by IMRS_DATA");
    }
    found
}

/// The octets of a file, uncompressed.
pub(crate) fn octets(path: &Path) -> Vec<u8> {
    let octets = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match path.extension().is_some_and(|extension| extension == "xz") {
        false => octets,
        true => {
            let mut text = Vec::new();
            let mut decoder = liblzma::read::XzDecoder::new(octets.as_slice());
            std::io::Read::read_to_end(&mut decoder, &mut text).unwrap();
            text
        }
    }
}

/// The records of a zone file.
pub(crate) fn records(path: &Path, origin: Option<&Name>) -> Vec<Record> {
    imrs_zone::read::read(&octets(path), origin)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
