//! `imrs stats report`: a day on one page, as SVG.
//!
//! The page has the proportions of A4 and colours that are told apart by those who see few of them
//! and on paper without (Okabe and Ito, "Color universal design", 2008). [`svg`] writes elements,
//! [`frame`] is what plots have in common, [`course`] draws over time, [`bars`] compares.

mod bars;
mod course;
mod frame;
mod svg;

use super::accounts::Known;
use super::figures::{grouped, short, time};
use super::{Exit, Report};
use crate::clock::span;
use crate::files::write_whole;
use anyhow::Context;
use imrs_telemetry::counts::Flow;
use imrs_telemetry::day::Account;
use svg::{Anchor, Svg};

/// Draws and writes.
pub(super) fn run(args: &Report) -> anyhow::Result<Exit> {
    let known = args.which.read()?;
    let page = draw(&known, &args.title);
    write_whole(&args.svg, page.as_bytes())
        .with_context(|| format!("cannot write {}", args.svg.display()))?;
    println!("{} is drawn in {}", known.account.day, args.svg.display());
    Ok(Exit::Well)
}

/// The page.
pub(super) fn draw(known: &Known, title: &str) -> String {
    let account = &known.account;
    let what = format!("{title}, {} (UTC)", account.day);
    let mut svg = Svg::new(WIDTH, HEIGHT, &what, &describe(account));
    svg.text(LEFT, 56.0, 26.0, Anchor::Start, "bold", title);
    let day = format!("{} (UTC)", account.day);
    svg.text(RIGHT, 56.0, 26.0, Anchor::End, "bold", &day);
    svg.text(LEFT, 80.0, 13.0, Anchor::Start, "note", &state(known));
    key_figures(&mut svg, account);
    course::volume(&mut svg, account, 190.0);
    course::rcodes(&mut svg, account, 530.0);
    bars::sizes(&mut svg, account, 824.0);
    bars::sources(&mut svg, account, 1080.0);
    bars::profiles(&mut svg, account, 1080.0);
    bars::types(&mut svg, account, 1080.0);
    notes(&mut svg, account);
    svg.finish()
}

fn describe(account: &Account) -> String {
    let [queries, responses] = sums(account);
    format!(
        "{} queries and {} responses in the course of the day, by transport, RCODE and size; their sources",
        grouped(queries),
        grouped(responses)
    )
}

fn state(known: &Known) -> String {
    let account = &known.account;
    let nodes = match account.nodes {
        1 => "one node".to_owned(),
        nodes => format!("{nodes} nodes"),
    };
    let gaps = match account.gaps.count() {
        0 => "without gaps".to_owned(),
        1 => "with one gap".to_owned(),
        count => format!("with {count} gaps"),
    };
    match known.is_sealed {
        true => format!("{nodes}, {gaps}; the day is closed"),
        false => format!(
            "{nodes}, {gaps}; the day is open and known up to {}",
            time(account.until_s)
        ),
    }
}

/// The numbers that are asked for first.
fn key_figures(svg: &mut Svg, account: &Account) {
    let [queries, responses] = sums(account);
    let lost = account.lost.queue.saturating_add(account.lost.filter);
    let seconds = account.until_s.saturating_sub(account.day.start_s()).max(1);
    let mean = queries as f64 / seconds as f64;
    let sources = &account.sources;
    let figures = [
        ("queries", short(queries as f64)),
        ("queries a second", short(mean)),
        ("responses", short(responses as f64)),
        ("lost in the kernel", short(lost as f64)),
        ("IPv4 sources", short(sources.ipv4().value as f64)),
        ("IPv6 sources", short(sources.ipv6().value as f64)),
    ];
    let step = (RIGHT - LEFT) / figures.len() as f64;
    for (at, (name, figure)) in figures.iter().enumerate() {
        let x = LEFT + step * at as f64;
        svg.text(x, 126.0, 24.0, Anchor::Start, "bold", figure);
        svg.text(x, 144.0, 12.0, Anchor::Start, "note", name);
    }
    svg.line((LEFT, 160.0), (RIGHT, 160.0), "axis");
}

/// What cannot be drawn: each gap, sources that are missing, load times.
fn notes(svg: &mut Svg, account: &Account) {
    let mut lines = Vec::new();
    let gaps = account.gaps.told();
    for gap in gaps.iter().take(GAPS_NAMED) {
        let end = match gap.to_s == account.day.end_s() {
            true => "24:00:00".to_owned(),
            false => time(gap.to_s),
        };
        lines.push(format!("Gap: {} to {end}, {}.", time(gap.from_s), gap.why));
    }
    let more = account.gaps.count().saturating_sub(GAPS_NAMED as u64);
    if more > 0 {
        let seconds = span(account.gaps.seconds());
        lines.push(format!(
            "And {more} more gaps; all together {seconds} over all nodes."
        ));
    }
    if account.sources.missed() > 0 {
        let missed = grouped(account.sources.missed());
        lines.push(format!(
            "At most {missed} sources are missing: they came faster than they were kept."
        ));
    }
    let loads = account.loads.times(account.nodes as usize);
    if !loads.is_empty() {
        let loads = loads
            .iter()
            .map(|(serial, s)| format!("{} in {s} s", serial.0));
        let loads: Vec<String> = loads.take(LOADS_NAMED).collect();
        lines.push(format!(
            "Serials served by 95 % of the nodes after their NOTIFY: {}.",
            loads.join(", ")
        ));
    }
    if lines.is_empty() {
        return;
    }
    let top = 1325.0;
    svg.line((LEFT, top - 17.0), (RIGHT, top - 17.0), "axis");
    for (at, line) in lines.iter().enumerate() {
        svg.text(
            LEFT,
            top + 15.0 * at as f64,
            11.5,
            Anchor::Start,
            "note",
            line,
        );
    }
}

/// Queries and responses over all flows.
fn sums(account: &Account) -> [u64; 2] {
    let flows = || Flow::ALL.map(|flow| account.counts.flow(flow)).into_iter();
    let queries = flows().map(|flow| flow.queries());
    let responses = flows().map(|flow| flow.responses());
    [
        queries.fold(0, u64::saturating_add),
        responses.fold(0, u64::saturating_add),
    ]
}

/// The page and what it leaves empty at the sides, in units of which A4 has 1000 across.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 1414.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 950.0;

/// Gaps that are named below the plots: what there is room for.
const GAPS_NAMED: usize = 3;

/// The same of serials.
const LOADS_NAMED: usize = 4;

const BLUE: &str = "#0072b2";
const SKY: &str = "#56b4e9";
const VERMILION: &str = "#d55e00";
const ORANGE: &str = "#e69f00";
const GREEN: &str = "#009e73";
const PURPLE: &str = "#cc79a7";
const GREY: &str = "#666666";
const BLACK: &str = "#000000";
