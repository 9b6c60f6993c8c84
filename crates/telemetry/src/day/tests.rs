//! Days that are opened, closed, merged, kept and published.

use super::v1::Corrupt;
use super::{Account, Days, Gap, Gaps, Loads, Lost, Sealed, Settings, Why};
use crate::counts::{Asked, Cells, Counts, Exchange, Flow, Sent};
use crate::limits::{GAPS_MAX, SOURCES_OCTETS};
use crate::rssac002::{Document, Letter, Metric, documents, violations};
use crate::sources::Method;
use crate::{Day, Moment};
use imrs_wire::{Rcode, Rtype, Serial};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HOUR_MS: u64 = 3_600_000;

/// A node: a worker's cells, the days, and two clocks.
struct Node {
    cells: Cells,
    days: Days,
    now: Moment,
    sealed: Vec<Sealed>,
}

impl Node {
    fn start(unix_ms: u64, kept: Vec<Account>) -> Node {
        let now = Moment {
            unix_ms,
            steady_ms: 5000,
        };
        Node {
            cells: Cells::new(),
            days: Days::start(Settings::default(), now, kept, None),
            now,
            sealed: Vec::new(),
        }
    }

    /// Lets time pass, with a look at it at least every minute.
    fn pass(&mut self, mut ms: u64) {
        while ms > 0 {
            let step = ms.min(60_000);
            self.now.unix_ms += step;
            self.now.steady_ms += step;
            self.turn();
            ms -= step;
        }
    }

    fn set_clock(&mut self, unix_ms: u64) {
        self.now.unix_ms = unix_ms;
        self.turn();
    }

    fn turn(&mut self) {
        self.days.handle_time(self.now);
        let open: Vec<Day> = self.days.accounts().map(|account| account.day).collect();
        for day in open {
            let mut read = Counts::new();
            self.cells.add_to(day, &mut read);
            self.days.handle_counts(day, &read);
        }
        self.sealed
            .extend(std::iter::from_fn(|| self.days.poll_sealed()));
    }

    /// Queries that a worker counts, whose look at the clock is ahead by so much.
    fn query(&mut self, times: u64, ahead_ms: u64) {
        let day = Day::of((self.now.unix_ms + ahead_ms) / 1000).max(self.days.today());
        for _ in 0..times {
            self.cells.record(day, Flow::ALL[0], &exchange(3, 100));
        }
        let source = IpAddr::V4(Ipv4Addr::from_bits(self.now.unix_ms as u32));
        self.days.handle_source(day, source);
    }

    fn sealed_queries(&self) -> Vec<(Day, u64, u64)> {
        let figures = |account: &Account| (account.day, queries(account), account.gaps.seconds());
        let sealed = self.sealed.iter().map(Sealed::account);
        sealed.map(figures).collect()
    }
}

fn exchange(rcode: u16, octets: usize) -> Exchange {
    Exchange {
        request_octets: 40,
        asked: Asked {
            qtype: Some(Rtype::A),
            ..Asked::default()
        },
        sent: Some(Sent {
            octets,
            rcode: Rcode(rcode),
            truncated: false,
        }),
    }
}

fn queries(account: &Account) -> u64 {
    let flows = Flow::ALL.map(|flow| account.counts.flow(flow).queries());
    flows.iter().sum()
}

fn day(date: &str) -> Day {
    Day::parse(date).unwrap()
}

/// Noon of a day, in ms.
fn noon(date: &str) -> u64 {
    day(date).start_s() * 1000 + 12 * HOUR_MS
}

#[test]
fn a_query_belongs_to_the_day_in_which_its_worker_counts_it() {
    let (first, second) = (day("2025-10-01"), day("2025-10-02"));
    let mut node = Node::start(first.start_s() * 1000, Vec::new());
    node.query(3, 0);
    node.pass(24 * HOUR_MS - 10);
    node.query(4, 0);
    // The worker is past midnight already.
    node.query(5, 20);
    node.pass(5);
    node.query(6, 20);
    node.pass(30);
    node.query(7, 0);
    assert!(node.sealed.is_empty());
    assert_eq!(node.days.poll_timeout(), Settings::default().late_ms);
    node.pass(Settings::default().late_ms);
    assert_eq!(node.sealed_queries(), [(first, 7, 0)]);
    assert_eq!(node.sealed[0].account().sources.ipv4().value, 2);
    node.pass(25 * HOUR_MS);
    assert_eq!(node.sealed_queries()[1], (second, 18, 0));
    assert_eq!(node.sealed[1].account().sources.ipv4().value, 3);
    assert_eq!(node.sealed[1].account().until_s, second.end_s());
}

#[test]
fn a_clock_that_steps_back_over_midnight_opens_nothing_sealed_and_loses_nothing() {
    let (first, second) = (day("2025-10-01"), day("2025-10-02"));
    let mut node = Node::start(first.end_s() * 1000 - HOUR_MS, Vec::new());
    node.query(1, 0);
    node.pass(HOUR_MS + 60_000);
    node.query(10, 0);
    node.turn();
    // Before it is sealed, the day goes on.
    node.set_clock(first.end_s() * 1000 - 1000);
    assert_eq!(node.days.today(), first);
    node.query(100, 0);
    node.pass(2000);
    assert_eq!(node.days.today(), second);
    node.query(1000, 0);
    node.pass(HOUR_MS);
    // It was not counting in its first 23 hours, and 61 s were there twice.
    assert_eq!(node.sealed_queries(), [(first, 111, 23 * 3600 + 61)]);
    // After it is sealed, what is counted belongs to the next day.
    node.set_clock(first.end_s() * 1000 - 1000);
    assert_eq!(node.days.today(), second);
    node.query(10_000, 0);
    node.pass(25 * HOUR_MS);
    let gap = Gap {
        from_s: second.start_s() - 1,
        to_s: second.start_s() + 3601,
        why: Why::ClockBack,
    };
    assert_eq!(node.sealed[1].account().gaps.told(), [gap]);
    assert_eq!(node.sealed_queries()[1], (second, 11_000, 3602));
}

#[test]
fn days_that_the_clock_shows_by_mistake_are_folded_into_the_right_one() {
    let first = day("2025-10-01");
    for wrong in ["2025-10-02", "2027-01-31", "2027-02-01"] {
        let mut node = Node::start(first.start_s() * 1000, Vec::new());
        node.pass(12 * HOUR_MS);
        node.query(1, 0);
        node.turn();
        node.set_clock(noon(wrong));
        node.query(10, 0);
        node.pass(5000);
        node.set_clock(noon("2025-10-01") + 5000);
        node.query(100, 0);
        node.pass(25 * HOUR_MS);
        let account = node.sealed[0].account();
        assert_eq!((account.day, queries(account)), (first, 111), "{wrong}");
        let mut why: Vec<Why> = account.gaps.told().iter().map(|gap| gap.why).collect();
        why.dedup();
        assert_eq!(why, [Why::ClockForward, Why::ClockBack], "{wrong}");
        assert_eq!(node.sealed.len(), 1, "{wrong}");
    }
}

#[test]
fn a_restart_goes_on_with_the_day_and_declares_the_time_between() {
    let (first, second) = (day("2025-10-01"), day("2025-10-02"));
    let mut node = Node::start(noon("2025-10-01"), Vec::new());
    node.query(5, 0);
    node.turn();
    let keep = |node: &Node| -> Vec<Account> {
        let octets = node.days.accounts().map(Account::encode);
        octets
            .map(|octets| Account::decode(&octets, SOURCES_OCTETS).unwrap())
            .collect()
    };
    let mut node = Node::start(noon("2025-10-01") + 30_000, keep(&node));
    node.query(6, 0);
    node.turn();
    let account = node.days.accounts().next().unwrap();
    assert_eq!((queries(account), account.gaps.count()), (11, 2));
    assert_eq!(account.gaps.seconds(), 12 * 3600 + 30);
    // The clock was set back meanwhile: that time is there twice.
    let back = Node::start(noon("2025-10-01") + 10_000, keep(&node));
    let account = back.days.accounts().next().unwrap();
    let gap = account.gaps.told().last().unwrap();
    assert_eq!((gap.why, gap.seconds()), (Why::ClockBack, 20));
    // Over midnight: the rest of the one day and the beginning of the other are missing.
    let mut node = Node::start(noon("2025-10-02"), keep(&node));
    node.turn();
    let seconds = 24 * 3600;
    assert_eq!(node.sealed_queries(), [(first, 11, seconds)]);
    node.query(7, 0);
    node.pass(25 * HOUR_MS);
    assert_eq!(node.sealed_queries()[1], (second, 7, 12 * 3600));
}

#[test]
fn what_is_kept_of_a_sealed_day_is_not_counted_again() {
    let first = day("2025-10-01");
    let mut kept = Account::new(first, SOURCES_OCTETS);
    kept.counts.record(Flow::ALL[0], &exchange(0, 50));
    let now = Moment {
        unix_ms: noon("2025-10-01"),
        steady_ms: 0,
    };
    let days = Days::start(Settings::default(), now, vec![kept], Some(first));
    assert_eq!(days.today(), first.next());
    assert_eq!(days.accounts().map(queries).sum::<u64>(), 0);
}

#[test]
fn counts_that_went_down_are_a_gap() {
    let mut node = Node::start(noon("2025-10-01"), Vec::new());
    node.query(5, 0);
    node.turn();
    node.cells = Cells::new();
    node.query(3, 0);
    node.turn();
    let account = node.days.accounts().next().unwrap();
    assert_eq!(account.gaps.told().last().unwrap().why, Why::Unread);
}

#[test]
fn a_serial_is_loaded_when_95_percent_serve_it() {
    let serial = Serial(2_025_100_100);
    let mut all = Loads::default();
    all.note_notified(serial, 10_000);
    for node in 0..100_u64 {
        let mut loads = Loads::default();
        loads.note_served(serial, 11_000 + node * 1000);
        loads.note_served(serial, 999_000);
        all.merge(&loads);
    }
    let check = |instances, expected: &[u64]| {
        let times: Vec<u64> = all.times(instances).iter().map(|(_, s)| *s).collect();
        assert_eq!(times, expected, "{instances}");
    };
    check(1, &[1]);
    check(100, &[95]);
    check(101, &[96]);
    check(105, &[100]);
    check(106, &[]);
    // Without a NOTIFY nobody knows since when.
    let mut silent = Loads::default();
    silent.note_served(serial, 5);
    assert_eq!(silent.times(1), []);
}

#[test]
fn a_serial_that_is_served_after_midnight_belongs_to_the_day_of_its_notify() {
    let serial = Serial(2_025_100_101);
    let mut node = Node::start(day("2025-10-02").start_s() * 1000 - 5000, Vec::new());
    node.days.handle_notified(serial);
    node.pass(12_000);
    node.days.handle_served(serial);
    node.pass(HOUR_MS);
    let account = node.sealed[0].account();
    assert_eq!(account.day, day("2025-10-01"));
    assert_eq!(account.loads.times(1), [(serial, 12)]);
}

#[test]
fn gaps_beyond_the_limit_are_still_summed() {
    let mut gaps = Gaps::default();
    for from_s in 0..GAPS_MAX as u64 + 10 {
        gaps.add(Gap {
            from_s,
            to_s: from_s + 2,
            why: Why::Down,
        });
    }
    let (count, seconds) = (gaps.count(), gaps.seconds());
    assert_eq!((count, seconds), (GAPS_MAX as u64 + 10, 2 * count));
    assert_eq!(gaps.told().len(), GAPS_MAX);
}

/// An account of some messages over every flow, and of as many sources.
fn account(seed: u32, messages: u32, sources_octets: usize) -> Account {
    let mut account = Account::new(day("2025-10-01"), sources_octets);
    for number in 0..messages {
        let mixed = (seed ^ number).wrapping_mul(0x9e37_79b9);
        let flow = Flow::ALL[mixed as usize % 8];
        let rcode = [0, 3, 3, 5, 16][mixed as usize % 5];
        let mut exchange = exchange(rcode, mixed as usize % 4500);
        exchange.request_octets = mixed as usize % 400;
        account.counts.record(flow, &exchange);
        let ipv6 = u128::from(mixed >> 3) << 64 | u128::from(mixed & 7);
        account.sources.insert(Ipv6Addr::from_bits(ipv6).into());
        account.sources.insert(Ipv4Addr::from_bits(mixed).into());
    }
    account.loads.note_notified(Serial(seed), 5);
    account.loads.note_served(Serial(seed), 10);
    account.gaps.add(Gap {
        from_s: 1,
        to_s: 2,
        why: Why::Down,
    });
    account
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn accounts_merge_in_any_order_to_the_same_documents(
        parts in prop::collection::vec((0..50u32, 0..300u32), 1..6),
        budget in prop::sample::select(vec![1 << 10, 1 << 20]),
    ) {
        let letter = Letter::new('l').unwrap();
        let merge = |parts: &mut dyn Iterator<Item = &(u32, u32)>| {
            let mut parts = parts.map(|(seed, len)| account(*seed, *len, budget));
            let mut sum = parts.next().unwrap();
            parts.for_each(|part| sum.merge(&part).unwrap());
            sum
        };
        let forth = merge(&mut parts.iter());
        let back = merge(&mut parts.iter().rev());
        prop_assert_eq!(forth.nodes as usize, parts.len());
        prop_assert_eq!(&forth.counts, &back.counts);
        prop_assert_eq!(&forth.sources, &back.sources);
        let published = documents(&forth, letter, parts.len());
        prop_assert_eq!(violations(&published), []);
        prop_assert_eq!(&published, &documents(&back, letter, parts.len()));
        for document in published {
            prop_assert_eq!(Document::read(&document.to_string()), Ok(document));
        }
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_any_change_is_refused(
        (seed, messages) in (any::<u32>(), 0..300u32),
        at in any::<prop::sample::Index>(),
        change in 1..=255u8,
    ) {
        let sealed = Sealed(account(seed, messages, 1 << 12));
        let octets = sealed.encode();
        prop_assert_eq!(Sealed::decode(&octets, 1 << 12), Ok(sealed));
        prop_assert_eq!(Account::decode(&octets, 1 << 12), Err(Corrupt::Kind));
        let at = at.index(octets.len());
        prop_assert!(Sealed::decode(&octets[..at], 1 << 12).is_err());
        let mut changed = octets;
        changed[at] ^= change;
        prop_assert!(Sealed::decode(&changed, 1 << 12).is_err());
    }
}

#[test]
fn accounts_of_other_days_do_not_merge() {
    let mut account = Account::new(day("2025-10-01"), 0);
    let error = account
        .merge(&Account::new(day("2025-10-02"), 0))
        .unwrap_err();
    let expected = "an account of 2025-10-02 does not belong to 2025-10-01";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_day_is_published_in_the_form_of_version_5() {
    let mut account = Account::new(day("2030-02-03"), SOURCES_OCTETS);
    let mut record = |flow: usize, exchange: &Exchange| {
        account.counts.record(Flow::ALL[flow], exchange);
    };
    record(0, &exchange(0, 31));
    record(1, &exchange(3, 5000));
    record(3, &exchange(16, 16));
    record(4, &exchange(3, 468));
    let unanswered = Exchange {
        request_octets: 288,
        sent: None,
        ..exchange(0, 0)
    };
    record(0, &unanswered);
    account.sources.insert(Ipv4Addr::LOCALHOST.into());
    account.sources.insert(Ipv6Addr::LOCALHOST.into());
    account.loads.note_notified(Serial(2_030_020_300), 1000);
    account.loads.note_served(Serial(2_030_020_300), 62_000);
    let letter = Letter::new('l').unwrap();
    let documents = documents(&account, letter, 1);
    assert_eq!(violations(&documents), []);
    let metrics: Vec<Metric> = documents.iter().map(Document::metric).collect();
    assert!(!metrics.contains(&Metric::ZoneSize) && metrics.len() == 5);
    let bodies: String = documents
        .iter()
        .map(|document| {
            let text = document.to_string();
            text.split_once("metric: ").unwrap().1.to_owned()
        })
        .collect();
    let expected = "load-time\ntime:\n  2030020300: 61\n\
        traffic-volume\ndns-udp-queries-received-ipv4: 2\ndns-udp-queries-received-ipv6: 1\n\
        dns-tcp-queries-received-ipv4: 0\ndns-tcp-queries-received-ipv6: 1\n\
        dns-udp-responses-sent-ipv4: 1\ndns-udp-responses-sent-ipv6: 1\n\
        dns-tcp-responses-sent-ipv4: 0\ndns-tcp-responses-sent-ipv6: 1\n\
        l-dns-tls-queries-received-ipv4: 1\nl-dns-tls-queries-received-ipv6: 0\n\
        l-dns-tls-responses-sent-ipv4: 1\nl-dns-tls-responses-sent-ipv6: 0\n\
        traffic-sizes\nudp-request-sizes:\n  32-47: 2\n  288-: 1\n\
        udp-response-sizes:\n  16-31: 1\n  4096-: 1\n\
        tcp-request-sizes:\n  32-47: 1\ntcp-response-sizes:\n  16-31: 1\n\
        l-tls-request-sizes:\n  32-47: 1\nl-tls-response-sizes:\n  464-479: 1\n\
        rcode-volume\n0: 1\n3: 1\n16: 1\nl-dns-tls-rcode-3: 1\n\
        unique-sources\nnum-sources-ipv4: 1\nnum-sources-ipv6: 1\n\
        num-sources-ipv6-aggregate: 1\nl-num-sources-ipv4-method: exact\n\
        l-num-sources-ipv6-method: exact\nl-num-sources-ipv6-aggregate-method: exact\n";
    assert_eq!(bodies, expected);
}

#[test]
fn what_is_not_exact_or_not_whole_says_so_in_its_document() {
    let mut account = account(1, 3000, 1 << 12);
    account.sources.note_missed(7);
    let Method::Sketch { error_ppm } = account.sources.ipv6().method else {
        panic!("no sketch");
    };
    let letter = Letter::new('b').unwrap();
    let documents = documents(&account, letter, 500);
    // Nobody knows whether 95 % of 500 instances serve it.
    assert_eq!(documents.len(), 4);
    let sources = documents.last().unwrap();
    let check = |name, expected| assert_eq!(sources.count(name), Some(expected), "{name}");
    check("b-num-sources-ipv6-error-ppm", u64::from(error_ppm));
    check("b-num-sources-missed-at-most", 7);
    for document in &documents {
        assert_eq!(document.count("b-gaps"), Some(1));
        assert_eq!(document.count("b-gap-seconds"), Some(1));
    }
}

#[test]
fn what_the_kernel_dropped_is_told_beside_the_counts() {
    let mut node = Node::start(6 * HOUR_MS, Vec::new());
    let lost = |queue, filter| Lost { queue, filter };
    node.days.handle_lost(lost(3, 0));
    node.days.handle_lost(lost(5, 70));
    node.pass(18 * HOUR_MS);
    node.days.handle_lost(lost(6, 70));
    node.pass(HOUR_MS);
    let sealed = &node.sealed[0];
    assert_eq!(sealed.account().lost, lost(5, 70));
    let today = node.days.accounts().last().unwrap();
    assert_eq!(today.lost, lost(1, 0));
    let read = Sealed::decode(&sealed.encode(), SOURCES_OCTETS).unwrap();
    assert_eq!(&read, sealed);
    let volume = documents(read.account(), Letter::new('l').unwrap(), 1)
        .into_iter()
        .find(|document| document.metric() == Metric::TrafficVolume)
        .unwrap()
        .to_string();
    assert!(volume.contains("l-dns-udp-lost-queue: 5\nl-dns-udp-lost-filter: 70\n"));
}

#[test]
fn every_message_of_a_transfer_is_a_response() {
    let flow = Flow::ALL[2];
    let cells = Cells::new();
    let day = Day::of(0);
    cells.record(day, flow, &exchange(0, 40_000));
    cells.record_continued(day, flow, 30_000);
    let mut account = Account::new(day, SOURCES_OCTETS);
    cells.add_to(day, &mut account.counts);
    let counted = account.counts.flow(flow);
    assert_eq!((counted.queries(), counted.responses()), (1, 2));
    assert_eq!(counted.rcode(Rcode::NOERROR), 2);
    let documents = documents(&account, Letter::new('l').unwrap(), 1);
    assert_eq!(violations(&documents), []);
}

#[test]
fn a_clock_that_comes_back_from_far_ahead_leaves_no_gap_longer_than_a_day() {
    let first = day("2025-10-01");
    let mut node = Node::start(first.start_s() * 1000, Vec::new());
    node.pass(HOUR_MS);
    let right_ms = node.now.unix_ms;
    node.set_clock(day("2105-01-01").start_s() * 1000);
    node.set_clock(right_ms);
    assert_eq!(node.days.today(), first);
    let account = node.days.accounts().last().unwrap();
    let told = account.gaps.told();
    let back = told.iter().rfind(|gap| gap.why == Why::ClockBack);
    assert_eq!(back.map(Gap::seconds), Some(86_400));
    assert!(told.iter().all(|gap| gap.seconds() <= 86_400));
}

/// A node that follows another, which counted in this time of the first day and left its account.
fn follow(from_ms: u64, until_ms: u64, began_ms: u64) -> Node {
    let mut older = Node::start(from_ms, Vec::new());
    older.query(3, 0);
    older.pass(until_ms - from_ms);
    let kept = older.days.accounts().cloned().collect();
    let mut newer = Node::start(began_ms, Vec::new());
    newer.days = Days::follow(Settings::default(), newer.now);
    newer.query(4, 0);
    newer.turn();
    newer.days.adopt(kept, None);
    newer.turn();
    newer
}

fn known(node: &Node) -> Vec<(Day, u64, u64)> {
    let figures = |account: &Account| (account.day, queries(account), account.gaps.seconds());
    node.days.accounts().map(figures).collect()
}

#[test]
fn who_follows_another_has_what_both_counted_and_no_gap_between() {
    let first = Day::of(0);
    // The older one goes on for a minute after the newer one began.
    let node = follow(0, HOUR_MS + 60_000, HOUR_MS);
    assert_eq!(known(&node), [(first, 7, 0)]);
}

#[test]
fn what_the_one_before_did_not_count_to_its_end_is_a_gap() {
    let first = Day::of(0);
    let node = follow(0, HOUR_MS, HOUR_MS + 20_000);
    assert_eq!(known(&node), [(first, 7, 20)]);
}

#[test]
fn a_day_that_the_one_before_left_open_is_sealed_by_who_follows() {
    let first = Day::of(0);
    let mut node = follow(23 * HOUR_MS, 24 * HOUR_MS - 60_000, 24 * HOUR_MS + 1000);
    assert_eq!(node.sealed_queries(), [(first, 3, 23 * 3600 + 60)]);
    node.pass(60_000);
    assert_eq!(known(&node), [(first.next(), 4, 1)]);
}
