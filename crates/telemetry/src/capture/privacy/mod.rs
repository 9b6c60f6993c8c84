//! Anonymises clients before anything is written, by methods of RSSAC040 section 4.
//!
//! ```text
//! secret ─HKDF, date─▶ key of the day ─▶ the client's address
//!                                      ─▶ addresses in Client Subnet options (RFC 7871)
//! ```
//!
//! The key belongs to the UTC date on which a message was received, so that the same address looks
//! different from day to day and the same over a day, on every node that has the secret. Ports,
//! names and the server's own addresses stay. What cannot be read of a message may hold an address:
//! it is overwritten by zeros, and so are options of Client Subnet that break their form.

mod ciphers;

use super::Captured;
use super::message::Message;
use crate::time::Day;
use ciphers::{CryptoPan, Ipcrypt};
use ring::hkdf;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// How addresses are anonymised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Crypto-PAn: addresses that share leading bits do so still.
    CryptoPan,
    /// ipcrypt: nothing of an address is kept but its family. IPv4 by the permutation of
    /// J.-P. Aumasson, IPv6 by one block of AES-128, as `ipcrypt-deterministic` does.
    Ipcrypt,
}

impl Method {
    /// What a file says of it.
    pub fn describe(self) -> &'static str {
        match self {
            Method::CryptoPan => "Crypto-PAn, key by UTC date; Client Subnet options too",
            Method::Ipcrypt => {
                "ipcrypt (IPv4), AES-128 (IPv6), key by UTC date; \
                                Client Subnet options too"
            }
        }
    }
}

/// Anonymises messages.
pub struct Anonymiser {
    method: Method,
    secret: hkdf::Prk,
    day: Day,
    cipher: Cipher,
    /// Copies of messages in which something changed.
    query: Vec<u8>,
    response: Vec<u8>,
}

enum Cipher {
    CryptoPan(CryptoPan),
    Ipcrypt(Ipcrypt),
}

impl Anonymiser {
    /// Anonymises by a secret that all nodes share whose captures are to be compared.
    pub fn new(method: Method, secret: &[u8]) -> Anonymiser {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret);
        let day = Day::of(0);
        Anonymiser {
            method,
            cipher: Cipher::of(method, &secret, day),
            secret,
            day,
            query: Vec::new(),
            response: Vec::new(),
        }
    }

    /// The message without the client's addresses.
    pub fn anonymise<'a>(&'a mut self, captured: &Captured<'a>) -> Captured<'a> {
        let day = Day::of(captured.at_ns / NS_PER_S);
        if day != self.day {
            self.day = day;
            self.cipher = Cipher::of(self.method, &self.secret, day);
        }
        let client = self.cipher.address(captured.client.ip());
        Captured {
            client: SocketAddr::new(client, captured.client.port()),
            query: rewrite(&self.cipher, captured.query, &mut self.query),
            response: rewrite(&self.cipher, captured.response, &mut self.response),
            ..*captured
        }
    }
}

impl Cipher {
    fn of(method: Method, secret: &hkdf::Prk, day: Day) -> Cipher {
        let date = day.to_string();
        match method {
            Method::CryptoPan => {
                Cipher::CryptoPan(CryptoPan::new(&derive(secret, b"crypto-pan", &date)))
            }
            Method::Ipcrypt => Cipher::Ipcrypt(Ipcrypt::new(&derive(secret, b"ipcrypt", &date))),
        }
    }

    fn address(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => IpAddr::V4(self.ipv4(address.to_bits()).into()),
            IpAddr::V6(address) => IpAddr::V6(self.ipv6(address.to_bits()).into()),
        }
    }

    fn ipv4(&self, address: u32) -> u32 {
        match self {
            Cipher::CryptoPan(cipher) => cipher.ipv4(address),
            Cipher::Ipcrypt(cipher) => cipher.ipv4(address),
        }
    }

    fn ipv6(&self, address: u128) -> u128 {
        match self {
            Cipher::CryptoPan(cipher) => cipher.ipv6(address),
            Cipher::Ipcrypt(cipher) => cipher.ipv6(address),
        }
    }

    /// Rewrites the data of a Client Subnet option: family, prefix lengths, the octets of the
    /// address that the source prefix has (RFC 7871 section 6). Lengths stay.
    fn subnet(&self, data: &mut [u8]) {
        let Some(([f0, f1, source, _scope], address)) = data.split_first_chunk_mut() else {
            return data.fill(0);
        };
        let family = u16::from_be_bytes([*f0, *f1]);
        let bits = u32::from(*source);
        let has_form = address.len() == usize::from(*source).div_ceil(8);
        match family {
            FAMILY_IPV4 if has_form && bits <= u32::BITS => {
                let mut octets = [0; 4];
                octets[..address.len()].copy_from_slice(address);
                let kept = u32::MAX.checked_shl(u32::BITS - bits).unwrap_or(0);
                let hidden = self.ipv4(u32::from_be_bytes(octets)) & kept;
                address.copy_from_slice(&hidden.to_be_bytes()[..address.len()]);
            }
            FAMILY_IPV6 if has_form && bits <= u128::BITS => {
                let mut octets = [0; 16];
                octets[..address.len()].copy_from_slice(address);
                let kept = u128::MAX.checked_shl(u128::BITS - bits).unwrap_or(0);
                let hidden = self.ipv6(u128::from_be_bytes(octets)) & kept;
                address.copy_from_slice(&hidden.to_be_bytes()[..address.len()]);
            }
            _ => address.fill(0),
        }
    }
}

/// The message without addresses of clients: itself where there are none, otherwise a copy.
fn rewrite<'a>(cipher: &Cipher, octets: &'a [u8], copy: &'a mut Vec<u8>) -> &'a [u8] {
    copy.clear();
    let mut copied = |range: &Range<usize>, change: &dyn Fn(&mut [u8])| {
        if copy.is_empty() {
            copy.extend_from_slice(octets);
        }
        change(&mut copy[range.clone()]);
    };
    let message = Message::read_with(octets, |options| {
        each_option(octets, options.clone(), |code, data| match code {
            Some(CODE_CLIENT_SUBNET) => copied(&data, &|data| cipher.subnet(data)),
            Some(_) => (),
            None => copied(&data, &|data| data.fill(0)),
        });
    });
    let readable = message.map_or(imrs_wire::limits::HEADER_LEN, |message| message.readable);
    if readable < octets.len() {
        copied(&(readable..octets.len()), &|rest| rest.fill(0));
    }
    if copy.is_empty() { octets } else { copy }
}

/// Calls with the code of each option and where its data are; without a code for what is no whole
/// option.
fn each_option(
    octets: &[u8],
    options: Range<usize>,
    mut on: impl FnMut(Option<u16>, Range<usize>),
) {
    let mut at = options.start;
    while at < options.end {
        let Some(&[c0, c1, l0, l1]) = octets[at..options.end].first_chunk() else {
            return on(None, at..options.end);
        };
        let data = at + 4..at + 4 + usize::from(u16::from_be_bytes([l0, l1]));
        if data.end > options.end {
            return on(None, at..options.end);
        }
        at = data.end;
        on(Some(u16::from_be_bytes([c0, c1])), data);
    }
}

/// The key of a method for a date.
fn derive<const N: usize>(secret: &hkdf::Prk, method: &[u8], date: &str) -> [u8; N] {
    let mut key = [0; N];
    secret
        .expand(&[method, b" ", date.as_bytes()], Length(N))
        .and_then(|material| material.fill(&mut key))
        .expect("a key is shorter than 255 digests, and as long as was said");
    key
}

/// Octets of a key, as HKDF asks for them.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl std::fmt::Debug for Anonymiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Anonymiser").finish_non_exhaustive()
    }
}

/// What keys of captures are derived with, so that they are no others of the same secret.
const SALT: &[u8] = b"imrs capture v1";

/// The option code of Client Subnet, and its families (RFC 7871 sections 4 and 6).
const CODE_CLIENT_SUBNET: u16 = 8;
const FAMILY_IPV4: u16 = 1;
const FAMILY_IPV6: u16 = 2;

const NS_PER_S: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
