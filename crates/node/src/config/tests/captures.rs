//! What `[[capture]]` says: each mistake gets one message with its place and remedy.

use super::marked::{check, good};
use crate::config::capture::{Capture, Compression, Files, Format, Privacy, Sink};
use imrs_telemetry::capture::privacy::Method;
use std::num::NonZeroU32;
use std::time::Duration;

/// The only capture of a configuration.
fn capture(said: &str) -> Capture {
    let config = good(&format!("[[capture]]\n{said}\n"));
    let [capture] = &config.captures[..] else {
        panic!("one capture is expected: {said}");
    };
    capture.clone()
}

#[test]
fn there_are_no_captures_unless_configured() {
    assert_eq!(good("").captures, []);
}

#[test]
fn a_folder_is_enough_and_every_key_is_taken() {
    let files = Files {
        directory: "captures".into(),
        rotate: Duration::from_secs(300),
        rotate_octets: 256 << 20,
        compression: Compression::Zstd,
        octets_per_hour: None,
        directory_octets: 10 << 30,
    };
    let least = Capture {
        name: "capture1".to_owned(),
        format: Format::CDns,
        sink: Sink::Files(files.clone()),
        one_in: NonZeroU32::MIN,
        privacy: None,
    };
    assert_eq!(
        capture("format = \"c-dns\"\ndirectory = \"captures\""),
        least
    );
    let all = capture(
        "name = \"ditl\"\nformat = \"dnstap\"\ndirectory = \"captures\"\nrotate-seconds = 60\n\
         rotate-octets = 100000\ncompression = \"xz\"\noctets-per-hour = 2000000\n\
         directory-octets = 3000000\nsample = 10\nanonymise = \"ipcrypt\"\nkey-file = \"key\"",
    );
    let expected = Capture {
        name: "ditl".to_owned(),
        format: Format::Dnstap,
        sink: Sink::Files(Files {
            rotate: Duration::from_secs(60),
            rotate_octets: 100_000,
            compression: Compression::Xz,
            octets_per_hour: Some(2_000_000),
            directory_octets: 3_000_000,
            ..files
        }),
        one_in: NonZeroU32::new(10).unwrap(),
        privacy: Some(Privacy {
            method: Method::Ipcrypt,
            key_file: "key".into(),
        }),
    };
    assert_eq!(all, expected);
}

#[test]
fn dnstap_goes_to_a_reader_on_a_socket() {
    let sink = |said: &str| capture(&format!("format = \"dnstap\"\n{said}")).sink;
    assert_eq!(sink("socket = \"d.sock\""), Sink::Unix("d.sock".into()));
    let address = Sink::Tcp("[::1]:6000".parse().unwrap());
    assert_eq!(sink("tcp = \"[::1]:6000\""), address);
}

#[test]
fn places_that_do_not_fit_are_refused() {
    check(
        "§[[capture]]\nformat = \"c-dns\"\n",
        "nothing says where the capture goes; add `directory = \"…\"`",
    );
    check(
        "§[[capture]]\nformat = \"dnstap\"\n",
        "nothing says where the capture goes; add `directory = \"…\"`, `socket = \"…\"` or `tcp = \
         \"…\"`",
    );
    check(
        "[[capture]]\nformat = \"dnstap\"\ndirectory = \"a\"\nsocket = §\"b\"\n",
        "a capture goes to one place; keep one of `directory`, `socket` and `tcp`, or add another \
         [[capture]]",
    );
    check(
        "[[capture]]\nformat = \"c-dns\"\nsocket = §\"b\"\n",
        "C-DNS goes into files; write `directory = \"…\"`, or `format = \"dnstap\"`",
    );
    check(
        "[[capture]]\nformat = \"dnstap\"\nsocket = \"b\"\ncompression = §\"xz\"\n",
        "`compression` is for files alone; leave it out",
    );
    check(
        "[[capture]]\nformat = \"dnstap\"\ntcp = §\"localhost\"\n",
        "`localhost` is no address with a port, such as \"127.0.0.1:6000\"",
    );
}

#[test]
fn values_that_are_none_are_refused() {
    let one = |said: &str, expected: &str| {
        let text = format!("[[capture]]\nformat = \"c-dns\"\ndirectory = \"a\"\n{said}\n");
        check(&text, expected);
    };
    check(
        "[[capture]]\nformat = §\"pcap\"\n",
        "`pcap` is no format; write \"c-dns\" or \"dnstap\"",
    );
    one(
        "compression = §\"gzip\"",
        "`gzip` is no way to pack files; write \"zstd\", \"xz\" or \"none\"",
    );
    one(
        "anonymise = §\"truncate\"\nkey-file = \"k\"",
        "`truncate` is no method; write \"crypto-pan\" or \"ipcrypt\"",
    );
    one(
        "anonymise = §\"ipcrypt\"",
        "anonymising needs a secret; add `key-file = \"…\"`, made by `openssl rand -base64 32`",
    );
    one(
        "key-file = §\"k\"",
        "nothing says what the key is for; add `anonymise = \"crypto-pan\"` or `\"ipcrypt\"`",
    );
    one("sample = §0", "0 is out of range; it may be 1 to 1000000");
    one(
        "name = §\"a/b\"",
        "`a/b` cannot be part of a file's name; write 1 to 32 letters, digits, `-` or `_`",
    );
}

#[test]
fn captures_are_few_and_have_names_of_their_own() {
    let table = "[[capture]]\nformat = \"c-dns\"\ndirectory = \"a\"\n";
    check(
        &format!("{}§{table}", table.repeat(4)),
        "more than 4 captures; leave some out",
    );
    check(
        &format!("{table}name = \"x\"\n{table}name = §\"x\"\n"),
        "two captures are called `x`; write another `name`",
    );
}
