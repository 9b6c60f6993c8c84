//! Where the TSIG record of a message is, if it is where it must be (RFC 8945 section 5.2).

use crate::key::Key;
use domain::base::iana::{Class, Rtype, TsigRcode};
use domain::base::name::ParsedName;
use domain::base::{Message, ParsedRecord, Question, ToName};
use domain::dep::octseq::Parser;
use domain::rdata::Tsig;
use domain::rdata::tsig::Time48;
use domain::tsig::KeyName;
use imrs_wire::limits::HEADER_LEN;

/// The TSIG record of a message.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The name of the key.
    pub(super) name: KeyName,
    /// The name of the algorithm, in lower case.
    pub(super) algorithm: KeyName,
    pub(super) time_signed: Time48,
    pub(super) fudge: u16,
    pub(super) mac: Vec<u8>,
    pub(super) original_id: u16,
    pub(super) error: TsigRcode,
    /// Empty, or a time.
    pub(super) other: Vec<u8>,
    /// Where the record begins.
    pub(super) start: usize,
    /// Where the name of the algorithm begins.
    algorithm_at: usize,
}

/// What is wrong with the form of a message that has a TSIG record. To a server all of it is
/// FORMERR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misformed {
    /// The message cannot be read to its end, so that it is not known whether it has one.
    #[error("the message cannot be read to its end")]
    Unreadable,
    /// The data of the record cannot be read.
    #[error("the data of the TSIG record cannot be read")]
    Data,
    /// It stands in another section, or other records follow it.
    #[error("the TSIG record is not the last of the additional section")]
    Position,
    /// Octets follow it.
    #[error("octets follow the TSIG record")]
    Trailing,
    /// Its class is not ANY or its TTL is not 0 (section 4.2).
    #[error("the TSIG record is not of class ANY and TTL 0")]
    Fixed,
    /// Its other data is neither empty nor a time (section 4.2).
    #[error("the other data of the TSIG record is no time")]
    Other,
    /// The MAC is longer than the algorithm makes it, or too short to be one (section 5.2.2.1).
    #[error("{octets} octets are no MAC of this algorithm")]
    MacLength {
        /// Its length.
        octets: usize,
    },
}

impl Found {
    /// Looks for the TSIG record of a message; `None` if there is none.
    pub(super) fn find(octets: &[u8]) -> Result<Option<Self>, Misformed> {
        let unreadable = |_| Misformed::Unreadable;
        let message = Message::from_slice(octets).map_err(|_| Misformed::Unreadable)?;
        let counts = message.header_counts();
        let mut parser = Parser::from_ref(octets);
        parser
            .advance(HEADER_LEN)
            .map_err(|_| Misformed::Unreadable)?;
        for _ in 0..counts.qdcount() {
            Question::<ParsedName<&[u8]>>::parse(&mut parser).map_err(unreadable)?;
        }
        for _ in 0..u32::from(counts.ancount()) + u32::from(counts.nscount()) {
            let record = ParsedRecord::parse(&mut parser).map_err(unreadable)?;
            if record.rtype() == Rtype::TSIG {
                return Err(Misformed::Position);
            }
        }
        for left in (0..counts.arcount()).rev() {
            let start = parser.pos();
            let record = ParsedRecord::parse(&mut parser).map_err(unreadable)?;
            if record.rtype() != Rtype::TSIG {
                continue;
            }
            if left > 0 {
                return Err(Misformed::Position);
            }
            if parser.remaining() > 0 {
                return Err(Misformed::Trailing);
            }
            return Found::read(octets, start, &record).map(Some);
        }
        Ok(None)
    }

    fn read(
        octets: &[u8],
        start: usize,
        record: &ParsedRecord<'_, [u8]>,
    ) -> Result<Self, Misformed> {
        if record.class() != Class::ANY || record.ttl().as_secs() != 0 {
            return Err(Misformed::Fixed);
        }
        let parsed = record.to_record::<Tsig<_, ParsedName<_>>>();
        let Ok(Some(parsed)) = parsed else {
            return Err(Misformed::Data);
        };
        let tsig = parsed.data();
        if !matches!(tsig.other().len(), 0 | 6) {
            return Err(Misformed::Other);
        }
        let algorithm_at = octets.len() - usize::from(record.rdlen());
        let name = record.owner().try_to_name();
        let algorithm = tsig.algorithm().try_to_canonical_name();
        let (Ok(name), Ok(algorithm)): (Result<KeyName, _>, Result<KeyName, _>) = (name, algorithm)
        else {
            return Err(Misformed::Data);
        };
        // Type-specific names are not compressed (RFC 3597 section 4).
        let here = octets.get(algorithm_at..algorithm_at + algorithm.as_slice().len());
        if !here.is_some_and(|here| here.eq_ignore_ascii_case(algorithm.as_slice())) {
            return Err(Misformed::Data);
        }
        Ok(Found {
            name,
            algorithm,
            time_signed: tsig.time_signed(),
            fudge: tsig.fudge(),
            mac: tsig.mac().to_vec(),
            original_id: tsig.original_id(),
            error: tsig.error(),
            other: tsig.other().to_vec(),
            start,
            algorithm_at,
        })
    }

    /// The other data as a time, if it is one.
    pub(super) fn other_time(&self) -> Option<u64> {
        let time = self.other.first_chunk::<6>()?;
        Some(
            time.iter()
                .fold(0, |sum, &octet| sum << 8 | u64::from(octet)),
        )
    }

    /// Whether the MAC could be one of `key`, whole or truncated (section 5.2.2.1).
    pub(super) fn check_mac_len(&self, key: &Key) -> Result<(), Misformed> {
        let octets = self.mac.len();
        let algorithm = key.algorithm();
        match (algorithm.mac_octets_min()..=algorithm.octets()).contains(&octets) {
            true => Ok(()),
            false => Err(Misformed::MacLength { octets }),
        }
    }

    /// Takes the record off the message that it was found in.
    pub(super) fn strip(&self, message: &mut Vec<u8>) {
        message.truncate(self.start);
        if let Some(count) = message.get_mut(10..HEADER_LEN) {
            let additional = u16::from_be_bytes([count[0], count[1]]).saturating_sub(1);
            count.copy_from_slice(&additional.to_be_bytes());
        }
    }

    /// Writes the name of the algorithm into the message in lower case, the only one that
    /// `domain` knows. The record is not under its own MAC.
    pub(super) fn lower_algorithm(&self, message: &mut [u8]) {
        let end = self.algorithm_at + self.algorithm.as_slice().len();
        if let Some(name) = message.get_mut(self.algorithm_at..end) {
            name.copy_from_slice(self.algorithm.as_slice());
        }
    }
}
