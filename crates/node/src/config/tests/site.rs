//! What `[site]` says: each mistake gets one message with place and remedy.

use super::marked::{check, good};
use crate::config::SiteNode;

const BASE: &str = "[node]\nidentity = \"aa01-ke-nbo\"\nlisten = [\"192.0.2.53:53\", \
                    \"203.0.113.10:53\"]\n\
                    [anycast]\naddresses = [\"192.0.2.53\"]\nprefixes = [\"192.0.2.0/24\"]\n\
                    asn = 64500\n\
                    [[neighbor]]\nname = \"a\"\naddress = \"203.0.113.1\"\nasn = 64510\n\
                    [[key]]\nname = \"site-key\"\nalgorithm = \"hmac-sha256\"\n\
                    secret = \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n";
const SITE: &str = "[site]\nnode = 3\nkey = \"site-key\"\nnodes = [\n\
    { identity = \"aa01-ke-nbo-n1\", address = \"10.1.0.11:53\" },\n\
    { identity = \"aa01-ke-nbo-n3\", address = \"10.1.0.13:53\" },\n]\n";

/// The tables, in one of which `from` is replaced by `to`, with a mark where the mistake is.
fn wrong(from: &str, to: &str, expected: &str) {
    let text = format!("{BASE}{SITE}");
    assert_eq!(text.matches(from).count(), 1, "{from}");
    check(&text.replace(from, to), expected);
}

#[test]
fn a_node_is_named_by_its_site_and_number_and_knows_the_others() {
    let config = good(&format!("{BASE}{SITE}"));
    let site = config.site.unwrap();
    assert_eq!(site.identity.to_string(), "aa01-ke-nbo-n3");
    assert_eq!(config.node.identity.unwrap().get_ref().0, "aa01-ke-nbo-n3");
    let other = SiteNode {
        identity: "aa01-ke-nbo-n1".parse().unwrap(),
        address: "10.1.0.11:53".parse().unwrap(),
    };
    assert_eq!(site.nodes, [other]);
    assert_eq!((site.witnesses, site.capacity), (Vec::new(), None));
}

#[test]
fn mistakes_in_a_site_are_told_with_place_and_remedy() {
    wrong("node = 3", "node = §0", "0 is not 1 to 99");
    wrong(
        "key = \"site-key\"",
        "key = §\"other-key\"",
        "there is no key `other-key`; define it under [[key]]",
    );
    wrong(
        "\"aa01-ke-nbo-n1\"",
        "§\"aa01-ke-nbo-n01\"",
        "\"n01\" is not n and a number from 1 to 99, such as n3",
    );
    wrong(
        "\"10.1.0.11:53\"",
        "§\"10.1.0.11\"",
        "`10.1.0.11` is not an address and port; write it as \"10.1.0.11:53\" or \
         \"[2001:db8:1::11]:53\"",
    );
    wrong(
        "\"10.1.0.11:53\"",
        "§\"192.0.2.53:53\"",
        "`192.0.2.53` is a service address, which every node has; write the node's own",
    );
    wrong(
        "\"10.1.0.13:53\"",
        "§\"10.1.0.11:53\"",
        "`10.1.0.11:53` is listed twice; keep one of the two",
    );
    wrong(
        "\"aa01-ke-nbo-n3\"",
        "§\"aa01-ke-nbo-n1\"",
        "`aa01-ke-nbo-n1` is listed twice; keep one of the two",
    );
    let text = format!("{BASE}{SITE}").replace("-nbo\"\nlisten", "-nbo-n2\"\nlisten");
    check(
        &text.replace("node = 3", "node = §3"),
        "`identity` in [node] says aa01-ke-nbo-n2 already; leave one of the two out",
    );
}
