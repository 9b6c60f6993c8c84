//! Load over UDP: several sockets, each with its share of the window, in batches.

use super::Tally;
use crate::bench::kernel::{Batch, Wait, send_from, send_packets};
use anyhow::Result;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

/// Sockets for one server.
pub(crate) struct Flows {
    flows: Vec<Flow>,
    /// Where queries come from, in turns; without, from where the sockets are.
    sources: Vec<Ipv4Addr>,
    share: usize,
    batch: Batch,
}

struct Flow {
    socket: UdpSocket,
    /// Where to send, if the socket is not connected.
    server: Option<SocketAddrV4>,
    outstanding: usize,
    /// When something was last received or sent.
    active: Instant,
}

impl Flows {
    pub(super) fn open(server: SocketAddr, window: usize) -> Result<Self> {
        let share = window.div_ceil(SOCKETS);
        let flows = (0..window.div_ceil(share)).map(|_| Flow::open(server));
        Ok(Flows {
            flows: flows.collect::<Result<_>>()?,
            sources: Vec::new(),
            share,
            batch: Batch::new(share),
        })
    }

    pub(super) fn open_from(
        sources: Vec<Ipv4Addr>,
        server: SocketAddrV4,
        window: usize,
    ) -> Result<Self> {
        let mut flows = Flows::open(server.into(), window)?;
        for flow in &mut flows.flows {
            // A socket that is connected takes what comes to one address alone.
            flow.socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            flow.server = Some(server);
        }
        flows.sources = sources;
        Ok(flows)
    }

    pub(super) fn burst<'a>(
        &mut self,
        queries: &mut impl Iterator<Item = &'a [u8]>,
        deadline: Instant,
    ) -> Tally {
        let mut tally = Tally::default();
        let mut sources = self.sources.iter().copied().cycle();
        let mut last = Instant::now();
        while last < deadline {
            let before = tally.answered;
            for flow in &mut self.flows {
                flow.receive(&mut self.batch, &mut tally);
                flow.send(self.share, queries, &mut sources, &mut tally);
            }
            let now = Instant::now();
            if tally.answered > before {
                tally.longest_silence = tally.longest_silence.max(now - last);
                last = now;
            } else if now >= deadline {
                break;
            }
        }
        self.drain(&mut tally);
        tally
    }

    /// Waits for the responses that are still to come.
    fn drain(&mut self, tally: &mut Tally) {
        let deadline = Instant::now() + PATIENCE;
        while self.flows.iter().any(|flow| flow.outstanding > 0) && Instant::now() < deadline {
            for flow in &mut self.flows {
                flow.receive(&mut self.batch, tally);
            }
        }
        for flow in &mut self.flows {
            flow.outstanding = 0;
        }
    }
}

impl Flow {
    fn open(server: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((server.ip(), 0))?;
        socket.connect(server)?;
        Ok(Flow {
            socket,
            server: None,
            outstanding: 0,
            active: Instant::now(),
        })
    }

    fn receive(&mut self, batch: &mut Batch, tally: &mut Tally) {
        if self.outstanding == 0 {
            return;
        }
        let received = batch.receive(&self.socket, HEADER, Wait::Never);
        for index in 0..received {
            tally.count(batch.start(index), batch.length(index));
        }
        self.outstanding = self.outstanding.saturating_sub(received);
    }

    fn send<'a>(
        &mut self,
        share: usize,
        queries: &mut impl Iterator<Item = &'a [u8]>,
        sources: &mut impl Iterator<Item = Ipv4Addr>,
        tally: &mut Tally,
    ) {
        let now = Instant::now();
        if self.outstanding == share {
            if now - self.active < PATIENCE {
                return;
            }
            // All of them are lost: go on without.
            self.outstanding = 0;
        }
        self.active = now;
        let more = share - self.outstanding;
        let queries = queries.take(more);
        match self.server {
            None => send_packets(&self.socket, queries),
            Some(server) => send_from(&self.socket, server, queries.zip(sources)),
        }
        self.outstanding = share;
        tally.asked += more as u64;
    }
}

/// A source port for each: as many as a server meets in one batch, roughly.
const SOCKETS: usize = 16;

/// Octets of a response that are read: the header.
const HEADER: usize = 12;

/// A response that has not come by then is lost. On a crowded machine a server may not run for
/// a few hundred milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
