//! `imrs stats`: days of nodes are shown, merged, checked and drawn; a server is watched.

mod days;
mod live;

use super::support::{failure, imrs};
use days::{day, lively, plain, seal};
use imrs_telemetry::counts::Flow;
use imrs_telemetry::day::{Account, Sealed};
use imrs_telemetry::limits::{SOURCES_MERGED_OCTETS, SOURCES_OCTETS};
use imrs_telemetry::rssac002::Document;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with days of nodes, and what is said of it.
struct Bed {
    folder: TempDir,
}

impl Bed {
    fn new() -> Bed {
        Bed {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file below the folder.
    fn put(&self, name: &str, octets: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, octets).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs `imrs stats …`, where `@name` is a path in the folder; what it printed, on standard
    /// error as well, and its exit code.
    fn run(&self, args: &str) -> (String, i32) {
        let here = format!("{}/", self.folder.path().display());
        let args: Vec<String> = args.split(' ').map(|arg| arg.replace('@', &here)).collect();
        let args: Vec<&str> = ["stats"]
            .into_iter()
            .chain(args.iter().map(String::as_str))
            .collect();
        let output = imrs(&args);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap().replace(&here, "@");
        (text, output.status.code().unwrap())
    }

    fn json(&self, args: &str) -> Value {
        let (text, code) = self.run(&format!("{args} --output json"));
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn sealed(&self, name: &str) -> Sealed {
        Sealed::decode(&fs::read(self.path(name)).unwrap(), SOURCES_MERGED_OCTETS).unwrap()
    }
}

const MERGE: &str = "merge @nodes --out @sum --letter l";

/// All files below a folder, by their names from there.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_merged_day_is_the_sum_of_its_nodes() {
    let bed = Bed::new();
    let nodes = [plain(day(), 30, 1), plain(day(), 12, 11), lively(3)];
    for (name, node) in ["a/1.day", "a/2.day", "b/3.day"].into_iter().zip(&nodes) {
        bed.put(&format!("nodes/{name}"), &seal(node.clone()).encode());
    }
    let (text, code) = bed.run(MERGE);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.starts_with("2025-10-01  3 nodes in 3 accounts\n"),
        "{text}"
    );

    let mut expected = Account::new(day(), SOURCES_MERGED_OCTETS);
    expected.nodes = 0;
    expected.until_s = day().end_s();
    for node in &nodes {
        let sealed = seal(node.clone());
        expected.merge(sealed.account()).unwrap();
    }
    assert_eq!(bed.sealed("sum/2025-10-01.day").account(), &expected);
    // The first two have two sources in common.
    let first = plain(day(), 30, 1).sources.ipv4().value;
    assert_eq!(first, 30);
}

#[test]
fn the_documents_of_a_merged_day_stand_where_they_are_published_and_hold() {
    let bed = Bed::new();
    bed.put("nodes/1.day", &seal(lively(1)).encode());
    bed.put("nodes/2.day", &seal(lively(2)).encode());
    let (text, code) = bed.run(MERGE);
    assert_eq!(code, 0, "{text}");
    let metrics = [
        "load-time",
        "rcode-volume",
        "traffic-sizes",
        "traffic-volume",
        "unique-sources",
    ];
    let mut expected: Vec<String> = metrics
        .iter()
        .map(|metric| format!("2025/10/{metric}/l-root-20251001-{metric}.yaml"))
        .collect();
    expected.push("2025-10-01.day".to_owned());
    expected.sort();
    assert_eq!(files(&bed.path("sum")), expected);

    let volume = fs::read_to_string(
        bed.path("sum/2025/10/traffic-volume/l-root-20251001-traffic-volume.yaml"),
    );
    let volume = Document::read(&volume.unwrap()).unwrap();
    let sum = bed.sealed("sum/2025-10-01.day");
    let udp = sum.account().counts.flow(Flow::ALL[0]);
    assert_eq!(
        volume.count("dns-udp-queries-received-ipv4"),
        Some(udp.queries())
    );
    let (text, code) = bed.run("check @sum");
    assert_eq!(code, 0, "{text}");
    assert!(
        text.ends_with("all rules hold over 5 documents\n"),
        "{text}"
    );
}

#[test]
fn a_cut_day_is_named_and_nothing_is_written() {
    let bed = Bed::new();
    let whole = seal(plain(day(), 9, 1)).encode();
    bed.put("nodes/good.day", &seal(plain(day(), 5, 100)).encode());
    bed.put("nodes/cut.day", &whole[..whole.len() - 1]);
    let mut flipped = whole.clone();
    flipped[60] ^= 1;
    bed.put("nodes/flipped.day", &flipped);
    bed.put("nodes/other.day", b"hello");
    bed.put("nodes/open.day", &plain(day(), 9, 1).encode());
    let (text, code) = bed.run(MERGE);
    assert_eq!(code, 1, "{text}");
    for expected in [
        "@nodes/cut.day is damaged: its checksum is wrong: it was cut or changed",
        "@nodes/flipped.day is damaged: its checksum is wrong: it was cut or changed",
        "@nodes/other.day is damaged: it is not an account of this kind in version 1",
        "@nodes/open.day is of a day that is not sealed yet",
        "nothing is written; copy what is damaged again from its node, or leave it out by \
         --skip-damaged",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("good.day"), "{text}");
    assert!(!bed.path("sum").exists());

    let (text, code) = bed.run(&format!("{MERGE} --skip-damaged"));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("MISSING    4 nodes at least"), "{text}");
    let sum = bed.sealed("sum/2025-10-01.day");
    assert_eq!(sum.account().counts, plain(day(), 5, 1).counts);
    // What is missing is a gap of what is published.
    let sources = "sum/2025/10/unique-sources/l-root-20251001-unique-sources.yaml";
    let document = fs::read_to_string(bed.path(sources)).unwrap();
    let document = Document::read(&document).unwrap();
    assert_eq!(document.count("l-gaps"), Some(4));
    assert_eq!(document.count("l-gap-seconds"), Some(4 * 86_400));
}

#[test]
fn a_damaged_day_is_missing_only_where_its_name_says() {
    let bed = Bed::new();
    let next = day().next();
    bed.put("nodes/1.day", &seal(plain(day(), 5, 100)).encode());
    bed.put("nodes/2.day", &seal(plain(next, 6, 100)).encode());
    bed.put("nodes/x/2025-10-02.day", b"");
    let (text, code) = bed.run(&format!("{MERGE} --skip-damaged"));
    assert_eq!(code, 3, "{text}");
    let told = text
        .split("2025-10-02  1 node in 1 account")
        .collect::<Vec<_>>();
    assert!(
        !told[0].contains("MISSING") && told[1].contains("MISSING    1 node at least"),
        "{text}"
    );
    let (text, code) = bed.run(&format!("{MERGE} --day 2025-10-01"));
    assert_eq!(code, 0, "{text}");
    let (text, code) = bed.run(&format!("{MERGE} --day 2025-10-03"));
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("no file is of 2025-10-03; nothing is written"),
        "{text}"
    );
}

#[test]
fn what_is_there_and_different_is_replaced_only_by_force() {
    let bed = Bed::new();
    bed.put("nodes/1.day", &seal(plain(day(), 5, 100)).encode());
    assert_eq!(bed.run(MERGE).1, 0);
    let before = files(&bed.path("sum"));
    let (text, code) = bed.run(MERGE);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("unchanged") && !text.contains("wrote"),
        "{text}"
    );

    bed.put("nodes/2.day", &seal(plain(day(), 7, 200)).encode());
    let (text, code) = bed.run(MERGE);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("nothing of 2025-10-01 is written"), "{text}");
    assert!(
        text.contains("l-root-20251001-traffic-volume.yaml"),
        "{text}"
    );
    assert!(text.contains("replace by --force"), "{text}");
    assert_eq!(bed.sealed("sum/2025-10-01.day").account().nodes, 1);

    let (text, code) = bed.run(&format!("{MERGE} --force"));
    assert_eq!(code, 0, "{text}");
    assert_eq!(bed.sealed("sum/2025-10-01.day").account().nodes, 2);
    assert_eq!(files(&bed.path("sum")), before);
}

#[test]
fn nothing_is_counted_twice() {
    let bed = Bed::new();
    let octets = seal(plain(day(), 5, 100)).encode();
    bed.put("nodes/1.day", &octets);
    // Nodes that nobody asked have equal accounts, and are two all the same.
    bed.put("nodes/idle-1.day", &seal(plain(day(), 0, 0)).encode());
    bed.put("nodes/idle-2.day", &seal(plain(day(), 0, 0)).encode());
    let (text, code) = bed.run(MERGE);
    assert_eq!(code, 0, "{text}");
    let check = |args: &str, expected: &str| {
        let (text, code) = bed.run(args);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(expected), "{text}");
    };
    check(
        "merge @nodes @sum --out @sum --letter l",
        "@sum/2025-10-01.day is in --out, where sums are written",
    );
    bed.put("nodes/copy.day", &octets);
    check(
        MERGE,
        "@nodes/1.day and @nodes/copy.day are the same account",
    );
}

#[test]
fn a_day_is_shown_whole() {
    let bed = Bed::new();
    let account = lively(4);
    let file = bed.put("1.day", &seal(account.clone()).encode());
    let shown = bed.json(&format!("show {file}"));
    assert_eq!(shown["schema"], "imrs.day/1");
    assert_eq!(shown["day"], "2025-10-01");
    assert_eq!(shown["sealed"], true);
    let udp = account.counts.flow(Flow::ALL[0]);
    assert_eq!(shown["flows"]["udp-ipv4"]["queries"], udp.queries());
    assert_eq!(shown["lost_queue"], account.lost.queue);
    let sum = |name: &str| {
        let bins = shown["sizes"][name].as_array().unwrap().iter();
        bins.map(|bin| bin["messages"].as_u64().unwrap())
            .sum::<u64>()
    };
    let both = account.counts.transport(udp_transport());
    assert_eq!(
        sum("udp-request"),
        both.iter().map(|flow| flow.queries()).sum::<u64>()
    );
    assert_eq!(
        sum("udp-response"),
        both.iter().map(|flow| flow.responses()).sum::<u64>()
    );
    assert_eq!(shown["rcodes"][0][0], "NXDOMAIN");
    assert_eq!(
        shown["sources"]["ipv4"]["value"],
        account.sources.ipv4().value
    );
    assert_eq!(shown["sources"]["ipv6"]["method"], "exact");
    assert_eq!(shown["gaps"]["count"], 1);
    assert_eq!(shown["gaps"]["told"][0]["from"], "2025-10-01T03:20:00Z");
    assert_eq!(shown["gaps"]["told"][0]["why"], "not running");
    assert_eq!(shown["loads"][0][1], 4);

    let (text, code) = bed.run(&format!("show {file}"));
    assert_eq!(code, 0, "{text}");
    for expected in [
        "2025-10-01 (UTC)  1 node, sealed\nGAPS     1, over all nodes 35 min 0 s\n",
        "LOST to a full queue, and not among these: 210,000,000\n",
        "NXDOMAIN",
        "requests over UDP by octets",
        "  IPv6                             6,000  exact\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

fn udp_transport() -> imrs_telemetry::counts::Transport {
    imrs_telemetry::counts::Transport::Udp
}

#[test]
fn the_day_of_this_node_is_found_open_or_sealed() {
    let bed = Bed::new();
    let mut account = plain(day(), 5, 100);
    account.until_s = day().start_s() + 3600;
    bed.put("state/statistics/open/2025-10-01.day", &account.encode());
    let (text, code) = bed.run("show --day 2025-10-01 --state @state");
    assert_eq!(code, 0, "{text}");
    let expected = "2025-10-01 (UTC)  1 node, OPEN, known up to 2025-10-01T01:00:00Z\n";
    assert!(text.starts_with(expected), "{text}");
    bed.put(
        "state/statistics/sealed/2025-10-01.day",
        &seal(account).encode(),
    );
    let (text, _) = bed.run("show --day 2025-10-01 --state @state");
    assert!(
        text.starts_with("2025-10-01 (UTC)  1 node, sealed\n"),
        "{text}"
    );
    let (text, code) = bed.run("show --day 2025-10-02 --state @state");
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("2025-10-02 is not in @state/statistics"),
        "{text}"
    );
}

#[test]
fn documents_that_break_a_rule_are_named_with_it() {
    let bed = Bed::new();
    bed.put("nodes/1.day", &seal(lively(1)).encode());
    assert_eq!(bed.run(MERGE).1, 0);
    let path = "sum/2025/10/rcode-volume/l-root-20251001-rcode-volume.yaml";
    let text = fs::read_to_string(bed.path(path)).unwrap();
    bed.put(path, text.replacen("\n2: ", "\n2: 9", 1).as_bytes());
    bed.put("sum/2025/10/load-time/notes.yaml", b"hello: [");
    fs::rename(
        bed.path("sum/2025/10/unique-sources"),
        bed.path("sum/2025/10/sources"),
    )
    .unwrap();
    let moved = bed.path("sum/2025/10/sources");
    let own = moved.join("l-root-20251001-unique-sources.yaml");
    fs::rename(own, moved.join("x.yaml")).unwrap();
    let (text, code) = bed.run("check @sum");
    assert_eq!(code, 1, "{text}");
    for expected in [
        "WRONG  @sum/2025/10/load-time/notes.yaml: ",
        "WRONG  @sum/2025/10/sources/x.yaml: what is in it is called l-root-20251001-unique-sources.yaml",
        "l.root-servers.net 2025-10-01  WRONG  rssac002v5 of ",
        "  rcode-volume has ",
        "3 findings over 5 documents",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    let (text, code) = bed.run("check @sum --output json");
    assert_eq!(code, 1);
    let checked: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(checked["schema"], "imrs.stats-check/1");
    assert_eq!(
        checked["days"][0]["violations"].as_array().unwrap().len(),
        1
    );
    let (text, code) = bed.run("check @nodes");
    assert_eq!(code, 1);
    assert!(text.contains("there is no *.yaml in @nodes"), "{text}");
}

#[test]
fn what_l_and_k_root_published_holds() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("IMRS_DATA").map_or(beside, PathBuf::from);
    let published = data.join("rssac002");
    if !published.is_dir() {
        println!("skipped: no data folder; name one by IMRS_DATA");
        return;
    }
    let output = imrs(&["stats", "check", published.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for version in ["rssac002v3", "rssac002v4", "rssac002v5"] {
        assert!(text.contains(version), "{text}");
    }
}

#[test]
fn a_day_is_drawn_with_its_numbers_as_a_page_of_svg() {
    let bed = Bed::new();
    let account = lively(7);
    let file = bed.put("1.day", &seal(account.clone()).encode());
    let (text, code) = bed.run(&format!("report {file} --svg @day.svg --title A&B<\u{1}>"));
    assert_eq!(code, 0, "{text}");
    let svg = fs::read_to_string(bed.path("day.svg")).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<&str> = document
        .descendants()
        .filter_map(|node| node.text())
        .collect();
    let has = |expected: &str| texts.iter().any(|text| text.contains(expected));
    let udp = account.counts.flow(Flow::ALL[0]).queries();
    let grouped = |number: u64| {
        let text = number.to_string();
        let parts: Vec<&str> = text
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|part| std::str::from_utf8(part).unwrap())
            .collect();
        parts.join(",")
    };
    for expected in [
        "A&B<\u{fffd}>, 2025-10-01 (UTC)",
        "Queries a second",
        "Responses a second by RCODE",
        "Requests by octets",
        "Responses by octets",
        &format!("UDP IPv4: {} in all", grouped(udp)),
        &format!("{} (exact)", grouped(account.sources.ipv4().value)),
        "lost in the kernel",
        "Gap: 03:20:00 to 03:55:00, not running.",
        "2025100100 in 4 s",
    ] {
        assert!(has(expected), "{expected:?} is not in {texts:#?}");
    }
    // The gap is shaded in all plots over time.
    assert_eq!(svg.matches("url(#hatch)").count(), 3);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn an_empty_day_is_shown_drawn_and_merged_as_such() {
    let bed = Bed::new();
    let file = bed.put(
        "nodes/1.day",
        &seal(Account::new(day(), SOURCES_OCTETS)).encode(),
    );
    for args in [
        format!("show {file}"),
        format!("report {file} --svg @day.svg"),
        MERGE.to_owned(),
    ] {
        let (text, code) = bed.run(&args);
        assert_eq!(code, 0, "{text}");
    }
    let svg = fs::read_to_string(bed.path("day.svg")).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn options_of_statistics_that_are_wrong_are_refused() {
    for (args, expected) in [
        ("stats merge --out x --letter l", "<SEALED>"),
        (
            "stats merge x --out y --letter z",
            "not the letter of a root server",
        ),
        ("stats merge x --out y --letter l --day today", "not a date"),
        ("stats show", "<DAY-FILE>"),
        ("stats show x --day 2025-10-01", "cannot be used with"),
        ("stats --seconds 0", "0 is not in 1..=3600"),
    ] {
        let args: Vec<&str> = args.split(' ').collect();
        let (text, code) = failure(&args);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
