//! Asks a new image what outsiders will ask, before it is served.
//!
//! The judge knows the records alone and shares no look-up with the engine, so that what both get
//! wrong in the same way is not passed.

use imrs_engine::{Service, Transport, respond};
use imrs_probe::judge::{self, Examined, Failed};
use imrs_zone::{Image, Verified, Zones};
use std::sync::Arc;

/// Octets that the engine may fill: more than any response.
const UDP_OCTETS: usize = 1232;

/// Asks `image` all that RSSAC047 section 5.3 asks of a server, about every delegation, and for
/// names that do not exist by the seed `seed`.
pub(super) fn run(verified: &Verified, image: &Arc<Image>, seed: u64) -> Result<Examined, Failed> {
    let zone = judge::Zone::new(verified.apex(), verified.records());
    let service = Service {
        zones: Zones::new([(verified.apex().clone(), Some(Arc::clone(image)))]),
        ..Service::default()
    };
    let questions = judge::questions(&zone, &[], seed);
    judge::examine(&zone, &questions, |transport, query, room| {
        let (transport, room) = match transport {
            judge::Transport::Udp => (Transport::Udp, &mut room[..UDP_OCTETS]),
            judge::Transport::Tcp => (Transport::Tcp { keepalive: 0 }, room),
        };
        respond(&service, transport.into(), query, room).len
    })
}
