//! The picture of a failover: queries a second by who answers them, over time, and what is lost.
//!
//! Start reading at [`Film::draw`].

use super::load::Asked;
use super::measure::{Span, rates};
use super::plan::Place;
use super::query::By;
use crate::lab::transcript::Told;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

/// What was seen of one scene.
#[derive(Clone, Debug)]
pub(super) struct Film {
    /// What it is called.
    pub(super) title: String,
    /// All queries of the clients of the Cluster.
    pub(super) asked: Vec<Asked>,
    /// What was told meanwhile.
    pub(super) told: Vec<Told>,
    /// From when to when.
    pub(super) span: Span,
}

/// Draws films below each other into an SVG file.
pub(super) fn draw(films: &[Film], file: &Path) -> Result<()> {
    let size = (WIDTH, HEIGHT * films.len().max(1) as u32);
    let whole = SVGBackend::new(file, size).into_drawing_area();
    whole.fill(&WHITE).map_err(wrong)?;
    let areas = whole.split_evenly((films.len().max(1), 1));
    for (film, area) in films.iter().zip(areas) {
        film.draw(&area)?;
    }
    whole.present().map_err(wrong)
}

impl Film {
    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<()> {
        let rates = rates(&self.asked, self.span, STEP);
        let points = rates.values().flatten();
        let most = points.map(|(_, rate)| *rate).fold(1.0, f64::max);
        let end = (self.span.to - self.span.from).as_secs_f64();
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .caption(&self.title, ("sans-serif", 15))
            .set_label_area_size(LabelAreaPosition::Left, 52)
            .set_label_area_size(LabelAreaPosition::Bottom, 22)
            .build_cartesian_2d(0.0..end * LEGEND, 0.0..most * ROOM)
            .map_err(wrong)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(LABELS)
            .x_label_formatter(&|second| format!("{second:.1} s"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .y_desc("queries a second")
            .draw()
            .map_err(wrong)?;
        for (by, points) in rates {
            let (name, colour) = look(by);
            chart
                .draw_series([PathElement::new(points, colour.stroke_width(2))])
                .map_err(wrong)?
                .label(name)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 3), (x + 14, y + 3)], colour.filled())
                });
        }
        let mut free_from = [0.0_f64; ROWS];
        for told in &self.told {
            let at = (told.at - self.span.from).as_secs_f64();
            let line = PathElement::new([(at, 0.0), (at, most * ROOM)], GREY);
            let text = format!(" {} {}", told.who, told.what);
            let is_free = |free: &f64| *free <= at;
            let row = free_from.iter().position(is_free);
            // Where all are taken, what is told last is covered least.
            let soonest =
                || (0..ROWS).min_by(|one, next| free_from[*one].total_cmp(&free_from[*next]));
            let row = row.or_else(soonest).unwrap_or(0);
            free_from[row] = at + text.len() as f64 * end * LEGEND * CHARACTER;
            let place = (at, most * (ROOM - 0.02 - 0.09 * row as f64));
            let text = Text::new(text, place, ("sans-serif", 10).into_font());
            chart.draw_series([line]).map_err(wrong)?;
            chart.draw_series([text]).map_err(wrong)?;
        }
        let is_lost = |one: &&Asked| one.answered.is_none() && self.span.has(one.sent);
        let lost = self.asked.iter().filter(is_lost);
        let at = lost.map(|one| (one.sent - self.span.from).as_secs_f64());
        let marks: Vec<_> = at
            .map(|at| Cross::new((at, most * 0.03), 3, BLACK))
            .collect();
        chart
            .draw_series(marks)
            .map_err(wrong)?
            .label("a lost query")
            .legend(|(x, y)| Cross::new((x + 7, y), 3, BLACK));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::MiddleRight)
            .margin(16)
            .label_font(("sans-serif", 11))
            .background_style(WHITE.mix(0.8))
            .draw()
            .map_err(wrong)
    }
}

fn look(by: By) -> (String, RGBColor) {
    match by {
        By::Node(place) => (place.identity().unwrap_or("?").to_owned(), colour(place)),
        By::Falsifier => ("a falsified copy".to_owned(), RGBColor(200, 30, 30)),
        By::Nobody => ("somebody unknown".to_owned(), RGBColor(90, 90, 90)),
    }
}

fn colour(place: Place) -> RGBColor {
    match place {
        Place::N1 => RGBColor(30, 90, 200),
        Place::N2 => RGBColor(220, 120, 0),
        Place::N3 => RGBColor(20, 140, 60),
        Place::N4 => RGBColor(130, 50, 160),
        Place::SingleA => RGBColor(0, 150, 160),
        _ => RGBColor(120, 90, 40),
    }
}

/// The errors of the library refer to the canvas, which ends before they are told.
fn wrong(error: impl Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

/// Of the picture.
const WIDTH: u32 = 1200;

/// Of one film.
const HEIGHT: u32 = 300;

/// The time axis is so much longer than the time, for the legend.
const LEGEND: f64 = 1.18;

/// Over which rates are taken: one turn of all flows, so that their order does not show.
const STEP: Duration = Duration::from_millis(240);

/// Numbers on the time axis.
const LABELS: usize = 14;

/// The axis of rates is so much longer than the highest, for what is told.
const ROOM: f64 = 1.6;

/// Lines of text in that room.
const ROWS: usize = 6;

/// What a character of it takes of the time axis.
const CHARACTER: f64 = 1.0 / 215.0;

/// Of lines where something is told.
const GREY: RGBColor = RGBColor(170, 170, 170);
