//! Queries of all kinds, as octets.

/// A query that is put together piece by piece. The identifier is 0.
#[derive(Clone, Debug)]
pub(super) struct Query {
    octets: Vec<u8>,
}

impl Query {
    /// For a name in presentation form without escapes, a type, and class IN.
    pub(super) fn new(name: &str, qtype: u16) -> Query {
        let mut octets = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.').filter(|label| !label.is_empty()) {
            octets.push(label.len() as u8);
            octets.extend_from_slice(label.as_bytes());
        }
        octets.push(0);
        octets.extend_from_slice(&qtype.to_be_bytes());
        octets.extend_from_slice(&[0, 1]);
        Query { octets }
    }

    /// With this identifier.
    pub(super) fn id(mut self, id: u16) -> Query {
        self.octets[..2].copy_from_slice(&id.to_be_bytes());
        self
    }

    /// With these bits set among the flags (RFC 1035 section 4.1.1).
    pub(super) fn flags(mut self, flags: u16) -> Query {
        let [high, low] = flags.to_be_bytes();
        self.octets[2] |= high;
        self.octets[3] |= low;
        self
    }

    /// With one count of the header, the question's being the first, raised by one and these octets
    /// behind.
    pub(super) fn with(mut self, section: usize, octets: &[u8]) -> Query {
        self.octets[5 + 2 * section] += 1;
        self.octets.extend_from_slice(octets);
        self
    }

    /// With these octets behind, which no count knows of.
    pub(super) fn and(mut self, octets: &[u8]) -> Query {
        self.octets.extend_from_slice(octets);
        self
    }

    /// With EDNS of a size, of a version, and with options, which are encoded (RFC 6891 section
    /// 6.1.2).
    pub(super) fn edns(self, size: u16, version: u8, dnssec: Dnssec, options: &[u8]) -> Query {
        let flags = match dnssec {
            Dnssec::Wanted => 0x80,
            Dnssec::Unwanted => 0,
        };
        let mut record = vec![0, 0, 41];
        record.extend_from_slice(&size.to_be_bytes());
        record.extend_from_slice(&[0, version, flags, 0]);
        record.extend_from_slice(&(options.len() as u16).to_be_bytes());
        record.extend_from_slice(options);
        self.with(ADDITIONAL, &record)
    }

    /// As a datagram has it.
    pub(super) fn octets(self) -> Vec<u8> {
        self.octets
    }
}

/// Whether DO is set (RFC 3225).
#[derive(Clone, Copy, Debug)]
pub(super) enum Dnssec {
    Wanted,
    Unwanted,
}

/// One option of EDNS.
pub(super) fn option(code: u16, content: &[u8]) -> Vec<u8> {
    let mut option = code.to_be_bytes().to_vec();
    option.extend_from_slice(&(content.len() as u16).to_be_bytes());
    option.extend_from_slice(content);
    option
}

/// A message as TCP has it, behind its length (RFC 1035 section 4.2.2).
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

/// The sections of a message behind the question, for [`Query::with`].
pub(super) const QUESTION: usize = 0;
pub(super) const ANSWER: usize = 1;
pub(super) const ADDITIONAL: usize = 3;

/// Flags: response, recursion desired, checking disabled; and operation codes.
pub(super) const QR: u16 = 0x8000;
pub(super) const RD: u16 = 0x0100;
pub(super) const CD: u16 = 0x0010;
pub(super) const STATUS: u16 = 2 << 11;
pub(super) const NOTIFY: u16 = 4 << 11;
pub(super) const UPDATE: u16 = 5 << 11;

/// Types.
pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const SOA: u16 = 6;
pub(super) const DNSKEY: u16 = 48;
pub(super) const AXFR: u16 = 252;
pub(super) const ANY: u16 = 255;

/// Options: NSID (RFC 5001), COOKIE (RFC 7873).
pub(super) const NSID: u16 = 3;
pub(super) const COOKIE: u16 = 10;
