//! Any octets as a file of certificates or keys that does not do: what is told of it has a line of
//! it, and shows nothing of what stands in a section.
#![no_main]

use imrs_node::dial::tls::Flaw;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let lines: Vec<&[u8]> = octets.split(|octet| *octet == b'\n').collect();
    for flaw in [Flaw::of(octets), Flaw::of_unread(octets)] {
        let told = flaw.to_string();
        assert!(!told.chars().any(char::is_control), "{told:?}");
        let (line, begins) = match &flaw {
            Flaw::Empty => return assert!(octets.trim_ascii().is_empty()),
            Flaw::Binary | Flaw::NoSection => continue,
            Flaw::NotBase64 { line } => (*line, false),
            Flaw::Other { line, .. }
            | Flaw::Encrypted { line }
            | Flaw::Beginning { line }
            | Flaw::Unfinished { line, .. }
            | Flaw::Damaged { line } => (*line, true),
        };
        let text = lines[line - 1];
        assert_eq!(text.starts_with(b"-----BEGIN "), begins, "{told}");
        if let Flaw::Other { label, .. } | Flaw::Unfinished { label, .. } = &flaw {
            let shown = label.bytes().zip(&text[b"-----BEGIN ".len()..]);
            let is_it = |(shown, octet): (u8, &u8)| shown == *octet || shown == b'?';
            assert!(shown.into_iter().all(is_it), "{told}");
        }
    }
});
