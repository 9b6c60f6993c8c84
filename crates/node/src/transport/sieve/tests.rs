//! The sieve on real sockets: each datagram that is sent is either received or counted as dropped.
//!
//! Where the kernel refuses filters, these tests say so and prove nothing.

use super::*;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

const SEED: [u64; 4] = [
    0x9ae1_6a3b_2f90_404f,
    0xc3a5_c85c_97cb_3127,
    0xb492_b66f_be98_f273,
    0x9ddf_ea08_eb38_2d69,
];
const MINUTE: u32 = 60;
const CLOSED: Openness = Openness {
    ordinary: 0,
    special: 0,
};
const SPECIAL: Openness = Openness {
    ordinary: 0,
    special: u32::MAX,
};

/// A worker with one socket, and who writes to it.
struct Scene {
    sieve: Sieve,
    socket: UdpSocket,
    now_s: u32,
}

impl Scene {
    fn new(local: &str) -> Option<Scene> {
        Scene::seeded(local, SEED)
    }

    fn seeded(local: &str, seed: [u64; 4]) -> Option<Scene> {
        // The second of three workers, so that another's numbers would show.
        let (sieve, unfiltered) = Sieve::new(3, seed);
        if let Some(unfiltered) = unfiltered {
            let cause = std::error::Error::source(&unfiltered).map(ToString::to_string);
            assert!(
                unfiltered.verifier.is_empty(),
                "{unfiltered}: {cause:?}: a kernel that runs programs refuses ours"
            );
            eprintln!("skipped: {unfiltered}: {cause:?}");
            return None;
        }
        let socket = match UdpSocket::bind((local, 0)) {
            Ok(socket) => socket,
            Err(error) => {
                eprintln!("skipped: no {local}: {error}");
                return None;
            }
        };
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        sieve.attach(1, &socket).unwrap();
        let now_s = Sieve::now_s();
        Some(Scene {
            sieve,
            socket,
            now_s,
        })
    }

    /// Sends so many copies of a query from an address and returns how many passed.
    fn send(&self, from: &str, query: &[u8], copies: usize) -> usize {
        let sender = UdpSocket::bind((from, 0)).unwrap();
        let to = self.socket.local_addr().unwrap();
        (0..copies)
            .filter(|_| self.passes(&sender, to, query))
            .count()
    }

    /// Whether one datagram passes: it is received, or else the count of drops grows.
    fn passes(&self, sender: &UdpSocket, to: SocketAddr, query: &[u8]) -> bool {
        let before = self.sieve.filtered(1).total();
        sender.send_to(query, to).unwrap();
        let mut room = [0; 512];
        self.socket.set_nonblocking(true).unwrap();
        loop {
            match self.socket.recv_from(&mut room) {
                Ok((octets, _)) => {
                    assert_eq!(&room[..octets], query);
                    return true;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            if self.sieve.filtered(1).total() > before {
                return false;
            }
            std::thread::yield_now();
        }
    }
}

/// A query for a name, with or without an OPT record.
fn query(qname: &[u8], opt: &[u8]) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend(qname);
    query.extend([0, 1, 0, 1]);
    if !opt.is_empty() {
        query[11] = 1;
        query.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, opt.len() as u8]);
        query.extend(opt);
    }
    query
}

fn ordinary() -> Vec<u8> {
    query(b"\x03com\0", &[])
}

/// With a cookie of the client, and of the server if it has 24 octets.
fn with_cookie(octets: u8) -> Vec<u8> {
    let mut option = vec![0, 10, 0, octets];
    option.resize(4 + usize::from(octets), 0x5a);
    query(b"\x03com\0", &option)
}

/// Of `copies` from `from`, at least and at most so many pass.
fn check(scene: &Scene, from: &str, query: &[u8], copies: usize, expected: (usize, usize)) {
    let before = scene.sieve.filtered(1).total();
    let passed = scene.send(from, query, copies);
    let (least, most) = expected;
    assert!(least <= passed && passed <= most, "{from}: {passed}");
    let dropped = scene.sieve.filtered(1).total() - before;
    assert_eq!(passed as u64 + dropped, copies as u64);
    for other in [0, 2, 3] {
        assert_eq!(scene.sieve.filtered(other), Filtered::default());
    }
}

#[test]
fn everything_passes_an_open_sieve() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    check(&scene, "127.0.0.2", &ordinary(), 20, (20, 20));
    check(&scene, "127.0.0.2", &[], 1, (1, 1));
    check(&scene, "127.0.0.2", &[0; 400], 1, (1, 1));
}

#[test]
fn a_condemned_source_is_dropped_but_for_few_and_others_are_not() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    let condemned = "127.0.0.7".parse().unwrap();
    assert!(
        scene
            .sieve
            .condemn(condemned, scene.now_s, scene.now_s + MINUTE)
    );
    check(&scene, "127.0.0.7", &ordinary(), 1280, (1, 80));
    check(&scene, "127.0.0.8", &ordinary(), 20, (20, 20));
    let filtered = scene.sieve.filtered(1);
    assert!(filtered.condemned > 0);
    assert_eq!(filtered.shed, 0);
}

#[test]
fn a_condemnation_that_is_over_drops_nothing() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    let [over, current] = ["127.0.0.7", "127.0.0.8"].map(|a| a.parse().unwrap());
    let now_s = scene.now_s;
    scene.sieve.condemn(current, now_s, now_s + MINUTE);
    scene.sieve.condemn(over, now_s - 1, now_s);
    check(&scene, "127.0.0.7", &ordinary(), 200, (200, 200));
    scene.sieve.set_openness(1, CLOSED);
    check(&scene, "127.0.0.7", &ordinary(), 20, (0, 0));
}

#[test]
fn a_condemned_source_that_is_trusted_is_heard_with_a_cookie() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    let source = "127.0.0.7".parse().unwrap();
    scene.sieve.trust(source, scene.now_s);
    scene
        .sieve
        .condemn(source, scene.now_s, scene.now_s + MINUTE);
    assert!(!scene.sieve.is_known(source));
    check(&scene, "127.0.0.7", &with_cookie(24), 50, (50, 50));
    check(&scene, "127.0.0.7", &with_cookie(8), 320, (0, 40));
    check(&scene, "127.0.0.7", &ordinary(), 320, (0, 40));
}

#[test]
fn a_closed_sieve_passes_the_known_and_sheds_the_unknown() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    scene.sieve.trust("127.0.0.9".parse().unwrap(), scene.now_s);
    scene.sieve.set_openness(1, CLOSED);
    check(&scene, "127.0.0.9", &ordinary(), 100, (100, 100));
    check(&scene, "127.0.0.10", &ordinary(), 100, (0, 0));
    check(&scene, "127.0.0.10", &[], 1, (0, 0));
    let filtered = scene.sieve.filtered(1);
    assert_eq!((filtered.condemned, filtered.shed), (0, 101));
    scene.sieve.set_openness(1, Openness::FULL);
    check(&scene, "127.0.0.10", &ordinary(), 100, (100, 100));
}

#[test]
fn a_source_that_was_seen_in_three_epochs_passes_a_closed_sieve() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    let (source, address) = ("127.0.0.16", "127.0.0.16".parse().unwrap());
    scene.sieve.set_openness(1, CLOSED);
    for epoch in 0..3 {
        assert!(!scene.sieve.is_known(address));
        check(&scene, source, &ordinary(), 5, (0, 0));
        scene.sieve.note(address, scene.now_s + 5 * epoch);
    }
    assert!(scene.sieve.is_known(address));
    check(&scene, source, &ordinary(), 50, (50, 50));
}

#[test]
fn the_kernel_finds_every_source_that_this_process_entered() {
    for salt in 0..4 {
        let seed = SEED.map(|word| word.wrapping_mul(2 * salt + 1).rotate_left(salt as u32));
        let Some(scene) = Scene::seeded("127.0.0.1", seed) else {
            return;
        };
        scene.sieve.set_openness(1, CLOSED);
        for host in 0..50_u8 {
            let known = format!("127.{host}.{}.{}", 200 - host, host + 1);
            let unknown = format!("127.{host}.{}.{}", 200 - host, host + 2);
            scene.sieve.trust(known.parse().unwrap(), scene.now_s);
            check(&scene, &known, &ordinary(), 1, (1, 1));
            check(&scene, &unknown, &ordinary(), 1, (0, 0));
        }
    }
}

#[test]
fn an_ipv6_source_is_known_by_its_64() {
    let Some(scene) = Scene::new("::1") else {
        return;
    };
    scene.sieve.set_openness(1, CLOSED);
    check(&scene, "::1", &ordinary(), 20, (0, 0));
    // ::/64 holds ::1.
    scene.sieve.trust("::2".parse().unwrap(), scene.now_s);
    check(&scene, "::1", &ordinary(), 20, (20, 20));
    let until_s = scene.now_s + MINUTE;
    let address = "::3".parse().unwrap();
    scene.sieve.condemn(address, scene.now_s, until_s);
    check(&scene, "::1", &ordinary(), 320, (0, 40));
}

#[test]
fn an_ipv4_source_is_the_same_on_a_socket_for_both() {
    let Some(mut scene) = Scene::new("::") else {
        return;
    };
    let port = scene.socket.local_addr().unwrap().port();
    let (sender, to) = (
        UdpSocket::bind("127.0.0.11:0").unwrap(),
        SocketAddr::from(([127, 0, 0, 1], port)),
    );
    scene.sieve.set_openness(1, CLOSED);
    if sender.send_to(&ordinary(), to).is_err() {
        eprintln!("skipped: sockets are for IPv6 alone here");
        return;
    }
    let mapped = "::ffff:127.0.0.11".parse().unwrap();
    scene.sieve.trust(mapped, scene.now_s);
    assert!(scene.sieve.is_known("127.0.0.11".parse().unwrap()));
    scene.now_s = Sieve::now_s();
    assert!(scene.passes(&sender, to, &ordinary()));
}

#[test]
fn a_share_of_the_unknown_passes() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    let half = Openness {
        ordinary: 1 << 31,
        special: 1 << 30,
    };
    scene.sieve.set_openness(1, half);
    check(&scene, "127.0.0.12", &ordinary(), 2000, (850, 1150));
    let root = query(b"\0", &[]);
    check(&scene, "127.0.0.12", &root, 2000, (380, 620));
}

#[test]
fn queries_for_the_root_and_with_cookies_have_a_share_of_their_own() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    scene.sieve.set_openness(1, SPECIAL);
    let source = "127.0.0.13";
    let nsid_then_cookie = [&[0, 3, 0, 0, 0, 10, 0, 24][..], &[7; 24]].concat();
    for special in [
        query(b"\0", &[]),
        query(b"\0", &[0, 3, 0, 0]),
        with_cookie(24),
        query(b"\x03org\0", &nsid_then_cookie),
    ] {
        check(&scene, source, &special, 20, (20, 20));
    }
    for other in [
        ordinary(),
        with_cookie(8),
        with_cookie(23),
        with_cookie(40),
        vec![0; 12],
        with_cookie(24).split_off(30),
        Vec::new(),
    ] {
        check(&scene, source, &other, 20, (0, 0));
    }
}

#[test]
fn what_a_full_queue_lost_is_the_rest_of_the_drops() {
    let Some(scene) = Scene::new("127.0.0.1") else {
        return;
    };
    let (known, unknown) = ("127.0.0.14", "127.0.0.15");
    scene.sieve.trust(known.parse().unwrap(), scene.now_s);
    scene.sieve.set_openness(1, CLOSED);
    check(&scene, unknown, &ordinary(), 30, (0, 0));
    let dropped = || Drops::default().follow(sys::receive_queue(&scene.socket).dropped);
    let lost = || scene.sieve.filtered(1).lost_by_queues(dropped());
    assert_eq!((dropped(), lost()), (30, 0));
    let sender = UdpSocket::bind((known, 0)).unwrap();
    let to = scene.socket.local_addr().unwrap();
    while lost() < 5 {
        sender.send_to(&ordinary(), to).unwrap();
    }
    assert_eq!(scene.sieve.filtered(1).total(), 30);
}

#[test]
fn a_kernel_that_refuses_leaves_all_but_the_filter() {
    for (code, help) in [
        (libc::EPERM, "CAP_BPF"),
        (libc::ENOSYS, "CONFIG_BPF_SYSCALL"),
        (libc::EINVAL, "Linux 5.5"),
    ] {
        let refused = Err(Unfiltered {
            what: "the filter program",
            verifier: String::new(),
            cause: io::Error::from_raw_os_error(code),
        });
        let (sieve, unfiltered) = Sieve::build(1, Hash::new(SEED), refused);
        assert!(unfiltered.unwrap().to_string().contains(help));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        sieve.attach(0, &socket).unwrap();
        sieve.set_openness(0, CLOSED);
        let source = "192.0.2.1".parse().unwrap();
        sieve.trust(source, 7);
        assert!(sieve.is_known(source));
        sieve.condemn(source, 7, 9);
        assert!(!sieve.is_known(source));
        assert_eq!(sieve.filtered(0), Filtered::default());
    }
}

#[test]
fn a_refused_program_comes_with_the_words_of_the_verifier() {
    // R0 is returned and was never set.
    let mut nonsense = assembler::Assembler::default();
    nonsense.exit();
    match Filter::load(&nonsense.finish()) {
        Ok(_) => panic!("the kernel took a program without a result"),
        Err((cause, _)) if cause.raw_os_error() == Some(libc::EPERM) => {
            eprintln!("skipped: {cause}");
        }
        Err((_, words)) => assert!(words.contains("R0 !read_ok"), "{words}"),
    }
}

#[test]
fn a_count_that_wraps_goes_on() {
    let drops = Drops::default();
    assert_eq!(drops.follow(10), 10);
    assert_eq!(drops.follow(1 << 31), 1 << 31);
    assert_eq!(drops.follow(u32::MAX), u64::from(u32::MAX));
    assert_eq!(drops.follow(9), u64::from(u32::MAX) + 10);
}

#[test]
fn a_count_that_was_read_before_another_changes_nothing() {
    let drops = Drops::default();
    assert_eq!(drops.follow(12), 12);
    assert_eq!(drops.follow(10), 12);
}

#[test]
fn what_another_process_counted_is_not_counted_again() {
    let drops = Drops::after(u32::MAX);
    assert_eq!(drops.follow(u32::MAX), 0);
    assert_eq!(drops.follow(4), 5);
    drops.rest(true);
    assert_eq!(drops.follow(9), 5);
    drops.rest(false);
    assert_eq!(drops.follow(10), 11);
}
