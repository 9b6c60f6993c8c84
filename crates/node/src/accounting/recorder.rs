//! What a thread that answers has, to record with.

use imrs_telemetry::Day;
use imrs_telemetry::counts::{Asked, Cells, Exchange, Flow, Sent};
use imrs_telemetry::sources::Front;
use imrs_telemetry::top::Sampler;
use imrs_wire::Rcode;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Records what one thread answered. Nothing here waits or allocates.
pub(crate) struct Recorder {
    pub(super) cells: Arc<Cells>,
    pub(super) front: Front,
    pub(super) sampler: Sampler,
    /// The first day that may be counted still, by number.
    pub(super) today: Arc<AtomicU32>,
    /// The day of what is recorded now.
    pub(super) day: Day,
}

/// One message that was received, and what was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// How it came.
    pub(crate) flow: Flow,
    /// Who sent it.
    pub(crate) client: IpAddr,
    /// The message, without framing.
    pub(crate) query: &'a [u8],
    /// What was sent, without framing; empty if nothing was.
    pub(crate) response: &'a [u8],
    /// The extended RCODE of it (RFC 6891 section 6.1.3).
    pub(crate) rcode: Rcode,
}

impl Recorder {
    /// Takes the time of what is recorded from now on, in seconds of Unix time.
    #[inline]
    pub(crate) fn handle_time(&mut self, unix_s: u64) {
        let today = Day::new(self.today.load(Relaxed)).unwrap_or(Day::MAX);
        self.day = Day::of(unix_s).max(today);
    }

    /// Records one message, if it is a query: responses and what is too short are none (RSSAC002v5,
    /// traffic-volume).
    #[inline]
    pub(crate) fn record(&mut self, seen: &Seen<'_>) {
        let Some(asked) = Asked::read(seen.query) else {
            return;
        };
        let exchange = Exchange {
            request_octets: seen.query.len(),
            asked,
            sent: seen.sent(),
        };
        self.cells.record(self.day, seen.flow, &exchange);
        self.front.note(self.day, seen.client);
        let is_missing = seen.rcode == Rcode::NXDOMAIN;
        self.sampler.note(seen.client, seen.query, is_missing);
    }

    /// Records one more message of a transfer, of which the first was recorded.
    pub(crate) fn record_continued(&mut self, flow: Flow, octets: usize) {
        self.cells.record_continued(self.day, flow, octets);
    }
}

impl Seen<'_> {
    #[inline]
    fn sent(&self) -> Option<Sent> {
        let flags = self.response.get(TRUNCATED_OCTET)?;
        Some(Sent {
            octets: self.response.len(),
            rcode: self.rcode,
            truncated: flags & TRUNCATED_BIT != 0,
        })
    }
}

/// TC in a header (RFC 1035 section 4.1.1).
const TRUNCATED_OCTET: usize = 2;
const TRUNCATED_BIT: u8 = 0x02;
