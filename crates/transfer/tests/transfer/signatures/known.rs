//! Signatures that another implementation made.

use super::{keys, later};
use crate::bed::*;
use crate::signer::Tsig;
use imrs_transfer::key::Algorithm;
use imrs_transfer::message::axfr_query;
use imrs_transfer::tsig::{Checked, Complaint, Sequence, Unauthentic, check};

/// MACs that dnspython 2.9.2 made of the messages in `known_messages`: of the request, of three
/// responses in sequence a second apart, and of BADTIME.
const KNOWN: &[(Algorithm, [&str; 5])] = &[
    (
        Algorithm::HmacSha1,
        [
            "ac13745e911b9b123e2be4ae03be19037f46ebb5",
            "9d1995f5889f794ab301a1f3c16837388960659a",
            "d3f6a91cc65bba58a240dd6a118743f85c35ecff",
            "08b3681745c1c2eeac1cf5c699f2c605232f2d0f",
            "607bfb6b7caa3c90a7c8faba9db8e0def6af899d",
        ],
    ),
    (
        Algorithm::HmacSha256,
        [
            "47b8538cd552b7a378e65a92f99bf8bddb58e726f37fbc84e447f975d40723c5",
            "f7d1e5e14728da2d97f546f3dfa1b229557ac0d0e4e44a1323ceae5531d4a72c",
            "b5c4995d63672644d33c63d281fc5abfdc93c477fcca7129faba6a62174ed2b1",
            "f95933910cc3f62da7240883f24817c3d09da7eec0a36dbadccabe9e97c552c4",
            "91e2f1d698e76222c2fef2221276b075f1fc24a0693c485e8243a5ec79055516",
        ],
    ),
    (
        Algorithm::HmacSha384,
        [
            "656e874de3014e248814f866eb0dd965d15474dfa0f49bfa\
             8c17f5f694a38e963c792d8668b7da2c708c1582d7d2b43f",
            "b5a127ee6fc93bb5f0dbb985649b560fcc863238a0112dea\
             1addea4e6eaf9869c7961eb24a273fb51de817f1b81bac2e",
            "9bec254574c340a47f65a431c538192370bff1d0b4f8913f\
             c305aa120fc70fd7c3a476a7912b55659fc822cc35135118",
            "3050fea3baf599ffe9774e5baedecd13cce0c5e0a4354892\
             6e7fa2dc343411d77a250715e98d28e19d05da29dd69469d",
            "f53f5741f281610b9172518e698cd87948674b5d8fe91ceb\
             ad87e1abaef518ea5beeda2c212d354303aee767843df493",
        ],
    ),
    (
        Algorithm::HmacSha512,
        [
            "f947d1c6c8c75bf2c8a83b2b3118b0a97101a744f5e164e5057c467fe1d5c8b5\
             e00fc11850ac1f962d025ab31bf199e6e700b9591e31dc5b5bdd3760f2996a5f",
            "6d2731c8eb15bcb7d5373b09d28f910f499343825f0f0dbb7007ff7e166aec6f\
             f43546f488fa85e3bc74282d962f5e0c8ebafdb0cafbbe0f33f5466c050e2cd8",
            "882d3379615b721467b50a530acc44f76bd8b3b2af84bd5c2026c677f872bca6\
             257d6809bd2ad0e076af394068d19310f78e37d531274a3dd98cf47359bef91a",
            "346e51168eb4133f4958127f3d33bed67370732bcfe10b75d67f8bd09f9ac5e2\
             3a6146bc3ba35e5947fd86e13604d096054ff83ae5da3ee2b45628c67a87234b",
            "18d0be2f7943e5c6b9f42c7a525fd7ff19da07d30768345e606e9e31bc773529\
             142b7dcf953956caf959738b9bca5172fdbee4ad5be709921ff40c158f8944b2",
        ],
    ),
];

fn known_messages() -> [Vec<u8>; 3] {
    let soa: &[u8] =
        b"\0\x06\0\x01\0\0\x0e\x10\0\x1a\x01m\0\x01r\0\0\0\0\x05\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10";
    let zone: &[u8] = b"\x07example\0";
    [
        [
            b"\x1d\x1d\x84\0\0\x01\0\x01\0\0\0\0",
            zone,
            b"\0\xfc\0\x01",
            zone,
            soa,
        ]
        .concat(),
        [
            b"\x1d\x1d\x84\0\0\0\0\x01\0\0\0\0",
            zone,
            b"\0\x01\0\x01\0\0\0\x05\0\x04\xc0\0\x02\x01",
        ]
        .concat(),
        [b"\x1d\x1d\x84\0\0\0\0\x01\0\0\0\0", zone, soa].concat(),
    ]
}

fn octets(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn signatures_are_those_of_another_implementation() {
    for (algorithm, macs) in KNOWN {
        let key = key(*algorithm);
        let messages = known_messages();
        let tsig = Tsig::of(*algorithm);
        let known = |message: &[u8], mac: &str, seconds| {
            let tsig = Tsig {
                time: NOW.0 + seconds,
                mac: octets(mac),
                ..tsig.clone()
            };
            tsig.append(message)
        };
        // The request.
        let mut request = axfr_query(&name("example."), ID);
        let mut sequence = Sequence::sign_request(&key, &mut request, NOW);
        let bare = axfr_query(&name("example."), ID);
        assert_eq!(request, known(&bare, macs[0], 0), "{algorithm}");
        let mut stripped = request.clone();
        let Checked::Signed(mut signature) = check(&keys(&key), &mut stripped, NOW) else {
            panic!("{algorithm}: the request is not accepted");
        };
        assert_eq!(stripped, bare);
        // The responses, made and checked.
        for (seconds, (message, mac)) in (1..).zip(messages.iter().zip(&macs[1..4])) {
            let known = known(message, mac, seconds);
            let mut made = message.clone();
            signature.sign(&mut made, later(seconds));
            assert_eq!(made, known, "{algorithm} {seconds}");
            let mut checked = known;
            assert_eq!(sequence.verify(&mut checked, later(seconds)), Ok(()));
            assert_eq!(checked, *message);
        }
        assert_eq!(sequence.verify_end(), Ok(()));
        // BADTIME, made and checked.
        let Checked::Refused(refusal) = check(&keys(&key), &mut request.clone(), later(4000))
        else {
            panic!("{algorithm}: a late request is accepted");
        };
        let mut bare = bare;
        bare[2..4].copy_from_slice(&[0x80, 9]);
        let tsig = Tsig {
            error: 18,
            other: (NOW.0 + 4000).to_be_bytes()[2..].to_vec(),
            mac: octets(macs[4]),
            ..tsig
        };
        let known = tsig.append(&bare);
        assert_eq!(refusal.response, known, "{algorithm}");
        let mut sequence =
            Sequence::sign_request(&key, &mut axfr_query(&name("example."), ID), NOW);
        let server = later(4000);
        assert_eq!(
            sequence.verify(&mut known.clone(), NOW),
            Err(Unauthentic::Complaint(Complaint::BadTime { server }))
        );
    }
}
