//! DNS cookies (RFC 7873) in the form that all servers of an address share (RFC 9018).
//!
//! ```text
//! server cookie   version 1 | reserved 3 | time 4 | SipHash-2-4 8
//! the hash is of  client cookie | version | reserved | time | address of the client
//! ```

use imrs_wire::limits::{COOKIE_CLIENT_LEN, COOKIE_SERVER_LEN};
use imrs_wire::{Cookie, ServerCookie};
use siphasher::sip::SipHasher24;
use std::fmt;
use std::net::IpAddr;
use zeroize::Zeroize;

/// The version of RFC 9018 section 4.1.
const VERSION: u8 = 1;

/// The reserved octets, in the first eight of a server cookie.
const RESERVED: u64 = 0x00ff_ffff_0000_0000;

/// Seconds for which a cookie is good (RFC 9018 section 4.3).
const AGE_MAX: i32 = 3600;

/// Seconds that another server's clock may be ahead of this one's (RFC 9018 section 4.3).
const AHEAD_MAX: i32 = 300;

/// Seconds after which a client gets a fresh one (RFC 9018 section 4.3).
const AGE_FRESH: i32 = 1800;

/// A secret that cookies are made with: 128 bits, overwritten when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 16]);

impl Secret {
    /// The secret of these octets.
    pub fn from_octets(octets: [u8; 16]) -> Self {
        Secret(octets)
    }

    /// The last part of a server cookie, of which `head` is the rest.
    fn hash(&self, client: [u8; 8], head: [u8; 8], address: IpAddr) -> [u8; 8] {
        // In one piece, of a length that the compiler knows.
        let hasher = SipHasher24::new_with_key(&self.0);
        let both = join(client, head);
        let hash = match address {
            IpAddr::V4(address) => {
                let mut hashed = [0; 20];
                let (start, end) = hashed.split_at_mut(both.len());
                start.copy_from_slice(&both);
                end.copy_from_slice(&address.octets());
                hasher.hash(&hashed)
            }
            IpAddr::V6(address) => {
                let mut hashed = [0; 32];
                let (start, end) = hashed.split_at_mut(both.len());
                start.copy_from_slice(&both);
                end.copy_from_slice(&address.octets());
                hasher.hash(&hashed)
            }
        };
        hash.to_le_bytes()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The secrets of a server while it rolls from one to the next (RFC 9018 section 5).
#[derive(Clone, Debug)]
pub struct Secrets {
    active: Secret,
    others: [Option<Secret>; 2],
}

/// What a query shows of the client that it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Claim {
    /// No cookie, or cookies are not used here.
    #[default]
    None,
    /// That it speaks cookies and has none of this server yet.
    Client,
    /// A cookie that is not good: too old, of another address, or forged.
    Invalid,
    /// A good cookie: the client is where it says that it is.
    Valid,
}

/// Both cookies, as a response has them.
pub(crate) type Pair = [u8; COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN];

impl Secrets {
    /// Cookies are made with `active`, and those of the others are good too: `staging`, which
    /// other servers of the address make them with already, and `previous`, with which they were
    /// made before.
    pub fn new(active: Secret, staging: Option<Secret>, previous: Option<Secret>) -> Self {
        let others = [staging, previous];
        Secrets { active, others }
    }

    /// Judges the cookies of a query, and gives those of its response. `now` is in seconds of Unix,
    /// which may wrap around.
    pub(crate) fn judge(&self, cookie: &Cookie, address: IpAddr, now: u32) -> (Claim, Pair) {
        let client = cookie.client;
        let claim = match cookie.server {
            ServerCookie::Absent => Claim::Client,
            ServerCookie::Foreign => Claim::Invalid,
            ServerCookie::Given(server) => match self.age(client, server, address, now) {
                None => Claim::Invalid,
                Some(Age::Fresh) => return (Claim::Valid, pair(client, server)),
                Some(Age::Renewed) => Claim::Valid,
            },
        };
        (claim, self.make(client, address, now))
    }

    fn make(&self, client: [u8; 8], address: IpAddr, now: u32) -> Pair {
        let [t0, t1, t2, t3] = now.to_be_bytes();
        let head = [VERSION, 0, 0, 0, t0, t1, t2, t3];
        let server = join(head, self.active.hash(client, head, address));
        pair(client, server)
    }

    /// How old a good cookie is.
    fn age(
        &self,
        client: [u8; 8],
        server: [u8; COOKIE_SERVER_LEN],
        address: IpAddr,
        now: u32,
    ) -> Option<Age> {
        let whole = u128::from_be_bytes(server);
        let (head, hash) = ((whole >> 64) as u64, whole as u64);
        let age = now.wrapping_sub(head as u32).cast_signed();
        let is_timely = (AHEAD_MAX.wrapping_neg()..=AGE_MAX).contains(&age);
        if head >> 56 != u64::from(VERSION) || !is_timely {
            return None;
        }
        let is_of = |secret: &Secret| {
            let expected = secret.hash(client, head.to_be_bytes(), address);
            are_equal(expected, hash.to_be_bytes())
        };
        if is_of(&self.active) {
            let is_fresh = age <= AGE_FRESH && head & RESERVED == 0;
            return Some(if is_fresh { Age::Fresh } else { Age::Renewed });
        }
        { self.others.iter().flatten() }
            .any(is_of)
            .then_some(Age::Renewed)
    }
}

/// What a good cookie's age means for the response.
#[derive(Clone, Copy)]
enum Age {
    /// It goes back as it came.
    Fresh,
    /// The client gets another.
    Renewed,
}

/// Compares in a time that does not tell how much is right.
fn are_equal(a: [u8; 8], b: [u8; 8]) -> bool {
    u64::from_ne_bytes(a) ^ u64::from_ne_bytes(b) == 0
}

fn join(head: [u8; 8], tail: [u8; 8]) -> [u8; COOKIE_SERVER_LEN] {
    let joined = u128::from(u64::from_be_bytes(head)) << 64 | u128::from(u64::from_be_bytes(tail));
    joined.to_be_bytes()
}

fn pair(client: [u8; 8], server: [u8; COOKIE_SERVER_LEN]) -> Pair {
    let mut pair = [0; COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN];
    let (head, tail) = pair.split_at_mut(COOKIE_CLIENT_LEN);
    head.copy_from_slice(&client);
    tail.copy_from_slice(&server);
    pair
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn octets<const N: usize>(hex: &str) -> [u8; N] {
        let mut octets = [0; N];
        for (octet, pair) in octets.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *octet = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        }
        octets
    }

    fn secret(hex: &str) -> Secret {
        Secret::from_octets(octets(hex))
    }

    fn cookie(client: &str, server: &str) -> Cookie {
        Cookie {
            client: octets(client),
            server: match server {
                "" => ServerCookie::Absent,
                server => ServerCookie::Given(octets(server)),
            },
        }
    }

    const A: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const B: &str = "445536bcd2513298075a5d379663c962";
    const C: &str = "dd3bdf9344b678b185a6f5cb60fca715";

    fn check(secrets: &Secrets, shown: Cookie, at: (&str, u32), expected: (Claim, &str)) {
        let (claim, pair) = secrets.judge(&shown, at.0.parse().unwrap(), at.1);
        let (client, server) = pair.split_at(8);
        assert_eq!(client, shown.client);
        assert_eq!(claim, expected.0);
        assert_eq!(server, octets::<16>(expected.1), "{server:02x?}");
    }

    /// The cases of RFC 9018 appendix A.
    #[test]
    fn cookies_are_those_of_the_rfc() {
        let secrets = Secrets::new(secret(A), None, None);
        check(
            &secrets,
            cookie("2464c4abcf10c957", ""),
            ("198.51.100.100", 1_559_731_985),
            (Claim::Client, "010000005cf79f111f8130c3eee29480"),
        );
        check(
            &secrets,
            cookie("2464c4abcf10c957", "010000005cf79f111f8130c3eee29480"),
            ("198.51.100.100", 1_559_734_385),
            (Claim::Valid, "010000005cf7a871d4a564a1442aca77"),
        );
        // The cookie of this client is from 1559727985, so that it is no longer good; it was with
        // its reserved octets, which count, and the fresh one has none.
        let reserved = cookie("fc93fc62807ddb86", "01abcdef5cf78f71a314227b6679ebf5");
        check(
            &secrets,
            reserved,
            ("203.0.113.203", 1_559_734_700),
            (Claim::Invalid, "010000005cf7a9acf73a7810aca2381e"),
        );
        let address = "203.0.113.203".parse().unwrap();
        let (claim, _) = secrets.judge(&reserved, address, 1_559_727_985);
        assert_eq!(claim, Claim::Valid);
        check(
            &Secrets::new(secret(B), None, Some(secret(C))),
            cookie("22681ab97d52c298", "010000005cf7c57926556bd0934c72f8"),
            ("2001:db8:220:1:59de:d0f4:8769:82b8", 1_559_741_961),
            (Claim::Valid, "010000005cf7c609a6bb79d16625507a"),
        );
    }

    const CLIENT: [u8; 8] = *b"a client";
    const NOW: u32 = 1_790_000_000;

    /// What a server with `theirs` says at `then` of a cookie that one with `ours` made at `NOW`.
    fn claim(ours: &Secrets, theirs: &Secrets, address: [&str; 2], then: u32) -> Claim {
        let [first, second] = address.map(|address| address.parse().unwrap());
        let made = ours.make(CLIENT, first, NOW);
        let shown = Cookie {
            client: CLIENT,
            server: ServerCookie::Given(*made.last_chunk().unwrap()),
        };
        theirs.judge(&shown, second, then).0
    }

    #[test]
    fn a_cookie_is_good_for_its_address_and_its_time() {
        let secrets = Secrets::new(secret(A), None, None);
        let same = ["192.0.2.1"; 2];
        let at = |then| claim(&secrets, &secrets, same, then);
        assert_eq!(at(NOW + 3600), Claim::Valid);
        assert_eq!(at(NOW + 3601), Claim::Invalid);
        assert_eq!(at(NOW - 300), Claim::Valid);
        assert_eq!(at(NOW - 301), Claim::Invalid);
        let other = claim(&secrets, &secrets, ["192.0.2.1", "192.0.2.2"], NOW);
        assert_eq!(other, Claim::Invalid);
        let other = claim(&secrets, &secrets, ["2001:db8::1", "2001:db8::2"], NOW);
        assert_eq!(other, Claim::Invalid);
    }

    #[test]
    fn no_step_of_a_roll_refuses_a_cookie_of_the_step_beside_it() {
        let [before, staged, rolled] = [
            Secrets::new(secret(A), None, None),
            Secrets::new(secret(A), Some(secret(B)), None),
            Secrets::new(secret(B), None, Some(secret(A))),
        ];
        let after = Secrets::new(secret(B), None, None);
        let check = |ours, theirs, expected| {
            let same = ["2001:db8::1"; 2];
            assert_eq!(claim(ours, theirs, same, NOW), expected);
        };
        for (ours, theirs) in [
            (&before, &staged),
            (&staged, &before),
            (&staged, &rolled),
            (&rolled, &staged),
            (&rolled, &after),
            (&after, &rolled),
        ] {
            check(ours, theirs, Claim::Valid);
        }
        check(&before, &after, Claim::Invalid);
    }

    proptest! {
        #[test]
        fn what_was_not_made_here_is_not_good(
            client: [u8; 8],
            server: [u8; 16],
            address: IpAddr,
            now: u32,
        ) {
            let secrets = Secrets::new(secret(A), Some(secret(B)), Some(secret(C)));
            let shown = Cookie { client, server: ServerCookie::Given(server) };
            prop_assert_eq!(secrets.judge(&shown, address, now).0, Claim::Invalid);
        }
    }
}
