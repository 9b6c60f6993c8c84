//! Any octets as a packet: see `judge` for what holds of the response.
#![no_main]

use imrs_fuzz::{Asked, Way, judge, service};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first octet chooses transport and room, the others are the packet.
    let Some((&choice, packet)) = input.split_first() else {
        return;
    };
    let way = match (choice & 1, choice >> 3 & 3) {
        (0, _) => Way::Udp,
        (_, 1) => Way::Tls,
        (_, 2) => Way::Quic,
        _ => Way::Tcp,
    };
    let asked = Asked {
        client: way.transport().into(),
        room: [512, 1232, 4096, u16::MAX][usize::from(choice >> 1 & 3)],
        packet,
    };
    judge(service(), asked);
});
