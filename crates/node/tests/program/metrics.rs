//! The program gives metrics where it is configured, with the numbers of `imrs ctl`.

use super::support::{Server, TestRoot, text_of};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A server of a test root that gives metrics, and where.
fn start(root: &TestRoot) -> (Server, String) {
    let file = root.path("imrs.toml");
    let text = "[metrics]\nlisten = \"127.0.0.1:0\"\nsocket = \"metrics.sock\"\n\n\
                [[zone]]\nname = \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n";
    fs::write(&file, text).unwrap();
    let server = Server::start(root.folder.path(), &["--config", &file]);
    let (text, _) = server.ctl(&["--output", "json", "status"]);
    let status: Value = serde_json::from_str(&text).unwrap();
    let place = status["metrics"][0].as_str().unwrap();
    let place = place.strip_prefix("http://").unwrap();
    let address = place.strip_suffix("/metrics").unwrap().to_owned();
    (server, address)
}

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn fetch(mut stream: impl Read + Write) -> BTreeMap<String, f64> {
    stream.write_all(GET).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let samples =
        lines.filter(|(name, _)| name.starts_with("imrs_") || name.starts_with("process_"));
    samples
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn scrape(address: &str) -> BTreeMap<String, f64> {
    fetch(TcpStream::connect(address).unwrap())
}

/// Fetches until it is so: within a moment all get the same numbers.
fn scrape_until(address: &str, is_so: impl Fn(&BTreeMap<String, f64>) -> bool) {
    let start = Instant::now();
    loop {
        let samples = scrape(address);
        if is_so(&samples) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{samples:#?}");
    }
}

/// Compares each count with what `imrs ctl stats` says. Says how many there were.
fn compare(samples: &BTreeMap<String, f64>, stats: &Value) -> usize {
    let mut compared = 0;
    let mut check = |name: String, count: &Value| {
        let count = count.as_u64().unwrap() as f64;
        assert_eq!(samples.get(&name), Some(&count), "{name}: {samples:#?}");
        compared += 1;
    };
    for (over, messages) in stats["messages"].as_object().unwrap() {
        let (transport, family) = over.split_once('-').unwrap();
        let labels = format!("transport=\"{transport}\",family=\"{family}\"");
        for (key, name) in [
            ("received", "received_messages"),
            ("received_octets", "received_bytes"),
            ("responses", "responses"),
            ("response_octets", "response_bytes"),
            ("truncated", "truncated_responses"),
        ] {
            check(format!("imrs_{name}_total{{{labels}}}"), &messages[key]);
        }
        for (kind, count) in messages["kinds"].as_object().unwrap() {
            check(
                format!("imrs_outcomes_total{{{labels},kind=\"{kind}\"}}"),
                count,
            );
        }
        for (number, name) in [("0", "NOERROR"), ("3", "NXDOMAIN"), ("5", "REFUSED")] {
            if let Some(count) = messages["rcodes"].get(number) {
                check(
                    format!("imrs_rcodes_total{{{labels},rcode=\"{name}\"}}"),
                    count,
                );
            }
        }
    }
    for (reason, count) in stats["unsent"].as_object().unwrap() {
        check(
            format!("imrs_unsent_responses_total{{reason=\"{reason}\"}}"),
            count,
        );
    }
    for (reason, count) in stats["defence"].as_object().unwrap() {
        check(
            match reason.as_str() {
                "cookies" => "imrs_cookies_total{validity=\"valid\"}".to_owned(),
                "bad-cookies" => "imrs_cookies_total{validity=\"invalid\"}".to_owned(),
                reason => format!("imrs_defence_messages_total{{reason=\"{reason}\"}}"),
            },
            count,
        );
    }
    let connections = stats["connections"].as_object().unwrap();
    let of_connections = samples
        .keys()
        .filter(|name| name.starts_with("imrs_tcp_connections_"));
    assert_eq!(of_connections.count(), connections.len());
    check("imrs_tcp_connections_open".to_owned(), &connections["open"]);
    check(
        "imrs_tcp_connections_opened_total".to_owned(),
        &connections["opened"],
    );
    check(
        "imrs_tcp_connections_closed_total{reason=\"ended\"}".to_owned(),
        &connections["ended"],
    );
    check(
        "imrs_kernel_dropped_messages_total".to_owned(),
        &stats["kernel_dropped"],
    );
    compared
}

#[test]
fn scraped_numbers_are_those_of_ctl() {
    let root = TestRoot::new(7);
    let (server, address) = start(&root);
    for _ in 0..5 {
        server.query(&[], 6);
        server.query(&["no-such-domain"], 1);
    }
    // A connection that is open meanwhile, and asked something.
    let mut open = TcpStream::connect(server.address).unwrap();
    open.write_all(&[0, 17, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1])
        .unwrap();
    let mut length = [0; 2];
    open.read_exact(&mut length).unwrap();
    let (text, exit) = server.ctl(&["--output", "json", "stats"]);
    assert_eq!(exit, 0, "{text}");
    let stats: Value = serde_json::from_str(&text).unwrap();
    let samples = scrape(&address);
    let compared = compare(&samples, &stats);
    assert!(compared > 50, "{compared}");
    let count = |name: &str| samples[name];
    assert_eq!(
        count("imrs_received_messages_total{transport=\"udp\",family=\"ipv4\"}"),
        10.0
    );
    assert_eq!(count("imrs_tcp_connections_open"), 1.0);
    assert_eq!(count("imrs_zone_serial{zone=\".\"}"), 7.0);
    assert_eq!(count("imrs_zone_served{zone=\".\"}"), 1.0);
    assert!(count("imrs_zone_signature_left_seconds{zone=\".\"}") > 86_400.0);
    assert_eq!(count("imrs_node_state{state=\"well\"}"), 1.0);
    assert!(count("process_resident_memory_bytes") > 1e6);
    assert!(count("process_cpu_seconds_total") > 0.0);
    // A zone of a file is confirmed by nobody.
    let of_primaries = |name: &&String| {
        name.starts_with("imrs_zone_confirmed") || name.starts_with("imrs_zone_transfers_in")
    };
    assert_eq!(samples.keys().find(of_primaries), None);
    drop(open);
    let socket = UnixStream::connect(root.path("metrics.sock")).unwrap();
    assert_eq!(fetch(socket).len(), samples.len());
}

#[test]
fn a_reload_and_a_refusal_show_in_the_metrics() {
    let root = TestRoot::new(7);
    let (server, address) = start(&root);
    root.put(&text_of(8));
    server.ctl(&["reload"]);
    scrape_until(&address, |samples| {
        samples["imrs_zone_serial{zone=\".\"}"] == 8.0
    });
    root.put("nothing");
    server.ctl(&["reload"]);
    scrape_until(&address, |samples| {
        samples["imrs_zone_last_load_refused{zone=\".\"}"] == 1.0
            && samples["imrs_node_state{state=\"degraded\"}"] == 1.0
            && samples["imrs_zone_serial{zone=\".\"}"] == 8.0
    });
}

#[test]
fn a_zone_that_has_not_come_is_told_as_not_served_and_has_no_serial() {
    let root = TestRoot::new(7);
    let file = root.path("imrs.toml");
    // Nobody answers there.
    let text = "[metrics]\nsocket = \"metrics.sock\"\n[[zone]]\nname = \".\"\n\
                primaries = [\"127.0.0.1:9\"]\nanchors = \"anchors.ds\"\n";
    fs::write(&file, text).unwrap();
    let _server = Server::start(root.folder.path(), &["--config", &file]);
    let samples = fetch(UnixStream::connect(root.path("metrics.sock")).unwrap());
    assert_eq!(samples["imrs_zone_served{zone=\".\"}"], 0.0);
    assert_eq!(
        samples["imrs_zone_state{zone=\".\",state=\"waiting\"}"],
        1.0
    );
    assert_eq!(samples["imrs_node_state{state=\"failed\"}"], 1.0);
    for absent in [
        "imrs_zone_serial",
        "imrs_zone_confirmed",
        "imrs_zone_signature",
    ] {
        assert!(
            samples.keys().all(|name| !name.starts_with(absent)),
            "{samples:#?}"
        );
    }
    assert_eq!(
        samples["imrs_zone_transfers_in_total{zone=\".\",result=\"accepted\"}"],
        0.0
    );
}

/// Asks for the NS records of the root over a connection of its own.
fn ask_by_tcp(server: &Server) -> io::Result<()> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.write_all(&[0, 17, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1])?;
    stream.read_exact(&mut [0; 2])
}

#[test]
fn metrics_are_given_while_queries_flood_in_and_clients_of_metrics_stall() {
    let root = TestRoot::new(7);
    let (server, address) = start(&root);
    let stalled: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(&GET[..number % 20]).unwrap();
            stream
        })
        .collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let query = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
            while !is_over.load(Relaxed) {
                // What the queue does not take is what a flood is about.
                let _ = socket.send_to(&query, server.address);
            }
        });
        let received = "imrs_received_messages_total{transport=\"udp\",family=\"ipv4\"}";
        scrape_until(&address, |samples| samples[received] > 10_000.0);
        is_over.store(true, Relaxed);
    });
    // While the worker is still behind it turns strangers away, as it counts, and a client tries
    // again; from no other reason may one fail.
    let start = Instant::now();
    let mut failed = 0;
    while let Err(error) = ask_by_tcp(&server) {
        failed += 1;
        assert!(start.elapsed() < Duration::from_secs(60), "{error}");
    }
    let shed = "imrs_tcp_connections_refused_total{reason=\"shed\"}";
    assert_eq!(scrape(&address)[shed], f64::from(failed));
    drop(stalled);
}
