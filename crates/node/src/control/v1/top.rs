//! What is told of who asks most, and for what.

use imrs_telemetry::limits::SAMPLE_ONE_IN;
use imrs_telemetry::top;
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// The busiest clients and top-level domains of about the last minute, estimated from a sample of
/// the queries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    /// How long the time is that all figures are of.
    pub covered_ms: u64,
    /// One query in so many is in the sample.
    pub sampled_one_in: u32,
    /// Queries in the sample.
    pub samples: u64,
    /// Queries that should be in it and were passed over, since too many waited.
    pub lost_samples: u64,
    /// Top-level domains that exist, `.` for the root itself; the busiest first.
    pub existing: Vec<Ranked>,
    /// Top-level domains that do not exist.
    pub missing: Vec<Ranked>,
    /// Addresses of clients.
    pub clients: Vec<Ranked>,
}

/// One client or domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    /// The client or domain, as in a master file.
    pub name: String,
    /// Its queries in the time covered, estimated.
    pub queries: u64,
    /// By how many this may be too high, since not everything that comes can be kept.
    pub excess_max: u64,
    /// The standard error of the sample: two of three such estimates are within it.
    pub sampling_error: u64,
}

impl Top {
    /// The first `n` of each kind.
    pub fn of(top: &top::Top, n: usize) -> Top {
        Top {
            covered_ms: top.covered_ms(),
            sampled_one_in: SAMPLE_ONE_IN,
            samples: top.samples(),
            lost_samples: top.lost(),
            existing: ranked(&top.top_existing(n)),
            missing: ranked(&top.top_missing(n)),
            clients: ranked(&top.top_clients(n)),
        }
    }
}

fn ranked<K: Display>(found: &[top::Ranked<K>]) -> Vec<Ranked> {
    let told = found.iter().map(|ranked| Ranked {
        name: ranked.key.to_string(),
        queries: ranked.queries,
        excess_max: ranked.excess_max,
        sampling_error: ranked.sampling_error,
    });
    told.collect()
}
