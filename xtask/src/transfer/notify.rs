//! A NOTIFY by hand (RFC 1996), with any serial and any secret.

use super::Secret;
use super::fetch::now;
use anyhow::Result;
use domain::base::iana::{Class, Opcode, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype, Serial, Ttl};
use domain::rdata::Soa;
use domain::tsig;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Tells `server` that the root has `serial`; gives what it answers, none if nothing.
pub(crate) fn send(
    server: SocketAddr,
    serial: u32,
    secret: Option<&Secret>,
) -> Result<Option<Rcode>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(&message(serial, secret)?)?;
    let mut response = [0; 512];
    let Ok(length) = socket.recv(&mut response) else {
        return Ok(None);
    };
    let message = Message::from_octets(&response[..length])?;
    Ok(Some(message.header().rcode()))
}

fn message(serial: u32, secret: Option<&Secret>) -> Result<Vec<u8>> {
    let root = Name::root_vec();
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_opcode(Opcode::NOTIFY);
    message.header_mut().set_aa(true);
    let mut question = message.question();
    question.push((&root, Rtype::SOA))?;
    let mut answer = question.answer();
    let zero = Ttl::from_secs(0);
    let soa = Soa::new(&root, &root, Serial(serial), zero, zero, zero, zero);
    answer.push((&root, Class::IN, zero, soa))?;
    let mut additional = answer.additional();
    if let Some(secret) = secret {
        let _ = tsig::ClientTransaction::request(secret.key()?, &mut additional, now()?)?;
    }
    Ok(additional.finish())
}

/// For an answer on one machine.
const PATIENCE: Duration = Duration::from_secs(2);
