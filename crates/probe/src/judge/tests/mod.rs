//! Responses made by hand, right and wrong.

mod asking;
mod rules;
mod zones;

use super::*;
use crate::{Name, Record};
use bytes::Bytes;
use domain::zonefile::inplace::{Entry, Zonefile};
use proptest::prelude::*;

/// A small root. Signatures are made up: whether they hold is for the proof of the zone.
const ROOT: &str = "\
. 86400 IN SOA a.root-servers.net. nstld.example. 7 1800 900 604800 3600
. 86400 IN RRSIG SOA 8 0 86400 20260815000000 20260801000000 1 . AQ==
. 518400 IN NS a.root-servers.net.
. 518400 IN NS b.root-servers.net.
. 518400 IN RRSIG NS 8 0 518400 20260815000000 20260801000000 1 . Ag==
. 172800 IN DNSKEY 256 3 8 AwEAAQ==
. 172800 IN DNSKEY 257 3 8 AwEAAg==
. 172800 IN RRSIG DNSKEY 8 0 172800 20260815000000 20260801000000 2 . Aw==
. 172800 IN RRSIG DNSKEY 8 0 172800 20260815000000 20260801000000 3 . BA==
. 3600 IN NSEC com. NS SOA RRSIG NSEC DNSKEY
. 3600 IN RRSIG NSEC 8 0 3600 20260815000000 20260801000000 1 . BQ==
com. 172800 IN NS ns.com.
com. 172800 IN NS a.gtld.net.
com. 86400 IN DS 1 8 2 0102030405060708091011121314151617181920212223242526272829303132
com. 86400 IN RRSIG DS 8 1 86400 20260815000000 20260801000000 1 . Bg==
com. 3600 IN NSEC net. NS DS RRSIG NSEC
com. 3600 IN RRSIG NSEC 8 1 3600 20260815000000 20260801000000 1 . Bw==
ns.com. 172800 IN A 192.0.2.1
ns.com. 172800 IN A 192.0.2.2
ns.com. 172800 IN AAAA 2001:db8::1
net. 172800 IN NS a.gtld.net.
net. 3600 IN NSEC org. NS RRSIG NSEC
net. 3600 IN RRSIG NSEC 8 1 3600 20260815000000 20260801000000 1 . CA==
a.gtld.net. 172800 IN A 192.0.2.3
a.root-servers.net. 518400 IN A 192.0.2.4
org. 172800 IN NS ns.elsewhere.
org. 3600 IN NSEC . NS RRSIG NSEC
org. 3600 IN RRSIG NSEC 8 1 3600 20260815000000 20260801000000 1 . CQ==
";

/// A zone with names between the apex and its delegations.
const DEEP: &str = "\
z. 3600 IN SOA ns.z. admin.z. 7 1800 900 604800 3600
z. 3600 IN RRSIG SOA 8 1 3600 20260815000000 20260801000000 1 z. AQ==
z. 3600 IN NS ns.z.
z. 3600 IN RRSIG NS 8 1 3600 20260815000000 20260801000000 1 z. AQ==
z. 3600 IN NSEC a.b.z. NS SOA RRSIG NSEC
z. 3600 IN RRSIG NSEC 8 1 3600 20260815000000 20260801000000 1 z. Ag==
a.b.z. 3600 IN TXT \"here\"
a.b.z. 3600 IN RRSIG TXT 8 3 3600 20260815000000 20260801000000 1 z. Aw==
a.b.z. 3600 IN NSEC cut.z. TXT RRSIG NSEC
a.b.z. 3600 IN RRSIG NSEC 8 3 3600 20260815000000 20260801000000 1 z. BA==
cut.z. 3600 IN NS ns.below.cut.z.
cut.z. 3600 IN NSEC ns.z. NS RRSIG NSEC
cut.z. 3600 IN RRSIG NSEC 8 2 3600 20260815000000 20260801000000 1 z. BQ==
below.cut.z. 3600 IN NS ns.below.cut.z.
ns.below.cut.z. 3600 IN AAAA 2001:db8::2
ns.z. 3600 IN A 192.0.2.5
ns.z. 3600 IN RRSIG A 8 2 3600 20260815000000 20260801000000 1 z. Bg==
ns.z. 3600 IN NSEC z. A RRSIG NSEC
ns.z. 3600 IN RRSIG NSEC 8 2 3600 20260815000000 20260801000000 1 z. Bw==
";

fn records(text: &str) -> Vec<Record> {
    let mut file = Zonefile::from(text);
    file.set_origin(Name::root_bytes());
    std::iter::from_fn(|| file.next_entry().unwrap())
        .map(|entry| match entry {
            Entry::Record(record) => domain::base::name::FlattenInto::flatten_into(record),
            Entry::Include { .. } => panic!("no file is included"),
        })
        .collect()
}

fn root() -> Zone<'static> {
    Zone::new(&Name::root_bytes(), records(ROOT))
}

/// The root without anything of DNSSEC.
fn unsigned_root() -> Zone<'static> {
    let dnssec = [Rtype::RRSIG, Rtype::NSEC, Rtype::DNSKEY, Rtype::DS];
    let mut records = records(ROOT);
    records.retain(|record| !dnssec.contains(&record.rtype()));
    Zone::new(&Name::root_bytes(), records)
}

fn question(text: &str) -> Question {
    let (name, rtype) = text.split_once(' ').unwrap();
    Question {
        name: name.parse().unwrap(),
        rtype: rtype.parse().unwrap(),
    }
}

/// A response in parts, so that each can be made wrong.
struct Response {
    header: [u8; 4],
    question: Vec<u8>,
    /// Answer, authority, additional: records in wire form.
    sections: [Vec<Vec<u8>>; 3],
    opt: Vec<Vec<u8>>,
    behind: Vec<u8>,
}

const ANSWER: usize = 0;
const AUTHORITY: usize = 1;
const ADDITIONAL: usize = 2;

impl Response {
    fn octets(&self) -> Vec<u8> {
        let [answer, authority, additional] = self.sections.each_ref().map(|s| s.len() as u8);
        let additional = additional + self.opt.len() as u8;
        let mut octets = self.header.to_vec();
        octets.extend_from_slice(&[0, 1, 0, answer, 0, authority, 0, additional]);
        octets.extend_from_slice(&self.question);
        octets.extend(self.sections.iter().flatten().flatten());
        octets.extend(self.opt.iter().flatten());
        octets.extend_from_slice(&self.behind);
        octets
    }

    /// Appends the records of one line of the zone: `SECTION OWNER TYPE`, all that match, with the
    /// signatures over them behind a `+`.
    fn push(&mut self, zone: &Zone<'_>, section: usize, rrsets: &str) {
        for rrset in rrsets.split(", ").filter(|rrset| !rrset.is_empty()) {
            let signed = rrset.ends_with('+');
            let wanted = question(rrset.trim_end_matches('+'));
            let rrset = zone.rrset(&wanted.name, wanted.rtype).unwrap();
            let signatures = if signed { rrset.signatures } else { &[] };
            for place in rrset.records.iter().chain(signatures) {
                self.sections[section].push(wire(rrset.at(*place)));
            }
        }
    }

    /// The record at a place of a section, the last being behind the first.
    fn at(&mut self, section: usize, index: usize) -> &mut Vec<u8> {
        &mut self.sections[section][index]
    }
}

fn wire(record: &Record) -> Vec<u8> {
    let mut octets = Vec::new();
    record.compose(&mut octets).unwrap();
    octets
}

/// One record, written as in a master file.
fn line(text: &str) -> Vec<u8> {
    wire(&records(&format!("{text}\n"))[0])
}

const AA: u8 = 0x84;
const REFERRAL: u8 = 0x80;

/// A response with these RRsets; `rcode` with AA set, or clear.
fn response(zone: &Zone<'_>, asked: &str, header: (u8, u8), sections: [&str; 3]) -> Response {
    let mut response = Response {
        header: [0x12, 0x34, header.0, header.1],
        question: question(asked).octets(),
        sections: [const { Vec::new() }; 3],
        opt: vec![vec![0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]],
        behind: Vec::new(),
    };
    for (section, rrsets) in sections.iter().enumerate() {
        response.push(zone, section, rrsets);
    }
    response
}

/// The right response of the small root to a question.
fn right(asked: &str) -> Response {
    let zone = root();
    let (header, sections) = match asked {
        "com. NS" | "www.com. A" => (
            (REFERRAL, 0),
            [
                "",
                "com. NS, com. DS+",
                "ns.com. A, ns.com. AAAA, a.gtld.net. A",
            ],
        ),
        "net. NS" => ((REFERRAL, 0), ["", "net. NS, net. NSEC+", "a.gtld.net. A"]),
        "org. NS" => ((REFERRAL, 0), ["", "org. NS, org. NSEC+", ""]),
        "com. DS" => ((AA, 0), ["com. DS+", "", ""]),
        "net. DS" => ((AA, 0), ["", ". SOA+, net. NSEC+", ""]),
        ". SOA" => ((AA, 0), [". SOA+", "", ""]),
        ". NS" => ((AA, 0), [". NS+", "", "a.root-servers.net. A"]),
        ". DNSKEY" => ((AA, 0), [". DNSKEY+", "", ""]),
        "www.cx. A" => ((AA, 3), ["", ". SOA+, . NSEC+, com. NSEC+", ""]),
        other => panic!("no response to {other}"),
    };
    let mut response = response(&zone, asked, header, sections);
    if sections[AUTHORITY].contains("SOA") {
        // The TTL of negative answers: SOA record and its signature stand first.
        for soa in &mut response.sections[AUTHORITY][..2] {
            soa[5..9].copy_from_slice(&3600u32.to_be_bytes());
        }
    }
    response
}

fn verdict(zone: &Zone<'_>, asked: &str, response: &Response) -> String {
    match judge(zone, &question(asked), &response.octets()) {
        Ok(()) => "right".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

/// Changes the right response, and compares what the judge says.
fn check(asked: &str, change: impl FnOnce(&mut Response), expected: &str) {
    let mut response = right(asked);
    change(&mut response);
    assert_eq!(verdict(&root(), asked, &response), expected, "{asked}");
}
