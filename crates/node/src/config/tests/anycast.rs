//! What `[anycast]` and `[[neighbor]]` say: each mistake gets one message with place and remedy.

use super::marked::{check, good};
use crate::config::Password;
use crate::config::anycast::Alone;
use imrs_fleet::anycast::Scope;
use std::path::Path;
use std::time::Duration;

const NODE: &str = "[node]\nidentity = \"aa01-ke-nbo-n3\"\nlisten = [\"192.0.2.53:53\", \
                    \"[2001:db8:53::53]:53\", \"203.0.113.10:53\"]\n";
const ANYCAST: &str = "[anycast]\naddresses = [\"192.0.2.53\"]\nprefixes = [\"192.0.2.0/24\"]\n\
                       asn = 64500\n";
const NEIGHBOR: &str = "[[neighbor]]\nname = \"a\"\naddress = \"203.0.113.1\"\nasn = 64510\n";

/// The three tables, in one of which `from` is replaced by `to`, with a mark where the mistake is.
fn wrong(from: &str, to: &str, expected: &str) {
    let text = format!("{NODE}{ANYCAST}{NEIGHBOR}");
    assert_eq!(text.matches(from).count(), 1, "{from}");
    check(&text.replace(from, to), expected);
}

#[test]
fn defaults_are_those_of_the_manual() {
    let anycast = good(&format!("{NODE}{ANYCAST}{NEIGHBOR}")).anycast.unwrap();
    assert_eq!(anycast.router_id.to_string(), "203.0.113.10");
    assert_eq!(anycast.keeper, Path::new("/run/imrs-route/route.sock"));
    assert_eq!(anycast.bird, Path::new("/run/imrs-route/bird.ctl"));
    assert_eq!(anycast.drain.leaving, Duration::from_secs(10));
    assert_eq!(anycast.health.interval, Duration::from_millis(500));
    assert_eq!(
        (anycast.guard.floor, anycast.guard.alone),
        (1, Alone::Withdraw)
    );
    let neighbor = &anycast.neighbors[0];
    assert_eq!(neighbor.bfd, Some(Duration::from_millis(50)));
    assert_eq!((neighbor.prepend, neighbor.scope), (0, Scope::Global));
}

#[test]
fn nothing_is_announced_unless_configured() {
    assert_eq!(good("").anycast, None);
}

#[test]
fn a_longer_prefix_is_for_own_networks_or_on_purpose() {
    let text = format!("{NODE}{ANYCAST}{NEIGHBOR}").replace("192.0.2.0/24", "192.0.2.53/32");
    good(&text.replace("64510", "64512"));
    good(&text.replace("asn = 64500", "asn = 64500\nlong-prefixes = true"));
    wrong(
        "\"192.0.2.0/24\"",
        "§\"192.0.2.53/32\"",
        "networks drop `192.0.2.53/32`, as it is longer than a /24; write the prefix that contains \
         it, or add `long-prefixes = true` if your neighbors take it",
    );
}

#[test]
fn mistakes_in_anycast_are_told_with_place_and_remedy() {
    wrong(
        "\"192.0.2.0/24\"",
        "§\"192.0.2.1/24\"",
        "`192.0.2.1/24` has bits beyond its length; write 192.0.2.0/24",
    );
    wrong(
        "\"192.0.2.0/24\"",
        "§\"192.0.2.0\"",
        "`192.0.2.0` is not a prefix; write it as 192.0.2.0/24 or 2001:db8:53::/48",
    );
    wrong(
        "\"192.0.2.0/24\"",
        "§\"0.0.0.0/0\"",
        "`0.0.0.0/0` would take traffic of others; write the prefix that you hold, such as a /24",
    );
    wrong(
        "[\"192.0.2.53\"]",
        "[§\"198.51.100.53\"]",
        "`198.51.100.53` is in none of `prefixes`, so nothing leads to it; correct one of the two",
    );
    wrong(
        "[\"192.0.2.53\"]",
        "[\"192.0.2.53\", §\"192.0.2.54\"]",
        "nothing answers on `192.0.2.54`; add \"192.0.2.54:53\" to `listen` in [node]",
    );
    wrong(
        "[\"192.0.2.0/24\"]",
        "[\"192.0.2.0/24\", §\"198.51.100.0/24\"]",
        "none of `addresses` is in `198.51.100.0/24`, so nothing would answer what it attracts; correct one of the two",
    );
    for (asn, why) in [
        ("0", "is nobody's (RFC 7607)"),
        (
            "23456",
            "stands for numbers of four octets and is nobody's (RFC 6793)",
        ),
        ("65535", "is reserved (RFC 7300)"),
        ("70000", "is reserved by IANA"),
    ] {
        let expected = format!(
            "AS number {asn} {why}; write the one that you were given, or of your own network one of 64512 to 65534"
        );
        wrong("asn = 64500", &format!("asn = §{asn}"), &expected);
        wrong("asn = 64510", &format!("asn = §{asn}"), &expected);
    }
    wrong(
        "\"aa01-ke-nbo-n3\"",
        "§\"nairobi\"",
        "`nairobi` does not tell which site this is; write two letters and two digits, the country and the airport, as in \"aa01-ke-nbo\", and \"-n3\" after it for the third node of a Cluster",
    );
    check(
        &format!("{NODE}§{ANYCAST}"),
        "nobody is told of the prefixes; add a [[neighbor]] with `name`, `address` and `asn`",
    );
    check(
        &format!("{NODE}§{NEIGHBOR}"),
        "there is nothing to tell a neighbor of; add [anycast] with `addresses`, `prefixes` and `asn`",
    );
}

#[test]
fn mistakes_in_a_neighbor_are_told_with_place_and_remedy() {
    let address = "\"203.0.113.1\"";
    wrong(
        address,
        "§\"192.0.2.53\"",
        "`192.0.2.53` is a service address of ours; write the router's",
    );
    wrong(
        address,
        "§\"203.0.113.10\"",
        "`203.0.113.10` is an address of this node; write the router's",
    );
    wrong(
        address,
        "§\"2001:db8::1\"",
        "there is no IPv6 prefix to tell `2001:db8::1` of; add one to `prefixes` in [anycast], or leave the neighbor out",
    );
    wrong(
        address,
        "§\"fe80::1\"",
        "`fe80::1` is not an address that a session can be had with; write the router's own global one",
    );
    wrong(
        address,
        "\"203.0.113.1\"\nsource = §\"192.0.2.53\"",
        "`192.0.2.53` is a service address, which other nodes have too; write this node's own",
    );
    wrong(
        address,
        "\"203.0.113.1\"\nsource = §\"2001:db8::2\"",
        "`2001:db8::2` cannot reach `203.0.113.1`, which is of the other family",
    );
    wrong(
        "name = \"a\"",
        "name = §\"a\\\"; x\"",
        "`a\"; x` is not a name; write up to 32 lower-case letters, digits and dashes, a letter first",
    );
    let second = |name: &str, address: &str| {
        format!(
            "{NODE}{ANYCAST}{NEIGHBOR}[[neighbor]]\nname = {name}\naddress = {address}\nasn = 64511\n"
        )
    };
    check(
        &second("§\"a\"", "\"203.0.113.2\""),
        "neighbor `a` is there twice; keep one of the two",
    );
    check(
        &second("\"b\"", "§\"203.0.113.1\""),
        "`203.0.113.1` is the address of neighbor `a` already; keep one of the two",
    );
}

#[test]
fn a_password_cannot_say_anything_else_to_bird() {
    assert_eq!(Password::new("s3cret!\n").unwrap().secret(), "s3cret!");
    for text in ["", "a\"b", "a b", "a\nb", &"x".repeat(81)] {
        Password::new(text).unwrap_err();
    }
}
