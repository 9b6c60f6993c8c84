//! What a server sends in answer to a request: messages made by the same code as those of a node,
//! or by hand where a liar needs them otherwise.

use domain::base::iana::Rtype;
use imrs_transfer::key::Key;
use imrs_transfer::message::{Asks, Request, refusal};
use imrs_transfer::outgoing::{Rendered, Reply};
use imrs_transfer::tsig::{self, Checked, Keys, Signature};
use imrs_wire::{Rcode, Serial};
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::record::{Record, UnixTime};
use std::sync::Arc;

/// What is sent in answer to one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Messages without framing. After the last one the connection ends.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) pace: Pace,
}

/// How fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    #[default]
    Prompt,
    /// One octet a second.
    Trickle,
}

/// A request that may be answered.
pub(crate) struct Heard {
    octets: Vec<u8>,
    signature: Option<Signature>,
}

impl Heard {
    /// Takes a request if it is signed as it must be, or gives what is sent instead.
    pub(crate) fn take(
        mut octets: Vec<u8>,
        key: Option<&Key>,
        now: UnixTime,
    ) -> Result<Self, Script> {
        let keys: Keys = key.cloned().into_iter().collect();
        let signature = match tsig::check(&keys, &mut octets, now) {
            Checked::Refused(refusal) => return Err(Script::one(refusal.response)),
            Checked::Unsigned => None,
            Checked::Signed(signature) => Some(signature),
        };
        if key.is_some() && signature.is_none() {
            let refused = Request::parse(&octets)
                .map(|request| refusal(&request, Rcode::REFUSED, None))
                .unwrap_or_default();
            return Err(Script::one(refused));
        }
        Ok(Heard { octets, signature })
    }

    /// What it asks.
    pub(crate) fn request(&self) -> Request<'_> {
        Request::parse(&self.octets).expect("nodes send requests")
    }

    /// Answers with this.
    pub(crate) fn give(&self, rendered: Rendered, now: UnixTime) -> Script {
        let signature = self.signature.clone();
        let mut reply = Reply::new(Arc::new(rendered), &self.request(), signature);
        let mut messages = Vec::new();
        let mut message = Vec::new();
        while reply.next(now, &mut message) {
            messages.push(message.clone());
        }
        Script {
            messages,
            pace: Pace::Prompt,
        }
    }

    /// Answers a question or a transfer with a version and what leads to it.
    pub(crate) fn give_version(
        &self,
        zone: &Packed,
        soa: &Record,
        differences: impl FnOnce(Serial) -> Option<Vec<Arc<Difference>>>,
        now: UnixTime,
    ) -> Script {
        let rendered = match self.request().asks {
            Asks::Axfr { .. } => Rendered::axfr(zone),
            Asks::Ixfr { held, .. } if !zone.serial().is_newer_than(held) => Rendered::current(soa),
            Asks::Ixfr { held, .. } => match differences(held) {
                Some(chain) => Rendered::ixfr(&chain, soa),
                None => Rendered::axfr(zone),
            },
            Asks::Notify { .. } | Asks::Other | Asks::Unfit(_) => Rendered::current(soa),
        };
        self.give(rendered.expect("records of a test root are small"), now)
    }

    /// Answers with an error.
    pub(crate) fn refuse(&self, rcode: Rcode, now: UnixTime) -> Script {
        let mut message = refusal(&self.request(), rcode, None);
        if let Some(signature) = &mut self.signature.clone() {
            signature.sign(&mut message, now);
        }
        Script::one(message)
    }

    /// Answers with these records, so many in a message, without compression. `change` may do
    /// anything with each message before it is signed.
    pub(crate) fn give_records(
        &self,
        records: &[Record],
        per_message: usize,
        now: UnixTime,
        mut change: impl FnMut(usize, &mut Vec<u8>),
    ) -> Script {
        let request = self.request();
        let mut signature = self.signature.clone();
        let chunks = records.chunks(per_message).enumerate();
        let messages = chunks.map(|(number, records)| {
            let mut message = Vec::new();
            message.extend(request.id().to_be_bytes());
            message.extend(RESPONSE_AA);
            let count = u16::try_from(records.len()).expect("messages hold few records");
            for count in [u16::from(number == 0), count, 0, 0] {
                message.extend(count.to_be_bytes());
            }
            if number == 0 {
                message.extend(request.question());
            }
            for record in records {
                let Ok(()) = record.compose(&mut message);
            }
            change(number, &mut message);
            if let Some(signature) = &mut signature {
                signature.sign(&mut message, now);
            }
            message
        });
        Script {
            messages: messages.collect(),
            pace: Pace::Prompt,
        }
    }
}

impl Script {
    fn one(message: Vec<u8>) -> Self {
        Script {
            messages: vec![message],
            pace: Pace::Prompt,
        }
    }
}

/// The records of a whole transfer: the SOA record first and last (RFC 5936 section 2.2).
pub(crate) fn whole(records: &[Record]) -> Vec<Record> {
    let (soa, others): (Vec<&Record>, Vec<&Record>) = records
        .iter()
        .partition(|record| record.rtype() == Rtype::SOA);
    let ends = soa.iter().copied();
    ends.clone()
        .chain(others.iter().copied())
        .chain(ends)
        .cloned()
        .collect()
}

/// QR and AA, opcode QUERY, NOERROR.
const RESPONSE_AA: [u8; 2] = [0x84, 0];
