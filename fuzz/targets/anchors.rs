//! Any text as a file of trust anchors, in XML or as records.
#![no_main]

use imrs_zone::anchors::{AnchorError, Anchors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| match Anchors::read(text) {
    Ok(anchors) => assert!(!anchors.is_empty(), "nothing to trust is an error"),
    Err(AnchorError::Xml { line, column, .. }) => assert!(line >= 1 && column >= 1),
    Err(error) => assert!(!error.to_string().is_empty()),
});
