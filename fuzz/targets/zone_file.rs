//! Any text as a master file: read, shaped and compiled, or refused with a place in it.
#![no_main]

use imrs_wire::Serial;
use imrs_zone::anchors::Anchors;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Candidate, Limits, read};
use libfuzzer_sys::fuzz_target;
use std::num::NonZeroUsize;

fuzz_target!(|text: &[u8]| {
    let records = match read::read(text, None) {
        Ok(records) => records,
        Err(error) => {
            let lines = text.split(|&octet| octet == b'\n').count();
            assert!(
                (1..=lines + 1).contains(&error.line),
                "{error} of {lines} lines"
            );
            assert!(error.column >= 1, "{error}");
            return;
        }
    };
    let Ok(candidate) = Candidate::new(records, &Limits::default()) else {
        return;
    };
    let serial = candidate.serial();
    for demand in [Demand::Require, Demand::Warn, Demand::Off] {
        let policy = Policy {
            digest: demand,
            signatures: demand,
            anchors: Anchors::root(),
        };
        let effort = Effort::silent(NonZeroUsize::MIN);
        match candidate
            .clone()
            .verify(&policy, UnixTime(1_767_225_600), &effort)
        {
            Ok(verified) => check(
                verified.serial(),
                serial,
                verified.compile().map(|image| image.serial()),
            ),
            Err(_) => assert_ne!(demand, Demand::Off, "refused where nothing was asked"),
        }
    }
});

fn check<E>(verified: Serial, serial: Serial, compiled: Result<Serial, E>) {
    assert_eq!(verified, serial);
    if let Ok(compiled) = compiled {
        assert_eq!(compiled, serial);
    }
}
