//! Tests of the machine that keeps a zone current.

use super::*;
use std::time::Duration;

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

/// The root's.
fn timers() -> Timers {
    let [refresh, retry, expire] = [1800, 900, 604_800].map(Duration::from_secs);
    Timers::new(refresh, retry, expire)
}

fn held(serial: u32) -> Held {
    Held {
        serial: Serial(serial),
        timers: timers(),
        confirmed: at(0),
    }
}

#[test]
fn a_newer_serial_is_fetched_and_held() {
    let primary = Primary {
        priority: 0,
        weight: 1,
    };
    let mut refresh = Refresh::new(vec![primary], Some(held(1)), 1, at(1));
    assert_eq!(refresh.poll_action(at(1)), Some(Action::Ask { primary: 0 }));
    assert_eq!(refresh.poll_action(at(1)), None);
    refresh.handle_soa(at(1), 0, Serial(2));
    let fetch = Action::Fetch {
        primary: 0,
        from: Some(Serial(1)),
    };
    assert_eq!(refresh.poll_action(at(1)), Some(fetch));
    assert_eq!(refresh.outstanding(), Some(fetch));
    let accepted = Fetched::Accepted {
        serial: Serial(2),
        timers: timers(),
    };
    refresh.handle_fetched(at(2), 0, accepted);
    assert_eq!(refresh.poll_action(at(2)), None);
    assert_eq!(refresh.held().map(|held| held.serial), Some(Serial(2)));
    assert!(refresh.next_check().is_some_and(|next| next <= at(1802)));
}
