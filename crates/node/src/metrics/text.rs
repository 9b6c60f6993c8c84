//! From families to the text of OpenMetrics.

use super::Snapshot;
use super::families::{Family, Kind, Samples, Unit, Value, all};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{self, Registry};
use std::fmt;

/// The media type of what [`render`] gives.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics, as text.
pub fn render(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(snapshot)));
    let mut written = String::new();
    text::encode(&mut written, &registry)?;
    Ok(written)
}

/// The families as the library collects them.
#[derive(Debug)]
struct Families(Snapshot);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Families(snapshot) = self;
        for family in all() {
            let samples = family.samples(snapshot);
            // A family of which nothing is known is absent.
            if !samples.0.is_empty() {
                write(&mut encoder, family, &samples)?;
            }
        }
        Ok(())
    }
}

fn write(encoder: &mut DescriptorEncoder<'_>, family: &Family, samples: &Samples) -> fmt::Result {
    let unit = family.unit.map(|unit| match unit {
        Unit::Bytes => registry::Unit::Bytes,
        Unit::Seconds => registry::Unit::Seconds,
    });
    let kind = match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Info => MetricType::Info,
        Kind::Histogram => MetricType::Histogram,
    };
    let mut metric = encoder.encode_descriptor(family.name, family.help, unit.as_ref(), kind)?;
    for (labels, value) in &samples.0 {
        match (family.kind, labels.is_empty()) {
            (Kind::Info, _) => metric.encode_info(labels)?,
            (_, true) => write_value(&mut metric, family.kind, value)?,
            (_, false) => write_value(&mut metric.encode_family(labels)?, family.kind, value)?,
        }
    }
    Ok(())
}

fn write_value(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Count(count)) => {
            metric.encode_counter::<NoLabelSet, u64, u64>(count, None)
        }
        (Kind::Counter, Value::Fraction(sum)) => {
            metric.encode_counter::<NoLabelSet, f64, u64>(sum, None)
        }
        (_, Value::Sizes { sum, count, within }) => {
            metric.encode_histogram::<NoLabelSet>(*sum, *count, within, None)
        }
        // A counter that goes below 0 is none.
        (Kind::Counter, Value::Signed(_)) => Err(fmt::Error),
        (_, Value::Count(count)) => metric.encode_gauge(count),
        (_, Value::Signed(number)) => metric.encode_gauge(number),
        (_, Value::Fraction(number)) => metric.encode_gauge(number),
    }
}
