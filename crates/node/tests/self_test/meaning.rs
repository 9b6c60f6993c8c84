//! What a response says, apart from how it is written: read by a parser of its own, so that it can
//! tell whether a change to its octets is one that nobody need notice.

/// The records of a section, sorted: owner in lower case, type, class, TTL and length aside, data
/// with names in full and in lower case.
type Section = Vec<(Vec<u8>, [u8; 8], Vec<u8>)>;

/// What a response says; none where it cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// Without the ID.
    header: [u8; 10],
    question: Vec<u8>,
    sections: [Section; 3],
}

impl Meaning {
    /// Reads a response to a question of so many octets.
    pub(crate) fn of(response: &[u8], question_len: usize) -> Option<Self> {
        let header: [u8; 10] = response.get(2..12)?.try_into().ok()?;
        let question = response.get(12..12 + question_len)?.to_vec();
        let mut at = 12 + question_len;
        let mut sections = [const { Vec::new() }; 3];
        for (section, counts) in sections.iter_mut().zip(header[4..].chunks(2)) {
            for _ in 0..u16::from_be_bytes([counts[0], counts[1]]) {
                section.push(record(response, &mut at)?);
            }
            section.sort();
        }
        (at == response.len()).then_some(Meaning {
            header,
            question,
            sections,
        })
    }
}

fn record(message: &[u8], at: &mut usize) -> Option<(Vec<u8>, [u8; 8], Vec<u8>)> {
    let owner = name(message, at)?;
    let mut fixed: [u8; 8] = message.get(*at..*at + 8)?.try_into().ok()?;
    let len = usize::from(u16::from_be_bytes([
        *message.get(*at + 8)?,
        *message.get(*at + 9)?,
    ]));
    let start = *at + 10;
    let end = start + len;
    *at = start;
    let mut data = Vec::new();
    let rtype = u16::from_be_bytes([fixed[0], fixed[1]]);
    let names_from = match rtype {
        NS | NSEC | SOA => Some(0),
        RRSIG => Some(18),
        _ => None,
    };
    if let Some(before) = names_from {
        data.extend_from_slice(message.get(start..start + before)?);
        *at += before;
        for _ in 0..if rtype == SOA { 2 } else { 1 } {
            data.extend(name(message, at)?);
        }
    }
    data.extend_from_slice(message.get(*at..end)?);
    *at = end;
    if rtype == OPT {
        // The size that the server takes and what its options say are its own business.
        fixed[2..4].fill(0);
        data.clear();
    }
    Some((owner, fixed, data))
}

/// A name in full and in lower case; `at` goes behind it.
fn name(message: &[u8], at: &mut usize) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut place = *at;
    let mut jumped = false;
    loop {
        let len = usize::from(*message.get(place)?);
        if len >= 0xc0 {
            let to = (len & 0x3f) << 8 | usize::from(*message.get(place + 1)?);
            if !jumped {
                *at = place + 2;
            }
            // Pointers point back.
            if to >= place {
                return None;
            }
            (jumped, place) = (true, to);
            continue;
        }
        if len > 63 || name.len() + len + 1 > 255 {
            return None;
        }
        name.extend(message.get(place..=place + len)?.to_ascii_lowercase());
        place += len + 1;
        if len == 0 {
            if !jumped {
                *at = place;
            }
            return Some(name);
        }
    }
}

const NS: u16 = 2;
const SOA: u16 = 6;
const OPT: u16 = 41;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
