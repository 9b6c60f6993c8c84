//! The course of a day: queries by transport and responses by RCODE, five minutes a step, with gaps
//! over them.

use super::super::figures::{grouped, percent, time};
use super::frame::{Frame, Layer, heading, round_top};
use super::svg::{Anchor, Svg};
use super::{BLACK, BLUE, GREEN, GREY, LEFT, ORANGE, PURPLE, RIGHT, SKY, VERMILION};
use imrs_telemetry::counts::{Flow, Transport};
use imrs_telemetry::day::{Account, Curve, Gap, RcodeClass, Slot};
use imrs_telemetry::limits::CURVE_SLOT_S;
use imrs_wire::Family;
use std::fmt::Write;

/// One layer of a stack.
struct Series {
    name: &'static str,
    fill: &'static str,
    of: Box<dyn Fn(&Slot) -> u64>,
}

/// Queries a second.
pub(super) fn volume(svg: &mut Svg, account: &Account, top: f64) {
    let flow = |name, fill, transport, family| Series {
        name,
        fill,
        of: Box::new(move |slot| slot.queries(Flow::new(transport, family))),
    };
    let encrypted = |name, fill, transport| Series {
        name,
        fill,
        of: Box::new(move |slot| {
            let of = |family| slot.queries(Flow::new(transport, family));
            of(Family::V4).saturating_add(of(Family::V6))
        }),
    };
    let series = vec![
        flow("UDP IPv4", BLUE, Transport::Udp, Family::V4),
        flow("UDP IPv6", SKY, Transport::Udp, Family::V6),
        flow("TCP IPv4", VERMILION, Transport::Tcp, Family::V4),
        flow("TCP IPv6", ORANGE, Transport::Tcp, Family::V6),
        encrypted("TLS", GREEN, Transport::Tls),
        encrypted("QUIC", PURPLE, Transport::Quic),
    ];
    if account.curve.slots().iter().all(|slot| slot.lost() == 0) {
        return stack(svg, account, (top, 256.0), "Queries a second", series);
    }
    // What is lost in an attack can be many times what is answered: it has a scale of its own.
    let lost = vec![Series {
        name: "lost in the kernel",
        fill: BLACK,
        of: Box::new(Slot::lost),
    }];
    stack(svg, account, (top, 146.0), "Queries a second", series);
    let title = "Beside these, a second";
    stack(svg, account, (top + 230.0, STRIP), title, lost);
}

/// Responses a second.
pub(super) fn rcodes(svg: &mut Svg, account: &Account, top: f64) {
    let class = |name, fill, class| Series {
        name,
        fill,
        of: Box::new(move |slot| slot.responses(class)),
    };
    let series = vec![
        class("NOERROR", GREEN, RcodeClass::NoError),
        class("NXDOMAIN", ORANGE, RcodeClass::NxDomain),
        class("REFUSED", PURPLE, RcodeClass::Refused),
        class("FORMERR", SKY, RcodeClass::FormErr),
        class("SERVFAIL", VERMILION, RcodeClass::ServFail),
        class("other", GREY, RcodeClass::Other),
    ];
    let title = "Responses a second by RCODE";
    stack(svg, account, (top, 210.0), title, series);
}

fn stack(
    svg: &mut Svg,
    account: &Account,
    (top, height): (f64, f64),
    title: &str,
    series: Vec<Series>,
) {
    let slots = known_slots(account);
    let total = |one: &Series| {
        let counts = account.curve.slots().iter().map(&one.of);
        counts.fold(0, u64::saturating_add)
    };
    let series: Vec<(Series, u64)> = series
        .into_iter()
        .map(|one| {
            let sum = total(&one);
            (one, sum)
        })
        .filter(|(_, sum)| *sum > 0)
        .collect();
    let whole = series
        .iter()
        .map(|(_, sum)| *sum)
        .fold(0, u64::saturating_add);
    let legend = series.iter().map(|(one, sum)| Layer {
        name: match series.len() {
            1 => format!("{}: {}", one.name, grouped(*sum)),
            _ => format!("{} {}", one.name, percent(*sum, whole)),
        },
        fill: one.fill,
    });
    heading(svg, (LEFT, top), title, &legend.collect::<Vec<_>>());
    let rates = |slot: &(&Slot, f64)| {
        let counts = series.iter().map(|(one, _)| (one.of)(slot.0));
        counts.fold(0, u64::saturating_add) as f64 / slot.1
    };
    let frame = Frame {
        left: LEFT + 46.0,
        top: top + 44.0,
        width: RIGHT - LEFT - 46.0,
        height,
        most: round_top(slots.iter().map(rates).fold(0.0, f64::max)),
    };
    frame.scale(svg, "");
    if series.is_empty() {
        let middle = (
            frame.left + frame.width / 2.0,
            frame.top + frame.height / 2.0,
        );
        svg.text(middle.0, middle.1, 14.0, Anchor::Middle, "note", "none");
    }
    let mut base = vec![0.0; slots.len()];
    for (one, sum) in &series {
        let tops: Vec<f64> = slots
            .iter()
            .zip(&base)
            .map(|((slot, seconds), base)| base + (one.of)(slot) as f64 / seconds)
            .collect();
        let told = format!("{}: {} in all", one.name, grouped(*sum));
        svg.shape(&area(&frame, &base, &tops), one.fill, &told);
        base = tops;
    }
    gaps(svg, &frame, account);
    if height > STRIP {
        hours(svg, &frame);
    }
}

/// The slots that are known, each with the seconds that it has up to the end of what is known.
fn known_slots(account: &Account) -> Vec<(&Slot, f64)> {
    let known_s = account.until_s.saturating_sub(account.day.start_s());
    let slots = (0..).zip(account.curve.slots());
    let known = slots.filter_map(|(at, slot)| {
        let seconds = known_s.saturating_sub(at * CURVE_SLOT_S).min(CURVE_SLOT_S);
        // A few seconds make no rate.
        (seconds >= CURVE_SLOT_S / 10).then_some((slot, seconds as f64))
    });
    known.collect()
}

/// Steps along the tops, and back along the bases.
fn area(frame: &Frame, bases: &[f64], tops: &[f64]) -> String {
    let step = frame.width / Curve::SLOTS as f64;
    let x = |slot: usize| frame.left + step * slot as f64;
    let mut path = String::new();
    let mut put = |text: std::fmt::Arguments<'_>| {
        path.write_fmt(text)
            .expect("a string takes all that is written");
    };
    put(format_args!("M{:.1} {:.1}", x(0), frame.bottom()));
    for (slot, value) in tops.iter().enumerate() {
        put(format_args!("V{:.1}H{:.1}", frame.y(*value), x(slot + 1)));
    }
    for (slot, value) in bases.iter().enumerate().rev() {
        put(format_args!("V{:.1}H{:.1}", frame.y(*value), x(slot)));
    }
    put(format_args!("Z"));
    path
}

/// Shades each gap and names the longest.
fn gaps(svg: &mut Svg, frame: &Frame, account: &Account) {
    let x = |unix_s: u64| {
        let second = unix_s.saturating_sub(account.day.start_s()).min(DAY_S);
        frame.left + frame.width * second as f64 / DAY_S as f64
    };
    let told = account.gaps.told();
    for gap in told {
        let (from, to) = (x(gap.from_s), x(gap.to_s));
        // A gap without length, or a short one, is seen all the same.
        let width = (to - from).max(1.5);
        let name = format!("{} to {}: {}", time(gap.from_s), time(gap.to_s), gap.why);
        let strength = (1.0 / f64::from(account.nodes.max(1))).max(0.15);
        svg.hatch((from, frame.top), (width, frame.height), strength, &name);
    }
    let mut longest: Vec<&Gap> = told.iter().collect();
    longest.sort_by_key(|gap| std::cmp::Reverse(gap.seconds()));
    let mut free: Vec<(f64, f64)> = Vec::new();
    for gap in longest {
        let name = gap.why.to_string();
        let half = 3.2 * name.chars().count() as f64;
        let middle = (x(gap.from_s) + x(gap.to_s)) / 2.0;
        let middle = middle.clamp(frame.left + half, frame.left + frame.width - half);
        let is_free = free
            .iter()
            .all(|(from, to)| middle + half < *from || middle - half > *to);
        if is_free && frame.height > STRIP {
            svg.text(middle, frame.top - 3.0, 11.0, Anchor::Middle, "note", &name);
            free.push((middle - half, middle + half));
        }
    }
}

fn hours(svg: &mut Svg, frame: &Frame) {
    for hour in (0..=24).step_by(3) {
        let x = frame.left + frame.width * f64::from(hour) / 24.0;
        svg.line((x, frame.bottom()), (x, frame.bottom() + 4.0), "axis");
        let label = format!("{hour:02}:00");
        svg.text(
            x,
            frame.bottom() + 17.0,
            11.5,
            Anchor::Middle,
            "note",
            &label,
        );
    }
}

/// The height of a plot that has its hours and the names of its gaps from the one above.
const STRIP: f64 = 36.0;

const DAY_S: u64 = 86_400;
