//! Each rule, by a response that is right but for one thing.

use super::*;

#[test]
fn every_row_of_the_table_has_a_right_response() {
    for asked in [
        "com. NS",
        "www.com. A",
        "net. NS",
        "org. NS",
        "com. DS",
        "net. DS",
        ". SOA",
        ". NS",
        ". DNSKEY",
        "www.cx. A",
    ] {
        check(asked, |_| {}, "right");
    }
}

#[test]
fn what_a_server_may_choose_is_left_open() {
    let root = root();
    let add =
        |section, rrsets| move |response: &mut Response| response.push(&root, section, rrsets);
    check(". SOA", add(AUTHORITY, ". NS+"), "right");
    check(
        "com. NS",
        |response| response.sections[ADDITIONAL].truncate(2),
        "right",
    );
    check(
        "com. NS",
        |response| response.sections[ADDITIONAL].reverse(),
        "right",
    );
    check(
        ". NS",
        |response| response.sections[ADDITIONAL].clear(),
        "right",
    );
    check(
        "com. NS",
        |response| *response.at(AUTHORITY, 0) = line("COM. 172800 IN NS nS.com."),
        "right",
    );
    check(
        "com. DS",
        |response| response.opt[0][3..5].copy_from_slice(&[2, 0]),
        "right",
    );
    check("com. DS", |response| response.header[..2].fill(0), "right");
}

#[test]
fn header_and_question_are_judged() {
    let header =
        |index: usize, bits: u8| move |response: &mut Response| response.header[index] ^= bits;
    check(
        "com. DS",
        header(2, 0x80),
        "QR is clear: this is no response",
    );
    check("com. DS", header(2, 0x20), "opcode 4, expected 0");
    check("com. DS", header(2, 0x02), "TC is set");
    check(
        "com. DS",
        header(2, 0x04),
        "AA is clear, expected set: the zone has authority over com.",
    );
    check(
        "www.com. A",
        header(2, 0x04),
        "AA is set, expected clear: com. is delegated",
    );
    check(
        "com. DS",
        header(2, 0x01),
        "RD is set, expected clear as in the query",
    );
    check("com. DS", header(3, 0x80), "RA is set, expected clear");
    check(
        "com. DS",
        header(3, 0x40),
        "the reserved bit of the header is set",
    );
    check("com. DS", header(3, 0x20), "AD is set, expected clear");
    check(
        "com. DS",
        header(3, 0x10),
        "CD is set, expected clear as in the query",
    );
    check("com. DS", header(3, 0x02), "SERVFAIL, expected NOERROR");
    check("www.cx. A", header(3, 0x03), "NOERROR, expected NXDOMAIN");
    check(
        "com. DS",
        |response| response.opt[0][5] = 1,
        "BADVERS, expected NOERROR",
    );
    let other = "the question is not repeated as it was asked: com. DS";
    check("com. DS", |response| response.question[1] = b'C', other);
    check("com. DS", |response| response.question[6] ^= 1, other);
    check("com. DS", |response| response.question.truncate(8), other);
}

#[test]
fn what_is_no_message_is_said_to_be_none() {
    let asked = question("com. DS");
    let octets = right("com. DS").octets();
    for end in 0..octets.len() {
        let fault = judge(&root(), &asked, &octets[..end]).unwrap_err();
        let early = end < 12 + asked.octets().len();
        let is_expected = match fault {
            Fault::Malformed { .. } => true,
            Fault::OtherQuestion { .. } => early,
            _ => false,
        };
        assert!(is_expected, "{end}: {fault}");
    }
    check(
        "com. DS",
        |response| response.behind = vec![0; 3],
        "3 octets behind the last record",
    );
}

#[test]
fn sections_that_are_to_be_empty_are() {
    let root = &root();
    let add = |section, rrsets| move |response: &mut Response| response.push(root, section, rrsets);
    let nothing = |what| format!("{what}: expected nothing there");
    check(
        "com. NS",
        add(ANSWER, "com. NS"),
        &nothing("com. NS in answer"),
    );
    check(
        "com. DS",
        add(AUTHORITY, ". NS"),
        &nothing(". NS in authority"),
    );
    check(
        "com. DS",
        add(ADDITIONAL, "ns.com. A"),
        &nothing("ns.com. A in additional"),
    );
    check(
        ". NS",
        add(AUTHORITY, ". SOA"),
        &nothing(". SOA in authority"),
    );
    check(
        ". DNSKEY",
        add(AUTHORITY, ". NS"),
        &nothing(". NS in authority"),
    );
    check(
        ". DNSKEY",
        add(ADDITIONAL, "ns.com. A"),
        &nothing("ns.com. A in additional"),
    );
    check(
        "www.cx. A",
        add(ANSWER, ". SOA"),
        &nothing(". SOA in answer"),
    );
    check(
        "www.cx. A",
        add(ADDITIONAL, "ns.com. A"),
        &nothing("ns.com. A in additional"),
    );
}

#[test]
fn records_that_do_not_belong_there_are_found() {
    let root = &root();
    let add = |section, rrsets| move |response: &mut Response| response.push(root, section, rrsets);
    let stray = |what| format!("{what} does not belong there");
    check(
        "com. DS",
        add(ANSWER, "com. NSEC"),
        &stray("com. NSEC in answer"),
    );
    check(
        "com. NS",
        add(AUTHORITY, "com. NSEC"),
        &stray("com. NSEC in authority"),
    );
    check(
        "com. NS",
        add(ADDITIONAL, "a.root-servers.net. A"),
        &stray("a.root-servers.net. A in additional"),
    );
    check(
        "www.cx. A",
        add(AUTHORITY, "net. NSEC+"),
        &stray("net. NSEC in authority"),
    );
    check(
        "com. NS",
        |response| {
            response.sections[ADDITIONAL].push(line("ns.com. 1 IN RRSIG NS 8 1 1 1 1 1 . AQ=="));
        },
        &stray("ns.com. RRSIG in additional"),
    );
    check(
        ". SOA",
        |response| {
            let opt = response.opt[0].clone();
            response.sections[ANSWER].push(opt);
        },
        &stray(". OPT in answer"),
    );
}

#[test]
fn records_are_those_of_the_zone() {
    let replace = |section, index, text: &'static str| {
        move |response: &mut Response| *response.at(section, index) = line(text)
    };
    check(
        "com. NS",
        replace(AUTHORITY, 0, "com. 172800 IN NS ns.evil."),
        "com. NS in authority: the zone has no record ns.evil.",
    );
    check(
        "com. NS",
        replace(ADDITIONAL, 0, "ns.com. 172800 IN A 192.0.2.9"),
        "ns.com. A in additional: the zone has no record 192.0.2.9",
    );
    check(
        "com. DS",
        replace(
            ANSWER,
            1,
            "com. 86400 IN RRSIG DS 8 1 86400 20260815000000 20260801000000 1 . AA==",
        ),
        "com. DS in answer: the zone has no signature DS 8 1 86400 1786752000 1785542400 1 . AA==",
    );
    check(
        "com. NS",
        replace(AUTHORITY, 0, "com. 172801 IN NS ns.com."),
        "com. NS in authority: TTL 172801, expected 172800",
    );
    check(
        "www.cx. A",
        replace(AUTHORITY, 0, ROOT.lines().next().unwrap()),
        ". SOA in authority: TTL 86400, expected 3600",
    );
    check(
        "com. NS",
        |response| response.at(AUTHORITY, 0)[8] = 3,
        "com. NS in authority is of class CH, expected IN",
    );
    check(
        "com. NS",
        |response| {
            let again = response.at(AUTHORITY, 0).clone();
            response.sections[AUTHORITY].push(again);
        },
        "com. NS in authority: a record is repeated",
    );
    check(
        "www.cx. A",
        |response| {
            let nsec = response.at(AUTHORITY, 4);
            // `net.` that ends in a pointer to the root of the question; the length grows by one.
            nsec[14] += 1;
            nsec.splice(19..20, [0xc0, 12 + 7]);
        },
        "com. NSEC in authority: a name in its data is compressed",
    );
}

/// Drops these records of a section of the right response.
fn check_without(
    asked: &str,
    section: usize,
    dropped: impl std::ops::RangeBounds<usize>,
    expected: &str,
) {
    let drop_them = |response: &mut Response| drop(response.sections[section].drain(dropped));
    check(asked, drop_them, expected);
}

#[test]
fn rrsets_are_there_whole() {
    check_without("com. DS", ANSWER, .., "com. DS in answer is missing");
    check_without(". SOA", ANSWER, .., ". SOA in answer is missing");
    check_without(". NS", ANSWER, .., ". NS in answer is missing");
    check_without(". DNSKEY", ANSWER, .., ". DNSKEY in answer is missing");
    check_without("com. NS", AUTHORITY, .., "com. NS in authority is missing");
    check_without(
        "www.cx. A",
        AUTHORITY,
        0..1,
        ". SOA in authority is missing",
    );
    check_without(
        "com. NS",
        AUTHORITY,
        0..1,
        "com. NS in authority: 1 records, expected 2",
    );
    check_without(
        "com. NS",
        AUTHORITY,
        2..3,
        "com. DS in authority is missing",
    );
    check_without(
        "com. NS",
        ADDITIONAL,
        0..1,
        "ns.com. A in additional: 1 records, expected 2",
    );
    check_without(
        "net. NS",
        AUTHORITY,
        1..2,
        "net. NSEC in authority is missing",
    );
    check_without(
        "www.cx. A",
        AUTHORITY,
        2..4,
        ". NSEC in authority is missing",
    );
    check_without(
        "www.cx. A",
        AUTHORITY,
        4..6,
        "com. NSEC in authority is missing",
    );
}

#[test]
fn signatures_come_with_what_the_table_wants_signed() {
    check_without(
        "com. NS",
        AUTHORITY,
        3..4,
        "com. DS in authority comes without a signature",
    );
    check_without(
        "net. NS",
        AUTHORITY,
        2..3,
        "net. NSEC in authority comes without a signature",
    );
    check_without(
        "com. DS",
        ANSWER,
        1..2,
        "com. DS in answer comes without a signature",
    );
    check_without(
        ". DNSKEY",
        ANSWER,
        3..4,
        ". DNSKEY in answer: 1 signatures, expected 2",
    );
    let root = &root();
    let half = |response: &mut Response| response.push(root, AUTHORITY, ". NS");
    check(". SOA", half, ". NS in authority comes without a signature");
}

#[test]
fn a_referral_has_an_address_where_the_zone_has_one() {
    let empty = |response: &mut Response| response.sections[ADDITIONAL].clear();
    check(
        "com. NS",
        empty,
        "no address of any server of com. in additional, and the zone has some",
    );
    check(
        "net. NS",
        empty,
        "no address of any server of net. in additional, and the zone has some",
    );
    check("org. NS", empty, "right");
}

#[test]
fn the_opt_record_is_judged() {
    let set = |index: usize, value| move |response: &mut Response| response.opt[0][index] = value;
    check("com. DS", |response| response.opt.clear(), "no OPT record");
    check(
        "com. DS",
        |response| response.opt.push(response.opt[0].clone()),
        "more than one OPT record",
    );
    check("com. DS", set(6, 1), "EDNS version 1, expected 0");
    check(
        "com. DS",
        set(7, 0),
        "DO is clear, expected set as in the query",
    );
    check(
        "com. DS",
        set(8, 1),
        "EDNS flags 0x8001, expected none but DO",
    );
    check(
        "com. DS",
        |response| drop(response.opt[0].splice(0..1, *b"\x01a\0")),
        "the owner of the OPT record is a., expected the root",
    );
    check(
        "com. DS",
        |response| {
            // An option that says to be longer than it is.
            response.opt[0][10] = 4;
            response.opt[0].extend_from_slice(&[0, 3, 0, 1]);
        },
        "no message: unexpected end of input",
    );
}

proptest! {
    #[test]
    fn any_octets_get_a_verdict(
        which in 0usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        end in any::<prop::sample::Index>(),
    ) {
        let asked = ["com. NS", "net. DS", ". DNSKEY", "www.cx. A"][which];
        let mut octets = right(asked).octets();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(end.index(octets.len() * 2));
        let _ = judge(&root(), &question(asked), &octets);
    }
}
