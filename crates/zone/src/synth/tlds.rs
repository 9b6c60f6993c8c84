//! The names of the delegations of a test root: those of the real root, fewer, or more.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;

/// The delegations of the IANA root zone of serial 2026073102, one a line, after a comment.
const REAL: &str = include_str!("tlds.txt");

/// The names that even a small test root has, the indispensable first: the root servers are below
/// `net`, and `arpa` is one of the companion zones.
const FIRST: &[&str] = &[
    "net", "arpa", "com", "org", "info", "edu", "gov", "mil", "int", "uk", "de", "fr", "cn", "jp",
    "br", "cz", "au", "nl", "se",
];

/// The number of top-level domains in the real root.
pub const REAL_TLDS: usize = 1438;

/// Chooses `count` top-level domains, without trailing dots.
///
/// Up to [`REAL_TLDS`] the names are real ones, of which a small number takes the well-known first
/// and the others by chance; beyond, all of them and invented ones.
pub(super) fn choose(count: usize, rng: &mut ChaCha8Rng) -> BTreeSet<String> {
    let mut others: Vec<&str> = real().filter(|name| !FIRST.contains(name)).collect();
    others.shuffle(rng);
    let mut names: BTreeSet<String> = FIRST
        .iter()
        .copied()
        .chain(others)
        .take(count)
        .map(str::to_owned)
        .collect();
    while names.len() < count {
        names.insert(invent(rng));
    }
    names
}

fn real() -> impl Iterator<Item = &'static str> {
    REAL.lines().filter(|line| !line.starts_with('#'))
}

/// A word of three to five syllables. Whether it exists already is for the caller to see.
fn invent(rng: &mut ChaCha8Rng) -> String {
    const CONSONANTS: &[u8] = b"bdfghklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    let mut word = String::new();
    for _ in 0..rng.random_range(3..=5) {
        for letters in [CONSONANTS, VOWELS] {
            word.push(char::from(letters[rng.random_range(0..letters.len())]));
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn chosen(count: usize, seed: u64) -> BTreeSet<String> {
        choose(count, &mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn the_list_holds_every_real_name_once() {
        assert_eq!(real().collect::<BTreeSet<_>>().len(), REAL_TLDS);
        assert_eq!(real().count(), REAL_TLDS);
        assert!(FIRST.iter().all(|first| real().any(|name| name == *first)));
    }

    #[test]
    fn as_many_names_as_asked_for() {
        for count in [2, 19, 20, 400, REAL_TLDS, REAL_TLDS + 1, 5000] {
            assert_eq!(chosen(count, 7).len(), count);
        }
    }

    #[test]
    fn a_small_choice_keeps_the_well_known_and_follows_the_seed() {
        let names = chosen(40, 1);
        assert!(FIRST.iter().all(|first| names.contains(*first)));
        assert_eq!(names, chosen(40, 1));
        assert_ne!(names, chosen(40, 2));
    }
}
