//! Signatures of requests, responses and sequences, right and wrong.

mod known;
mod objections;
mod requests;
mod sequences;

use crate::bed::NOW;
use imrs_transfer::key::Key;
use imrs_transfer::tsig::Keys;
use imrs_zone::record::UnixTime;

fn later(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

fn keys(key: &Key) -> Keys {
    [key.clone()].into_iter().collect()
}

/// Whether the name of the key or of the algorithm is there, whose letter case is nothing.
fn is_name(at: usize, tsig_at: usize) -> bool {
    (0..9).chain(19..32).any(|name_at| tsig_at + name_at == at)
}
