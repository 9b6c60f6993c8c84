//! Makes services of small zones. Signatures are made up, in the size of RSA with 2048 bits: who
//! answers does not check them, and `imrs-zone` tests those that do.

use domain::base::name::ToLabelIter;
use imrs_engine::{Identity, Service};
use imrs_zone::anchors::Anchors;
use imrs_zone::owners::{Standing, owners};
use imrs_zone::record::{Data, UnixTime, sort_canonically};
use imrs_zone::verify::{Demand, Effort, Policy, Verified};
use imrs_zone::{Candidate, Image, Limits, Name, Record, Zones, read};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// A folder of `testdata`.
pub(crate) fn testdata(folder: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../testdata", folder]
        .iter()
        .collect()
}

/// Reads records in text form.
pub(crate) fn records(text: &str) -> Vec<Record> {
    read::read(text.as_bytes(), None).unwrap_or_else(|error| panic!("{error} of:\n{text}"))
}

/// The records with an NSEC chain and signatures of its own authoritative data.
pub(crate) fn signed(mut records: Vec<Record>) -> Vec<Record> {
    sort_canonically(&mut records);
    let soa = records.iter().find_map(|record| match record.data() {
        Data::Soa(soa) => Some((record.owner().clone(), soa.minimum().as_secs())),
        _ => None,
    });
    let (apex, minimum) = soa.expect("the zone has a SOA record");
    let own: Vec<_> = owners(&apex, &records)
        .filter(|owner| owner.standing != Standing::Occluded)
        .collect();
    let mut lines = String::new();
    for (owner, next) in own.iter().zip(own.iter().cycle().skip(1)) {
        let name = master_form(owner.name);
        let mut sign = |rtype: &str, ttl: u32| {
            let labels = owner.name.label_count() - 1;
            lines += &format!(
                "{name} {ttl} RRSIG {rtype} 8 {labels} {ttl} 20260814000000 20260801000000 20326 {} {}\n",
                master_form(&apex),
                signature()
            );
        };
        let mut types = String::new();
        for rrset in owner.rrsets() {
            let rtype = rrset[0].rtype();
            types += &format!("{rtype} ");
            if owner.is_authoritative_for(rtype) {
                sign(&rtype.to_string(), rrset[0].ttl().as_secs());
            }
            if owner.standing == Standing::Delegation && matches!(rtype.to_int(), 1 | 28) {
                // Glue at the cut itself is not the zone's own.
                types.truncate(types.len() - format!("{rtype} ").len());
            }
        }
        sign("NSEC", minimum);
        lines += &format!(
            "{name} {minimum} NSEC {} {types}RRSIG NSEC\n",
            master_form(next.name)
        );
    }
    let mut all = records.clone();
    all.extend(self::records(&lines));
    all
}

/// A name as a master file can have it: `domain` does not escape what has a meaning there.
pub(crate) fn master_form(name: &domain::base::Name<impl AsRef<[u8]>>) -> String {
    let mut text = String::new();
    for label in name.iter_labels().filter(|label| !label.is_root()) {
        for octet in label.as_slice().iter().copied() {
            match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => text.push(char::from(octet)),
                _ => text += &format!("\\{octet:03}"),
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        ".".to_owned()
    } else {
        text
    }
}

/// 256 octets in Base64.
fn signature() -> String {
    format!("{}==", "imrs".repeat(86).split_at(342).0.replace('s', "Q"))
}

/// Takes a zone as it is: nothing is asked of its digest and signatures.
pub(crate) fn verified(records: Vec<Record>) -> Verified {
    let candidate = Candidate::new(records, &Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    let policy = Policy {
        digest: Demand::Off,
        signatures: Demand::Off,
        anchors: Anchors::none(candidate.apex().clone()),
    };
    let effort = Effort {
        workers: NonZeroUsize::MIN,
        progress: &|_, _| {},
    };
    candidate
        .verify(&policy, UnixTime(0), &effort)
        .expect("nothing is asked of it")
}

/// Compiles a zone.
pub(crate) fn compile(records: Vec<Record>) -> (Name, Arc<Image>) {
    let verified = verified(records);
    (
        verified.apex().clone(),
        Arc::new(verified.compile().expect("every body fits a message")),
    )
}

/// A service of these zones that says who it is.
pub(crate) fn service(zones: impl IntoIterator<Item = (Name, Option<Arc<Image>>)>) -> Service {
    let identity = Identity {
        name: Some(b"aa01-ke-nbo".to_vec()),
        version: None,
    };
    Service {
        zones: Zones::new(zones),
        identity,
        ..Service::default()
    }
}
