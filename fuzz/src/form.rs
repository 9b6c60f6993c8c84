//! Packets that are nearly queries, of names that the zones have and types that matter, so that
//! most of them get past the parser.

use arbitrary::Arbitrary;

/// What a packet is made of.
#[derive(Arbitrary, Debug)]
pub struct Form {
    flags: u16,
    labels: Vec<Label>,
    qtype: Type,
    class: Class,
    edns: Option<Edns>,
    trailing: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Label {
    /// One that names of the zones are made of.
    Known(u8),
    Any(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Type {
    Known(u8),
    Any(u16),
}

#[derive(Arbitrary, Debug)]
enum Class {
    In,
    Chaos,
    Any(u16),
}

#[derive(Arbitrary, Debug)]
struct Edns {
    size: u16,
    version: bool,
    flags: u16,
    options: Vec<(Code, Vec<u8>)>,
}

#[derive(Arbitrary, Debug)]
enum Code {
    Known(u8),
    Any(u16),
}

impl Form {
    /// The packet.
    pub fn packet(&self) -> Vec<u8> {
        self.write(None)
    }

    /// The packet with this COOKIE option ahead of all others.
    pub fn showing(&self, cookie: &[u8]) -> Vec<u8> {
        self.write(Some(cookie))
    }

    fn write(&self, cookie: Option<&[u8]>) -> Vec<u8> {
        let mut packet = vec![0x13, 0x37];
        let has_edns = self.edns.is_some() || cookie.is_some();
        // QR clear: responses are dropped unread.
        packet.extend((self.flags & 0x7fff).to_be_bytes());
        packet.extend([0, 1, 0, 0, 0, 0, 0, u8::from(has_edns)]);
        for label in &self.labels {
            label.write(&mut packet);
        }
        packet.push(0);
        let qtype = match self.qtype {
            Type::Known(at) => pick(TYPES, at),
            Type::Any(qtype) => qtype,
        };
        let class = match self.class {
            Class::In => 1,
            Class::Chaos => 3,
            Class::Any(class) => class,
        };
        packet.extend(qtype.to_be_bytes());
        packet.extend(class.to_be_bytes());
        match (&self.edns, cookie) {
            (None, None) => {}
            (Some(edns), cookie) => edns.write(cookie, &mut packet),
            (None, cookie) => Edns::PLAIN.write(cookie, &mut packet),
        }
        packet.extend(&self.trailing);
        packet
    }
}

impl Label {
    fn write(&self, packet: &mut Vec<u8>) {
        let octets = match self {
            Label::Known(at) => pick(LABELS, *at).as_bytes(),
            Label::Any(octets) => octets,
        };
        let octets = &octets[..octets.len().min(63)];
        if !octets.is_empty() {
            packet.push(octets.len() as u8);
            packet.extend(octets);
        }
    }
}

impl Edns {
    const PLAIN: Edns = Edns {
        size: 1232,
        version: false,
        flags: 0,
        options: Vec::new(),
    };

    fn write(&self, cookie: Option<&[u8]>, packet: &mut Vec<u8>) {
        let mut options = Vec::new();
        if let Some(cookie) = cookie {
            options.extend([0, 10, 0, cookie.len() as u8]);
            options.extend(cookie);
        }
        for (code, value) in &self.options {
            let code = match code {
                Code::Known(at) => pick(OPTIONS, *at),
                Code::Any(code) => *code,
            };
            options.extend(code.to_be_bytes());
            options.extend((value.len() as u16).to_be_bytes());
            options.extend(value);
        }
        packet.extend([0, 0, 41]);
        packet.extend(self.size.to_be_bytes());
        packet.extend([0, u8::from(self.version)]);
        packet.extend(self.flags.to_be_bytes());
        packet.extend((options.len() as u16).to_be_bytes());
        packet.extend(options);
    }
}

fn pick<T: Copy>(from: &[T], at: u8) -> T {
    from[usize::from(at) % from.len()]
}

/// Names that a test root has at every size, those of CHAOS, and parts of others.
const LABELS: &[&str] = &[
    "com",
    "net",
    "org",
    "arpa",
    "COM",
    "root-servers",
    "a",
    "m",
    "nstld",
    "in-addr",
    "www",
    "\0",
    "id",
    "server",
    "hostname",
    "bind",
    "version",
    "zz--no",
    "xn--p1ai",
];

/// SOA, NS, DS, DNSKEY, A, AAAA, NSEC, RRSIG, ZONEMD, TXT, ANY, AXFR, IXFR, OPT, TYPE0, NXNAME.
const TYPES: &[u16] = &[
    6, 2, 43, 48, 1, 28, 47, 46, 63, 16, 255, 252, 251, 41, 0, 128,
];

/// NSID, COOKIE, keepalive, padding, ZONEVERSION, EDE, ECS.
const OPTIONS: &[u16] = &[3, 10, 11, 12, 19, 15, 8];
