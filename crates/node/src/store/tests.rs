//! The store on a real folder: what it keeps, what it refuses, and what it says.
//!
//! Crashes, full disks and damage are in the tests of the `sim` crate, which has a disk for them.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A zone of one name server, whose address ends with the serial.
fn zone(apex: &str, serial: u32) -> Packed {
    let text = format!(
        "{apex} 60 IN SOA ns.example. x.example. {serial} 1800 900 604800 60\n\
         {apex} 60 IN NS ns.example.\n\
         {apex} 60 IN A 192.0.2.{}\n",
        serial % 256
    );
    let records = imrs_zone::read::read(text.as_bytes(), None);
    Packed::new(&records.unwrap()).unwrap()
}

fn facts(at: u64) -> Facts {
    Facts {
        source: "192.0.2.53:53".into(),
        fetched_at: UnixTime(at),
        proven_at: UnixTime(at + 1),
        expires: Some(UnixTime(at + 1000)),
        verdicts: vec![
            "ZONEMD SHA-384 holds".into(),
            "line\nfeed \"quoted\"".into(),
        ],
    }
}

fn difference(from: u32, to: u32) -> Difference {
    Difference {
        from: Serial(from),
        to: Serial(to),
        removed: zone("example.", from).records(),
        added: zone("example.", to).records(),
    }
}

fn open(state: &Path) -> (Store<RealDisk>, Vec<String>) {
    let example = "example.".parse().unwrap();
    let disk = RealDisk::open(state, &example).unwrap();
    let keep = Keep {
        versions: 3,
        ..Keep::default()
    };
    let (store, dropped) = Store::open(disk, example, keep).unwrap();
    let dropped = dropped.iter().map(|dropped| crate::chain(dropped));
    (store, dropped.collect())
}

fn save(store: &mut Store<RealDisk>, serial: u32) -> Saved {
    store
        .save(&zone("example.", serial), &facts(u64::from(serial)), None)
        .unwrap()
}

fn serials(store: &Store<RealDisk>) -> Vec<u32> {
    store.copies().iter().map(|copy| copy.serial.0).collect()
}

fn names(state: &Path) -> Vec<String> {
    let mut names: Vec<String> = state
        .join("zones/example.")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_copy_is_read_back_as_it_was_saved() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = open(state.path());
    let saved = save(&mut store, 7);
    assert!(saved.troubles.is_empty());
    drop(store);
    let (store, dropped) = open(state.path());
    assert_eq!(dropped, Vec::<String>::new());
    assert_eq!(store.copies(), std::slice::from_ref(&saved.header));
    let copy = store.load(saved.header.generation).unwrap();
    assert_eq!(copy.header, saved.header);
    assert_eq!(copy.header.facts, facts(7));
    assert_eq!(copy.zone.octets(), zone("example.", 7).octets());
}

#[test]
fn the_last_versions_are_kept_newest_first() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = open(state.path());
    for serial in [5, 6, 7] {
        save(&mut store, serial);
    }
    let oldest = store.copies().last().unwrap().generation;
    store.mark_in_service(Some(oldest));
    for serial in [8, 9, 9] {
        save(&mut store, serial);
    }
    assert_eq!(serials(&store), [9, 9, 8, 5]);
    drop(store);
    let (mut store, _) = open(state.path());
    assert_eq!(serials(&store), [9, 9, 8, 5]);
    save(&mut store, 10);
    assert_eq!(serials(&store), [10, 9, 9]);
}

#[test]
fn differences_lead_from_each_kept_version_to_a_later_one() {
    let state = tempfile::tempdir().unwrap();
    let example = || "example.".parse().unwrap();
    // The chain may be as large as the zone, so the zone must be larger than its differences.
    let large = |serial| {
        let mut records = zone("example.", serial).records();
        let padding = zone("padding.", 1).records();
        records.extend((0..20).map(|_| padding[2].clone()));
        Packed::new(&records).unwrap()
    };
    let disk = RealDisk::open(state.path(), &example()).unwrap();
    let (mut store, _) = Store::open(disk, example(), Keep::default()).unwrap();
    let small = |from, to| {
        let mut difference = difference(from, to);
        difference.removed.truncate(1);
        difference.added.truncate(1);
        difference
    };
    store.save(&large(1), &facts(1), None).unwrap();
    for serial in [2, 3] {
        let saved = store.save(&large(serial), &facts(1), Some(&small(serial - 1, serial)));
        assert!(saved.unwrap().troubles.is_empty());
    }
    drop(store);
    let disk = RealDisk::open(state.path(), &example()).unwrap();
    let (store, _) = Store::open(disk, example(), Keep::default()).unwrap();
    let check = |from, to, expected: Option<&[(u32, u32)]>| {
        let chain = store.differences(Serial(from), Serial(to));
        let expected = expected.map(|steps| {
            let steps = steps.iter().map(|&(from, to)| Arc::new(small(from, to)));
            steps.collect::<Vec<_>>()
        });
        assert_eq!(chain, expected, "{from} to {to}");
    };
    check(2, 3, Some(&[(2, 3)]));
    check(1, 3, Some(&[(1, 2), (2, 3)]));
    check(1, 2, Some(&[(1, 2)]));
    check(3, 3, None);
    check(0, 3, None);
    check(1, 4, None);
    check(2, 1, None);
}

#[test]
fn a_difference_from_no_kept_version_does_not_keep_a_copy_from_being_saved() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = open(state.path());
    save(&mut store, 1);
    let check = |store: &mut Store<RealDisk>, serial, from, to| {
        let zone = zone("example.", serial);
        let saved = store.save(&zone, &facts(1), Some(&difference(from, to)));
        let troubles = saved.unwrap().troubles;
        assert!(
            matches!(troubles.as_slice(), [StoreError::Unchained { .. }]),
            "{troubles:?}"
        );
    };
    check(&mut store, 3, 2, 3);
    check(&mut store, 4, 3, 5);
}

#[test]
fn a_confirmation_counts_for_the_serial_that_it_is_about() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = open(state.path());
    save(&mut store, 100);
    store.confirm(Serial(100), UnixTime(50)).unwrap();
    store.confirm(Serial(100), UnixTime(500)).unwrap();
    save(&mut store, 200);
    drop(store);
    let (store, _) = open(state.path());
    let times: Vec<u64> = store
        .copies()
        .iter()
        .map(|copy| store.current_at(copy).0)
        .collect();
    assert_eq!(times, [200, 500]);
    assert_eq!(store.confirmed().unwrap().at, UnixTime(500));
}

#[test]
fn what_is_not_taken_is_named_with_its_reason() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = open(state.path());
    for serial in [1, 2, 3] {
        save(&mut store, serial);
    }
    drop(store);
    let folder = state.path().join("zones/example.");
    let copy = |generation: u64| format!("copy-{generation:012}-{generation}");
    let whole = std::fs::read(folder.join(copy(3))).unwrap();
    let put = |name: &str, octets: &[u8]| std::fs::write(folder.join(name), octets).unwrap();
    put(&copy(4), &whole[..whole.len() - 60]);
    put(&copy(5), &[&whole[..whole.len() - 1], b"?"].concat());
    let text = String::from_utf8_lossy(&whole[..17]).replace("v1", "v2");
    put(&copy(6), &[text.as_bytes(), &whole[17..]].concat());
    put(&copy(7), &whole);
    put(&copy(8), b"");
    put("copy-000000000009-9.new", &whole);
    put("notes.new", b"not ours");
    std::os::unix::fs::symlink(folder.join(copy(3)), folder.join(copy(10))).unwrap();

    let (mut store, dropped) = open(state.path());
    assert_eq!(serials(&store), [3, 2, 1]);
    let short = dropped
        .iter()
        .map(|text| text.replace(" was dropped: ", " "));
    let short: Vec<String> = short.collect();
    let length = whole.len();
    assert_eq!(short.len(), 7, "{short:#?}");
    let torn = format!("it was torn: {} of {length} octets are there", length - 60);
    let expected = [
        format!("{} {torn}", copy(4)),
        format!(
            "{} it was corrupted: its SHA-384 digest does not match",
            copy(5)
        ),
        format!(
            "{} it is of the format \"imrs zone copy v2\", which this imrs does not know; \
             it is left alone",
            copy(6)
        ),
        format!(
            "{} its content is unfit: it should have the name {}",
            copy(7),
            copy(3)
        ),
        format!("{} it was torn: 0 of 67 octets are there", copy(8)),
        "copy-000000000009-9.new its writing was not finished".to_owned(),
    ];
    assert_eq!(short[..6], expected);
    let link = "the system does not give it; it is left alone";
    assert!(short[6].contains(link), "{}", short[6]);

    // A newer copy being safe, what is worthless goes; the rest is left alone.
    let saved = save(&mut store, 11);
    assert_eq!(saved.header.generation, Generation(11));
    assert_eq!(
        names(state.path()),
        [
            copy(2),
            copy(3),
            copy(6),
            copy(10),
            copy(11),
            "notes.new".into()
        ]
    );
}

#[test]
fn a_copy_of_another_zone_is_refused_both_ways() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = open(state.path());
    let refused = store.save(&zone("other.", 1), &facts(1), None);
    assert!(matches!(refused, Err(StoreError::OtherZone { .. })));
    drop(store);
    let other: Name = "other.".parse().unwrap();
    let disk = RealDisk::open(state.path(), &other).unwrap();
    let (mut store, _) = Store::open(disk, other, Keep::default()).unwrap();
    store.save(&zone("other.", 1), &facts(1), None).unwrap();
    let name = "copy-000000000001-1";
    let zones = state.path().join("zones");
    std::fs::copy(
        zones.join("other.").join(name),
        zones.join("example.").join(name),
    )
    .unwrap();
    let (store, dropped) = open(state.path());
    assert_eq!(serials(&store), [0; 0]);
    assert_eq!(
        dropped,
        [format!("{name} was dropped: it belongs to the zone other.")]
    );
}

#[test]
fn the_folder_and_its_files_are_for_one_user_and_one_process() {
    let state = tempfile::tempdir().unwrap();
    let (mut store, _) = open(state.path());
    save(&mut store, 1);
    let check = |path: &str, mode: u32| {
        let metadata = state.path().join(path).metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    };
    check("zones", 0o700);
    check("zones/example.", 0o700);
    check("zones/example./copy-000000000001-1", 0o600);
    let example = "example.".parse().unwrap();
    let error = RealDisk::open(state.path(), &example).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
}

#[test]
fn a_folder_that_is_missing_or_in_the_way_is_its_own_error() {
    let state = tempfile::tempdir().unwrap();
    let example: Name = "example.".parse().unwrap();
    let error = RealDisk::open(&state.path().join("none"), &example).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    let (mut store, _) = open(state.path());
    std::fs::remove_dir_all(state.path().join("zones")).unwrap();
    let error = store
        .save(&zone("example.", 1), &facts(1), None)
        .unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    std::fs::write(state.path().join("zones"), "").unwrap();
    let error = RealDisk::open(state.path(), &example).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
}

#[test]
fn a_name_that_is_a_path_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(state.path(), &"example.".parse().unwrap()).unwrap();
    for name in ["", ".", "..", "../x", "a/b", "/etc/passwd"] {
        let error = disk.read(name, 10).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidFilename, "{name}");
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let state = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(state.path(), &"example.".parse().unwrap()).unwrap();
    disk.write("a", b"12345").unwrap();
    assert_eq!(disk.read("a", 5).unwrap(), b"12345");
    let error = disk.read("a", 4).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    let error = disk.write("a", b"").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn who_takes_over_reads_beside_the_one_before_and_writes_after_it() {
    let state = tempfile::tempdir().unwrap();
    let (mut older, _) = open(state.path());
    save(&mut older, 5);
    let example: Name = "example.".parse().unwrap();
    let disk = RealDisk::beside(state.path(), &example).unwrap();
    let (mut newer, _) = Store::open(disk, example, Keep::default()).unwrap();
    assert_eq!(serials(&newer), [5]);
    newer.load(newer.copies()[0].generation).unwrap();
    let refusal = newer.disk().lock().unwrap_err();
    assert!(matches!(refusal, StoreError::InUse { .. }), "{refusal}");
    save(&mut older, 6);
    drop(older);
    newer.disk().lock().unwrap();
    assert!(newer.look_again().unwrap().is_empty());
    assert_eq!(serials(&newer), [6, 5]);
    save(&mut newer, 7);
    drop(newer);
    assert_eq!(serials(&open(state.path()).0), [7, 6, 5]);
}
