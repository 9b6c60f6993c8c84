//! What is written, what is shipped to read it, and how it is given out.

use super::families::{Family, Kind, all};
use super::{Bound, Endpoint, Process, Snapshot, Told, render};
use crate::config::Metrics;
use crate::control::v1;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Of a node with one zone that is fetched, of which nothing has come yet.
fn told() -> Told {
    let messages = v1::Messages {
        received: 7,
        kinds: [("answer".to_owned(), 7)].into(),
        rcodes: [("0".to_owned(), 5), ("23".to_owned(), 2)].into(),
        ..v1::Messages::default()
    };
    Told {
        status: v1::Status {
            version: "0.1.0".to_owned(),
            health: v1::Health::Failed,
            pid: 1,
            started_at: "2026-08-01T00:00:00Z".to_owned(),
            uptime_seconds: 9,
            time: v1::Time {
                is_present: true,
                now: "2026-08-01T00:00:09Z".to_owned(),
            },
            attention: Vec::new(),
            listen: Vec::new(),
            metrics: Vec::new(),
            workers: 2,
            sandbox: None,
            unfiltered: Some("not here".to_owned()),
            zones: vec![zone()],
        },
        stats: v1::Stats {
            messages: [("udp-ipv6".to_owned(), messages)].into(),
            longest_turn_us: 1500,
            ..v1::Stats::default()
        },
        zones: vec![v1::KeptZone {
            name: ".".to_owned(),
            primaries: vec![v1::KnownPrimary::default()],
            ..v1::KeptZone::default()
        }],
        route: None,
    }
}

fn zone() -> v1::Zone {
    v1::Zone {
        name: ".".to_owned(),
        source: "from 192.0.2.53:53".to_owned(),
        served: false,
        degraded: true,
        state: Some(v1::ZoneState::Waiting),
        serial: 0,
        records: 0,
        image_octets: 0,
        loaded_at: String::new(),
        proof: v1::Proof::default(),
        expires: None,
        expires_in_seconds: None,
        last_attempt: v1::Attempt {
            at: String::new(),
            result: v1::AttemptResult::Unchanged,
            reason: None,
        },
    }
}

fn written() -> String {
    write(told())
}

fn write(told: Told) -> String {
    let snapshot = Snapshot {
        told,
        process: Process::default(),
    };
    render(snapshot).unwrap()
}

#[test]
fn numbers_are_those_of_the_control_socket_under_names_by_convention() {
    let text = written();
    let check = |line: &str| assert!(text.lines().any(|found| found == line), "{line}: {text}");
    check("imrs_received_messages_total{transport=\"udp\",family=\"ipv6\"} 7");
    check("imrs_rcodes_total{transport=\"udp\",family=\"ipv6\",rcode=\"NOERROR\"} 5");
    check("imrs_rcodes_total{transport=\"udp\",family=\"ipv6\",rcode=\"BADCOOKIE\"} 2");
    check("imrs_rcodes_total{transport=\"udp\",family=\"ipv6\",rcode=\"NXDOMAIN\"} 0");
    check("imrs_build_info{version=\"0.1.0\"} 1");
    check("imrs_longest_turn_seconds 0.0015");
    check("# UNIT imrs_longest_turn_seconds seconds");
    check("imrs_node_state{state=\"failed\"} 1");
    check("imrs_zone_state{zone=\".\",state=\"waiting\"} 1");
    check("imrs_zone_transfers_in_total{zone=\".\",result=\"refused\"} 0");
    check("imrs_socket_filter_in_force 0");
    check("process_start_time_seconds 1785542400");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn what_the_node_does_not_know_is_absent_and_not_0() {
    let text = written();
    for absent in [
        "imrs_zone_serial",
        "imrs_zone_records",
        "imrs_zone_confirmed_age_seconds",
        "imrs_zone_signature_left_seconds",
        "imrs_zone_observers_ahead",
        "imrs_zone_notifies_out_total",
        "imrs_encrypted_connections_open",
        "imrs_sandbox_in_force",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
    ] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
}

#[test]
fn a_zone_that_is_withdrawn_shows_as_expired_with_what_it_held() {
    let mut told = told();
    let kept = &mut told.zones[0];
    kept.state = v1::ZoneState::Expired;
    kept.serial = Some(2_026_080_100);
    kept.expires = Some(v1::When {
        at: String::new(),
        in_seconds: -5,
    });
    kept.confirmed = Some(v1::When {
        at: String::new(),
        in_seconds: -604_805,
    });
    let text = write(told);
    let check = |line: &str| assert!(text.lines().any(|found| found == line), "{line}: {text}");
    check("imrs_zone_served{zone=\".\"} 0");
    check("imrs_zone_state{zone=\".\",state=\"expired\"} 1");
    check("imrs_zone_state{zone=\".\",state=\"waiting\"} 0");
    check("imrs_zone_serial{zone=\".\"} 2026080100");
    check("imrs_zone_expiry_left_seconds{zone=\".\"} -5");
    check("imrs_zone_confirmed_age_seconds{zone=\".\"} 604805");
}

#[test]
fn names_and_labels_follow_the_convention() {
    let mut names = BTreeSet::new();
    for family in all() {
        let name = family.full_name();
        let is_plain = |text: &str| text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        assert!(is_plain(&name), "{name}");
        assert!(name.starts_with("imrs_") || name.starts_with("process_"));
        assert_eq!(
            family.kind == Kind::Counter,
            name.ends_with("_total"),
            "{name}"
        );
        assert!(family.labels.iter().all(|label| is_plain(label)), "{name}");
        assert!(
            !family.help.ends_with('.') && !family.help.is_empty(),
            "{name}"
        );
        assert!(names.insert(name.clone()), "{name} is there twice");
    }
}

#[test]
fn how_long_responses_took_is_a_histogram_in_seconds() {
    let mut told = told();
    let within = vec![
        v1::Within { us: 10, count: 5 },
        v1::Within { us: 25, count: 2 },
    ];
    let delays = v1::Delays {
        count: 8,
        sum_us: 1500,
        within,
    };
    told.stats.delays.insert("udp".to_owned(), delays);
    let text = write(told);
    let check = |line: &str| assert!(text.lines().any(|found| found == line), "{line}: {text}");
    let name = "imrs_response_delay_seconds";
    check(&format!("# TYPE {name} histogram"));
    check(&format!("{name}_sum{{transport=\"udp\"}} 0.0015"));
    check(&format!("{name}_count{{transport=\"udp\"}} 8"));
    check(&format!(
        "{name}_bucket{{le=\"0.00001\",transport=\"udp\"}} 5"
    ));
    check(&format!(
        "{name}_bucket{{le=\"0.000025\",transport=\"udp\"}} 7"
    ));
    check(&format!("{name}_bucket{{le=\"+Inf\",transport=\"udp\"}} 8"));
}

fn repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The row of a family in the manual.
fn row(family: &Family) -> String {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Info => "info",
        Kind::Histogram => "histogram",
    };
    let labels: Vec<String> = { family.labels.iter() }
        .map(|label| format!("`{label}`"))
        .collect();
    let labels = match labels.is_empty() {
        true => "–".to_owned(),
        false => labels.join(", "),
    };
    let (name, help) = (family.full_name(), family.help);
    format!("| `{name}` | {kind} | {labels} | {help} |")
}

#[test]
fn the_manual_has_every_metric_and_no_other() {
    let page = repository("docs/manual/metrics.md");
    let is_row = |line: &&str| line.starts_with("| `imrs_") || line.starts_with("| `process_");
    let found: Vec<&str> = page.lines().filter(is_row).collect();
    let expected: Vec<String> = all().map(row).collect();
    assert_eq!(found, expected, "it should be:\n{}", expected.join("\n"));
}

/// All words of a text that could be metrics of ours.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| word.starts_with("imrs_") || word.starts_with("process_");
    words.filter(ours).map(str::to_owned).collect()
}

fn check_known(words: &BTreeSet<String>) {
    let known: BTreeSet<String> = all().map(Family::full_name).collect();
    let unknown: Vec<&String> = words.difference(&known).collect();
    assert!(!words.is_empty());
    assert_eq!(unknown, Vec::<&String>::new());
}

#[test]
fn every_metric_that_alerts_name_exists() {
    check_known(&metrics_in(&repository(
        "contrib/prometheus/imrs.rules.yml",
    )));
    check_known(&metrics_in(&repository("contrib/prometheus/imrs.test.yml")));
}

#[test]
fn every_alert_has_a_case_in_which_it_fires() {
    let (rules, cases) = (
        repository("contrib/prometheus/imrs.rules.yml"),
        repository("contrib/prometheus/imrs.test.yml"),
    );
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        let fires = format!("alertname: {alert}\n        exp_alerts:");
        assert!(cases.contains(&fires), "{alert}");
    }
}

#[test]
fn every_panel_of_the_dashboard_is_whole_and_asks_for_metrics_and_labels_that_exist() {
    let board: Value = serde_json::from_str(&repository("contrib/grafana/imrs.json")).unwrap();
    let labels: BTreeSet<&str> = { all().flat_map(|family| family.labels.iter().copied()) }
        .chain(["job", "instance"])
        .collect();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeMap::new());
    let mut named = BTreeSet::new();
    for panel in board["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(
            at("x") + at("w") <= 24 && at("w") > 0 && at("h") > 0,
            "{title}"
        );
        for cell in (at("x")..at("x") + at("w"))
            .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert_eq!(taken.insert(cell, title), None, "{title} covers another");
        }
        let kind = panel["type"].as_str().unwrap();
        assert!(["row", "stat", "timeseries"].contains(&kind), "{title}");
        if kind == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        let mut letters = BTreeSet::new();
        for target in targets {
            assert!(letters.insert(target["refId"].as_str().unwrap()), "{title}");
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains("instance=~\"$instance\""), "{title}");
            named.extend(metrics_in(expression));
            let legend = target["legendFormat"].as_str().unwrap();
            for label in legend.split("{{").skip(1) {
                let label = label.split("}}").next().unwrap();
                assert!(labels.contains(label), "{title}: {label}");
            }
        }
    }
    check_known(&named);
}

/// An endpoint on a port that the system chose. A node that is `busy` tells nothing.
fn started(is_busy: bool) -> (Endpoint, SocketAddr) {
    let metrics = Metrics {
        listen: vec![([127, 0, 0, 1], 0).into()],
        socket: None,
    };
    let bound = Bound::open(&metrics, None).unwrap();
    let kept = std::sync::Mutex::new(Vec::new());
    let asked = move |reply: tokio::sync::oneshot::Sender<Box<Told>>| match is_busy {
        true => kept.lock().unwrap().push(reply),
        false => drop(reply.send(Box::new(told()))),
    };
    let endpoint = bound.start(0, Box::new(asked)).unwrap();
    let place = endpoint.places()[0]
        .trim_start_matches("http://")
        .to_owned();
    let address = place.trim_end_matches("/metrics").parse().unwrap();
    (endpoint, address)
}

/// Sends octets, and gives all that comes until the other end closes.
fn exchange(address: SocketAddr, octets: &[u8]) -> String {
    let mut stream = connect(address);
    // Who is sent away early may not take all of it.
    let _ = stream.write_all(octets);
    let _ = stream.shutdown(Shutdown::Write);
    read_all(stream)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    stream
}

fn read_all(mut stream: TcpStream) -> String {
    let mut octets = Vec::new();
    // A reset is an end as well; only waiting in vain is none.
    if let Err(error) = stream.read_to_end(&mut octets) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
    String::from_utf8_lossy(&octets).into_owned()
}

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn get_and_head_of_one_path_are_answered_and_nothing_else() {
    let (_endpoint, address) = started(false);
    let check = |request: &str, status: &str| {
        let text = exchange(
            address,
            format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
        );
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        text
    };
    let whole = check("GET /metrics", "200");
    assert!(whole.contains(super::text::MEDIA_TYPE) && whole.ends_with("# EOF\n"));
    check("GET /metrics?name[]=up", "200");
    assert!(check("HEAD /metrics", "200").ends_with("\r\n\r\n"));
    assert!(check("POST /metrics", "405").contains("allow: GET, HEAD\r\n"));
    check("DELETE /metrics", "405");
    assert!(check("GET /", "404").ends_with("metrics are at /metrics\n"));
    check("POST /reload", "404");
}

#[test]
fn garbage_is_refused_or_cut_off() {
    let (_endpoint, address) = started(false);
    let check = |octets: &[u8]| {
        let text = exchange(address, octets);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    };
    check(b"");
    check(b"\r\n\r\n\r\n");
    check(b"\0\x01\x02\xff\xfe\r\n\r\n");
    check(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    check(b"GET /metrics HTTP/9.9\r\n\r\n");
    check(&[b'A'; 100_000]);
    let fields = "a: b\r\n".repeat(1000);
    check(format!("GET /metrics HTTP/1.1\r\n{fields}\r\n").as_bytes());
    let long = "x".repeat(20_000);
    check(format!("GET /metrics HTTP/1.1\r\nCookie: {long}\r\n\r\n").as_bytes());
    assert!(exchange(address, GET).starts_with("HTTP/1.1 200"));
}

#[test]
fn clients_that_stall_keep_nobody_out_and_are_closed() {
    let (_endpoint, address) = started(false);
    let stalled: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut stream = connect(address);
            stream.write_all(&GET[..number % GET.len()]).unwrap();
            stream
        })
        .collect();
    assert!(exchange(address, GET).starts_with("HTTP/1.1 200"));
    // Each ends, the oldest to make room and the last for their slowness.
    for stream in stalled {
        assert!(!read_all(stream).starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_node_that_has_no_time_is_told_as_such() {
    let (_endpoint, address) = started(true);
    let text = exchange(address, GET);
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
}

#[test]
fn a_stopped_endpoint_frees_its_address_and_the_name_of_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("m.sock");
    let metrics = Metrics {
        listen: vec![([127, 0, 0, 1], 0).into()],
        socket: Some(socket.clone()),
    };
    let start = |metrics: &Metrics| {
        let bound = Bound::open(metrics, None)?;
        bound.start(0, Box::new(|reply| drop(reply.send(Box::new(told())))))
    };
    let endpoint = start(&metrics).unwrap();
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    stream.write_all(GET).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let again = Metrics {
        listen: Vec::new(),
        ..metrics
    };
    assert!(
        start(&again)
            .unwrap_err()
            .to_string()
            .contains("a running server has")
    );
    drop(endpoint);
    assert!(!socket.exists());
    std::fs::write(&socket, "x").unwrap();
    assert!(
        start(&again)
            .unwrap_err()
            .to_string()
            .contains("not a socket")
    );
}
