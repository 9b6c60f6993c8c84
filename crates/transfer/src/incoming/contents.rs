//! The records of a transfer, one after the other, wherever messages part them.
//!
//! ```text
//! AXFR           SOA new | records … | SOA new
//! IXFR           SOA new | (SOA old | removed … | SOA next | added …) … | SOA new
//! IXFR, current  SOA new                                 not newer than what is held
//! ```
//!
//! The second record tells an IXFR from an AXFR in answer to one (RFC 1995 section 4).

use super::{Limits, Received, TransferError};
use crate::limits::INCOMING_RDATA_OCTETS_MAX;
use bytes::Bytes;
use domain::base::iana::Class;
use domain::base::name::{FlattenInto, ParsedName, ToLabelIter, ToName};
use domain::base::rdata::ComposeRecordData;
use domain::base::{Message, ParsedRecord};
use domain::rdata::ZoneRecordData;
use imrs_wire::Serial;
use imrs_zone::difference::Difference;
use imrs_zone::record::sort_canonically;
use imrs_zone::{Name, Record};

/// A record whose names are still compressed.
type Parsed = domain::base::Record<ParsedName<Bytes>, ZoneRecordData<Bytes, ParsedName<Bytes>>>;

/// What was received so far.
#[derive(Debug)]
pub(super) struct Contents {
    zone: Name,
    /// The serial that differences begin at; none where the whole zone was asked for.
    held: Option<Serial>,
    limits: Limits,
    records: usize,
    /// Octets of the records in uncompressed wire form.
    octets: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing came.
    Empty,
    /// The SOA record of the version that is sent.
    Opened(Opening),
    /// The records of a whole zone.
    Zone(Opening, Vec<Record>),
    /// Differences; in the last one, records to take out.
    Removing(Opening, Vec<Difference>, Half),
    /// Differences; in the last one, records to put in.
    Adding(Opening, Vec<Difference>, Half, Half),
    /// The transfer is complete.
    Closed(Received),
    /// The transfer was given away, or failed.
    Gone,
}

/// The SOA record that begins a transfer and ends it.
#[derive(Debug)]
struct Opening {
    soa: Record,
    serial: Serial,
}

/// One side of a difference.
#[derive(Debug)]
struct Half {
    serial: Serial,
    records: Vec<Record>,
}

/// The serial of a SOA record; none of another one.
pub(super) fn soa_serial(record: &Record) -> Option<Serial> {
    match record.data() {
        ZoneRecordData::Soa(soa) => Some(Serial(soa.serial().into_int())),
        _ => None,
    }
}

impl Contents {
    pub(super) fn new(zone: &Name, held: Option<Serial>, limits: Limits) -> Self {
        Contents {
            zone: zone.clone(),
            held,
            limits,
            records: 0,
            octets: 0,
            state: State::Empty,
        }
    }

    /// Whether differences were asked for.
    pub(super) fn is_incremental(&self) -> bool {
        self.held.is_some()
    }

    /// The serial of the first SOA record, where nothing else came.
    pub(super) fn lone_soa(&self) -> Option<Serial> {
        match &self.state {
            State::Opened(opening) => Some(opening.serial),
            _ => None,
        }
    }

    /// What was received, once it is complete.
    pub(super) fn take_received(&mut self) -> Option<Received> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Closed(received) => Some(received),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// Takes the answer section of the next message, and tells how many records it has.
    pub(super) fn take_message(
        &mut self,
        message: &Message<Bytes>,
    ) -> Result<usize, TransferError> {
        let before = self.records;
        let unreadable = |record| TransferError::Unreadable { record };
        let answer = message.answer().map_err(|_| unreadable(before + 1))?;
        for record in answer {
            self.records += 1;
            if self.records > self.limits.records {
                let limit = self.limits.records;
                return Err(TransferError::TooManyRecords { limit });
            }
            let record = record.map_err(|_| unreadable(self.records))?;
            let record = self.read(record)?;
            self.take(record)?;
        }
        // A version that is not newer is told by its SOA record alone (RFC 1995 section 2); a
        // newer one goes on in the next message.
        if let (State::Opened(opening), Some(held)) = (&self.state, self.held)
            && !opening.serial.is_newer_than(held)
        {
            self.state = State::Closed(Received::Current(opening.serial));
        }
        Ok(self.records - before)
    }

    /// Reads a record, counts it in uncompressed form, and only then makes it one of ours.
    fn read(&mut self, record: ParsedRecord<'_, Bytes>) -> Result<Record, TransferError> {
        let octets = usize::from(record.rdlen());
        if octets > INCOMING_RDATA_OCTETS_MAX {
            return Err(TransferError::LongData {
                record: self.records,
                octets,
                limit: INCOMING_RDATA_OCTETS_MAX,
            });
        }
        let read: Option<Parsed> = record.into_record().ok().flatten();
        let record = self.records;
        let read = read.ok_or(TransferError::Unreadable { record })?;
        // Type, class, TTL and length have ten octets.
        let data = read.data().rdlen(false).unwrap_or_default();
        self.octets += usize::from(read.owner().compose_len()) + 10 + usize::from(data);
        if self.octets > self.limits.octets {
            let limit = self.limits.octets;
            return Err(TransferError::TooManyOctets { limit });
        }
        if read.class() != Class::IN {
            return Err(TransferError::OtherClass {
                owner: read.owner().to_name(),
                rtype: read.rtype(),
                class: read.class(),
            });
        }
        if !read.owner().ends_with(&self.zone) {
            return Err(TransferError::OutOfZone {
                owner: read.owner().to_name(),
                rtype: read.rtype(),
            });
        }
        Ok(read.flatten_into())
    }

    /// Takes the next record.
    fn take(&mut self, record: Record) -> Result<(), TransferError> {
        let soa = match soa_serial(&record) {
            Some(_) if !record.owner().name_eq(&self.zone) => {
                return Err(TransferError::SoaBelowApex {
                    owner: record.owner().clone(),
                });
            }
            soa => soa,
        };
        self.state = match (std::mem::replace(&mut self.state, State::Gone), soa) {
            (State::Empty, Some(serial)) => State::Opened(Opening {
                soa: record,
                serial,
            }),
            (State::Empty, None) => {
                return Err(TransferError::NoSoa {
                    owner: record.owner().clone(),
                    rtype: record.rtype(),
                });
            }
            (State::Opened(opening), soa) => self.take_second(opening, record, soa)?,
            (State::Zone(opening, mut records), None) => {
                records.push(record);
                State::Zone(opening, records)
            }
            (State::Zone(opening, records), Some(serial)) => {
                opening.check_same(&record, serial)?;
                State::Closed(Received::Zone(records))
            }
            (State::Removing(opening, done, mut removed), None) => {
                removed.records.push(record);
                State::Removing(opening, done, removed)
            }
            (State::Removing(opening, done, removed), Some(to)) => {
                opening.take_next(done, removed, record, to)?
            }
            (State::Adding(opening, done, removed, mut added), None) => {
                added.records.push(record);
                State::Adding(opening, done, removed, added)
            }
            (State::Adding(opening, mut done, removed, added), Some(serial)) => {
                let ended = added.serial;
                done.push(difference(removed, added));
                opening.take_from(done, ended, record, serial)?
            }
            (State::Closed(_) | State::Gone, _) => {
                return Err(TransferError::AfterClosing {
                    owner: record.owner().clone(),
                    rtype: record.rtype(),
                });
            }
        };
        Ok(())
    }

    /// Takes the record that tells which kind of transfer it is.
    fn take_second(
        &self,
        opening: Opening,
        record: Record,
        soa: Option<Serial>,
    ) -> Result<State, TransferError> {
        let offered = opening.serial;
        match (self.held, soa) {
            (Some(held), _) if !offered.is_newer_than(held) => {
                Err(TransferError::NotNewer { held, offered })
            }
            (Some(held), Some(serial)) if serial == held => {
                let records = vec![record];
                Ok(State::Removing(
                    opening,
                    Vec::new(),
                    Half { serial, records },
                ))
            }
            (Some(held), Some(found)) if found != offered => {
                Err(TransferError::ChainStart { held, found })
            }
            // A zone that is only its SOA record.
            (_, Some(serial)) => {
                opening.check_same(&record, serial)?;
                Ok(State::Closed(Received::Zone(vec![record])))
            }
            (_, None) => {
                let records = vec![opening.soa.clone(), record];
                Ok(State::Zone(opening, records))
            }
        }
    }
}

impl Opening {
    /// Whether a SOA record is the one that began the transfer. TTLs are compared as well.
    fn check_same(&self, record: &Record, serial: Serial) -> Result<(), TransferError> {
        if *record == self.soa && record.ttl() == self.soa.ttl() {
            return Ok(());
        }
        Err(TransferError::SoaDiffers {
            opening: self.serial,
            found: serial,
        })
    }

    /// Takes the SOA record behind the records to take out: of the version that a difference
    /// leads to.
    fn take_next(
        self,
        done: Vec<Difference>,
        removed: Half,
        record: Record,
        to: Serial,
    ) -> Result<State, TransferError> {
        let from = removed.serial;
        if !to.is_newer_than(from) {
            return Err(TransferError::Backwards { from, to });
        }
        if to.is_newer_than(self.serial) {
            let opening = self.serial;
            return Err(TransferError::Beyond { opening, to });
        }
        if to == self.serial {
            self.check_same(&record, to)?;
        }
        let added = Half {
            serial: to,
            records: vec![record],
        };
        Ok(State::Adding(self, done, removed, added))
    }

    /// Takes the SOA record behind a difference that ended at serial `ended`: of the next one, or
    /// of the end.
    fn take_from(
        self,
        done: Vec<Difference>,
        ended: Serial,
        record: Record,
        serial: Serial,
    ) -> Result<State, TransferError> {
        if serial != ended {
            let found = serial;
            return Err(TransferError::ChainBroken { ended, found });
        }
        if serial == self.serial {
            self.check_same(&record, serial)?;
            return Ok(State::Closed(Received::Differences(done)));
        }
        let records = vec![record];
        Ok(State::Removing(self, done, Half { serial, records }))
    }
}

fn difference(mut removed: Half, mut added: Half) -> Difference {
    sort_canonically(&mut removed.records);
    sort_canonically(&mut added.records);
    Difference {
        from: removed.serial,
        to: added.serial,
        removed: removed.records,
        added: added.records,
    }
}
