//! Reads a master file (RFC 1035 section 5) into records.
//!
//! Start at [`read`]. The syntax is `domain`'s; this module packs its records tightly, checks
//! what `domain` leaves open, and turns its errors into ones that name the place and the remedy
//! ([`Problem`]). It knows octets alone: no file name, no compression, no `$INCLUDE`.

mod guard;
mod problem;

pub use problem::{Problem, ReadError};

use self::guard::{END, Guarded};
use crate::limits::TTL_SECONDS_MAX;
use crate::record::{Data, Name, Record};
use bytes::{Bytes, BytesMut};
use domain::base::iana::{Class, Rtype};
use domain::base::name::FlattenInto;
use domain::base::rdata::{ComposeRecordData, ParseRecordData};
use domain::base::{ParsedName, ToName};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, ScannedRecord, Zonefile};
use std::convert::Infallible;

/// Reads the records of a master file, in the order of the file.
///
/// `origin` completes relative names until the first `$ORIGIN`. The class is IN until one is
/// given, and the TTL 3600 seconds, as NSD has it. Records of known types have their typed form,
/// even those that the file has in the generic form of RFC 3597. Does not panic on any input, and
/// takes time and memory in proportion to the text.
pub fn read(text: &[u8], origin: Option<&Name>) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    scan(text, origin, |_, record| {
        records.push(record);
        Ok(())
    })?;
    records.shrink_to_fit();
    Ok(records)
}

/// Reads records one by one and hands each to `take`, with its place.
pub(crate) fn scan(
    text: &[u8],
    origin: Option<&Name>,
    take: impl FnMut(Place, Record) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let guarded = Guarded::new(text);
    let scanned = scan_guarded(guarded.text, origin, take);
    guarded.conclude(scanned)
}

fn scan_guarded(
    text: &[u8],
    origin: Option<&Name>,
    mut take: impl FnMut(Place, Record) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut zone = Zonefile::with_capacity(text.len() + END.len()).allow_invalid();
    zone.extend_from_slice(text);
    zone.extend_from_slice(END);
    zone.set_default_class(Class::IN);
    if let Some(origin) = origin {
        zone.set_origin(origin.clone());
    }
    let mut packer = Packer::default();
    loop {
        let entry = zone
            .next_entry()
            .map_err(|error| problem::explain(text, &error))?;
        // The reader keeps one octet before its text.
        let place = Place {
            offset: zone.current_offset().saturating_sub(1),
        };
        match entry {
            None => return Ok(()),
            Some(Entry::Include { .. }) if place.offset > text.len() => return Ok(()),
            Some(Entry::Include { .. }) => return Err(place.problem(text, Problem::Include)),
            Some(Entry::Record(scanned)) => {
                let record = packer
                    .pack(&scanned)
                    .map_err(|problem| place.problem(text, problem))?;
                take(place, record)?;
            }
        }
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    offset: usize,
}

impl Place {
    /// The error that `problem` of the whole record is: it stands at the beginning of the line.
    pub(crate) fn problem(self, text: &[u8], problem: Problem) -> ReadError {
        let before = text.get(..self.offset).unwrap_or(text);
        let line = before
            .iter()
            .rposition(|&octet| octet == b'\n')
            .map_or(0, |at| at + 1);
        ReadError::at(text, line, problem)
    }
}

/// Copies names and data into shared runs of octets, so that the text can be dropped.
#[derive(Default)]
struct Packer {
    octets: BytesMut,
    owner: Option<Name>,
}

impl Packer {
    /// Makes a record of a scanned one, by way of its wire form: that checks names, which the
    /// scanner lets pass with empty labels, and gives generic data of known types its typed form.
    fn pack(&mut self, scanned: &ScannedRecord) -> Result<Record, Problem> {
        if scanned.ttl().as_secs() > TTL_SECONDS_MAX {
            return Err(Problem::LongTtl(scanned.ttl().as_secs()));
        }
        let owner = self.pack_owner(scanned)?;
        let rtype = scanned.rtype();
        let octets = self.append(|octets| scanned.data().compose_rdata(octets));
        if octets.len() > usize::from(u16::MAX) {
            return Err(Problem::LongData(rtype));
        }
        let data = parse_data(rtype, &octets)?;
        Ok(Record::new(owner, scanned.class(), scanned.ttl(), data))
    }

    /// The owner, which shares its octets with that of the record before if it is the same.
    fn pack_owner(&mut self, scanned: &ScannedRecord) -> Result<Name, Problem> {
        let octets = self.append(|octets| scanned.owner().compose(octets));
        if let Some(owner) = self
            .owner
            .as_ref()
            .filter(|owner| owner.as_slice() == octets)
        {
            return Ok(owner.clone());
        }
        let owner = Name::from_octets(octets).map_err(|_| Problem::EmptyLabel)?;
        self.owner = Some(owner.clone());
        Ok(owner)
    }

    /// Appends to the run and splits off what was appended.
    fn append(&mut self, compose: impl FnOnce(&mut BytesMut) -> Result<(), Infallible>) -> Bytes {
        if self.octets.capacity() == 0 {
            self.octets.reserve(RUN_OCTETS);
        }
        match compose(&mut self.octets) {
            Ok(()) => self.octets.split().freeze(),
            Err(never) => match never {},
        }
    }
}

/// Octets of names and data that share one allocation.
const RUN_OCTETS: usize = 64 * 1024;

/// Parses record data in wire form.
fn parse_data(rtype: Rtype, octets: &Bytes) -> Result<Data, Problem> {
    let mut parser = Parser::from_ref(octets);
    let bad = || match rtype {
        Rtype::ZONEMD => Problem::BadZonemd,
        _ => Problem::BadData(rtype),
    };
    let data: Option<ZoneRecordData<Bytes, ParsedName<Bytes>>> =
        ParseRecordData::parse_rdata(rtype, &mut parser).map_err(|_| bad())?;
    match data {
        Some(data) if parser.remaining() == 0 => Ok(data.flatten_into()),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let records = read(text.as_bytes(), None).unwrap_or_else(|error| panic!("{error}"));
        let lines: Vec<String> = records.iter().map(|record| format!("{record}")).collect();
        assert_eq!(lines, expected, "{text}");
    }

    fn check_error(text: &str, expected: &str) {
        let error = read(text.as_bytes(), None).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }

    #[test]
    fn any_legal_form_is_read() {
        check(
            "$ORIGIN example.\n$TTL 300\n@\tIN\tNS ns ; first\n\tNS ns.other.\n\
             Ns ( 60 ; ttl\n in ) a 192.0.2.1\nCLASS1-x 7 CLASS1 A 192.0.2.2\n",
            &[
                "example. 300 IN NS ns.example.",
                "example. 300 IN NS ns.other.",
                "Ns.example. 60 IN A 192.0.2.1",
                "CLASS1-x.example. 7 IN A 192.0.2.2",
            ],
        );
        check(r"a\.b\010.c. 1 TXT x", &[r#"a\.b\010.c. 1 IN TXT "x""#]);
        check("a. 1 A 192.0.2.1\r\n", &["a. 1 IN A 192.0.2.1"]);
        check("", &[]);
    }

    #[test]
    fn generic_data_of_known_types_is_typed() {
        check(r"a. 1 A \# 4 c0000201", &["a. 1 IN A 192.0.2.1"]);
        check(r"a. 1 TYPE2 \# 3 016200", &["a. 1 IN NS b."]);
        check(
            r"a. 1 TYPE65280 \# 2 0102",
            &[r"a. 1 IN TYPE65280 \# 2 01 02"],
        );
        check_error(
            r"a. 1 A \# 3 c00002",
            "line 1, column 1: the data is not what type A has; check its fields, its length and its names for empty labels",
        );
        check_error(
            "a. 1 ZONEMD 1 1 1 8f43",
            "line 1, column 1: the ZONEMD data is malformed: serial, scheme, hash algorithm and \
             at least 12 octets of digest are needed (RFC 8976 section 2.2)",
        );
    }

    #[test]
    fn what_is_no_text_is_called_so() {
        check_error(
            "\u{feff}a. 1 IN NS b.",
            "line 1, column 1: the file begins with a byte order mark; save it as plain ASCII or \
             UTF-8 without one",
        );
        check_error(
            "root.zone\0\0\0\0",
            "line 1, column 1: this is no text; a master file is wanted, plain or packed by xz, \
             gzip or zstd, and not an archive of files",
        );
    }

    #[test]
    fn errors_name_place_and_remedy() {
        check_error(
            "$ORIGIN .\na 1h30m IN NS b",
            "line 2, column 3: `1h30m` is a TTL with units; write it in seconds: 5400",
        );
        check_error(
            "a. 1 IN FOO b",
            "line 1, column 9: `FOO` is no type, class or TTL; a type without a mnemonic is \
             written TYPE followed by its number (RFC 3597)",
        );
        check_error(
            "a..b. 1 IN NS b.",
            "line 1, column 1: the owner has an empty label: two dots in a row",
        );
        check_error(
            "a 1 IN NS b.",
            "line 1, column 1: `a` is relative, and no origin is known; end the name with a dot \
             or put $ORIGIN before it",
        );
        check_error(
            " 1 IN NS b.",
            "line 1, column 2: the first record has no owner; begin its line with a name",
        );
        check_error(
            "a. 1 IN NS",
            "line 1, column 11: the record ends before its data is complete",
        );
        check_error(
            "a. 1 IN A 1.2.3.256",
            "line 1, column 11: `1.2.3.256`: expected IPv4 address",
        );
        check_error(
            "a. 1 IN A 1.2.3.4 x",
            "line 1, column 19: `x` follows after the end of the record",
        );
        check_error(
            "a. 1 IN A 1.2.3.4 )",
            "line 1, column 19: `)` closes a parenthesis that was not opened",
        );
        check_error(
            "a. 1 IN NS ( b.\nc. 1 IN NS d.",
            "line 2, column 1: `c.` follows after the end of the record",
        );
        check_error(
            "a. 1 IN TXT \"abc\nd",
            "line 1, column 13: `\\\"abc`: this octet is written \\DDD with three decimal digits, at \
             most 255; or a quotation mark is left open",
        );
        check_error(
            "a. 1 IN TXT ( abc\nd",
            "line 2, column 2: the text ends within a record; a quotation mark or a parenthesis \
             is left open, or the file is cut short",
        );
        check_error(
            "$INCLUDE \"a\"b",
            "line 1, column 13: a quotation is followed by something directly; put white space \
             between",
        );
        check_error(
            "a. 1 IN FOO b\na. 1 IN TXT \"b\"c",
            "line 1, column 9: `FOO` is no type, class or TTL; a type without a mnemonic is \
             written TYPE followed by its number (RFC 3597)",
        );
    }

    #[test]
    fn what_is_not_read_is_refused_with_a_remedy() {
        check_error(
            "a. 1 IN NSEC b. NS NSE0",
            "line 1, column 20: `NSE0`: expected a type; one without a mnemonic is written TYPE \
             followed by its number (RFC 3597)",
        );
        check_error(
            "$INCLUDE other.zone",
            "line 1, column 1: $INCLUDE is not supported; put the records of all files into one",
        );
        check_error(
            "$GENERATE 1-2 a A 192.0.2.$",
            "line 1, column 1: `$GENERATE` is not supported; only $ORIGIN and $TTL are",
        );
        check_error(
            "a. 2147483648 IN NS b.",
            "line 1, column 1: a TTL of 2147483648 seconds is too long; at most 2147483647 is \
             allowed (RFC 2181 section 8)",
        );
        check_error(
            "a. 1 IN LOC 1 2 3 N 4 5 6 E 7m",
            "line 1, column 13: data of this type is not read in its own form; write it in the \
             generic form of RFC 3597: \\# LENGTH HEXADECIMAL",
        );
    }
}
