//! A response as `domain` reads it, in a form to compare.

use domain::base::iana::Rtype;
use domain::base::message::RecordSection;
use domain::base::opt::UnknownOptData;
use domain::base::{Message, Name, ParsedName, ToName};
use domain::rdata::AllRecordData;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// With the extended bits.
    pub(crate) rcode: u16,
    /// `aa`, `tc`, `rd`, `ra`, `z`, `ad`, `cd` as they are set.
    pub(crate) flags: Vec<&'static str>,
    /// Answer, authority, additional without OPT.
    pub(crate) sections: [Vec<Entry>; 3],
    pub(crate) opt: Option<OptSeen>,
    /// Octets up to the end of each record of the additional section, OPT left out.
    pub(crate) ends: Vec<usize>,
    /// Octets up to the end of the authority section.
    pub(crate) additional_start: usize,
}

/// One record as text: names in lower case with a final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) owner: String,
    pub(crate) ttl: u32,
    pub(crate) rtype: String,
    pub(crate) data: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptSeen {
    pub(crate) size: u16,
    pub(crate) version: u8,
    pub(crate) dnssec: bool,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

impl Reply {
    /// Reads a response to `query` and checks what holds for any response: it parses to its last
    /// octet, echoes ID, opcode and question, and has QR set.
    pub(crate) fn read(query: &[u8], response: &[u8]) -> Self {
        let message = Message::from_octets(response).expect("a response has a header");
        let header = message.header();
        assert!(header.qr(), "QR is clear");
        assert_eq!(response[..2], query[..2], "the ID differs");
        assert_eq!(response[2] & 0x78, query[2] & 0x78, "the opcode differs");
        let mut questions = message.question();
        for question in questions.by_ref() {
            question.expect("the question parses");
        }
        let end = questions.pos();
        assert!(
            end == 12 || response[12..end] == query[12..end],
            "the question is not echoed octet for octet"
        );
        let (answer, _) = entries(message.answer().unwrap());
        let (authority, ends) = entries(message.authority().unwrap());
        let additional_start = ends
            .last()
            .copied()
            .unwrap_or_else(|| message.authority().unwrap().pos());
        let (mut additional, mut ends) = entries(message.additional().unwrap());
        assert_eq!(
            ends.last().copied().unwrap_or(additional_start),
            response.len(),
            "octets behind the last record"
        );
        let opts = additional
            .iter()
            .filter(|entry| entry.rtype == "OPT")
            .count();
        assert!(opts <= 1, "{opts} OPT records");
        if opts == 1 {
            assert_eq!(
                additional.pop().unwrap().rtype,
                "OPT",
                "OPT is not the last record"
            );
            ends.pop();
        }
        Reply {
            rcode: message.opt_rcode().to_int(),
            flags: flags(&header),
            sections: [answer, authority, additional],
            opt: opt_of(&message),
            ends,
            additional_start,
        }
    }
}

fn flags(header: &domain::base::Header) -> Vec<&'static str> {
    let all = [
        ("aa", header.aa()),
        ("tc", header.tc()),
        ("rd", header.rd()),
        ("ra", header.ra()),
        ("z", header.z()),
        ("ad", header.ad()),
        ("cd", header.cd()),
    ];
    all.iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| *name)
        .collect()
}

fn opt_of(message: &Message<&[u8]>) -> Option<OptSeen> {
    let opt = message.opt()?;
    let options = opt.opt().iter::<UnknownOptData<_>>().map(|option| {
        let option = option.expect("options parse");
        (option.code().to_int(), option.as_slice().to_vec())
    });
    Some(OptSeen {
        size: opt.udp_payload_size(),
        version: opt.version(),
        dnssec: opt.dnssec_ok(),
        options: options.collect(),
    })
}

/// The records of a section, and where each ends.
fn entries(mut section: RecordSection<'_, &[u8]>) -> (Vec<Entry>, Vec<usize>) {
    let mut entries = Vec::new();
    let mut ends = Vec::new();
    while let Some(record) = section.next() {
        let record = record.expect("every record parses");
        ends.push(section.pos());
        let data = record
            .to_any_record::<AllRecordData<_, ParsedName<_>>>()
            .expect("record data parses")
            .data()
            .to_string();
        let owner: Name<Vec<u8>> = record.owner().to_name();
        entries.push(Entry::new(
            &owner,
            record.ttl().as_secs(),
            record.rtype(),
            &data,
        ));
    }
    (entries, ends)
}

/// A name in lower case with its final dot.
fn text(name: &Name<impl AsRef<[u8]>>) -> String {
    name.fmt_with_dot().to_string().to_ascii_lowercase()
}

impl Entry {
    pub(crate) fn new(owner: &Name<Vec<u8>>, ttl: u32, rtype: Rtype, data: &str) -> Self {
        // `domain` writes the root as two dots in some places.
        let data = data.replace("..", ".");
        // Names that may be compressed have the case of what they point to.
        let data = match rtype {
            Rtype::NS | Rtype::SOA => data.to_ascii_lowercase(),
            _ => data,
        };
        Entry {
            owner: text(owner),
            ttl,
            rtype: rtype.to_string(),
            data,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {:.60}",
            self.owner, self.ttl, self.rtype, self.data
        )
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "rcode {} flags {:?} opt {:?}",
            self.rcode, self.flags, self.opt
        )?;
        for (section, entries) in SECTIONS.iter().zip(&self.sections) {
            for entry in entries {
                writeln!(f, "{section} {entry}")?;
            }
        }
        Ok(())
    }
}

pub(crate) const SECTIONS: [&str; 3] = ["answer", "authority", "additional"];
