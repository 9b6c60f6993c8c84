//! The record types that the stages of a zone share, as `domain` gives them, and their order.

use bytes::Bytes;
use domain::base::rdata::{ComposeRecordData, RecordData};
use domain::base::{CanonicalOrd, ToName};
use domain::rdata::ZoneRecordData;
use std::cmp::Ordering;
use std::fmt;

/// A domain name in wire form, uncompressed, in the case of its source.
pub type Name = domain::base::Name<Bytes>;

/// Record data whose octets are shared with the buffer that they were read into.
pub type Data = ZoneRecordData<Bytes, Name>;

/// One resource record.
pub type Record = domain::base::Record<Name, Data>;

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// The zone crate never reads a clock: whoever verifies says what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The time that RFC 3339 text says, such as `2026-08-01T09:00:00Z`; none before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(time.as_second()).ok().map(UnixTime)
    }
}

/// As RFC 3339 has it, in UTC.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{seconds} seconds after 1970"),
        }
    }
}

/// Puts records into canonical order and removes duplicates (RFC 4034 sections 6.1 to 6.3).
///
/// The order is that of [`canonical_cmp`]. Records that differ only in TTL or in letter case are
/// duplicates; the first of them in the input stays.
pub fn sort_canonically(records: &mut Vec<Record>) {
    records.sort_by(canonical_cmp);
    deduplicate(records);
}

/// Removes duplicates from records in canonical order.
pub(crate) fn deduplicate(sorted: &mut Vec<Record>) {
    sorted.dedup_by(|later, earlier| canonical_cmp(earlier, later) == Ordering::Equal);
}

/// Compares by owner in canonical order, then class, type and canonical data.
///
/// The RFC orders the RRs of one class; class before type is what makes the digest of the public
/// test case with several classes come out as documented.
pub fn canonical_cmp(left: &Record, right: &Record) -> Ordering {
    // Neighbours mostly have one owner, in the same octets.
    let owners = match left.owner().as_slice() == right.owner().as_slice() {
        true => Ordering::Equal,
        false => left.owner().name_cmp(right.owner()),
    };
    owners
        .then_with(|| left.class().to_int().cmp(&right.class().to_int()))
        .then_with(|| left.rtype().cmp(&right.rtype()))
        .then_with(|| left.data().canonical_cmp(right.data()))
}

/// Whether two records are the same octet for octet, TTL and letter case included, which `==` and
/// [`canonical_cmp`] look past.
pub fn is_identical(left: &Record, right: &Record) -> bool {
    left.ttl() == right.ttl()
        && left.class() == right.class()
        && left.owner().as_slice() == right.owner().as_slice()
        && is_identical_data(left.data(), right.data())
}

/// Names within data compare without regard to case, so those of the types that a root is made of
/// are compared by their octets, and others are written down.
fn is_identical_data(left: &Data, right: &Data) -> bool {
    let octets = |data: &Data| {
        let mut octets = Vec::new();
        match data.compose_rdata(&mut octets) {
            Ok(()) => octets,
            Err(never) => match never {},
        }
    };
    let same = |left: &Name, right: &Name| left.as_slice() == right.as_slice();
    match (left, right) {
        (ZoneRecordData::A(left), ZoneRecordData::A(right)) => left == right,
        (ZoneRecordData::Aaaa(left), ZoneRecordData::Aaaa(right)) => left == right,
        (ZoneRecordData::Ds(left), ZoneRecordData::Ds(right)) => left == right,
        (ZoneRecordData::Ns(left), ZoneRecordData::Ns(right)) => {
            same(left.nsdname(), right.nsdname())
        }
        (ZoneRecordData::Rrsig(left), ZoneRecordData::Rrsig(right)) => {
            left == right && same(left.signer_name(), right.signer_name())
        }
        (ZoneRecordData::Nsec(left), ZoneRecordData::Nsec(right)) => {
            left == right && same(left.next_name(), right.next_name())
        }
        _ => left.rtype() == right.rtype() && octets(left) == octets(right),
    }
}

/// Whether two records have one owner.
pub(crate) fn same_owner(left: &Record, right: &Record) -> bool {
    left.owner().as_slice() == right.owner().as_slice() || left.owner().name_eq(right.owner())
}

/// Whether `name` is `parent` or a name below it. Compares octets, which costs a fraction of
/// comparing labels from the end.
pub(crate) fn is_at_or_below(name: &Name, parent: &Name) -> bool {
    let (name, parent) = (name.as_slice(), parent.as_slice());
    let Some((head, tail)) = name.len().checked_sub(parent.len()).and_then(|at| {
        // Lengths of labels are below 64, so that none is taken for a letter.
        name.split_at_checked(at)
    }) else {
        return false;
    };
    if !tail.eq_ignore_ascii_case(parent) {
        return false;
    }
    let mut at = 0;
    while let Some(&length) = head.get(at) {
        at += 1 + usize::from(length);
    }
    at == head.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::base::Ttl;
    use domain::base::iana::Class;
    use domain::rdata::{A, Ns};
    use std::net::Ipv4Addr;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn record(owner: &str, data: Data) -> Record {
        Record::new(name(owner), Class::IN, Ttl::from_secs(60), data)
    }

    fn address(last: u8) -> Data {
        A::new(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    #[test]
    fn below_means_whole_labels() {
        let check = |left: &str, right: &str, expected| {
            assert_eq!(
                is_at_or_below(&name(left), &name(right)),
                expected,
                "{left} {right}"
            );
        };
        check("a.B.c.", "b.C.", true);
        check("b.c.", "B.c.", true);
        check("ab.c.", "b.c.", false);
        check("c.", "b.c.", false);
        check("a.", ".", true);
        check(".", ".", true);
        check(".", "a.", false);
        // The octet before the tail is a length, but also the last letter of the label before.
        check(r"x\001b.c.", "b.c.", false);
    }

    #[test]
    fn identical_means_every_octet() {
        let ns = |owner, ttl, server| {
            let data = Ns::new(name(server)).into();
            Record::new(name(owner), Class::IN, Ttl::from_secs(ttl), data)
        };
        let one = ns("a.example.", 60, "ns.a.example.");
        let check = |other: &Record, expected| {
            assert_eq!(&one, other, "equal in the sense of DNS");
            assert_eq!(is_identical(&one, other), expected, "{other}");
        };
        check(&ns("a.example.", 60, "ns.a.example."), true);
        check(&ns("A.example.", 60, "ns.a.example."), false);
        check(&ns("a.example.", 61, "ns.a.example."), false);
        check(&ns("a.example.", 60, "ns.A.example."), false);
        assert!(!is_identical(&one, &record("a.example.", address(1))));
    }

    #[test]
    fn letter_case_within_data_counts() {
        let check = |data: &str| {
            let read = |text: String| crate::read::read(text.as_bytes(), None).unwrap().remove(0);
            let lower = read(format!("a. 60 {data}"));
            let upper = read(format!("a. 60 {}", data.replace("b.", "B.")));
            assert_eq!(lower, upper, "equal in the sense of DNS");
            assert!(is_identical(&lower, &lower), "{data}");
            assert!(!is_identical(&lower, &upper), "{data}");
        };
        check("NS b.");
        check("NSEC b. NS");
        check("RRSIG NS 8 1 60 20260814000000 20260731000000 1 b. AAAA");
        check("SOA a. b. 1 2 3 4 5");
        check("MX 10 b.");
    }

    #[test]
    fn order_is_owner_then_type_then_data_and_duplicates_go() {
        let mut records = vec![
            record("b.example.", address(1)),
            record("z.a.example.", address(1)),
            record("EXAMPLE.", Ns::new(name("ns2.example.")).into()),
            record("example.", Ns::new(name("ns10.example.")).into()),
            record("example.", Ns::new(name("NS2.example.")).into()),
            record("example.", address(200)),
            record("example.", address(3)),
            record("a.example.", address(1)),
            record("B.example.", address(1)),
        ];
        sort_canonically(&mut records);
        let lines: Vec<String> = records
            .iter()
            .map(|record| format!("{} {}", record.owner(), record.data()))
            .collect();
        assert_eq!(
            lines,
            [
                "example 192.0.2.3",
                "example 192.0.2.200",
                "EXAMPLE ns2.example.",
                "example ns10.example.",
                "a.example 192.0.2.1",
                "z.a.example 192.0.2.1",
                "b.example 192.0.2.1",
            ]
        );
    }
}
