//! Any text as a configuration: taken, the same each time, or refused with a place in it and a
//! message of one line.
#![no_main]

use imrs_node::config::Config;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &[u8]| {
    let path = Path::new("/etc/imrs/imrs.toml");
    let read = Config::parse(path, text);
    match &read {
        Ok(config) => {
            for zone in &config.zones {
                let file = zone.file.iter().chain(&zone.anchors);
                for file in file.map(|file| file.get_ref()) {
                    assert!(file.is_absolute(), "{}", file.display());
                }
            }
            if let Some(encrypted) = &config.encrypted {
                assert!(encrypted.connections_per_prefix <= encrypted.connections);
                assert!(!encrypted.tls.is_empty() || !encrypted.quic.is_empty());
            }
        }
        Err(error) => check_place(&error.to_string(), text),
    }
    let again = Config::parse(path, text);
    assert_eq!(format!("{read:?}"), format!("{again:?}"));
});

fn check_place(message: &str, text: &[u8]) {
    let place = message.strip_prefix("/etc/imrs/imrs.toml:").expect(message);
    let mut parts = place.splitn(3, ':');
    let mut number = || parts.next()?.parse::<usize>().ok();
    let (line, column) = (number().expect(message), number().expect(message));
    let lines: Vec<&[u8]> = text.split(|octet| *octet == b'\n').collect();
    let longest = lines.get(line.wrapping_sub(1)).expect(message).len();
    // Behind the last letter is a place, too.
    assert!((1..=longest + 1).contains(&column), "{message}");
    assert!(parts.next().is_some_and(|what| what.len() > 5), "{message}");
}
