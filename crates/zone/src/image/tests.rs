//! What the engine's tests cannot see of an image: refusals, and that compiling is a function.

use super::Kind;
use super::compile::compile;
use crate::read::read;
use crate::record::{Name, Record, sort_canonically};
use imrs_wire::{Cursor, Qname, Rtype, Serial};

fn zone(more: &str) -> Vec<Record> {
    let text = format!("example. 60 SOA a. b. 1 2 3 4 5\nexample. 60 NS a.\n{more}");
    let mut records = read(text.as_bytes(), None).unwrap();
    sort_canonically(&mut records);
    records
}

fn apex() -> Name {
    "example.".parse().unwrap()
}

#[test]
fn a_response_that_no_message_holds_is_refused_by_name() {
    let check = |line: fn(usize) -> String, expected: &str| {
        let text: String = (0..3000).map(line).collect();
        let error = compile(&apex(), Serial(1), &zone(&text)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    // Each NS record has 12 octets and its data.
    check(
        |number| format!("cut.example. 60 NS {number:04}.a-name-of-its-own-{number:04}.\n"),
        "cut.example needs a response of 123000 octets, and 64240 is all that a message can hold",
    );
    // The referral fits; its in-domain glue, which may not be cut, does not.
    check(
        |number| {
            format!(
                "cut.example. 60 NS {number:04}.cut.example.\n{number:04}.cut.example. 60 AAAA ::1\n"
            )
        },
        "cut.example needs a response of 151765 octets, and 64240 is all that a message can hold",
    );
}

#[test]
fn the_same_zone_gives_the_same_image() {
    let records = zone("x.y.example. 60 TXT t\ncut.example. 60 NS ns.cut.example.\n");
    let [first, second] = [(); 2].map(|()| compile(&apex(), Serial(1), &records).unwrap());
    assert_eq!(first.words, second.words);
}

#[test]
fn bodies_that_are_the_same_are_held_once() {
    // Names without DNSSEC and glue have their referrals each, and one NODATA response for DS.
    let hosts = |count: usize| -> String {
        (0..count)
            .map(|number| format!("h{number}.y.test.example. 60 NS out.\n"))
            .collect()
    };
    let size = |count| {
        compile(&apex(), Serial(1), &zone(&hosts(count)))
            .unwrap()
            .size()
    };
    let each = (size(2000) - size(1000)) / 1000;
    assert!(each < 250, "{each} octets for each delegation");
}

#[test]
fn labels_that_differ_in_the_middle_alone_are_all_found() {
    let labels: Vec<String> = (0..40).map(|n| format!("start-of{n:04}ends-all")).collect();
    let text: String = labels
        .iter()
        .map(|label| format!("{label}.example. 60 NS a.\n"))
        .collect();
    let image = compile(&apex(), Serial(1), &zone(&text)).unwrap();
    let kind = |label: &str| {
        let name = [&[label.len() as u8], label.as_bytes(), b"\x07example\0"].concat();
        let qname = Qname::parse(&mut Cursor::new(&name)).unwrap();
        image.lookup(&qname, Rtype::A, false).unwrap().kind()
    };
    for label in &labels {
        assert_eq!(kind(label), Kind::Referral, "{label}");
    }
    assert_eq!(kind("start-of9999ends-all"), Kind::NxDomain);
}
