//! What a thread that answers has, to record with.

use super::Own;
use imrs_telemetry::Day;
use imrs_telemetry::capture::{Seen, Tap};
use imrs_telemetry::counts::{Asked, Cells, Exchange, Flow, Sent, Transport};
use imrs_telemetry::delays::{Delay, DelayCells};
use imrs_telemetry::sources::Front;
use imrs_telemetry::top::Sampler;
use imrs_wire::Family;
use imrs_wire::Rcode;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

/// Records what one thread answered. Nothing here waits or allocates.
pub(crate) struct Recorder {
    pub(super) cells: Arc<Cells>,
    pub(super) delays: Arc<DelayCells>,
    pub(super) front: Front,
    pub(super) sampler: Sampler,
    pub(super) taps: Vec<Tap>,
    /// The first day that may be counted still, by number.
    pub(super) today: Arc<AtomicU32>,
    pub(super) own: Arc<Own>,
    /// What is recorded now was received at this time, in ns of Unix time, on this day.
    pub(super) received_ns: u64,
    pub(super) day: Day,
    /// How long it took from there to the response.
    pub(super) delay: Delay,
}

/// Both ends of what carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Who asks. The port is 0 where a proxy speaks for the client.
    pub(crate) client: SocketAddr,
    /// Who is asked.
    pub(crate) server: SocketAddr,
}

/// One message that was received, and what was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    /// How it came.
    pub(crate) transport: Transport,
    /// Between whom.
    pub(crate) ends: Ends,
    /// The message, without framing.
    pub(crate) query: &'a [u8],
    /// What was sent, without framing; empty if nothing was.
    pub(crate) response: &'a [u8],
    /// The extended RCODE of it (RFC 6891 section 6.1.3).
    pub(crate) rcode: Rcode,
}

impl Recorder {
    /// Takes when that was received, and answered, what is recorded from now on.
    #[inline]
    pub(crate) fn handle_times(&mut self, received: SystemTime, took: Duration) {
        let since = received.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        self.received_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.delay = Delay::new(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        let today = Day::new(self.today.load(Relaxed)).unwrap_or(Day::MAX);
        self.day = Day::of(since.as_secs()).max(today);
    }

    /// Records one message, if it is a query: responses and what is too short are none (RSSAC002v5,
    /// traffic-volume).
    #[inline]
    pub(crate) fn record(&mut self, told: &Told<'_>) {
        let Some(asked) = Asked::read(told.query) else {
            return;
        };
        if self.own.asks(&told.ends) {
            return self.pass_over(told);
        }
        let exchange = Exchange {
            request_octets: told.query.len(),
            asked,
            sent: told.sent(),
        };
        if exchange.sent.is_some() {
            self.delays.record(told.transport, self.delay);
        }
        let client = told.ends.client.ip();
        let flow = told.flow();
        self.cells.record(self.day, flow, &exchange);
        self.front.note(self.day, client);
        let is_missing = told.rcode == Rcode::NXDOMAIN;
        self.sampler.note(client, told.query, is_missing);
        for tap in &mut self.taps {
            tap.push(&Seen {
                at_ns: self.received_ns,
                flow,
                client: told.ends.client,
                server: told.ends.server,
                query: told.query,
                response: told.response,
                rcode: told.rcode,
                delay_us: self.delay.us(),
            });
        }
    }

    /// Takes note of an own probe, so that what was composed and sent still agree.
    #[cold]
    fn pass_over(&self, told: &Told<'_>) {
        if told.transport == Transport::Udp && !told.response.is_empty() {
            self.own.responses_over_udp.fetch_add(1, Relaxed);
        }
    }

    /// Records one more message of a transfer, of which the first was recorded.
    pub(crate) fn record_continued(&mut self, transport: Transport, ends: Ends, octets: usize) {
        let flow = Flow::new(transport, Family::of(ends.client.ip()));
        self.cells.record_continued(self.day, flow, octets);
    }
}

impl Ends {
    /// The same with a client that somebody else speaks for, if it is another one.
    pub(crate) fn of_client(self, client: IpAddr) -> Ends {
        if self.client.ip() == client {
            return self;
        }
        Ends {
            client: SocketAddr::new(client, 0),
            ..self
        }
    }

    /// With a server of which only this is known, if anything.
    pub(crate) fn new(client: SocketAddr, server: Option<SocketAddr>) -> Ends {
        let unknown = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        Ends {
            client,
            server: server.unwrap_or(unknown),
        }
    }
}

impl Told<'_> {
    #[inline]
    fn flow(&self) -> Flow {
        Flow::new(self.transport, Family::of(self.ends.client.ip()))
    }

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
