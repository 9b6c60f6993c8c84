//! Which metrics there are: a row each with name, kind, labels, help, and where it has its numbers
//! from.
//!
//! Names follow the conventions of Prometheus: what is measured, its unit in full, `_total` behind
//! what only grows. The page of the manual on metrics is checked against these rows by a test.

mod accounts;
mod connections;
mod messages;
mod node;
mod route;
mod zones;

use super::Snapshot;

/// One family of metrics.
#[derive(Debug)]
pub struct Family {
    /// Its name without unit and ending.
    pub name: &'static str,
    /// How its numbers behave.
    pub kind: Kind,
    /// What they are counted in, if it is not things.
    pub unit: Option<Unit>,
    /// The labels of each sample, in this order.
    pub labels: &'static [&'static str],
    /// What it tells, in a sentence.
    pub help: &'static str,
    read: fn(&Snapshot, &mut Rows<'_>),
}

/// How numbers behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow while the process lives.
    Counter,
    /// They go up and down.
    Gauge,
    /// There is only the label.
    Info,
    /// Things by how large they are.
    Histogram,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Octets; the convention's word.
    Bytes,
    /// Seconds.
    Seconds,
}

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of things.
    Count(u64),
    /// That may be negative.
    Signed(i64),
    /// That is not whole.
    Fraction(f64),
    /// How large many things are.
    Sizes {
        /// All of them together.
        sum: f64,
        /// How many there are.
        count: u64,
        /// How many are not above a bound and above the one before; the last bound is infinite.
        within: Vec<(f64, u64)>,
    },
}

/// The samples of a family: labels, and the number.
#[derive(Debug, Default)]
pub struct Samples(pub Vec<(Vec<(&'static str, String)>, Value)>);

/// Where a family puts its samples.
struct Rows<'a> {
    labels: &'static [&'static str],
    samples: &'a mut Samples,
}

impl Rows<'_> {
    fn put<const N: usize>(&mut self, labels: [&str; N], value: Value) {
        debug_assert_eq!(labels.len(), self.labels.len());
        let labels = labels.map(str::to_owned);
        let named = self.labels.iter().copied().zip(labels);
        self.samples.0.push((named.collect(), value));
    }

    /// Puts a count.
    fn count<const N: usize>(&mut self, labels: [&str; N], count: u64) {
        self.put(labels, Value::Count(count));
    }

    /// Puts 1 or 0.
    fn whether<const N: usize>(&mut self, labels: [&str; N], is_so: bool) {
        self.count(labels, u64::from(is_so));
    }

    /// Puts a number that is known, and nothing otherwise.
    fn known<const N: usize>(&mut self, labels: [&str; N], number: Option<i64>) {
        if let Some(number) = number {
            self.put(labels, Value::Signed(number));
        }
    }
}

impl Family {
    const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        read: fn(&Snapshot, &mut Rows<'_>),
    ) -> Self {
        Family {
            name,
            kind: Kind::Counter,
            unit: None,
            labels,
            help,
            read,
        }
    }

    const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        read: fn(&Snapshot, &mut Rows<'_>),
    ) -> Self {
        Family {
            kind: Kind::Gauge,
            ..Family::counter(name, labels, help, read)
        }
    }

    const fn of(self, unit: Unit) -> Self {
        Family {
            unit: Some(unit),
            ..self
        }
    }

    /// Its name as it is asked for.
    pub fn full_name(&self) -> String {
        let unit = match self.unit {
            Some(Unit::Bytes) => "_bytes",
            Some(Unit::Seconds) => "_seconds",
            None => "",
        };
        let end = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => "",
            Kind::Info => "_info",
        };
        format!("{}{unit}{end}", self.name)
    }

    /// What is known of it.
    pub fn samples(&self, snapshot: &Snapshot) -> Samples {
        let mut samples = Samples::default();
        let mut rows = Rows {
            labels: self.labels,
            samples: &mut samples,
        };
        (self.read)(snapshot, &mut rows);
        samples
    }
}

/// All families, in the order of the exposition.
pub fn all() -> impl Iterator<Item = &'static Family> {
    let parts = [
        node::FAMILIES,
        messages::FAMILIES,
        connections::FAMILIES,
        accounts::FAMILIES,
        zones::FAMILIES,
        route::FAMILIES,
    ];
    parts.into_iter().flatten()
}
