//! From what a primary sent to what is served: candidate, proof, plausibility, image, self-test.

use crate::limits::CHANGED_DELEGATIONS_MAX;
use crate::origin::zone;
use imrs_engine::{Identity, Service, Transport, respond};
use imrs_probe::judge;
use imrs_transfer::refresh::Timers;
use imrs_wire::Serial;
use imrs_zone::packed::Packed;
use imrs_zone::plausible::{self, Bounds};
use imrs_zone::record::{Record, UnixTime};
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Anchors, Candidate, Image, Limits, Verified, Zones};
use std::collections::HashMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// A version that is proven and can be served.
#[derive(Clone, Debug)]
pub(crate) struct Proven {
    pub(crate) packed: Packed,
    pub(crate) soa: Record,
    pub(crate) timers: Timers,
    /// When the first signature ends.
    pub(crate) expires: UnixTime,
    pub(crate) image: Arc<Image>,
}

/// What a version must be to follow the one that is held.
pub(crate) struct Step<'a> {
    /// The version that is held.
    pub(crate) held: Option<&'a Proven>,
    /// Whether it is served. What is not is no measure of what is plausible: it may be many steps
    /// old, and anything that proves is better than nothing.
    pub(crate) is_served: bool,
    /// The serial that an operator lets pass.
    pub(crate) accepted: Option<Serial>,
}

/// Proves records at the time `now`, or says why not.
pub(crate) fn prove(
    records: Vec<Record>,
    step: Option<&Step<'_>>,
    anchors: &Anchors,
    now: UnixTime,
) -> Result<Proven, String> {
    let candidate = Candidate::new(records, &Limits::default()).map_err(|unfit| say(&unfit))?;
    if *candidate.apex() != zone() {
        return Err(format!("it is the zone {}", candidate.apex()));
    }
    if let Some(Step {
        held: Some(held), ..
    }) = step
    {
        refuse_older(held.packed.serial(), candidate.serial())?;
    }
    let policy = Policy {
        digest: Demand::Require,
        signatures: Demand::Require,
        anchors: anchors.clone(),
    };
    let effort = Effort::silent(NonZeroUsize::MIN);
    let verified = candidate
        .verify(&policy, now, &effort)
        .map_err(|unverified| say(&unverified))?;
    if let Some(step) = step {
        refuse_implausible(step, &verified)?;
    }
    let packed = Packed::new(verified.records()).map_err(|damaged| say(&damaged))?;
    let image = image(&packed, &verified)?;
    let soa = crate::origin::soa(verified.records());
    Ok(Proven {
        timers: Timers::of_soa(&soa).expect("this is the SOA record"),
        expires: verified.proof().expires.unwrap_or(UnixTime(u64::MAX)),
        packed,
        soa,
        image,
    })
}

/// A served serial never goes back (RFC 1982). The same may come again when an operator wants so.
fn refuse_older(held: Serial, offered: Serial) -> Result<(), String> {
    match offered == held || offered.is_newer_than(held) {
        true => Ok(()),
        false => Err(format!("serial {offered} is not newer than {held}")),
    }
}

fn refuse_implausible(step: &Step<'_>, verified: &Verified) -> Result<(), String> {
    let Some(held) = step.held.filter(|_| step.is_served) else {
        return Ok(());
    };
    if step.accepted == Some(verified.serial()) {
        return Ok(());
    }
    let bounds = Bounds {
        delegations: CHANGED_DELEGATIONS_MAX,
        ..Bounds::default()
    };
    plausible::check(&held.packed.records(), verified.records(), &bounds)
        .map(drop)
        .map_err(|implausible| say(&implausible))
}

/// Images by the octets of their zones. Compiling and asking depend on nothing else, and the same
/// versions are served in all worlds of a process.
static IMAGES: LazyLock<Mutex<HashMap<Vec<u8>, Arc<Image>>>> = LazyLock::new(Mutex::default);

/// Compiles a proven version, and asks the image what outsiders will ask.
fn image(packed: &Packed, verified: &Verified) -> Result<Arc<Image>, String> {
    let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let key = packed.octets().to_vec();
    if let Some(image) = images.get(&key) {
        return Ok(Arc::clone(image));
    }
    let image = Arc::new(verified.compile().map_err(|large| say(&large))?);
    let service = service(Some(Arc::clone(&image)));
    let zone = judge::Zone::new(verified.apex(), verified.records());
    let questions = judge::questions(&zone, &[], SEED);
    judge::examine(&zone, &questions, |transport, query, room| {
        let (transport, room) = match transport {
            judge::Transport::Udp => (Transport::Udp, &mut room[..UDP_OCTETS]),
            judge::Transport::Tcp => (Transport::Tcp { keepalive: 0 }, room),
        };
        respond(&service, transport.into(), query, room).len
    })
    .map_err(|failed| say(&failed))?;
    images.insert(key, Arc::clone(&image));
    Ok(image)
}

/// What answers with this image, or with SERVFAIL where there is none.
pub(crate) fn service(image: Option<Arc<Image>>) -> Service {
    Service {
        zones: Zones::new([(zone(), image)]),
        identity: Identity::default(),
        ..Service::default()
    }
}

/// An error and its causes on one line.
fn say(error: &dyn Error) -> String {
    imrs_node::chain(error)
}

/// Octets of a response over UDP.
pub(crate) const UDP_OCTETS: usize = 1232;

/// Which names that do not exist are asked for.
const SEED: u64 = 1;
