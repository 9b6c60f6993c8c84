//! Zones for the liar: versions of one root that are right, and all ways in which they are not.

use bytes::Bytes;
use domain::base::Serial as DomainSerial;
use domain::base::iana::{Rtype, SecurityAlgorithm, ZonemdAlgorithm, ZonemdScheme};
use domain::rdata::{A, Dnskey, Nsec, Rrsig, Soa, ZoneRecordData, Zonemd};
use imrs_zone::record::{Data, Name, Record, UnixTime, sort_canonically};
use imrs_zone::synth::{self, Algorithm, Key, Plan, Role, Validity};
use imrs_zone::zonemd::{self, Hash};
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

/// The time at which all is judged.
pub(crate) const NOW: &str = "2026-08-01T09:00:00Z";

/// What a secondary trusts.
pub(crate) static ANCHORS: LazyLock<String> = LazyLock::new(|| made().anchors_ds);

static BASE: LazyLock<Vec<Record>> = LazyLock::new(|| made().records);

/// Delegations of all versions, unless some are taken away.
const TLDS: usize = 45;

fn made() -> synth::TestRoot {
    let plan = Plan {
        tlds: TLDS,
        algorithms: vec![Algorithm::Ed25519],
        ..Plan::new(now())
    };
    synth::make(&plan).unwrap()
}

fn now() -> UnixTime {
    UnixTime::parse(NOW).unwrap()
}

/// Keys of the zone: KSK and ZSK of a seed, of which 1 is trusted.
pub(crate) fn keys(seed: u64) -> [Key; 2] {
    [Role::KeySigning, Role::ZoneSigning].map(|role| key(Algorithm::Ed25519, role, seed))
}

/// One key.
pub(crate) fn key(algorithm: Algorithm, role: Role, seed: u64) -> Key {
    Key::make(algorithm, role, &Name::root_bytes(), seed).unwrap()
}

/// Signatures from a number of hours to another one, counted from the time of judgement.
pub(crate) fn hours(from: i64, to: i64) -> Validity {
    let at = |hours: i64| UnixTime(now().0.checked_add_signed(hours * 3600).unwrap());
    Validity {
        inception: at(from),
        expiration: at(to),
    }
}

/// Signatures that hold.
pub(crate) fn valid() -> Validity {
    hours(-1, 24)
}

/// A version that is right.
pub(crate) fn version(serial: u32) -> Vec<Record> {
    signed(unsigned(serial), &keys(1), valid())
}

/// The records of a version, with the signatures of another one.
pub(crate) fn unsigned(serial: u32) -> Vec<Record> {
    let mut records = BASE.clone();
    renumber(&mut records, serial);
    records
}

/// Signs all of it anew.
pub(crate) fn signed(records: Vec<Record>, keys: &[Key], validity: Validity) -> Vec<Record> {
    synth::sign_zone(records, keys, validity, NonZeroUsize::MIN).unwrap()
}

/// The SOA record of a zone.
pub(crate) fn soa(zone: &[Record]) -> &Record {
    zone.iter()
        .find(|record| record.rtype() == Rtype::SOA)
        .unwrap()
}

/// The SOA record of a zone with another serial.
pub(crate) fn renumbered(soa: &Record, serial: u32) -> Record {
    let ZoneRecordData::Soa(data) = soa.data() else {
        panic!("{soa} is no SOA record");
    };
    let data = Soa::new(
        data.mname().clone(),
        data.rname().clone(),
        DomainSerial(serial),
        data.refresh(),
        data.retry(),
        data.expire(),
        data.minimum(),
    );
    with_data(soa, data.into())
}

/// Gives the zone another serial, and signs nothing anew.
pub(crate) fn renumber(zone: &mut [Record], serial: u32) {
    let soa = zone
        .iter_mut()
        .find(|record| record.rtype() == Rtype::SOA)
        .unwrap();
    *soa = renumbered(soa, serial);
}

/// Gives the zone another serial that is signed, and leaves the digest as it is.
pub(crate) fn renumber_signed(zone: &mut [Record], serial: u32) {
    renumber(zone, serial);
    let [_, zsk] = keys(1);
    let soa = std::slice::from_ref(soa(zone));
    let signature = zsk.sign_rrset(soa, valid()).unwrap();
    *signature_over(zone, Rtype::SOA) = signature;
}

/// Gives one name server another address, which no signature covers.
pub(crate) fn change_glue(zone: &mut [Record]) {
    let glue = first(zone, Rtype::A);
    *glue = with_data(glue, A::new(Ipv4Addr::new(192, 0, 2, 199)).into());
}

/// Changes the signature over the first RRset of a type.
pub(crate) fn spoil_signature(zone: &mut [Record], covered: Rtype) {
    let record = signature_over(zone, covered);
    let ZoneRecordData::Rrsig(rrsig) = record.data() else {
        unreachable!("it was found as one");
    };
    let mut octets = rrsig.signature().to_vec();
    octets[0] ^= 1;
    let spoilt = rebuilt(rrsig, rrsig.algorithm(), octets.into());
    *record = with_data(record, spoilt);
}

/// Takes the signature over the first RRset of a type away.
pub(crate) fn drop_signature(zone: &mut Vec<Record>, covered: Rtype) {
    let gone = signature_over(zone, covered).clone();
    zone.retain(|record| *record != gone);
}

/// Lets the NSEC record of a delegation skip the next name, signed by the key of the zone.
pub(crate) fn skip_a_name(zone: &mut Vec<Record>) {
    let nsecs: Vec<Record> = zone
        .iter()
        .filter(|record| record.rtype() == Rtype::NSEC)
        .cloned()
        .collect();
    let [_, one, skipped, next, ..] = nsecs.as_slice() else {
        panic!("too few names");
    };
    let ZoneRecordData::Nsec(data) = one.data() else {
        unreachable!("it was found as one");
    };
    assert_eq!(data.next_name(), skipped.owner());
    let data = Nsec::new(next.owner().clone(), data.types().clone());
    let lying = with_data(one, data.into());
    zone.retain(|record| record.owner() != one.owner() || !is_or_covers(record, Rtype::NSEC));
    let [_, zsk] = keys(1);
    zone.push(
        zsk.sign_rrset(std::slice::from_ref(&lying), valid())
            .unwrap(),
    );
    zone.push(lying);
    sort_canonically(zone);
}

/// Calls the algorithm of the ZSK and of its signatures by a number that is not assigned.
pub(crate) fn call_algorithm_unknown(zone: &mut [Record]) {
    let unknown = SecurityAlgorithm::from_int(200);
    for record in zone.iter_mut() {
        let data = match record.data() {
            ZoneRecordData::Dnskey(key) if key.flags() == 256 => {
                let octets = key.public_key().clone();
                Dnskey::new(256, 3, unknown, octets).unwrap().into()
            }
            ZoneRecordData::Rrsig(rrsig) if rrsig.type_covered() != Rtype::DNSKEY => {
                rebuilt(rrsig, unknown, rrsig.signature().clone())
            }
            _ => continue,
        };
        *record = with_data(record, data);
    }
    let [ksk, _] = keys(1);
    let dnskeys: Vec<Record> = zone
        .iter()
        .filter(|record| record.rtype() == Rtype::DNSKEY)
        .cloned()
        .collect();
    let signature = ksk.sign_rrset(&dnskeys, valid()).unwrap();
    *signature_over(zone, Rtype::DNSKEY) = signature;
}

/// Makes the digest right for what the zone holds, and signs it.
pub(crate) fn digest_again(zone: &mut Vec<Record>) {
    zone.retain(|record| !is_or_covers(record, Rtype::ZONEMD));
    sort_canonically(zone);
    let apex = Name::root_bytes();
    let digest = zonemd::digest(&apex, zone, Hash::Sha384);
    let ZoneRecordData::Soa(data) = soa(zone).data() else {
        unreachable!("it was found as one");
    };
    let (scheme, hash) = (ZonemdScheme::SIMPLE, ZonemdAlgorithm::SHA384);
    let data = Zonemd::new(data.serial(), scheme, hash, Bytes::from(digest));
    let record = with_data(soa(zone), data.into());
    let [_, zsk] = keys(1);
    zone.push(
        zsk.sign_rrset(std::slice::from_ref(&record), valid())
            .unwrap(),
    );
    zone.push(record);
    sort_canonically(zone);
}

/// Takes so many delegations away, and whatever is below them.
pub(crate) fn drop_delegations(zone: &mut Vec<Record>, count: usize) {
    let mut gone: Vec<Name> = Vec::new();
    for record in zone.iter() {
        let owner = record.owner();
        // Who serves the others stays.
        let keeps = [
            "net", "com", "org", "info", "cn", "uk", "fr", "cz", "au", "arpa",
        ];
        let is_kept = keeps.iter().any(|keep| owner.to_string() == *keep);
        let is_cut = record.rtype() == Rtype::NS && owner.label_count() == 2;
        if is_cut && !is_kept && gone.len() < count && !gone.contains(owner) {
            gone.push(owner.clone());
        }
    }
    assert_eq!(gone.len(), count);
    zone.retain(|record| !gone.iter().any(|name| record.owner().ends_with(name)));
}

fn first(zone: &mut [Record], rtype: Rtype) -> &mut Record {
    zone.iter_mut()
        .find(|record| record.rtype() == rtype)
        .unwrap()
}

fn signature_over(zone: &mut [Record], covered: Rtype) -> &mut Record {
    zone.iter_mut()
        .find(|record| record.rtype() == Rtype::RRSIG && is_or_covers(record, covered))
        .unwrap()
}

/// Whether a record is of a type or a signature over one.
fn is_or_covers(record: &Record, rtype: Rtype) -> bool {
    match record.data() {
        ZoneRecordData::Rrsig(rrsig) => rrsig.type_covered() == rtype,
        _ => record.rtype() == rtype,
    }
}

fn rebuilt(rrsig: &Rrsig<Bytes, Name>, algorithm: SecurityAlgorithm, signature: Bytes) -> Data {
    let rebuilt = Rrsig::new(
        rrsig.type_covered(),
        algorithm,
        rrsig.labels(),
        rrsig.original_ttl(),
        rrsig.expiration(),
        rrsig.inception(),
        rrsig.key_tag(),
        rrsig.signer_name().clone(),
        signature,
    );
    rebuilt.unwrap().into()
}

/// The same owner, class and TTL with other data.
pub(crate) fn with_data(record: &Record, data: Data) -> Record {
    Record::new(record.owner().clone(), record.class(), record.ttl(), data)
}
