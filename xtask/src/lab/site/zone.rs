//! Versions of the root of the lab: the service addresses are its own, one delegation leads to
//! servers that exist, and timers and signatures may be short. And a falsified copy.
//!
//! Start reading at [`Roots::make`]. This file does not know who serves them.

use super::plan::{Place, SERVICE};
use crate::transfer::versions::Version;
use anyhow::{Context, Result};
use domain::base::iana::{Class, Rtype};
use domain::base::{Serial as DomainSerial, Ttl};
use domain::rdata::{A, Aaaa, Ns, Soa, ZoneRecordData};
use imrs_zone::record::{Data, Name, Record, UnixTime};
use imrs_zone::synth::{self, Algorithm, Key, LIFETIME, Plan, Role, Validity};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

/// Makes versions of one root.
pub(super) struct Roots {
    records: Vec<Record>,
    keys: Vec<Key>,
    serial: u32,
    /// The trust anchor of all of them, as a DS record.
    pub(super) anchors: String,
}

/// How long a version lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// A secondary that has not heard of its primary for so long gives up (RFC 1035).
    pub(super) expire: Duration,
    /// From now to the end of the signatures.
    pub(super) signatures: Duration,
}

impl Life {
    /// As the real root has it.
    pub(super) const LONG: Life = Life {
        expire: Duration::from_secs(604_800),
        signatures: LIFETIME,
    };
}

impl Roots {
    /// Of a root with so many delegations beside its own.
    pub(super) fn new(tlds: usize) -> Result<Roots> {
        let plan = Plan {
            tlds,
            algorithms: vec![Algorithm::RsaSha256],
            ..Plan::new(UnixTime(now()?.as_secs()))
        };
        let made = synth::make(&plan).context("no test root")?;
        let root = Name::root_bytes();
        let keys = [Role::KeySigning, Role::ZoneSigning, Role::Standby]
            .map(|role| Key::make(Algorithm::RsaSha256, role, &root, plan.seed));
        let mut records = made.records;
        // Keys and signatures are put on anew for each version.
        records.retain(|record| !is_of_the_apex(record) && !is_root_server(record));
        records.extend(additions()?);
        Ok(Roots {
            records,
            keys: keys.into_iter().collect::<Result<_, _>>()?,
            serial: plan.serial.0,
            anchors: made.anchors_ds,
        })
    }

    /// The next version.
    pub(super) fn make(&mut self, life: Life) -> Result<Version> {
        self.serial += 1;
        let now = now()?;
        let validity = Validity {
            inception: UnixTime((now - EARLY).as_secs()),
            expiration: UnixTime((now + life.signatures).as_secs()),
        };
        let mut records = self.records.clone();
        for record in &mut records {
            if record.rtype() == Rtype::SOA {
                *record = renewed(record, self.serial, life.expire)?;
            }
        }
        let workers = NonZeroUsize::MIN;
        let records = synth::sign_zone(records, &self.keys, validity, workers)?;
        Ok(Version {
            serial: self.serial,
            records,
        })
    }
}

/// A copy whose delegations lead to somebody else, with all its signatures.
pub(super) fn falsified(version: &Version) -> Result<String> {
    let mut records = version.records.clone();
    let elsewhere: Name = "elsewhere.invalid.".parse()?;
    for record in &mut records {
        if record.rtype() == Rtype::NS {
            let data = Data::from(Ns::new(elsewhere.clone()));
            *record = Record::new(record.owner().clone(), Class::IN, record.ttl(), data);
        }
    }
    // All servers of a delegation are the same one now.
    records.dedup_by(|one, next| {
        one.rtype() == Rtype::NS && next.rtype() == Rtype::NS && one.owner() == next.owner()
    });
    Ok(synth::text(&records))
}

fn now() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?)
}

fn is_of_the_apex(record: &Record) -> bool {
    record.owner().is_root() && record.rtype() == Rtype::NS
}

fn is_root_server(record: &Record) -> bool {
    record.owner().to_string().ends_with(".root-servers.net")
        && [Rtype::A, Rtype::AAAA].contains(&record.rtype())
}

/// The one root server, and the delegation whose servers exist.
fn additions() -> Result<Vec<Record>> {
    let name = |text: &str| -> Result<Name> { Ok(text.parse()?) };
    let record = |owner: &Name, data: Data| Record::new(owner.clone(), Class::IN, TTL, data);
    let root = Name::root_bytes();
    let (server, lab, host) = (name(ROOT_SERVER)?, name("lab.")?, name("ns.lab.")?);
    let mut records = vec![
        record(&root, Ns::new(server.clone()).into()),
        record(&lab, Ns::new(host.clone()).into()),
        record(&host, A::new(Place::Domains.ipv4()).into()),
    ];
    for address in SERVICE {
        let data = match address {
            IpAddr::V4(address) => A::new(address).into(),
            IpAddr::V6(address) => Aaaa::new(address).into(),
        };
        records.push(record(&server, data));
    }
    Ok(records)
}

fn renewed(record: &Record, serial: u32, expire: Duration) -> Result<Record> {
    let ZoneRecordData::Soa(soa) = record.data() else {
        anyhow::bail!("{record} is no SOA record");
    };
    let data = Soa::new(
        soa.mname().clone(),
        soa.rname().clone(),
        DomainSerial(serial),
        REFRESH,
        REFRESH,
        Ttl::from_secs(u32::try_from(expire.as_secs())?),
        soa.minimum(),
    );
    let owner = record.owner().clone();
    Ok(Record::new(owner, Class::IN, record.ttl(), data.into()))
}

/// The name of all who announce.
pub(super) const ROOT_SERVER: &str = "l.root-servers.net.";

/// Between two questions of a secondary, and after one that failed: the least that imrs takes. A
/// copy lives for two of them at least.
const REFRESH: Ttl = Ttl::from_secs(60);

/// Of what is added.
const TTL: Ttl = Ttl::from_secs(172_800);

/// How long before the present signatures begin to hold, as those of the real root do.
const EARLY: Duration = Duration::from_secs(3600);
