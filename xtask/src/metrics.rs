//! `cargo xtask metrics`: the metrics of a real `imrs serve`, scraped by a real Prometheus.
//!
//! Start reading at [`run`]. Alerts are checked and tried by promtool. Then Prometheus scrapes a server
//! that was asked something, its numbers are compared with those of `imrs ctl stats`, and every
//! expression of the alerts and of the dashboard is evaluated. Nothing here knows what a metric means.

use crate::imrs::{self, Imrs};
use crate::peers::{Daemon, Tool, ensure_installed, tool_command};
use crate::workspace;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Options of `cargo xtask metrics`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The program to try [default: the release build, which is made]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

const TOOLS: [Tool; 2] = [
    Tool {
        command: "prometheus",
        package: "prometheus",
    },
    Tool {
        command: "promtool",
        package: "prometheus",
    },
];

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often Prometheus is asked whether it is so yet.
const PAUSE: Duration = Duration::from_millis(200);

/// Queries that the server is asked.
const QUERIES: u64 = 100;

/// Tries all of it, and counts the checks.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure_installed(&TOOLS)?;
    let mut passed = promtool()?;
    let program = match &args.program {
        Some(program) => fs::canonicalize(program)?,
        None => imrs::program()?,
    };
    let (dns, endpoint) = (free_address()?, free_address()?);
    let server = start(&program, dns, endpoint)?;
    let prometheus = Prometheus::start(endpoint)?;
    prometheus.wait_until("up{job=\"imrs\"}", 1.0)?;
    println!("metrics: Prometheus scrapes imrs");
    passed += 1;
    ask(dns)?;
    passed += compare(&server, &prometheus)?;
    passed += evaluate(&prometheus)?;
    drop(server);
    prometheus.wait_until("up{job=\"imrs\"}", 0.0)?;
    println!("metrics: a server that is gone is seen to be down");
    passed += 1;
    println!("{passed} passed, 0 failed");
    Ok(())
}

/// Checks the alerts, and tries their cases.
fn promtool() -> Result<u64> {
    let folder = workspace::root().join("contrib/prometheus");
    for arguments in [
        ["check", "rules", "imrs.rules.yml"],
        ["test", "rules", "imrs.test.yml"],
    ] {
        let status = tool_command("promtool")?
            .args(arguments)
            .current_dir(&folder)
            .status()?;
        ensure!(status.success(), "promtool {} failed", arguments.join(" "));
    }
    Ok(2)
}

/// An address that nobody has now, by either protocol.
fn free_address() -> Result<SocketAddr> {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let address = tcp.local_addr()?;
        if UdpSocket::bind(address).is_ok() {
            return Ok(address);
        }
    }
}

/// A server of a test root.
fn start(program: &Path, dns: SocketAddr, endpoint: SocketAddr) -> Result<Imrs> {
    Imrs::start_with(program, dns, &["."], |folder| {
        let places = imrs::node_places(dns, 1, folder);
        Ok(format!("{places}[metrics]\nlisten = \"{endpoint}\"\n"))
    })
}

/// Asks for names that are there and that are not.
fn ask(dns: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind((dns.ip(), 0))?;
    socket.connect(dns)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut response = [0; 4096];
    for number in 0..QUERIES {
        let mut query = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        if number % 2 == 0 {
            query.extend_from_slice(b"\x0eno-such-domain");
        }
        query.extend_from_slice(&[0, 0, 6, 0, 1]);
        socket.send(&query)?;
        socket.recv(&mut response)?;
    }
    Ok(())
}

/// Compares what Prometheus holds with what `imrs ctl stats` says.
fn compare(server: &Imrs, prometheus: &Prometheus) -> Result<u64> {
    let stats = server.ctl("stats")?;
    let over_udp = &stats["messages"]["udp-ipv4"];
    let labels = "transport=\"udp\",family=\"ipv4\"";
    let mut compared = 0;
    let mut check = |name: String, count: &Value| -> Result<()> {
        let count = count.as_f64().with_context(|| format!("no {name}"))?;
        prometheus.wait_until(&name, count)?;
        compared += 1;
        Ok(())
    };
    ensure!(over_udp["received"].as_u64() >= Some(QUERIES), "{stats}");
    for (key, name) in [
        ("received", "imrs_received_messages_total"),
        ("received_octets", "imrs_received_bytes_total"),
        ("responses", "imrs_responses_total"),
        ("response_octets", "imrs_response_bytes_total"),
        ("truncated", "imrs_truncated_responses_total"),
    ] {
        check(format!("{name}{{{labels}}}"), &over_udp[key])?;
    }
    let kinds = over_udp["kinds"].as_object().context("no kinds")?;
    for (kind, count) in kinds {
        let name = format!("imrs_outcomes_total{{{labels},kind=\"{kind}\"}}");
        check(name, count)?;
    }
    check(
        format!("imrs_rcodes_total{{{labels},rcode=\"NXDOMAIN\"}}"),
        &over_udp["rcodes"]["3"],
    )?;
    println!("metrics: {compared} numbers are those of imrs ctl stats");
    Ok(compared)
}

/// Evaluates every expression of the alerts and of the dashboard.
fn evaluate(prometheus: &Prometheus) -> Result<u64> {
    let rules = prometheus.get("/api/v1/rules")?;
    let groups = rules["data"]["groups"].as_array().context("no groups")?;
    let rules: Vec<&Value> = { groups.iter().filter_map(|group| group["rules"].as_array()) }
        .flatten()
        .collect();
    ensure!(!rules.is_empty(), "Prometheus has no alerts");
    for rule in &rules {
        let query = rule["query"].as_str().context("no query")?;
        prometheus.query(query)?;
        ensure!(rule["state"] != "firing", "fires: {rule}");
    }
    let board = fs::read(workspace::root().join("contrib/grafana/imrs.json"))?;
    let board: Value = serde_json::from_slice(&board)?;
    let panels = board["panels"].as_array().context("no panels")?;
    let targets: Vec<&Value> = {
        panels
            .iter()
            .filter_map(|panel| panel["targets"].as_array())
    }
    .flatten()
    .collect();
    let mut answered = 0;
    for target in &targets {
        let query = target["expr"].as_str().context("no expression")?;
        let query = query
            .replace("$job", "imrs")
            .replace("$instance", ".*")
            .replace("$__rate_interval", "1m");
        answered += usize::from(!prometheus.query(&query)?.is_empty());
    }
    // Encrypted DNS, primaries and the like are not there; the most is.
    ensure!(answered * 2 > targets.len(), "most panels are empty");
    println!(
        "metrics: {} alerts and {} expressions of the dashboard are good; {answered} of these have data",
        rules.len(),
        targets.len()
    );
    Ok((rules.len() + targets.len()) as u64)
}

/// A running Prometheus. Ends when dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that scrapes `endpoint` every second by the alerts that are shipped.
    fn start(endpoint: SocketAddr) -> Result<Self> {
        let folder = Daemon::directory()?;
        let rules = workspace::root().join("contrib/prometheus/imrs.rules.yml");
        let file = folder.path().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\n\
             rule_files: [\"{}\"]\nscrape_configs:\n  - job_name: imrs\n    static_configs:\n      \
             - targets: [\"{endpoint}\"]\n",
            rules.display()
        );
        fs::write(&file, text)?;
        let address = free_address()?;
        let log = fs::File::create(folder.path().join("log"))?;
        let child = tool_command("prometheus")?
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Prometheus {
            child,
            address,
            folder,
        })
    }

    /// Waits until a query gives one value, and this one.
    fn wait_until(&self, query: &str, expected: f64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let last = self.query(query);
            if matches!(last.as_deref(), Ok([value]) if *value == expected) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("{query} is {last:?} and not {expected}; the log of Prometheus:\n{log}");
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The values that a query gives now.
    fn query(&self, query: &str) -> Result<Vec<f64>> {
        let reply = self.get(&format!("/api/v1/query?query={}", escape(query)))?;
        ensure!(reply["status"] == "success", "{query}: {reply}");
        let found = reply["data"]["result"].as_array().context("no result")?;
        let values = found.iter().map(|sample| {
            let value = sample["value"][1].as_str().context("no value")?;
            Ok(value.parse()?)
        });
        values.collect()
    }

    /// What it answers to a request; HTTP/1.0, so that the end of the stream is that of the body.
    fn get(&self, path: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n",
            self.address
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (_, body) = text.split_once("\r\n\r\n").context("no response")?;
        serde_json::from_str(body).with_context(|| format!("GET {path}: {text}"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It takes its time to write down what nobody will read.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text as part of a URL.
fn escape(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02X}")).collect()
}
