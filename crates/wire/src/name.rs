//! The name of a question, as it stands in the packet.

use crate::cursor::Cursor;
use crate::limits::{LABEL_LEN_MAX, NAME_LEN_MAX};

/// The name of a question: uncompressed, in the case in which it was sent.
///
/// Labels are counted from the root: level 0 is the top-level label. Where the last eight labels
/// start is kept while parsing, because look-up begins at that end.
#[derive(Clone, Copy, Debug)]
pub struct Qname<'a> {
    /// From the first octet of the name to the end of the packet.
    packet: &'a [u8],
    /// Octets of the name, the root label included.
    len: usize,
    /// Labels without the root label.
    labels: u8,
    /// Where labels start, one octet each: the lowest octet is the top-level label's.
    starts: u64,
}

/// Both ends of a label, in lower case: what tells it from nearly every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelEnds {
    /// The first eight octets, shorter labels filled up with zeros. The first octet is the highest
    /// of the number, so numbers sort as labels do (RFC 4034 section 6.1) as far as they differ.
    pub head: u64,
    /// The last eight octets of a label that has as many; otherwise 0.
    pub tail: u64,
    /// Octets of the label, without its length octet: 1 to 63.
    pub len: u8,
}

impl LabelEnds {
    /// The ends of `label`, which has no length octet and is of any case.
    pub fn of(label: &[u8]) -> Self {
        let tail = label
            .last_chunk()
            .map_or(0, |eight| lower(u64::from_be_bytes(*eight)));
        LabelEnds {
            head: lower(word(label)),
            tail,
            len: label.len() as u8,
        }
    }
}

impl<'a> Qname<'a> {
    /// Parses a name and moves `cursor` behind it.
    ///
    /// `None` if it is cut short, too long, or has anything but plain labels: the first name of a
    /// message has nothing before it that a compression pointer could mean.
    #[inline]
    pub fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        let packet = cursor.rest();
        let mut labels = 0u8;
        let mut starts = 0u64;
        let mut at = 0usize;
        loop {
            let len = usize::from(*packet.get(at)?);
            if len == 0 {
                let len = at.wrapping_add(1);
                cursor.take(len)?;
                return Some(Qname {
                    packet,
                    len,
                    labels,
                    starts,
                });
            }
            let next = at.wrapping_add(len).wrapping_add(1);
            if len > LABEL_LEN_MAX || next >= NAME_LEN_MAX {
                return None;
            }
            // `at` is below 255 and labels take two octets at least, so neither can wrap.
            starts = starts << 8 | at as u64;
            labels = labels.wrapping_add(1);
            at = next;
        }
    }

    /// Its octets, the root label included.
    #[inline]
    pub fn octets(&self) -> &'a [u8] {
        self.packet.get(..self.len).unwrap_or_default()
    }

    /// How many octets it has, the root label included: 1 to 255.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a name is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many labels it has without the root label: 0 to 127.
    #[inline]
    pub fn labels(&self) -> u8 {
        self.labels
    }

    /// The label at `level`, without its length octet; level 0 is the top-level label.
    #[inline]
    pub fn label(&self, level: u8) -> Option<&'a [u8]> {
        let from = self.packet.get(self.start(level)?..)?;
        let (len, rest) = from.split_first()?;
        rest.get(..usize::from(*len))
    }

    /// Both ends of the label at `level`, in lower case.
    #[inline]
    pub fn label_ends(&self, level: u8) -> Option<LabelEnds> {
        let from = self.packet.get(self.start(level)?..)?;
        let (len, rest) = from.split_first()?;
        let len = usize::from(*len);
        let word = match rest.first_chunk() {
            Some(eight) => u64::from_be_bytes(*eight),
            None => word(rest),
        };
        let head = lower(word & mask(len));
        let tail = match len.checked_sub(8).and_then(|start| rest.get(start..)) {
            Some(last) => lower(
                last.first_chunk()
                    .map_or(0, |eight| u64::from_be_bytes(*eight)),
            ),
            None => 0,
        };
        Some(LabelEnds {
            head,
            tail,
            len: *from.first()?,
        })
    }

    /// Where the label at `level` starts.
    #[inline]
    fn start(&self, level: u8) -> Option<usize> {
        if level >= self.labels {
            return None;
        }
        match self.starts.checked_shr(u32::from(level).wrapping_mul(8)) {
            Some(starts) => Some(usize::from(starts as u8)),
            None => self.start_slow(level),
        }
    }

    /// The same for the labels that `starts` has no place for.
    #[cold]
    fn start_slow(&self, level: u8) -> Option<usize> {
        let mut at = 0usize;
        for _ in level.wrapping_add(1)..self.labels {
            let len = usize::from(*self.packet.get(at)?);
            at = at.wrapping_add(len).wrapping_add(1);
        }
        Some(at)
    }

    /// Whether this name is `suffix` or below it. `suffix` is in wire form and of any case, and
    /// has `labels` labels without the root label.
    #[inline]
    pub fn ends_with(&self, suffix: &[u8], labels: u8) -> bool {
        let Some(top) = labels.checked_sub(1) else {
            return true;
        };
        let Some(start) = self.start(top) else {
            return false;
        };
        // Length octets are below 64 and so have no case.
        self.octets()
            .get(start..)
            .is_some_and(|tail| tail.eq_ignore_ascii_case(suffix))
    }
}

/// The first eight octets as a number, filled up with zeros.
#[inline]
fn word(octets: &[u8]) -> u64 {
    let mut eight = [0u8; 8];
    for (to, from) in eight.iter_mut().zip(octets) {
        *to = *from;
    }
    u64::from_be_bytes(eight)
}

/// Ones where the first `len` octets of a number stand.
#[inline]
fn mask(len: usize) -> u64 {
    let bits = (len as u32).wrapping_mul(8);
    !u64::MAX.checked_shr(bits).unwrap_or(0)
}

/// Lower case of eight octets at once; only ASCII letters have case (RFC 4343 section 3).
#[inline]
fn lower(word: u64) -> u64 {
    /// 0x80 less 'A' in each octet.
    const FROM_A: u64 = 0x3f3f_3f3f_3f3f_3f3f;
    /// 0x7f less 'Z' in each octet.
    const PAST_Z: u64 = 0x2525_2525_2525_2525;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let heptets = word & !HIGH;
    // The highest bit of each octet of these sums says: at least 'A', past 'Z'.
    let from_a = heptets.wrapping_add(FROM_A);
    let past_z = heptets.wrapping_add(PAST_Z);
    let upper = (from_a & !past_z) & !word & HIGH;
    word | upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn parse(octets: &[u8]) -> Option<Qname<'_>> {
        Qname::parse(&mut Cursor::new(octets))
    }

    fn wire(labels: &[&[u8]]) -> Vec<u8> {
        let mut octets = Vec::new();
        for label in labels {
            octets.push(label.len() as u8);
            octets.extend_from_slice(label);
        }
        octets.push(0);
        octets
    }

    #[test]
    fn labels_are_counted_from_the_root() {
        let octets = wire(&[b"www", b"Example", b"COM"]);
        let name = parse(&octets).unwrap();
        assert_eq!(name.labels(), 3);
        assert_eq!(name.len(), 17);
        assert_eq!(name.label(0), Some(&b"COM"[..]));
        assert_eq!(name.label(1), Some(&b"Example"[..]));
        assert_eq!(name.label(2), Some(&b"www"[..]));
        assert_eq!(name.label(3), None);
    }

    #[test]
    fn a_name_of_127_labels_gives_each_of_them() {
        let labels: Vec<[u8; 1]> = (0..127).map(|i| [i as u8]).collect();
        let labels: Vec<&[u8]> = labels.iter().map(|label| &label[..]).collect();
        let octets = wire(&labels);
        assert_eq!(octets.len(), NAME_LEN_MAX);
        let name = parse(&octets).unwrap();
        for level in 0..127u8 {
            assert_eq!(name.label(level), Some(&[126 - level][..]), "level {level}");
        }
    }

    #[test]
    fn names_that_are_not_plain_and_whole_are_refused() {
        assert!(parse(b"").is_none());
        assert!(parse(b"\x03co").is_none());
        assert!(parse(b"\x03com").is_none());
        assert!(parse(b"\xc0\x0c").is_none());
        assert!(parse(b"\x40a\x00").is_none());
        let labels = [[b'a'; 63]; 4];
        let labels: Vec<&[u8]> = labels.iter().map(|label| &label[..]).collect();
        assert!(parse(&wire(&labels)).is_none(), "257 octets");
        let mut labels = labels;
        labels[3] = &[b'a'; 61];
        assert_eq!(parse(&wire(&labels)).unwrap().len(), 255);
        labels[3] = &[b'a'; 62];
        assert!(parse(&wire(&labels)).is_none(), "256 octets");
    }

    #[test]
    fn ends_are_lower_case_and_cut_at_the_label() {
        fn check(label: &[u8], head: &[u8; 8], tail: u64) {
            let ends = LabelEnds {
                head: u64::from_be_bytes(*head),
                tail,
                len: label.len() as u8,
            };
            assert_eq!(LabelEnds::of(label), ends);
            // At the end of the packet and within it.
            let octets = wire(&[label]);
            assert_eq!(parse(&octets).unwrap().label_ends(0), Some(ends));
            let octets = wire(&[b"www", label, b"Longest-Domain"]);
            assert_eq!(parse(&octets).unwrap().label_ends(1), Some(ends));
        }
        check(b"Com", b"com\0\0\0\0\0", 0);
        check(b"example", b"example\0", 0);
        check(b"EXAMPLES", b"examples", u64::from_be_bytes(*b"examples"));
        check(
            b"longer-than-EIGHT",
            b"longer-t",
            u64::from_be_bytes(*b"an-eight"),
        );
    }

    #[test]
    fn lower_case_of_words_is_that_of_octets() {
        for octet in 0..=255u8 {
            let word = u64::from_be_bytes([octet, b'A', b'z', octet, 0, 0xff, b'Z', b'[']);
            let mut octets = word.to_be_bytes();
            octets.make_ascii_lowercase();
            assert_eq!(lower(word).to_be_bytes(), octets);
        }
    }

    #[test]
    fn suffixes_end_at_labels() {
        fn check(name: &[&[u8]], suffix: &[&[u8]], expected: bool) {
            let octets = wire(name);
            let ends = parse(&octets)
                .unwrap()
                .ends_with(&wire(suffix), suffix.len() as u8);
            assert_eq!(ends, expected, "{name:?} {suffix:?}");
        }
        check(&[b"a", b"Arpa"], &[b"arpa"], true);
        check(&[b"arpa"], &[b"arpa"], true);
        check(&[b"xarpa"], &[b"arpa"], false);
        check(&[b"a", b"b"], &[], true);
        check(&[], &[b"arpa"], false);
        check(&[b"a\x04arpa"], &[b"arpa"], false);
    }
}
