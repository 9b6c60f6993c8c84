//! The messages of a node.

use super::{Job, Node, Order, Running, Upstream};
use crate::limits::{TRANSFER_MESSAGES_MAX, TRANSFER_OCTETS_MAX, TRANSFER_RECORDS_MAX};
use crate::origin::zone;
use crate::speech::{Heard, Script};
use domain::rdata::ZoneRecordData;
use imrs_transfer::incoming::{Incoming, Limits, Progress, Received, TransferError};
use imrs_transfer::message::soa_query;
use imrs_transfer::tsig::sign_request;
use imrs_wire::{Rcode, Serial};
use imrs_zone::difference::Difference;
use imrs_zone::record::{Record, UnixTime};

impl Node {
    /// What it sends to a downstream that asks; nothing while it is down.
    pub(crate) fn answer(&self, request: Vec<u8>, now: UnixTime) -> Option<Script> {
        let running = self.running.as_ref()?;
        let heard = match Heard::take(request, None, now) {
            Ok(heard) => heard,
            Err(script) => return Some(script),
        };
        let Some(held) = running.held.as_ref().filter(|_| running.is_in_service) else {
            return Some(heard.refuse(Rcode::SERVFAIL, now));
        };
        let to = held.packed.serial();
        let differences = |from| running.store.as_ref()?.differences(from, to);
        Some(heard.give_version(&held.packed, &held.soa, differences, now))
    }
}

impl Running {
    pub(super) fn ask(&mut self, upstream: &Upstream, primary: usize, wall: UnixTime) -> Order {
        self.next_id = self.next_id.wrapping_add(1);
        let id = self.next_id;
        let mut request = soa_query(&zone(), id);
        let signed = upstream
            .key
            .as_ref()
            .map(|key| Box::new(sign_request(key, &mut request, wall)));
        self.job = Some(Job::Ask {
            primary,
            id,
            signed,
        });
        Order::Ask {
            upstream: primary,
            request,
        }
    }

    pub(super) fn fetch(
        &mut self,
        upstream: &Upstream,
        primary: usize,
        from: Option<Serial>,
        wall: UnixTime,
    ) -> Order {
        self.next_id = self.next_id.wrapping_add(1);
        let (id, key) = (self.next_id, upstream.key.as_ref());
        // Differences start from what is held, whatever the machine thinks that is.
        let held = self
            .held
            .as_ref()
            .filter(|held| Some(held.packed.serial()) == from);
        let (incoming, request) = match held {
            Some(held) => Incoming::ixfr(&zone(), &held.soa, key, LIMITS, id, wall),
            None => Incoming::axfr(&zone(), key, LIMITS, id, wall),
        };
        self.job = Some(Job::Fetch {
            primary,
            incoming: Box::new(incoming),
            is_incremental: held.is_some(),
        });
        Order::Fetch {
            upstream: primary,
            request,
        }
    }

    /// What is held, with differences applied.
    pub(super) fn apply(&self, chain: &[Difference]) -> Result<Vec<Record>, ()> {
        let held = self.held.as_ref().ok_or(())?;
        let start = held.packed.records();
        chain
            .iter()
            .try_fold(start, |records, difference| difference.apply(&records))
            .map_err(drop)
    }
}

/// Reads all messages of a transfer.
pub(super) fn receive(
    mut incoming: Incoming,
    messages: Vec<Vec<u8>>,
    wall: UnixTime,
) -> Result<Received, TransferError> {
    for message in messages {
        if let Progress::Done(received) = incoming.handle_message(message, wall)? {
            return Ok(received);
        }
    }
    Err(incoming.handle_end())
}

pub(super) fn serial_of(records: &[Record]) -> Serial {
    let data = crate::origin::soa(records).into_data();
    match data {
        ZoneRecordData::Soa(soa) => Serial(soa.serial().into_int()),
        _ => Serial(0),
    }
}

const LIMITS: Limits = Limits {
    messages: TRANSFER_MESSAGES_MAX,
    records: TRANSFER_RECORDS_MAX,
    octets: TRANSFER_OCTETS_MAX,
};
