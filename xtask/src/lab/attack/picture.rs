//! The picture: for each server what was offered and answered, what was dropped and why, and how
//! its clients fared, over time.
//!
//! Start reading at [`draw`].

use super::meter::Point;
use super::outcome::{Means, Story, means};
use super::resolver::Class;
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

/// Draws all stories below each other into an SVG file.
pub(super) fn draw(stories: &[Story], file: &Path) -> Result<()> {
    let height = STRIPS.iter().sum::<u32>();
    let size = (WIDTH, (height * stories.len() as u32).max(1));
    let whole = SVGBackend::new(file, size).into_drawing_area();
    whole.fill(&WHITE).map_err(wrong)?;
    let seconds = stories.iter().flat_map(|story| story.points.last());
    let end = seconds
        .map(|point| point.at.as_secs_f64())
        .fold(1.0, f64::max);
    let most = stories
        .iter()
        .flat_map(rates)
        .map(|(_, means)| means.offered);
    // Equal scales, so that servers compare by eye.
    let most = most.fold(1.0, f64::max);
    for (story, area) in stories
        .iter()
        .zip(whole.split_evenly((stories.len().max(1), 1)))
    {
        let (top, rest) = area.split_vertically(STRIPS[0]);
        let (middle, bottom) = rest.split_vertically(STRIPS[1]);
        rate_strip(&top, story, end, most)?;
        reason_strip(&middle, story, end)?;
        success_strip(&bottom, story, end)?;
    }
    whole.present().map_err(wrong)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Means of each second, at its end.
fn rates(story: &Story) -> impl Iterator<Item = (f64, Means)> {
    let pairs = story.points.windows(2);
    pairs.filter_map(|pair| {
        let [one, next]: &[Point; 2] = pair.try_into().ok()?;
        Some((next.at.as_secs_f64(), means(one, next)))
    })
}

/// A line in a strip: its name and its points.
struct Line {
    name: String,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

fn rate_strip(area: &Area<'_>, story: &Story, end: f64, most: f64) -> Result<()> {
    let line = |name: &str, colour, of: fn(&Means) -> f64| Line {
        name: name.to_owned(),
        colour,
        points: rates(story)
            .map(|(at, means)| (at, of(&means) / 1e3))
            .collect(),
    };
    let lines = vec![
        line("offered by attackers", GREY, |means| means.offered),
        line("answered to them", GREEN, |means| means.answered),
    ];
    let title = format!("{}: thousands a second", story.name);
    strip(area, story, &title, (end, 0.0..most / 1e3 * 1.15), lines)
}

fn reason_strip(area: &Area<'_>, story: &Story, end: f64) -> Result<()> {
    let line = |name: &str, colour, of: &dyn Fn(&Means) -> f64| Line {
        name: name.to_owned(),
        colour,
        points: rates(story)
            .map(|(at, means)| (at, of(&means) / 1e3))
            .collect(),
    };
    let mut lines = vec![
        line("queue of the socket full", RED, &|means| means.queue_full),
        line("queue ahead of the link full", PINK, &|means| means.link),
        line("filtered in the kernel", PURPLE, &|means| means.filtered),
    ];
    let said = story.points.last().map(|point| point.reasons.clone());
    let mut said: Vec<(String, u64)> = said.unwrap_or_default().into_iter().collect();
    // What is most comes first, and as many as there are colours.
    said.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((name, count), colour) in said.into_iter().zip(COLOURS) {
        if count > 0 {
            let of = |means: &Means| means.reasons.get(&name).copied().unwrap_or(0.0);
            lines.push(line(&format!("the server: {name}"), colour, &of));
        }
    }
    let points = lines.iter().flat_map(|line| &line.points);
    let most = points.map(|(_, count)| *count).fold(1.0, f64::max);
    let title = format!(
        "{}: not answered, by reason, thousands a second",
        story.name
    );
    strip(area, story, &title, (end, 0.0..most * 1.15), lines)
}

fn success_strip(area: &Area<'_>, story: &Story, end: f64) -> Result<()> {
    let line = |name: &str, colour, class: Class| {
        let second = |second: u64| {
            let (from, to) = (Duration::from_secs(second), Duration::from_secs(second + 1));
            let success = story.success(&[class], from, to);
            (success.asked > 0).then_some((second as f64 + 0.5, success.share() * 100.0))
        };
        Line {
            name: name.to_owned(),
            colour,
            points: (0..end as u64).filter_map(second).collect(),
        }
    };
    let lines = vec![
        line("strangers with cookies", PINK, Class::NewCookied),
        line("strangers without", GREY, Class::NewUncookied),
        line("known resolvers with cookies", GREEN, Class::Cookied),
        line("known resolvers without", BLUE, Class::Uncookied),
        line("new clients by TCP", ORANGE, Class::Tcp),
    ];
    let title = format!("{}: clients answered, in per cent", story.name);
    strip(area, story, &title, (end, 0.0..115.0), lines)
}

/// Lines over time, with the scenes behind them.
fn strip(
    area: &Area<'_>,
    story: &Story,
    title: &str,
    (end, values): (f64, std::ops::Range<f64>),
    lines: Vec<Line>,
) -> Result<()> {
    let top = values.end;
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .caption(title, ("sans-serif", 15))
        .set_label_area_size(LabelAreaPosition::Left, 52)
        .set_label_area_size(LabelAreaPosition::Bottom, 22)
        .build_cartesian_2d(0.0..end * LEGEND, values)
        .map_err(wrong)?;
    for span in &story.spans {
        let (from, to) = (span.from.as_secs_f64(), span.to.as_secs_f64());
        let band = Rectangle::new([(from, 0.0), (to, top)], GREY.mix(0.13).filled());
        let name = Text::new(
            span.scene.name.clone(),
            (from, top * 0.99),
            ("sans-serif", 10),
        );
        chart.draw_series([band]).map_err(wrong)?;
        chart.draw_series([name]).map_err(wrong)?;
    }
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|second| format!("{second:.0} s"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()
        .map_err(wrong)?;
    for Line {
        name,
        colour,
        points,
    } in lines
    {
        // Who was away for a while has no line there.
        let runs = points.chunk_by(|one, next| next.0 - one.0 < GAP);
        let lines = runs.map(|run| PathElement::new(run.to_vec(), colour.stroke_width(2)));
        chart
            .draw_series(lines)
            .map_err(wrong)?
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 3), (x + 14, y + 3)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .margin(16)
        .label_font(("sans-serif", 11))
        .background_style(WHITE.mix(0.8))
        .draw()
        .map_err(wrong)
}

/// The errors of the library refer to the canvas, which ends before they are told.
fn wrong(error: impl Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

/// Of the picture.
const WIDTH: u32 = 1600;

/// The time axis is so much longer than the time, for the legend.
const LEGEND: f64 = 1.14;

/// Seconds between two points that belong together are fewer.
const GAP: f64 = 2.5;

/// Heights of the strips of a server.
const STRIPS: [u32; 3] = [230, 190, 190];

const GREY: RGBColor = RGBColor(90, 90, 90);
const GREEN: RGBColor = RGBColor(20, 140, 60);
const BLUE: RGBColor = RGBColor(30, 90, 200);
const ORANGE: RGBColor = RGBColor(220, 120, 0);
const RED: RGBColor = RGBColor(200, 30, 30);
const PINK: RGBColor = RGBColor(240, 130, 170);
const PURPLE: RGBColor = RGBColor(130, 50, 160);

/// Of what servers say.
const COLOURS: [RGBColor; 5] = [
    ORANGE,
    BLUE,
    GREEN,
    RGBColor(120, 90, 40),
    RGBColor(0, 150, 160),
];
