//! What a worker has of it: a countdown to the next query that is looked at, and a ring to hand it
//! over.
//!
//! The distance from one sample to the next is drawn anew each time, evenly from 1 to 127, so that
//! one in 64 is looked at whatever pattern queries come in, and no client can know which.

use super::label::Label;
use super::ring::Ring;
use crate::limits::{SAMPLE_ONE_IN, SAMPLES_WAITING};
use std::net::IpAddr;
use std::sync::Arc;

/// Makes a sampler, and what drains it. `seed` is secret, or clients could ask between the samples.
pub fn sampler(seed: u64) -> (Sampler, SampleDrain) {
    let ring = Arc::new(Ring::new(SAMPLES_WAITING));
    let mut sampler = Sampler {
        left: 0,
        state: seed,
        ring: Arc::clone(&ring),
    };
    sampler.left = sampler.distance();
    (sampler, SampleDrain { ring, lost: 0 })
}

/// The worker's end.
pub struct Sampler {
    /// Queries up to the next sample, that one counted.
    left: u32,
    state: u64,
    ring: Arc<Ring>,
}

/// The end of the thread that keeps a [`super::Top`].
pub struct SampleDrain {
    ring: Arc<Ring>,
    /// What was taken of the count of lost samples.
    lost: u64,
}

/// A query that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Whose it is.
    pub client: IpAddr,
    /// Its top-level domain, where a name could be read.
    pub label: Option<Label>,
    /// Whether the response says that the name does not exist.
    pub nxdomain: bool,
}

impl Sampler {
    /// Notes a query and whether its response is NXDOMAIN. All but one in [`SAMPLE_ONE_IN`] cost a
    /// subtraction and a comparison; nothing allocates or waits.
    #[inline]
    pub fn note(&mut self, client: IpAddr, query: &[u8], nxdomain: bool) {
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 {
            self.look_at(client, query, nxdomain);
        }
    }

    #[cold]
    #[inline(never)]
    fn look_at(&mut self, client: IpAddr, query: &[u8], nxdomain: bool) {
        self.left = self.distance();
        self.ring.push(&Sample {
            client: client.to_canonical(),
            label: Label::of_query(query),
            nxdomain,
        });
    }

    /// A number from 1 to one less than twice [`SAMPLE_ONE_IN`], which is that in the mean.
    fn distance(&mut self) -> u32 {
        // SplitMix64: every seed is a good one.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = (z ^ (z >> 31)) >> 32;
        1 + ((high * u64::from(2 * SAMPLE_ONE_IN - 1)) >> 32) as u32
    }
}

impl SampleDrain {
    /// The next sample.
    pub fn pop(&mut self) -> Option<Sample> {
        self.ring.pop()
    }

    /// Samples that found no place since this was asked last.
    pub fn take_lost(&mut self) -> u64 {
        let now = self.ring.lost();
        now.wrapping_sub(std::mem::replace(&mut self.lost, now))
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SampleDrain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SampleDrain").finish_non_exhaustive()
    }
}
