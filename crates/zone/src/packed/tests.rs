//! Tests of packed records: what comes back, and that no octets do harm.

use super::*;
use crate::read::read;
use crate::record::is_identical;
use proptest::prelude::*;

/// Types with and without names in their data, in no order and in both letter cases.
const ZONE: &str = "\
    b.example. 60 A 192.0.2.1\n\
    Example. 60 SOA ns.example. Host.example. 7 1 2 3 4\n\
    example. 86400 NS NS.example.\n\
    example. 60 MX 10 mail.example.\n\
    example. 60 TXT \"a\" \"\"\n\
    example. 60 DNSKEY 257 3 8 AwEAAQ==\n\
    example. 60 RRSIG NS 8 1 60 20260814000000 20260731000000 1 Example. AAAA\n\
    example. 60 NSEC B.example. NS SOA RRSIG NSEC DNSKEY\n\
    example. 60 ZONEMD 7 1 1 000102030405060708090a0b0c0d0e0f\n\
    example. 60 TYPE65280 \\# 3 00C00C\n\
    a.example. 0 AAAA 2001:db8::1\n\
    a.example. 60 DS 1 8 2 00\n\
    a.example. 60 SVCB 1 svc.example. alpn=h2\n\
    a.example. 60 A 192.0.2.1\n";

fn records() -> Vec<Record> {
    read(ZONE.as_bytes(), None).unwrap()
}

fn are_identical(left: &[Record], right: &[Record]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| is_identical(left, right))
}

#[test]
fn records_come_back_as_they_were_in_their_order() {
    let packed = Packed::new(&records()).unwrap();
    assert!(are_identical(&packed.records(), &records()));
    assert_eq!(packed.count(), records().len());
    assert_eq!(packed.apex().to_string(), "Example");
    assert_eq!(packed.serial(), Serial(7));

    let octets = packed.octets().clone();
    assert!(are_identical(&unpack(&octets).unwrap(), &records()));
    assert_eq!(pack(&records()).capacity(), octets.len(), "no growing");
    let again = Packed::from_octets(octets.clone()).unwrap();
    assert_eq!(again.octets(), &octets);
    assert_eq!(unpack(&Bytes::new()), Ok(Vec::new()));
}

#[test]
fn damage_is_told_with_its_place() {
    let check = |octets: &[u8], expected: &str| {
        let octets = Bytes::copy_from_slice(octets);
        let error = Packed::from_octets(octets).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let good = pack(&records());
    let second = pack(&records()[..1]).len();
    check(
        &good[..second - 1],
        "the octets end within the record at octet 0",
    );
    check(
        &good[..second + 20],
        "the octets end within the record at octet 25",
    );
    check(
        &good[..second + 2],
        "the record at octet 25 has no owner that can be read",
    );
    check(&good[..second], "the records have no SOA among them");
    check(&[], "the records have no SOA among them");
    let twice = [good.as_slice(), &good].concat();
    let at = good.len() + second;
    check(&twice, &format!("the record at octet {at} is a second SOA"));

    // A pointer to the label before it, as an owner and within data.
    let pointer = [1, b'a', 0xc0, 0x00, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    check(
        &pointer,
        "the record at octet 0 has no owner that can be read",
    );
    let data = [0, 0, 6, 0, 1, 0, 0, 0, 60, 0, 24];
    let soa = [&data[..], &[1, b'a', 0, 0xc0, 0x00], &[0; 19]].concat();
    check(
        &soa,
        "the record at octet 0, . SOA, has data that cannot be read",
    );
    let address = [0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 3, 192, 0, 2];
    check(
        &address,
        "the record at octet 0, . A, has data that cannot be read",
    );
}

#[test]
fn data_that_are_not_of_their_type_are_not_packed() {
    use domain::base::rdata::UnknownRecordData;
    let data = UnknownRecordData::from_octets(Rtype::A, Bytes::from_static(&[192, 0, 2]));
    let mut records = records();
    let owner = records[0].owner().clone();
    let at = pack(&records).len();
    records.push(Record::new(
        owner.clone(),
        Class::IN,
        Ttl::ZERO,
        data.unwrap().into(),
    ));
    let rtype = Rtype::A;
    assert_eq!(
        Packed::new(&records).map(|_| ()),
        Err(Damaged::Data { at, owner, rtype })
    );
}

/// Reads octets as far as they can be read, and checks that those write themselves.
fn check_any(octets: Vec<u8>) {
    let octets = Bytes::from(octets);
    let mut reader = Reader::new(&octets);
    let (mut records, mut end) = (Vec::new(), 0);
    while let Some(Ok(record)) = reader.next() {
        records.push(record);
        end = reader.position();
    }
    assert!(reader.next().is_none(), "nothing follows an error");
    assert_eq!(pack(&records), octets[..end]);
    assert_eq!(unpack(&octets).is_ok(), end == octets.len());
    if let Ok(packed) = Packed::from_octets(octets) {
        assert!(are_identical(&packed.records(), &records));
    }
}

/// A run of records of which each may be of any type, with data that mostly are not of it.
fn run() -> impl Strategy<Value = Vec<u8>> {
    let owner = proptest::sample::select(vec![&[0][..], &[1, b'a', 0], &[1, b'A', 2, b'-', 0, 0]]);
    let rtype = prop_oneof![0..70u16, any::<u16>()];
    let data = proptest::collection::vec(prop_oneof![Just(0u8), Just(0xc0), any::<u8>()], 0..40);
    let record = (owner, rtype, data).prop_map(|(owner, rtype, data)| {
        let length = data.len() as u16;
        [
            owner,
            &rtype.to_be_bytes(),
            &[0, 1, 0, 0, 0, 60],
            &length.to_be_bytes(),
            &data,
        ]
        .concat()
    });
    proptest::collection::vec(record, 0..8).prop_map(|records| records.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn octets_by_chance_are_read_or_refused(
        octets in prop_oneof![run(), proptest::collection::vec(any::<u8>(), 0..200)],
    ) {
        check_any(octets);
    }

    #[test]
    fn damaged_records_are_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut octets = pack(&records());
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if is_cut {
            octets.truncate(end.index(octets.len()));
        }
        check_any(octets);
    }
}
