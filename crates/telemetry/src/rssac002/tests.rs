//! Documents that are read, refused, written again and compared.

use super::{Document, Field, Key, Letter, Metric, Mistake, Service, Version, violations};
use crate::Day;
use proptest::prelude::*;

fn head(metric: &str) -> String {
    format!(
        "---\nversion: rssac002v5\nservice: l.root-servers.net\n\
         start-period: 2030-02-03T00:00:00Z\nmetric: {metric}\n"
    )
}

fn read(metric: &str, body: &str) -> Document {
    let text = format!("{}{body}", head(metric));
    let document = Document::read(&text).unwrap();
    assert_eq!(document.to_string(), text);
    document
}

const VOLUME: &str = "dns-udp-queries-received-ipv4: 800\ndns-udp-queries-received-ipv6: 200\n\
    dns-tcp-queries-received-ipv4: 9\ndns-tcp-queries-received-ipv6: 3\n\
    dns-udp-responses-sent-ipv4: 790\ndns-udp-responses-sent-ipv6: 199\n\
    dns-tcp-responses-sent-ipv4: 9\ndns-tcp-responses-sent-ipv6: 3\n";

const SIZES: &str = "udp-request-sizes:\n  16-31: 500\n  32-47: 480\n  288-: 20\n\
    udp-response-sizes:\n  112-127: 400\n  1024-1039: 589\ntcp-request-sizes:\n  32-47: 12\n\
    tcp-response-sizes:\n  1168-1183: 11\n  4096-: 1\n";

const RCODES: &str = "0: 455\n1: 2\n3: 543\n16: 1\n";

const SOURCES: &str =
    "num-sources-ipv4: 310\nnum-sources-ipv6: 95\nnum-sources-ipv6-aggregate: 60\n";

#[test]
fn each_metric_is_read_and_written_as_in_its_example() {
    let time = read("load-time", "time:\n  2030020300: 61\n  2030020301: 58\n");
    let serials = [(Key::Number(2030020300), 61), (Key::Number(2030020301), 58)];
    assert_eq!(time.map("time"), Some(&serials[..]));
    let size = read("zone-size", "size:\n  2030020300: 1290001\n");
    assert_eq!(size.map("size").map(<[_]>::len), Some(1));
    let volume = read("traffic-volume", VOLUME);
    assert_eq!(volume.count("dns-udp-responses-sent-ipv6"), Some(199));
    let sizes = read("traffic-sizes", SIZES);
    let bins = [(Key::Bin(1168), 11), (Key::OpenBin(4096), 1)];
    assert_eq!(sizes.map("tcp-response-sizes"), Some(&bins[..]));
    let rcodes = read("rcode-volume", RCODES);
    assert_eq!(rcodes.rcodes().last(), Some((16, 1)));
    let sources = read("unique-sources", SOURCES);
    assert_eq!(sources.day(), Day::parse("2030-02-03").unwrap());
    assert_eq!(sources.version(), Version::V5);
    assert_eq!(sources.metric(), Metric::UniqueSources);
    assert_eq!(
        violations(&[time, size, volume, sizes, rcodes, sources]),
        []
    );
}

#[test]
fn a_document_has_its_place_by_day_metric_and_service() {
    let document = read("traffic-volume", VOLUME);
    let path = "2030/02/traffic-volume/l-root-20300203-traffic-volume.yaml";
    assert_eq!(document.path(), path);
    let text = head("zone-size").replace("l.root", "root") + "size: {}\n";
    let document = Document::read(&text).unwrap();
    assert_eq!(document.service(), Service::Maintainer);
    assert_eq!(
        document.path(),
        "2030/02/zone-size/rzm-20300203-zone-size.yaml"
    );
}

#[test]
fn other_styles_are_written_again_as_they_were() {
    let check = |text: &str| {
        let document = Document::read(text).unwrap();
        assert_eq!(document.to_string(), text);
        document
    };
    let nested = "---\nversion: rssac002v3\nservice: l.root-servers.net\n\
        start-period: '2018-01-01T00:00:00Z'\nmetric: rcode-volume\n\
        rcodes:\n  '0': 5\n  '10': 13\n  '3': 7\n\n\n";
    let document = check(nested);
    assert_eq!(
        document.rcodes().collect::<Vec<_>>(),
        [(0, 5), (10, 13), (3, 7)]
    );
    // Version 2 does not say that it is.
    check(
        "service: b.root-servers.net\nstart-period: \"2015-01-01T00:00:00Z\"\n\
        end-period: \"2015-01-01T23:59:59Z\"\nmetric: load-time\ntime:\n  \"2015010100\": 5\n",
    );
    check(&format!("{}time: {{}}\n", head("load-time")));
    // Keys of an operator's own, in any place.
    let own = "l-dns-tls-queries-received-ipv4: 5\nl-method: exact\nl-note: 'it''s: 5 %'\n\
        l-tls-request-sizes:\n  288-: 4\nl-places:\n  ams: 5\n";
    let text = format!("{}{own}{VOLUME}", head("traffic-volume"));
    let document = check(&text);
    assert_eq!(document.count("l-dns-tls-queries-received-ipv4"), Some(5));
    assert_eq!(document.map("l-places"), Some(&[(Key::name("ams"), 5)][..]));
    let note = (Key::name("l-note"), Field::Text("it's: 5 %".to_owned()));
    assert!(document.fields().contains(&note));
}

#[test]
fn a_mistake_is_named_with_its_line() {
    let check = |text: &str, line: usize, mistake: Mistake| {
        let error = Document::read(text).unwrap_err();
        assert_eq!((error.line, error.mistake), (line, mistake), "{text}");
    };
    let body = |metric: &str, body: &str, mistake| {
        check(&format!("{}{body}", head(metric)), 6, mistake);
    };
    let text = |text: &str| text.to_owned();
    check("", 1, Mistake::Shape);
    check("- a\n", 1, Mistake::Shape);
    check("a: b\n", 1, Mistake::Missing("service"));
    check(&" ".repeat(300_000), 1, Mistake::TooLarge);
    let good = format!("{}{SOURCES}", head("unique-sources"));
    let with = |from, to| good.replace(from, to);
    check(
        &with("v5", "v5-draft"),
        2,
        Mistake::Version(text("rssac002v5-draft")),
    );
    check(
        &with("l.root", "n.root"),
        3,
        Mistake::Service(text("n.root-servers.net")),
    );
    check(
        &with("T00", "T01"),
        4,
        Mistake::Start(text("2030-02-03T01:00:00Z")),
    );
    check(&with("unique-s", "s"), 5, Mistake::Metric(text("sources")));
    let yaml = "block sequence entries are not allowed in this context";
    check(&with("310", "-"), 6, Mistake::Yaml(text(yaml)));
    check(&with("310", "3_10"), 6, Mistake::Number(text("3_10")));
    check(&with("310", "-310"), 6, Mistake::Number(text("-310")));
    check(&with("310", "0310"), 6, Mistake::Number(text("0310")));
    check(
        &with("310", "18446744073709551616"),
        6,
        Mistake::Number(text("18446744073709551616")),
    );
    check(&with("310", "&a 310"), 6, Mistake::Shape);
    check(&with("310", "!!int 310"), 6, Mistake::Shape);
    check(
        &with("ipv6: 95", "ipv4: 95"),
        7,
        Mistake::Twice(text("num-sources-ipv4")),
    );
    check(&format!("{good}---\na: b\n"), 9, Mistake::Shape);
    body("unique-sources", "k-x: 5\n", Mistake::Field(text("k-x")));
    body("load-time", "time: 5\n", Mistake::Field(text("time")));
    body("traffic-volume", "0: 5\n", Mistake::Field(text("0")));
    body("rcode-volume", "4096: 5\n", Mistake::Field(text("4096")));
    body("unique-sources", "l-x: \"a\\nb\"\n", Mistake::Text);
    check(&head("load-time"), 1, Mistake::Missing("time"));
    let map = |line: &str, mistake| {
        let text = format!("{}udp-request-sizes:\n  {line}\n", head("traffic-sizes"));
        check(&text, 7, mistake);
    };
    for bin in [
        "17-32", "16-32", "16-", "288-303", "304-", "4096-", "5", "a-b",
    ] {
        map(&format!("{bin}: 5"), Mistake::Key(text(bin)));
    }
    map("0-15: {a: b}", Mistake::Shape);
}

#[test]
fn each_rule_that_documents_break_is_named() {
    let check = |documents: &[Document], expected: &[&str]| {
        let found = violations(documents);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    };
    let volume = read("traffic-volume", VOLUME);
    let sizes = |from: &str, to: &str| read("traffic-sizes", &SIZES.replace(from, to));
    check(
        &[
            volume.clone(),
            sizes("500", "501"),
            read("rcode-volume", &RCODES.replace("455", "456")),
        ],
        &[
            "udp-request-sizes has 1001 messages, traffic-volume 1000",
            "rcode-volume has 1002 responses over UDP and TCP, traffic-volume 1001",
        ],
    );
    let own = "l-dns-tls-responses-sent-ipv6: 5\n";
    let volume_own = read("traffic-volume", &format!("{VOLUME}{own}"));
    let sizes_own = read(
        "traffic-sizes",
        &format!("{SIZES}l-tls-response-sizes:\n  0-15: 4\n"),
    );
    let rcodes_own = read("rcode-volume", &format!("{RCODES}l-dns-tls-rcode-3: 6\n"));
    check(
        &[volume_own, sizes_own, rcodes_own],
        &[
            "l-tls-response-sizes has 4 messages, traffic-volume 5",
            "rcode-volume has 6 responses over TLS, traffic-volume 5",
        ],
    );
    let sources = read("unique-sources", &SOURCES.replace("60", "96"));
    check(&[sources], &["there are 96 prefixes of 95 IPv6 addresses"]);
    let cut = VOLUME.replace("dns-udp-queries-received-ipv4: 800\n", "");
    check(
        &[read("traffic-volume", &cut)],
        &["traffic-volume has no dns-udp-queries-received-ipv4"],
    );
    let other = format!(
        "{}{SOURCES}",
        head("unique-sources").replace("l.root", "k.root")
    );
    check(
        &[volume.clone(), Document::read(&other).unwrap(), volume],
        &[
            "k.root-servers.net on 2030-02-03 is not the service or not the day of the first \
             document",
            "there are two documents of traffic-volume",
        ],
    );
}

#[test]
fn a_letter_is_one_of_thirteen() {
    assert_eq!(
        Letter::new('L').map(|letter| letter.to_string()),
        Some("l".to_owned())
    );
    assert_eq!(Letter::new('n'), None);
    assert_eq!(Service::parse("L.root-servers.net"), None);
    assert_eq!(Service::parse("ll.root-servers.net"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_a_document_or_an_error(
        metric in prop::sample::select(Metric::ALL.to_vec()),
        body in "([a-z0-9'\"&*!{}\\[\\]:, #|>\\-]{0,12}\n){0,6}",
    ) {
        let _ = Document::read(&body);
        if let Ok(document) = Document::read(&format!("{}{body}", head(&metric.to_string()))) {
            violations(std::slice::from_ref(&document));
            let written = document.to_string();
            let again = Document::read(&written).map_err(|error| {
                TestCaseError::fail(format!("{error} in {written}"))
            })?;
            prop_assert_eq!(again.to_string(), written);
        }
    }
}
