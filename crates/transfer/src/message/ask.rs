//! What we ask of others.
//!
//! No query carries an OPT record: none of the answers needs one, and the oldest of primaries
//! understands this. An answer that is truncated over UDP is asked for again over TCP.

use super::{NOTIFY, header, push_question};
use imrs_wire::{Counts, Flags, Rtype};
use imrs_zone::{Name, Record};

/// Asks for the SOA record of a zone.
pub fn soa_query(zone: &Name, id: u16) -> Vec<u8> {
    query(zone, Rtype::SOA, id)
}

/// Asks for a whole zone (RFC 5936 section 2.1).
pub fn axfr_query(zone: &Name, id: u16) -> Vec<u8> {
    query(zone, Rtype::AXFR, id)
}

/// Asks for what changed since the version with the SOA record `held` (RFC 1995 section 3).
pub fn ixfr_query(held: &Record, id: u16) -> Vec<u8> {
    let counts = Counts {
        question: 1,
        authority: 1,
        ..Counts::default()
    };
    let mut message = header(id, Flags(0), counts).to_vec();
    push_question(&mut message, held.owner(), Rtype::IXFR);
    let Ok(()) = held.compose(&mut message);
    message
}

/// Tells a secondary that a zone changed (RFC 1996 section 3.7). The SOA record, where it is
/// given, is a hint at the new serial.
pub fn notify(zone: &Name, soa: Option<&Record>, id: u16) -> Vec<u8> {
    let counts = Counts {
        question: 1,
        answer: soa.is_some().into(),
        ..Counts::default()
    };
    let flags = Flags(Flags::AA | u16::from(NOTIFY) << 11);
    let mut message = header(id, flags, counts).to_vec();
    push_question(&mut message, zone, Rtype::SOA);
    if let Some(soa) = soa {
        let Ok(()) = soa.compose(&mut message);
    }
    message
}

fn query(zone: &Name, qtype: Rtype, id: u16) -> Vec<u8> {
    let counts = Counts {
        question: 1,
        ..Counts::default()
    };
    let mut message = header(id, Flags(0), counts).to_vec();
    push_question(&mut message, zone, qtype);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soa(owner: &str, serial: u32) -> Record {
        use domain::base::iana::Class;
        use domain::base::{Serial, Ttl};
        let hour = Ttl::from_secs(3600);
        let data = domain::rdata::Soa::new(
            "m.".parse().unwrap(),
            "r.".parse().unwrap(),
            Serial(serial),
            hour,
            hour,
            hour,
            hour,
        );
        Record::new(owner.parse().unwrap(), Class::IN, hour, data.into())
    }

    fn check(message: &[u8], header: [u8; 12], rest: &[u8]) {
        assert_eq!(message, [&header[..], rest].concat());
    }

    #[test]
    fn queries_are_as_the_rfcs_have_them() {
        let zone: Name = "example.".parse().unwrap();
        let one_question = [0xab, 0xcd, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let name = b"\x07example\0";
        check(
            &soa_query(&zone, 0xabcd),
            one_question,
            &[&name[..], b"\0\x06\0\x01"].concat(),
        );
        check(
            &axfr_query(&zone, 0xabcd),
            one_question,
            &[&name[..], b"\0\xfc\0\x01"].concat(),
        );
        let record: &[u8] =
            b"\0\x06\0\x01\0\0\x0e\x10\0\x1a\x01m\0\x01r\0\0\0\0\x05\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10";
        check(
            &ixfr_query(&soa("example.", 5), 0xabcd),
            [0xab, 0xcd, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
            &[&name[..], b"\0\xfb\0\x01", name, record].concat(),
        );
        check(
            &notify(&zone, Some(&soa("example.", 5)), 0xabcd),
            [0xab, 0xcd, 0x24, 0, 0, 1, 0, 1, 0, 0, 0, 0],
            &[&name[..], b"\0\x06\0\x01", name, record].concat(),
        );
        check(
            &notify(&zone, None, 0xabcd),
            [0xab, 0xcd, 0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            &[&name[..], b"\0\x06\0\x01"].concat(),
        );
    }
}
