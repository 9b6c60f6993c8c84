//! Names of any number of labels against what a list of labels says about them.

use imrs_wire::{Cursor, LabelEnds, Qname};
use proptest::collection::vec;
use proptest::prelude::*;

type Label = Vec<u8>;

fn wire(labels: &[Label]) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in labels {
        octets.push(label.len() as u8);
        octets.extend_from_slice(label);
    }
    octets.push(0);
    octets
}

/// Short labels, so that names have many, and long ones; as many as a name can hold.
fn labels() -> impl Strategy<Value = Vec<Label>> {
    let octet = prop_oneof![any::<u8>(), Just(b'a'), Just(b'Z'), Just(0), Just(0xff)];
    let label = prop_oneof![
        4 => vec(octet.clone(), 1..3),
        2 => vec(octet.clone(), 1..20),
        1 => vec(octet, 7..64),
    ];
    vec(label, 0..128).prop_map(|mut labels| {
        while wire(&labels).len() > 255 {
            labels.pop();
        }
        labels
    })
}

fn swap_case(octets: &[u8]) -> Vec<u8> {
    let swap = |octet: &u8| match octet {
        b'a'..=b'z' => octet.to_ascii_uppercase(),
        b'A'..=b'Z' => octet.to_ascii_lowercase(),
        _ => *octet,
    };
    octets.iter().map(swap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn labels_are_where_the_list_has_them(labels in labels(), behind in vec(any::<u8>(), 0..12)) {
        let name = wire(&labels);
        let packet = [name.as_slice(), &behind].concat();
        let mut cursor = Cursor::new(&packet);
        let qname = Qname::parse(&mut cursor).unwrap();
        prop_assert_eq!(cursor.rest(), behind.as_slice());
        prop_assert_eq!(qname.octets(), name.as_slice());
        prop_assert_eq!(usize::from(qname.labels()), labels.len());
        for (level, label) in labels.iter().rev().enumerate() {
            let level = level as u8;
            prop_assert_eq!(qname.label(level), Some(label.as_slice()));
            let mut head = label.to_ascii_lowercase();
            head.resize(head.len().max(8), 0);
            let ends = LabelEnds {
                head: u64::from_be_bytes(*head.first_chunk().unwrap()),
                tail: label.to_ascii_lowercase().last_chunk().map_or(0, |eight| u64::from_be_bytes(*eight)),
                len: label.len() as u8,
            };
            prop_assert_eq!(qname.label_ends(level), Some(ends));
            prop_assert_eq!(LabelEnds::of(&swap_case(label)), ends);
        }
        prop_assert_eq!(qname.label(labels.len() as u8), None);
        prop_assert_eq!(qname.label_ends(labels.len() as u8), None);
    }

    #[test]
    fn a_name_ends_with_the_names_above_it_and_no_others(
        labels in labels(),
        other in vec(vec(any::<u8>(), 1..4), 1..4),
    ) {
        let name = wire(&labels);
        let qname = Qname::parse(&mut Cursor::new(&name)).unwrap();
        for from in 0..=labels.len() {
            let above = swap_case(&wire(&labels[from..]));
            prop_assert!(qname.ends_with(&above, (labels.len() - from) as u8));
        }
        let lower = |labels: &[Label]| -> Vec<Label> {
            labels.iter().map(|label| label.to_ascii_lowercase()).collect()
        };
        let expected = lower(&labels).ends_with(&lower(&other));
        prop_assert_eq!(qname.ends_with(&wire(&other), other.len() as u8), expected);
    }

    #[test]
    fn what_is_cut_or_too_long_is_no_name(labels in labels(), at in any::<prop::sample::Index>()) {
        let name = wire(&labels);
        let cut = &name[..at.index(name.len())];
        prop_assert!(Qname::parse(&mut Cursor::new(cut)).is_none());
        let mut long = labels;
        while wire(&long).len() <= 255 {
            long.push(vec![b'a'; 2]);
        }
        prop_assert!(Qname::parse(&mut Cursor::new(&wire(&long))).is_none());
    }
}
