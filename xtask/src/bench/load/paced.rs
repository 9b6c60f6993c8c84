//! Load at a fixed rate over UDP, which tells of each query when it was sent and how long its
//! response took.
//!
//! A query is sent when it is due, whether earlier ones have been answered or not, so that a pause
//! of the server delays all that arrive in it. A query that could not be sent in time, since the
//! generator did not run, is left out: it would come in a burst that no client sends.

use super::arrivals::{Arrivals, prepare};
use crate::bench::kernel::send_packets;
use anyhow::Result;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it was sent, since 1970.
    pub(crate) sent: Duration,
    /// The time until its response was in the queue of the socket; none if it never came.
    pub(crate) latency: Option<Duration>,
    /// Whether the generator ran while it sent: otherwise the latency counts from too early.
    pub(crate) is_timed: bool,
    /// Whether the RCODE of the response is NOERROR or NXDOMAIN.
    pub(crate) is_answer: bool,
}

/// Asks `queries`, over and over, `rate` times a second, until `stop`; then waits for what is
/// outstanding.
pub(crate) fn paced(
    server: SocketAddr,
    queries: &[Vec<u8>],
    rate: u32,
    stop: &AtomicBool,
) -> Result<Vec<Sample>> {
    let mut flows = (0..SOCKETS)
        .map(|_| Flow::open(server))
        .collect::<Result<Vec<_>>>()?;
    let mut samples = Vec::new();
    let mut next = queries.iter().cycle();
    let mut arrivals = Arrivals::new(BATCH);
    let start = Instant::now();
    // Queries due since the start that were sent or left out.
    let mut done = 0;
    let mut turn = 0;
    while !stop.load(Relaxed) {
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        let batch = usize::try_from(due - done).unwrap_or(BATCH).min(BATCH);
        done = due;
        flows[turn].send(next.by_ref().take(batch), &mut samples);
        for step in 1..=READ {
            flows[(turn + step) % SOCKETS].receive(&mut arrivals, &mut samples);
        }
        turn = (turn + READ) % SOCKETS;
        thread::sleep(TICK);
    }
    let last = Instant::now();
    while last.elapsed() < PATIENCE {
        for flow in &flows {
            flow.receive(&mut arrivals, &mut samples);
        }
        thread::sleep(TICK);
    }
    Ok(samples)
}

/// One socket.
struct Flow {
    socket: UdpSocket,
    /// The sample of the last query with each ID.
    asked: Vec<u32>,
    id: u16,
}

impl Flow {
    fn open(server: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((server.ip(), 0))?;
        socket.connect(server)?;
        prepare(&socket)?;
        Ok(Flow {
            socket,
            asked: vec![u32::MAX; 1 << 16],
            id: 0,
        })
    }

    fn send<'a>(&mut self, queries: impl Iterator<Item = &'a Vec<u8>>, samples: &mut Vec<Sample>) {
        let mut packets: Vec<Vec<u8>> = queries.cloned().collect();
        let first = samples.len();
        for packet in &mut packets {
            self.id = self.id.wrapping_add(1);
            packet[..2].copy_from_slice(&self.id.to_be_bytes());
            self.asked[usize::from(self.id)] = samples.len() as u32;
            samples.push(Sample {
                sent: Duration::ZERO,
                latency: None,
                is_timed: true,
                is_answer: false,
            });
        }
        let sent = since_1970();
        send_packets(&self.socket, packets.iter().map(Vec::as_slice));
        let is_timed = since_1970().saturating_sub(sent) < SENDING;
        for sample in &mut samples[first..] {
            sample.sent = sent;
            sample.is_timed = is_timed;
        }
    }

    fn receive(&self, arrivals: &mut Arrivals, samples: &mut [Sample]) {
        loop {
            let arrived = arrivals.receive(&self.socket);
            for arrival in &arrived {
                let [high, low, _, rcode] = arrival.start;
                let sample = self.asked[usize::from(u16::from_be_bytes([high, low]))];
                if let Some(sample) = samples.get_mut(sample as usize) {
                    sample.latency = Some(arrival.at.saturating_sub(sample.sent));
                    sample.is_answer = matches!(rcode & 0x0f, 0 | 3);
                }
            }
            if arrived.len() < BATCH {
                return;
            }
        }
    }
}

/// The time by the clock that the kernel's times of arrival are of.
pub(crate) fn since_1970() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

/// A source port for each: enough to reach every worker.
const SOCKETS: usize = 16;

/// Sockets read in a tick: the times do not depend on when they are, and none fills up meanwhile.
const READ: usize = 3;

/// Queries sent at once at most, and received: a tick's worth at half a million a second.
const BATCH: usize = 64;

/// Pause between two looks at what is due, which leaves the core to others.
const TICK: Duration = Duration::from_micros(100);

/// Longer than sending a few queries takes where nothing interrupts it.
const SENDING: Duration = Duration::from_micros(100);

/// A response that has not come by then is lost.
const PATIENCE: Duration = Duration::from_secs(1);
