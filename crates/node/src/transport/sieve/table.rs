//! Who is known and who is condemned: sources in a fixed table of 64-bit entries.
//!
//! ```text
//! octet 0                2 MiB                +64
//! │ bucket 0 │ bucket 1 … │ last condemnation │ worker 0 │ worker 1 …      64 octets each
//!
//! bucket   4 entries of 8 octets, in one line of the cache
//! entry    tag 32 │ standing 2 │ trusted 1 │ time 29        0: free
//! worker   special 32, ordinary 32 │ condemned 64 │ shed 64
//! ```
//!
//! With 100,000 known sources, 2 % of newcomers find four known ones in their bucket and stay
//! unknown.
//!
//! The time of an entry is when its source was last seen or, if it is condemned, until when; in
//! seconds of `CLOCK_MONOTONIC`, of which 29 bits are 17 years. [`super::program`] reads the same
//! layout in the kernel. What only this process changes are the entries and the openness; what
//! only the kernel changes are the counts.
//!
//! All threads work on the table at once and without locks. An entry is one word that is replaced
//! whole, and only by who saw what it replaces; who comes second has its note lost, and makes it
//! again with the next packet. Two threads may enter one source twice; the first of the two counts
//! and the other grows old. Neither can make anybody known or condemned who should not be.

use crate::transport::limits::{KNOWN_EPOCH_S, KNOWN_UNSEEN_S};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets, a power of two.
pub(super) const BUCKETS: usize = 1 << BUCKET_BITS;
/// Bits of a hash that choose the bucket.
pub(super) const BUCKET_BITS: u32 = 16;
/// Entries of a bucket: half a line of the cache, so that a look-up waits for memory once.
pub(super) const WAYS: usize = 4;
/// The word that holds when the last condemnation ends; 0 for none, and then the kernel need not
/// look.
pub(super) const LAST_CONDEMNATION: usize = BUCKETS * WAYS;
/// Words of a line of the cache, one for each worker.
pub(super) const LINE: usize = 8;

/// Bits of an entry that hold its time.
pub(super) const TIME_BITS: u32 = 29;
/// The bit of an entry that its source once showed a valid cookie.
pub(super) const TRUSTED_BIT: u32 = TIME_BITS;
/// The first bit of an entry's standing.
pub(super) const STANDING_BIT: u32 = 30;
/// The first bit of an entry's tag.
pub(super) const TAG_BIT: u32 = 32;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// Words of the whole memory.
pub(super) fn words(workers: usize) -> usize {
    worker_word(workers)
}

/// The first word of a worker: its openness, then its counts of condemned and shed.
pub(super) fn worker_word(worker: usize) -> usize {
    LAST_CONDEMNATION + LINE * (1 + worker)
}

/// What is held of a source. The numbers are those of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Seen in one epoch.
    Once,
    /// Seen in two.
    Twice,
    /// Seen in three, or with a valid cookie: it is really there.
    Known,
    /// Far beyond its limits: not heard, but for a few.
    Condemned,
}

/// One source in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tag: u32,
    pub(super) standing: Standing,
    pub(super) is_trusted: bool,
    pub(super) time_s: u32,
}

impl Entry {
    fn to_word(self) -> u64 {
        u64::from(self.tag) << TAG_BIT
            | (self.standing as u64) << STANDING_BIT
            | u64::from(self.is_trusted) << TRUSTED_BIT
            | u64::from(self.time_s) & TIME_MASK
    }

    fn from_word(word: u64) -> Entry {
        Entry {
            tag: (word >> TAG_BIT) as u32,
            standing: match word >> STANDING_BIT & 3 {
                0 => Standing::Once,
                1 => Standing::Twice,
                2 => Standing::Known,
                _ => Standing::Condemned,
            },
            is_trusted: word >> TRUSTED_BIT & 1 != 0,
            time_s: (word & TIME_MASK) as u32,
        }
    }

    /// How much would be lost with this entry; the time decides among equals.
    fn worth(self, now_s: u32) -> (Worth, u32) {
        let worth = match self.standing {
            Standing::Known if now_s.saturating_sub(self.time_s) < KNOWN_UNSEEN_S => Worth::Known,
            Standing::Condemned if now_s < self.time_s => Worth::Condemned,
            Standing::Known | Standing::Condemned => Worth::Nothing,
            Standing::Once => Worth::Once,
            Standing::Twice => Worth::Twice,
        };
        (worth, self.time_s)
    }
}

/// What gives way to what, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Free, over, or unseen for too long.
    Nothing,
    Once,
    Twice,
    Condemned,
    Known,
}

/// How addresses become places in the table: two rounds of multiplication by secret numbers. The
/// secret keeps others from choosing addresses that share an entry or fill a bucket; the kernel
/// computes the same in a dozen instructions.
#[derive(Clone, Copy)]
pub(super) struct Hash {
    pub(super) start_v4: u64,
    pub(super) start_v6: u64,
    pub(super) factors: [u64; 2],
}

impl Hash {
    pub(super) fn new([start_v4, start_v6, first, second]: [u64; 4]) -> Hash {
        Hash {
            start_v4,
            start_v6,
            // Odd, so that no two addresses become one.
            factors: [first | 1, second | 1],
        }
    }

    /// Where a source is looked for: an IPv4 address, or the first half of an IPv6 address, as
    /// the octets lie in memory.
    fn place(&self, source: IpAddr) -> Place {
        let start = match source.to_canonical() {
            IpAddr::V4(address) => u64::from(u32::from_ne_bytes(address.octets())) ^ self.start_v4,
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                u64::from_ne_bytes([a, b, c, d, e, f, g, h]) ^ self.start_v6
            }
        };
        let hash = self.factors.iter().fold(start, |hash, factor| {
            let hash = hash.wrapping_mul(*factor);
            hash ^ hash >> 32
        });
        Place {
            bucket: (hash >> (u64::BITS - BUCKET_BITS)) as usize * WAYS,
            tag: hash as u32,
        }
    }
}

/// The first word of a bucket, and what tells its entries apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    bucket: usize,
    tag: u32,
}

/// The table in memory that somebody else owns.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) words: &'a [AtomicU64],
    pub(super) hash: &'a Hash,
}

impl<'a> Table<'a> {
    /// A source was seen while all was calm.
    pub(super) fn note(self, source: IpAddr, now_s: u32) {
        let last = &self.words[LAST_CONDEMNATION];
        let last_s = last.load(Ordering::Relaxed);
        if last_s != 0 && last_s <= u64::from(now_s) {
            // Fails if somebody is condemned at this moment, which is as it should be.
            let _ = last.compare_exchange(last_s, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
        let place = self.hash.place(source);
        let Some((word, held)) = self.find(place) else {
            let new = place.entry(Standing::Once, now_s);
            self.insert(place, new, now_s, Worth::Twice);
            return;
        };
        let is_new_epoch = now_s / KNOWN_EPOCH_S > held.time_s / KNOWN_EPOCH_S;
        let standing = match held.standing {
            Standing::Condemned if now_s < held.time_s => return,
            Standing::Condemned => Standing::Once,
            _ if !is_new_epoch => return,
            Standing::Once => Standing::Twice,
            Standing::Twice | Standing::Known => Standing::Known,
        };
        let is_trusted = held.is_trusted && standing == Standing::Known;
        let new = Entry {
            is_trusted,
            ..place.entry(standing, now_s)
        };
        replace(word, held, new);
    }

    /// A source showed a valid cookie. One that is condemned stays so, but is heard when it
    /// brings a cookie.
    pub(super) fn trust(self, source: IpAddr, now_s: u32) {
        let place = self.hash.place(source);
        let new = Entry {
            is_trusted: true,
            ..place.entry(Standing::Known, now_s)
        };
        let Some((word, held)) = self.find(place) else {
            self.insert(place, new, now_s, Worth::Condemned);
            return;
        };
        let is_condemned = held.standing == Standing::Condemned && now_s < held.time_s;
        let new = if is_condemned {
            Entry {
                is_trusted: true,
                ..held
            }
        } else {
            new
        };
        // Most know nothing new: the line of the cache stays shared between the cores.
        let is_fresh = is_condemned || now_s / KNOWN_EPOCH_S <= held.time_s / KNOWN_EPOCH_S;
        if !(is_fresh && held.is_trusted && held.standing == new.standing) {
            replace(word, held, new);
        }
    }

    /// A source is not to be heard until then. Returns whether there was room for that.
    pub(super) fn condemn(self, source: IpAddr, now_s: u32, until_s: u32) -> bool {
        let place = self.hash.place(source);
        let new = place.entry(Standing::Condemned, until_s);
        let is_in = match self.find(place) {
            Some((_, held)) if held.standing == Standing::Condemned && held.time_s >= until_s => {
                true
            }
            Some((word, held)) => {
                let is_trusted = held.is_trusted;
                replace(word, held, Entry { is_trusted, ..new })
            }
            None => self.insert(place, new, now_s, Worth::Condemned),
        };
        // After the entry: who forgets the last condemnation meanwhile, forgets an earlier one.
        self.words[LAST_CONDEMNATION].fetch_max(u64::from(until_s), Ordering::AcqRel);
        is_in
    }

    /// What is held of a source.
    pub(super) fn get(self, source: IpAddr) -> Option<Entry> {
        self.find(self.hash.place(source)).map(|(_, entry)| entry)
    }

    fn bucket(self, place: Place) -> &'a [AtomicU64] {
        &self.words[place.bucket..place.bucket + WAYS]
    }

    /// The first entry with the tag, as the kernel looks for it. Another source has the same tag
    /// in the same bucket once in some thousand million times.
    fn find(self, place: Place) -> Option<(&'a AtomicU64, Entry)> {
        self.bucket(place).iter().find_map(|word| {
            let entry = Entry::from_word(word.load(Ordering::Relaxed));
            (entry.tag == place.tag).then_some((word, entry))
        })
    }

    /// Puts an entry in place of the least, if that is worth no more than `most`.
    fn insert(self, place: Place, new: Entry, now_s: u32, most: Worth) -> bool {
        let entries = self.bucket(place).iter().map(|word| {
            let held = Entry::from_word(word.load(Ordering::Relaxed));
            (word, held)
        });
        let least = entries.min_by_key(|(_, held)| held.worth(now_s));
        least.is_some_and(|(word, held)| held.worth(now_s).0 <= most && replace(word, held, new))
    }
}

impl Place {
    fn entry(self, standing: Standing, time_s: u32) -> Entry {
        Entry {
            tag: self.tag,
            standing,
            is_trusted: false,
            time_s,
        }
    }
}

/// Replaces an entry unless somebody else has done so; relaxed, since an entry tells of nothing
/// but itself.
fn replace(word: &AtomicU64, held: Entry, new: Entry) -> bool {
    let (held, new) = (held.to_word(), new.to_word());
    word.compare_exchange(held, new, Ordering::Relaxed, Ordering::Relaxed)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const SEED: [u64; 4] = [
        0x243f_6a88_85a3_08d3,
        0x1319_8a2e_0370_7344,
        0xa409_3822_299f_31d0,
        0x082e_fa98_ec4e_6c89,
    ];
    /// Some time at the start of an epoch.
    const NOW: u32 = 1_000_000;
    const DAY: u32 = KNOWN_UNSEEN_S;

    struct Owned {
        words: Vec<AtomicU64>,
        hash: Hash,
    }

    impl Owned {
        fn new() -> Owned {
            Owned {
                words: (0..words(1)).map(|_| AtomicU64::new(0)).collect(),
                hash: Hash::new(SEED),
            }
        }

        fn table(&self) -> Table<'_> {
            Table {
                words: &self.words,
                hash: &self.hash,
            }
        }

        fn standing(&self, source: IpAddr) -> Option<Standing> {
            self.table().get(source).map(|entry| entry.standing)
        }

        /// Sources that share a bucket.
        fn neighbours(&self, count: usize) -> Vec<IpAddr> {
            let bucket = self.hash.place(v4(0)).bucket;
            let all = (0..).map(v4);
            all.filter(|source| self.hash.place(*source).bucket == bucket)
                .take(count)
                .collect()
        }
    }

    fn v4(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    /// What a source is after it was seen at these times.
    fn check(seen_s: &[u32], expected: Standing) {
        let owned = Owned::new();
        for now_s in seen_s {
            owned.table().note(v4(1), *now_s);
        }
        assert_eq!(owned.standing(v4(1)), Some(expected), "{seen_s:?}");
        assert_eq!(owned.standing(v4(2)), None);
    }

    #[test]
    fn a_source_is_known_after_three_epochs() {
        check(&[NOW], Standing::Once);
        check(&[NOW, NOW, NOW + 1, NOW + 4], Standing::Once);
        check(&[NOW, NOW + 5], Standing::Twice);
        check(&[NOW + 4, NOW + 5, NOW + 9], Standing::Twice);
        check(&[NOW, NOW + 5, NOW + 10], Standing::Known);
        check(&[NOW, NOW + DAY, NOW + 3 * DAY], Standing::Known);
        // A thread whose time is a little behind another's.
        check(&[NOW + 5, NOW, NOW + 5], Standing::Once);
    }

    #[test]
    fn a_valid_cookie_makes_known_at_once() {
        let owned = Owned::new();
        owned.table().trust(v4(1), NOW);
        assert_eq!(owned.standing(v4(1)), Some(Standing::Known));
        owned.table().note(v4(2), NOW);
        owned.table().trust(v4(2), NOW);
        assert_eq!(owned.standing(v4(2)), Some(Standing::Known));
    }

    #[test]
    fn sources_of_an_ipv6_64_are_one_and_of_ipv4_each_its_own() {
        let owned = Owned::new();
        let v6 = |prefix: u128, host: u128| IpAddr::from(Ipv6Addr::from(prefix << 64 | host));
        owned.table().trust(v6(0x2001_0db8_0000_0001, 1), NOW);
        assert!(owned.standing(v6(0x2001_0db8_0000_0001, 2)).is_some());
        assert!(owned.standing(v6(0x2001_0db8_0000_0002, 1)).is_none());
        owned.table().trust(v4(1), NOW);
        let mapped = Ipv4Addr::from(0x0a00_0001).to_ipv6_mapped();
        assert!(owned.standing(mapped.into()).is_some());
    }

    #[test]
    fn a_known_source_gives_way_only_after_a_day() {
        let owned = Owned::new();
        let [newcomer, known @ ..] = &owned.neighbours(WAYS + 1)[..] else {
            panic!("as many as asked for");
        };
        for (age_s, source) in known.iter().enumerate() {
            owned.table().trust(*source, NOW - age_s as u32);
        }
        owned.table().note(*newcomer, NOW);
        owned.table().trust(*newcomer, NOW);
        assert!(!owned.table().condemn(*newcomer, NOW, NOW + 60));
        assert_eq!(owned.standing(*newcomer), None);
        let oldest = known[WAYS - 1];
        let later = NOW + DAY - WAYS as u32 + 1;
        owned.table().note(*newcomer, later);
        assert_eq!(owned.standing(*newcomer), Some(Standing::Once));
        assert_eq!(owned.standing(oldest), None);
        assert_eq!(owned.standing(known[0]), Some(Standing::Known));
    }

    #[test]
    fn who_was_seen_less_often_and_longer_ago_gives_way_first() {
        let owned = Owned::new();
        let all = owned.neighbours(WAYS + 3);
        let table = owned.table();
        table.trust(all[0], NOW);
        table.note(all[1], NOW);
        table.note(all[1], NOW + 5);
        table.note(all[2], NOW + 5);
        table.note(all[3], NOW + 6);
        for (newcomer, loser) in [(4, 2), (5, 3)] {
            table.note(all[newcomer], NOW + 7);
            assert_eq!(owned.standing(all[newcomer]), Some(Standing::Once));
            assert_eq!(owned.standing(all[loser]), None);
        }
        assert_eq!(owned.standing(all[0]), Some(Standing::Known));
        assert_eq!(owned.standing(all[1]), Some(Standing::Twice));
    }

    #[test]
    fn condemned_sources_give_way_to_condemned_and_trusted_ones_but_to_no_others() {
        let owned = Owned::new();
        let all = owned.neighbours(WAYS + 3);
        let table = owned.table();
        for source in &all[..WAYS] {
            assert!(table.condemn(*source, NOW, NOW + 60));
        }
        let [newcomer, next, last] = all[WAYS..] else {
            panic!("as many as asked for");
        };
        table.note(newcomer, NOW);
        assert_eq!(owned.standing(newcomer), None);
        assert!(table.condemn(next, NOW, NOW + 90));
        table.trust(last, NOW);
        assert_eq!(owned.standing(next), Some(Standing::Condemned));
        assert_eq!(owned.standing(last), Some(Standing::Known));
        table.note(newcomer, NOW + 60);
        assert_eq!(owned.standing(newcomer), Some(Standing::Once));
    }

    #[test]
    fn a_condemnation_is_lengthened_and_never_cut_short() {
        let owned = Owned::new();
        let table = owned.table();
        for (until_s, expected) in [(60, 60), (30, 60), (90, 90)] {
            assert!(table.condemn(v4(1), NOW, NOW + until_s));
            table.note(v4(1), NOW + 20);
            table.trust(v4(1), NOW + 20);
            let entry = table.get(v4(1)).unwrap();
            assert_eq!(entry.standing, Standing::Condemned);
            assert_eq!(entry.time_s, NOW + expected);
        }
        table.note(v4(1), NOW + 90);
        assert_eq!(owned.standing(v4(1)), Some(Standing::Once));
    }

    #[test]
    fn the_end_of_the_last_condemnation_is_noticed() {
        let owned = Owned::new();
        let last = || owned.words[LAST_CONDEMNATION].load(Ordering::Relaxed);
        owned.table().condemn(v4(1), NOW, NOW + 60);
        owned.table().condemn(v4(2), NOW, NOW + 30);
        owned.table().note(v4(3), NOW + 59);
        assert_eq!(last(), u64::from(NOW) + 60);
        owned.table().note(v4(3), NOW + 60);
        assert_eq!(last(), 0);
    }

    #[test]
    fn a_flood_of_ten_million_sources_evicts_no_known_one() {
        let owned = Owned::new();
        let table = owned.table();
        let known: Vec<_> = (0..20_000).map(v4).collect();
        for source in &known {
            table.trust(*source, NOW);
        }
        let entered: Vec<_> = known
            .iter()
            .filter(|source| owned.standing(**source) == Some(Standing::Known))
            .collect();
        // Few find a bucket full.
        assert!(entered.len() > 19_900, "{}", entered.len());
        let mut chance = 1_u32;
        for count in 0..10_000_000_u32 {
            chance = chance.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
            let source = Ipv4Addr::from(chance | 0x8000_0000);
            table.note(source.into(), NOW + count / 1_000_000);
        }
        for source in entered {
            assert_eq!(owned.standing(*source), Some(Standing::Known));
        }
    }

    #[test]
    fn an_entry_survives_its_word() {
        for standing in [
            Standing::Once,
            Standing::Twice,
            Standing::Known,
            Standing::Condemned,
        ] {
            for is_trusted in [false, true] {
                let entry = Entry {
                    tag: 0xdead_beef,
                    standing,
                    is_trusted,
                    time_s: TIME_MASK as u32,
                };
                assert_eq!(Entry::from_word(entry.to_word()), entry);
            }
        }
    }
}
