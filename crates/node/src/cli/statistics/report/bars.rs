//! Comparisons: sizes of messages, sources, what queries say of themselves, query types.

use super::super::figures::{grouped, method, percent, qtype};
use super::frame::{Frame, Layer, heading, round_top};
use super::svg::{Anchor, Svg};
use super::{BLUE, GREEN, LEFT, ORANGE, RIGHT, SKY};
use imrs_telemetry::counts::{Buffer, Flow, FlowCounts, Profile, Transport};
use imrs_telemetry::day::Account;
use imrs_telemetry::limits::BIN_OCTETS;
use std::collections::BTreeMap;

/// Both histograms of sizes beside each other.
pub(super) fn sizes(svg: &mut Svg, account: &Account, top: f64) {
    let layers = [("UDP", BLUE), ("TCP", ORANGE), ("TLS and QUIC", GREEN)];
    let legend = layers.map(|(name, fill)| Layer {
        name: name.to_owned(),
        fill,
    });
    let width = (RIGHT - LEFT - 40.0) / 2.0;
    for (at, (title, bins)) in [
        ("Requests by octets", requests as Bins),
        ("Responses by octets", responses as Bins),
    ]
    .into_iter()
    .enumerate()
    {
        let left = LEFT + (width + 40.0) * at as f64;
        heading(svg, (left, top), title, &legend);
        let of = |transports: &[Transport]| stacked(account, transports, bins);
        let stacks = [
            of(&[Transport::Udp]),
            of(&[Transport::Tcp]),
            of(&[Transport::Tls, Transport::Quic]),
        ];
        let colours = layers.map(|(_, fill)| fill);
        histogram(
            svg,
            (left + 46.0, top + 40.0),
            width - 46.0,
            &stacks,
            colours,
        );
    }
}

type Bins = for<'a> fn(FlowCounts<'a>) -> &'a [u64];

fn requests(counts: FlowCounts<'_>) -> &[u64] {
    counts.request_sizes()
}

fn responses(counts: FlowCounts<'_>) -> &[u64] {
    counts.response_sizes()
}

/// The bins of some transports together.
fn stacked(account: &Account, transports: &[Transport], bins: Bins) -> Vec<u64> {
    let flows = transports
        .iter()
        .flat_map(|own| account.counts.transport(*own));
    let mut sums = Vec::new();
    for own in flows.map(bins) {
        sums.resize(own.len().max(sums.len()), 0_u64);
        for (sum, count) in sums.iter_mut().zip(own) {
            *sum = sum.saturating_add(*count);
        }
    }
    sums
}

/// Bars of bins as shares of all messages, up to where next to none are longer; these together are
/// the last bar.
fn histogram(
    svg: &mut Svg,
    (left, top): (f64, f64),
    width: f64,
    stacks: &[Vec<u64>; 3],
    colours: [&str; 3],
) {
    let bins = stacks.iter().map(Vec::len).max().unwrap_or(0);
    let at = |stack: &[u64], bin: usize| stack.get(bin).copied().unwrap_or(0);
    let all = |bin: usize| {
        stacks
            .iter()
            .map(|stack| at(stack, bin))
            .fold(0, u64::saturating_add)
    };
    let whole = (0..bins).map(all).fold(0, u64::saturating_add);
    let last = last_bin(bins, whole, all);
    let count = |stack: &[u64], bin: usize| match bin == last {
        true => stack
            .iter()
            .skip(last)
            .copied()
            .fold(0, u64::saturating_add),
        false => at(stack, bin),
    };
    let share = |messages: u64| messages as f64 * 100.0 / whole.max(1) as f64;
    let sums = (0..=last).map(|bin| {
        let counts = stacks.iter().map(|stack| share(count(stack, bin)));
        counts.sum::<f64>()
    });
    let frame = Frame {
        left,
        top,
        width,
        height: 160.0,
        most: round_top(sums.fold(0.0, f64::max)),
    };
    frame.scale(svg, " %");
    let step = width / (last + 1) as f64;
    for bin in 0..=last {
        let mut base = 0.0;
        let range = match bin == last {
            true => format!("{} octets and more", bin * BIN_OCTETS),
            false => format!(
                "{} to {} octets",
                bin * BIN_OCTETS,
                (bin + 1) * BIN_OCTETS - 1
            ),
        };
        for (stack, fill) in stacks.iter().zip(colours) {
            let messages = count(stack, bin);
            if messages == 0 {
                continue;
            }
            let next = base + share(messages);
            let (high, low) = (frame.y(next), frame.y(base));
            let told = format!("{range}: {} messages", grouped(messages));
            let gap = (step * 0.12).min(1.5);
            let x = left + step * bin as f64;
            svg.rect((x + gap / 2.0, high), (step - gap, low - high), fill, &told);
            base = next;
        }
    }
    octets(svg, &frame, step, last);
}

/// The bin from which on one in a thousand messages are, or fewer; where round octets begin.
fn last_bin(bins: usize, whole: u64, all: impl Fn(usize) -> u64) -> usize {
    let mut rest = whole;
    let mut end = 0;
    while end < bins && rest > whole / 1000 {
        rest = rest.saturating_sub(all(end));
        end += 1;
    }
    let round = if end <= 18 { 2 } else { 16 };
    end.next_multiple_of(round)
        .max(8)
        .min(bins.saturating_sub(1))
}

fn octets(svg: &mut Svg, frame: &Frame, step: f64, last: usize) {
    let every = [2_usize, 4, 8, 16, 32, 64]
        .into_iter()
        .find(|every| step * *every as f64 >= 38.0);
    let every = every.unwrap_or(64);
    let right = frame.left + frame.width;
    for bin in (0..=last).step_by(every) {
        let x = frame.left + step * bin as f64;
        // The label of the last bar is there.
        if x > right - 112.0 {
            break;
        }
        svg.line((x, frame.bottom()), (x, frame.bottom() + 4.0), "axis");
        let label = (bin * BIN_OCTETS).to_string();
        svg.text(
            x,
            frame.bottom() + 17.0,
            11.5,
            Anchor::Middle,
            "note",
            &label,
        );
    }
    let label = format!("{} and more", last * BIN_OCTETS);
    svg.text(
        right,
        frame.bottom() + 17.0,
        11.5,
        Anchor::End,
        "note",
        &label,
    );
}

/// How many sources there were, each with how they were counted.
pub(super) fn sources(svg: &mut Svg, account: &Account, top: f64) {
    let sources = &account.sources;
    let rows = [
        ("IPv4", sources.ipv4()),
        ("IPv6", sources.ipv6()),
        ("IPv6 /64", sources.prefixes()),
    ];
    let most = rows
        .iter()
        .map(|(_, figure)| figure.value)
        .max()
        .unwrap_or(0);
    let rows = rows.map(|(name, figure)| Row {
        name: name.to_owned(),
        share: figure.value as f64 / most.max(1) as f64,
        told: format!("{} ({})", grouped(figure.value), method(figure)),
    });
    list(svg, (LEFT, top), 270.0, "Sources", &rows, BLUE);
}

/// What queries say of themselves.
pub(super) fn profiles(svg: &mut Svg, account: &Account, top: f64) {
    let flows = Flow::ALL.map(|flow| account.counts.flow(flow));
    let whole = sum(&flows, |flow| flow.queries());
    let row = |name: &str, holds: fn(Profile) -> bool| {
        let queries = sum(&flows, |flow| flow.queries_where(holds));
        Row {
            name: name.to_owned(),
            share: queries as f64 / whole.max(1) as f64,
            told: percent(queries, whole),
        }
    };
    let rows = [
        row("EDNS", |own| own.buffer != Buffer::NoEdns),
        row("DO", |own| own.dnssec),
        row("cookie", |own| own.cookie),
        row("RD", |own| own.recursion_desired),
        row("CD", |own| own.checking_disabled),
        row("NSID", |own| own.nsid),
        row("takes up to 512", |own| own.buffer <= Buffer::UpTo512),
        row("takes 1232", |own| own.buffer == Buffer::Exactly1232),
        row("takes 4096", |own| own.buffer == Buffer::Exactly4096),
    ];
    list(svg, (365.0, top), 270.0, "Queries with", &rows, SKY);
}

/// Queries by type, those that are most.
pub(super) fn types(svg: &mut Svg, account: &Account, top: f64) {
    let flows = Flow::ALL.map(|flow| account.counts.flow(flow));
    let whole = sum(&flows, |flow| flow.queries());
    let mut types: BTreeMap<_, u64> = BTreeMap::new();
    for (own, questions) in flows.iter().flat_map(|flow| flow.qtypes()) {
        let sum = types.entry(own).or_default();
        *sum = sum.saturating_add(questions.total());
    }
    let mut types: Vec<_> = types.into_iter().collect();
    types.sort_by_key(|(_, queries)| std::cmp::Reverse(*queries));
    let rows = types.iter().take(TYPES).map(|(own, queries)| Row {
        name: qtype(*own),
        share: *queries as f64 / whole.max(1) as f64,
        told: percent(*queries, whole),
    });
    let rows: Vec<Row> = rows.collect();
    list(svg, (680.0, top), 270.0, "Queries by type", &rows, ORANGE);
}

/// A bar with its name before and its figure behind it.
struct Row {
    name: String,
    /// The length of the bar, of 1.
    share: f64,
    told: String,
}

fn list(svg: &mut Svg, (x, top): (f64, f64), width: f64, title: &str, rows: &[Row], fill: &str) {
    heading(svg, (x, top), title, &[]);
    let is_wide = rows.iter().any(|row| row.told.len() > 12);
    for (at, row) in rows.iter().enumerate() {
        // A long figure stands above its bar.
        let (height, from) = if is_wide {
            (44.0, x)
        } else {
            (21.5, x + 100.0)
        };
        let y = top + 24.0 + height * at as f64;
        let room = if is_wide { width } else { width - 156.0 };
        svg.text(x, y + 6.0, 12.0, Anchor::Start, "", &row.name);
        let told = format!("{}: {}", row.name, row.told);
        let bar = if is_wide { y + 12.0 } else { y - 4.0 };
        svg.rect((from, bar), (room, 13.0), "#eeeeee", &told);
        svg.rect((from, bar), (room * row.share.min(1.0), 13.0), fill, &told);
        svg.text(x + width, y + 6.0, 12.0, Anchor::End, "", &row.told);
    }
}

fn sum(flows: &[FlowCounts<'_>], of: impl Fn(FlowCounts<'_>) -> u64) -> u64 {
    flows
        .iter()
        .map(|flow| of(*flow))
        .fold(0, u64::saturating_add)
}

/// Types that are shown: what there is room for.
const TYPES: usize = 9;
