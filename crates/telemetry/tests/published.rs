//! What L-Root and K-Root published, against the reader, the writer and the rules.
//!
//! The files are not part of the repository; where they are absent, the test says so and passes.

use imrs_telemetry::Day;
use imrs_telemetry::rssac002::{Document, violations};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of published files; none if it is absent.
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("IMRS_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .map(|folder| folder.join("rssac002"))
        .find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: no data folder; name one by IMRS_DATA");
    }
    found
}

/// The text of every file, by its name.
fn files(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for operator in ["k-root", "l-root"] {
        for entry in std::fs::read_dir(folder.join(operator))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}

#[test]
fn published_files_are_read_and_written_again_to_the_octet() {
    let Some(folder) = folder() else {
        return;
    };
    let files = files(&folder).unwrap();
    assert!(files.len() >= 23, "{} files", files.len());
    for (name, text) in &files {
        let document = Document::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&document.to_string(), text, "{name}");
        let path = document.path();
        assert_eq!(path.rsplit('/').next(), Some(name.as_str()));
    }
    println!("{} files are the same", files.len());
}

#[test]
fn published_days_break_no_rule() {
    let Some(folder) = folder() else {
        return;
    };
    let mut days: BTreeMap<(String, Day), Vec<Document>> = BTreeMap::new();
    for (_, text) in files(&folder).unwrap() {
        let document = Document::read(&text).unwrap();
        let key = (document.service().to_string(), document.day());
        days.entry(key).or_default().push(document);
    }
    for ((service, day), documents) in &days {
        assert_eq!(violations(documents), [], "{service} on {day}");
    }
    println!("{} days hold", days.len());
}
