//! Domain names as octets off the wire: made from text, shown as text, put in canonical order.
//!
//! Knows nothing of messages or zones.

/// A name in wire form without compression, ending in the root label.
pub(super) type Name = Vec<u8>;

/// The root.
pub(super) const ROOT: &[u8] = &[0];

/// Puts one label in front of a name.
pub(super) fn child(label: &[u8], parent: &[u8]) -> Name {
    let mut name = Vec::with_capacity(1 + label.len() + parent.len());
    name.push(label.len() as u8);
    name.extend_from_slice(label);
    name.extend_from_slice(parent);
    name
}

/// The name written plainly in `text`: labels between dots, no escapes.
pub(super) fn plain(text: &str) -> Name {
    let mut name = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        name.push(label.len() as u8);
        name.extend_from_slice(label.as_bytes());
    }
    name.push(0);
    name
}

/// The labels from the left, without the root label.
pub(super) fn labels(name: &[u8]) -> Vec<&[u8]> {
    let mut labels = Vec::new();
    let mut rest = name;
    while let Some((&len, tail)) = rest.split_first() {
        let len = usize::from(len);
        if len == 0 || len > 63 || len > tail.len() {
            break;
        }
        labels.push(&tail[..len]);
        rest = &tail[len..];
    }
    labels
}

/// Whether `name` is `parent` or lies below it. Both in lower case.
pub(super) fn is_within(name: &[u8], parent: &[u8]) -> bool {
    let (name, parent) = (labels(name), labels(parent));
    name.len() >= parent.len() && name[name.len() - parent.len()..] == parent[..]
}

/// The last `count` labels of a name.
pub(super) fn suffix(name: &[u8], count: usize) -> Name {
    let labels = labels(name);
    let mut suffix = Vec::new();
    for label in &labels[labels.len().saturating_sub(count)..] {
        suffix.push(label.len() as u8);
        suffix.extend_from_slice(label);
    }
    suffix.push(0);
    suffix
}

/// Letters in lower case. Length octets are below 64 and so stay as they are.
pub(super) fn lower(name: &[u8]) -> Name {
    name.to_ascii_lowercase()
}

/// A key that sorts names in canonical order (RFC 4034 section 6.1).
pub(super) fn canonical_key(name: &[u8]) -> Vec<Vec<u8>> {
    let mut key: Vec<Vec<u8>> = labels(name)
        .into_iter()
        .map(<[u8]>::to_ascii_lowercase)
        .collect();
    key.reverse();
    key
}

/// The name in master file form (RFC 1035 section 5.1).
pub(super) fn text(name: &[u8]) -> String {
    let mut text = String::new();
    for label in labels(name) {
        for &octet in label {
            match octet {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                    text.push('\\');
                    text.push(char::from(octet));
                }
                0x21..=0x7e => text.push(char::from(octet)),
                _ => text.push_str(&format!("\\{octet:03}")),
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_escapes_what_master_files_escape() {
        assert_eq!(text(&child(b"a.b\x00", &plain("com"))), "a\\.b\\000.com.");
        assert_eq!(text(ROOT), ".");
    }

    #[test]
    fn canonical_order_compares_from_the_right() {
        let mut names = [
            plain("z.a"),
            plain("b"),
            plain("a"),
            ROOT.to_vec(),
            plain("A.a"),
        ];
        names.sort_by_key(|name| canonical_key(name));
        let shown: Vec<String> = names.iter().map(|name| text(name)).collect();
        assert_eq!(shown, [".", "a.", "A.a.", "z.a.", "b."]);
    }

    #[test]
    fn a_name_lies_within_its_own_suffixes_only() {
        assert!(is_within(&plain("ns.nic.aa"), &plain("aa")));
        assert!(is_within(&plain("aa"), ROOT));
        assert!(!is_within(&plain("xaa"), &plain("aa")));
        assert_eq!(suffix(&plain("ns.nic.aa"), 2), plain("nic.aa"));
    }
}
