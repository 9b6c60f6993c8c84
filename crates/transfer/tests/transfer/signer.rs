//! A signer of the tests' own (RFC 8945 section 4.3), which can also sign what must not be.

use crate::bed::{ID, NOW};
use imrs_transfer::key::Algorithm;
use ring::hmac;

/// A TSIG record, of which everything can be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Tsig {
    pub(crate) name: Vec<u8>,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) time: u64,
    pub(crate) fudge: u16,
    pub(crate) mac: Vec<u8>,
    pub(crate) original_id: u16,
    pub(crate) error: u16,
    pub(crate) other: Vec<u8>,
}

impl Tsig {
    /// One without MAC.
    pub(crate) fn of(algorithm: Algorithm) -> Self {
        let text = algorithm.to_string();
        Tsig {
            name: b"\x07xfr-key\0".to_vec(),
            class: 255,
            ttl: 0,
            algorithm: [&[text.len() as u8], text.as_bytes(), &[0]].concat(),
            time: NOW.0,
            fudge: 300,
            mac: Vec::new(),
            original_id: ID,
            error: 0,
            other: Vec::new(),
        }
    }

    /// Its octets in a message, with a MAC of so many.
    pub(crate) fn octets(&self, mac: usize) -> usize {
        self.name.len() + 10 + self.algorithm.len() + 16 + mac + self.other.len()
    }

    /// The message with this record behind it.
    pub(crate) fn append(&self, message: &[u8]) -> Vec<u8> {
        let data_len = self.octets(self.mac.len()) - self.name.len() - 10;
        let mut signed = message.to_vec();
        let additional = u16::from_be_bytes([message[10], message[11]]) + 1;
        signed[10..12].copy_from_slice(&additional.to_be_bytes());
        signed.extend(&self.name);
        signed.extend(250u16.to_be_bytes());
        signed.extend(self.class.to_be_bytes());
        signed.extend(self.ttl.to_be_bytes());
        signed.extend((data_len as u16).to_be_bytes());
        signed.extend(&self.algorithm);
        signed.extend(&self.time.to_be_bytes()[2..]);
        signed.extend(self.fudge.to_be_bytes());
        signed.extend((self.mac.len() as u16).to_be_bytes());
        signed.extend(&self.mac);
        signed.extend(self.original_id.to_be_bytes());
        signed.extend(self.error.to_be_bytes());
        signed.extend((self.other.len() as u16).to_be_bytes());
        signed.extend(&self.other);
        signed
    }

    /// The record of a message, if it is the last; only what tests look at.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let marker = [&[0, 250, 0, 255, 0, 0, 0, 0][..]].concat();
        let at = message
            .windows(marker.len())
            .rposition(|window| window == marker)?;
        let data = &message[at + 10..];
        let algorithm_len = data.iter().position(|&octet| octet == 0)? + 1;
        let rest = &data[algorithm_len..];
        let mac_len = usize::from(u16::from_be_bytes([rest[8], rest[9]]));
        let behind = &rest[10 + mac_len..];
        Some(Tsig {
            mac: rest[10..10 + mac_len].to_vec(),
            error: u16::from_be_bytes([behind[2], behind[3]]),
            other: behind[6..].to_vec(),
            ..Tsig::of(Algorithm::HmacSha256)
        })
    }
}

/// Signs requests and sequences of responses.
pub(crate) struct Signer {
    key: hmac::Key,
    /// What is under the next MAC ahead of the next message.
    pending: Vec<u8>,
    begun: bool,
}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let algorithm = match algorithm {
            Algorithm::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::HmacSha256 => hmac::HMAC_SHA256,
            Algorithm::HmacSha384 => hmac::HMAC_SHA384,
            Algorithm::HmacSha512 => hmac::HMAC_SHA512,
        };
        Signer {
            key: hmac::Key::new(algorithm, b"a secret of some length, not told"),
            pending: Vec::new(),
            begun: false,
        }
    }

    /// Signs a request.
    pub(crate) fn request(&mut self, message: &[u8], tsig: Tsig) -> Tsig {
        self.pending.clear();
        self.begun = false;
        self.next(message, tsig)
    }

    /// Begins the responses to a request with this MAC.
    pub(crate) fn begin(&mut self, request_mac: &[u8]) {
        self.pending = prefixed(request_mac);
        self.begun = false;
    }

    /// Signs the next response.
    pub(crate) fn next(&mut self, message: &[u8], mut tsig: Tsig) -> Tsig {
        let mut digested = std::mem::take(&mut self.pending);
        digested.extend(message);
        if !self.begun {
            digested.extend(tsig.name.to_ascii_lowercase());
            digested.extend([0, 255, 0, 0, 0, 0]);
            digested.extend(tsig.algorithm.to_ascii_lowercase());
        }
        digested.extend(&tsig.time.to_be_bytes()[2..]);
        digested.extend(tsig.fudge.to_be_bytes());
        if !self.begun {
            digested.extend(tsig.error.to_be_bytes());
            digested.extend(prefixed(&tsig.other));
        }
        tsig.mac = hmac::sign(&self.key, &digested).as_ref().to_vec();
        self.pending = prefixed(&tsig.mac);
        self.begun = true;
        tsig
    }

    /// Passes over a response that goes unsigned.
    pub(crate) fn skip(&mut self, message: &[u8]) {
        self.pending.extend(message);
    }
}

fn prefixed(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes(), octets].concat()
}
