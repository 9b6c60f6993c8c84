//! The ways in which a primary lies.

use crate::origin::{Keys, Recipe, Version};
use crate::speech::{Heard, Pace, Script, whole};
use bytes::Bytes;
use domain::base::iana::{Class, Rtype};
use domain::base::{Serial as DomainSerial, Ttl};
use domain::rdata::{Soa, Txt, ZoneRecordData};
use imrs_transfer::message::Asks;
use imrs_wire::{Rcode, Serial};
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::record::{Record, UnixTime};
use std::sync::Arc;

/// What is wrong with what a primary says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It tells a serial that does not exist, and then says that there is nothing newer.
    Nothing,
    /// It answers every question with an error.
    Error,
    /// A transfer ends after so many messages.
    CutOff(usize),
    /// A transfer comes one octet a second.
    Trickle,
    /// A transfer never ends.
    Flood,
    /// Messages answer another question.
    OtherQuestion,
    /// Messages have another ID.
    OtherId,
    /// An octet of a message is another than was signed.
    Damaged(usize),
    /// Records follow the SOA record that ends the transfer.
    AfterClosing,
    /// The SOA record occurs in the middle.
    SoaInTheMiddle,
    /// A version is sent that is older than what was told.
    Backwards,
    /// Differences do not apply to what is held.
    Inapplicable,
    /// What is sent is no zone that was ever published.
    Forged(Forgery),
}

/// How a zone is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// A record is added to the newest version.
    Added,
    /// A record is missing.
    Removed,
    /// A signature is missing, and with it whatever it proved.
    Unsigned,
    /// The newest version has a later serial than it was signed with.
    Renumbered,
    /// All of it is signed, the digest too, by keys that nobody trusts.
    ForeignKeys,
    /// It is signed by the keys that are trusted, and the signatures are over.
    Expired,
}

impl Lie {
    /// All of them, some in several forms.
    pub const ALL: [Lie; 21] = [
        Lie::Nothing,
        Lie::Error,
        Lie::CutOff(0),
        Lie::CutOff(1),
        Lie::CutOff(7),
        Lie::Trickle,
        Lie::Flood,
        Lie::OtherQuestion,
        Lie::OtherId,
        Lie::Damaged(0),
        Lie::Damaged(9),
        Lie::AfterClosing,
        Lie::SoaInTheMiddle,
        Lie::Backwards,
        Lie::Inapplicable,
        Lie::Forged(Forgery::Added),
        Lie::Forged(Forgery::Removed),
        Lie::Forged(Forgery::Unsigned),
        Lie::Forged(Forgery::Renumbered),
        Lie::Forged(Forgery::ForeignKeys),
        Lie::Forged(Forgery::Expired),
    ];
}

/// What a liar knows: the versions that there are, the oldest first, and by how much the serial
/// that it tells is ahead of the newest.
pub(crate) struct Knowledge<'a> {
    pub(crate) versions: &'a [Arc<Version>],
    pub(crate) ahead: u32,
}

impl Knowledge<'_> {
    fn newest(&self) -> &Version {
        self.versions.last().expect("there is one from the start")
    }

    /// The serial that is told.
    fn told(&self) -> Serial {
        Serial(self.newest().serial().0.wrapping_add(self.ahead))
    }
}

/// Answers a request by a lie.
pub(crate) fn tell(lie: Lie, heard: &Heard, knowledge: &Knowledge<'_>, now: UnixTime) -> Script {
    let newest = knowledge.newest();
    let asks = heard.request().asks;
    let is_transfer = matches!(asks, Asks::Axfr { .. } | Asks::Ixfr { .. });
    if lie == Lie::Error {
        return heard.refuse(Rcode::SERVFAIL, now);
    }
    if !is_transfer {
        let soa = renumbered(&newest.soa, knowledge.told());
        return heard.give_records(&[soa], 1, now, |_, _| {});
    }
    let zone = whole(&newest.records);
    let honest = |_: usize, _: &mut Vec<u8>| {};
    match lie {
        Lie::Error => heard.refuse(Rcode::SERVFAIL, now),
        Lie::Nothing => {
            let held = match asks {
                Asks::Ixfr { held, .. } => held,
                _ => newest.serial(),
            };
            let soa = renumbered(&newest.soa, held);
            heard.give_records(&[soa], 1, now, honest)
        }
        Lie::CutOff(messages) => {
            let mut script = heard.give_records(&zone, PER_MESSAGE, now, honest);
            script.messages.truncate(messages);
            script
        }
        Lie::Trickle => Script {
            pace: Pace::Trickle,
            ..heard.give_records(&zone, PER_MESSAGE, now, honest)
        },
        Lie::Flood => heard.give_records(&flood(&zone), PER_MESSAGE, now, honest),
        Lie::OtherQuestion => heard.give_records(&zone, PER_MESSAGE, now, |number, message| {
            // The type, ahead of the class; the root's name is one octet.
            if number == 0 {
                message[QUESTION_TYPE] ^= 0x10;
            }
        }),
        Lie::OtherId => heard.give_records(&zone, PER_MESSAGE, now, |_, message| message[1] ^= 1),
        Lie::Damaged(number) => damaged(heard, &zone, number, now),
        Lie::AfterClosing => {
            let extra = zone[1].clone();
            let records = [zone, vec![extra]].concat();
            // In one message, or nobody would read it.
            heard.give_records(&records, records.len(), now, honest)
        }
        Lie::SoaInTheMiddle => {
            let mut records = zone;
            records.insert(records.len() / 2, newest.soa.clone());
            heard.give_records(&records, PER_MESSAGE, now, honest)
        }
        Lie::Backwards => {
            let older = &knowledge.versions[knowledge.versions.len().saturating_sub(2)];
            heard.give_records(&whole(&older.records), PER_MESSAGE, now, honest)
        }
        Lie::Inapplicable => inapplicable(heard, &asks, newest, now),
        Lie::Forged(forgery) => {
            let records = whole(&forge(forgery, knowledge));
            heard.give_records(&records, PER_MESSAGE, now, honest)
        }
    }
}

/// A transfer with one octet changed after a message was signed.
fn damaged(heard: &Heard, zone: &[Record], number: usize, now: UnixTime) -> Script {
    let mut script = heard.give_records(zone, PER_MESSAGE, now, |_, _| {});
    let last = script.messages.len() - 1;
    let message = &mut script.messages[number.min(last)];
    let middle = message.len() / 2;
    message[middle] ^= 1;
    script
}

/// Differences that take away what is not there.
fn inapplicable(heard: &Heard, asks: &Asks, newest: &Version, now: UnixTime) -> Script {
    let Asks::Ixfr { held, .. } = asks else {
        return heard.refuse(Rcode::SERVFAIL, now);
    };
    let before = renumbered(&newest.soa, *held);
    let difference = Difference {
        from: *held,
        to: newest.serial(),
        removed: vec![before, stranger()],
        added: vec![newest.soa.clone()],
    };
    let chain = [Arc::new(difference)];
    let closed =
        |zone: &Packed| heard.give_version(zone, &newest.soa, |_| Some(chain.to_vec()), now);
    closed(&newest.packed)
}

/// More records than a node takes.
fn flood(zone: &[Record]) -> Vec<Record> {
    let (_, body) = zone.split_at(1);
    let body = &body[..body.len() - 1];
    let times = crate::limits::TRANSFER_RECORDS_MAX / body.len() + 2;
    let mut records = vec![zone[0].clone()];
    for _ in 0..times {
        records.extend_from_slice(body);
    }
    records
}

/// The records of a forged zone.
fn forge(forgery: Forgery, knowledge: &Knowledge<'_>) -> Vec<Record> {
    let newest = knowledge.newest();
    let told = knowledge.told();
    let mut records = newest.records.clone();
    let is_signature = |record: &Record| record.rtype() == Rtype::RRSIG;
    match forgery {
        Forgery::Added => records.push(stranger()),
        Forgery::Removed => {
            let last = records
                .iter()
                .rposition(|record| record.rtype() == Rtype::NS);
            records.remove(last.expect("a root has delegations"));
        }
        Forgery::Unsigned => {
            let last = records.iter().rposition(is_signature);
            records.remove(last.expect("the zone is signed"));
        }
        Forgery::Renumbered => {
            for record in &mut records {
                if record.rtype() == Rtype::SOA {
                    *record = renumbered(record, told);
                }
            }
        }
        Forgery::ForeignKeys | Forgery::Expired => {
            let mut recipe = Recipe {
                serial: told,
                ..newest.recipe
            };
            match forgery {
                Forgery::Expired => recipe.made_at -= 2 * recipe.lifetime.as_secs(),
                _ => recipe.keys = Keys::Foreign,
            }
            records.clone_from(&recipe.make().records);
        }
    }
    records
}

/// The same SOA record with another serial.
pub(crate) fn renumbered(soa: &Record, serial: Serial) -> Record {
    let ZoneRecordData::Soa(data) = soa.data() else {
        return soa.clone();
    };
    let data = Soa::new(
        data.mname().clone(),
        data.rname().clone(),
        DomainSerial(serial.0),
        data.refresh(),
        data.retry(),
        data.expire(),
        data.minimum(),
    );
    Record::new(soa.owner().clone(), soa.class(), soa.ttl(), data.into())
}

/// A record that no version has.
fn stranger() -> Record {
    let text = Txt::<Bytes>::build_from_slice(b"never published").expect("the text is short");
    let owner = "liar.".parse().expect("this is a name");
    Record::new(owner, Class::IN, Ttl::HOUR, text.into())
}

/// Records in a message of a liar: few, so that there are many boundaries.
const PER_MESSAGE: usize = 20;

/// Where the low octet of the question's type stands in a message about the root.
const QUESTION_TYPE: usize = 12 + 1 + 1;
