//! What a response must be for a zone whose records are known (RSSAC047v2 section 5.3).
//!
//! Start reading at [`judge`]. The parts: `question` makes the questions and queries, `expected` is
//! the table, `zone` finds records in it, `section` compares, `fault` names what is wrong, and
//! `examine` runs all questions through something that answers.
//!
//! ```
//! # use imrs_probe::judge::{Zone, Question, judge, questions};
//! # fn ask(query: &[u8]) -> Vec<u8> { Vec::new() }
//! # let (apex, records) = (imrs_probe::Name::root_bytes(), Vec::new());
//! let zone = Zone::new(&apex, &records);
//! for question in questions(&zone, &[], 1) {
//!     let response = ask(&question.query(4711));
//!     if let Err(fault) = judge(&zone, &question, &response) {
//!         println!("{question}: {fault}");
//!     }
//! }
//! ```

mod examine;
mod expected;
mod fault;
mod question;
mod section;
mod zone;

pub use examine::{Examined, Failed, Transport, examine};
pub use fault::{Fault, Place, Section};
pub use question::{Question, questions, round, sample};
pub use zone::Zone;

use domain::base::iana::Rtype;
use domain::base::message::RecordSection;
use domain::base::opt::Opt;
use domain::base::wire::ParseError;
use domain::base::{Message, ParsedRecord, ToName};
use domain::rdata::ZoneRecordData;
use expected::{Expected, expected};
use section::Comparison;

/// Judges the response to [`Question::query`].
///
/// Everything is compared: header, question, and each section with the records of the zone, TTLs
/// included. Only what a server may choose is left open: the order of records, the letter case of
/// names outside the question, which address RRsets of servers come along as long as there is one,
/// the size and the options in its OPT record. The ID is for whoever sent the query to compare.
pub fn judge(zone: &Zone<'_>, question: &Question, response: &[u8]) -> Result<(), Fault> {
    let expected = expected(zone, question)?;
    let message = Message::from_slice(response).map_err(|error| Fault::Malformed {
        why: error.to_string(),
    })?;
    judge_header(message, question, &expected)?;
    judge_sections(message, &expected)
}

fn judge_header(
    message: &Message<[u8]>,
    question: &Question,
    expected: &Expected<'_>,
) -> Result<(), Fault> {
    let header = message.header();
    let asked = question.octets();
    if !header.qr() {
        return Err(Fault::NotAResponse);
    }
    if header.opcode().to_int() != 0 {
        return Err(Fault::OtherOpcode {
            found: header.opcode().to_int(),
        });
    }
    let repeated = message.as_slice().get(HEADER_LEN..HEADER_LEN + asked.len());
    if message.header_counts().qdcount() != 1 || repeated != Some(&asked) {
        return Err(Fault::OtherQuestion {
            owner: question.name.clone(),
            rtype: question.rtype,
        });
    }
    if header.tc() {
        return Err(Fault::Truncated);
    }
    let found = message.opt_rcode();
    if found != expected.rcode {
        let expected = expected.rcode;
        return Err(Fault::OtherRcode { expected, found });
    }
    match (expected.cut, header.aa()) {
        (Some(cut), true) => Err(Fault::Authoritative { owner: cut.clone() }),
        (None, false) => Err(Fault::NotAuthoritative {
            owner: question.name.clone(),
        }),
        _ => Ok(()),
    }?;
    let clear = [
        (header.rd(), Fault::RecursionDesired),
        (header.ra(), Fault::RecursionAvailable),
        (header.z(), Fault::ReservedBit),
        (header.ad(), Fault::AuthenticData),
        (header.cd(), Fault::CheckingDisabled),
    ];
    let set = clear.into_iter().find(|(set, _)| *set);
    set.map_or(Ok(()), |(_, fault)| Err(fault))
}

fn judge_sections(message: &Message<[u8]>, expected: &Expected<'_>) -> Result<(), Fault> {
    let (_, answer, authority, additional) = message.sections().map_err(malformed)?;
    for (section, found, wanted) in [
        (Section::Answer, answer, &expected.answer),
        (Section::Authority, authority, &expected.authority),
    ] {
        let mut comparison = Comparison::new(section, wanted);
        for record in found {
            take(&mut comparison, &record.map_err(malformed)?)?;
        }
        comparison.finish()?;
    }
    let present = judge_additional(message, additional, expected)?;
    match expected.cut {
        Some(cut) if present == 0 && !expected.additional.is_empty() => {
            Err(Fault::NoAddress { owner: cut.clone() })
        }
        _ => Ok(()),
    }
}

/// Returns how many address RRsets there are.
fn judge_additional(
    message: &Message<[u8]>,
    mut additional: RecordSection<'_, [u8]>,
    expected: &Expected<'_>,
) -> Result<usize, Fault> {
    let mut comparison = Comparison::new(Section::Additional, &expected.additional);
    let mut has_opt = false;
    for record in &mut additional {
        let record = record.map_err(malformed)?;
        if record.rtype() != Rtype::OPT {
            take(&mut comparison, &record)?;
            continue;
        }
        if has_opt {
            return Err(Fault::OptTwice);
        }
        has_opt = true;
        judge_opt(&record)?;
    }
    let behind = message.as_slice().len().saturating_sub(additional.pos());
    if behind > 0 {
        return Err(Fault::Trailing { octets: behind });
    }
    if !has_opt {
        return Err(Fault::NoOpt);
    }
    comparison.finish()
}

fn take(comparison: &mut Comparison<'_, '_>, record: &ParsedRecord<'_, [u8]>) -> Result<(), Fault> {
    let read = record.to_record::<ZoneRecordData<_, _>>();
    match read.map_err(malformed)? {
        Some(record) => comparison.take(&record),
        None => Err(Fault::Malformed {
            why: format!("{} is no type of a record in a zone", record.rtype()),
        }),
    }
}

/// The OPT record that answers the one of the query (RFC 6891 section 6.1).
fn judge_opt(record: &ParsedRecord<'_, [u8]>) -> Result<(), Fault> {
    if !record.owner().is_root() {
        return Err(Fault::OptOwner {
            owner: record.owner().to_bytes(),
        });
    }
    // Its options must be whole; what they say is left to the server.
    record.to_record::<Opt<_>>().map_err(malformed)?;
    // In place of a TTL: upper octet of the RCODE, version, flags.
    let [_, version, high, low] = record.ttl().as_secs().to_be_bytes();
    let flags = u16::from_be_bytes([high, low]);
    if version != 0 {
        return Err(Fault::EdnsVersion { found: version });
    }
    if flags & DO == 0 {
        return Err(Fault::NoDo);
    }
    if flags != DO {
        return Err(Fault::EdnsFlags { found: flags });
    }
    Ok(())
}

fn malformed(error: ParseError) -> Fault {
    Fault::Malformed {
        why: error.to_string(),
    }
}

/// Octets of the header of a message (RFC 1035 section 4.1.1).
const HEADER_LEN: usize = imrs_wire::limits::HEADER_LEN;

/// The flag of EDNS that asks for DNSSEC records (RFC 3225 section 3).
const DO: u16 = 0x8000;

#[cfg(test)]
mod tests;
