//! The keys of a zone and the chain to them from the trust anchors (RFC 4035 section 5.2).

use super::failure::{SignatureFault, Unverified};
use super::signatures::{Checker, RrsetCheck};
use crate::anchors::{Anchor, Anchors, is_supported, key_tag};
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
    pub(super) fn new(dnskey: &Dnskey<Bytes>) -> Option<Self> {
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
    let mut keys: Vec<ZoneKey> = dnskeys
        .iter()
        .filter_map(|record| match record.data() {
            ZoneRecordData::Dnskey(key) => ZoneKey::new(key),
            _ => None,
        })
        .collect();
    // The trusted ones first.
    keys.sort_by_cached_key(|key| !is_trusted(apex.name, key, anchors, now));
    let count = keys
        .iter()
        .take_while(|key| is_trusted(apex.name, key, anchors, now))
        .count();
    let trusted = keys.get(..count).unwrap_or_default();
    if trusted.is_empty() {
        return Err(Unverified::NoAnchoredKey {
            apex: name(),
            anchors: anchors.valid_at(now).map(Anchor::key_tag).collect(),
            keys: keys.iter().map(|key| key.tag).collect(),
        });
    }
    let anchored = signers(apex, trusted, now)?;
    Ok(Chain { keys, anchored })
}

/// Whether an anchor matches the key. A revoked key is not trusted, whatever the anchors say.
fn is_trusted(apex: &Name, key: &ZoneKey, anchors: &Anchors, now: UnixTime) -> bool {
    let mut valid = anchors.valid_at(now);
    !key.is_revoked && valid.any(|anchor| anchor.matches(apex, &key.dnskey))
}

/// The tags of the trusted keys whose signature over the DNSKEY RRset is good: at least one.
///
/// Signatures of other keys are not tried: nobody vouches for those yet, and a forged zone could
/// have so many keys of one tag, and so many signatures, that to try all pairs takes for ever.
fn signers(apex: &Owner<'_>, trusted: &[ZoneKey], now: UnixTime) -> Result<Vec<u16>, Unverified> {
    let check = RrsetCheck::new(apex, Rtype::DNSKEY);
    let mut checker = Checker::new(apex.name, trusted, now);
    let mut furthest = SignatureFault::Absent;
    let mut anchored = Vec::new();
    for signature in check.signatures {
        match checker.check_signature(&check, signature) {
            Ok(good) => anchored.extend(trusted.get(good.key).map(|key| key.tag)),
            Err(SignatureFault::UnknownKey { .. }) => {}
            Err(fault) => furthest = furthest.max(fault),
        }
    }
    match anchored.is_empty() {
        false => Ok(anchored),
        true => Err(Unverified::KeysUnsigned {
            apex: apex.name.clone(),
            keys: trusted.iter().map(|key| key.tag).collect(),
            cause: furthest,
        }),
    }
}
