//! A secondary that takes the root by AXFR and reads it to its closing SOA record (RFC 5936).

use super::message::axfr_query;
use anyhow::{Context, Result, ensure};
use domain::base::Message;
use domain::base::iana::Rtype;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection that has not asked yet.
pub(super) struct Client {
    stream: TcpStream,
}

/// A transfer that came whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// Records, with both SOA records.
    pub(super) records: usize,
    /// Octets, framing included.
    pub(super) octets: usize,
}

impl Client {
    /// Connects.
    pub(super) fn connect(server: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { stream })
    }

    /// Asks, and reads all that comes.
    pub(super) fn take(mut self) -> Result<Taken> {
        let query = axfr_query(1);
        let mut framed = u16::try_from(query.len())?.to_be_bytes().to_vec();
        framed.extend_from_slice(&query);
        self.stream.write_all(&framed)?;
        let (mut records, mut soas, mut octets) = (0, 0, 0);
        let mut message = Vec::new();
        while soas < 2 {
            let mut length = [0; 2];
            self.stream.read_exact(&mut length)?;
            message.resize(usize::from(u16::from_be_bytes(length)), 0);
            self.stream.read_exact(&mut message)?;
            octets += 2 + message.len();
            for rtype in types(&message)? {
                ensure!(soas < 2, "a record behind the closing SOA record");
                records += 1;
                soas += usize::from(rtype == Rtype::SOA);
            }
        }
        Ok(Taken { records, octets })
    }
}

/// The types of the records in the answer section. Data is not read: the clients stand for other
/// machines, and what they do is not to weigh on this one.
fn types(message: &[u8]) -> Result<Vec<Rtype>> {
    let message = Message::from_octets(message).context("no message")?;
    ensure!(message.no_error(), "{}", message.header().rcode());
    let answer = message.answer()?;
    let types = answer.map(|record| Ok(record?.rtype()));
    types.collect()
}

/// A server that has sent nothing for so long sends nothing more.
const PATIENCE: Duration = Duration::from_secs(30);
