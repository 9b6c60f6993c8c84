//! The client's side: signs a request and checks the messages that answer it.

use super::complaint;
use super::finished::Finished;
use super::found::{Found, Misformed};
use super::time48;
use crate::key::Key;
use crate::limits::FUDGE_SECONDS;
use domain::base::iana::TsigRcode;
use domain::base::{Message, ToName};
use domain::tsig::{ClientSequence, ClientTransaction, ValidationError};
use imrs_wire::Rcode;
use imrs_zone::record::UnixTime;

/// A signed request that gets one message in answer, such as a SOA query or NOTIFY.
#[derive(Clone, Debug)]
pub struct Transaction {
    key: Key,
    request_mac: Vec<u8>,
    inner: ClientTransaction<Key>,
}

/// A signed request that gets a sequence of messages in answer: a transfer.
#[derive(Clone, Debug)]
pub struct Sequence {
    key: Key,
    request_mac: Vec<u8>,
    inner: ClientSequence<Key>,
    /// Whether a signed message came.
    begun: bool,
    /// Messages since the last signed one.
    unsigned: usize,
}

/// Why a message is not known to come from who has the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// It has no signature.
    #[error("the response is not signed (RCODE {})", .rcode.0)]
    Unsigned {
        /// Its RCODE: servers that do not know the key may say no more.
        rcode: Rcode,
    },
    /// Its signature is not one.
    #[error(transparent)]
    Misformed(#[from] Misformed),
    /// The server has an objection to our signature.
    #[error("the server says: {0}")]
    Complaint(Complaint),
    /// It is signed by another key or algorithm.
    #[error("the response is signed by {name} with {algorithm}, not by {expected}")]
    OtherKey {
        /// The name of the key.
        name: String,
        /// The name of the algorithm.
        algorithm: String,
        /// The key that signed the request, and its algorithm.
        expected: String,
    },
    /// The MAC is wrong.
    #[error("the MAC of the response is not that of key {name}")]
    BadSignature {
        /// The name of the key.
        name: String,
    },
    /// It was signed too long ago or too far ahead.
    #[error("the response was signed at {signed}, which is more than {fudge} s from {now}")]
    BadTime {
        /// When it was signed, by the clock of the server.
        signed: UnixTime,
        /// By how many seconds the clocks may differ.
        fudge: u16,
        /// The time here.
        now: UnixTime,
    },
    /// The MAC is good, but not whole.
    #[error("the MAC of the response is truncated to {octets} octets")]
    Truncated {
        /// Its length.
        octets: usize,
    },
    /// Too many messages of a sequence came without signature (RFC 8945 section 5.3.1).
    #[error("more than 99 messages since the last signed one")]
    TooManyUnsigned,
    /// The last message of a sequence is not signed (RFC 8945 section 5.3.1).
    #[error("the last message is not signed")]
    EndsUnsigned,
}

/// What a server objects to (RFC 8945 section 5.2). BADKEY and BADSIG come without a MAC, and from
/// NSD (4.6) so does BADTIME: anybody may have said them. Where there is a MAC, it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Complaint {
    /// BADKEY.
    #[error("it does not know this key with this algorithm (BADKEY)")]
    BadKey,
    /// BADSIG.
    #[error("the MAC is not that of the key: the secrets differ (BADSIG)")]
    BadSignature,
    /// BADTIME.
    #[error("its clock is at {server}, too far from ours (BADTIME)")]
    BadTime {
        /// The time there.
        server: UnixTime,
    },
    /// BADTRUNC.
    #[error("the MAC is too short (BADTRUNC)")]
    Truncated,
    /// Another error.
    #[error("TSIG error {0}")]
    Other(u16),
}

/// Signs a request that gets one message in answer.
///
/// The message has a header and few additional records.
pub fn sign_request(key: &Key, message: &mut Vec<u8>, now: UnixTime) -> Transaction {
    let builder = &mut Finished::builder(message);
    let inner =
        ClientTransaction::request_with_fudge(key.clone(), builder, time48(now), FUDGE_SECONDS)
            .expect("a request has few additional records, and a vector has room");
    Transaction {
        key: key.clone(),
        request_mac: mac_of(message),
        inner,
    }
}

/// The MAC of a message that was just signed.
fn mac_of(message: &[u8]) -> Vec<u8> {
    let found = Found::find(message).ok().flatten();
    found.map(|found| found.mac).unwrap_or_default()
}

impl Transaction {
    /// Checks the signature of the answer, whose ID is that of the request, and takes it off.
    pub fn verify(&self, answer: &mut Vec<u8>, now: UnixTime) -> Result<(), Unauthentic> {
        let found = find(answer)?;
        let Some(found) = found else {
            return Err(unsigned(answer));
        };
        check_complaint(&self.key, &self.request_mac, answer, &found)?;
        check_key(&self.key, &found)?;
        let verified = with_message(answer, |message| self.inner.answer(message, time48(now)));
        conclude(&self.key, answer, &found, verified, now)
    }
}

impl Sequence {
    /// Signs a request that gets a sequence of messages in answer.
    pub fn sign_request(key: &Key, message: &mut Vec<u8>, now: UnixTime) -> Self {
        let builder = &mut Finished::builder(message);
        let inner =
            ClientSequence::request_with_fudge(key.clone(), builder, time48(now), FUDGE_SECONDS)
                .expect("a request has few additional records, and a vector has room");
        Sequence {
            key: key.clone(),
            request_mac: mac_of(message),
            inner,
            begun: false,
            unsigned: 0,
        }
    }

    /// Checks the signature of the next message, whose ID is that of the request, and takes it
    /// off. Between signed messages up to 99 may be unsigned, but for the first and the last.
    pub fn verify(&mut self, message: &mut Vec<u8>, now: UnixTime) -> Result<(), Unauthentic> {
        let found = match find(message)? {
            Some(found) => found,
            None if self.begun => {
                self.unsigned += 1;
                let counted =
                    with_message(message, |message| self.inner.answer(message, time48(now)));
                return counted.map_err(|_| Unauthentic::TooManyUnsigned);
            }
            None => return Err(unsigned(message)),
        };
        if !self.begun {
            check_complaint(&self.key, &self.request_mac, message, &found)?;
        }
        check_key(&self.key, &found)?;
        let verified = with_message(message, |message| self.inner.answer(message, time48(now)));
        conclude(&self.key, message, &found, verified, now)?;
        self.begun = true;
        self.unsigned = 0;
        Ok(())
    }

    /// Whether the sequence may end here: its last message was signed.
    pub fn verify_end(&self) -> Result<(), Unauthentic> {
        match self.unsigned {
            0 => Ok(()),
            _ => Err(Unauthentic::EndsUnsigned),
        }
    }
}

fn find(message: &[u8]) -> Result<Option<Found>, Unauthentic> {
    Ok(Found::find(message)?)
}

fn unsigned(message: &[u8]) -> Unauthentic {
    let flags = crate::message::flags(message).map_or(0, |flags| flags.0);
    Unauthentic::Unsigned {
        rcode: Rcode(flags & 0xf),
    }
}

/// Whether the server objects to our signature. Its objection should be signed itself where the
/// MAC of the request was good. No decision hangs on what it is: the answer is none.
fn check_complaint(
    key: &Key,
    request_mac: &[u8],
    message: &[u8],
    found: &Found,
) -> Result<(), Unauthentic> {
    let complaint = match found.error {
        TsigRcode::NOERROR => return Ok(()),
        TsigRcode::BADKEY => Complaint::BadKey,
        TsigRcode::BADSIG => Complaint::BadSignature,
        TsigRcode::BADTRUNC => Complaint::Truncated,
        TsigRcode::BADTIME => match found.other_time() {
            Some(time) => Complaint::BadTime {
                server: UnixTime(time),
            },
            None => return Err(Misformed::Other.into()),
        },
        other => Complaint::Other(other.to_int()),
    };
    if !found.mac.is_empty() {
        check_key(key, found)?;
        if !complaint::verify(request_mac, message, found, key) {
            return Err(bad_signature(key));
        }
    }
    Err(Unauthentic::Complaint(complaint))
}

/// Whether the message is signed by the key of the request, with a MAC of a possible length.
fn check_key(key: &Key, found: &Found) -> Result<(), Unauthentic> {
    let inner: &domain::tsig::Key = key.as_ref();
    if found.name != *inner.name() || !found.algorithm.name_eq(&inner.algorithm().to_name()) {
        return Err(Unauthentic::OtherKey {
            name: found.name.to_string(),
            algorithm: found.algorithm.to_string(),
            expected: format!("{} with {}", key.name(), key.algorithm()),
        });
    }
    Ok(found.check_mac_len(key)?)
}

/// Lends octets to `domain` as a message. Where the signature is good, it counts the record out.
fn with_message<T>(
    octets: &mut Vec<u8>,
    verify: impl FnOnce(&mut Message<Vec<u8>>) -> Result<T, ValidationError>,
) -> Result<T, ValidationError> {
    let mut message =
        Message::from_octets(std::mem::take(octets)).map_err(|_| ValidationError::FormErr)?;
    let id = message.header().id();
    let verified = verify(&mut message);
    message.header_mut().set_id(id);
    *octets = message.into_octets();
    verified
}

/// What `domain` found, in our words, and the record taken off.
fn conclude(
    key: &Key,
    message: &mut Vec<u8>,
    found: &Found,
    verified: Result<(), ValidationError>,
    now: UnixTime,
) -> Result<(), Unauthentic> {
    match verified {
        Ok(()) => {}
        Err(ValidationError::BadTime) => {
            return Err(Unauthentic::BadTime {
                signed: UnixTime(found.time_signed.into()),
                fudge: found.fudge,
                now,
            });
        }
        // Its form and key are good, so whatever `domain` calls it, the MAC is not.
        Err(_) => return Err(bad_signature(key)),
    }
    let octets = found.mac.len();
    if octets < key.algorithm().octets() {
        return Err(Unauthentic::Truncated { octets });
    }
    message.truncate(found.start);
    Ok(())
}

fn bad_signature(key: &Key) -> Unauthentic {
    Unauthentic::BadSignature {
        name: key.name().to_string(),
    }
}
