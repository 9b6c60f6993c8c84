//! Fields of Protocol Buffers, of the three kinds that dnstap has: this little needs no generator
//! of code, and goes straight into a frame.

/// A number of any size.
pub(super) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(field) << 3);
    varint(out, value);
}

/// Octets, of which there are at most some thousand more than a DNS message has.
pub(super) fn octets(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    varint(out, u64::from(field) << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A number of always 4 octets.
pub(super) fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    varint(out, u64::from(field) << 3 | 5);
    out.extend_from_slice(&value.to_le_bytes());
}

/// 7 bits in each octet, the lowest first; the highest bit says that another follows.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::varint;

    #[track_caller]
    fn check(value: u64, expected: &[u8]) {
        let mut out = Vec::new();
        varint(&mut out, value);
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_take_seven_bits_an_octet() {
        check(0, &[0]);
        check(127, &[127]);
        check(150, &[0x96, 0x01]);
        check(u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }
}
