//! Files and readers, as a capture sees them.

use super::*;
use crate::config::capture::{Compression, Files, Privacy, Sink};
use imrs_telemetry::capture::Seen;
use imrs_telemetry::capture::dnstap::frames::CONTENT_TYPE;
use imrs_telemetry::capture::privacy::Method;
use imrs_telemetry::counts::{Flow, Transport};
use imrs_wire::Family;
use imrs_wire::Rcode;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

const QUERY: &[u8] = b"\xab\xcd\0\0\0\x01\0\0\0\0\0\0\x07example\0\0\x02\0\x01";

fn push(tap: &mut Tap, at_s: u64) {
    tap.push(&Seen {
        at_ns: at_s * 1_000_000_000,
        flow: Flow::new(Transport::Udp, Family::V4),
        client: ([192, 0, 2, 1], 4321).into(),
        server: ([198, 51, 100, 53], 53).into(),
        query: QUERY,
        response: QUERY,
        rcode: Rcode::NOERROR,
        delay_us: 5,
    });
}

fn files(directory: &Path, format: Format, compression: Compression) -> Capture {
    Capture {
        name: "test".to_owned(),
        format,
        sink: Sink::Files(Files {
            directory: directory.to_owned(),
            rotate: Duration::from_secs(86_400),
            rotate_octets: 1 << 30,
            compression,
            octets_per_hour: None,
            directory_octets: 1 << 40,
        }),
        one_in: NonZeroU32::MIN,
        privacy: None,
    }
}

/// What is counted of so many messages, when all is over.
fn capture(capture: &Capture, messages: u64) -> Counted {
    let captures = Captures::start(std::slice::from_ref(capture), &Server::default(), 0).unwrap();
    let mut taps = captures.taps();
    for number in 0..messages {
        push(&mut taps[0], number);
    }
    drop(taps);
    let counts = Arc::clone(&captures.running[0].counts);
    captures.finish();
    let counted = counts.read(&capture.name);
    assert_eq!(counted.pending, 0);
    let all = [
        counted.written,
        counted.lost,
        counted.sampled_away,
        counted.over_budget,
    ];
    assert_eq!(all.iter().sum::<u64>(), messages, "{counted:?}");
    counted
}

/// The names of files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The only file in a folder, unpacked.
fn only_file(folder: &Path) -> Vec<u8> {
    let names = names(folder);
    let [name] = &names[..] else {
        panic!("one file is expected: {names:?}");
    };
    let octets = fs::read(folder.join(name)).unwrap();
    let mut text = Vec::new();
    match name.rsplit('.').next() {
        Some("zst") => text = zstd::decode_all(&octets[..]).unwrap(),
        Some("xz") => {
            let mut reader = liblzma::read::XzDecoder::new(&octets[..]);
            reader.read_to_end(&mut text).unwrap();
        }
        _ => text = octets,
    }
    text
}

#[test]
fn files_appear_whole_in_every_packing() {
    let mut first = Vec::new();
    for compression in [Compression::None, Compression::Zstd, Compression::Xz] {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("made");
        let counted = capture(&files(&inner, Format::CDns, compression), 25_000);
        assert_eq!(counted.written, 25_000);
        let octets = fs::metadata(inner.join(&names(&inner)[0])).unwrap().len();
        assert_eq!(counted.octets, octets);
        let text = only_file(&inner);
        assert!(text.starts_with(b"\x83\x65C-DNS") && text.ends_with(b"\xff"));
        if first.is_empty() {
            first = text;
        } else {
            assert_eq!(text.len(), first.len());
        }
    }
}

#[test]
fn dnstap_goes_into_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let counted = capture(&files(folder.path(), Format::Dnstap, Compression::None), 3);
    assert_eq!(counted.written, 3);
    let text = only_file(folder.path());
    let times = |part: &[u8]| {
        text.windows(part.len())
            .filter(|found| *found == part)
            .count()
    };
    assert_eq!(times(QUERY), 6);
    assert_eq!(times(CONTENT_TYPE), 1);
}

#[test]
fn a_file_ends_at_its_size_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("test-20000101T000000Z.cdns"), [0; 5000]).unwrap();
    fs::write(folder.path().join("test-20000101T000000Z.cdns.part"), "x").unwrap();
    fs::write(folder.path().join("other-20000101T000000Z.cdns"), [0; 5000]).unwrap();
    let mut settings = files(folder.path(), Format::CDns, Compression::None);
    let Sink::Files(files) = &mut settings.sink else {
        panic!("the capture goes into files");
    };
    files.rotate_octets = 1;
    files.directory_octets = 400;
    let captures = Captures::start(&[settings], &Server::default(), 0).unwrap();
    let mut taps = captures.taps();
    let counts = Arc::clone(&captures.running[0].counts);
    for number in 1..=3 {
        push(&mut taps[0], number);
        // A file ends at the first turn that finds it large enough, so each holds a message.
        while counts.pending.load(Relaxed) + counts.written.load(Relaxed) < number {
            std::thread::yield_now();
        }
    }
    drop(taps);
    captures.finish();
    let names = names(folder.path());
    assert_eq!(names[0], "other-20000101T000000Z.cdns");
    assert!(
        names.iter().all(|name| !name.starts_with("test-2000")),
        "{names:?}"
    );
    assert_eq!(counts.read("").written, 3);
}

#[test]
fn a_folder_that_cannot_be_made_loses_what_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    fs::write(&blocked, "no folder").unwrap();
    let counted = capture(&files(&blocked, Format::CDns, Compression::Zstd), 500);
    assert_eq!((counted.lost, counted.is_failing), (500, true));
}

#[test]
fn a_sample_and_a_budget_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = files(folder.path(), Format::CDns, Compression::None);
    settings.one_in = NonZeroU32::new(10).unwrap();
    let Sink::Files(files) = &mut settings.sink else {
        panic!("the capture goes into files");
    };
    files.octets_per_hour = Some(1);
    let counted = capture(&settings, 300_000);
    assert_eq!(counted.sampled_away, 270_000);
    assert!(
        counted.over_budget > 0 && counted.written > 0,
        "{counted:?}"
    );
    let text = only_file(folder.path());
    let says = b"one of each 10 messages";
    assert!(text.windows(says.len()).any(|part| part == says));
}

#[test]
fn clients_are_hidden_and_a_bad_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    let inner = folder.path().join("captures");
    let mut settings = files(&inner, Format::CDns, Compression::None);
    settings.privacy = Some(Privacy {
        method: Method::CryptoPan,
        key_file: key_file.clone(),
    });
    let start = || Captures::start(std::slice::from_ref(&settings), &Server::default(), 0);
    let refused = || crate::chain(&start().unwrap_err());
    assert!(refused().starts_with("capture test: "));
    fs::write(&key_file, "short").unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o604)).unwrap();
    assert!(refused().ends_with(&format!("run chmod o= {}", key_file.display())));
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(refused().contains("openssl rand -base64 32"));
    fs::write(&key_file, "c2VjcmV0c2VjcmV0c2VjcmV0\n").unwrap();
    assert_eq!(capture(&settings, 5).written, 5);
    let text = only_file(&inner);
    assert!(!text.windows(4).any(|part| part == [192, 0, 2, 1]));
}

/// The reader's side of a connection until it may take data.
fn accept(listener: &UnixListener) -> UnixStream {
    let (mut reader, _) = listener.accept().unwrap();
    let mut ready = [0; 42];
    reader.read_exact(&mut ready).unwrap();
    let mut accept = ready;
    accept[11] = 1;
    reader.write_all(&accept).unwrap();
    let mut start = [0; 42];
    reader.read_exact(&mut start).unwrap();
    assert_eq!(start[11], 2);
    reader
}

#[test]
fn a_reader_gets_frames_and_one_that_vanishes_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dnstap.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let settings = Capture {
        sink: Sink::Unix(path),
        ..files(folder.path(), Format::Dnstap, Compression::None)
    };
    let captures = Captures::start(&[settings], &Server::default(), 0).unwrap();
    let mut taps = captures.taps();
    let counts = Arc::clone(&captures.running[0].counts);
    let mut frame = [0; 4];
    let mut first_of = |reader: &mut UnixStream, taps: &mut Vec<Tap>| {
        // The thread may not have seen the acceptance yet: what comes ahead of that is lost.
        reader.set_nonblocking(true).unwrap();
        while reader.read_exact(&mut frame).is_err() {
            push(&mut taps[0], 1);
            std::thread::yield_now();
        }
        assert_ne!(frame, [0; 4]);
    };
    let mut reader = accept(&listener);
    first_of(&mut reader, &mut taps);
    drop(reader);
    while !counts.is_failing.load(Relaxed) {
        push(&mut taps[0], 2);
        std::thread::yield_now();
    }
    let mut reader = accept(&listener);
    first_of(&mut reader, &mut taps);
    assert!(counts.lost.load(Relaxed) > 0);
    drop(taps);
    let end = std::thread::spawn(move || captures.finish());
    reader.set_nonblocking(false).unwrap();
    let mut rest = Vec::new();
    let stop = [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3];
    let mut chunk = [0; 4096];
    while !rest.ends_with(&stop) {
        let len = reader.read(&mut chunk).unwrap();
        assert_ne!(len, 0, "the connection ended without STOP");
        rest.extend_from_slice(&chunk[..len]);
    }
    let finish = [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5];
    reader.write_all(&finish).unwrap();
    end.join().unwrap();
    assert!(!counts.is_failing.load(Relaxed));
}

#[test]
fn a_reader_that_stalls_costs_messages_and_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dnstap.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let settings = Capture {
        sink: Sink::Unix(path),
        ..files(folder.path(), Format::Dnstap, Compression::None)
    };
    let captures = Captures::start(&[settings], &Server::default(), 0).unwrap();
    let mut taps = captures.taps();
    let reader = accept(&listener);
    let counts = Arc::clone(&captures.running[0].counts);
    let mut pushed = 0_u64;
    // The reader takes nothing: its socket fills up, then memory up to the limit.
    while counts.lost.load(Relaxed) < 10_000 {
        push(&mut taps[0], 1);
        pushed += 1;
    }
    drop(reader);
    drop(taps);
    captures.finish();
    let counted = counts.read("");
    assert_eq!(counted.lost + counted.written, pushed, "{counted:?}");
}

/// The reader of those who made Frame Streams; where it is absent, the test says what to install.
#[test]
fn fstrm_capture_takes_all_that_is_counted_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let [socket, file] = ["reader.sock", "taken"].map(|name| folder.path().join(name));
    let mut reader = std::process::Command::new("fstrm_capture");
    reader
        .args(["-t", "protobuf:dnstap.Dnstap", "-u"])
        .arg(&socket)
        .arg("-w")
        .arg(&file);
    reader.stderr(std::process::Stdio::null());
    let Ok(mut reader) = reader.spawn() else {
        println!("skipped: no reader; install the package fstrm-bin");
        return;
    };
    while UnixStream::connect(&socket).is_err() {
        assert!(reader.try_wait().unwrap().is_none(), "the reader ended");
        std::thread::yield_now();
    }
    let settings = Capture {
        sink: Sink::Unix(socket),
        ..files(folder.path(), Format::Dnstap, Compression::None)
    };
    let captures = Captures::start(&[settings], &Server::default(), 0).unwrap();
    let mut taps = captures.taps();
    let counts = Arc::clone(&captures.running[0].counts);
    while counts.written.load(Relaxed) < 1000 {
        push(&mut taps[0], 1);
        std::thread::yield_now();
    }
    drop(taps);
    captures.finish();
    // It writes what it holds when it is asked to end.
    let id = reader.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .arg(id)
            .status()
            .unwrap()
            .success()
    );
    reader.wait().unwrap();
    let taken = fs::read(&file).unwrap();
    let times = taken
        .windows(QUERY.len())
        .filter(|part| *part == QUERY)
        .count();
    assert_eq!(times as u64, 2 * counts.written.load(Relaxed));
}
