//! The two formats, alike to whoever writes files.

use super::Server;
use crate::config::capture::{Capture, Format};
use crate::limits::CAPTURE_CHUNK_OCTETS;
use imrs_telemetry::capture::cdns::{self, Parameters};
use imrs_telemetry::capture::dnstap::{self, frames};
use imrs_telemetry::capture::{Captured, Missed};

/// Encodes messages into memory, in portions that can be written or lost as a whole: blocks of
/// C-DNS, and runs of frames.
pub(super) enum Encoding {
    CDns(Box<cdns::Writer>),
    Dnstap(dnstap::Encoder),
}

impl Encoding {
    pub(super) fn new(capture: &Capture, server: &Server) -> Encoding {
        let program = concat!("imrs ", env!("CARGO_PKG_VERSION"));
        if capture.format == Format::Dnstap {
            let identity = server.identity.as_bytes();
            return Encoding::Dnstap(dnstap::Encoder::new(identity, program));
        }
        let sampling = (capture.one_in.get() > 1).then(|| {
            let one_in = capture.one_in;
            format!("one of each {one_in} messages of a thread, chosen at random")
        });
        let privacy = capture.privacy.as_ref();
        let parameters = Parameters {
            generator: program.to_owned(),
            host: server.identity.clone(),
            servers: server.addresses.clone(),
            sampling,
            anonymisation: privacy.map(|privacy| privacy.method.describe().to_owned()),
        };
        Encoding::CDns(Box::new(cdns::Writer::new(parameters, rand::random())))
    }

    /// Appends what a file starts with.
    pub(super) fn start(&self, out: &mut Vec<u8>) {
        match self {
            Encoding::CDns(writer) => writer.start(out),
            Encoding::Dnstap(_) => frames::start(out),
        }
    }

    /// Appends what a file ends with.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        match self {
            Encoding::CDns(writer) => writer.end(out),
            Encoding::Dnstap(_) => frames::stop(out),
        }
    }

    /// Takes a message into the portion, of which `out` is what is encoded so far.
    pub(super) fn add(&mut self, captured: &Captured<'_>, out: &mut Vec<u8>) {
        match self {
            Encoding::CDns(writer) => writer.add(captured),
            Encoding::Dnstap(encoder) => encoder.encode(captured, out),
        }
    }

    /// Whether the portion is to be written.
    pub(super) fn is_full(&self, out: &[u8]) -> bool {
        match self {
            Encoding::CDns(writer) => writer.is_full(),
            Encoding::Dnstap(_) => out.len() >= CAPTURE_CHUNK_OCTETS,
        }
    }

    /// Begins a portion. dnstap declares what is missing in the first message of one; returns
    /// what is declared.
    pub(super) fn begin_portion(&mut self, missed: &mut Missed) -> Missed {
        match self {
            Encoding::CDns(_) => Missed::default(),
            Encoding::Dnstap(encoder) => {
                let declared = std::mem::take(missed);
                encoder.declare(declared);
                declared
            }
        }
    }

    /// Appends what is left of the portion. C-DNS declares what is missing at the end of a block;
    /// returns what is declared.
    pub(super) fn finish_portion(&mut self, missed: &mut Missed, out: &mut Vec<u8>) -> Missed {
        match self {
            Encoding::CDns(writer) => {
                let declared = std::mem::take(missed);
                writer.finish_block(declared, out);
                declared
            }
            Encoding::Dnstap(_) => Missed::default(),
        }
    }
}
