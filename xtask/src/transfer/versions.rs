//! Versions of one test root, for trials of transfers: signed alike, each with its serial.
//!
//! Start reading at [`Versions::make`]. This file does not know who serves them.

use anyhow::{Context, Result};
use bytes::Bytes;
use domain::base::iana::{DigestAlgorithm, Rtype, SecurityAlgorithm};
use domain::rdata::{A, Ds};
use imrs_wire::Serial;
use imrs_zone::record::{Data, Record, UnixTime, sort_canonically};
use imrs_zone::synth::{self, Algorithm, Plan, TestRoot};
use std::net::Ipv4Addr;
use std::time::SystemTime;

/// Makes versions of one root.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    plan: Plan,
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
    /// The algorithm is the real root's. Its keys are fixed, so that all versions have one trust
    /// anchor, and signatures over what did not change are the same.
    pub(crate) fn new(tlds: usize) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let plan = Plan {
            tlds,
            algorithms: vec![Algorithm::RsaSha256],
            ..Plan::new(UnixTime(now.as_secs()))
        };
        Ok(Versions { plan })
    }

    /// The version with this number, counted from 0.
    pub(crate) fn make(&self, number: u32) -> Result<Version> {
        let serial = self.serial(number);
        let made = self.root(serial)?;
        Ok(Version {
            serial,
            records: made.records,
        })
    }

    /// The trust anchor of all of them, as a DS record.
    pub(crate) fn anchors(&self) -> Result<String> {
        Ok(self.root(self.serial(0))?.anchors_ds)
    }

    fn serial(&self, number: u32) -> u32 {
        self.plan.serial.0.wrapping_add(number)
    }

    fn root(&self, serial: u32) -> Result<TestRoot> {
        let plan = Plan {
            serial: Serial(serial),
            ..self.plan.clone()
        };
        synth::make(&plan).context("no test root")
    }
}

impl Version {
    /// As a master file, one record a line.
    pub(crate) fn text(&self) -> String {
        synth::text(&self.records)
    }

    /// The same with another address of a name server. Glue is not signed, so that the digest is
    /// wrong and all signatures hold.
    pub(crate) fn with_other_glue(self) -> Result<Version> {
        let address = Ipv4Addr::new(198, 51, 100, 199);
        self.with_other(Rtype::A, A::new(address).into())
    }

    /// The same with another DS record, so that digest and a signature are wrong.
    pub(crate) fn with_other_ds(self) -> Result<Version> {
        let digest = Bytes::from_static(&[0; 32]);
        let (algorithm, hash) = (SecurityAlgorithm::RSASHA256, DigestAlgorithm::SHA256);
        self.with_other(Rtype::DS, Ds::new(1, algorithm, hash, digest)?.into())
    }

    /// The same with other data in the first record of a type.
    fn with_other(mut self, rtype: Rtype, data: Data) -> Result<Version> {
        let record = self.records.iter_mut().find(|one| one.rtype() == rtype);
        *record.context("no record of that type")?.data_mut() = data;
        Ok(self)
    }
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
        let other: std::collections::HashSet<&str> = other.lines().collect();
        let mut only = some.lines().filter(|line| !other.contains(line));
        let first = only.next().unwrap_or("none").to_owned();
        (only.count() + 1, first)
    };
    let (missing, first_missing) = only(&expected, &found);
    let (foreign, first_foreign) = only(&found, &expected);
    Some(format!(
        "{missing} records are missing, such as `{first_missing}`; {foreign} are foreign, such \
         as `{first_foreign}`"
    ))
}
