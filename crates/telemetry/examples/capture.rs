//! Tells what capturing costs: ns for each message pushed into a tap, and for each item of C-DNS.
//!
//! `cargo run --release -p imrs-telemetry --example capture`

use imrs_telemetry::capture::cdns::{Parameters, Writer};
use imrs_telemetry::capture::{Missed, Responses, Seen, Settings, tap};
use imrs_telemetry::counts::{Flow, Transport};
use imrs_wire::Family;
use imrs_wire::Rcode;
use std::hint::black_box;
use std::time::{Duration, Instant};

const MESSAGES: u32 = 2_000_000;
const BATCH: u32 = 64;

fn main() {
    for (name, responses, octets) in [
        ("C-DNS", Responses::Head, 754),
        ("dnstap", Responses::Whole, 754),
    ] {
        measure(name, responses, octets);
    }
}

/// Pushes batches and drains each into a writer, with a clock around either side.
fn measure(name: &str, responses: Responses, response_octets: usize) {
    let (mut tap, mut drain) = tap(Settings {
        responses,
        ..Settings::default()
    });
    let mut writer = Writer::new(Parameters::default(), 1);
    let mut scratch = Vec::new();
    let mut out = Vec::new();
    let response = vec![0x11; response_octets];
    let mut query = b"\0\0\0\x10\0\x01\0\0\0\0\0\x01\x07example\x03com\0\0\x01\0\x01\
        \0\0\x29\x04\xd0\0\0\x80\0\0\0"
        .to_vec();
    let [mut pushing, mut writing] = [Duration::ZERO; 2];
    let mut octets = 0;
    for batch in 0..MESSAGES / BATCH {
        let start = Instant::now();
        for n in 0..BATCH {
            // Nearly every name is new; there are 4096 clients.
            let number = (batch * BATCH + n).wrapping_mul(2_654_435_761);
            query[13..17].copy_from_slice(&(number >> 8 | 0x6161_6161).to_be_bytes());
            tap.push(&Seen {
                at_ns: 1_760_000_000_000_000_000 + u64::from(batch) * 64_000,
                flow: Flow::new(Transport::Udp, Family::V4),
                client: ([192, 0, (number >> 8 & 0xf) as u8, number as u8], 4321).into(),
                server: ([198, 51, 100, 53], 53).into(),
                query: black_box(&query),
                response: black_box(&response),
                rcode: Rcode::NXDOMAIN,
                delay_us: 30,
            });
        }
        let between = Instant::now();
        pushing += between - start;
        while let Some(captured) = drain.pop(&mut scratch) {
            writer.add(&captured);
            if writer.is_full() {
                writer.finish_block(Missed::default(), &mut out);
                octets += out.len();
                out.clear();
            }
        }
        writing += between.elapsed();
    }
    let each = |time: Duration| time.as_nanos() / u128::from(MESSAGES);
    println!(
        "{name}: {} ns per push, {} ns per item drained and written as C-DNS, {:.1} octets per item",
        each(pushing),
        each(writing),
        octets as f64 / f64::from(MESSAGES),
    );
}
