//! Reads scenario files.
//!
//! A file has one topic. It starts with what is served, and then has blocks, a query and what the
//! response to it must be, with empty lines between them:
//!
//! ```text
//! zone root.zone signed             a file of testdata/zones; or `unsigned`
//! withheld example.                 a zone that is known but not served
//! silent                            the server does not tell its name
//! version imrs 1.0                  it tells its version
//!
//! # RFC 4035 section 3.1.3.2: what the block shows
//! ask nosuch. A do limit=512        NAME TYPE, then any of the words below
//! expect NXDOMAIN aa                RCODE, then all flags that are set but QR
//! authority . 86400 SOA +sig        every record but OPT: section, owner, TTL if it matters,
//! authority . NSEC aaa. NS          type, the first words of the data; `+sig`: a signature, too
//! additional x13 * A                13 records, any owner
//! opt nsid=aa01-ke-nbo              what the OPT record holds beside its fixed part
//! octets 97                         the exact length; or `<=97`
//! ```
//!
//! Words of `ask`: a class; `tcp`; `limit=N`; the flags `rd`, `ad`, `cd`, `aa`, `tc`, `ra`, `z`;
//! `opcode=N`; and all that make an OPT record: `edns`, `do`, `size=N`, `version=N`, `z=HEX` for
//! its flags, `nsid`, `keepalive`, `zoneversion`, `option=CODE:HEX`. Instead of `ask`, `send` has a
//! packet in hexadecimal with `'text'` for ASCII, and `expect silence` says that nothing is sent.

use crate::query::{Ask, Edns, name};
use crate::world;
use domain::base::iana::{Class, Rtype};
use imrs_engine::{Service, Transport};
use std::path::Path;

/// One file.
pub(crate) struct Scenario {
    pub(crate) service: Service,
    pub(crate) cases: Vec<Case>,
}

/// One query and what the response to it must be.
#[derive(Debug)]
pub(crate) struct Case {
    /// File and line of the query.
    pub(crate) place: String,
    pub(crate) packet: Vec<u8>,
    pub(crate) has_opt: bool,
    pub(crate) transport: Transport,
    pub(crate) limit: usize,
    pub(crate) expected: Option<Expected>,
}

#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) rcode: u16,
    pub(crate) flags: Vec<String>,
    pub(crate) records: Vec<Pattern>,
    /// The options of the OPT record; the record itself is expected where the query has one.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
    /// Whether there is no OPT record even though the query has one.
    pub(crate) no_opt: bool,
    pub(crate) octets: Option<(usize, bool)>,
}

/// Records of a response.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) section: usize,
    pub(crate) count: usize,
    pub(crate) owner: String,
    pub(crate) ttl: Option<u32>,
    pub(crate) rtype: String,
    pub(crate) data: Vec<String>,
}

/// All files, by name.
pub(crate) fn all() -> Vec<Scenario> {
    let folder = world::testdata("scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scn"))
        .collect();
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Scenario {
    let file = path.file_name().unwrap().to_string_lossy();
    let text = std::fs::read_to_string(path).unwrap();
    let mut zones = Vec::new();
    let mut identity = imrs_engine::Identity {
        name: Some(NAME.to_vec()),
        version: None,
    };
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((verb, rest)) = words.split_first() else {
            continue;
        };
        match *verb {
            _ if verb.starts_with('#') => {}
            "zone" => zones.push(zone(rest)),
            "withheld" => zones.push((rest[0].parse().unwrap(), None)),
            "silent" => identity.name = None,
            "version" => identity.version = Some(rest.join(" ").into_bytes()),
            "ask" => cases.push(ask(place, rest)),
            "send" => cases.push(send(place, rest)),
            _ => {
                let case = cases
                    .last_mut()
                    .unwrap_or_else(|| panic!("{place}: no query yet"));
                expectation(case, &place, verb, rest);
            }
        }
    }
    let service = Service {
        identity,
        ..world::service(zones)
    };
    Scenario { service, cases }
}

fn zone(words: &[&str]) -> (imrs_zone::Name, Option<std::sync::Arc<imrs_zone::Image>>) {
    let text = std::fs::read_to_string(world::testdata("zones").join(words[0])).unwrap();
    let records = match words[1] {
        "signed" => world::signed(world::records(&text)),
        "unsigned" => world::records(&text),
        other => panic!("`{other}`: signed or unsigned"),
    };
    let (name, image) = world::compile(records);
    (name, Some(image))
}

fn case(place: String, packet: Vec<u8>, has_opt: bool) -> Case {
    Case {
        place,
        packet,
        has_opt,
        transport: Transport::Udp,
        limit: 1232,
        expected: None,
    }
}

fn ask(place: String, words: &[&str]) -> Case {
    let rtype: Rtype = words[1]
        .parse()
        .unwrap_or_else(|_| panic!("{place}: {}", words[1]));
    let mut ask = Ask::new(name(words[0]), rtype);
    let mut case = case(place, Vec::new(), false);
    for word in &words[2..] {
        if let Ok(class) = word.parse::<Class>() {
            ask.qclass = class;
        } else if !travel(&mut case, word) && !flag(&mut ask, word) {
            edns(ask.edns.get_or_insert_default(), word, &case.place);
        }
    }
    case.packet = ask.packet();
    case.has_opt = ask.edns.is_some();
    case
}

/// Words that say how a query travels.
fn travel(case: &mut Case, word: &str) -> bool {
    if word == "tcp" {
        case.transport = Transport::Tcp {
            keepalive: KEEPALIVE,
        };
        case.limit = 65_535;
    } else if let Some(limit) = word.strip_prefix("limit=") {
        case.limit = limit.parse().unwrap();
    } else {
        return false;
    }
    true
}

fn flag(ask: &mut Ask, word: &str) -> bool {
    ask.flags |= match word {
        "aa" => 0x0400,
        "tc" => 0x0200,
        "rd" => 0x0100,
        "ra" => 0x0080,
        "z" => 0x0040,
        "ad" => 0x0020,
        "cd" => 0x0010,
        _ => match word.strip_prefix("opcode=") {
            Some(opcode) => opcode.parse::<u16>().unwrap() << 11,
            None => return false,
        },
    };
    true
}

fn edns(edns: &mut Edns, word: &str, place: &str) {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    match key {
        "edns" => {}
        "do" => edns.flags |= 0x8000,
        "size" => edns.size = value.parse().unwrap(),
        "version" => edns.version = value.parse().unwrap(),
        "z" => edns.flags |= u16::from_str_radix(value, 16).unwrap(),
        "nsid" => edns.options.push((3, Vec::new())),
        "keepalive" => edns.options.push((11, Vec::new())),
        "zoneversion" => edns.options.push((19, Vec::new())),
        "option" => {
            let (code, data) = value.split_once(':').unwrap();
            edns.options.push((code.parse().unwrap(), hex(data)));
        }
        _ => panic!("{place}: `{word}`"),
    }
}

fn send(place: String, words: &[&str]) -> Case {
    let mut case = case(place, Vec::new(), false);
    for word in words {
        if travel(&mut case, word) {
        } else if *word == "opt" {
            case.has_opt = true;
        } else if let Some(text) = word
            .strip_prefix('\'')
            .and_then(|word| word.strip_suffix('\''))
        {
            case.packet.extend_from_slice(text.as_bytes());
        } else {
            case.packet.extend(hex(word));
        }
    }
    case
}

fn expectation(case: &mut Case, place: &str, verb: &str, words: &[&str]) {
    if (verb, words) == ("expect", &["silence"]) {
        return;
    }
    let expected = case.expected.get_or_insert_default();
    match verb {
        "expect" => {
            expected.rcode = RCODES
                .iter()
                .find(|(name, _)| *name == words[0])
                .unwrap_or_else(|| panic!("{place}: `{}`", words[0]))
                .1;
            expected.flags = words[1..].iter().map(|word| (*word).to_owned()).collect();
        }
        "answer" => expected.records.extend(pattern(0, words)),
        "authority" => expected.records.extend(pattern(1, words)),
        "additional" => expected.records.extend(pattern(2, words)),
        "opt" => {
            for word in words {
                option(expected, word, place);
            }
        }
        "octets" => {
            let exact = words[0].trim_start_matches("<=");
            expected.octets = Some((exact.parse().unwrap(), exact == words[0]));
        }
        _ => panic!("{place}: `{verb}`"),
    }
}

fn option(expected: &mut Expected, word: &str, place: &str) {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    let (code, data) = match key {
        "none" => {
            expected.no_opt = true;
            return;
        }
        "nsid" => (3, value.as_bytes().to_vec()),
        "keepalive" => (11, value.parse::<u16>().unwrap().to_be_bytes().to_vec()),
        "ede" => (15, value.parse::<u16>().unwrap().to_be_bytes().to_vec()),
        // Labels and serial.
        "zoneversion" => {
            let (labels, serial) = value.split_once(':').unwrap();
            let mut data = vec![labels.parse().unwrap(), 0];
            data.extend(serial.parse::<u32>().unwrap().to_be_bytes());
            (19, data)
        }
        _ => panic!("{place}: `{word}`"),
    };
    expected.options.push((code, data));
}

/// A line that names records; with `+sig` it stands for their signature as well.
fn pattern(section: usize, words: &[&str]) -> Vec<Pattern> {
    let text = words.join(" ");
    let mut words = words.to_vec();
    let count = match words[0].strip_prefix('x').map(str::parse) {
        Some(Ok(count)) => {
            words.remove(0);
            count
        }
        _ => 1,
    };
    let owner = words.remove(0).to_ascii_lowercase();
    let ttl = words[0].parse().ok();
    if ttl.is_some() {
        words.remove(0);
    }
    let rtype = words.remove(0).to_owned();
    let sig = words.last() == Some(&"+sig");
    if sig {
        words.pop();
    }
    let data = words.iter().map(|word| (*word).to_owned()).collect();
    let plain = Pattern {
        text,
        section,
        count,
        owner,
        ttl,
        rtype,
        data,
    };
    let mut patterns = vec![plain.clone()];
    if sig {
        let data = vec![plain.rtype.clone()];
        patterns.push(Pattern {
            rtype: "RRSIG".to_owned(),
            count: 1,
            data,
            ..plain
        });
    }
    patterns
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "`{text}` has half an octet");
    let octet =
        |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap_or_else(|_| panic!("`{text}`"));
    (0..text.len()).step_by(2).map(octet).collect()
}

/// What the server says its name is, and how long it keeps TCP connections, in 100 ms.
pub(crate) const NAME: &[u8] = b"aa01-ke-nbo";
pub(crate) const KEEPALIVE: u16 = 300;

const RCODES: [(&str, u16); 8] = [
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("NOTAUTH", 9),
    ("BADVERS", 16),
];
