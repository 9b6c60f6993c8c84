//! Packets that are nearly queries, over every transport.
#![no_main]

use arbitrary::Arbitrary;
use imrs_fuzz::{Asked, Form, Way, judge, service};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    way: Way,
    room: u16,
    form: Form,
}

fuzz_target!(|input: Input| {
    let asked = Asked {
        client: input.way.transport().into(),
        room: input.room,
        packet: &input.form.packet(),
    };
    judge(service(), asked);
});
