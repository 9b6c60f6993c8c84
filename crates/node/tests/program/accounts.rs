//! The program keeps what it counts, day by day.

use super::support::{Server, TestRoot, failure};
use imrs_telemetry::Day;
use imrs_telemetry::counts::{Counts, Flow, Transport};
use imrs_telemetry::day::{Account, Why};
use imrs_telemetry::limits::SOURCES_OCTETS;
use imrs_wire::Family;
use imrs_wire::Rcode;
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

fn serve(root: &TestRoot, statistics: &str) -> Server {
    let file = root.path("imrs.toml");
    let text = format!(
        "[node]\nstate = \"state\"\n[statistics]\n{statistics}\n\
         [[zone]]\nname = \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n\
         allow-transfer = [\"127.0.0.1\"]\n"
    );
    fs::write(&file, text).unwrap();
    fs::create_dir_all(root.path("state")).unwrap();
    Server::start(root.folder.path(), &["--config", &file])
}

fn stop(server: Server) {
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
}

fn open_folder(root: &TestRoot) -> PathBuf {
    root.folder.path().join("state/statistics/open")
}

/// What is kept of open days, all together: a test may run over midnight.
fn kept(root: &TestRoot) -> Account {
    let entries = fs::read_dir(open_folder(root)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let accounts =
        paths.map(|path| Account::decode(&fs::read(path).unwrap(), SOURCES_OCTETS).unwrap());
    let merged = accounts.reduce(|mut sum, account| {
        sum.counts.add(&account.counts);
        sum.sources.merge(&account.sources);
        sum
    });
    merged.unwrap()
}

fn flow(transport: Transport) -> Flow {
    Flow::new(transport, Family::V4)
}

/// Messages over TCP, each with its length ahead, as a client counts them.
fn over_tcp(server: &Server, query: &[u8], is_over: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = u16::try_from(query.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, query].concat()).unwrap();
    let mut sizes = Vec::new();
    while !is_over(&sizes) {
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message).unwrap();
        sizes.push(message.len());
    }
    sizes
}

/// A query for the root without EDNS.
fn plain(qtype: u8) -> Vec<u8> {
    vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, qtype, 0, 1]
}

/// The bins of RSSAC002 that messages of these sizes belong to, with how many in each.
fn bins(sizes: &[usize], open: usize) -> Vec<(usize, u64)> {
    let mut counts = std::collections::BTreeMap::new();
    for size in sizes {
        *counts.entry((size / 16).min(open)).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn filled(bins: &[u64]) -> Vec<(usize, u64)> {
    let numbered = bins.iter().copied().enumerate();
    numbered.filter(|(_, count)| *count > 0).collect()
}

fn check_flow(counts: &Counts, transport: Transport, queries: &[usize], responses: &[usize]) {
    let counted = counts.flow(flow(transport));
    assert_eq!(filled(counted.request_sizes()), bins(queries, 18));
    assert_eq!(filled(counted.response_sizes()), bins(responses, 256));
}

#[test]
fn what_clients_sent_and_got_is_counted_to_the_octet_and_outlives_a_restart() {
    let root = TestRoot::new(2026112500);
    let server = serve(&root, "letter = \"l\"");
    let mut responses = Vec::new();
    for _ in 0..20 {
        responses.push(server.query(&[], 2).1.len());
        responses.push(server.query(&["nosuch", "example"], 1).1.len());
    }
    let queries: Vec<usize> = (0..20).flat_map(|_| [28, 28 + 15]).collect();
    // Neither is a query: a response, and what has no header.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .send_to(&[0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0], server.address)
        .unwrap();
    socket.send_to(&[0, 1, 0], server.address).unwrap();
    // A transfer of several messages, the last of which ends the zone.
    let records = root.text().lines().count();
    let mut tcp = over_tcp(&server, &plain(6), |sizes| sizes.len() == 1);
    tcp.extend(over_tcp(&server, &plain(252), |sizes| {
        sizes.iter().sum::<usize>() > records && sizes.last().is_some_and(|last| *last < 60_000)
    }));
    stop(server);

    let first = kept(&root);
    check_flow(&first.counts, Transport::Udp, &queries, &responses);
    check_flow(&first.counts, Transport::Tcp, &[17, 17], &tcp);
    let udp = first.counts.flow(flow(Transport::Udp));
    assert_eq!(
        (udp.rcode(Rcode::NOERROR), udp.rcode(Rcode::NXDOMAIN)),
        (20, 20)
    );
    assert_eq!(first.sources.ipv4().value, 1);

    let server = serve(&root, "letter = \"l\"");
    responses.push(server.query(&[], 2).1.len());
    stop(server);
    let queries = [queries, vec![28]].concat();
    let second = kept(&root);
    check_flow(&second.counts, Transport::Udp, &queries, &responses);
    check_flow(&second.counts, Transport::Tcp, &[17, 17], &tcp);
    let told = second.gaps.told();
    assert!(told.iter().all(|gap| gap.why == Why::Down), "{told:?}");
}

#[test]
fn the_account_of_the_day_is_told_on_the_control_socket() {
    let root = TestRoot::new(2026112500);
    let server = serve(&root, "");
    server.query(&[], 2);
    let start = Instant::now();
    let accounts = loop {
        let (text, code) = server.ctl(&["--output", "json", "stats"]);
        assert_eq!(code, 0);
        let stats: Value = serde_json::from_str(&text).unwrap();
        if stats["accounts"]["sources_ipv4"]["value"] == 1 {
            break stats["accounts"].clone();
        }
        assert!(start.elapsed() < PATIENCE, "{text}");
    };
    assert!(Day::parse(accounts["day"].as_str().unwrap()).is_some());
    assert_eq!(accounts["unexplained_messages"], 0);
    assert_eq!(accounts["unrecorded_responses"], 0);
    let (text, _) = server.ctl(&["stats"]);
    assert!(
        text.contains("\nsources ipv4                    1\n"),
        "{text}"
    );
    let (text, code) = server.ctl(&["top"]);
    assert_eq!(code, 0, "{text}");
}

/// The only day that is kept as open.
fn only_file(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).unwrap();
    entries.next().unwrap().unwrap().path()
}

#[test]
fn a_damaged_day_is_put_aside_and_named_and_counting_goes_on() {
    let root = TestRoot::new(2026112500);
    let server = serve(&root, "");
    server.query(&[], 2);
    stop(server);
    let file = only_file(&open_folder(&root));
    let mut octets = fs::read(&file).unwrap();
    octets[60] ^= 1;
    fs::write(&file, &octets).unwrap();

    let zone = root.path("imrs.toml");
    let server = Server::start(root.folder.path(), &["--config", &zone]);
    server.query(&[], 2);
    stop(server);
    let mut aside = file.clone().into_os_string();
    aside.push(".damaged");
    assert_eq!(fs::read(aside).unwrap(), octets);
    let account = Account::decode(&fs::read(&file).unwrap(), SOURCES_OCTETS).unwrap();
    assert_eq!(account.counts.flow(flow(Transport::Udp)).queries(), 1);
    assert_eq!(account.gaps.told()[0].why, Why::Down);
}

#[test]
fn statistics_that_cannot_be_kept_are_told_and_answering_goes_on() {
    let root = TestRoot::new(2026112500);
    fs::create_dir(root.path("state")).unwrap();
    fs::write(root.path("state/statistics"), "a file").unwrap();
    let server = serve(&root, "");
    assert_eq!(server.query(&[], 2).0, 0);
    let (text, code) = server.ctl(&["status"]);
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("ATTENTION  statistics are counted and not kept: cannot make "),
        "{text}"
    );
    stop(server);
}

#[test]
fn a_letter_that_no_root_server_has_is_refused() {
    let root = TestRoot::new(2026112500);
    let file = root.path("imrs.toml");
    fs::write(&file, "[statistics]\nletter = \"z\"\n").unwrap();
    let (text, code) = failure(&["check-config", &file]);
    assert_eq!(code, 2);
    let expected =
        "imrs.toml:2:10: `z` is not the letter of a root server; write one of `a` to `m`";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn captures_are_anonymised_and_written_from_within_the_sandbox() {
    let root = TestRoot::new(2026112500);
    let key = root.path("capture.key");
    fs::write(&key, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=").unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let capture = "[[capture]]\nname = \"archive\"\nformat = \"c-dns\"\ndirectory = \"captures\"\n\
                   anonymise = \"crypto-pan\"\nkey-file = \"capture.key\"\n";
    let server = serve(&root, capture);
    assert_eq!(server.query(&[], 2).0, 0);
    stop(server);
    let file = only_file(Path::new(&root.path("captures")));
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("archive-") && name.ends_with(".cdns.zst"),
        "{name}"
    );
}

#[test]
fn documents_without_a_place_are_refused() {
    let root = TestRoot::new(2026112500);
    let file = root.path("imrs.toml");
    fs::write(&file, "[statistics]\nletter = \"l\"\n").unwrap();
    let (text, code) = failure(&["check-config", &file]);
    assert_eq!(code, 2);
    assert!(
        text.contains("imrs.toml:2:10: documents have no place; add `state`"),
        "{text}"
    );
}

#[test]
fn a_sealed_day_that_the_clock_has_not_reached_is_told_with_the_remedy() {
    let root = TestRoot::new(2026112500);
    let sealed = root.path("state/statistics/sealed");
    fs::create_dir_all(&sealed).unwrap();
    fs::write(Path::new(&sealed).join("2105-01-01.day"), "").unwrap();
    let server = serve(&root, "");
    let (text, code) = server.ctl(&["status"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains(" stands under 2105-01-02; "), "{text}");
    assert!(
        text.contains(" and later out of `sealed` and restart"),
        "{text}"
    );
    stop(server);
}
