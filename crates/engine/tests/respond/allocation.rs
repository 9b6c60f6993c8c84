//! Answering allocates nothing.
//!
//! JUSTIFICATION: only an allocator sees every allocation, and its trait is unsafe.

#![expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way"
)]

use crate::scenario::{KEEPALIVE, all};
use imrs_engine::{Transport, respond};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

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
fn respond_allocates_nothing() {
    assert_eq!(
        allocations(|| drop(std::hint::black_box(Box::new(7)))),
        1,
        "nothing is counted"
    );
    let mut out = vec![0; 65_535];
    for scenario in all() {
        // Every query to every service, so that each service is asked for what it does not have.
        for other in all() {
            for case in &other.cases {
                for transport in [
                    Transport::Udp,
                    Transport::Tcp {
                        keepalive: KEEPALIVE,
                    },
                ] {
                    for limit in [20, 512, 1232, 65_535] {
                        let count = allocations(|| {
                            respond(
                                &scenario.service,
                                transport.into(),
                                &case.packet,
                                &mut out[..limit],
                            );
                        });
                        assert_eq!(count, 0, "{} over {transport:?}", case.place);
                    }
                }
            }
        }
    }
}
