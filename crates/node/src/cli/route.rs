//! `imrs route`: the keeper, and what can be asked of it and done without it.

use super::{Exit, Output, Route, RouteCommand};
use crate::config::Config;
use crate::route::hand::{Withdrawn, bird_conf, withdraw};
use crate::route::v1::{Bird, Reply, Report, SCHEMA, Stand, Told};
use crate::route::{Link, keeper};
use anyhow::Context;
use imrs_fleet::anycast;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Runs the keeper, or does what is asked.
pub(super) fn run(args: &Route) -> anyhow::Result<Exit> {
    let file = &args.config;
    match args.command {
        None => {
            crate::log::start(args.log);
            keeper::run(file)?;
            Ok(Exit::Well)
        }
        Some(RouteCommand::Show { output }) => show(file, output),
        Some(RouteCommand::Withdraw) => {
            println!(
                "{}",
                match withdraw(file)? {
                    Withdrawn::Done => "BIRD announces nothing, until a keeper tells it to",
                    Withdrawn::NoBird => "BIRD does not run, so it announces nothing",
                }
            );
            Ok(Exit::Well)
        }
        Some(RouteCommand::Config { announced }) => {
            let stand = match announced {
                true => anycast::Stand::Announced,
                false => anycast::Stand::Withdrawn,
            };
            std::io::stdout().write_all(bird_conf(file, stand)?.as_bytes())?;
            Ok(Exit::Well)
        }
    }
}

fn show(file: &Path, output: Output) -> anyhow::Result<Exit> {
    let config = Config::read(file)?;
    let anycast = { config.anycast }.context("there is no [anycast] in the configuration")?;
    let path = &anycast.keeper;
    let report = Link::open(path)
        .and_then(|mut link| link.show())
        .with_context(|| format!("the keeper does not answer on {}", path.display()))?;
    let exit = exit_of(&report);
    let text = match output {
        Output::Text => text(&report),
        Output::Json => {
            let told = Told {
                schema: SCHEMA.to_owned(),
                reply: Reply::Report(report),
            };
            serde_json::to_string_pretty(&told)? + "\n"
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(exit)
}

fn exit_of(report: &Report) -> Exit {
    let mut neighbors = report.neighbors.iter();
    let is_well = report.bird == Bird::Up
        && report.trouble.is_none()
        && neighbors.all(|neighbor| neighbor.state == "established");
    if is_well { Exit::Well } else { Exit::Degraded }
}

/// A report for people.
fn text(report: &Report) -> String {
    let mut out = String::new();
    let bird = match report.bird {
        Bird::Up => "answers",
        Bird::Down => "does not answer",
    };
    // Writing to a String does not fail.
    let _ = writeln!(out, "BIRD  {bird}");
    let _ = writeln!(out, "IPv4  {}", stand(report.ipv4));
    let _ = writeln!(out, "IPv6  {}", stand(report.ipv6));
    for neighbor in &report.neighbors {
        let _ = writeln!(
            out,
            "\n{}  {} AS{}\n  session   {}{}\n  BFD       {}\n  stand     {}\n  routes    {} told, {} heard",
            neighbor.name,
            neighbor.address,
            neighbor.asn,
            neighbor.state,
            { neighbor.since.as_ref() }.map_or(String::new(), |since| format!(" since {since}")),
            neighbor.bfd.as_deref().unwrap_or("none"),
            stand(neighbor.stand),
            neighbor.exported,
            neighbor.imported,
        );
        if let Some(trouble) = &neighbor.trouble {
            let _ = writeln!(out, "  last error  {trouble}");
        }
    }
    for (name, message) in [("pending", &report.pending), ("trouble", &report.trouble)] {
        if let Some(message) = message {
            let _ = writeln!(out, "\n{name}  {message}");
        }
    }
    out
}

fn stand(stand: Stand) -> &'static str {
    match stand {
        Stand::Withdrawn => "withdrawn",
        Stand::Leaving => "leaving (GRACEFUL_SHUTDOWN)",
        Stand::Announced => "announced",
    }
}
