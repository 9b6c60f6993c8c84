//! The server's side: checks a request and signs the messages that respond to it.

use super::complaint;
use super::finished::Finished;
use super::found::{Found, Misformed};
use super::{Keys, time48};
use crate::key::Key;
use crate::limits::FUDGE_SECONDS;
use domain::base::Message;
use domain::base::iana::TsigRcode;
use domain::tsig::{Algorithm, KeyStore, ServerSequence};
use imrs_wire::Rcode;
use imrs_zone::record::UnixTime;

/// What the TSIG record of a request comes to.
#[derive(Debug)]
pub enum Checked {
    /// There is none. So it is for messages that cannot be read, which cannot be obeyed either.
    Unsigned,
    /// It is good.
    Signed(Signature),
    /// It is not.
    Refused(Refusal),
}

/// A request whose signature is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong with it.
    pub error: TsigError,
    /// The response, complete; empty if there may be none.
    pub response: Vec<u8>,
}

/// Why the signature of a request is not good (RFC 8945 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TsigError {
    /// FORMERR.
    #[error(transparent)]
    Misformed(#[from] Misformed),
    /// BADKEY: no such key, or not with this algorithm.
    #[error("there is no key {name} for {algorithm}")]
    UnknownKey {
        /// The name of the key.
        name: String,
        /// The name of the algorithm.
        algorithm: String,
    },
    /// BADSIG.
    #[error("the MAC is not that of key {name}")]
    BadSignature {
        /// The name of the key.
        name: String,
    },
    /// BADTIME.
    #[error("signed at {signed}, which is more than {fudge} s from {now}")]
    BadTime {
        /// When it was signed, by the clock of the client.
        signed: UnixTime,
        /// By how many seconds the clocks may differ.
        fudge: u16,
        /// The time here.
        now: UnixTime,
    },
    /// BADTRUNC: good, but of fewer octets than is demanded here.
    #[error("the MAC is truncated to {octets} octets")]
    Truncated {
        /// Its length.
        octets: usize,
    },
}

/// The good signature of a request, by which the responses are signed.
#[derive(Clone, Debug)]
pub struct Signature {
    key: Key,
    sequence: Box<ServerSequence<Key>>,
}

/// Checks the signature of a request and takes its TSIG record off, if it is good.
///
/// The order is that of RFC 8945 section 5.2: form, key, MAC, time, truncation.
pub fn check(keys: &Keys, message: &mut Vec<u8>, now: UnixTime) -> Checked {
    let found = match Found::find(message) {
        Ok(Some(found)) => found,
        Ok(None) | Err(Misformed::Unreadable) => return Checked::Unsigned,
        Err(misformed) => return formerr(message, misformed),
    };
    let key = Algorithm::from_name(&found.algorithm)
        .and_then(|algorithm| keys.get_key(&found.name, algorithm));
    let Some(key) = key else {
        let error = TsigError::UnknownKey {
            name: found.name.to_string(),
            algorithm: found.algorithm.to_string(),
        };
        return refuse(message, &found, error, None);
    };
    if let Err(misformed) = found.check_mac_len(&key) {
        return formerr(message, misformed);
    }
    let sequence = match verify(&key, message, &found, now) {
        Ok(sequence) => sequence,
        Err(error) => {
            // Only what had a good MAC gets a MAC (section 5.3.2).
            let signer = matches!(error, TsigError::BadTime { .. }).then_some(&key);
            return refuse(message, &found, error, signer);
        }
    };
    let octets = found.mac.len();
    if octets < key.algorithm().octets() {
        return refuse(message, &found, TsigError::Truncated { octets }, Some(&key));
    }
    found.strip(message);
    Checked::Signed(Signature {
        key,
        sequence: Box::new(sequence),
    })
}

/// Lets `domain` verify MAC and time. The message stays as it is.
fn verify(
    key: &Key,
    message: &[u8],
    found: &Found,
    now: UnixTime,
) -> Result<ServerSequence<Key>, TsigError> {
    let mut octets = message.to_vec();
    found.lower_algorithm(&mut octets);
    let mut copy = Message::from_octets(octets).map_err(|_| Misformed::Unreadable)?;
    match ServerSequence::request(key, &mut copy, time48(now)) {
        Ok(Some(sequence)) => Ok(sequence),
        Ok(None) => Err(Misformed::Data.into()),
        Err(error) if error.error() == TsigRcode::BADTIME => Err(TsigError::BadTime {
            signed: UnixTime(found.time_signed.into()),
            fudge: found.fudge,
            now,
        }),
        // Its form and key are good, so whatever `domain` calls it, the MAC is not.
        Err(_) => Err(TsigError::BadSignature {
            name: found.name.to_string(),
        }),
    }
}

fn formerr(message: &[u8], misformed: Misformed) -> Checked {
    Checked::Refused(Refusal {
        error: misformed.into(),
        response: complaint::plain(message, Rcode::FORMERR),
    })
}

fn refuse(message: &[u8], found: &Found, error: TsigError, signer: Option<&Key>) -> Checked {
    let (rcode, other) = match &error {
        TsigError::Misformed(misformed) => return formerr(message, *misformed),
        TsigError::UnknownKey { .. } => (TsigRcode::BADKEY, None),
        TsigError::BadSignature { .. } => (TsigRcode::BADSIG, None),
        TsigError::BadTime { now, .. } => (TsigRcode::BADTIME, Some(time48(*now).into_octets())),
        TsigError::Truncated { .. } => (TsigRcode::BADTRUNC, None),
    };
    let other = other.as_ref().map_or(&[][..], |time| &time[..]);
    let response = complaint::respond(message, found, rcode, other, signer);
    Checked::Refused(Refusal { error, response })
}

impl Signature {
    /// The key of the request, and of all that is signed here.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Octets that signing adds to a message.
    pub fn octets(&self) -> usize {
        let key: &domain::tsig::Key = self.key.as_ref();
        key.compose_len().into()
    }

    /// Appends a signature to a finished response. Of a transfer, every message is signed, in the
    /// order of sending (RFC 8945 section 5.3.1).
    ///
    /// The message has a header, and [`Self::octets`] fewer than the most that it may have.
    pub fn sign(&mut self, message: &mut Vec<u8>, now: UnixTime) {
        self.sequence
            .answer_with_fudge(&mut Finished::builder(message), time48(now), FUDGE_SECONDS)
            .expect("a response has few additional records, and a vector has room");
    }
}
