//! Holds back what is said again and again, so that no fault can fill a disk with its log.
//!
//! What one place in the code says is let through [`LOG_BURST`] times in [`LOG_WINDOW`]; what is more
//! is counted, and told in one line when the place says something again later. Places are few, so
//! nothing here grows.

use crate::limits::{LOG_BURST, LOG_WINDOW};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tracing::callsite::Identifier;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// Lets through what is not said too often.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    places: Mutex<HashMap<Identifier, Said>>,
}

/// What one place said since a time.
#[derive(Clone, Copy, Debug)]
struct Said {
    since: Instant,
    times: u32,
}

impl Repeats {
    /// Whether a place may speak at this time, and how often it was held back before.
    fn admit(&self, place: &Identifier, now: Instant) -> (bool, u32) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Said {
            since: now,
            times: 0,
        };
        let said = places.entry(place.clone()).or_insert(fresh);
        let mut held_back = 0;
        if now.duration_since(said.since) >= LOG_WINDOW {
            held_back = said.times.saturating_sub(LOG_BURST);
            *said = fresh;
        }
        said.times = said.times.saturating_add(1);
        (said.times <= LOG_BURST, held_back)
    }
}

impl<S> Filter<S> for Repeats {
    fn enabled(&self, _metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn event_enabled(&self, event: &Event<'_>, _context: &Context<'_, S>) -> bool {
        let place = event.metadata().callsite();
        let (may_speak, held_back) = self.admit(&place, Instant::now());
        if held_back > 0 {
            tracing::warn!("{held_back} messages like the next one were left out");
        }
        may_speak
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::Arc;
    use std::time::Duration;
    use tracing::callsite::Callsite;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    /// Where a log goes in a test.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_said_too_often_is_left_out_and_another_place_is_heard() {
        let page = Page::default();
        let written = page.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || written.clone());
        let log = tracing_subscriber::registry().with(layer.with_filter(Repeats::default()));
        tracing::subscriber::with_default(log, || {
            for number in 0..3 * LOG_BURST {
                tracing::info!("again {number}");
            }
            tracing::info!("once");
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), LOG_BURST as usize + 1, "{text}");
        assert!(lines.last().unwrap().ends_with("once"));
    }

    #[test]
    fn how_much_was_left_out_is_known_later() {
        struct Place;
        impl Callsite for Place {
            fn set_interest(&self, _interest: Interest) {}

            fn metadata(&self) -> &Metadata<'_> {
                unreachable!("nobody asks")
            }
        }
        static PLACE: Place = Place;
        let place = Identifier(&PLACE);
        let repeats = Repeats::default();
        let start = Instant::now();
        for _ in 0..LOG_BURST {
            assert_eq!(repeats.admit(&place, start), (true, 0));
        }
        let nearly = start + LOG_WINDOW - Duration::from_millis(1);
        assert_eq!(repeats.admit(&place, nearly), (false, 0));
        assert_eq!(repeats.admit(&place, nearly), (false, 0));
        assert_eq!(repeats.admit(&place, start + LOG_WINDOW), (true, 2));
        assert_eq!(repeats.admit(&place, start + LOG_WINDOW), (true, 0));
    }
}
