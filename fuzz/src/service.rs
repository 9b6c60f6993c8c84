//! A small service: a root of a few delegations and its companions, made, proven and compiled as a
//! server does it, the same in every run.

use imrs_engine::{Identity, Service};
use imrs_wire::Serial;
use imrs_zone::anchors::Anchors;
use imrs_zone::record::UnixTime;
use imrs_zone::synth::{Algorithm, Plan, TestRoot, make};
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Candidate, Image, Limits, Name, Record, Zones};
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

/// The service that targets ask.
pub fn service() -> &'static Service {
    static SERVICE: LazyLock<Service> = LazyLock::new(build);
    &SERVICE
}

/// The records of its root.
pub fn root() -> Vec<Record> {
    made().records
}

fn made() -> TestRoot {
    make(&Plan {
        tlds: 24,
        // Of the algorithms, this one's keys follow the seed.
        algorithms: vec![Algorithm::Ed25519],
        serial: Serial(2_026_010_100),
        workers: NonZeroUsize::MIN,
        ..Plan::new(NOW)
    })
    .expect("the plan is within its limits")
}

fn build() -> Service {
    let root = made();
    let anchors = Anchors::read(root.anchors_ds.as_bytes()).expect("a test root has its anchors");
    let policy = Policy {
        digest: Demand::Require,
        signatures: Demand::Require,
        anchors,
    };
    // Proof of the companions needs the root's word; here their shape is enough.
    let unproven = Policy {
        digest: Demand::Off,
        signatures: Demand::Off,
        ..policy.clone()
    };
    Service {
        zones: Zones::new([
            image(root.records, &policy),
            image(root.root_servers_net, &unproven),
            image(root.arpa, &unproven),
        ]),
        identity: Identity {
            name: Some(b"fuzz".to_vec()),
            version: Some(b"imrs".to_vec()),
        },
        ..Service::default()
    }
}

fn image(records: Vec<Record>, policy: &Policy) -> (Name, Option<Arc<Image>>) {
    let candidate = Candidate::new(records, &Limits::default()).expect("it has a zone's shape");
    let verified = candidate
        .verify(policy, NOW, &Effort::silent(NonZeroUsize::MIN))
        .expect("it is proven");
    let image = verified.compile().expect("its responses fit");
    (verified.apex().clone(), Some(Arc::new(image)))
}

/// 2026-01-01T00:00:00Z.
const NOW: UnixTime = UnixTime(1_767_225_600);
