//! `imrs check-config`: what `imrs serve` would say of a configuration, without serving.

use super::{Exit, Serve};
use crate::capture;
use crate::chain;
use crate::config::anycast::Anycast;
use crate::config::capture::{Capture, Sink};
use crate::config::{Config, ConfigError, Primary, Reach, Zone};
use crate::guard;
use crate::hosting::trust;
use crate::sandbox::User;
use crate::serve::plan::Plan;
use imrs_wire::Family;
use std::path::Path;

/// What was found good.
pub(super) struct Examined {
    /// The configuration.
    pub(super) config: Config,
    plan: Plan,
    user: Option<User>,
    reach: Reach,
}

/// Reads the configuration and the trust anchors, and opens the zone files; the first mistake is
/// the error. What is in the zone files is the matter of `imrs zone check`.
pub(super) fn examine(file: &Path) -> anyhow::Result<Examined> {
    let config = Config::read(file)?;
    config.check_files(file)?;
    config.read_passwords(file)?;
    let user = config.user(file)?;
    let reach = config.check_reach(file, user.as_ref())?;
    let plan = Plan::new(&Serve {
        config: Some(file.to_owned()),
        ..Serve::default()
    })?;
    for source in &plan.sources {
        if let Some(name) = &source.name {
            trust::basis(source, &plan.anchors, name, &[])
                .map_err(|error| ConfigError::of_options(chain(&error)))?;
        }
    }
    guard::check(&config.defence)
        .map_err(|error| ConfigError::of_options(chain(error.as_ref())))?;
    capture::check(&config.captures).map_err(|error| ConfigError::of_options(chain(&error)))?;
    Ok(Examined {
        config,
        plan,
        user,
        reach,
    })
}

/// Examines the configuration and prints what it says.
pub(super) fn run(file: &Path) -> anyhow::Result<Exit> {
    let Examined {
        config,
        plan,
        user,
        reach,
    } = examine(file)?;
    let listen: Vec<String> = { plan.settings.listen.iter() }
        .map(ToString::to_string)
        .collect();
    println!("{}: good", file.display());
    println!("listen   {}", listen.join(", "));
    println!("workers  {}", plan.settings.workers);
    if let Some(tls) = &config.transfer.tls {
        let listen: Vec<String> = tls.listen.iter().map(ToString::to_string).collect();
        println!("tls      {}, for transfers", listen.join(", "));
    }
    if let Some(encrypted) = &config.encrypted {
        for (what, addresses) in [("tls", &encrypted.tls), ("quic", &encrypted.quic)] {
            let listen: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            if !listen.is_empty() {
                println!("{what:8} {}, for DNS", listen.join(", "));
            }
        }
    }
    if let Some(metrics) = &config.metrics {
        let listen = metrics.listen.iter().map(ToString::to_string);
        let socket = metrics.socket.iter().map(|path| path.display().to_string());
        let all: Vec<String> = listen.chain(socket).collect();
        println!("metrics  {}", all.join(", "));
    }
    for capture in &config.captures {
        println!("capture  {} {}", capture.name, destination(capture));
    }
    for line in { config.anycast.iter() }.flat_map(announced) {
        println!("announce {line}");
    }
    if plan.is_test {
        println!("zones    the test root, made in memory");
    }
    for zone in &config.zones {
        let name = zone.name.get_ref().0.fmt_with_dot();
        println!("zone     {name} {}", origin(zone));
    }
    let unknown = match (&user, reach) {
        (Some(user), Reach::NotTried) => Some(format!(
            "what user {0} can read was not tried; run this as root or as {0}",
            user.name()
        )),
        _ => None,
    };
    for note in notes(file, &config).into_iter().chain(unknown) {
        println!("note     {note}");
    }
    Ok(Exit::Well)
}

/// What is announced to whom, in words: a line for each family.
fn announced(anycast: &Anycast) -> Vec<String> {
    let mut lines = Vec::new();
    for family in Family::ALL {
        let prefixes: Vec<String> = { anycast.prefixes_of(family) }
            .map(|prefix| prefix.to_string())
            .collect();
        let neighbors: Vec<String> = { anycast.neighbors_of(family) }
            .map(|neighbor| format!("{} (AS{})", neighbor.name, neighbor.asn))
            .collect();
        if !prefixes.is_empty() {
            let (prefixes, neighbors) = (prefixes.join(", "), neighbors.join(", "));
            lines.push(format!("{prefixes} as AS{} to {neighbors}", anycast.asn));
        }
    }
    lines
}

/// Where a capture goes, in words.
fn destination(capture: &Capture) -> String {
    match &capture.sink {
        Sink::Files(files) => format!("into {}", files.directory.display()),
        Sink::Unix(path) => format!("to {}", path.display()),
        Sink::Tcp(address) => format!("to {address}"),
    }
}

/// Where a zone comes from, in words.
fn origin(zone: &Zone) -> String {
    let transfers = &zone.transfers;
    if let Some(file) = &zone.file {
        return format!("of {}", file.get_ref().display());
    }
    let primaries: Vec<String> = transfers.primaries.iter().map(primary).collect();
    match (transfers.is_public, primaries.as_slice()) {
        (true, [first, others @ ..]) => format!(
            "from the public service: {first} and {} other addresses",
            others.len()
        ),
        _ => format!("from {}", primaries.join(", ")),
    }
}

fn primary(primary: &Primary) -> String {
    let key = { primary.key.as_ref() }.map(|key| format!("key {}", key.name()));
    let tls = { primary.tls.as_ref() }.map(|tls| format!("tls {}", tls.name));
    let words: Vec<String> = key.into_iter().chain(tls).collect();
    match words.is_empty() {
        true => primary.address.to_string(),
        false => format!("{} ({})", primary.address, words.join(", ")),
    }
}

/// What is no mistake and may yet not be meant.
fn notes(file: &Path, config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    let is_fetched = config.zones.iter().any(|zone| zone.file.is_none());
    if is_fetched && config.node.state.is_none() {
        notes.push(
            "without `state` in [node] nothing that is fetched outlives the server".to_owned(),
        );
    }
    if config.bares_secrets(file) {
        let file = file.display();
        notes.push(format!(
            "{file} holds a secret and every user can read it; run chmod o= {file}, or use \
             `secret-file`"
        ));
    }
    notes
}
