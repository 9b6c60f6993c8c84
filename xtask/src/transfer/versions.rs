//! Versions of one test root, for trials of transfers, and such that nobody should serve.
//!
//! Start reading at [`Versions::make`]. This file does not know who serves them.

use anyhow::{Context, Result};
use bytes::Bytes;
use domain::base::iana::{Class, Rtype, ZonemdAlgorithm, ZonemdScheme};
use domain::base::{Serial as DomainSerial, Ttl};
use domain::rdata::{A, Ns, Rrsig, Soa, ZoneRecordData, Zonemd};
use imrs_zone::record::{Data, Name, Record, UnixTime, sort_canonically};
use imrs_zone::synth::{self, Algorithm, Key, LIFETIME, Plan, Role, Validity};
use imrs_zone::zonemd::{self, Hash};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, SystemTime};

/// Makes versions of one root.
pub(crate) struct Versions {
    /// What all of them have.
    records: Vec<Record>,
    keys: Vec<Key>,
    validity: Validity,
    first: u32,
    /// The trust anchor of all of them, as a DS record.
    pub(crate) anchors: String,
}

/// One version.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Its serial.
    pub(crate) serial: u32,
    /// All its records, in canonical order.
    pub(crate) records: Vec<Record>,
}

impl Versions {
    /// A root with so many delegations, signed at the present time.
    ///
    /// The algorithm is the real root's. Signatures over what does not change are the same in all
    /// versions.
    pub(crate) fn new(tlds: usize) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let plan = Plan {
            tlds,
            algorithms: vec![Algorithm::RsaSha256],
            ..Plan::new(UnixTime(now.as_secs()))
        };
        let made = synth::make(&plan).context("no test root")?;
        let root = Name::root_bytes();
        let keys = [Role::KeySigning, Role::ZoneSigning, Role::Standby]
            .map(|role| Key::make(Algorithm::RsaSha256, role, &root, plan.seed));
        Ok(Versions {
            records: made.records,
            keys: keys.into_iter().collect::<Result<_, _>>()?,
            validity: Validity {
                inception: UnixTime((now - EARLY).as_secs()),
                expiration: UnixTime((now + LIFETIME).as_secs()),
            },
            first: plan.serial.0,
            anchors: made.anchors_ds,
        })
    }

    /// The version with this number, counted from 0: all have the same but for the serial, the
    /// digest, and the signatures over both. That is the commonest step of the real root.
    pub(crate) fn make(&self, number: u32) -> Result<Version> {
        self.sign(number, self.records.clone())
    }

    /// The version with this number in a row in which an address changes from one to the next, and
    /// a delegation comes or goes, so that the NSEC chain changes as well.
    pub(crate) fn make_changed(&self, number: u32) -> Result<Version> {
        let mut records = self.records.clone();
        let glue = find(&mut records, Rtype::A)?;
        let last = u8::try_from(number % 200)?;
        *glue = with_data(glue, A::new(Ipv4Addr::new(198, 51, 100, last)).into());
        if number % 2 == 1 {
            let owner: Name = format!("added-{number}.").parse()?;
            for letter in ['a', 'b'] {
                let server: Name = format!("{letter}.root-servers.net.").parse()?;
                let data = Data::from(Ns::new(server));
                records.push(Record::new(owner.clone(), Class::IN, TTL, data));
            }
        }
        self.sign(number, records)
    }

    fn sign(&self, number: u32, mut records: Vec<Record>) -> Result<Version> {
        let serial = self.first.wrapping_add(number);
        let soa = find(&mut records, Rtype::SOA)?;
        *soa = renumbered(soa, serial)?;
        let workers = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let records = synth::sign_zone(records, &self.keys, self.validity, workers)?;
        Ok(Version { serial, records })
    }

    /// The version with another address of a name server. Glue is not signed, so that the digest
    /// is wrong and all signatures hold.
    pub(crate) fn with_wrong_digest(&self, mut version: Version) -> Result<Version> {
        let glue = find(&mut version.records, Rtype::A)?;
        *glue = with_data(glue, A::new(Ipv4Addr::new(198, 51, 100, 255)).into());
        Ok(version)
    }

    /// The version with a signature that is wrong, and a digest that is right, and signed.
    pub(crate) fn with_wrong_signature(&self, mut version: Version) -> Result<Version> {
        let records = &mut version.records;
        let is_over = |record: &Record, rtype| match record.data() {
            ZoneRecordData::Rrsig(rrsig) => rrsig.type_covered() == rtype,
            _ => false,
        };
        let signature = records
            .iter_mut()
            .find(|record| is_over(record, Rtype::DS))
            .context("no signature over a DS record")?;
        *signature = spoilt(signature)?;
        records.retain(|one| one.rtype() != Rtype::ZONEMD && !is_over(one, Rtype::ZONEMD));
        let digest = zonemd::digest(&Name::root_bytes(), records, Hash::Sha384);
        let (scheme, hash) = (ZonemdScheme::SIMPLE, ZonemdAlgorithm::SHA384);
        let serial = DomainSerial(version.serial);
        let data = Zonemd::new(serial, scheme, hash, Bytes::from(digest));
        let zonemd = with_data(find(records, Rtype::SOA)?, data.into());
        let [_, zsk, ..] = self.keys.as_slice() else {
            unreachable!("three keys were made");
        };
        records.push(zsk.sign_rrset(std::slice::from_ref(&zonemd), self.validity)?);
        records.push(zonemd);
        sort_canonically(records);
        Ok(version)
    }
}

impl Version {
    /// As a master file, one record a line.
    pub(crate) fn text(&self) -> String {
        synth::text(&self.records)
    }
}

fn find(records: &mut [Record], rtype: Rtype) -> Result<&mut Record> {
    let record = records.iter_mut().find(|record| record.rtype() == rtype);
    record.with_context(|| format!("no {rtype} record"))
}

/// The same owner, class and TTL with other data.
fn with_data(record: &Record, data: Data) -> Record {
    Record::new(record.owner().clone(), record.class(), record.ttl(), data)
}

fn renumbered(record: &Record, serial: u32) -> Result<Record> {
    let ZoneRecordData::Soa(soa) = record.data() else {
        anyhow::bail!("{record} is no SOA record");
    };
    let data = Soa::new(
        soa.mname().clone(),
        soa.rname().clone(),
        DomainSerial(serial),
        soa.refresh(),
        soa.retry(),
        soa.expire(),
        soa.minimum(),
    );
    Ok(with_data(record, data.into()))
}

/// A signature with another first octet.
fn spoilt(record: &Record) -> Result<Record> {
    let ZoneRecordData::Rrsig(rrsig) = record.data() else {
        anyhow::bail!("{record} is no signature");
    };
    let mut octets = rrsig.signature().to_vec();
    octets[0] ^= 1;
    let spoilt = Rrsig::new(
        rrsig.type_covered(),
        rrsig.algorithm(),
        rrsig.labels(),
        rrsig.original_ttl(),
        rrsig.expiration(),
        rrsig.inception(),
        rrsig.key_tag(),
        rrsig.signer_name().clone(),
        Bytes::from(octets),
    )?;
    Ok(with_data(record, spoilt.into()))
}

/// Says how two sets of records differ: none if they are equal, TTLs included.
pub(crate) fn difference(expected: &[Record], found: &[Record]) -> Option<String> {
    let lines = |records: &[Record]| {
        let mut records = records.to_vec();
        sort_canonically(&mut records);
        synth::text(&records)
    };
    let (expected, found) = (lines(expected), lines(found));
    if expected == found {
        return None;
    }
    let only = |some: &str, other: &str| {
        let other: HashSet<&str> = other.lines().collect();
        let only: Vec<&str> = some.lines().filter(|line| !other.contains(line)).collect();
        let first = only.first().copied().unwrap_or("none").to_owned();
        (only.len(), first)
    };
    let (missing, first_missing) = only(&expected, &found);
    let (foreign, first_foreign) = only(&found, &expected);
    Some(format!(
        "{missing} records are missing, such as `{first_missing}`; {foreign} are foreign, such \
         as `{first_foreign}`"
    ))
}

/// The TTL of a delegation.
const TTL: Ttl = Ttl::from_secs(172_800);

/// How long before the present signatures begin to hold, as those of the real root do.
const EARLY: Duration = Duration::from_secs(3600);
