//! More than a worker can answer: who is heard, and that each datagram is accounted for.

use crate::client::{PATIENCE, SILENT, ask_tcp, respond, service, settings, tcp, wait_until};
use arc_swap::ArcSwap;
use imrs_engine::{Client, Defence, Outcome, Rates, Service};
use imrs_node::transport::{Counters, Running};
use std::hint;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A query whose response takes many times as long as sending it.
const DEAR: u8 = b'D';

/// Datagrams after which a flood ends by itself.
const FLOOD_MAX: u64 = 20_000_000;

fn dearly(service: &Service, client: Client, query: &[u8], room: &mut [u8]) -> Outcome {
    if query.starts_with(&[DEAR]) {
        (0..2000).for_each(|_| hint::spin_loop());
    }
    respond(service, client, query, room)
}

fn start(defence: Defence) -> Running {
    let defence = Arc::new(defence);
    let service = Service {
        defence,
        ..service("test")
    };
    let service = Arc::new(ArcSwap::from_pointee(service));
    Running::start_with(&settings("127.0.0.1:0"), service, dearly).unwrap()
}

/// Sends without end from many addresses, those of 127.1.0.0/24.
struct Flood {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Flood {
    fn new(server: SocketAddr, sources: u8, query: [u8; 2]) -> Flood {
        let from = |host| UdpSocket::bind((Ipv4Addr::new(127, 1, 0, host), 0)).unwrap();
        let sockets: Vec<_> = (1..=sources).map(from).collect();
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut sent = 0;
            for socket in sockets.iter().cycle() {
                if until.load(Ordering::Relaxed) || sent == FLOOD_MAX {
                    break;
                }
                sent += u64::from(socket.send_to(&query, server).is_ok());
            }
            sent
        });
        Flood { is_over, thread }
    }

    /// Ends it. Returns how many datagrams were sent.
    fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// How many datagrams the counters know of.
fn accounted(counters: &Counters) -> u64 {
    let filtered = counters.filtered_condemned + counters.filtered_shed;
    counters.udp_received() + counters.kernel_dropped + filtered
}

/// When floods are over and the queue is empty, no datagram is unaccounted for.
fn check<const N: usize>(server: Running, floods: [Flood; N]) {
    let sent: u64 = floods.into_iter().map(Flood::end).sum();
    wait_until(|| accounted(&server.counters()) >= sent);
    let counters = server.stop();
    assert_eq!(accounted(&counters), sent);
    check_reasons(&counters);
}

/// Each message that was received has a response, or a reason why not.
fn check_reasons(counters: &Counters) {
    let all = [
        counters.udp_ipv4,
        counters.udp_ipv6,
        counters.tcp_ipv4,
        counters.tcp_ipv6,
    ];
    let received: u64 = all.iter().map(|messages| messages.received).sum();
    let responses: u64 = all.iter().map(|messages| messages.responses).sum();
    assert_eq!(received, responses + counters.defence.dropped());
}

#[test]
fn each_datagram_of_a_flood_is_answered_dropped_for_a_reason_or_lost() {
    let server = start(Defence {
        rates: Some(Rates {
            window_s: 1,
            answers: 10,
            slip: 0,
            ..Rates::default()
        }),
        ..Defence::default()
    });
    let address = server.addresses()[0];
    let floods = [
        Flood::new(address, 100, [DEAR; 2]),
        Flood::new(address, 1, [SILENT; 2]),
    ];
    wait_until(|| {
        let counters = server.counters();
        counters.defence.limited > 0 && counters.defence.ignored > 0
    });
    if server.unfiltered().is_none() {
        wait_until(|| server.counters().filtered_shed > 0);
    }
    check(server, floods);
}

#[test]
fn who_was_known_before_a_flood_is_heard_in_it() {
    let server = start(Defence::default());
    if let Some(reason) = server.unfiltered() {
        eprintln!("skipped: {reason}");
        return;
    }
    let address = server.addresses()[0];
    // By a connection it shows that it is where it says.
    assert_eq!(ask_tcp(&tcp(address), b"query"), b"query");
    let flood = Flood::new(address, 200, [DEAR; 2]);
    wait_until(|| server.counters().filtered_shed > 100_000);
    let known = UdpSocket::bind("127.0.0.1:0").unwrap();
    known.set_read_timeout(Some(PATIENCE / 100)).unwrap();
    let is_answered = |number: u32| {
        let query = number.to_be_bytes();
        let mut room = [0; 512];
        known.send_to(&query, address).unwrap();
        while let Ok(len) = known.recv(&mut room) {
            // Not the late answer to another.
            if room[..len] == query {
                return true;
            }
        }
        false
    };
    let answered = (0..200).filter(|number| is_answered(*number)).count();
    flood.end();
    assert!(answered >= 190, "{answered} of 200");
    check_reasons(&server.stop());
}

#[test]
fn who_goes_on_beyond_all_limits_is_dropped_by_the_kernel() {
    let server = start(Defence {
        rates: Some(Rates {
            window_s: 1,
            answers: 10,
            all: 10,
            ..Rates::default()
        }),
        ..Defence::default()
    });
    if let Some(reason) = server.unfiltered() {
        eprintln!("skipped: {reason}");
        return;
    }
    let flood = Flood::new(server.addresses()[0], 1, [DEAR; 2]);
    wait_until(|| server.counters().filtered_condemned > 10_000);
    check(server, [flood]);
}
