//! The keys of a zone and the chain to them from the trust anchors (RFC 4035 section 5.2).

use super::failure::{SignatureFault, Unverified};
use super::signatures::{Checker, RrsetCheck};
use crate::anchors::{Anchors, is_supported, key_tag};
use crate::owners::Owner;
use crate::record::{Name, UnixTime};
use bytes::Bytes;
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::crypto::common::{AlgorithmError, PublicKey};
use domain::rdata::{Dnskey, ZoneRecordData};

/// A key of the apex DNSKEY RRset, parsed once.
pub(super) struct ZoneKey {
    pub(super) tag: u16,
    pub(super) algorithm: u8,
    /// The REVOKE bit is set (RFC 5011 section 2.1).
    pub(super) is_revoked: bool,
    public: Option<PublicKey>,
    dnskey: Dnskey<Bytes>,
}

impl ZoneKey {
    /// None if the key is not one that signs zones (RFC 4034 section 2.1).
    fn new(dnskey: &Dnskey<Bytes>) -> Option<Self> {
        const PROTOCOL: u8 = 3;
        if !dnskey.is_zone_key() || dnskey.protocol() != PROTOCOL {
            return None;
        }
        let public = match is_supported(dnskey.algorithm()) {
            true => PublicKey::from_dnskey(dnskey).ok(),
            false => None,
        };
        Some(ZoneKey {
            tag: key_tag(dnskey),
            algorithm: dnskey.algorithm().to_int(),
            is_revoked: dnskey.is_revoked(),
            public,
            dnskey: dnskey.clone(),
        })
    }

    /// Whether `signature` over `signed` is by this key.
    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), AlgorithmError> {
        match &self.public {
            Some(key) => key.verify(signed, signature),
            None => Err(AlgorithmError::Unsupported),
        }
    }
}

/// The keys that may sign the zone, proven by the anchors.
pub(super) struct Chain {
    pub(super) keys: Vec<ZoneKey>,
    /// The tags of those that are anchored and signed the DNSKEY RRset.
    pub(super) anchored: Vec<u16>,
}

/// Follows the chain from the anchors to the DNSKEY RRset.
pub(super) fn chain(
    apex: &Owner<'_>,
    anchors: &Anchors,
    now: UnixTime,
) -> Result<Chain, Unverified> {
    let name = || apex.name.clone();
    let dnskeys = apex.rrset(Rtype::DNSKEY);
    if dnskeys.is_empty() {
        return Err(Unverified::Unsigned { apex: name() });
    }
    if !anchors.zone().name_eq(apex.name) {
        return Err(Unverified::OtherAnchors {
            anchors: anchors.zone().clone(),
            apex: name(),
        });
    }
    if anchors.valid_at(now).next().is_none() {
        return Err(Unverified::NoAnchor { apex: name(), now });
    }
    let keys: Vec<ZoneKey> = dnskeys
        .iter()
        .filter_map(|record| match record.data() {
            ZoneRecordData::Dnskey(key) => ZoneKey::new(key),
            _ => None,
        })
        .collect();
    let trusted: Vec<usize> = trusted(apex.name, &keys, anchors, now);
    if trusted.is_empty() {
        return Err(Unverified::NoAnchoredKey {
            apex: name(),
            anchors: anchors
                .valid_at(now)
                .map(|anchor| anchor.key_tag())
                .collect(),
            keys: keys.iter().map(|key| key.tag).collect(),
        });
    }
    let anchored = signers(apex, &keys, &trusted, now)?;
    Ok(Chain { keys, anchored })
}

/// The keys that an anchor matches. A revoked key is none, whatever the anchors say.
fn trusted(apex: &Name, keys: &[ZoneKey], anchors: &Anchors, now: UnixTime) -> Vec<usize> {
    let is_trusted = |key: &ZoneKey| {
        let mut valid = anchors.valid_at(now);
        !key.is_revoked && valid.any(|anchor| anchor.matches(apex, &key.dnskey))
    };
    let trusted = keys.iter().enumerate().filter(|(_, key)| is_trusted(key));
    trusted.map(|(at, _)| at).collect()
}

/// The tags of the trusted keys whose signature over the DNSKEY RRset is good: at least one.
fn signers(
    apex: &Owner<'_>,
    keys: &[ZoneKey],
    trusted: &[usize],
    now: UnixTime,
) -> Result<Vec<u16>, Unverified> {
    let check = RrsetCheck::new(apex, Rtype::DNSKEY);
    let mut checker = Checker::new(apex.name, keys, now);
    let mut furthest = SignatureFault::Absent;
    let mut anchored = Vec::new();
    for signature in check.signatures {
        match checker.check_signature(&check, signature) {
            Ok(good) if trusted.contains(&good.key) => {
                anchored.extend(keys.get(good.key).map(|key| key.tag));
            }
            Ok(_) => {}
            Err(fault) => furthest = furthest.max(fault),
        }
    }
    match anchored.is_empty() {
        false => Ok(anchored),
        true => Err(Unverified::KeysUnsigned {
            apex: apex.name.clone(),
            keys: trusted
                .iter()
                .filter_map(|&at| Some(keys.get(at)?.tag))
                .collect(),
            cause: furthest,
        }),
    }
}
