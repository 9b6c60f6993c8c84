//! Any octets as a packet: see `judge` for what holds of the response.
#![no_main]

use imrs_fuzz::{Asked, judge, service};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first octet chooses transport and room, the others are the packet.
    let Some((&choice, packet)) = input.split_first() else {
        return;
    };
    let room = [512, 1232, 4096, u16::MAX][usize::from(choice >> 1 & 3)];
    let udp = choice & 1 == 0;
    judge(service(), Asked { udp, room, packet });
});
