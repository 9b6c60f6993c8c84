//! Signs and checks messages by shared secrets (RFC 8945).
//!
//! ```text
//! server     check a request, sign the messages that respond to it
//! client     sign a request, check the messages that answer it
//! found      where the TSIG record of a message is, if it is where it must be
//! complaint  responses that tell of an error in a signature
//! finished   a finished message, to which `domain` appends its record
//! ```
//!
//! `domain` makes and compares the MACs of all that goes well. What it leaves open or does
//! otherwise than the RFC is done here:
//!
//! - The record is looked for in every section, must be the last, of class ANY and TTL 0, and must
//!   end the message; none of this is under the MAC, so that anybody could change it.
//! - The name of the algorithm may be in any letter case (RFC 8945 section 6).
//! - A MAC that does not verify is BADSIG, one that is shorter than the algorithm allows or longer
//!   is FORMERR, and only a good one that is truncated is BADTRUNC (section 5.2).
//! - BADTIME and BADTRUNC are signed over the six octets of the server's time (section 5.2.3).
//! - The ID of a request stays the one that it came with: a response must have it.

mod client;
mod complaint;
mod finished;
mod found;
mod server;

pub use client::{Complaint, Sequence, Transaction, Unauthentic, sign_request};
pub use found::Misformed;
pub use server::{Checked, Refusal, Signature, TsigError, check};

use crate::key::Key;
use domain::base::ToName;
use domain::rdata::tsig::Time48;
use domain::tsig::{Algorithm, KeyName, KeyStore};
use imrs_zone::Name;
use imrs_zone::record::UnixTime;
use std::collections::HashMap;

/// The keys of a configuration, by name and algorithm.
#[derive(Clone, Debug, Default)]
pub struct Keys(HashMap<(KeyName, Algorithm), Key>);

impl Keys {
    /// A key of this name. Where one name has keys of several algorithms, the longest MAC wins.
    pub fn get(&self, name: &Name) -> Option<&Key> {
        self.0
            .values()
            .filter(|key| key.name() == name)
            .max_by_key(|key| key.algorithm().octets())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let by_name = |key: Key| {
            let inner: &domain::tsig::Key = key.as_ref();
            ((inner.name().clone(), inner.algorithm()), key)
        };
        Keys(keys.into_iter().map(by_name).collect())
    }
}

impl KeyStore for Keys {
    type Key = Key;

    fn get_key<N: ToName>(&self, name: &N, algorithm: Algorithm) -> Option<Key> {
        self.0.get_key(name, algorithm)
    }
}

/// The time as TSIG has it, with 48 bits: they last for nine million years.
fn time48(now: UnixTime) -> Time48 {
    Time48::from_u64(now.0.min((1 << 48) - 1))
}
