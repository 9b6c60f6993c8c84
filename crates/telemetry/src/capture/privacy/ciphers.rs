//! Ciphers that make an address of an address.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// Crypto-PAn (Xu, Fan, Ammar, Moon, 2002): keeps how many leading bits two addresses share.
pub(super) struct CryptoPan {
    cipher: Aes128,
    pad: u128,
}

impl CryptoPan {
    /// The first half of the key is that of AES, the second makes the padding.
    pub(super) fn new(key: &[u8; 32]) -> CryptoPan {
        let (aes_key, pad) = key.split_at(16);
        let cipher = Aes128::new_from_slice(aes_key).expect("16 octets are a key of AES-128");
        let mut block = [0; 16];
        block.copy_from_slice(pad);
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        CryptoPan {
            cipher,
            pad: u128::from_be_bytes(block.into()),
        }
    }

    pub(super) fn ipv4(&self, address: u32) -> u32 {
        (self.flips::<32>(u128::from(address) << 96) >> 96) as u32 ^ address
    }

    pub(super) fn ipv6(&self, address: u128) -> u128 {
        self.flips::<128>(address) ^ address
    }

    /// Which of the first `BITS` bits change: each by a bit of AES over the bits ahead of it,
    /// filled up by the padding. None waits for another, so AES works on many at once.
    fn flips<const BITS: usize>(&self, address: u128) -> u128 {
        let mut blocks: [aes::Block; BITS] = std::array::from_fn(|bit| {
            let kept = u128::MAX.checked_shl(128 - bit as u32).unwrap_or(0);
            (address & kept | self.pad & !kept).to_be_bytes().into()
        });
        self.cipher.encrypt_blocks(&mut blocks);
        let first_bits = blocks.iter().map(|block| u128::from(block[0] >> 7));
        first_bits.fold(0, |flips, bit| flips << 1 | bit) << (128 - BITS)
    }
}

/// ipcrypt: a permutation of all addresses of a family.
pub(super) struct Ipcrypt {
    key: [u8; 16],
    cipher: Aes128,
}

impl Ipcrypt {
    pub(super) fn new(key: &[u8; 16]) -> Ipcrypt {
        Ipcrypt {
            key: *key,
            cipher: Aes128::new(&(*key).into()),
        }
    }

    /// The permutation of 32 bits of J.-P. Aumasson: four keys, and rounds like those of SipHash
    /// between them.
    pub(super) fn ipv4(&self, address: u32) -> u32 {
        let (keys, _) = self.key.as_chunks();
        let [first, second, third, last] = std::array::from_fn(|at| u32::from_be_bytes(keys[at]));
        let state = permute(address ^ first);
        let state = permute(state ^ second);
        permute(state ^ third) ^ last
    }

    /// One block of AES (`ipcrypt-deterministic` of draft-denis-ipcrypt).
    pub(super) fn ipv6(&self, address: u128) -> u128 {
        let mut block = address.to_be_bytes().into();
        self.cipher.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    }
}

/// Additions, rotations and exclusive ors on four octets.
fn permute(state: u32) -> u32 {
    let [mut a, mut b, mut c, mut d] = state.to_be_bytes();
    a = a.wrapping_add(b);
    c = c.wrapping_add(d);
    b = b.rotate_left(2) ^ a;
    d = d.rotate_left(5) ^ c;
    a = a.rotate_left(4).wrapping_add(d);
    c = c.wrapping_add(b);
    b = b.rotate_left(3) ^ c;
    d = d.rotate_left(7) ^ a;
    c = c.rotate_left(4);
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// The key of the samples that come with Crypto-PAn.
    const CRYPTO_PAN_KEY: [u8; 32] = [
        21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131,
        121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
    ];

    /// What a cipher makes of an address, either family.
    #[track_caller]
    fn check(ipv4: impl Fn(u32) -> u32, ipv6: impl Fn(u128) -> u128, pairs: &[(&str, &str)]) {
        for (address, expected) in pairs {
            let found = match address.parse::<Ipv4Addr>() {
                Ok(address) => Ipv4Addr::from_bits(ipv4(address.to_bits())).to_string(),
                Err(_) => {
                    let address: Ipv6Addr = address.parse().unwrap();
                    Ipv6Addr::from_bits(ipv6(address.to_bits())).to_string()
                }
            };
            assert_eq!(&found, expected, "{address}");
        }
    }

    #[test]
    fn crypto_pan_gives_what_was_published() {
        let cipher = CryptoPan::new(&CRYPTO_PAN_KEY);
        let pairs = [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("24.0.250.221", "100.15.198.226"),
            ("64.39.15.238", "0.219.7.41"),
            ("10.185.25.118", "117.161.29.118"),
            ("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
            ("::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"),
            ("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),
            ("2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"),
        ];
        check(|a| cipher.ipv4(a), |a| cipher.ipv6(a), &pairs);
    }

    #[test]
    fn ipcrypt_gives_what_was_published() {
        let cipher = Ipcrypt::new(b"some 16-byte key");
        let pairs = [
            ("127.0.0.1", "114.62.227.59"),
            ("8.8.8.8", "46.48.51.50"),
            ("1.2.3.4", "171.238.15.199"),
            ("::1", "3718:8853:1723:6c88:7e5f:2e60:c79a:2bf"),
            (
                "2001:503:ba3e::2:30",
                "64d2:883d:ffb5:dd79:24b:943c:22aa:4ae7",
            ),
        ];
        check(|a| cipher.ipv4(a), |a| cipher.ipv6(a), &pairs);
    }

    #[test]
    fn ipcrypt_deterministic_gives_what_the_draft_has() {
        for (key, address, expected) in [
            (
                0x0123_4567_89ab_cdef_fedc_ba98_7654_3210_u128,
                "::ffff:0.0.0.0",
                "bde9:6789:d353:824c:d7c6:f58a:6bd2:26eb",
            ),
            (
                0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c,
                "::ffff:192.0.2.1",
                "1dbd:c1b9:fff1:7586:7d0b:67b4:e76e:4777",
            ),
        ] {
            let cipher = Ipcrypt::new(&key.to_be_bytes());
            check(|a| a, |a| cipher.ipv6(a), &[(address, expected)]);
        }
    }
}
