//! What each version of the root is: its real records, signed anew with test keys.
//!
//! It shares nothing with differences and little with the crate's idea of order: records lie in a
//! map under octets that sort as RFC 4034 section 6 says.

use crate::history::{History, Step};
use bytes::Bytes;
use domain::base::iana::{Class, Rtype, ZonemdAlgorithm, ZonemdScheme};
use domain::base::rdata::ComposeRecordData;
use domain::base::{Serial, Ttl};
use domain::rdata::{ZoneRecordData, Zonemd};
use imrs_zone::synth::{Algorithm, Key, Role, Validity};
use imrs_zone::{Name, Record, synth};
use ring::digest;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One version after the other.
pub(crate) struct Model {
    entries: BTreeMap<Vec<u8>, Record>,
    /// For each real key, by its tag, a test key in its place.
    keys: HashMap<u16, Key>,
    /// The real key that signs.
    signer: u16,
    serial: Serial,
}

/// The KSK that signs through all of the history.
const KSK: u16 = 20326;

impl Model {
    /// The first version, not signed.
    pub(crate) fn new(history: &History) -> Self {
        let mut model = Model {
            entries: BTreeMap::new(),
            keys: HashMap::new(),
            signer: history.signer(),
            serial: Serial(0),
        };
        for record in history.base() {
            model.insert(record);
        }
        model
    }

    /// The trust anchor for all versions, as a line of text.
    pub(crate) fn anchor(&self) -> String {
        synth::text(&[self.keys[&KSK].ds()])
    }

    /// Every record of the version, in canonical order.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.entries.values().cloned().collect()
    }

    /// Goes to the next version without signing it.
    pub(crate) fn go(&mut self, step: &Step<'_>) -> Changed {
        let mut changed = Changed::default();
        // In place of the real digest there may be one that was made here.
        self.remove_all(&Rtype::ZONEMD.to_int().to_be_bytes());
        let is_other = |record: &Record| record.rtype() != Rtype::ZONEMD;
        for record in step.removed().into_iter().filter(is_other) {
            let record = self.with_test_key(record);
            changed.rrsets.insert(rrset_key(&record));
            let removed = self.entries.remove(&record_key(&record));
            assert!(removed.is_some(), "{record} is removed and is not there");
        }
        for record in step.added() {
            let key = self.insert(record);
            changed.rrsets.insert(key);
        }
        if let Some(signer) = step.signer().filter(|signer| *signer != self.signer) {
            self.signer = signer;
            changed.is_rolled = true;
        }
        changed
    }

    /// Signs what changed, or everything where the key did.
    pub(crate) fn sign(&mut self, changed: Changed, validity: Validity) {
        if changed.is_rolled {
            return self.sign_all(validity);
        }
        for rrset in changed.rrsets {
            self.sign_rrset(&rrset, validity);
        }
    }

    /// Signs everything anew.
    pub(crate) fn sign_all(&mut self, validity: Validity) {
        self.entries
            .retain(|_, record| record.rtype() != Rtype::RRSIG);
        let rrsets: BTreeSet<Vec<u8>> = self.entries.values().map(rrset_key).collect();
        for rrset in rrsets {
            self.sign_rrset(&rrset, validity);
        }
    }

    /// Replaces the signature over an RRset, if the zone has authority over it: all at the apex,
    /// and DS and NSEC records at its cuts, below which it has only glue.
    fn sign_rrset(&mut self, rrset: &[u8], validity: Validity) {
        let (owner, rtype) = rrset.split_at(rrset.len() - 2);
        let number = Rtype::from_int(u16::from_be_bytes([rtype[0], rtype[1]]));
        if !(owner.is_empty() || matches!(number, Rtype::DS | Rtype::NSEC)) {
            return;
        }
        // The data of a signature begin with the type that it covers.
        let signatures = [owner, &Rtype::RRSIG.to_int().to_be_bytes(), rtype].concat();
        self.remove_all(&signatures);
        let records: Vec<Record> = self
            .keys_at(rrset)
            .iter()
            .map(|key| self.entries[key].clone())
            .collect();
        if records.is_empty() {
            return;
        }
        let tag = if number == Rtype::DNSKEY {
            KSK
        } else {
            self.signer
        };
        let signature = self.keys[&tag].sign_rrset(&records, validity);
        self.insert(signature.unwrap());
    }

    /// Makes the ZONEMD record right (RFC 8976 section 3.3.1). Else it is the real one, whose digest
    /// is that of other signatures.
    pub(crate) fn digest(&mut self, validity: Validity) {
        let rtype = Rtype::ZONEMD.to_int().to_be_bytes();
        self.remove_all(&rtype);
        self.remove_all(&[Rtype::RRSIG.to_int().to_be_bytes(), rtype].concat());
        let mut octets = Vec::new();
        for record in self.entries.values() {
            record.compose_canonical(&mut octets).unwrap();
        }
        let digest = digest::digest(&digest::SHA384, &octets);
        let data = Zonemd::new(
            self.serial,
            ZonemdScheme::SIMPLE,
            ZonemdAlgorithm::SHA384,
            Bytes::copy_from_slice(digest.as_ref()),
        );
        let (apex, ttl) = (Name::root_bytes(), Ttl::from_secs(86_400));
        self.insert(Record::new(apex, Class::IN, ttl, data.into()));
        self.sign_rrset(&rtype, validity);
    }

    /// Puts a record in, which must not be there yet, and tells its RRset.
    fn insert(&mut self, record: Record) -> Vec<u8> {
        let record = self.with_test_key(record);
        if let ZoneRecordData::Soa(soa) = record.data() {
            self.serial = soa.serial();
        }
        let (key, rrset) = (record_key(&record), rrset_key(&record));
        let old = self.entries.insert(key, record);
        assert!(old.is_none(), "a record is added and is there already");
        rrset
    }

    /// A DNSKEY record with the test key in place of the real one; others as they are.
    fn with_test_key(&mut self, record: Record) -> Record {
        let ZoneRecordData::Dnskey(real) = record.data() else {
            return record;
        };
        let tag = real.key_tag();
        let role = match real.is_secure_entry_point() {
            true => Role::KeySigning,
            false => Role::ZoneSigning,
        };
        let make = || Key::make(Algorithm::Ed25519, role, &Name::root_bytes(), tag.into()).unwrap();
        self.keys.entry(tag).or_insert_with(make).dnskey()
    }

    /// Removes the records whose keys begin so.
    fn remove_all(&mut self, prefix: &[u8]) {
        for key in self.keys_at(prefix) {
            self.entries.remove(&key);
        }
    }

    /// The keys that begin so.
    fn keys_at(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let from = self.entries.range(prefix.to_vec()..);
        from.map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .cloned()
            .collect()
    }
}

/// What a step changed.
#[derive(Default)]
pub(crate) struct Changed {
    rrsets: BTreeSet<Vec<u8>>,
    is_rolled: bool,
}

/// Labels from the root down, in lower case, each with an octet behind it that none of them has and
/// that sorts before all: then the type.
fn rrset_key(record: &Record) -> Vec<u8> {
    let mut labels: Vec<_> = record.owner().iter().collect();
    // The root label, which is last.
    labels.pop();
    let mut key = Vec::new();
    for label in labels.into_iter().rev() {
        key.extend(label.as_slice().to_ascii_lowercase());
        key.push(0);
    }
    key.extend(record.rtype().to_int().to_be_bytes());
    key
}

/// The same, and the canonical form of the data.
fn record_key(record: &Record) -> Vec<u8> {
    let mut key = rrset_key(record);
    record.data().compose_canonical_rdata(&mut key).unwrap();
    key
}
