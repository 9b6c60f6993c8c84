//! The store on a disk that fails: whatever happens at whichever operation, no good copy is lost
//! and nothing is taken for a copy that is none.
#![expect(
    clippy::unwrap_used,
    reason = "in the helpers of tests too, a failure is the message"
)]

use imrs_node::store::{Facts, Generation, Keep, Reason, Store, StoreError};
use imrs_sim::disk::{Fault, FaultyDisk, Survival};
use imrs_wire::Serial;
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::record::UnixTime;
use imrs_zone::{Name, Record};

/// Versions that the store keeps here.
const VERSIONS: usize = 3;

/// Seeds tried for each operation that is interrupted: chance has a handful of outcomes there.
const SEEDS: u64 = 12;

/// What a node does with its store, one after the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Saves this serial as the difference from the one before, or without one.
    Save(u32, Option<u32>),
    Confirm(u32, u64),
    /// Serves the newest copy.
    Serve,
}

const STEPS: &[Step] = &[
    Step::Save(1, None),
    Step::Serve,
    Step::Confirm(1, 10),
    Step::Save(2, Some(1)),
    Step::Save(3, Some(2)),
    Step::Confirm(3, 30),
    Step::Save(4, Some(3)),
    Step::Serve,
    Step::Save(5, None),
    Step::Save(6, Some(5)),
    Step::Confirm(6, 60),
    Step::Save(7, Some(6)),
];

/// What was acknowledged: a step counts if it returned well.
#[derive(Debug, Default)]
struct Acknowledged {
    newest: u32,
    confirmed: Option<(u32, u64)>,
}

fn apex() -> Name {
    "example.".parse().unwrap()
}

fn read(text: &str) -> Vec<Record> {
    imrs_zone::read::read(text.as_bytes(), None).unwrap()
}

/// What differs from version to version.
fn changing(serial: u32) -> Vec<Record> {
    read(&format!(
        "example. 60 IN SOA ns.example. x.example. {serial} 1800 900 604800 60\n\
         a.example. 60 IN TXT \"version {serial}\"\n"
    ))
}

/// Large enough that a chain of some differences is worth keeping.
fn zone(serial: u32) -> Packed {
    let text: String = (0..60)
        .map(|host| format!("host-{host}.example. 60 IN A 192.0.2.{host}\n"))
        .collect();
    let records = [changing(serial), read(&text)].concat();
    Packed::new(&records).unwrap()
}

fn facts(serial: u32) -> Facts {
    Facts {
        source: "192.0.2.53:53".into(),
        fetched_at: UnixTime(u64::from(serial)),
        proven_at: UnixTime(u64::from(serial) + 1),
        expires: None,
        verdicts: vec![format!("serial {serial} holds")],
    }
}

fn difference(from: u32, to: u32) -> Difference {
    Difference {
        from: Serial(from),
        to: Serial(to),
        removed: changing(from),
        added: changing(to),
    }
}

type Opened = Result<(Store<FaultyDisk>, Vec<imrs_node::store::Dropped>), StoreError>;

fn open(disk: &FaultyDisk) -> Opened {
    let keep = Keep {
        versions: VERSIONS,
        ..Keep::default()
    };
    Store::open(disk.clone(), apex(), keep)
}

/// Goes through all steps, as a node does that goes on when its disk fails.
fn run(disk: &FaultyDisk) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let Ok((mut store, _)) = open(disk) else {
        return acknowledged;
    };
    for &step in STEPS {
        match step {
            Step::Save(serial, from) => {
                let difference = from.map(|from| difference(from, serial));
                let saved = store.save(&zone(serial), &facts(serial), difference.as_ref());
                if saved.is_ok() {
                    acknowledged.newest = serial;
                }
            }
            Step::Confirm(serial, at) => {
                if store.confirm(Serial(serial), UnixTime(at)).is_ok() {
                    acknowledged.confirmed = Some((serial, at));
                }
            }
            Step::Serve => {
                let newest = store.copies().first().map(|copy| copy.generation);
                store.mark_in_service(newest);
            }
        }
    }
    acknowledged
}

/// Opens what is there and holds it against what was acknowledged.
fn check(disk: &FaultyDisk, acknowledged: &Acknowledged, what: &str) -> Store<FaultyDisk> {
    let (store, dropped) = open(disk).unwrap();
    let newest = store.copies().first().map_or(0, |copy| copy.serial.0);
    assert!(
        newest >= acknowledged.newest,
        "{what}: {newest} is the newest after {acknowledged:?}"
    );
    for copy in store.copies() {
        let read = store.load(copy.generation).unwrap();
        assert_eq!(read.zone.octets(), zone(copy.serial.0).octets(), "{what}");
        assert_eq!(read.header.facts, facts(copy.serial.0), "{what}");
    }
    let confirmed = store.confirmed().map(|it| (it.serial.0, it.at.0));
    assert!(confirmed >= acknowledged.confirmed, "{what}");
    check_differences(&store, what);
    for dropped in &dropped {
        assert!(
            matches!(dropped.reason, Reason::Unfinished | Reason::Unchained),
            "{what}: {dropped:?}"
        );
    }
    store
}

/// Every chain leads from its beginning to its end without a gap.
fn check_differences(store: &Store<FaultyDisk>, what: &str) {
    for from in 1..8 {
        for to in from + 1..8 {
            let Some(chain) = store.differences(Serial(from), Serial(to)) else {
                continue;
            };
            let mut at = from;
            for step in &chain {
                assert_eq!(**step, difference(at, step.to.0), "{what}");
                at = step.to.0;
            }
            assert_eq!(at, to, "{what}");
        }
    }
}

/// The store goes on as if nothing had been, and leaves nothing lying about.
fn check_goes_on(disk: &FaultyDisk, mut store: Store<FaultyDisk>, what: &str) {
    let saved = store.save(&zone(100), &facts(100), None).unwrap();
    assert!(saved.troubles.is_empty(), "{what}: {:?}", saved.troubles);
    let copies = store.copies().len();
    assert!(copies <= VERSIONS, "{what}: {copies} copies");
    drop(store);
    let (store, dropped) = open(disk).unwrap();
    assert!(dropped.is_empty(), "{what}: {dropped:?}");
    assert_eq!(store.copies().first().unwrap().serial, Serial(100));
    let confirmed = usize::from(store.confirmed().is_some());
    // The last save had no difference, so that no chain leads to it.
    assert_eq!(disk.names().len(), copies + confirmed, "{what}");
}

/// Operations of the whole run without any fault.
fn operations() -> u64 {
    let disk = FaultyDisk::seeded(0);
    run(&disk);
    disk.operations()
}

#[test]
fn without_faults_everything_is_acknowledged_and_kept() {
    let disk = FaultyDisk::seeded(0);
    let acknowledged = run(&disk);
    assert_eq!(acknowledged.newest, 7);
    assert_eq!(acknowledged.confirmed, Some((6, 60)));
    let store = check(&disk, &acknowledged, "no fault");
    let serials: Vec<u32> = store.copies().iter().map(|copy| copy.serial.0).collect();
    assert_eq!(serials, [7, 6, 5, 4]);
    let chain = store.differences(Serial(5), Serial(7)).unwrap();
    assert_eq!(chain.len(), 2);
    assert!(store.differences(Serial(4), Serial(7)).is_none());
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_was_acknowledged() {
    for operation in 0..operations() {
        for survival in [Survival::All, Survival::None, Survival::Chance] {
            for seed in 0..SEEDS {
                let what = format!("operation {operation}, {survival:?}, seed {seed}");
                let disk = FaultyDisk::seeded(seed);
                disk.fail_at(operation, Fault::Crash(survival));
                let acknowledged = run(&disk);
                assert!(disk.has_crashed(), "{what}");
                disk.restart();
                let store = check(&disk, &acknowledged, &what);
                check_goes_on(&disk, store, &what);
            }
        }
    }
}

#[test]
fn a_crash_while_recovering_from_a_crash_loses_nothing_either() {
    for operation in 0..operations() {
        for seed in 0..SEEDS {
            let what = format!("operation {operation}, seed {seed}");
            let disk = FaultyDisk::seeded(seed);
            disk.fail_at(operation, Fault::Crash(Survival::Chance));
            let acknowledged = run(&disk);
            disk.restart();
            let second = disk.operations() + seed;
            disk.fail_at(second, Fault::Crash(Survival::Chance));
            if let Ok((mut store, _)) = open(&disk) {
                let _ = store.save(&zone(8), &facts(8), None);
            }
            disk.crash(Survival::Chance);
            disk.restart();
            let store = check(&disk, &acknowledged, &what);
            check_goes_on(&disk, store, &what);
        }
    }
}

#[test]
fn an_operation_that_fails_costs_at_most_what_it_was_for() {
    for operation in 1..operations() {
        for fault in [Fault::NoSpace, Fault::Failure] {
            for seed in 0..SEEDS {
                let what = format!("operation {operation}, {fault:?}, seed {seed}");
                let disk = FaultyDisk::seeded(seed);
                disk.fail_at(operation, fault);
                let acknowledged = run(&disk);
                assert!(acknowledged.newest >= 6, "{what}: {acknowledged:?}");
                let store = check(&disk, &acknowledged, &what);
                check_goes_on(&disk, store, &what);
            }
        }
    }
}

#[test]
fn a_crash_after_a_failure_loses_nothing_that_was_acknowledged() {
    for operation in 1..operations() {
        for seed in 0..SEEDS {
            let what = format!("operation {operation}, seed {seed}");
            let disk = FaultyDisk::seeded(seed);
            disk.fail_at(operation, Fault::Failure);
            disk.fail_at(operation + 1 + seed, Fault::Crash(Survival::Chance));
            let acknowledged = run(&disk);
            disk.restart();
            let store = check(&disk, &acknowledged, &what);
            check_goes_on(&disk, store, &what);
        }
    }
}

#[test]
fn a_full_disk_is_its_own_error_and_leaves_what_is_there() {
    let disk = FaultyDisk::seeded(1);
    let acknowledged = run(&disk);
    let before = disk.names();
    let (mut store, _) = open(&disk).unwrap();
    disk.fill();
    for serial in 8..12 {
        let error = store.save(&zone(serial), &facts(serial), None).unwrap_err();
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
        let error = store.confirm(Serial(7), UnixTime(99)).unwrap_err();
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
    }
    assert_eq!(disk.names(), before);
    disk.empty();
    drop(store);
    let store = check(&disk, &acknowledged, "full");
    check_goes_on(&disk, store, "full");
}

#[test]
fn an_octet_that_is_flipped_anywhere_costs_the_file_that_it_is_in() {
    let disk = FaultyDisk::seeded(1);
    run(&disk);
    for name in disk.names() {
        let whole = disk.file(&name).unwrap();
        for at in 0..whole.len() {
            let mut octets = whole.clone();
            octets[at] ^= 1 << (at % 8);
            disk.put(&name, &octets);
            let (store, dropped) = open(&disk).unwrap();
            let what = format!("octet {at} of {name}");
            assert_eq!(dropped.first().unwrap().name, name, "{what}");
            let newest = if name.starts_with("copy-000000000007") {
                6
            } else {
                7
            };
            let copy = store.copies().first().unwrap();
            assert_eq!(copy.serial, Serial(newest), "{what}");
            check_differences(&store, &what);
        }
        disk.put(&name, &whole);
    }
}

#[test]
fn a_file_that_ends_anywhere_costs_itself() {
    let disk = FaultyDisk::seeded(1);
    run(&disk);
    let name = "copy-000000000007-7";
    let whole = disk.file(name).unwrap();
    for length in 0..whole.len() {
        disk.put(name, &whole[..length]);
        let (store, dropped) = open(&disk).unwrap();
        let copy = store.copies().first().unwrap();
        assert_eq!(copy.generation, Generation(6), "{length} octets");
        assert_eq!(dropped.first().unwrap().name, name, "{length} octets");
    }
}

#[test]
fn damage_after_the_start_is_found_when_a_copy_is_loaded() {
    let disk = FaultyDisk::seeded(1);
    run(&disk);
    let (store, _) = open(&disk).unwrap();
    let name = "copy-000000000007-7";
    let mut octets = disk.file(name).unwrap();
    octets[300] ^= 1;
    disk.put(name, &octets);
    let error = store.load(Generation(7)).unwrap_err();
    let corrupted = matches!(
        error,
        StoreError::Unusable {
            reason: Reason::Corrupted,
            ..
        }
    );
    assert!(corrupted, "{error:?}");
    assert!(store.load(Generation(6)).is_ok());
    let error = store.load(Generation(3)).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchCopy { .. }), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_left_where_it_is() {
    let disk = FaultyDisk::seeded(1);
    let acknowledged = run(&disk);
    let files = disk.names().len() as u64;
    for file in 0..files {
        // The first operation of a start lists the folder.
        disk.fail_at(disk.operations() + 1 + file, Fault::Failure);
        let before = disk.names();
        let (store, dropped) = open(&disk).unwrap();
        let unreadable = |reason: &Reason| matches!(reason, Reason::Unreadable { .. });
        assert!(dropped.iter().any(|it| unreadable(&it.reason)));
        assert!(store.copies().len() >= VERSIONS);
        drop(store);
        assert_eq!(disk.names(), before);
        check(&disk, &acknowledged, &format!("file {file}"));
    }
    disk.fail_at(disk.operations(), Fault::Failure);
    let error = open(&disk).map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
}
