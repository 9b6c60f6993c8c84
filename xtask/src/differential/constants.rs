//! Numbers of the DNS registries that queries and checks speak of, with their mnemonics.

/// Types of records.
pub(super) mod rtype {
    pub(in super::super) const A: u16 = 1;
    pub(in super::super) const NS: u16 = 2;
    pub(in super::super) const CNAME: u16 = 5;
    pub(in super::super) const SOA: u16 = 6;
    pub(in super::super) const PTR: u16 = 12;
    pub(in super::super) const HINFO: u16 = 13;
    pub(in super::super) const MX: u16 = 15;
    pub(in super::super) const TXT: u16 = 16;
    pub(in super::super) const AAAA: u16 = 28;
    pub(in super::super) const SRV: u16 = 33;
    pub(in super::super) const DNAME: u16 = 39;
    pub(in super::super) const OPT: u16 = 41;
    pub(in super::super) const DS: u16 = 43;
    pub(in super::super) const RRSIG: u16 = 46;
    pub(in super::super) const NSEC: u16 = 47;
    pub(in super::super) const DNSKEY: u16 = 48;
    pub(in super::super) const ZONEMD: u16 = 63;
    pub(in super::super) const HTTPS: u16 = 65;
    pub(in super::super) const IXFR: u16 = 251;
    pub(in super::super) const AXFR: u16 = 252;
    pub(in super::super) const ANY: u16 = 255;
}

/// Classes.
pub(super) mod class {
    pub(in super::super) const IN: u16 = 1;
    pub(in super::super) const CH: u16 = 3;
    pub(in super::super) const HS: u16 = 4;
    pub(in super::super) const NONE: u16 = 254;
    pub(in super::super) const ANY: u16 = 255;
}

/// The opcode by which a secondary is told of a new serial (RFC 1996).
pub(super) const NOTIFY: u16 = 4;

/// Response codes.
pub(super) mod rcode {
    pub(in super::super) const NOERROR: u16 = 0;
    pub(in super::super) const FORMERR: u16 = 1;
    pub(in super::super) const SERVFAIL: u16 = 2;
    pub(in super::super) const NXDOMAIN: u16 = 3;
    pub(in super::super) const NOTIMP: u16 = 4;
    pub(in super::super) const REFUSED: u16 = 5;
    pub(in super::super) const NOTAUTH: u16 = 9;
    pub(in super::super) const BADVERS: u16 = 16;
}

/// Bits of the second 16 bits of the header.
pub(super) mod flag {
    pub(in super::super) const QR: u16 = 0x8000;
    pub(in super::super) const AA: u16 = 0x0400;
    pub(in super::super) const TC: u16 = 0x0200;
    pub(in super::super) const RD: u16 = 0x0100;
    pub(in super::super) const RA: u16 = 0x0080;
    pub(in super::super) const Z: u16 = 0x0040;
    pub(in super::super) const AD: u16 = 0x0020;
    pub(in super::super) const CD: u16 = 0x0010;
    /// Every flag with its mnemonic.
    pub(in super::super) const ALL: [(u16, &str); 8] = [
        (QR, "qr"),
        (AA, "aa"),
        (TC, "tc"),
        (RD, "rd"),
        (RA, "ra"),
        (Z, "z"),
        (AD, "ad"),
        (CD, "cd"),
    ];
}

/// EDNS options.
pub(super) mod option {
    pub(in super::super) const NSID: u16 = 3;
    pub(in super::super) const CLIENT_SUBNET: u16 = 8;
    pub(in super::super) const COOKIE: u16 = 10;
    pub(in super::super) const KEEPALIVE: u16 = 11;
    pub(in super::super) const PADDING: u16 = 12;
    pub(in super::super) const EDE: u16 = 15;
    pub(in super::super) const ZONEVERSION: u16 = 19;
}

/// The DO bit in the flags of an OPT record.
pub(super) const DO: u16 = 0x8000;

/// The opcode in the second 16 bits of the header.
pub(super) fn opcode(flags: u16) -> u16 {
    (flags >> 11) & 15
}

/// The mnemonic of a type.
pub(super) fn type_text(number: u16) -> String {
    let mnemonic = match number {
        rtype::A => "A",
        rtype::NS => "NS",
        rtype::CNAME => "CNAME",
        rtype::SOA => "SOA",
        rtype::PTR => "PTR",
        rtype::HINFO => "HINFO",
        rtype::MX => "MX",
        rtype::TXT => "TXT",
        rtype::AAAA => "AAAA",
        rtype::SRV => "SRV",
        rtype::DNAME => "DNAME",
        rtype::OPT => "OPT",
        rtype::DS => "DS",
        rtype::RRSIG => "RRSIG",
        rtype::NSEC => "NSEC",
        rtype::DNSKEY => "DNSKEY",
        rtype::ZONEMD => "ZONEMD",
        rtype::HTTPS => "HTTPS",
        rtype::IXFR => "IXFR",
        rtype::AXFR => "AXFR",
        rtype::ANY => "ANY",
        _ => return format!("TYPE{number}"),
    };
    mnemonic.to_owned()
}

/// The mnemonic of a class.
pub(super) fn class_text(number: u16) -> String {
    match number {
        class::IN => "IN".to_owned(),
        class::CH => "CH".to_owned(),
        class::HS => "HS".to_owned(),
        class::NONE => "NONE".to_owned(),
        class::ANY => "ANY".to_owned(),
        _ => format!("CLASS{number}"),
    }
}

/// The mnemonic of a response code.
pub(super) fn rcode_text(number: u16) -> String {
    match number {
        rcode::NOERROR => "NOERROR".to_owned(),
        rcode::FORMERR => "FORMERR".to_owned(),
        rcode::SERVFAIL => "SERVFAIL".to_owned(),
        rcode::NXDOMAIN => "NXDOMAIN".to_owned(),
        rcode::NOTIMP => "NOTIMP".to_owned(),
        rcode::REFUSED => "REFUSED".to_owned(),
        rcode::NOTAUTH => "NOTAUTH".to_owned(),
        rcode::BADVERS => "BADVERS".to_owned(),
        _ => format!("RCODE{number}"),
    }
}
