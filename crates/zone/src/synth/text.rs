//! Writes records as a master file.

use crate::record::{Name, Record};
use bytes::Bytes;
use domain::base::iana::Rtype;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::rdata::dnssec::Timestamp;
use domain::rdata::{Rrsig, ZoneRecordData};
use domain::utils::base64;
use std::fmt::Write;

/// Records as a master file, one a line, the SOA first.
pub fn text(records: &[Record]) -> String {
    let mut text = String::with_capacity(records.len() * 100);
    let is_soa = |record: &&Record| record.rtype() == Rtype::SOA;
    let others = records.iter().filter(|record| !is_soa(record));
    for record in records.iter().filter(is_soa).chain(others) {
        let written = match record.data() {
            ZoneRecordData::Rrsig(rrsig) => write_rrsig(&mut text, record, rrsig),
            _ => writeln!(text, "{}", record.display_zonefile(DisplayKind::Simple)),
        };
        written.expect("a string takes all that is written");
    }
    text
}

/// Writes an RRSIG with its times as dates: `domain` writes them as seconds, which RFC 4034
/// section 3.2 allows and NSD 4.6 refuses.
fn write_rrsig(text: &mut String, record: &Record, rrsig: &Rrsig<Bytes, Name>) -> std::fmt::Result {
    let date = |time: Timestamp| {
        jiff::Timestamp::from_second(time.into_int().into())
            .expect("seconds of 32 bits end in 2106")
            .strftime("%Y%m%d%H%M%S")
    };
    writeln!(
        text,
        "{} {} {} RRSIG {} {} {} {} {} {} {} {} {}",
        record.owner().fmt_with_dot(),
        record.ttl().as_secs(),
        record.class(),
        rrsig.type_covered(),
        rrsig.algorithm().to_int(),
        rrsig.labels(),
        rrsig.original_ttl().as_secs(),
        date(rrsig.expiration()),
        date(rrsig.inception()),
        rrsig.key_tag(),
        rrsig.signer_name().fmt_with_dot(),
        base64::encode_display(rrsig.signature()),
    )
}
