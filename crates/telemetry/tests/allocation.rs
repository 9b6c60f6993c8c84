//! Recording allocates nothing.
//!
//! JUSTIFICATION: only an allocator sees every allocation, and its trait is unsafe.

#![expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way"
)]

use imrs_telemetry::Day;
use imrs_telemetry::capture::{Responses, Seen, Settings, tap};
use imrs_telemetry::counts::{Asked, Cells, Exchange, Flow, Sent};
use imrs_telemetry::sources::{FrontSize, front};
use imrs_telemetry::top::sampler;
use imrs_wire::{Rcode, Rtype};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The system's allocator; counts for each thread how often memory was asked for.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to `System` with the same arguments; counting touches no memory of it,
// and the counter is a constant without a destructor, so that it allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often `run` asks for memory.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn recording_allocates_nothing() {
    assert_eq!(
        allocations(|| drop(std::hint::black_box(Box::new(7)))),
        1,
        "nothing is counted"
    );
    let cells = Cells::new();
    let (mut front, _drain) = front(FrontSize::default(), 1);
    let (mut sampler, _samples) = sampler(1);
    let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x03www\x03COM\0\0\x01\0\x01";
    let day = Day::of(1_760_000_000);
    let recorded = allocations(|| {
        for number in 0..200_000_u32 {
            let exchange = Exchange {
                request_octets: number as usize % 600,
                asked: Asked {
                    qtype: Some(Rtype(number as u16)),
                    ..Asked::default()
                },
                sent: Some(Sent {
                    octets: number as usize % 5000,
                    rcode: Rcode(number as u16 % 4096),
                    truncated: number % 2 == 0,
                }),
            };
            let flow = Flow::ALL[number as usize % 8];
            cells.record(day, flow, &exchange);
            // The ring is full before the end, so every branch is taken.
            front.note(day, IpAddr::V4(Ipv4Addr::from_bits(number)));
            let bits = u128::from(number) << 60;
            front.note(day, IpAddr::V6(Ipv6Addr::from_bits(bits)));
            sampler.note(IpAddr::V6(Ipv6Addr::from_bits(bits)), query, false);
        }
    });
    assert_eq!(recorded, 0);
}

#[test]
fn handing_a_message_over_allocates_nothing() {
    for responses in [Responses::Head, Responses::Whole] {
        let (mut tap, mut drain) = tap(Settings {
            octets: 1 << 16,
            responses,
            ..Settings::default()
        });
        let octets = [7; 1232];
        let pushed = allocations(|| {
            // The ring is full before the end, so every branch is taken.
            for number in 0..2000_u16 {
                tap.push(&Seen {
                    at_ns: 1,
                    flow: Flow::ALL[usize::from(number) % 8],
                    client: (Ipv4Addr::from_bits(number.into()), number).into(),
                    server: (Ipv6Addr::from_bits(number.into()), number).into(),
                    query: &octets[..usize::from(number) % 600],
                    response: &octets,
                    rcode: Rcode(number % 4096),
                    delay_us: 1,
                });
            }
        });
        assert_eq!(pushed, 0);
        assert!(drain.take_missed().lost > 0);
    }
}
