//! The keys of a test zone, and signing with them, through `ring`.
//!
//! Ed25519 keys follow the seed. `ring` makes ECDSA keys from fresh randomness alone, so those and
//! their signatures differ from run to run. It does not make RSA keys at all: `keys/` holds fixed
//! ones, whose private halves are public.

use super::SynthError;
use super::contents::{DAY, TWO_DAYS, record};
use crate::record::{Name, Record};
use bytes::Bytes;
use domain::base::ToName;
use domain::base::iana::{DigestAlgorithm, SecurityAlgorithm};
use domain::base::rdata::ComposeRecordData;
use domain::rdata::Ds;
use domain::rdata::dnssec::Dnskey;
use ring::digest;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use std::fmt;
use std::str::FromStr;

/// An algorithm that a test root can be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Number 8, with fixed keys of 2048 bits that are public.
    RsaSha256,
    /// Number 13.
    EcdsaP256Sha256,
    /// Number 14.
    EcdsaP384Sha384,
    /// Number 15.
    Ed25519,
}

impl Algorithm {
    /// All of them, by number.
    pub const ALL: [Algorithm; 4] = [
        Algorithm::RsaSha256,
        Algorithm::EcdsaP256Sha256,
        Algorithm::EcdsaP384Sha384,
        Algorithm::Ed25519,
    ];

    /// The number in DNSKEY, DS and RRSIG.
    pub fn number(self) -> u8 {
        match self {
            Algorithm::RsaSha256 => 8,
            Algorithm::EcdsaP256Sha256 => 13,
            Algorithm::EcdsaP384Sha384 => 14,
            Algorithm::Ed25519 => 15,
        }
    }

    /// The mnemonic that IANA registered.
    pub fn mnemonic(self) -> &'static str {
        match self {
            Algorithm::RsaSha256 => "RSASHA256",
            Algorithm::EcdsaP256Sha256 => "ECDSAP256SHA256",
            Algorithm::EcdsaP384Sha384 => "ECDSAP384SHA384",
            Algorithm::Ed25519 => "ED25519",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mnemonic())
    }
}

/// A word that names no algorithm of a test root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown algorithm `{0}`: use RSASHA256 (8), ECDSAP256SHA256 (13), ECDSAP384SHA384 (14) or \
     ED25519 (15)"
)]
pub struct UnknownAlgorithm(String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Takes a mnemonic in any case, or a number.
    fn from_str(word: &str) -> Result<Self, UnknownAlgorithm> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| {
                word.eq_ignore_ascii_case(algorithm.mnemonic())
                    || word == algorithm.number().to_string()
            })
            .ok_or_else(|| UnknownAlgorithm(word.to_owned()))
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signs the DNSKEY RRset; the trust anchor or the parent's DS names it.
    KeySigning,
    /// Signs all else.
    ZoneSigning,
    /// Is published ahead of its time, and signs nothing.
    Standby,
}

/// A key pair of a test zone.
pub struct Key {
    pub(super) apex: Name,
    pub(super) role: Role,
    pub(super) dnskey: Dnskey<Bytes>,
    pub(super) tag: u16,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    /// Makes the key of a zone for a role. With Ed25519, what was made by [`super::make`] of a seed
    /// is made again of the same seed.
    pub fn make(
        algorithm: Algorithm,
        role: Role,
        apex: &Name,
        seed: u64,
    ) -> Result<Self, SynthError> {
        let pair = Pair::make(algorithm, role, apex, seed).ok_or(SynthError::Key { algorithm })?;
        let flags = match role {
            Role::ZoneSigning => 256,
            Role::KeySigning | Role::Standby => 257,
        };
        let number = SecurityAlgorithm::from_int(algorithm.number());
        let dnskey = Dnskey::new(flags, 3, number, pair.public_key())
            .map_err(|_| SynthError::Key { algorithm })?;
        let tag = dnskey.key_tag();
        Ok(Key {
            apex: apex.clone(),
            role,
            dnskey,
            tag,
            pair,
        })
    }

    /// The signature over octets, in the form of RRSIG; none if the provider failed.
    pub(super) fn sign(&self, octets: &[u8]) -> Option<Bytes> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let encoding = &signature::RSA_PKCS1_SHA256;
                pair.sign(encoding, &SystemRandom::new(), octets, &mut signature)
                    .ok()?;
                Some(Bytes::from(signature))
            }
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), octets).ok()?;
                Some(Bytes::copy_from_slice(signature.as_ref()))
            }
            Pair::Ed25519(pair) => Some(Bytes::copy_from_slice(pair.sign(octets).as_ref())),
        }
    }

    /// The DNSKEY record of the key.
    pub fn dnskey(&self) -> Record {
        record(&self.apex, TWO_DAYS, self.dnskey.clone())
    }

    /// The DS record of the key, with SHA-256 (RFC 4509): the trust anchor, or what the parent has.
    pub fn ds(&self) -> Record {
        let mut octets = Vec::new();
        let composed = self
            .apex
            .compose_canonical(&mut octets)
            .and_then(|()| self.dnskey.compose_canonical_rdata(&mut octets));
        match composed {
            Ok(()) => {}
            Err(never) => match never {},
        }
        let digest = digest::digest(&digest::SHA256, &octets);
        let ds = Ds::new(
            self.tag,
            self.dnskey.algorithm(),
            DigestAlgorithm::SHA256,
            Bytes::copy_from_slice(digest.as_ref()),
        );
        record(&self.apex, DAY, ds.expect("a digest of 32 octets fits"))
    }
}

impl Pair {
    fn make(algorithm: Algorithm, role: Role, apex: &Name, seed: u64) -> Option<Self> {
        match algorithm {
            Algorithm::RsaSha256 => {
                let octets: &[u8] = match role {
                    Role::KeySigning => include_bytes!("keys/ksk.pk8"),
                    Role::ZoneSigning => include_bytes!("keys/zsk.pk8"),
                    Role::Standby => include_bytes!("keys/standby.pk8"),
                };
                RsaKeyPair::from_pkcs8(octets).ok().map(Pair::Rsa)
            }
            Algorithm::EcdsaP256Sha256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::EcdsaP384Sha384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Ed25519 => {
                let secret = format!(
                    "imrs test root, {role:?} of {}, {seed}",
                    apex.fmt_with_dot()
                );
                let secret = digest::digest(&digest::SHA256, secret.as_bytes());
                let pair = Ed25519KeyPair::from_seed_unchecked(secret.as_ref());
                pair.ok().map(Pair::Ed25519)
            }
        }
    }

    /// The public key in the form of DNSKEY (RFC 3110, RFC 6605 section 4, RFC 8080 section 3).
    fn public_key(&self) -> Bytes {
        match self {
            Pair::Rsa(pair) => {
                let key: PublicKeyComponents<Vec<u8>> = pair.public().into();
                // The exponents of the keys here take three octets; one octet counts up to 255.
                let mut octets = vec![key.e.len() as u8];
                octets.extend(key.e);
                octets.extend(key.n);
                Bytes::from(octets)
            }
            // The first octet says that both coordinates follow, which DNSKEY takes for granted.
            Pair::Ecdsa(pair) => Bytes::copy_from_slice(&pair.public_key().as_ref()[1..]),
            Pair::Ed25519(pair) => Bytes::copy_from_slice(pair.public_key().as_ref()),
        }
    }
}

fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm) -> Option<Pair> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random);
    pair.ok().map(Pair::Ecdsa)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_read_what_they_print_and_their_number() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(algorithm.to_string().to_lowercase().parse(), Ok(algorithm));
            assert_eq!(algorithm.number().to_string().parse(), Ok(algorithm));
        }
        let error = "rsa".parse::<Algorithm>().unwrap_err();
        assert!(error.to_string().contains("unknown algorithm `rsa`"));
    }

    #[test]
    fn an_ed25519_key_follows_seed_zone_and_role() {
        let key = |role, apex: &str, seed| {
            let apex = apex.parse().unwrap();
            Key::make(Algorithm::Ed25519, role, &apex, seed)
                .unwrap()
                .dnskey
        };
        let one = key(Role::KeySigning, ".", 1);
        assert_eq!(one, key(Role::KeySigning, ".", 1));
        assert_ne!(one, key(Role::Standby, ".", 1));
        assert_ne!(one, key(Role::KeySigning, "arpa.", 1));
        assert_ne!(one, key(Role::KeySigning, ".", 2));
    }
}
