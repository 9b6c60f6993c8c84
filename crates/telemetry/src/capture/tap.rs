//! A tap: what a worker hands messages to, and the end where they are taken.
//!
//! A record in the ring is
//!
//! ```text
//! word 0       at_ns
//! word 1       delay_us 32 | octets of the query 16 | kept octets of the response 16
//! word 2       octets of the response 16 | client's port 16 | server's port 16 | kind 16
//! word 3       client 32 | server 32               both IPv4
//! words 3-6    client 128 | server 128             otherwise
//! ...          the query | what is kept of the response, each to the end of a word
//!
//! kind         RCODE 12 | transport 2 | family 1 | IPv6 addresses 1, the last one lowest
//! ```

use super::ring::{Head, Ring, Tail, words_of};
use super::{Captured, Missed, Responses, Seen, Settings};
use crate::counts::Flow;
use imrs_wire::Rcode;
use imrs_wire::limits::HEADER_LEN;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Makes a tap, and what drains it.
pub fn tap(settings: Settings) -> (Tap, Drain) {
    let ring = Arc::new(Ring::new(settings.octets));
    let tap = Tap {
        ring: Arc::clone(&ring),
        head: Head::default(),
        responses: settings.responses,
        sampling: Sampling::new(settings.one_in, settings.seed),
    };
    let drain = Drain {
        ring,
        tail: Tail::default(),
        taken: Missed::default(),
    };
    (tap, drain)
}

/// The worker's end.
pub struct Tap {
    ring: Arc<Ring>,
    head: Head,
    responses: Responses,
    sampling: Sampling,
}

/// The end of the thread that writes captures.
pub struct Drain {
    ring: Arc<Ring>,
    tail: Tail,
    /// What was taken of the counts.
    taken: Missed,
}

impl Tap {
    /// Hands over a message, if it is in the sample. Waits for nothing and allocates nothing; what
    /// finds no room is counted as lost, and so is what no packet can be: a message of more than
    /// 65,535 octets.
    #[inline]
    pub fn push(&mut self, seen: &Seen<'_>) {
        if !self.sampling.takes_next() {
            return count(&self.ring.missed.sampled_away);
        }
        let kept = match self.responses {
            Responses::Head => &seen.response[..seen.response.len().min(HEADER_LEN)],
            Responses::Whole => seen.response,
        };
        let addresses = Addresses::of(seen);
        let words =
            HEAD_WORDS + addresses.words() + words_of(seen.query.len()) + words_of(kept.len());
        let is_message = seen.query.len().max(seen.response.len()) <= usize::from(u16::MAX);
        if !is_message || !self.ring.has_room(&mut self.head, words) {
            return count(&self.ring.missed.lost);
        }
        let head = &mut self.head;
        self.ring.write(head, seen.at_ns);
        let lengths = (seen.query.len() as u64) << 16 | kept.len() as u64;
        self.ring
            .write(head, u64::from(seen.delay_us) << 32 | lengths);
        let ports = u64::from(seen.client.port()) << 32 | u64::from(seen.server.port()) << 16;
        let kind = u64::from(kind(seen.flow, seen.rcode, &addresses));
        self.ring
            .write(head, (seen.response.len() as u64) << 48 | ports | kind);
        match addresses {
            Addresses::Ipv4(both) => self.ring.write(head, both),
            Addresses::Ipv6(both) => {
                for half in both {
                    self.ring.write(head, half);
                }
            }
        }
        self.ring.write_octets(head, seen.query);
        self.ring.write_octets(head, kept);
        self.ring.publish(head);
    }
}

impl Drain {
    /// The next message; its octets are put into `scratch`, which is overwritten.
    pub fn pop<'a>(&mut self, scratch: &'a mut Vec<u8>) -> Option<Captured<'a>> {
        let tail = &mut self.tail;
        if !self.ring.has_words(tail) {
            return None;
        }
        let [at_ns, second, third] = std::array::from_fn(|_| self.ring.read(tail));
        let [query_octets, kept_octets] =
            [second >> 16, second].map(|bits| usize::from(bits as u16));
        let [client, server] = if third & IS_IPV6 == 0 {
            let both = self.ring.read(tail);
            [both >> 32, both].map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits as u32)))
        } else {
            [(); 2].map(|()| {
                let high = u128::from(self.ring.read(tail));
                let bits = high << 64 | u128::from(self.ring.read(tail));
                IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical()
            })
        };
        scratch.clear();
        self.ring.read_octets(tail, query_octets, scratch);
        let response_start = scratch.len();
        self.ring.read_octets(tail, kept_octets, scratch);
        self.ring.release(tail);
        Some(Captured {
            at_ns,
            flow: Flow::ALL[(third >> 1 & 0x7) as usize],
            client: SocketAddr::new(client, (third >> 32) as u16),
            server: SocketAddr::new(server, (third >> 16) as u16),
            query: &scratch[..query_octets],
            response: &scratch[response_start..response_start + kept_octets],
            response_octets: (third >> 48) as usize,
            rcode: Rcode((third >> 4 & 0xfff) as u16),
            delay_us: (second >> 32) as u32,
        })
    }

    /// Whether the other end is gone. What it handed over before is there still.
    pub fn is_closed(&self) -> bool {
        Arc::strong_count(&self.ring) == 1
    }

    /// How many messages were not handed over since this was asked last.
    pub fn take_missed(&mut self) -> Missed {
        let now = Missed {
            lost: self.ring.missed.lost.load(Relaxed),
            sampled_away: self.ring.missed.sampled_away.load(Relaxed),
            ..Missed::default()
        };
        let before = std::mem::replace(&mut self.taken, now);
        Missed {
            lost: now.lost.wrapping_sub(before.lost),
            sampled_away: now.sampled_away.wrapping_sub(before.sampled_away),
            ..Missed::default()
        }
    }
}

/// The addresses of client and server, as they lie in the ring.
enum Addresses {
    Ipv4(u64),
    Ipv6([u64; 4]),
}

impl Addresses {
    #[inline]
    fn of(seen: &Seen<'_>) -> Addresses {
        match (seen.client.ip(), seen.server.ip()) {
            (IpAddr::V4(client), IpAddr::V4(server)) => {
                Addresses::Ipv4(u64::from(client.to_bits()) << 32 | u64::from(server.to_bits()))
            }
            (client, server) => {
                let [c, s] = [client, server].map(|address| match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
                    IpAddr::V6(address) => address.to_bits(),
                });
                Addresses::Ipv6([(c >> 64) as u64, c as u64, (s >> 64) as u64, s as u64])
            }
        }
    }

    #[inline]
    fn words(&self) -> usize {
        match self {
            Addresses::Ipv4(_) => 1,
            Addresses::Ipv6(both) => both.len(),
        }
    }
}

/// The last 16 bits of word 2.
#[inline]
fn kind(flow: Flow, rcode: Rcode, addresses: &Addresses) -> u16 {
    let flow = (flow.transport as u16) << 1 | flow.family as u16;
    let is_ipv6 = matches!(addresses, Addresses::Ipv6(_));
    (rcode.0 & 0xfff) << 4 | flow << 1 | u16::from(is_ipv6)
}

/// Adds one to what this thread alone writes.
#[inline]
fn count(number: &AtomicU64) {
    number.store(number.load(Relaxed).wrapping_add(1), Relaxed);
}

/// Chooses one of each `one_in` messages by chance: exactly that share, and no rhythm that traffic
/// could have as well.
struct Sampling {
    one_in: u32,
    /// How many of the present row are still to come.
    left: u32,
    /// Which of them is taken, counted from the last one.
    chosen: u32,
    state: u64,
}

impl Sampling {
    fn new(one_in: NonZeroU32, seed: u64) -> Sampling {
        Sampling {
            one_in: one_in.get(),
            left: 0,
            chosen: 0,
            state: seed,
        }
    }

    #[inline]
    fn takes_next(&mut self) -> bool {
        if self.one_in == 1 {
            return true;
        }
        if self.left == 0 {
            self.left = self.one_in;
            self.chosen = ((u64::from(self.one_in) * self.next_u32()) >> 32) as u32;
        }
        self.left -= 1;
        self.left == self.chosen
    }

    /// 32 bits by the generator SplitMix64.
    fn next_u32(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) >> 32
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Drain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}

/// Words of a record ahead of the addresses.
const HEAD_WORDS: usize = 3;

/// Of the last 16 bits of word 2: both addresses lie there as IPv6.
const IS_IPV6: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Transport;
    use imrs_wire::Family;
    use proptest::prelude::*;

    fn settings(octets: usize, one_in: u32, responses: Responses) -> Settings {
        Settings {
            octets,
            one_in: NonZeroU32::new(one_in).unwrap(),
            responses,
            seed: 7,
        }
    }

    fn seen<'a>(query: &'a [u8], response: &'a [u8]) -> Seen<'a> {
        Seen {
            at_ns: 1_760_000_000_123_456_789,
            flow: Flow::new(Transport::Quic, Family::V6),
            client: "[2001:db8::1]:65535".parse().unwrap(),
            server: "[2001:db8:ffff::2]:853".parse().unwrap(),
            query,
            response,
            rcode: Rcode(0xabc),
            delay_us: u32::MAX,
        }
    }

    /// What is taken of what was pushed.
    #[track_caller]
    fn check(drain: &mut Drain, pushed: &Seen<'_>, kept: &[u8]) {
        let mut scratch = Vec::new();
        let expected = Captured {
            at_ns: pushed.at_ns,
            flow: pushed.flow,
            client: pushed.client,
            server: pushed.server,
            query: pushed.query,
            response: kept,
            response_octets: pushed.response.len(),
            rcode: pushed.rcode,
            delay_us: pushed.delay_us,
        };
        assert_eq!(drain.pop(&mut scratch), Some(expected));
    }

    #[test]
    fn a_head_keeps_the_header_and_the_length() {
        let (mut tap, mut drain) = tap(settings(4096, 1, Responses::Head));
        let response: Vec<u8> = (0..=255).cycle().take(700).collect();
        let message = seen(b"a query of 21 octets.", &response);
        tap.push(&message);
        check(&mut drain, &message, &response[..12]);
        let silent = seen(b"", b"");
        tap.push(&silent);
        check(&mut drain, &silent, b"");
        assert_eq!(drain.pop(&mut Vec::new()), None);
        assert_eq!(drain.take_missed(), Missed::default());
    }

    #[test]
    fn what_finds_no_room_is_lost_and_counted_once() {
        let (mut tap, mut drain) = tap(settings(256, 1, Responses::Whole));
        let long = vec![1; 65_536];
        tap.push(&seen(&long, b""));
        tap.push(&seen(&long[..201], b""));
        let message = seen(b"short", b"kept");
        for _ in 0..4 {
            tap.push(&message);
        }
        let lost = |lost| Missed {
            lost,
            ..Missed::default()
        };
        assert_eq!(drain.take_missed(), lost(3));
        assert_eq!(drain.take_missed(), lost(0));
        for _ in 0..3 {
            check(&mut drain, &message, b"kept");
        }
        tap.push(&message);
        check(&mut drain, &message, b"kept");
        assert_eq!(drain.take_missed(), lost(0));
    }

    #[test]
    fn a_sample_is_one_of_each_row_and_the_rest_is_counted() {
        let (mut tap, mut drain) = tap(settings(1 << 20, 10, Responses::Head));
        let mut places = [0; 10];
        let mut scratch = Vec::new();
        for _ in 0..1000 {
            for place in &mut places {
                tap.push(&seen(b"", b""));
                *place += usize::from(drain.pop(&mut scratch).is_some());
            }
        }
        assert_eq!(places.iter().sum::<usize>(), 1000);
        assert!(
            places.iter().all(|place| (50..150).contains(place)),
            "{places:?}"
        );
        assert_eq!(drain.take_missed().sampled_away, 9000);
    }

    #[test]
    fn two_threads_hand_over_all_that_is_not_lost_in_order() {
        let (mut tap, mut drain) = tap(settings(4096, 1, Responses::Whole));
        let pushed = 200_000_u64;
        let mut taken = 0;
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                for number in 0..pushed {
                    let octets = number.to_le_bytes().repeat(1 + number as usize % 7);
                    let mut message = seen(&octets, &octets[..8]);
                    message.at_ns = number;
                    tap.push(&message);
                }
            });
            let mut next = 0;
            let mut scratch = Vec::new();
            loop {
                let ended = writer.is_finished();
                while let Some(message) = drain.pop(&mut scratch) {
                    assert!(message.at_ns >= next);
                    let mut numbers = message.query.chunks_exact(8);
                    assert!(numbers.all(|octets| octets == message.at_ns.to_le_bytes()));
                    assert_eq!(message.response, message.at_ns.to_le_bytes());
                    next = message.at_ns + 1;
                    taken += 1;
                }
                if ended {
                    break;
                }
                std::thread::yield_now();
            }
        });
        assert_eq!(taken + drain.take_missed().lost, pushed);
    }

    proptest! {
        #[test]
        fn every_message_comes_out_as_it_went_in(
            query in prop::collection::vec(any::<u8>(), 0..600),
            response in prop::collection::vec(any::<u8>(), 0..2000),
            client in any::<(IpAddr, u16)>(),
            server in any::<(IpAddr, u16)>(),
            flow in 0..8_usize,
            rcode in 0..4096_u16,
            delay_us in any::<u32>(),
            times in 1..8,
        ) {
            let message = Seen {
                at_ns: 1,
                flow: Flow::ALL[flow],
                client: (client.0.to_canonical(), client.1).into(),
                server: (server.0.to_canonical(), server.1).into(),
                query: &query,
                response: &response,
                rcode: Rcode(rcode),
                delay_us,
            };
            let (mut tap, mut drain) = tap(settings(4096, 1, Responses::Whole));
            for _ in 0..times {
                tap.push(&message);
                check(&mut drain, &message, &response);
            }
        }
    }
}
