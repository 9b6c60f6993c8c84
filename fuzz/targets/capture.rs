//! What captures read: messages by anybody on their way into a file, and what a reader of dnstap
//! sends.
#![no_main]

use imrs_telemetry::capture::cdns::{Parameters, Writer};
use imrs_telemetry::capture::dnstap::Encoder;
use imrs_telemetry::capture::dnstap::frames::{Session, State};
use imrs_telemetry::capture::privacy::{Anonymiser, Method};
use imrs_telemetry::capture::{Captured, Missed};
use imrs_telemetry::counts::Flow;
use imrs_wire::Rcode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    // The first octet says how the rest is cut.
    let Some((cut, octets)) = octets.split_first() else {
        return;
    };
    judge_session(usize::from(*cut), octets);
    let (query, response) = octets.split_at(octets.len().min(usize::from(*cut)));
    let captured = Captured {
        at_ns: 1,
        flow: Flow::ALL[usize::from(*cut) % Flow::ALL.len()],
        client: ([192, 0, 2, 1], 53).into(),
        server: ([192, 0, 2, 53], 53).into(),
        query,
        response,
        response_octets: response.len(),
        rcode: Rcode::NOERROR,
        delay_us: 1,
    };
    for method in [Method::CryptoPan, Method::Ipcrypt] {
        let mut anonymiser = Anonymiser::new(method, b"secret");
        let hidden = anonymiser.anonymise(&captured);
        assert_eq!(hidden.query.len(), query.len());
        assert_eq!(hidden.response.len(), response.len());
        let mut writer = Writer::new(Parameters::default(), 1);
        writer.add(&hidden);
        let mut out = Vec::new();
        writer.finish_block(Missed::default(), &mut out);
        Encoder::new(b"", "").encode(&hidden, &mut out);
        // Each message stands once, beside some hundred octets.
        assert!(out.len() <= 2 * octets.len() + 600, "{} octets", out.len());
    }
});

/// Cuts do not matter, and nothing is opened twice.
fn judge_session(cut: usize, octets: &[u8]) {
    let run = |piece: usize| {
        let mut sent = Vec::new();
        let mut session = Session::begin(&mut Vec::new());
        let mut pieces = octets.chunks(piece);
        let end = pieces.try_for_each(|octets| session.handle_octets(octets, &mut sent));
        assert!(sent.len() <= 42, "more than START is sent");
        assert_eq!(session.state() == State::Offered, sent.is_empty());
        (end, sent)
    };
    assert_eq!(run(cut + 1), run(octets.len().max(1)));
}
