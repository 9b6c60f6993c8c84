//! Writes SVG: the few elements that a page needs, with what is shown escaped.

use std::fmt::{Display, Write};

/// A page that is being written.
pub(super) struct Svg {
    text: String,
}

/// Which end of a text is where it is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// Begins a page with a title and a description for those who do not see it.
    pub(super) fn new(width: f64, height: f64, title: &str, description: &str) -> Svg {
        let mut svg = Svg {
            text: String::new(),
        };
        svg.put(format_args!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"210mm\" height=\"297mm\" role=\"img\" aria-labelledby=\"t d\">\n\
             <title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n\
             <style>{STYLE}</style>\n\
             <defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#fff\" \
             fill-opacity=\"0.55\"/><rect width=\"1.6\" height=\"6\" fill=\"#555\"/></pattern></defs>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>",
            Escaped(title),
            Escaped(description)
        ));
        svg
    }

    /// Ends the page.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    /// A text with its base line at `y`.
    pub(super) fn text(
        &mut self,
        x: f64,
        y: f64,
        size: f64,
        anchor: Anchor,
        class: &str,
        text: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
             class=\"{class}\">{}</text>",
            Escaped(text)
        ));
    }

    /// A straight line.
    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        self.put(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        ));
    }

    /// A rectangle that tells its figure to who points at it.
    pub(super) fn rect(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        fill: &str,
        told: &str,
    ) {
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\">\
             <title>{}</title></rect>",
            width.max(0.0),
            height.max(0.0),
            Escaped(told)
        ));
    }

    /// A closed shape.
    pub(super) fn shape(&mut self, path: &str, fill: &str, told: &str) {
        self.put(format_args!(
            "<path d=\"{path}\" fill=\"{fill}\"><title>{}</title></path>",
            Escaped(told)
        ));
    }

    /// Hatches a part of a plot, the more faintly the smaller the part of it that is meant.
    pub(super) fn hatch(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        strength: f64,
        told: &str,
    ) {
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"url(#hatch)\" opacity=\"{strength:.2}\"><title>{}</title></rect>",
            Escaped(told)
        ));
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{element}").expect("a string takes all that is written");
    }
}

/// A text of which XML takes no octet for its own.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // What no XML document may have (XML 1.0 section 2.2).
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

const STYLE: &str = "text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;fill:#1a1a1a}\
                     .bold{font-weight:bold}.note{fill:#444}\
                     .axis{stroke:#777;stroke-width:1}.grid{stroke:#ddd;stroke-width:0.8}";
