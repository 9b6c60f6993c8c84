//! Makes and signs a test root with the proportions of the real one, so that nobody needs the real
//! one to see a server answer or to test it.
//!
//! [`make`] reads as the whole: `tlds` chooses names, `delegations` invents what stands at them,
//! `contents` has the rest of the zones, `sign` signs, `text` writes a master file. Names of
//! top-level domains are real, being facts; servers, addresses (for documentation only), keys and
//! DS are invented. Two companion zones come along: `root-servers.net`, unsigned, and `arpa`, with
//! a DS in the root.
//!
//! A seed fixes names, servers, addresses and DS of delegations. Keys and signatures follow it with
//! Ed25519 and RSASHA256 alone (RSA keys being fixed and public); ECDSA keys are fresh in each run,
//! and so is the DS of `arpa`.

mod addresses;
mod contents;
mod delegations;
mod keys;
mod sign;
mod text;
mod tlds;

pub use keys::{Algorithm, Key, Role, UnknownAlgorithm};
pub use sign::Validity;
pub use text::text;
pub use tlds::REAL_TLDS;

use crate::difference;
use crate::record::{Name, Record, UnixTime, sort_canonically};
use contents::name;
use domain::base::iana::Rtype;
use imrs_wire::Serial;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sign::Signer;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

/// The fewest delegations: `net` leads to the root servers, and `arpa` is a companion.
pub const TLDS_MIN: usize = 2;
/// The most delegations: seventy times the real root, for tests of scale. From about 14,000 on the
/// zone exceeds the default of [`crate::Limits`].
pub const TLDS_MAX: usize = 100_000;
/// How long signatures hold, as those of the real root's ZSK do.
pub const LIFETIME: Duration = Duration::from_secs(13 * 86_400);
/// How long before the making of the zone signatures begin to hold, as in the real root.
const EARLY: Duration = Duration::from_secs(3600);

/// What to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Delegations, from [`TLDS_MIN`] to [`TLDS_MAX`].
    pub tlds: usize,
    /// One algorithm, or several to sign everything with each, as in an algorithm roll.
    pub algorithms: Vec<Algorithm>,
    /// What chance follows.
    pub seed: u64,
    /// When the zone is made; signatures hold from an hour before.
    pub made_at: UnixTime,
    /// How long signatures hold from then on; less than 68 years (RFC 4034 section 3.1.5).
    pub lifetime: Duration,
    /// The serial of all three zones.
    pub serial: Serial,
    /// Threads to sign with.
    pub workers: NonZeroUsize,
}

impl Plan {
    /// A root of the real size, signed with ECDSAP256SHA256 on all cores, its serial the first of
    /// the day.
    pub fn new(made_at: UnixTime) -> Self {
        Plan {
            tlds: REAL_TLDS,
            algorithms: vec![Algorithm::EcdsaP256Sha256],
            seed: 1,
            made_at,
            lifetime: LIFETIME,
            serial: first_serial_of_day(made_at),
            workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// A signed root, its companions, and what to trust.
#[derive(Clone, Debug)]
pub struct TestRoot {
    /// The root, in canonical order.
    pub records: Vec<Record>,
    /// DS records of the KSKs, one a line in presentation form: the trust anchors.
    pub anchors_ds: String,
    /// `root-servers.net`, which carries a digest and no signatures.
    pub root_servers_net: Vec<Record>,
    /// `arpa`, signed; the root has the DS of its KSKs.
    pub arpa: Vec<Record>,
}

impl TestRoot {
    /// The root as a master file, one record a line.
    pub fn text(&self) -> String {
        text(&self.records)
    }
}

/// Why no test root was made.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// Too few or too many delegations.
    #[error("{asked} delegations: a test root has from {TLDS_MIN} to {TLDS_MAX}")]
    Tlds {
        /// How many were asked for.
        asked: usize,
    },
    /// Nothing to sign with.
    #[error("no algorithm given: a test root is signed with at least one")]
    NoAlgorithm,
    /// Nothing to sign.
    #[error("the records have no SOA among them, so they are no zone")]
    NoSoa,
    /// Signing twice with one algorithm.
    #[error("{algorithm} is given more than once")]
    RepeatedAlgorithm {
        /// The one.
        algorithm: Algorithm,
    },
    /// The provider made no key.
    #[error("the cryptographic provider made no key of {algorithm}")]
    Key {
        /// Of this.
        algorithm: Algorithm,
    },
    /// The provider did not sign.
    #[error("the cryptographic provider did not sign {owner} {rtype}")]
    Signing {
        /// The owner of the RRset.
        owner: Name,
        /// The type of the RRset.
        rtype: Rtype,
    },
}

/// Makes the zones of `plan`.
///
/// With the real number of delegations and two cores this takes 60 ms with ECDSAP256SHA256 and
/// Ed25519, 0.5 s with ECDSAP384SHA384, 0.8 s with RSASHA256.
pub fn make(plan: &Plan) -> Result<TestRoot, SynthError> {
    check(plan)?;
    let serial = plan.serial.0.into();

    let apex = name("arpa");
    let arpa_keys = keys(plan, &apex, &[Role::KeySigning, Role::ZoneSigning])?;
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut records = contents::arpa(serial);
    records.extend(delegations::arpa_ds(&mut rng));
    let arpa = signer(plan, &apex, &arpa_keys).sign(records)?;

    let apex = Name::root_bytes();
    let roles = [Role::KeySigning, Role::ZoneSigning, Role::Standby];
    let root_keys = keys(plan, &apex, &roles)?;
    let names = tlds::choose(plan.tlds, &mut rng);
    let mut records = contents::root(serial);
    records.extend(contents::arpa_delegation());
    records.extend(anchors(&arpa_keys));
    records.extend(delegations::make(&names, &mut rng));
    let records = signer(plan, &apex, &root_keys).sign(records)?;

    let apex = name("root-servers.net");
    let mut root_servers_net = contents::root_servers_net(serial);
    sort_canonically(&mut root_servers_net);
    root_servers_net.push(sign::digest(&apex, serial, &root_servers_net));
    sort_canonically(&mut root_servers_net);

    let anchors: Vec<Record> = anchors(&root_keys).collect();
    Ok(TestRoot {
        records,
        anchors_ds: text(&anchors),
        root_servers_net,
        arpa,
    })
}

/// Signs a zone of the caller's, such as the next version of a test root, with keys of one zone.
///
/// Of a zone that is signed, all that signing made is made anew: DNSKEY, NSEC, ZONEMD and
/// signatures. The rest is taken as it is, and so is the serial of the SOA record. The result is in
/// canonical order.
pub fn sign_zone(
    mut records: Vec<Record>,
    keys: &[Key],
    validity: Validity,
    workers: NonZeroUsize,
) -> Result<Vec<Record>, SynthError> {
    records.retain(|record| {
        !matches!(
            record.rtype(),
            Rtype::DNSKEY | Rtype::NSEC | Rtype::ZONEMD | Rtype::RRSIG
        )
    });
    let apex = &keys.first().ok_or(SynthError::NoAlgorithm)?.apex;
    let (_, serial) = difference::soa(&records).ok_or(SynthError::NoSoa)?;
    let signer = Signer {
        apex,
        serial: serial.0.into(),
        keys,
        validity,
        workers,
    };
    signer.sign(records)
}

fn check(plan: &Plan) -> Result<(), SynthError> {
    let asked = plan.tlds;
    if !(TLDS_MIN..=TLDS_MAX).contains(&asked) {
        return Err(SynthError::Tlds { asked });
    }
    if plan.algorithms.is_empty() {
        return Err(SynthError::NoAlgorithm);
    }
    for (index, algorithm) in plan.algorithms.iter().enumerate() {
        if plan.algorithms[..index].contains(algorithm) {
            let algorithm = *algorithm;
            return Err(SynthError::RepeatedAlgorithm { algorithm });
        }
    }
    Ok(())
}

/// The keys of a zone: for each algorithm one in each role, but a standby of the first only.
fn keys(plan: &Plan, apex: &Name, roles: &[Role]) -> Result<Vec<Key>, SynthError> {
    let mut keys = Vec::new();
    for (index, algorithm) in plan.algorithms.iter().enumerate() {
        let roles = roles
            .iter()
            .filter(|role| index == 0 || **role != Role::Standby);
        for role in roles {
            keys.push(Key::make(*algorithm, *role, apex, plan.seed)?);
        }
    }
    Ok(keys)
}

fn signer<'a>(plan: &Plan, apex: &'a Name, keys: &'a [Key]) -> Signer<'a> {
    let made_at = Duration::from_secs(plan.made_at.0);
    Signer {
        apex,
        serial: plan.serial.0.into(),
        keys,
        validity: Validity {
            inception: UnixTime(made_at.saturating_sub(EARLY).as_secs()),
            expiration: UnixTime(made_at.saturating_add(plan.lifetime).as_secs()),
        },
        workers: plan.workers,
    }
}

/// The DS records of the KSKs of a zone.
fn anchors(keys: &[Key]) -> impl Iterator<Item = Record> {
    keys.iter()
        .filter(|key| key.role == Role::KeySigning)
        .map(Key::ds)
}

/// The day of a time as YYYYMMDD00, or 1 in the far future, whose days do not fit.
fn first_serial_of_day(time: UnixTime) -> Serial {
    let serial = i64::try_from(time.0)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .and_then(|time| time.strftime("%Y%m%d00").to_string().parse().ok());
    Serial(serial.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serial_is_the_first_of_the_day() {
        let check = |time, serial| assert_eq!(Plan::new(UnixTime(time)).serial, Serial(serial));
        check(1_785_542_399, 2_026_073_100);
        check(1_785_542_400, 2_026_080_100);
        check(u64::MAX, 1);
    }

    #[test]
    fn a_plan_out_of_limits_is_refused_by_name() {
        let refusal = |change: fn(&mut Plan)| {
            let mut plan = Plan::new(UnixTime(1_785_000_000));
            change(&mut plan);
            make(&plan).unwrap_err().to_string()
        };
        assert!(refusal(|plan| plan.tlds = 1).starts_with("1 delegations"));
        assert!(refusal(|plan| plan.tlds = TLDS_MAX + 1).starts_with("100001 delegations"));
        assert!(refusal(|plan| plan.algorithms.clear()).starts_with("no algorithm"));
        assert!(
            refusal(|plan| plan.algorithms = vec![Algorithm::Ed25519; 2])
                .starts_with("ED25519 is given more than once")
        );
    }
}
