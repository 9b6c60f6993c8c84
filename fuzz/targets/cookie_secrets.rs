//! Any text as a file of secrets of cookies: taken, and then written and taken again as the same, or
//! refused with the line and without a secret in the message.
#![no_main]

use imrs_node::guard::{Jar, JarError};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &[u8]| {
    let path = Path::new("secrets");
    match Jar::parse(path, text) {
        Ok(jar) => {
            let shown = jar.fingerprints();
            assert_eq!(shown.first().map(|(role, _)| *role), Some("active"));
            assert!(shown.len() <= 3);
            let again = Jar::parse(path, jar.render().as_bytes()).expect("we wrote it");
            assert_eq!(again.fingerprints(), shown);
            assert_eq!(format!("{jar:?}"), format!("{again:?}"));
        }
        Err(error) => {
            let lines = text.split(|octet| *octet == b'\n').count();
            let JarError::Malformed { line, .. } = &error else {
                panic!("{error}");
            };
            assert!((1..=lines).contains(line), "{error}");
            let message = error.to_string();
            let is_digit = |digit: char| digit.is_ascii_hexdigit();
            let longest = message.split(|digit| !is_digit(digit)).map(str::len).max();
            assert!(longest < Some(16), "a secret is told: {message}");
        }
    }
});
