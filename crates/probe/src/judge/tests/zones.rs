//! Zones other than a signed root: unsigned, deep, broken, empty.

use super::*;

#[test]
fn an_unsigned_zone_needs_no_signatures_and_no_proofs() {
    let zone = unsigned_root();
    let check = |asked: &str, header, mut sections: [&str; 3], expected: &str| {
        let negative = sections[AUTHORITY] == ". SOA";
        if negative {
            sections[AUTHORITY] = "";
        }
        let mut response = response(&zone, asked, header, sections);
        if negative {
            let soa = ROOT.lines().next().unwrap().replace(". 86400", ". 3600");
            response.sections[AUTHORITY].push(line(&soa));
        }
        assert_eq!(verdict(&zone, asked, &response), expected, "{asked}");
    };
    check(
        "com. NS",
        (REFERRAL, 0),
        ["", "com. NS", "ns.com. A"],
        "right",
    );
    check("com. DS", (AA, 0), ["", ". SOA", ""], "right");
    check(". SOA", (AA, 0), [". SOA", "", ""], "right");
    check(". NS", (AA, 0), [". NS", "", ""], "right");
    check(". DNSKEY", (AA, 0), ["", ". SOA", ""], "right");
    check("www.cx. A", (AA, 3), ["", ". SOA", ""], "right");
    check(
        "www.cx. A",
        (AA, 3),
        ["", "", ""],
        ". SOA in authority is missing",
    );
}

#[test]
fn names_between_apex_and_delegations_are_judged() {
    let zone = Zone::new(&"z.".parse().unwrap(), records(DEEP));
    let check = |asked: &str, header, sections, expected: &str| {
        let response = response(&zone, asked, header, sections);
        assert_eq!(verdict(&zone, asked, &response), expected, "{asked}");
    };
    check("a.b.z. TXT", (AA, 0), ["a.b.z. TXT+", "", ""], "right");
    check(
        "a.b.z. A",
        (AA, 0),
        ["", "z. SOA+, a.b.z. NSEC+", ""],
        "right",
    );
    // An empty non-terminal is denied by the record before it.
    check("b.z. A", (AA, 0), ["", "z. SOA+, z. NSEC+", ""], "right");
    check(
        "b.z. A",
        (AA, 3),
        ["", "z. SOA+, z. NSEC+", ""],
        "NXDOMAIN, expected NOERROR",
    );
    // Its closest encloser is `b.z.`, so that another wildcard is to be denied than at the apex.
    check(
        "c.b.z. A",
        (AA, 3),
        ["", "z. SOA+, z. NSEC+, a.b.z. NSEC+", ""],
        "right",
    );
    check(
        "bb.z. A",
        (AA, 3),
        ["", "z. SOA+, z. NSEC+, a.b.z. NSEC+", ""],
        "right",
    );
    check(
        "below.cut.z. NS",
        (REFERRAL, 0),
        ["", "cut.z. NS, cut.z. NSEC+", "ns.below.cut.z. AAAA"],
        "right",
    );
    check("z. NS", (AA, 0), ["z. NS+", "", "ns.z. A+"], "right");
    check("z. NS", (AA, 0), ["z. NS+", "", "ns.z. A"], "right");
    check(
        "other. NS",
        (AA, 0),
        ["", "", ""],
        "no rule says what the answer to other. NS is",
    );
    check(
        "z. ANY",
        (AA, 0),
        ["z. NS+", "", ""],
        "no rule says what the answer to z. ANY is",
    );
    check(
        "z. RRSIG",
        (AA, 0),
        ["", "", ""],
        "no rule says what the answer to z. RRSIG is",
    );
}

#[test]
fn a_zone_that_cannot_prove_what_it_should_is_found() {
    let check = |drop: &str, instead: &str, asked: &str, expected: &str| {
        let mut text: String = ROOT
            .lines()
            .filter(|line| !line.contains(drop))
            .map(|line| format!("{line}\n"))
            .collect();
        text += instead;
        let zone = Zone::new(&Name::root_bytes(), records(&text));
        assert_eq!(verdict(&zone, asked, &right(asked)), expected, "{asked}");
    };
    let none =
        |name| format!("the zone has no NSEC record for {name}, which the response should prove");
    check("NSEC", "", "www.cx. A", &none("www.cx."));
    check("net. 3600", "", "net. NS", &none("net."));
    check(
        "net. 3600 IN NSEC",
        "net. 3600 IN NSEC org. NS DS RRSIG NSEC\n",
        "net. NS",
        "the NSEC record of net. has the bit of DS, and there is no DS",
    );
}

#[test]
fn an_index_can_be_kept_and_an_empty_zone_answers_nothing() {
    let none = Zone::new(&Name::root_bytes(), Vec::new());
    assert!(!none.is_signed());
    assert_eq!(
        verdict(&none, ". SOA", &right(". SOA")),
        ". SOA in answer: expected nothing there"
    );
    let _kept: Zone<'static> = root();
    let _: &Name = none.apex();
    let _: Bytes = none.apex().clone().into_octets();
}
